"""The report `sessions`: visits, cut where an actor paused; how many, how long, how many ended after one event.

A session is a run of events of one actor without a pause longer than the gap. It belongs to the bucket in which it
begins, and only what lies before the end of the range counts: one that still runs then is told as it is by then. What
began before the range is no session of it, so the events of one gap before the range are read too.
"""

from typing import Any, cast

from auricle.model.query import By, Query, Sessions, Span
from auricle.model.statement import Rows, Statement
from auricle.report import breakdown, time
from auricle.report.actor import actor
from auricle.report.binding import Binding
from auricle.report.filters import joined, where
from auricle.report.time import MICROS, SECOND

MAX_GAP = time.DAY
"""The longest pause that may be asked to end a session."""
_FIGURES = (
    f"count() AS sessions, quantileExactInclusive(0.5)((ends - begins) / {SECOND}) AS median,"
    " countIf(events = 1) AS bounced, sum(events) AS of_all"
)


def names(_: Query) -> tuple[str, ...]:
    """The event names it looks at: all."""
    return ()


def rank(query: Query) -> Statement:
    """SQL of the values a breakdown keeps: those under which most sessions begin."""
    binding = Binding()
    return binding.statement(
        f"SELECT key FROM (\n{_sessions(query, binding, by_key=True)}\n)\n"
        f"GROUP BY key ORDER BY count() DESC, key LIMIT {breakdown.TOP}"
    )


def build(query: Query) -> Statement:
    """SQL of (bucket, sessions, median seconds, bounced, events, of_range[, slice]).

    `of_range` is 1 in the row that holds the figures of the whole range, whose bucket is 0.
    """
    binding = Binding()
    by_key = query.breakdown is not None
    slice_, group = (f", {breakdown.kept(query, binding, 'key')} AS slice", ", slice") if by_key else ("", "")
    bucket = time.bucket_sql(_ask(query).grain, query.zone, query.span, "begins")
    sets = f"((bucket{group}), ({'slice' if by_key else ''}))"
    return binding.statement(
        f"SELECT bucket, {_FIGURES}, grouping(bucket) AS of_range{group}\n"
        f"FROM (SELECT toInt64({bucket}) AS bucket, begins, ends, events{slice_} FROM (\n"
        f"{_sessions(query, binding, by_key)}\n))\nGROUP BY GROUPING SETS {sets}"
    )


def shape(query: Query, rows: Rows) -> dict[str, Any]:
    """`{sessions, median_seconds, bounce_rate, events_per_session, points: [{t, …the same}]}`, or `series`."""
    if query.breakdown is None:
        return _figures_of(query, rows.rows)
    slices: dict[str, list[list[Any]]] = {}
    for row in rows.rows:
        slices.setdefault(row[6], []).append(row)
    return {
        "series": [
            {"key": breakdown.decoded(key), **_figures_of(query, slices.get(key, []))}
            for key in breakdown.ordered(query, slices)
        ]
    }


def _ask(query: Query) -> Sessions:
    return cast(Sessions, query.ask)


def _sessions(query: Query, binding: Binding, by_key: bool) -> str:
    """SQL of one row a session that begins in the range: `begins`, `ends`, `events`, and `key` of its first event."""
    ask, span = _ask(query), query.span
    who, somebody = actor(By.USER)
    reads = Span(max(span.start - ask.gap, 0), span.end)
    conditions = joined((*where(query, binding, reads), somebody))
    moment = f"({MICROS}, toUnixTimestamp64Micro(received_at){f', {breakdown.encoded(query)}' if by_key else ''})"
    paused = f"(e, pause) -> pause > {ask.gap}, walk, arrayDifference(walk.1)"
    key = ", run[1].3 AS key" if by_key else ""
    return (
        f"  SELECT run[1].1 AS begins, run[-1].1 AS ends, length(run) AS events{key}\n"
        f"  FROM (\n    SELECT arrayJoin(arraySplit({paused})) AS run\n"
        f"    FROM (\n      SELECT arraySort(groupArray({moment})) AS walk\n"
        f"      FROM events WHERE {conditions}\n      GROUP BY {who}\n    )\n  )\n"
        f"  WHERE begins >= {span.start}"
    )


def _figures_of(query: Query, rows: list[list[Any]]) -> dict[str, Any]:
    axis = time.buckets(_ask(query).grain, query.zone, query.span)
    buckets = {row[0]: row for row in rows if not row[5]}
    whole = next((row for row in rows if row[5]), None)
    points = [{"t": time.written(each.start), **_told(buckets.get(each.key))} for each in axis]
    return {**_told(whole), "points": points}


def _told(row: list[Any] | None) -> dict[str, Any]:
    if row is None or not row[1]:
        return {"sessions": 0, "median_seconds": None, "bounce_rate": None, "events_per_session": None}
    _, sessions, median, bounced, events, *_ = row
    return {
        "sessions": sessions,
        "median_seconds": median,
        "bounce_rate": bounced / sessions,
        "events_per_session": events / sessions,
    }
