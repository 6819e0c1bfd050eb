"""The report `active`: how many actors were there on a day, in the week and in the month that end with it.

Nothing is summed that must not be: the engine gives, for each day, how many actors were there and after how many days
they came next (at most 30). An actor of day `d` who next comes after `g` days is in the week of the days `d` to
`d + min(g, 7) - 1` by this visit, and after that by the next one. So every actor is counted once in every week.
"""

from datetime import date, timedelta
from typing import Any

from auricle.model.query import Grain, Query, Span
from auricle.model.statement import Rows, Statement
from auricle.report import breakdown, rollup, time
from auricle.report.binding import Binding
from auricle.report.fields import ACTOR_KEY, SOMEBODY

WEEK, MONTH = 7, 30
"""Days that end with a day and make its week and its month."""


def names(_: Query) -> tuple[str, ...]:
    """The event names it looks at: all."""
    return ()


def window(query: Query) -> Span:
    """What is read: from the midnight 29 days before the first day, up to the end of the range."""
    place = time.zone(query.zone)
    first = time.local_day(query.span.start, place)
    return Span(time.midnight(first - timedelta(days=MONTH - 1), place), query.span.end)


def needs(query: Query) -> rollup.Need:
    """What a rollup must be able to do to answer."""
    return rollup.Need(rollup.COLUMNS["actor"], window(query), Grain.DAY)


def rank(query: Query) -> Statement:
    """SQL of the values a breakdown keeps: those with the most actors in the range first."""
    binding = Binding()
    return binding.statement(
        f"SELECT {breakdown.encoded(query)} AS key FROM {_source(query, binding, query.span)}\n"
        f"GROUP BY key ORDER BY uniqExact({ACTOR_KEY}) DESC, key LIMIT {breakdown.TOP}"
    )


def build(query: Query) -> Statement:
    """SQL of (day, gap, actors[, slice]): actors of a day by the days until they came next, at most 30."""
    binding = Binding()
    read = window(query)
    slice_ = breakdown.kept(query, binding, breakdown.encoded(query)) if query.breakdown else None
    day = time.bucket_sql(Grain.DAY, query.zone, read)
    extra, group = (f", {slice_} AS slice", ", slice") if slice_ else ("", "")
    return binding.statement(
        "SELECT visit.1 AS day, visit.2 AS gap, count() AS actors" + (", slice" if slice_ else "") + "\n"
        "FROM (\n"
        f"  SELECT arraySort(groupUniqArray(toInt32({day}))) AS days{extra}\n"
        f"  FROM {_source(query, binding, read)}\n"
        f"  GROUP BY {ACTOR_KEY}{group}\n"
        ")\n"
        f"ARRAY JOIN arrayMap((d, next) -> (d, least(next - d, {MONTH})), days,"
        f" arrayPushBack(arrayPopFront(days), days[-1] + {MONTH})) AS visit\n"
        f"GROUP BY day, gap{group}"
    )


def shape(query: Query, rows: Rows) -> dict[str, Any]:
    """`{days: [{date, dau, wau, mau, stickiness}]}`, or `series: [{key, days}]` with a breakdown."""
    if query.breakdown is None:
        return {"days": _days(query, rows.rows)}
    slices: dict[str, list[list[Any]]] = {}
    for row in rows.rows:
        slices.setdefault(row[3], []).append(row)
    return {
        "series": [
            {"key": breakdown.decoded(key), "days": _days(query, slices.get(key, []))}
            for key in breakdown.ordered(query, slices)
        ]
    }


def _source(query: Query, binding: Binding, span: Span) -> str:
    return rollup.source(query, binding, span, rollup.COLUMNS["actor"], also=(SOMEBODY,))


def _days(query: Query, visits: list[list[Any]]) -> list[dict[str, Any]]:
    place = time.zone(query.zone)
    first = time.local_day(query.span.start, place)
    last = time.local_day(query.span.end - 1, place)
    origin = first - timedelta(days=MONTH - 1)
    length = (last - origin).days + 1
    daily, weekly, monthly = ([0] * (length + MONTH + 1) for _ in range(3))
    for day, gap, actors, *_ in visits:
        at = day - time.day_number(origin)
        daily[at] += actors
        for counts, reach in ((weekly, WEEK), (monthly, MONTH)):
            counts[at] += actors
            counts[at + min(gap, reach)] -= actors
    found = []
    week = month = 0
    for at in range(length):
        week, month = week + weekly[at], month + monthly[at]
        day = origin + timedelta(days=at)
        if day >= first and _exists(day, place):
            found.append(_day(day, daily[at], week, month))
    return found


def _exists(day: date, place: Any) -> bool:
    return time.midnight(day + timedelta(days=1), place) > time.midnight(day, place)


def _day(day: date, dau: int, wau: int, mau: int) -> dict[str, Any]:
    stickiness = dau / mau if mau else None
    return {"date": day.isoformat(), "dau": dau, "wau": wau, "mau": mau, "stickiness": stickiness}
