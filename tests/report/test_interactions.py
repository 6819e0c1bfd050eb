"""The report `interactions`: by hand, and against an oracle of its own on random tellings."""

import random
import statistics
from collections import defaultdict
from typing import Any

import orjson
import pytest
from tests.report.conftest import Engine, at
from tests.report.test_oracle import check

from auricle.errors import Invalid
from auricle.model.query import Filter, Interactions, Op, Query, State, instant_of
from auricle.report.sql.table import INTERACTIONS
from auricle.report.time import written

SECOND = 1_000_000
HOUR = 3_600 * SECOND
DAY = 24 * HOUR
START = at("2025-09-01T08:00:00Z")
Event = dict[str, Any]


def asked(query_id: str, moment: int, text: str = "lamps", **more: Any) -> Event:
    attributes = {"voice.query_id": query_id, "voice.query_text": text, "voice.query_source": "voice"}
    return {"event_name": "voice.query", "occurred_at": moment, "source": "voice", "attributes": attributes, **more}


def told(query_id: str, moment: int, answer: str = "here", latency: float = 120, **more: Any) -> Event:
    attributes = {"voice.query_id": query_id, "voice.answer_text": answer, "voice.latency_ms": latency, **more}
    return {"event_name": "voice.outcome", "occurred_at": moment, "source": "voice", "attributes": attributes}


def scored(query_id: str, moment: int, value: float | None, name: str = "overall", label: str | None = None) -> Event:
    attributes = {"voice.query_id": query_id, "gen_ai.evaluation.name": name, "gen_ai.evaluation.score.value": value}
    attributes["gen_ai.evaluation.score.label"] = label
    return {"event_name": "voice.evaluated", "occurred_at": moment, "source": "server", "attributes": attributes}


def query_of(tenant: str, start: int, end: int, now: int, **ask: Any) -> Query:
    chosen = Interactions(ask.pop("states", ()), ask.pop("limit", 100), ask.pop("threshold", 3.0))
    times = {"start": instant_of(start), "end": instant_of(end), "now": instant_of(now)}
    return Query(report="interactions", tenant_id=tenant, ask=chosen, **times, **ask)


def test_one_of_each(engine: Engine) -> None:
    m = START
    events = [
        told("first", m - SECOND, latency=80.5, **{"voice.tools_used": ["find"], "gen_ai.usage.cost_usd": 0.25}),
        asked("first", m, user_id="ann"),
        asked("silent", m + 1),
        asked("late", m + 2),
        told("late", m + 2 + 61 * SECOND),
        asked("empty", m + 3),
        told("empty", m + 4, " "),
        asked("failed", m + 5),
        told("failed", m + 6, **{"voice.action_taken": 1, "voice.action_success": False}),
        asked("acted", m + 5),
        told("acted", m + 6, **{"voice.action_taken": True, "gen_ai.usage.total_tokens": 7}),
        asked("wrong", m + 7),
        told("wrong", m + 8, "", **{"error.flag": True, "error.message": "no network"}),
        asked("bad", m + 9),
        told("bad", m + 10),
        scored("bad", m + 11, 4),
        scored("bad", m + 12, 2, label="poor"),
        scored("bad", m + 12, 5, "helpfulness"),
        told("nobody", m + 13),
        asked("young", m + HOUR - SECOND),
        {**asked("trial", m), "source": "test"},
    ]
    answer = engine.answer(query_of(engine.tenant(events), m, m + HOUR, m + HOUR))
    reasons = {each["query_id"]: (each["state"], each["reason"]) for each in answer["interactions"]}
    assert reasons == {
        "young": ("pending", None),
        "bad": ("unanswered", "low_score"),
        "wrong": ("error", "error"),
        "acted": ("answered", None),
        "failed": ("unanswered", "action_failed"),
        "empty": ("unanswered", "empty_answer"),
        "late": ("unanswered", "late_outcome"),
        "silent": ("unanswered", "no_outcome"),
        "first": ("answered", None),
    }
    assert list(reasons)[:2] == ["young", "bad"]
    assert answer["counts"] == {"answered": 2, "unanswered": 5, "error": 1, "pending": 1}
    assert (answer["total"], answer["orphan_outcomes"], answer["meta"]["excluded"]) == (9, 1, {"test": 1})
    assert (answer["cost_usd"], answer["tokens"], answer["score"]) == (0.25, 7, 2.0)
    rows = {each["query_id"]: each for each in answer["interactions"]}
    assert rows["first"] == {
        "query_id": "first",
        "occurred_at": written(m),
        "state": "answered",
        "reason": None,
        "site_id": None,
        "session_id": None,
        "user_id": "ann",
        "source": "voice",
        "query_text": "lamps",
        "asr_confidence": None,
        "answer_text": "here",
        "latency_ms": 80.5,
        "tools": ["find"],
        "cost_usd": 0.25,
        "tokens": None,
        "action_taken": None,
        "action_success": None,
        "error_message": None,
        "score": None,
        "scores": [],
        "outcomes": 1,
    }
    assert rows["bad"]["scores"] == [
        {"name": "helpfulness", "value": 5, "label": None},
        {"name": "overall", "value": 2, "label": "poor"},
    ]
    assert (rows["wrong"]["error_message"], rows["silent"]["outcomes"], rows["young"]["answer_text"]) == (
        "no network",
        0,
        None,
    )
    only = engine.answer(query_of(engine.tenant(events), m, m + HOUR, m + HOUR, states=(State.ERROR,), limit=1))
    assert ([each["query_id"] for each in only["interactions"]], only["total"]) == (["wrong"], 9)


