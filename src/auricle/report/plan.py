"""The plan: the passes that settle a query before SQL is made of it, each `Query -> Query`.

A pass fills in what was left open, or raises `Invalid` with a fault that names the member of the request and what it
may be. None looks at the machine: the query carries its own `now`.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from functools import reduce
from types import MappingProxyType

from auricle.errors import Invalid
from auricle.model.query import (
    Filter,
    Funnel,
    Grain,
    Interactions,
    Paths,
    Query,
    Retention,
    SessionFunnel,
    Sessions,
    Timeseries,
    Top,
)
from auricle.model.receipt import Fault
from auricle.report import active, interactions, paths, retention, rollup, session, sessions, time, timeseries, top
from auricle.report.fields import field
from auricle.report.filters import MAX_FILTERS, check
from auricle.report.metrics import BY_NAME, named

ROLLED: Mapping[str, Callable[[Query], rollup.Need | None]] = MappingProxyType(
    {"timeseries": timeseries.needs, "active": active.needs, "top": top.needs}
)
"""The reports that rollups can answer, with what they must be able to do for each."""

DEFAULT_PERIOD = timedelta(days=30)
"""The range of a query that names none."""

MIN_STEPS, MAX_STEPS = 2, 10
MAX_WINDOW = 366 * time.DAY
MAX_DAYS = 10_000
"""Days of one `active` report."""

Pass = Callable[[Query], Query]


def put_range(query: Query) -> Query:
    """Settles `start` and `end`: as told, or the period that ends now, or the last 30 days."""
    if query.period is not None:
        if query.start is not None or query.end is not None:
            raise _refused("/period", "period", "Expected either a period, or from and to.")
        return replace(query, start=query.now - query.period, end=query.now)
    if query.start is None:
        if query.end is not None:
            raise _refused("/from", "required", "Expected from beside to.")
        return replace(query, start=query.now - DEFAULT_PERIOD, end=query.now)
    return replace(query, end=query.end or query.now)


def check_range(query: Query) -> Query:
    """Refuses a range that is empty or lies beyond the calendar."""
    span = query.span
    if span.start >= span.end:
        raise _refused("/from", "range", "Expected from to be earlier than to (now, when to is left out).")
    if span.start < time.EARLIEST or span.end > time.LATEST:
        raise _refused("/from", "range", "Expected a range within the years 1971 to 2199.")
    if query.compare and span.before.start < time.EARLIEST:
        raise _refused("/compare", "range", "Expected a previous period that begins in 1971 or later.")
    return query


def check_zone(query: Query) -> Query:
    """Refuses an unknown zone."""
    time.zone(query.zone)
    return query


def check_fields(query: Query) -> Query:
    """Refuses a breakdown or a listed field that cannot be one."""
    if query.breakdown is not None:
        field(query.breakdown, "/breakdown")
    if isinstance(query.ask, Top):
        field(query.ask.field, "/field")
    return query


def check_filters(query: Query) -> Query:
    """Refuses filters that cannot be turned into SQL, those of steps too."""
    found = (*query.filters, *_of_steps(query))
    if len(found) > MAX_FILTERS:
        raise _refused("/filters", "maxItems", f"Expected at most {MAX_FILTERS} filters in all.")
    for each in found:
        check(each)
    return query


def check_ask(query: Query) -> Query:
    """Refuses what one report alone can be asked wrongly: metric, steps, window, limit."""
    ask = query.ask
    if isinstance(ask, Timeseries) and named(query, ask.metric) is None:
        own = [one.name for one in query.own_metrics if named(query, one.name) is not None]
        raise _refused("/metric", "enum", f"Expected one of {', '.join((*BY_NAME, *own))}.")
    if isinstance(ask, Funnel) and not MIN_STEPS <= len(ask.steps) <= MAX_STEPS:
        raise _refused("/steps", "items", f"Expected {MIN_STEPS} to {MAX_STEPS} steps.")
    if isinstance(ask, Funnel) and not 0 < ask.window <= MAX_WINDOW:
        raise _refused("/window", "window", "Expected seconds above 0 or a period such as 7d, at most 366 days.")
    if isinstance(ask, Top) and not 1 <= ask.limit <= top.MAX_ROWS:
        raise _refused("/limit", "range", f"Expected 1 to {top.MAX_ROWS}.")
    return query


def check_walk(query: Query) -> Query:
    """Refuses what retention, sessions and paths can be asked wrongly."""
    ask = query.ask
    if isinstance(ask, Retention):
        if not 1 <= ask.periods <= retention.MAX_PERIODS:
            raise _refused("/periods", "range", f"Expected 1 to {retention.MAX_PERIODS} periods.")
        if not time.fits(ask.grain, query.zone, query.span, retention.MAX_COHORTS):
            message = f"Expected at most {retention.MAX_COHORTS} cohorts: a shorter range, or a coarser grain."
            raise _refused("/grain", "maxPoints", message)
    if isinstance(ask, Sessions) and not 0 < ask.gap <= sessions.MAX_GAP:
        raise _refused("/gap_minutes", "range", f"Expected more than 0, at most {sessions.MAX_GAP // time.HOUR * 60}.")
    if isinstance(ask, Paths):
        if query.breakdown is not None:
            raise _refused("/breakdown", "unsupported", "Paths have no breakdown; use filters instead.")
        if not 1 <= ask.depth <= paths.MAX_DEPTH:
            raise _refused("/depth", "range", f"Expected 1 to {paths.MAX_DEPTH} events.")
        if not 1 <= ask.limit <= paths.MAX_ROWS:
            raise _refused("/limit", "range", f"Expected 1 to {paths.MAX_ROWS} paths.")
        if not 0 < ask.window <= paths.MAX_WINDOW:
            raise _refused("/window", "window", "Expected seconds above 0 or a period such as 1d, at most 31 days.")
    return query


def check_interactions(query: Query) -> Query:
    """Refuses what interactions can be asked wrongly."""
    ask = query.ask
    if isinstance(ask, Interactions):
        if query.breakdown is not None:
            raise _refused("/breakdown", "unsupported", "Interactions have no breakdown; use filters instead.")
        if not 1 <= ask.limit <= interactions.MAX_ROWS:
            raise _refused("/limit", "range", f"Expected 1 to {interactions.MAX_ROWS}.")
    return query


def put_sessions(query: Query) -> Query:
    """Turns the conditions on sessions into SQL, over the query's own range."""
    if len(query.sessions) > session.MAX_SESSIONS:
        raise _refused("/sessions", "maxItems", f"Expected at most {session.MAX_SESSIONS} conditions on sessions.")
    for each in query.sessions:
        if isinstance(each, SessionFunnel):
            check_ask(replace(query, ask=each.funnel, filters=()))
    return replace(query, within=tuple(session.within(each, query) for each in query.sessions))


