"""The judge on the real service: outcomes join, are judged once, and their scores are what reports show."""

import sqlite3
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from auricle.model.principal import Kind
from auricle.settings import Settings
from running import STATS, Service, ago, event, serving, wait_until

RUN, STATUS = "/api/v1/analytics/evaluations/run", "/api/v1/analytics/evaluations"
INTERACTIONS = "/api/v1/analytics/reports/interactions"
SQL = "/api/v1/analytics/sql"
RUBRICS = ["answered", "correct_action", "helpfulness", "overall", "relevant"]
JUDGING = {"AURICLE_JUDGE": "rules", "AURICLE_EVALUATION_INTERVAL": "3600"}
"""By itself it looks too seldom to be seen: tests say when."""


@pytest.fixture(scope="module")
def judging(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with serving(Settings(data=tmp_path_factory.mktemp("judging")), JUDGING) as service:
        run(service, "warm")
        yield service


def asked(query_id: str, seconds: float = 30, text: str = "where are the red shoes", **more: Any) -> dict[str, Any]:
    attributes = {"voice.query_id": query_id, "voice.query_text": text, "voice.query_source": "voice"}
    told = {"session_id": f"s-{query_id}", "site_id": "shop", "source": "voice", **more}
    return event(event_name="voice.query", occurred_at=ago(seconds=seconds), attributes=attributes, **told)


def answered(query_id: str, seconds: float = 29, text: str = "Red shoes are here.", **more: Any) -> dict[str, Any]:
    attributes = {"voice.query_id": query_id, "voice.answer_text": text, "voice.latency_ms": 900, **more}
    return event(event_name="voice.outcome", occurred_at=ago(seconds=seconds), source="server", attributes=attributes)


def tell(service: Service, tenant: str, *events: dict[str, Any]) -> None:
    for start in range(0, len(events), 500):
        assert service.send(tenant, list(events[start : start + 500])).status == 202
    service.drained(tenant)


def run(service: Service, tenant: str) -> dict[str, int]:
    answer = service.ask("POST", RUN, key=service.key(tenant, Kind.ADMIN))
    assert answer.status == 200, answer
    return dict(answer.body)


def judged(service: Service, tenant: str) -> dict[str, Any]:
    """Scores by query id and rubric, once they are visible."""
    service.drained(tenant)
    answer = service.ask("POST", INTERACTIONS, {"period": "24h", "limit": 1_000}, service.key(tenant, Kind.READ))
    return {
        one["query_id"]: {score["name"]: score["value"] for score in one["scores"]}
        for one in answer.body["interactions"]
    }


def score_events(service: Service, tenant: str) -> Counter[tuple[str, str]]:
    """How many score events there are of each query and rubric."""
    service.drained(tenant)
    sql = (
        "SELECT JSONExtractString(attributes, 'voice.query_id') AS q,"
        " JSONExtractString(attributes, 'gen_ai.evaluation.name') AS n, count() AS c"
        " FROM events WHERE event_name = 'voice.evaluated' GROUP BY q, n"
    )
    answer = service.ask("POST", SQL, {"query": sql}, service.key(tenant, Kind.READ))
    assert answer.status == 200, answer
    return Counter({(row["q"], row["n"]): int(row["c"]) for row in answer.body["data"]})


def test_an_outcome_is_judged_once_and_its_scores_are_shown(judging: Service, tenant: str) -> None:
    tell(judging, tenant, asked("good"), answered("good"), asked("bad"), answered("bad", text=""))
    assert run(judging, tenant) == {"scored": 2, "unscored": 0, "skipped": 0, "put_off": 0, "waiting": 0}
    good = {"answered": 5, "relevant": 5, "correct_action": None, "helpfulness": 5, "overall": 5}
    bad = {"answered": 1, "relevant": 1, "correct_action": None, "helpfulness": 1, "overall": 1}
    assert judged(judging, tenant) == {"good": good, "bad": bad}
    assert run(judging, tenant)["scored"] == 0
    tell(judging, tenant, answered("good", seconds=5))
    assert run(judging, tenant)["scored"] == 0, "a second outcome changes nothing"
    assert score_events(judging, tenant) == Counter({(q, n): 1 for q in ("good", "bad") for n in RUBRICS})


def test_the_context_of_a_session_counts(judging: Service, tenant: str) -> None:
    call = {"gen_ai.tool.name": "shop.find", "ai.tool.duration_ms": 10, "ai.tool.success": False}
    tell(
        judging,
        tenant,
        asked("first", 60, session_id="s"),
        answered("first", 58),
        asked("again", 40, session_id="s"),
        event(event_name="ai.tool_call_completed", occurred_at=ago(seconds=39), session_id="s", attributes=call),
        event(event_name="voice.barge_in", occurred_at=ago(seconds=38), session_id="s", attributes={}),
        answered("again", 37),
    )
    run(judging, tenant)
    told = judged(judging, tenant)
    assert (told["first"]["correct_action"], told["first"]["helpfulness"]) == (None, 5)
    # A failed tool call; an interruption, and the same question once more.
    assert (told["again"]["correct_action"], told["again"]["helpfulness"]) == (2, 2)


def test_what_has_no_question_waits_for_it_and_tests_are_left_alone(judging: Service, tenant: str) -> None:
    tell(judging, tenant, answered("early"), asked("trial", source="test"), answered("trial"))
    assert run(judging, tenant) == {"scored": 0, "unscored": 0, "skipped": 1, "put_off": 1, "waiting": 1}
    status = judging.ask("GET", STATUS, key=judging.key(tenant, Kind.READ)).body
    assert (status["judge"], status["waiting"], status["reasons"]) == ("rules", 1, {"test": 1})
    assert status["oldest_waiting"] is not None
    tell(judging, tenant, asked("early"))
    due_now(judging)
    assert run(judging, tenant)["scored"] == 1
    assert judged(judging, tenant)["early"]["overall"] == 5


def test_nothing_of_it_is_seen_by_another_tenant(judging: Service, tenant: str) -> None:
    tell(judging, tenant, asked("mine"), answered("mine"))
    other = f"{tenant}x"
    assert run(judging, other) == {"scored": 0, "unscored": 0, "skipped": 0, "put_off": 0, "waiting": 0}
    assert run(judging, tenant)["scored"] == 1
    assert judged(judging, other) == {}
    stats = judging.ask("GET", STATS, key=judging.key(tenant, Kind.READ)).body["evaluations"]
    assert (stats["scored"], stats["success_rate"]) == (1, 1.0)
    exposed = judging.ask("GET", "/metrics", key=judging.key(tenant, Kind.READ)).body.decode()
    assert 'auricle_evaluations{state="scored"} 1.0' in exposed


def test_an_opt_in_tenant_gets_its_scores_too(judging: Service, tenant: str) -> None:
    admin = judging.key(tenant, Kind.ADMIN)
    assert judging.ask("PATCH", "/api/v1/analytics/admin/options", {"consent": "opt-in"}, admin).status == 200
    yes = {"context": {"consent": {"analytics": True}}}
    tell(judging, tenant, asked("q", **yes), {**answered("q"), **yes})
    assert run(judging, tenant)["scored"] == 1
    assert judged(judging, tenant)["q"]["overall"] == 5


def due_now(service: Service) -> None:
    """Lets every lease and every pause of the queue be over."""
    with sqlite3.connect(service.settings.data / "control.db", timeout=30) as database:
        database.execute("UPDATE evaluations SET due_at = 0 WHERE state = 'waiting'")
    database.close()


def test_killed_in_the_middle_nothing_is_lost_and_nothing_doubled(tmp_path_factory: pytest.TempPathFactory) -> None:
    tenant, count = "acme", 1_500
    with serving(Settings(data=tmp_path_factory.mktemp("killed")), JUDGING) as service:
        run(service, tenant)
        ids = [f"q{number}" for number in range(count)]
        tell(service, tenant, *(told for each in ids for told in (asked(each), answered(each))))
        service.stop(9)
        service.environment["AURICLE_EVALUATION_INTERVAL"] = "0.05"
        for _ in range(4):
            service.start()
            before = done(service)
            wait_until(lambda before=before: done(service) > before or done(service) == count, 30)
            service.stop(9)
            due_now(service)
        service.start()
        wait_until(lambda: done(service) == count, 60)
        assert score_events(service, tenant) == Counter({(q, n): 1 for q in ids for n in RUBRICS})


def done(service: Service) -> int:
    """How many interactions have left the queue."""
    with sqlite3.connect(service.settings.data / "control.db", timeout=30) as database:
        (count,) = database.execute("SELECT count(*) FROM evaluations WHERE state = 'scored'").fetchone()
    database.close()
    return int(count)
