"""Conditions on sessions, and a tenant's own metrics: by hand, and against an oracle of their own on random worlds."""

import random
import statistics
from collections import defaultdict
from collections.abc import Callable
from typing import Any

import pytest
from tests.report.conftest import Engine, at

from auricle.errors import Invalid
from auricle.model.query import (
    Aggregation,
    By,
    Direction,
    Filter,
    Funnel,
    Grain,
    Interactions,
    Op,
    Order,
    OwnMetric,
    Paths,
    Query,
    Retention,
    SessionEvent,
    SessionFilter,
    SessionFunnel,
    SessionMetric,
    Sessions,
    Step,
    Timeseries,
    Top,
    instant_of,
)

SECOND = 1_000_000
HOUR = 3_600 * SECOND
START = at("2025-09-01T08:00:00Z")
END = START + 3 * HOUR
Event = dict[str, Any]
CHEAP = OwnMetric("cost_per_booking", numerator="cost.usd.sum", denominator="bookings")
BOOKINGS = OwnMetric("bookings", event="booking.confirmed")
WAIT = OwnMetric(
    "slow_answers.p95",
    event="voice.first_response",
    aggregation=Aggregation.P95,
    field="voice.first_response_ms",
    filters=(Filter("site_id", Op.EQ, "a"),),
)
OWN = (CHEAP, BOOKINGS, WAIT)


def event(name: str, moment: int, session: str = "", **attributes: Any) -> Event:
    return {"event_name": name, "occurred_at": moment, "session_id": session, "attributes": attributes}


def query_of(tenant: str, *sessions: SessionFilter, metric: str = "events.count", **more: Any) -> Query:
    times = {"start": instant_of(START), "end": instant_of(END), "now": instant_of(END)}
    ask = more.pop("ask", Timeseries(metric, Grain.ALL))
    report = more.pop("report", "timeseries")
    return Query(report=report, tenant_id=tenant, ask=ask, sessions=sessions, own_metrics=OWN, **{**times, **more})


def figure(engine: Engine, query: Query) -> Any:
    return engine.answer(query)["points"][0]["value"]


def test_what_a_confirmed_booking_costs_in_fast_sessions(engine: Engine) -> None:
    """The question of the contract, in one call."""
    m = START
    events = [
        event("voice.first_response", m, "fast", **{"voice.first_response_ms": 300}),
        event("voice.first_response", m, "slow", **{"voice.first_response_ms": 900}),
        event("cost.recorded", m + 1, "fast", **{"cost.type": "ai", "cost.amount_usd": 1.5}),
        event("cost.recorded", m + 2, "slow", **{"cost.type": "ai", "cost.amount_usd": 100}),
        event("cost.recorded", m + 2, "", **{"cost.type": "ai", "cost.amount_usd": 1000}),
        event("ai.usage", m + 3, "fast", **{"gen_ai.usage.cost_usd": 0.5}),
        event("booking.confirmed", m + 4, "fast", **{"booking.slot_id": "1"}),
        event("booking.confirmed", m + 5, "fast", **{"booking.slot_id": "2"}),
        event("booking.confirmed", m + 5, "slow", **{"booking.slot_id": "3"}),
    ]
    fast = SessionMetric("voice.first_response_ms.p95", Op.LT, 800)
    tenant = engine.tenant(events)
    assert figure(engine, query_of(tenant, fast, metric="cost_per_booking")) == 1.0
    assert figure(engine, query_of(tenant, metric="cost_per_booking")) == pytest.approx(1102 / 3)
    assert figure(engine, query_of(engine.tenant(events[:5]), metric="cost_per_booking")) is None
    by_session = engine.answer(query_of(tenant, metric="cost_per_booking", breakdown="session_id"))
    slices = {one["key"]: one["points"][0]["value"] for one in by_session["series"]}
    # What a session without an id spent is no booking's.
    assert slices == {"fast": 1.0, "slow": 100.0, "other": None}