def test_nothing(engine: Engine) -> None:
    answer = engine.answer(query_of(engine.tenant([]), START, START + HOUR, START + HOUR))
    del answer["meta"]
    assert answer == {
        "total": 0,
        "counts": {"answered": 0, "unanswered": 0, "error": 0, "pending": 0},
        "reasons": [],
        "orphan_outcomes": 0,
        "latency_ms": {"p50": None, "p95": None},
        "cost_usd": None,
        "tokens": None,
        "score": None,
        "interactions": [],
    }


def test_another_tenants_outcome_is_no_answer(engine: Engine) -> None:
    engine.tenant([told("q", START + 1), scored("q", START + 2, 1)])
    answer = engine.answer(query_of(engine.tenant([asked("q", START)]), START, START + HOUR, START + HOUR))
    assert (answer["interactions"][0]["reason"], answer["orphan_outcomes"]) == ("no_outcome", 0)


@pytest.mark.parametrize(
    ("more", "pointer"),
    [({"limit": 0}, "/limit"), ({"limit": 1_001}, "/limit"), ({"breakdown": "site_id"}, "/breakdown")],
)
def test_what_cannot_be_asked(engine: Engine, more: dict[str, Any], pointer: str) -> None:
    with pytest.raises(Invalid) as refused:
        engine.answer(query_of("t", START, START + HOUR, START + HOUR, **more))
    assert refused.value.faults[0].pointer == pointer


def draw(chance: random.Random) -> list[Event]:
    events = []
    near = (0, 1, SECOND, 60 * SECOND, 60 * SECOND + 1, 5 * HOUR, DAY, DAY + 1, -1, -HOUR, -HOUR - 1)
    for number in range(chance.randint(1, 25)):
        name = f"q{number}"
        moment = START + chance.choice((-HOUR, -1, 0, 1, HOUR, 3 * HOUR)) + chance.randrange(3) * SECOND
        for _ in range(chance.choice((0, 1, 1, 1, 2))):
            source = chance.choice(("voice", "voice", "text", "test"))
            extra = {"site_id": chance.choice(("", "s")), "source": source}
            events.append(asked(name, moment + chance.choice((0, 0, 5)), chance.choice("abc"), **extra))
        for _ in range(chance.choice((0, 1, 1, 2))):
            more = {
                "error.flag": chance.choice((None, 0, False, True, 1)),
                "voice.action_taken": chance.choice((None, 0, 1, True)),
                "voice.action_success": chance.choice((None, 0, 1, False, True)),
                "gen_ai.usage.cost_usd": chance.choice((None, 0.5, 2)),
                "gen_ai.usage.total_tokens": chance.choice((None, 3)),
            }
            answer = chance.choice(("", "  ", "yes", "yes"))
            events.append(told(name, moment + chance.choice(near), answer, chance.choice((1, 250, 99.5)), **more))
        for _ in range(chance.choice((0, 0, 1, 2))):
            value = chance.choice((1, 3, 5, None))
            events.append(scored(name, moment + chance.randrange(3), value, chance.choice(("overall", "helpful"))))
    chance.shuffle(events)
    return events


def _first(events: list[Event], name: str) -> dict[str, Event]:
    found: dict[str, Event] = {}
    for event in sorted(events, key=lambda each: each["occurred_at"]):
        if event["event_name"] == name:
            found.setdefault(event["attributes"]["voice.query_id"], event)
    return found


def _reason(query: Event, outcome: Event | None, score: float | None, now: int) -> str | None:
    waited = query["occurred_at"]
    if outcome is None:
        return "pending" if now - waited < 60 * SECOND else "no_outcome"
    of = outcome["attributes"]
    if of["error.flag"]:
        return "error"
    if outcome["occurred_at"] - waited > 60 * SECOND:
        return "late_outcome"
    if not of["voice.answer_text"].strip():
        return "empty_answer"
    if of["voice.action_taken"] and of["voice.action_success"] in (0, False) and of["voice.action_success"] is not None:
        return "action_failed"
    return "low_score" if score is not None and score < 3 else None


