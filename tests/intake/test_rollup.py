"""The rollups against the events: whatever happens to either, a report gives the same."""

import asyncio
import contextlib
import random
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import orjson
import pytest
from sqlalchemy import Engine

from auricle.intake import rollup as intake_rollup
from auricle.intake.rollup import SETTLE, Roller
from auricle.intake.row import body_of, line_of
from auricle.model.event import Event
from auricle.model.query import Active, Filter, Grain, Op, Query, Timeseries, Top, instant_of, micros_of
from auricle.model.rollup import STEP
from auricle.model.statement import Rows, Statement
from auricle.report.metrics import METRICS
from auricle.report.run import ReportRunner
from auricle.report.time import instant
from auricle.store.events import EventStore
from auricle.store.rollup import RollupStore
from auricle.store.segment import SegmentStore

HOUR = 3_600_000_000
DAY = 24 * HOUR
ZONES = (
    ("UTC", "2025-09-01T00:00:00Z"),
    ("Europe/Berlin", "2025-10-26T01:00:00Z"),
    ("America/New_York", "2025-11-02T06:00:00Z"),
    ("Australia/Lord_Howe", "2025-04-05T15:00:00Z"),
    ("Asia/Kolkata", "2025-09-01T00:00:00Z"),
    ("Asia/Kathmandu", "2025-09-01T00:00:00Z"),
    ("Africa/Cairo", "2025-04-24T22:00:00Z"),
)
"""Zones, each with a moment around which something happens to its clock; Kathmandu's days cut half hours in two."""
NAMES = ("page_view", "http.request", "voice.barge_in", "commerce.view")
FIELDS = ("event_name", "site_id", "source", "user_id", "session_id", "actor")


class Killed(BaseException):
    """The process is killed here."""


class Mortal:
    """Something whose every call may be the last: before it has happened, or after."""

    def __init__(self, whole: Any, dies: Callable[[], bool]) -> None:
        self._whole, self._dies = whole, dies

    def __getattr__(self, name: str) -> Any:
        call = getattr(self._whole, name)
        if not callable(call) or name == "working":
            return call

        def mortal(*args: Any, **options: Any) -> Any:
            if self._dies():
                raise Killed
            done = call(*args, **options)
            if self._dies():
                raise Killed
            return done

        return mortal


@dataclass
class Reader:
    """The event store as reports see it."""

    events: EventStore
    as_of: int = micros_of(instant("2026-01-01T00:00:00Z", ""))

    async def read(self, statement: Statement) -> Rows:
        return await self.events.read(statement)


class Rig:
    """A tenant's events, the rollups, and reports with and without them."""

    def __init__(self, database: Engine, events: EventStore, tenant: str, chance: random.Random) -> None:
        self.events, self.tenant, self.chance = events, tenant, chance
        self.store = RollupStore(database)
        self.arrived = micros_of(instant("2025-12-01T00:00:00Z", ""))
        self.ids: list[str] = []
        self.answered = 0
        self.start()

    def start(self, dies: Callable[[], bool] = lambda: False) -> None:
        """As after a start."""
        mortal = SegmentStore(Mortal(self.events, dies))  # type: ignore[arg-type]
        store = Mortal(self.store, dies)
        self.roller = Roller(store, mortal, lambda: self.arrived + SETTLE, on=True, every=0)  # type: ignore[arg-type]

    def write(self, *told: Event, arrived: int | None = None) -> None:
        lines = []
        for event in told:
            self.arrived += 1
            lines.append(line_of(body_of(event), event.occurred_at, arrived or self.arrived))
            self.ids.append(event.event_id)
        self.events.insert(b"\n".join(lines), str(uuid.uuid4()))

    def event(self, moment: int, **more: Any) -> Event:
        chance = self.chance
        plain = Event(
            self.tenant,
            str(uuid.uuid4()),
            chance.choice(NAMES),
            moment,
            chance.choice(("", "s1", "s2")),
            chance.choice(("", "a", "b", "c")),
            chance.choice(("", "", "a", "b", "u")),
            chance.choice(("web", "server", "test")),
            "",
            {},
            {},
        )
        return plain._replace(**more)

    def erase(self, doomed: list[str]) -> None:
        """Deletes events as an erasure does."""
        job = str(uuid.uuid4())
        self.store.hold(self.tenant, job)
        sql = "ALTER TABLE events DELETE WHERE event_id IN {ids:Array(UUID)} SETTINGS mutations_sync = 1"
        self.events.run(Statement(sql, {"ids": doomed}))
        self.ids = [each for each in self.ids if each not in doomed]
        self.store.release(self.tenant, job)

    def answer(self, query: Query, rolled: bool) -> dict[str, Any]:
        runner = ReportRunner(Reader(self.events), rollups=self.roller if rolled else None)
        return orjson.loads(orjson.dumps(asyncio.run(runner.run(query)).as_json()))

    def check(self, query: Query) -> str:
        """Asks both ways; gives where the second answer came from."""
        raw, rolled = self.answer(query, rolled=False), self.answer(query, rolled=True)
        source = rolled["meta"]["source"]
        for answer in (raw, rolled, raw.get("previous", {}), rolled.get("previous", {})):
            for name in ("source", "rows_read", "sql"):
                answer.get("meta", {}).pop(name, None)
        assert rolled == raw, query
        return str(source)