def test_a_score_is_that_of_the_sessions_interactions(engine: Engine) -> None:
    events = [
        event("voice.query", START, "good", **{"voice.query_id": "q1", "voice.query_text": "x"}),
        event("voice.query", START, "bad", **{"voice.query_id": "q2", "voice.query_text": "x"}),
        event("voice.query", START, "none", **{"voice.query_id": "q3", "voice.query_text": "x"}),
        *(
            event(
                "voice.evaluated",
                END + number,
                **{"voice.query_id": name, "gen_ai.evaluation.name": of, "gen_ai.evaluation.score.value": score},
            )
            for number, (name, of, score) in enumerate(
                [("q1", "overall", 1), ("q1", "overall", 5), ("q1", "helpfulness", 1), ("q2", "overall", 2)]
            )
        ),
    ]
    tenant = engine.tenant(events)
    assert figure(engine, query_of(tenant, SessionMetric("score", Op.GTE, 4))) == 1
    assert figure(engine, query_of(tenant, SessionMetric("score", Op.LT, 4))) == 1
    other = engine.tenant([event("voice.query", START, "good", **{"voice.query_id": "q2"})])
    assert figure(engine, query_of(other, SessionMetric("score", Op.LT, 4))) == 0


@pytest.mark.parametrize(
    ("asked", "pointer"),
    [
        (SessionMetric("nothing", Op.LT, 1, "/sessions/0"), "/sessions/0/metric"),
        (SessionMetric("commerce.conversion_rate", Op.LT, 1, "/sessions/0"), "/sessions/0/metric"),
        (SessionEvent(Step("x", (Filter("", Op.EQ, 1, "/sessions/0/event/filters/0"),)), True), None),
        (SessionFunnel(Funnel((Step("x"),), SECOND, Order.STRICT, By.SESSION), True, "/sessions/0"), "/steps"),
    ],
)
def test_what_cannot_be_asked_of_a_session(engine: Engine, asked: SessionFilter, pointer: str | None) -> None:
    with pytest.raises(Invalid) as refused:
        engine.answer(query_of("t", asked))
    assert pointer is None or refused.value.faults[0].pointer == pointer


def test_at_most_ten_conditions(engine: Engine) -> None:
    with pytest.raises(Invalid, match="cannot be made"):
        engine.answer(query_of("t", *[SessionMetric("events.count", Op.GT, 0)] * 11))


NAMES = ("page_view", "booking.confirmed", "cost.recorded", "voice.first_response")


def draw(chance: random.Random) -> list[Event]:
    events = []
    for _ in range(chance.randint(5, 60)):
        name = chance.choice(NAMES)
        moment = START + chance.choice((-1, 0, 1, HOUR, 2 * HOUR, 3 * HOUR - 1, 3 * HOUR)) + chance.randrange(3)
        more: dict[str, Any] = {}
        if name == "cost.recorded":
            more = {"cost.type": "ai", "cost.amount_usd": chance.choice((0, 0.5, 2, None))}
        if name == "voice.first_response":
            more = {"voice.first_response_ms": chance.choice((100, 500, 900, None))}
        made = event(name, moment, chance.choice(("", "s1", "s2", "s3", "s4", "s5")), **more)
        events.append({**made, "site_id": chance.choice(("", "a")), "source": chance.choice(("web", "web", "test"))})
    return events


def _compared(op: Op) -> Callable[[float, float], bool]:
    return {
        Op.LT: lambda a, b: a < b,
        Op.GTE: lambda a, b: a >= b,
        Op.EQ: lambda a, b: a == b,
    }[op]


def _value(metric: str, events: list[Event]) -> float | None:
    """A metric over events, as its definition says it."""
    of = [(each["event_name"], each["attributes"]) for each in events]
    costs = [told["cost.amount_usd"] or 0 for name, told in of if name == "cost.recorded"]
    waits = [told["voice.first_response_ms"] for name, told in of if name == "voice.first_response"]
    waits = [wait for wait in waits if wait is not None]
    bookings = sum(name == "booking.confirmed" for name, _ in of)
    if metric == "events.count":
        return len(events)
    if metric == "bookings":
        return bookings
    if metric == "cost.usd.sum":
        return sum(costs)
    if metric == "cost_per_booking":
        return sum(costs) / bookings if bookings else None
    return statistics.median(waits) if waits else None


def _completed(events: list[Event], steps: tuple[Step, ...], window: int) -> bool:
    """Whether one session walks through the steps in order."""
    began: list[int | None] = [None] * len(steps)
    for each in events:
        for index in reversed(range(len(steps))):
            if each["event_name"] != steps[index].event:
                continue
            if index == 0:
                began[0] = each["occurred_at"] if START <= each["occurred_at"] < END else began[0]
            elif (first := began[index - 1]) is not None and each["occurred_at"] - first <= window:
                began[index] = max(first, began[index] or first)
    return began[-1] is not None


