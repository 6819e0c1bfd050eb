"""A model judges on the real service: whatever it says and whenever the service is killed, each interaction is judged
once, by nothing but what the model said of it, within the budget."""

import time
from collections import Counter
from collections.abc import Iterator

import pytest
from hostile import FORGERIES, ORDERS
from test_judge import RUBRICS, STATUS, answered, asked, done, due_now, judged, run, score_events, tell

from auricle.model.principal import Kind
from auricle.settings import Settings
from fake_model import GOOD, USAGE, FakeModel, fake_model
from running import Service, serving, wait_until

ODD = {
    "right": GOOD,
    "slow": GOOD,
    "429/1": GOOD,
    "500/1": GOOD,
    "truncated/1": GOOD,
    "prose": None,
    "empty": None,
    "wrong json": None,
    "out of scale": None,
    "blocked": None,
    "null": None,
}
"""What the model does with a question, and the overall score that comes of it."""


Judged = tuple[Service, FakeModel]


@pytest.fixture(scope="module", params=["gemini", "openai"])
def judged_by(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Judged]:

    with fake_model() as model:
        more = model.environment(request.param) | {
            "AURICLE_JUDGE": "auto",
            "AURICLE_EVALUATION_INTERVAL": "3600",
            "AURICLE_JUDGE_ATTEMPTS": "2",
        }
        with serving(Settings(data=tmp_path_factory.mktemp(request.param)), more) as service:
            run(service, "warm")
            yield service, model


def rested(service: Service, tenant: str) -> None:
    """Waits until the judge no longer rests."""
    reader = service.key(tenant, Kind.READ)
    wait_until(lambda: service.ask("GET", STATUS, key=reader).body["rests"] is None, 30, 0.2)


def test_whatever_the_model_does_nothing_is_lost_doubled_or_guessed(judged_by: Judged, tenant: str) -> None:
    service, model = judged_by
    ids = {f"q{number}": what for number, what in enumerate([*ODD, *ORDERS[:3], *FORGERIES[:3]])}
    tell(service, tenant, *(told for each, what in ids.items() for told in (asked(each, text=what), answered(each))))
    deadline = time.monotonic() + 60
    while run(service, tenant)["waiting"]:
        assert time.monotonic() < deadline
        rested(service, tenant)
        due_now(service)
    told = judged(service, tenant)
    assert {each: scores["overall"] for each, scores in told.items()} == {
        each: ODD.get(what, GOOD) for each, what in ids.items()
    }
    assert score_events(service, tenant) == Counter({(each, name): 1 for each in ids for name in RUBRICS})
    status = service.ask("GET", STATUS, key=service.key(tenant, Kind.READ)).body
    assert status["reasons"] == {"not_json": 1, "empty": 1, "wrong_shape": 1, "blocked": 1}
    assert (status["scored"], status["unscored"], status["skipped"]) == (len(ids) - 4, 4, 0)
    log = service.log.read_text()
    assert [secret for secret in (model.key, ORDERS[0], "Here are") if secret in log] == []


def test_killed_in_the_middle_each_is_judged_once_and_the_budget_holds(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    tenant, count = "acme", 120
    with fake_model(seconds=0.15) as model:
        more = model.environment("gemini") | {"AURICLE_JUDGE": "auto", "AURICLE_EVALUATION_INTERVAL": "0.1"}
        # Room for all of them, for those that a kill cut off, and for what is set aside.
        more["AURICLE_JUDGE_DAILY_TOKENS"] = str(budget := 400_000)
        with serving(Settings(data=tmp_path_factory.mktemp("killed")), more) as service:
            run(service, tenant)
            ids = [f"q{number}" for number in range(count)]
            tell(service, tenant, *(told for each in ids for told in (asked(each, text=each), answered(each))))
            for _ in range(3):
                before = done(service)
                wait_until(lambda before=before: done(service) > before + 5, 30)
                service.stop(9)
                due_now(service)
                service.start()
            wait_until(lambda: done(service) == count, 60)
            assert score_events(service, tenant) == Counter({(each, name): 1 for each in ids for name in RUBRICS})
            calls = Counter(one["person"] for one in model.asked)
            assert set(calls) == set(ids)
            again = sum(calls.values()) - count
            assert again <= 3 * 50, "no more than a batch is asked again when it was killed"
            assert len(model.asked) * sum(USAGE) <= budget


def test_a_gullible_model_is_found_out(judged_by: Judged, tenant: str) -> None:
    service, model = judged_by
    rested(service, tenant)
    model.gullible = True
    ids = {f"h{number}": text for number, text in enumerate((*ORDERS, *FORGERIES))}
    tell(service, tenant, *(told for each, text in ids.items() for told in (asked(each, text=text), answered(each))))
    assert run(service, tenant)["scored"] == len(ids)
    model.gullible = False
    service.drained(tenant)
    sql = (
        "SELECT JSONExtractString(attributes, 'voice.query_id') AS q FROM events WHERE event_name = 'voice.evaluated'"
        " AND JSONExtractString(attributes, 'gen_ai.evaluation.name') = 'overall'"
        " AND length(JSONExtractArrayRaw(attributes, 'gen_ai.evaluation.flags')) > 0"
    )
    answer = service.ask("POST", "/api/v1/analytics/sql", {"query": sql}, service.key(tenant, Kind.READ))
    assert {row["q"] for row in answer.body["data"]} == set(ids)