def expected_of(events: list[Event], start: int, end: int, now: int, site: str | None) -> dict[str, Any]:
    queries = _first(events, "voice.query")
    outcomes = sorted((e for e in events if e["event_name"] == "voice.outcome"), key=lambda each: each["occurred_at"])
    scores: dict[str, dict[str, Any]] = defaultdict(dict)
    for event in sorted(events, key=lambda each: each["occurred_at"]):
        of = event["attributes"]
        if event["event_name"] == "voice.evaluated" and event["occurred_at"] >= start:
            scores[of["voice.query_id"]][of["gen_ai.evaluation.name"]] = of["gen_ai.evaluation.score.value"]

    def wanted(event: Event) -> bool:
        plain = start <= event["occurred_at"] < end and event["source"] != "test"
        return plain and (site is None or event.get("site_id") == site)

    found, latencies, costs, tokens, overall = [], [], [], [], []
    for name, query in queries.items():
        if not wanted(query):
            continue
        near = (each for each in outcomes if each["attributes"]["voice.query_id"] == name)
        outcome = next((each for each in near if -HOUR <= each["occurred_at"] - query["occurred_at"] <= DAY), None)
        score = scores[name].get("overall")
        found.append((name, query["occurred_at"], _reason(query, outcome, score, now)))
        if score is not None:
            overall.append(score)
        if outcome:
            latencies.append(outcome["attributes"]["voice.latency_ms"])
            costs.append(outcome["attributes"]["gen_ai.usage.cost_usd"])
            tokens.append(outcome["attributes"]["gen_ai.usage.total_tokens"])
    known = [cost for cost in costs if cost is not None]
    used = [count for count in tokens if count is not None]
    orphans = {each["attributes"]["voice.query_id"] for each in outcomes if wanted(each)}
    near = (
        each
        for each in events
        if each["event_name"] == "voice.query" and start - DAY <= each["occurred_at"] < end + HOUR
    )
    orphans -= {each["attributes"]["voice.query_id"] for each in near}
    order = ("no_outcome", "late_outcome", "error", "empty_answer", "action_failed", "low_score")
    reasons = [reason for _, _, reason in found]
    return {
        "total": len(found),
        "reasons": [{"reason": each, "count": reasons.count(each)} for each in order if each in reasons],
        "orphan_outcomes": len(orphans),
        "p50": statistics.median(latencies) if latencies else None,
        "cost_usd": sum(known) if known else None,
        "tokens": sum(used) if used else None,
        "score": sum(overall) / len(overall) if overall else None,
        "rows": [
            (name, reason if reason != "pending" else None)
            for name, _, reason in sorted(found, key=lambda f: (-f[1], f[0]))
        ],
    }


@pytest.mark.parametrize("seed", range(80))
def test_against_the_oracle(engine: Engine, seed: int) -> None:
    chance = random.Random(seed)
    events = draw(chance)
    # ties are broken by arrival, and the events arrive in the order of the list
    end = START + chance.choice((1, HOUR, 4 * HOUR))
    now = chance.choice((end, START + SECOND, START + DAY))
    site = chance.choice((None, None, "s"))
    filters = (Filter("site_id", Op.EQ, site),) if site else ()
    query = query_of(engine.tenant(events), START, end, now, filters=filters)
    answer = engine.answer(query)
    told_ = {
        "total": answer["total"],
        "reasons": answer["reasons"],
        "orphan_outcomes": answer["orphan_outcomes"],
        "p50": answer["latency_ms"]["p50"],
        "cost_usd": answer["cost_usd"],
        "tokens": answer["tokens"],
        "score": answer["score"],
        "rows": [(each["query_id"], each["reason"]) for each in answer["interactions"]],
        "meta": answer["meta"],
    }
    check(told_, expected_of(events, START, end, now, site), query)


COLUMNS = "query_id, state, reason, answer_text, latency_ms, cost_usd, tokens, action_taken, score, site_id, source"


@pytest.mark.parametrize("seed", range(100, 140))
def test_user_sql_tells_the_same_interactions(engine: Engine, seed: int) -> None:
    tenant = engine.tenant(draw(random.Random(seed)))
    query = query_of(tenant, START - 2 * DAY, START + 9 * DAY, START + 9 * DAY, limit=1_000, include_test=True)
    said = [
        (
            *(each["query_id"], each["state"], each["reason"] or "", each["answer_text"] or "", each["latency_ms"]),
            *(each["cost_usd"], each["tokens"], int(each["action_taken"] or 0), each["score"]),
            *(each["site_id"] or "", each["source"]),
        )
        for each in engine.answer(query)["interactions"]
    ]
    rows = engine.text(f"SELECT {COLUMNS} FROM {INTERACTIONS.sql(tenant)}")
    assert sorted(said) == sorted(tuple(orjson.loads(line)) for line in rows.splitlines())
