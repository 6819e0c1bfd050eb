"""The daily figures: written down while the events are there, read when they are gone.

A day of UTC is written once, when it has been over for so long that hardly anything of it comes any more, and well
before retention may take its events. What is backfilled or erased later does not change it.
"""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from typing import Any

import structlog

from auricle import clock
from auricle.errors import AuricleError, Invalid
from auricle.model.query import Active, Ask, Grain, Query, Timeseries
from auricle.model.receipt import Fault
from auricle.model.statement import Statement
from auricle.report.metrics import BY_NAME, METRICS
from auricle.report.run import ReportRunner
from auricle.store.daily import DailyStore, Figure
from auricle.store.events import EventStore

log = structlog.get_logger(__name__)

SETTLED = timedelta(hours=22)
"""How long a day has been over when it is written. Retention takes nothing of it within 24 hours."""
AT_ONCE = 31
"""Days of one tenant that are written together."""
LONGEST = 3_660
"""Days of one answer."""
ACTORS = ("dau", "wau", "mau")
NAMES = (*ACTORS, *BY_NAME)
"""Every name there is a figure of."""


@dataclass(frozen=True, slots=True)
class Days:
    """The figures of one name by day, and what is written at all."""

    name: str
    values: tuple[tuple[date, int | float | None], ...]
    first: date | None
    upto: date | None

    def as_json(self) -> dict[str, Any]:
        """The answer as the client gets it."""
        meta = {
            "source": "daily_metrics",
            "first": self.first and self.first.isoformat(),
            "upto": self.upto and self.upto.isoformat(),
        }
        days = [{"date": day.isoformat(), "value": value} for day, value in self.values]
        return {"name": self.name, "days": days, "meta": meta}


class Daily:
    """Writes the figures of days that are over, and forgets those over theirs. `keep` is in days; 0 is for ever."""

    def __init__(self, store: DailyStore, events: EventStore, runner: ReportRunner, keep: int) -> None:
        self._store = store
        self._events = events
        self._runner = runner
        self._keep = keep

    async def sweep(self) -> None:
        """Writes what is due, a stretch of days of each tenant; forgets what is over."""
        now = clock.now()
        last = (now - SETTLED).date() - timedelta(days=1)
        for tenant, upto in await asyncio.to_thread(self._store.behind, last):
            try:
                await self._write(tenant, upto, last, now)
            except AuricleError as error:
                # NOTE: one tenant's days may take too long; the others must not wait for it.
                log.warning("days_wait", tenant=tenant, error=error.detail)
        if self._keep:
            await asyncio.to_thread(self._store.sweep, now.date(), self._keep)

    async def _write(self, tenant: str, upto: date | None, last: date, now: datetime) -> None:
        start: date = upto if upto is not None else await asyncio.to_thread(self._first, tenant, last)
        end = min(start + timedelta(days=AT_ONCE), last + timedelta(days=1))
        figures = [figure async for figure in self._figures(tenant, start, end, now)]
        await asyncio.to_thread(self._store.write, tenant, figures, start, end)
        log.info("days_written", tenant=tenant, start=start.isoformat(), upto=end.isoformat())

    def read(self, tenant_id: str, name: str, start: date, end: date) -> Days:
        """The figures of a name from one day up to another, that one left out. Blocks.

        Raises:
            Invalid: there is no such name, or the days are no range.
        """
        if name not in NAMES:
            raise _refused("/name", "enum", f"Expected one of {', '.join(NAMES)}.")
        if not timedelta(0) < end - start <= timedelta(days=LONGEST):
            raise _refused("/from", "range", f"Expected from to be earlier than to, by at most {LONGEST} days.")
        found = self._store.read(tenant_id, name, start, end - timedelta(days=1))
        days = (start + timedelta(days=n) for n in range((end - start).days))
        first, upto = self._store.reach(tenant_id)
        return Days(name, tuple((day, _shaped(name, found.get(day))) for day in days), first, upto)

    def _first(self, tenant_id: str, last: date) -> date:
        """The first day worth writing of a tenant that was never written."""
        oldest = last - timedelta(days=self._keep or LONGEST)
        sql = (
            "SELECT toString(toDate(min(occurred_at))), count() FROM events"
            " WHERE tenant_id = {tenant:String} AND occurred_at >= {oldest:Date}"
        )
        day, events = self._events.ask(Statement(sql, {"tenant": tenant_id, "oldest": oldest.isoformat()})).rows[0]
        return min(date.fromisoformat(day), last) if events else last

    async def _figures(self, tenant: str, start: date, end: date, now: datetime) -> AsyncIterator[Figure]:
        """Every figure of the days, as the reports give it for each day by itself."""
        for metric in METRICS:
            ask, spans = Timeseries(metric.name, Grain.DAY), [(start, end)]
            if metric.match is not None:  # what it looks for may lie anywhere in its range
                spans = list(pairwise(start + timedelta(days=n) for n in range((end - start).days + 1)))
            for span in spans:
                for point in (await self._ask("timeseries", tenant, ask, span, now))["points"]:
                    yield date.fromisoformat(point["t"][:10]), metric.name, point["value"]
        for day in (await self._ask("active", tenant, Active(), (start, end), now))["days"]:
            for name in ACTORS:
                yield date.fromisoformat(day["date"]), name, day[name]

    async def _ask(self, report: str, tenant: str, ask: Ask, span: tuple[date, date], now: datetime) -> Any:
        bounds = [datetime.combine(day, time(), UTC) for day in span]
        query = Query(report=report, tenant_id=tenant, now=now, ask=ask, start=bounds[0], end=bounds[1])
        return (await self._runner.run(query)).body


def _shaped(name: str, value: float | None) -> int | float | None:
    if value is None:
        return None
    return int(value) if name in ACTORS else BY_NAME[name].shaped(value)


def _refused(pointer: str, rule: str, message: str) -> Invalid:
    return Invalid("The figures cannot be told.", (Fault(pointer, rule, message),))
