"""Repricing: by hand at every edge, and against the oracle on random lists, usage and days that change their clocks."""

import asyncio
import itertools
import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.report import oracle, oracle_prices
from tests.report.conftest import Engine, at
from tests.report.test_oracle import NOW, ZONES, chosen, draw_query, same

from auricle.model.query import Grain, Query, Timeseries
from auricle.report.pricelist import read
from auricle.report.run import ReportRunner

METRIC = "cost.repriced_usd.sum"
NEW_YEAR = at("2025-01-01T00:00:00Z")
LIST = [
    {"model": "large*", "from": "2024-01-01", "to": "2025-01-01", "input": "2.5", "cache_read": "0.25", "output": 10},
    {"model": "large*", "from": "2025-01-01", "input": "1", "output": "0.000001", "reasoning": 3},
    {"model": "large-2", "input": "7"},
]


def used(moment: int, model: str = "large-1", name: str = "ai.usage", **tokens: Any) -> dict[str, Any]:
    counted = {f"gen_ai.usage.{oracle_prices.COUNTED.get(kind, kind)}": count for kind, count in tokens.items()}
    attributes = {"gen_ai.request.model": model, **counted}
    return {"event_name": name, "occurred_at": moment, "attributes": attributes}


def told(engine: Engine, events: list[dict[str, Any]], entries: Any, **more: Any) -> tuple[Any, Any]:
    """The value over all the years, and how much usage has no price."""
    range_ = {"start": datetime(2020, 1, 1, tzinfo=UTC), "end": NOW}
    asked = {"tenant_id": engine.tenant(events), "now": NOW, "ask": Timeseries(METRIC, Grain.ALL), **range_, **more}
    answer = answered(engine, Query(report="timeseries", **asked), entries)
    return answer["points"][0]["value"], answer["meta"]["excluded"]["unpriced"]


def answered(engine: Engine, query: Query, entries: Any) -> dict[str, Any]:
    return asyncio.run(ReportRunner(engine, prices=lambda _: read(entries)).run(query)).as_json()


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        pytest.param([], (None, 0), id="nothing used"),
        pytest.param([used(NEW_YEAR - 1, input=1_000_000)], (2.5, 0), id="the last moment of a price"),
        pytest.param([used(NEW_YEAR, input=1_000_000)], (1, 0), id="the first moment of the next"),
        pytest.param([used(at("2023-12-31T23:59:59.999999Z"), input=1)], (None, 1), id="before any price"),
        pytest.param([used(at("2024-01-01T00:00:00Z"), input=2)], (0.000005, 0), id="the first of all"),
        pytest.param([used(NEW_YEAR, "large-2", input=1_000_000)], (7, 0), id="a whole name before a pattern"),
        pytest.param([used(NEW_YEAR, "large-2", input=1, output=1)], (None, 1), id="output without a price"),
        pytest.param([used(NEW_YEAR, "small", input=1)], (None, 1), id="an unknown model"),
        pytest.param([used(NEW_YEAR, total_tokens=5)], (None, 1), id="a total alone"),
        pytest.param([used(NEW_YEAR)], (None, 0), id="no tokens"),
        pytest.param([used(NEW_YEAR, input=-1)], (None, 1), id="less than none"),
        pytest.param([used(NEW_YEAR, input=1.5)], (None, 1), id="half a token"),
        pytest.param([used(NEW_YEAR, input=2**53)], (None, 1), id="too many"),
        pytest.param([used(NEW_YEAR, name="other", input=5)], (None, 0), id="events that use no tokens"),
        pytest.param([used(NEW_YEAR - 1, input=1_000_000, cache_read=400_000)], (1.6, 0), id="a part with a price"),
        pytest.param([used(NEW_YEAR, input=1_000_000, cache_read=400_000)], (1, 0), id="a part without"),
        pytest.param([used(NEW_YEAR, cache_read=1_000_000)], (1, 0), id="a part without its whole"),
        pytest.param([used(NEW_YEAR, input=5, cache_read=1_000_000)], (1, 0), id="a part above its whole"),
        pytest.param([used(NEW_YEAR, output=1, reasoning=1)], (0.000003, 0), id="all of the output is a part"),
        pytest.param([used(NEW_YEAR, output=1)], (0.000000000001, 0), id="the smallest cost there is"),
        pytest.param(
            [used(NEW_YEAR, input=2**53 - 1), *[used(NEW_YEAR, output=1)] * 1_000],
            (9007199254.740991, 0),
            id="the greatest",
        ),
        pytest.param(
            [used(NEW_YEAR, input=3), used(NEW_YEAR, "small", input=3), used(NEW_YEAR, "?", input=3)],
            (0.000003, 2),
            id="some with and some without",
        ),
    ],
)
def test_by_hand(engine: Engine, events: list[dict[str, Any]], expected: tuple[Any, Any]) -> None:
    assert told(engine, events, LIST) == expected