def source_of(rig: Rig, query: Query) -> str:
    return str(rig.answer(query, rolled=True)["meta"]["source"])


def draw_filter(chance: random.Random) -> Filter:
    field = chance.choice((*FIELDS, *FIELDS, "k"))
    op = chance.choice((Op.EQ, Op.NEQ, Op.IN, Op.NOT_IN, Op.CONTAINS, Op.EXISTS))
    values = ("a", "b", "s1", "web", "page_view", "u")
    value: Any = chance.choice(values)
    if op in (Op.IN, Op.NOT_IN):
        value = tuple(chance.sample(values, 2))
    return Filter(field, op, chance.choice((True, False)) if op is Op.EXISTS else value)


def draw_query(chance: random.Random, tenant: str, zone: str, turn: int) -> Query:
    rolled = [each.name for each in METRICS if each.rolled is not None]
    metric = chance.choice((*rolled, *rolled, "commerce.conversion_rate"))
    grain = chance.choice((Grain.QUARTER, Grain.HOUR, Grain.HOUR, Grain.DAY, Grain.WEEK, Grain.MONTH, Grain.ALL))
    report, ask = chance.choice(
        (
            ("timeseries", Timeseries(metric, grain)),
            ("timeseries", Timeseries(metric, grain)),
            ("active", Active()),
            ("top", Top(chance.choice((*FIELDS, "k")), chance.choice((2, 10)), chance.random() < 0.3)),
        )
    )
    start = turn - chance.choice((0, 1, 5 * HOUR, 2 * DAY, 3 * DAY + 1, 4 * DAY, 4 * DAY + 3))
    end = turn + chance.choice((1, HOUR // 2, 9 * HOUR, DAY + 7, 4 * DAY))
    return Query(
        report=report,
        tenant_id=tenant,
        now=instant_of(turn + 60 * DAY),
        ask=ask,
        start=instant_of(start),
        end=instant_of(end),
        zone=zone,
        site_id=chance.choice((None, None, "s1")),
        filters=tuple(draw_filter(chance) for _ in range(chance.choice((0, 0, 0, 1, 2)))),
        breakdown=chance.choice((None, None, *FIELDS, "k")),
        compare=chance.random() < 0.3,
        include_test=chance.random() < 0.5,
    )


def some_events(rig: Rig, turn: int) -> None:
    coarse = rig.chance.choice((1, 1_000_000, STEP, STEP // 2))
    moments = [
        turn + rig.chance.randint(-5 * DAY, 5 * DAY) // coarse * coarse for _ in range(rig.chance.randint(1, 60))
    ]
    rig.write(*(rig.event(moment) for moment in moments))


@pytest.mark.parametrize("seed", range(7))
def test_a_report_gives_the_same_from_rollups_as_from_the_events(
    database: Engine, events: EventStore, tenant: str, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    chance = random.Random(seed)
    monkeypatch.setattr(intake_rollup, "MERGED", 3)
    monkeypatch.setattr("auricle.report.rollup.LEAST", STEP)
    monkeypatch.setattr("auricle.store.segment.CHUNK", chance.choice((300, 1_000_000)))
    zone, turn_text = ZONES[seed % len(ZONES)]
    turn = micros_of(instant(turn_text, ""))
    rig = Rig(database, events, tenant, chance)
    some_events(rig, turn)
    sources = []
    for _ in range(6):
        act = chance.choice(("write", "write", "roll", "roll", "roll", "erase", "kill", "rebuild", "drop", "late"))
        if act == "write":
            some_events(rig, turn)
        elif act == "roll":
            rig.roller.roll()
        elif act == "erase":
            rig.erase(chance.sample(rig.ids, min(len(rig.ids), 5)))
        elif act == "kill":
            some_events(rig, turn)
            rig.start(lambda: chance.random() < 0.06)
            with contextlib.suppress(Killed):
                rig.roller.roll()
            rig.start()
        elif act == "late":  # as another machine's clock may have it: older than what is rolled up
            old = rig.arrived - 10_000_000
            rig.store.admit([(tenant, old)])
            rig.write(rig.event(turn), arrived=old)
        else:
            rig.store.rebuild() if act == "rebuild" else rig.store.drop()
        if chance.random() < 0.5:
            rig.roller.roll()
        for _ in range(3):
            query = draw_query(chance, tenant, zone, turn)
            sources.append(rig.check(query))
    rig.store.rebuild()
    rig.roller.roll()
    rig.roller.roll()
    whole = Query(
        report="timeseries",
        tenant_id=tenant,
        now=instant_of(turn + 60 * DAY),
        ask=Timeseries("events.count", Grain.ALL),
        start=instant_of(turn - 9 * DAY),
        end=instant_of(turn + 9 * DAY),
        include_test=True,
    )
    assert source_of(rig, whole) == "rollup"
    sources += [rig.check(draw_query(chance, tenant, zone, turn)) for _ in range(12)]
    assert sources.count("rollup") >= 2
    assert rig.answer(whole, rolled=True)["points"][0]["value"] == len(rig.ids)


def test_a_persons_rows_leave_the_rollups_before_the_tenant_counts_as_clear(
    database: Engine, events: EventStore, tenant: str
) -> None:
    rig = Rig(database, events, tenant, random.Random(1))
    hers = [rig.event(1_756_700_000_000_000, user_id="she") for _ in range(3)]
    rig.write(*hers, *(rig.event(1_756_700_000_000_000, user_id="he") for _ in range(2)))
    rig.roller.roll()
    users = Statement("SELECT DISTINCT user_id FROM rollup_actors WHERE tenant_id = {t:String}", {"t": tenant})
    assert {row[0] for row in events.ask(users).rows} == {"she", "he"}
    rig.erase([event.event_id for event in hers])
    assert not rig.store.clear_of(tenant)
    rig.roller.roll()
    assert rig.store.clear_of(tenant)
    assert {row[0] for row in events.ask(users).rows} == {"he"}


def test_a_report_that_was_overtaken_reads_the_events(database: Engine, events: EventStore, tenant: str) -> None:
    rig = Rig(database, events, tenant, random.Random(1))
    turn = 1_756_700_000_000_000
    rig.write(*(rig.event(turn + n * HOUR, source="web") for n in range(10)))
    rig.roller.roll()

    class Overtaken(Reader):
        async def read(self, statement: Statement) -> Rows:
            rows = await super().read(statement)
            if "rollup_events" in statement.sql:
                rig.store.hold(tenant, "job")
            return rows

    query = Query(
        report="timeseries",
        tenant_id=tenant,
        now=instant_of(turn + 3 * DAY),
        ask=Timeseries("events.count", Grain.ALL),
        start=instant_of(turn),
        end=instant_of(turn + 3 * DAY),
    )
    assert source_of(rig, query) == "rollup"
    result = asyncio.run(ReportRunner(Overtaken(events), rollups=rig.roller).run(query))
    assert (result.meta.source, result.body["points"][0]["value"]) == ("raw", 10)


def test_rows_that_differ_from_those_noted_are_made_anew(database: Engine, events: EventStore, tenant: str) -> None:
    rig = Rig(database, events, tenant, random.Random(1))
    rig.write(*(rig.event(1_756_700_000_000_000) for _ in range(10)))
    rig.roller.roll()
    (first,) = rig.store.holding().live
    rig.start()
    rig.roller.roll()
    assert tuple(rig.store.holding().live) == (first,)
    SegmentStore(events).drop(first)
    rig.start()
    rig.roller.roll()
    assert (first not in rig.store.holding().live, len(rig.store.holding().live)) == (True, 1)
