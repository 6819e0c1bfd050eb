"""The run: the only file of the reports that waits for the engine."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Protocol

from auricle.model.price import Price
from auricle.model.query import Query, Timeseries, instant_of, micros_of
from auricle.model.result import Meta, Result
from auricle.model.rollup import Coverage
from auricle.model.statement import Rows, Statement
from auricle.report import active, funnel, interactions, paths, pricing, retention, rollup, sessions, timeseries, top
from auricle.report.binding import Binding
from auricle.report.literal import rendered
from auricle.report.plan import pick_rollup, planned, put_sessions
from auricle.report.time import written

Prices = Callable[[str], tuple[Price, ...]]
"""The price list of a tenant."""


class Reader(Protocol):
    """The part of the event store that reports need."""

    @property
    def as_of(self) -> int:
        """Microseconds since 1970-01-01 UTC: all events received up to then can be read."""

    async def read(self, statement: Statement) -> Rows:
        """The rows of a statement. Raises `Unavailable` or `QueryTimeout`."""


class Rollups(Protocol):
    """What reports must know of the rollups."""

    async def coverage(self, tenant_id: str) -> Coverage | None:
        """How far they reach for a tenant; None when its reports must read the events."""

    async def holds_good(self, tenant_id: str, coverage: Coverage) -> bool:
        """Whether what was read with a coverage just now was all there while it was read."""


@dataclass(frozen=True, slots=True)
class Report:
    """One report, as pure functions."""

    name: str
    build: Callable[[Query], Statement]
    """A settled query to its main statement; with a breakdown it gets the values to keep in `query.keys`."""
    shape: Callable[[Query, Rows], dict[str, Any]]
    """The rows of that statement to the report's own members of the answer."""
    rank: Callable[[Query], Statement]
    """SQL of the encoded values a breakdown keeps, the greatest first."""
    names: Callable[[Query], tuple[str, ...]]
    """The event names the report looks at; all when empty."""


REPORTS: dict[str, Report] = {
    name: Report(name, module.build, module.shape, module.rank, module.names)
    for name, module in (
        ("timeseries", timeseries),
        ("funnel", funnel),
        ("retention", retention),
        ("active", active),
        ("top", top),
        ("paths", paths),
        ("sessions", sessions),
        ("interactions", interactions),
    )
}
"""Every report, by the name it has in the address."""


class ReportRunner:
    """Answers queries: settles, reads and shapes. `max_points` is the most points of one time series.

    Without `rollups` every report reads the events; without `prices` nothing has a price.
    """

    def __init__(
        self, reader: Reader, max_points: int = 10_000, rollups: Rollups | None = None, prices: Prices = lambda _: ()
    ) -> None:
        self._reader = reader
        self._max_points = max_points
        self._rollups = rollups
        self._prices = prices

    async def run(self, query: Query) -> Result:
        """The answer to a query. Raises `Invalid`, `Unavailable` or `QueryTimeout`."""
        if pricing.asked(query):
            query = replace(query, prices=await asyncio.to_thread(self._prices, query.tenant_id))
        coverage = await self._rollups.coverage(query.tenant_id) if self._rollups else None
        settled = planned(replace(query, max_points=self._max_points, rollup=coverage))
        result = await self._answer(settled)
        if not settled.compare:
            return result
        before = settled.span.before
        earlier = replace(settled, start=instant_of(before.start), end=instant_of(before.end), keys=result.keys)
        earlier = pick_rollup(put_sessions(replace(earlier, rollup=coverage)))
        return replace(result, previous=await self._answer(earlier))

    async def _answer(self, query: Query) -> Result:
        """The answer for one range; from the events where the rollups moved on while they were read."""
        result = await self._read(query)
        if query.rollup is None or self._rollups is None:
            return result
        good = await self._rollups.holds_good(query.tenant_id, query.rollup)
        return result if good else await self._read(replace(query, rollup=None))

    async def _read(self, query: Query) -> Result:
        report = REPORTS[query.report]
        as_of = min(self._reader.as_of, micros_of(query.now))
        rows_read = 0
        if query.breakdown is not None and query.keys is None:
            ranked = await self._reader.read(report.rank(query))
            rows_read += ranked.rows_read
            query = replace(query, keys=tuple(row[0] for row in ranked.rows))
        statement = report.build(query)
        excluded = 0
        if query.include_test:
            rows = await self._reader.read(statement)
        else:
            unseen = excluded_test(query, report.names(query))
            rows, hidden = await asyncio.gather(self._reader.read(statement), self._reader.read(unseen))
            rows_read += hidden.rows_read
            excluded = hidden.rows[0][0]
        left_out = {"test": excluded}
        if isinstance(query.ask, Timeseries) and pricing.asked(query):
            without = await self._reader.read(pricing.unpriced(query))
            rows_read += without.rows_read
            left_out["unpriced"] = without.rows[0][0]
        meta = Meta(
            start=written(query.span.start),
            end=written(query.span.end),
            as_of=written(as_of),
            rows_read=rows_read + rows.rows_read,
            excluded=left_out,
            sql=rendered(statement),
            source="raw" if query.rollup is None else "rollup",
        )
        return Result(report.shape(query, rows), meta, keys=query.keys or ())


def excluded_test(query: Query, names: tuple[str, ...]) -> Statement:
    """SQL of how many events of the range are left out because they are test traffic."""
    binding = Binding()
    apart = frozenset({"event_name"} if names else ())
    source = rollup.source(query, binding, query.span, apart, names, test=True)
    return binding.statement(f"SELECT {rollup.hits(query)} FROM {source}")