def test_what_answered_counts_before_what_was_asked_for(engine: Engine) -> None:
    event = used(NEW_YEAR, "small", input=1_000_000)
    event["attributes"]["gen_ai.response.model"] = "large-7"
    assert told(engine, [event], LIST) == (1, 0)


def test_without_a_list_all_usage_is_told_and_none_is_free(engine: Engine) -> None:
    assert told(engine, [used(NEW_YEAR, input=1), used(NEW_YEAR, input=2)], []) == (None, 2)


def test_only_this_metric_tells_of_usage_without_a_price(engine: Engine) -> None:
    ask = Timeseries("tokens.sum", Grain.ALL)
    query = Query(report="timeseries", tenant_id=engine.tenant([used(NEW_YEAR, input=1)]), now=NOW, ask=ask)
    assert answered(engine, query, [])["meta"]["excluded"] == {"test": 0}


MODELS = ("a", "ab", "abc", "b", "")
COUNTS = (0, 1, 7, 1_000, 123_456_789, 2**53 - 1, None, None, None, -1, 0.5, "12", "x")
PRICES = ("0", "0.000001", "0.15", 2.5, "1000000", 3, None, None)


def draw_list(chance: random.Random, turn: int) -> list[dict[str, Any]]:
    """Prices of patterns that hide each other; each pattern is cut at moments around the turn."""
    entries: list[dict[str, Any]] = []
    for pattern in chance.sample(("*", "a*", "ab*", "ab", "abc", "b"), chance.randint(0, 5)):
        offsets = sorted(chance.sample((-7_200, -3_600, -1, 0, 1, 3_600, 86_400), chance.randint(0, 3)))
        cuts: list[int | None] = [None, *(turn + offset * 1_000_000 for offset in offsets), None]
        for start, end in itertools.pairwise(cuts):
            prices = {kind: chance.choice(PRICES) for kind in oracle_prices.COUNTED}
            if chance.random() < 0.8 and any(price is not None for price in prices.values()):
                entries.append({"model": pattern, "from": start, "to": end, **prices})
    chance.shuffle(entries)
    return entries


def draw_usage(chance: random.Random, turn: int) -> dict[str, Any]:
    tokens = {kind: chance.choice(COUNTS) for kind in chance.sample([*oracle_prices.COUNTED, "total_tokens"], 4)}
    moment = turn + chance.choice((chance.randint(-(10**11), 10**11), 0, -1, 3_600_000_000))
    event = used(moment, chance.choice(MODELS), chance.choice((*oracle_prices.NAMES, "other")), **tokens)
    if chance.random() < 0.3:
        event["attributes"]["gen_ai.response.model"] = chance.choice(MODELS)
    sides = {"site_id": chance.choice(("", "s1")), "session_id": "", "user_id": "", "context": {}}
    return {**event, **sides, "source": chance.choice(("web", "test"))}


@pytest.mark.parametrize("seed", range(60))
def test_random_lists_and_usage(engine: Engine, seed: int) -> None:
    chance = random.Random(seed)
    zone, moment = ZONES[seed % len(ZONES)]
    turn = at(moment)
    events = [draw_usage(chance, turn) for _ in range(80)]
    entries = draw_list(chance, turn)
    start, end = turn - chance.choice((1, 10**10, 10**11)), turn + chance.choice((1, 10**10, 10**11))
    grain = chance.choice((Grain.HOUR, Grain.DAY, Grain.WEEK, Grain.ALL))
    ask = Timeseries(METRIC, grain)
    query = draw_query(chance, engine.tenant(events), ask, "timeseries", start, end, zone)
    answer = answered(engine, query, entries)
    found = chosen(query, events, start, end)
    groups: dict[Any, list[dict[str, Any]]] = {}
    for event in found:
        groups.setdefault(oracle.bucket(event["occurred_at"], grain.value, zone), []).append(event)
    expected = [
        oracle_prices.repriced(groups.get(key, []), entries)[0] for key, _ in oracle.axis(start, end, grain.value, zone)
    ]
    values = [point["value"] for point in answer["points"]]
    assert same(values, expected), (values, expected)
    assert answer["meta"]["excluded"]["unpriced"] == oracle_prices.repriced(found, entries)[1]


def test_a_long_list_takes_no_long_time(engine: Engine) -> None:
    """500 prices, the last of which fits 20,000 events: looked through once an event."""
    entries = [{"model": f"m{number}", "input": number} for number in range(500)]
    events = [used(NEW_YEAR + number, "m499", input=1_000_000) for number in range(20_000)]
    began = datetime.now(UTC)
    assert told(engine, events, entries) == (499 * 20_000, 0)
    assert datetime.now(UTC) - began < timedelta(seconds=20)