def _meets(asked: SessionFilter, session: str, events: list[Event]) -> bool:
    mine = [each for each in events if each["session_id"] == session]
    inside = [each for each in mine if START <= each["occurred_at"] < END]
    if isinstance(asked, SessionEvent):
        return any(each["event_name"] == asked.step.event for each in inside) is asked.happened
    if isinstance(asked, SessionFunnel):
        later = [each for each in mine if each["occurred_at"] >= START]
        return _completed(later, asked.funnel.steps, asked.funnel.window) is asked.completed
    value = _value(asked.metric, inside)
    return value is not None and _compared(asked.op)(value, asked.value)


def asked_of(chance: random.Random) -> SessionFilter:
    kind = chance.randrange(3)
    if kind == 0:
        return SessionEvent(Step(chance.choice(NAMES)), chance.random() < 0.5)
    if kind == 1:
        steps = tuple(Step(chance.choice(NAMES)) for _ in range(chance.choice((2, 3))))
        window = chance.choice((SECOND, HOUR, 5 * HOUR))
        return SessionFunnel(Funnel(steps, window, Order.SEQUENTIAL, By.USER), chance.random() < 0.5)
    metric = chance.choice(
        ("events.count", "bookings", "cost.usd.sum", "cost_per_booking", "voice.first_response_ms.p50")
    )
    return SessionMetric(metric, chance.choice((Op.LT, Op.GTE, Op.EQ)), chance.choice((0, 0.5, 1, 2, 500)))


@pytest.mark.parametrize("seed", range(60))
def test_against_the_oracle(engine: Engine, seed: int) -> None:
    chance = random.Random(seed)
    events = draw(chance)
    site = chance.choice((None, None, "a"))
    asked = tuple(asked_of(chance) for _ in range(chance.choice((1, 1, 2))))
    seen = [each for each in events if each["source"] != "test" and (site is None or each["site_id"] == site)]
    # The engine breaks ties by arrival, and events arrive in the order of the list.
    seen.sort(key=lambda each: each["occurred_at"])
    wanted = [
        each
        for each in seen
        if each["session_id"]
        and START <= each["occurred_at"] < END
        and all(_meets(one, each["session_id"], seen) for one in asked)
    ]
    tenant = engine.tenant(events)
    metric = chance.choice(("events.count", "bookings", "cost.usd.sum", "cost_per_booking"))
    value = _value(metric, wanted)
    told = figure(engine, query_of(tenant, *asked, metric=metric, site_id=site))
    assert told == (pytest.approx(value) if value is not None else None)
    top = engine.answer(query_of(tenant, *asked, ask=Top("event_name", 10, fold=False), report="top", site_id=site))
    names: dict[str, int] = defaultdict(int)
    for each in wanted:
        names[each["event_name"]] += 1
    assert {row["value"]: row["count"] for row in top["rows"]} == names


@pytest.mark.parametrize(
    ("report", "ask"),
    [
        ("funnel", Funnel((Step("page_view"), Step("booking.confirmed")), HOUR, Order.ANY, By.SESSION)),
        ("retention", Retention(Step("page_view"), Step("page_view"), Grain.DAY, 2, By.SESSION)),
        ("sessions", Sessions(Grain.DAY, HOUR)),
        ("paths", Paths(Step("page_view"), Direction.AFTER, 2, 5, HOUR, By.SESSION)),
        ("interactions", Interactions((), 5, 3.0)),
    ],
)
def test_every_report_is_as_if_other_sessions_had_never_been(engine: Engine, report: str, ask: Any) -> None:
    for seed in range(8):
        chance = random.Random(1_000 + seed)
        events = draw(chance)
        for each in events:
            each["occurred_at"] = min(max(each["occurred_at"], START), END - 1)
        asked = SessionEvent(Step("cost.recorded"), happened=True)
        seen = [each for each in events if each["source"] != "test"]
        kept = [each for each in events if each["session_id"] and _meets(asked, each["session_id"], seen)]
        one = engine.answer(query_of(engine.tenant(events), asked, report=report, ask=ask))
        other = engine.answer(query_of(engine.tenant(kept), report=report, ask=ask))
        del one["meta"], other["meta"]
        assert one == other
