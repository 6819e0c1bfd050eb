"""Every report against the oracle, on random events and random requests."""

import math
import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.report import oracle
from tests.report.conftest import Engine, at

from auricle.model.query import Active, By, Filter, Funnel, Grain, Op, Order, Query, Step, Timeseries, Top, instant_of
from auricle.report.metrics import METRICS

NOW = datetime(2025, 12, 1, tzinfo=UTC)
ZONES = (
    ("Europe/Berlin", "2025-10-26T01:00:00Z"),
    ("Europe/Berlin", "2025-03-30T01:00:00Z"),
    ("America/New_York", "2025-11-02T06:00:00Z"),
    ("Australia/Lord_Howe", "2025-04-05T15:00:00Z"),
    ("Australia/Lord_Howe", "2025-10-04T15:30:00Z"),
    ("Asia/Kathmandu", "2025-09-01T00:00:00Z"),
    ("America/Havana", "2025-11-02T05:00:00Z"),
    ("Africa/Cairo", "2025-04-24T22:00:00Z"),
    ("Africa/Casablanca", "2025-02-23T02:00:00Z"),
    ("UTC", "2025-09-01T00:00:00Z"),
)
"""Zones, each with a moment around which something happens to its clock."""
KEYS = (
    "k",
    "a.b",
    "we`ird",
    "qu'ote",
    'dou"ble',
    "back\\slash",
    "__proto__",
    "{p0:String}",
    "sp ace",
    "ü.ñ",
    "%s",
    "a;--",
)
TEXTS = ("x", "y", "X  x", " x\tX ", "'; DROP", "a`b", "\\", "other", "~", "=", "", "ünï", "true", "1", "12", "1.5")
LEAVES: tuple[Any, ...] = (*TEXTS, 0, 1, 2, 12, 1.5, -3, True, False, None)
FIELDS = (
    *KEYS,
    "attributes.k",
    "site_id",
    "session_id",
    "user_id",
    "actor",
    "event_name",
    "source",
    "context.page.url",
)
METRIC_EVENTS: dict[str, dict[str, tuple[Any, ...]]] = {
    "voice.first_response": {"voice.first_response_ms": (1, 2.5, 300, 40, None, "n/a")},
    "voice.barge_in": {},
    "voice.asr_partial": {"voice.asr_partial_latency_ms": (1, 2.5, 300)},
    "ai.tool_call_completed": {
        "ai.tool.success": (True, False, 1, None),
        "ai.navigation.optimistic": (True, False, None),
        "ai.navigation.confirmed": (True, False, None),
    },
    "ai.tool_chain_completed": {"ai.tool_chain.length": (1, 2, 5)},
    "kb.search": {"kb.results_count": (0, 1, 5), "kb.search_latency_ms": (1, 20.5), "kb.top_score": (0.25, 0.5, None)},
    "commerce.view": {},
    "commerce.checkout": {},
    "booking.slot_hold": {"booking.slot_id": ("s1", "s2", "s3", "s4", None)},
    "booking.confirmed": {"booking.slot_id": ("s1", "s2", "s3", "s5", None)},
    "error_occurred": {},
    "voice.outcome": {
        "error.flag": (True, 0, 1, None),
        "gen_ai.usage.cost_usd": (0.125, 2, None),
        "gen_ai.usage.total_tokens": (5, 7, None),
    },
    "voice.evaluated": {"gen_ai.evaluation.score.value": (1, 5, None), "gen_ai.usage.total_tokens": (5, None)},
    "ai.usage": {
        "gen_ai.usage.input_tokens": (5, 7, None),
        "gen_ai.usage.output_tokens": (1, None),
        "gen_ai.usage.cost_usd": (0.5, None),
    },
    "cost.recorded": {"cost.amount_usd": (0.25, 4)},
    "http.request": {"http.response.status_code": (200, 404, 500, 503), "http.server.duration_ms": (1, 2.25, None)},
}


def draw_event(chance: random.Random, name: str, moment: int) -> dict[str, Any]:
    attributes = {key: chance.choice(values) for key, values in METRIC_EVENTS.get(name, {}).items()}
    attributes |= {key: chance.choice(LEAVES) for key in chance.sample(KEYS, 3)}
    if chance.random() < 0.2:
        attributes["a"] = {"b": attributes.pop("a.b", "nested")}
    return {
        "event_name": name,
        "occurred_at": moment,
        "site_id": chance.choice(("", "s1", "s2")),
        "session_id": chance.choice(("", "a", "b", "c", "d")),
        "user_id": chance.choice(("", "", "a", "b", "u")),
        "source": chance.choice(("web", "server", "test")),
        "attributes": attributes,
        "context": chance.choice(({}, {"page": {"url": chance.choice(("/a", "/b'", "7"))}}, {"page": 1})),
    }


