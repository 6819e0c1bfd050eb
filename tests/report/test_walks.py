"""Retention, sessions and paths against their oracle, on random events and random requests."""

import random
from dataclasses import replace
from datetime import timedelta

import pytest
from tests.report import oracle_walks as oracle
from tests.report.conftest import Engine, at
from tests.report.test_oracle import FIELDS, ZONES, check, chosen, draw_events, draw_filter, draw_query, plain

from auricle.model.query import By, Direction, Grain, Paths, Retention, Sessions, Step, instant_of, micros_of

HOUR = 3_600_000_000
DAY = 24 * HOUR
FAR = 10**16


def some_step(chance: random.Random, name: str) -> Step:
    return Step(name, (draw_filter(chance),) if chance.random() < 0.2 else ())


@pytest.mark.parametrize("seed", range(60))
def test_retention(engine: Engine, seed: int) -> None:
    chance = random.Random(seed)
    zone, turn = ZONES[seed % len(ZONES)]
    grain = chance.choice((Grain.DAY, Grain.DAY, Grain.WEEK, Grain.MONTH))
    reach = {Grain.DAY: 6, Grain.WEEK: 30, Grain.MONTH: 120}[grain]
    events = draw_events(chance, ["a", "b", "z"], at(turn), timedelta(days=reach), chance.choice((30, 120)))
    for event in events:
        event["user_id"] = chance.choice(("", *"abcdefghijkl"))
    tenant = engine.tenant(events)
    cohort = some_step(chance, "a")
    back = cohort if chance.random() < 0.3 else some_step(chance, chance.choice("ab"))
    ask = Retention(cohort, back, grain, chance.randint(1, 6), chance.choice(list(By)))
    start = at(turn) - chance.choice((0, 1, 2 * DAY, reach * DAY))
    end = at(turn) + chance.choice((1, HOUR, 3 * DAY, reach * DAY))
    query = draw_query(chance, tenant, ask, "retention", start, end, zone)
    now = at(turn) + chance.randint(0, 2 * reach) * DAY
    query = replace(query, now=instant_of(max(now, end)), filters=query.filters if chance.random() < 0.3 else ())
    found = chosen(query, events, 0, FAR)
    steps = [(step.event, plain(step.filters)) for step in (cohort, back)]
    expected = oracle.retention(
        found, steps, start, end, grain.value, ask.periods, ask.by.value, zone, micros_of(query.now)
    )
    check(engine.answer(query), {"cohorts": expected}, query)


@pytest.mark.parametrize("seed", range(60))
def test_sessions(engine: Engine, seed: int) -> None:
    chance = random.Random(seed)
    zone, turn = ZONES[seed % len(ZONES)]
    events = draw_events(chance, ["a", "b"], at(turn), timedelta(hours=chance.choice((3, 20))), 120)
    tenant = engine.tenant(events)
    ask = Sessions(
        chance.choice((Grain.HOUR, Grain.DAY, Grain.ALL)), chance.choice((1, 600_000_000, 1_800_000_000, HOUR))
    )
    start, end = at(turn) - chance.choice((0, HOUR, DAY)), at(turn) + chance.choice((1, HOUR, DAY))
    query = draw_query(chance, tenant, ask, "sessions", start, end, zone)
    found = chosen(query, events, 0, FAR)
    expected = oracle.sessions(found, start, end, ask.gap, ask.grain.value, zone)[None]
    check(engine.answer(query), expected, query)
    sliced = replace(query, breakdown=chance.choice(FIELDS))
    slices = oracle.sessions(found, start, end, ask.gap, ask.grain.value, zone, sliced.breakdown)
    ranked = sorted(slices, key=lambda key: (-slices[key]["sessions"], key is not None, (key or "").encode()))
    if len(ranked) <= 10:
        check(engine.answer(sliced), {"series": [{"key": key, **slices[key]} for key in ranked]}, sliced)


@pytest.mark.parametrize("direction", list(Direction))
@pytest.mark.parametrize("seed", range(40))
def test_paths(engine: Engine, seed: int, direction: Direction) -> None:
    chance = random.Random(seed)
    around = at("2025-09-10T00:00:00Z")
    events = draw_events(chance, ["a", "b", "c", "z"], around, timedelta(hours=chance.choice((1, 30))), 100)
    tenant = engine.tenant(events)
    step = some_step(chance, chance.choice("ab"))
    window = chance.choice((1, 600_000_000, HOUR, DAY))
    ask = Paths(step, direction, chance.randint(1, 4), chance.choice((1, 3, 100)), window, chance.choice(list(By)))
    start, end = around - 3 * HOUR, around + chance.choice((1, HOUR, DAY))
    query = draw_query(chance, tenant, ask, "paths", start, end, "UTC")
    found = chosen(query, events, 0, FAR)
    counts = oracle.paths(
        found, (step.event, plain(step.filters)), start, end, direction.value, ask.depth, window, ask.by.value
    )
    total = counts.total()
    ranked = sorted(counts.items(), key=lambda pair: (-pair[1], [name.encode() for name in pair[0]]))[: ask.limit]
    rows = [{"events": list(path), "count": count, "share": count / total} for path, count in ranked]
    other = total - sum(count for _, count in ranked)
    expected = {"event": step.event, "direction": direction.value, "paths": rows, "other": other, "total": total}
    check(engine.answer(query), expected, query)
