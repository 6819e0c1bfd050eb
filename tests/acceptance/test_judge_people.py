"""History, rubrics and people on the real service."""

from collections.abc import Iterator
from typing import Any

import pytest
from test_judge import JUDGING, RUBRICS, answered, asked, judged, run, score_events, tell

from auricle.model.principal import Kind
from auricle.settings import Settings
from fake_model import GOOD, FakeModel, fake_model
from running import Service, serving

AT = "/api/v1/analytics/evaluations"


@pytest.fixture(scope="module")
def model() -> Iterator[FakeModel]:
    with fake_model() as listening:
        yield listening


@pytest.fixture(scope="module")
def peopled(tmp_path_factory: pytest.TempPathFactory, model: FakeModel) -> Iterator[Service]:
    more = JUDGING | model.environment("openai") | {"AURICLE_JUDGE": "openai"}
    with serving(Settings(data=tmp_path_factory.mktemp("people")), more) as service:
        run(service, "warm")
        yield service


def say(service: Service, tenant: str, path: str, body: Any = None, status: int = 200) -> Any:
    method = "GET" if body is None else "POST"
    answer = service.ask(method, f"{AT}/{path}", body, service.key(tenant, Kind.ADMIN))
    assert answer.status == status, answer
    return answer.body


def test_history_is_counted_first_and_judged_when_asked(peopled: Service, tenant: str) -> None:
    told = [f"q{number}" for number in range(6)]
    tell(
        peopled,
        tenant,
        *(each for one in told for each in (asked(one, site_id="a" if one < "q4" else "b"), answered(one))),
    )
    run(peopled, tenant)
    preview = say(peopled, tenant, "preview", {"period": "24h"})
    assert (preview["judge"], preview["interactions"]) == ("openai", 6)
    assert preview["input_tokens"] > 6 * 300
    dollars = (preview["input_tokens"] * 0.3 + preview["output_tokens"] * 2.5) / 1e6
    assert preview["cost_usd"] == pytest.approx(dollars)
    site = {"period": "24h", "site_id": "b"}
    assert say(peopled, tenant, "preview", site)["interactions"] == 2
    assert say(peopled, tenant, "backfill", {"period": "24h"})["queued"] == 0, "all are known"
    again = say(peopled, tenant, "backfill", {**site, "again": True})
    assert (again["queued"], again["next"]) == (2, None)
    assert run(peopled, tenant)["scored"] == 2
    counts = score_events(peopled, tenant)
    assert {one: counts[one, "overall"] for one in told} == {one: 1 if one < "q4" else 2 for one in told}
    say(peopled, tenant, "backfill", {"period": "x"}, 422)
    say(peopled, tenant, "backfill", {"period": "24h", "again": "yes"}, 422)


def test_a_tenants_own_rubric_is_asked_too(peopled: Service, model: FakeModel, tenant: str) -> None:
    polite = {"name": "polite", "question": "Was it polite?", "low": 0, "high": 10}
    assert say(peopled, tenant, "rubrics", polite)["version"] == 1
    assert say(peopled, tenant, "rubrics", {**polite, "question": "Was it very polite?"})["version"] == 2
    tell(peopled, tenant, asked("first"), answered("first"))
    run(peopled, tenant)
    assert judged(peopled, tenant)["first"]["polite"] == GOOD
    assert "Was it very polite?" in model.bodies[-1]["messages"][0]["content"]
    say(peopled, tenant, "rubrics", {**polite, "retired": True})
    assert [one["name"] for one in say(peopled, tenant, "rubrics")["rubrics"]] == sorted(RUBRICS, key=ORDER.index)
    tell(peopled, tenant, asked("second"), answered("second"))
    run(peopled, tenant)
    assert "polite" not in judged(peopled, tenant)["second"]
    for wrong in (
        {**polite, "name": "overall"},
        {**polite, "high": 0},
        {**polite, "question": " "},
        {**polite, "name": "A"},
    ):
        say(peopled, tenant, "rubrics", wrong, 422)


ORDER = ["answered", "relevant", "correct_action", "helpfulness", "overall"]


def test_people_judge_what_they_have_not_seen_and_agreement_is_told(peopled: Service, tenant: str) -> None:
    told = [f"q{number}" for number in range(4)]
    tell(peopled, tenant, *(each for one in told for each in (asked(one), answered(one))))
    run(peopled, tenant)
    peopled.drained(tenant)
    seen = []
    for scores in ({"overall": 4}, {"overall": 2, "helpfulness": 5}, None, {"overall": 4}):
        found = say(peopled, tenant, "next?who=anna")
        query_id = found["interaction"]["query_id"]
        seen.append(query_id)
        assert found["interaction"]["query_text"] == "where are the red shoes"
        assert "scores" not in found["interaction"]
        body = {"query_id": query_id, "who": "anna"}
        say(peopled, tenant, "scores", {**body, "scores": scores}) if scores else say(peopled, tenant, "skip", body)
    assert sorted(seen) == told
    assert say(peopled, tenant, "next?who=anna")["interaction"] is None
    assert say(peopled, tenant, "next?who=bert")["interaction"]["query_id"] in told
    last = judged(peopled, tenant)
    assert (last[seen[1]]["overall"], last[seen[1]]["helpfulness"], last[seen[2]]["overall"]) == (2, 5, GOOD)
    agreed = {one["rubric"]: one for one in say(peopled, tenant, "agreement", {"period": "24h"})["rubrics"]}
    assert agreed["overall"]["confusion"] == [
        {"judge": GOOD, "person": 2, "count": 1},
        {"judge": GOOD, "person": 4, "count": 2},
    ]
    assert agreed["overall"]["agreement"] == pytest.approx(2 / 3)
    assert agreed["helpfulness"]["interactions"] == 1
    assert say(peopled, tenant, "agreement", {"period": "24h", "judge": "rules"})["rubrics"] == []
    other = f"{tenant}x"
    assert say(peopled, other, "next?who=anna")["interaction"] is None
    body = {"query_id": "q0", "who": "anna", "scores": {"overall": 3}}
    say(peopled, other, "scores", body, 404)
    for wrong in ({**body, "who": "a@b.example"}, {**body, "scores": {"overall": 6}}, {**body, "scores": {"nice": 1}}):
        say(peopled, tenant, "scores", wrong, 422)