def draw_filter(chance: random.Random, pointer: str = "") -> Filter:
    op = chance.choice(list(Op))
    scalars = [value for value in LEAVES if value is not None]
    value: Any = chance.choice(scalars)
    if op is Op.EXISTS:
        value = chance.choice((None, True, False))
    elif op in (Op.IN, Op.NOT_IN):
        value = tuple(chance.sample(scalars, chance.randint(1, 4)))
    elif op is Op.CONTAINS:
        value = chance.choice(TEXTS)
    elif op in (Op.GT, Op.GTE, Op.LT, Op.LTE) and isinstance(value, bool):
        value = 1
    return Filter(chance.choice(FIELDS), op, value, pointer)


def plain(filters: tuple[Filter, ...]) -> list[tuple[str, str, Any]]:
    return [(each.field, each.op.value, each.value) for each in filters]


def draw_query(chance: random.Random, tenant: str, ask: Any, report: str, start: int, end: int, zone: str) -> Query:
    return Query(
        report=report,
        tenant_id=tenant,
        now=NOW,
        ask=ask,
        start=instant_of(start),
        end=instant_of(end),
        zone=zone,
        site_id=chance.choice((None, None, None, "s1")),
        filters=tuple(draw_filter(chance) for _ in range(chance.choice((0, 0, 1, 1, 2)))),
        include_test=chance.random() < 0.3,
    )


def chosen(query: Query, events: list[dict[str, Any]], start: int, end: int) -> list[dict[str, Any]]:
    found = oracle.kept(events, start, end, plain(query.filters), query.include_test)
    return [event for event in found if query.site_id in (None, event["site_id"])]


def same(found: Any, expected: Any) -> bool:
    """Equal in everything, fractions to the 12th digit: two sums of the same figures may differ in the last."""
    if isinstance(expected, dict):
        return (
            isinstance(found, dict)
            and found.keys() == expected.keys()
            and all(same(found[k], expected[k]) for k in found)
        )
    if isinstance(expected, list):
        return len(found) == len(expected) and all(same(a, b) for a, b in zip(found, expected, strict=True))
    if isinstance(expected, float):
        return isinstance(found, int | float) and math.isclose(found, expected, rel_tol=1e-12, abs_tol=1e-12)
    return type(found) is type(expected) and bool(found == expected)


def check(found: dict[str, Any], expected: dict[str, Any], query: Query) -> None:
    body = {key: value for key, value in found.items() if key not in ("meta", "previous")}
    if not same(body, expected):
        assert body == expected, query