def check_points(query: Query) -> Query:
    """Refuses a time series of too many points, and names the finest grain that fits."""
    if not isinstance(query.ask, Timeseries | Sessions):
        if query.span.end - query.span.start > MAX_DAYS * time.DAY:
            raise _refused("/from", "range", f"Expected a range of at most {MAX_DAYS} days.")
        return query
    spans = [query.span, query.span.before] if query.compare else [query.span]
    if query.ask.grain is Grain.ALL:
        return query
    grains = [grain for grain in Grain if grain is not Grain.ALL]
    for grain in grains[grains.index(query.ask.grain) :]:
        if all(time.fits(grain, query.zone, span, query.max_points) for span in spans):
            if grain is query.ask.grain:
                return query
            message = f"More than {query.max_points} points; the finest grain that fits this range is {grain.value}."
            raise _refused("/grain", "maxPoints", message)
    message = f"More than {query.max_points} points in every grain; expected a shorter range."
    raise _refused("/grain", "maxPoints", message)


def pick_rollup(query: Query) -> Query:
    """Keeps the rollups for a query that they answer to the last unit; any other reads the events."""
    need = ROLLED[query.report](query) if query.rollup is not None and query.report in ROLLED else None
    return query if need is not None and rollup.serves(query, need) else replace(query, rollup=None)


PASSES: tuple[Pass, ...] = (
    put_range,
    check_range,
    check_zone,
    check_ask,
    check_walk,
    check_interactions,
    check_fields,
    check_filters,
    check_points,
    put_sessions,
    pick_rollup,
)
"""Every pass, in order."""


def _of_steps(query: Query) -> tuple[Filter, ...]:
    """The filters of the steps that the query's own report asks for."""
    ask = query.ask
    if isinstance(ask, Funnel):
        return tuple(each for step in ask.steps for each in step.filters)
    if isinstance(ask, Retention):
        return (*ask.cohort.filters, *ask.back.filters)
    return ask.event.filters if isinstance(ask, Paths) else ()


def planned(query: Query) -> Query:
    """The query after all passes."""
    return reduce(lambda current, step: step(current), PASSES, query)


def _refused(pointer: str, rule: str, message: str) -> Invalid:
    return Invalid("The report cannot be made.", (Fault(pointer, rule, message),))
