"""The report `paths`: what actors did after an event, or what had led them to it.

Every occurrence of the event in the range begins one path: the events of the same actor that follow it (or precede
it) within the window, at most `depth` of them, in order of time, ties by arrival. So an actor who meets the event
twice has two paths, and they may share events.
"""

from typing import Any, cast

from auricle.errors import Invalid
from auricle.model.query import Direction, Paths, Query, Span
from auricle.model.receipt import Fault
from auricle.model.statement import Rows, Statement
from auricle.report import time
from auricle.report.actor import ARRIVAL, actor, fills
from auricle.report.binding import Binding
from auricle.report.filters import joined, where
from auricle.report.time import MICROS

MAX_DEPTH = 10
MAX_ROWS = 100
MAX_WINDOW = 31 * time.DAY


def names(_: Query) -> tuple[str, ...]:
    """The event names it looks at: all."""
    return ()


def rank(_: Query) -> Statement:
    """A path has no breakdown: it is one already. `Invalid`, always."""
    message = "Paths have no breakdown; use filters instead."
    raise Invalid("The report cannot be made.", (Fault("/breakdown", "unsupported", message),))


def build(query: Query) -> Statement:
    """SQL of (path, hits, total, kinds): the most frequent paths, how many there are in all, and of how many kinds."""
    binding = Binding()
    ask, span = _ask(query), query.span
    who, somebody = actor(ask.by)
    after = ask.direction is Direction.AFTER
    reads = Span(span.start, span.end + ask.window) if after else Span(max(span.start - ask.window, 0), span.end)
    conditions = joined((*where(query, binding, reads), somebody))
    # NOTE: looked at backwards, the way that leads to an event is the way that follows it.
    order = "(at, arrival)" if after else "(-at, -arrival)"
    near = f"abs(n.1 - moment) <= {ask.window}"
    return binding.statement(
        "SELECT path, count() AS hits, sum(hits) OVER () AS total, count() OVER () AS kinds\n"
        "FROM (\n"
        f"  SELECT arrayMap(n -> n.2, arrayFilter(n -> {near}, arraySlice(walk, place + 1, {ask.depth}))) AS path\n"
        "  FROM (\n"
        "    SELECT walk, place, walk[place].1 AS moment\n"
        "    FROM (\n"
        f"      SELECT arrayMap(e -> (e.2, e.3, e.4), arraySort(groupArray(({order}, at, name, begins)))) AS walk\n"
        "      FROM (\n"
        f"        SELECT {who} AS actor, {MICROS} AS at, {ARRIVAL} AS arrival, toString(event_name) AS name,\n"
        f"          ({fills(ask.event, binding)}) AND at >= {span.start} AND at < {span.end} AS begins\n"
        f"        FROM events WHERE {conditions}\n"
        "      )\n      GROUP BY actor HAVING max(begins)\n    )\n"
        "    ARRAY JOIN arrayFilter((place, e) -> e.3, arrayEnumerate(walk), walk) AS place\n  )\n)\n"
        f"GROUP BY path ORDER BY hits DESC, path LIMIT {binding.integer(ask.limit)}"
    )


def shape(query: Query, rows: Rows) -> dict[str, Any]:
    """`{event, direction, paths: [{events, count, share}], other, total}`; `events` nearest to the event first."""
    ask = _ask(query)
    total = rows.rows[0][2] if rows.rows else 0
    paths = [{"events": path, "count": hits, "share": hits / total} for path, hits, _, _ in rows.rows]
    other = total - sum(each["count"] for each in paths)
    return {
        "event": ask.event.event,
        "direction": ask.direction.value,
        "paths": paths,
        "other": other,
        "total": total,
    }


def _ask(query: Query) -> Paths:
    return cast(Paths, query.ask)