def draw_events(
    chance: random.Random, names: list[str], around: int, reach: timedelta, count: int
) -> list[dict[str, Any]]:
    micros = reach // timedelta(microseconds=1)
    coarse = chance.choice((1, 1_000_000, 1_800_000_000))
    moments = [around + (chance.randint(-micros, micros) // coarse) * coarse for _ in range(count)]
    return [draw_event(chance, chance.choice(names), moment) for moment in moments]


@pytest.mark.parametrize("seed", range(50))
def test_timeseries(engine: Engine, seed: int) -> None:
    chance = random.Random(seed)
    zone, turn = ZONES[seed % len(ZONES)]
    events = draw_events(chance, list(METRIC_EVENTS), at(turn), timedelta(hours=chance.choice((2, 5, 48))), 150)
    tenant = engine.tenant(events)
    for metric in chance.sample([each.name for each in METRICS], 4):
        grain = chance.choice((Grain.QUARTER, Grain.HOUR, Grain.HOUR, Grain.DAY, Grain.WEEK, Grain.MONTH, Grain.ALL))
        start = at(turn) - chance.choice((0, 1, 1_234_567_890, 5 * 3_600_000_000, 86_400_000_000))
        end = at(turn) + chance.choice((1, 3_600_000_000, 98_765_432_101, 172_800_000_000))
        query = draw_query(chance, tenant, Timeseries(metric, grain), "timeseries", start, end, zone)
        found = chosen(query, events, start, end)
        points = oracle.series(found, metric, start, end, grain.value, zone)
        answer = engine.answer(query)
        check(answer, {"metric": metric, "grain": grain.value, "points": points}, query)


@pytest.mark.parametrize("seed", range(30))
def test_timeseries_with_a_breakdown(engine: Engine, seed: int) -> None:
    chance = random.Random(seed)
    events = draw_events(
        chance, [*list(METRIC_EVENTS)[:10], "commerce.view"], at("2025-09-10T00:00:00Z"), timedelta(days=2), 300
    )
    tenant = engine.tenant(events)
    start, end = at("2025-09-09T00:00:00Z"), at("2025-09-11T00:00:00Z")
    metric = chance.choice(("events.count", "sessions.count", "ai.tool_calls.success_rate", *oracle.MATCHES))
    query = draw_query(chance, tenant, Timeseries(metric, Grain.DAY), "timeseries", start, end, "UTC")
    query = replace(query, breakdown=chance.choice(FIELDS))
    found = chosen(query, events, start, end)
    looked_at = {each.name: each.events for each in METRICS}[metric]
    found = [event for event in found if not looked_at or event["event_name"] in looked_at]
    groups: dict[str | None, list[dict[str, Any]]] = {}
    for event in found:
        groups.setdefault(oracle.read(event, query.breakdown or ""), []).append(event)
    if metric in oracle.MATCHES:
        groups = oracle.touched(found, metric, query.breakdown or "")
    counted = metric.endswith(".count")
    first = oracle.MATCHES.get(metric, ("", "", ""))[1]
    weight = {
        key: oracle.VALUES[metric](group) if counted else sum(e["event_name"] == first or not first for e in group)
        for key, group in groups.items()
    }
    ranked = sorted(groups, key=lambda key: (-weight[key], key is not None, (key or "").encode()))
    expected = [
        {"key": key, "points": oracle.series(groups[key], metric, start, end, "1d", "UTC")} for key in ranked[:10]
    ]
    if ranked[10:]:
        rest = [event for key in ranked[10:] for event in groups[key]]
        expected.append({"key": "other", "points": oracle.series(rest, metric, start, end, "1d", "UTC")})
    check(engine.answer(query), {"metric": metric, "grain": "1d", "series": expected}, query)


@pytest.mark.parametrize("seed", range(40))
def test_active(engine: Engine, seed: int) -> None:
    chance = random.Random(seed)
    zone, turn = ZONES[seed % len(ZONES)]
    events = draw_events(
        chance, ["a", "b"], at(turn), timedelta(days=chance.choice((3, 20, 50))), chance.choice((0, 40, 200))
    )
    tenant = engine.tenant(events)
    start = at(turn) - chance.choice((0, 1, 86_400_000_000 * 9))
    end = at(turn) + chance.choice((1, 98_765_432_101, 86_400_000_000 * 33))
    query = draw_query(chance, tenant, Active(), "active", start, end, zone)
    found = chosen(query, events, 0, end)
    check(engine.answer(query), {"days": oracle.active(found, start, end, zone)}, query)


@pytest.mark.parametrize("seed", range(40))
def test_top(engine: Engine, seed: int) -> None:
    chance = random.Random(seed)
    events = draw_events(chance, ["a", "b"], at("2025-09-10T00:00:00Z"), timedelta(days=2), 200)
    tenant = engine.tenant(events)
    start, end = at("2025-09-09T00:00:00Z"), at("2025-09-11T00:00:00Z")
    ask = Top(chance.choice(FIELDS), chance.choice((1, 3, 10, 1000)), chance.random() < 0.5)
    query = draw_query(chance, tenant, ask, "top", start, end, "UTC")
    found = chosen(query, events, start, end)
    check(engine.answer(query), oracle.top(found, ask.field, ask.limit, ask.fold), query)


@pytest.mark.parametrize("order", list(Order))
@pytest.mark.parametrize("seed", range(50))
def test_funnel(engine: Engine, seed: int, order: Order) -> None:
    chance = random.Random(seed)
    around = at("2025-09-10T00:00:00Z")
    events = draw_events(chance, ["a", "b", "c", "z"], around, timedelta(hours=chance.choice((1, 6, 30))), 80)
    for event in events:
        event["session_id"] = chance.choice(("", "a", "b", "c", "d", "e", "f"))
    tenant = engine.tenant(events)
    picks: list[Step] = []
    for _ in range(chance.randint(2, 5)):
        filters = (draw_filter(chance),) if chance.random() < 0.2 else ()
        picks.append(chance.choice(picks) if picks and chance.random() < 0.15 else Step(chance.choice("abc"), filters))
    window = chance.choice((1, 600, 1_800, 3_600, 10_800, 604_800)) * 1_000_000
    ask = Funnel(tuple(picks), window, order, chance.choice(list(By)))
    start, end = around - 10_800_000_000, around + chance.choice((1, 3_600_000_000, 86_400_000_000))
    query = draw_query(chance, tenant, ask, "funnel", start, end, "UTC")
    query = replace(query, filters=query.filters[:1] if chance.random() < 0.3 else ())
    found = chosen(query, events, start, end + window)
    steps: oracle.Steps = [(step.event, plain(step.filters)) for step in picks]
    expected = oracle.funnel(found, steps, start, end, window, order.value, ask.by.value)
    check(engine.answer(query), {"steps": expected[None]}, query)
    if seed % 3:
        return
    sliced = replace(query, breakdown=chance.choice(FIELDS))
    slices = oracle.funnel(found, steps, start, end, window, order.value, ask.by.value, sliced.breakdown)
    ranked = sorted(slices, key=lambda key: (-slices[key][0]["count"], key is not None, (key or "").encode()))
    check(engine.answer(sliced), {"series": [{"key": key, "steps": slices[key]} for key in ranked]}, sliced)
