"""The daily figures: the same as the reports', and there when the events are gone."""

import asyncio
import uuid
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine

from auricle import clock
from auricle.errors import Invalid
from auricle.intake.row import body_of, line_of
from auricle.model.event import Event
from auricle.model.query import micros_of
from auricle.model.statement import Rows, Statement
from auricle.privacy import daily as module
from auricle.privacy.daily import Daily
from auricle.report.run import ReportRunner
from auricle.store.control import ControlStore
from auricle.store.daily import DailyStore
from auricle.store.events import EventStore

DAY = timedelta(days=1)
NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
NOW = NOON + 3 * DAY
"""By now the 10th and the 11th are written: the 12th has been over for twelve hours only."""


class Reader:
    """The event store as reports see it."""

    def __init__(self, events: EventStore) -> None:
        self.events, self.as_of = events, micros_of(NOW)

    async def read(self, statement: Statement) -> Rows:
        return await self.events.read(statement)


class Rig:
    """A tenant, its events, and its daily figures."""

    def __init__(self, database: Engine, events: EventStore, tenant: str) -> None:
        self.events, self.tenant = events, tenant
        ControlStore(database).ensure_tenant(tenant)
        self.store = DailyStore(database)
        self.daily = Daily(self.store, events, ReportRunner(Reader(events)), keep=365)

    def write(self, name: str, moment: datetime, **more: Any) -> None:
        plain = Event(self.tenant, str(uuid.uuid4()), name, micros_of(moment), "", "", "", "web", "", {}, {})
        event = plain._replace(**more)
        self.events.insert(line_of(body_of(event), event.occurred_at, micros_of(NOW)), event.event_id)

    def figures(self, name: str, days: int = 3) -> list[int | float | None]:
        found = self.daily.read(self.tenant, name, NOON.date(), NOON.date() + days * DAY)
        return [value for _, value in found.values]


@pytest.fixture
def rig(database: Engine, events: EventStore, tenant: str, monkeypatch: pytest.MonkeyPatch) -> Rig:
    monkeypatch.setattr(clock, "now", lambda: NOW)
    rig = Rig(database, events, tenant)
    for user, days in (("a", 0), ("b", 0), ("a", 1), ("c", 2)):
        rig.write("page_view", NOON + days * DAY, user_id=user)
    rig.write("commerce.view", NOON, session_id="s")
    rig.write("commerce.checkout", NOON + DAY, session_id="s")
    rig.write("kb.search", NOON, attributes={"kb.results_count": 1, "kb.top_score": 0.25})
    rig.write("kb.search", NOON, attributes={"kb.results_count": 0, "kb.top_score": 0.5})
    return rig


def test_each_day_has_the_figures_of_that_day_alone(rig: Rig) -> None:
    asyncio.run(rig.daily.sweep())
    told = {name: rig.figures(name) for name in ("dau", "mau", "users.count", "events.count", "kb.hit_rate")}
    assert told == {
        "dau": [3, 2, None],
        "mau": [3, 3, None],
        "users.count": [2, 1, None],
        "events.count": [5, 2, None],
        "kb.hit_rate": [0.5, None, None],
    }
    assert rig.figures("commerce.conversion_rate") == [0.0, None, None]
    assert rig.figures("kb.relevance_score.avg") == [0.375, None, None]


def test_they_are_there_when_the_events_are_gone(rig: Rig) -> None:
    asyncio.run(rig.daily.sweep())
    gone = "ALTER TABLE events DELETE WHERE tenant_id = {t:String} SETTINGS mutations_sync = 1"
    rig.events.run(Statement(gone, {"t": rig.tenant}))
    asyncio.run(rig.daily.sweep())
    assert rig.figures("events.count") == [5, 2, None]


def test_a_day_is_written_once_and_the_next_one_when_it_is_due(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    asyncio.run(rig.daily.sweep())
    rig.write("page_view", NOON + DAY, user_id="late")
    asyncio.run(rig.daily.sweep())
    assert rig.store.reach(rig.tenant) == (date(2026, 3, 10), date(2026, 3, 12))
    monkeypatch.setattr(clock, "now", lambda: NOW + 10 * timedelta(hours=1))
    asyncio.run(rig.daily.sweep())
    assert rig.figures("users.count") == [2, 1, 1]


def test_killed_before_the_mark_it_writes_the_same_again(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    def killed(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(module.DailyStore, "write", killed)
        with pytest.raises(KeyboardInterrupt):
            asyncio.run(rig.daily.sweep())
    assert rig.store.reach(rig.tenant) == (None, None)
    asyncio.run(rig.daily.sweep())
    rig.store.write(rig.tenant, [(date(2026, 3, 10), "dau", 9.0)], date(2026, 3, 10), date(2026, 3, 11))
    assert rig.store.behind(date(2026, 3, 11)) == [(rig.tenant, date(2026, 3, 11))]
    assert (rig.figures("dau"), rig.figures("events.count")) == ([9, 2, None], [None, 2, None])


def test_what_is_over_its_days_goes(rig: Rig) -> None:
    asyncio.run(rig.daily.sweep())
    assert rig.store.sweep(date(2026, 3, 13), 3) == 0
    assert rig.store.sweep(date(2026, 3, 13), 2) > 0
    assert rig.figures("users.count") == [None, 1, None]


def test_nobody_reads_another_tenants_figures(rig: Rig) -> None:
    asyncio.run(rig.daily.sweep())
    found = rig.daily.read("another", "dau", NOON.date(), NOON.date() + DAY)
    assert (found.values, found.first, found.upto) == (((NOON.date(), None),), None, None)


WRONG: list[tuple[str, Callable[[Daily], object]]] = [
    ("/name", lambda daily: daily.read("t", "nothing", date(2026, 1, 1), date(2026, 1, 2))),
    ("/from", lambda daily: daily.read("t", "dau", date(2026, 1, 2), date(2026, 1, 2))),
    ("/from", lambda daily: daily.read("t", "dau", date(1990, 1, 2), date(2026, 1, 2))),
]


@pytest.mark.parametrize(("pointer", "asked"), WRONG)
def test_what_cannot_be_asked_names_the_member(rig: Rig, pointer: str, asked: Callable[[Daily], object]) -> None:
    with pytest.raises(Invalid) as refused:
        asked(rig.daily)
    assert [fault.pointer for fault in refused.value.faults] == [pointer]
