"""The report `retention`: of those who came for the first time, how many came again, and when.

An actor belongs to the cohort of the day, week or month of the first cohort event of all its history, so the whole
history up to the end of the range is read for that event, and only what lies in the range makes a cohort. Period 0 is
the cohort's own bucket, and there only a return event after the first event counts: one event never counts for both.
"""

from typing import Any, cast

from auricle.model.query import Grain, Query, Retention, Span, micros_of
from auricle.model.statement import Rows, Statement
from auricle.report import breakdown, time
from auricle.report.actor import ARRIVAL, actor, fills
from auricle.report.binding import Binding
from auricle.report.filters import joined, where
from auricle.report.time import MICROS

GRAINS = (Grain.DAY, Grain.WEEK, Grain.MONTH)
"""The grains a cohort may have."""
MAX_PERIODS = 60
MAX_COHORTS = 400
_SIZE = -1
"""The period under which the engine tells the size of a cohort."""
_LONGEST = {Grain.DAY: 1, Grain.WEEK: 7, Grain.MONTH: 31}


def names(query: Query) -> tuple[str, ...]:
    """The event names it looks at: those that begin, and those that count as coming again."""
    ask = _ask(query)
    return tuple(dict.fromkeys((ask.cohort.event, ask.back.event)))


def followed(query: Query) -> Span:
    """From the begin of the range to where the last period of its last cohort ends, or later."""
    ask = _ask(query)
    days = (ask.periods + 2) * _LONGEST[ask.grain]
    return Span(query.span.start, min(query.span.end + days * time.DAY, time.LATEST))


def rank(query: Query) -> Statement:
    """SQL of the values a breakdown keeps: those under which most actors came for the first time."""
    binding = Binding()
    return binding.statement(
        f"SELECT key FROM (\n{_firsts(query, binding, by_key=True)}\n)\n"
        f"GROUP BY key ORDER BY count() DESC, key LIMIT {breakdown.TOP}"
    )


def build(query: Query) -> Statement:
    """SQL of (cohort, period, actors[, slice]); the period -1 stands for the size of a cohort."""
    binding = Binding()
    by_key = query.breakdown is not None
    slice_ = f", {breakdown.kept(query, binding, 'key')} AS slice" if by_key else ""
    group = ", slice" if by_key else ""
    ask, span = _ask(query), followed(query)
    cohort = _number(ask.grain, time.bucket_sql(ask.grain, query.zone, span, "begun.1"))
    later = _number(ask.grain, time.bucket_sql(ask.grain, query.zone, span, "(e.1)"))
    return binding.statement(
        f"SELECT cohort, arrayJoin(arrayPushFront(arrayDistinct(arrayFilter(p -> p <= {ask.periods}, arrayMap("
        f"e -> {later} - cohort,\n  arrayFilter(e -> e > begun, returns)))), {_SIZE})) AS period,"
        f" count() AS actors{group}\n"
        f"FROM (SELECT begun, returns, toInt64({cohort}) AS cohort{slice_} FROM (\n"
        f"{_firsts(query, binding, by_key)}\n))\nGROUP BY cohort, period{group}"
    )


def shape(query: Query, rows: Rows) -> dict[str, Any]:
    """`{cohorts: [{t, size, periods: [{period, count, rate, complete}]}]}`, or `series: [{key, cohorts}]`.

    Periods that have not begun yet have the count null; `complete` tells whether a period is over.
    """
    if query.breakdown is None:
        return {"cohorts": _cohorts(query, {(row[0], row[1]): row[2] for row in rows.rows})}
    slices: dict[str, dict[tuple[int, int], int]] = {}
    for cohort, period, actors, key in rows.rows:
        slices.setdefault(key, {})[cohort, period] = actors
    return {
        "series": [
            {"key": breakdown.decoded(key), "cohorts": _cohorts(query, slices.get(key, {}))}
            for key in breakdown.ordered(query, slices)
        ]
    }


def _ask(query: Query) -> Retention:
    return cast(Retention, query.ask)


def _number(grain: Grain, key: str) -> str:
    """SQL of a bucket's number, counted on without gaps: months of a year end with 12."""
    return f"(intDiv({key}, 100) * 12 + {key} % 100)" if grain is Grain.MONTH else key


def _firsts(query: Query, binding: Binding, by_key: bool) -> str:
    """SQL of one row an actor that came for the first time in the range: `begun`, `returns`, and `key` if asked."""
    ask, span, reads = _ask(query), query.span, followed(query)
    who, somebody = actor(ask.by)
    conditions = joined((*where(query, binding, Span(time.EARLIEST, reads.end), names(query)), somebody))
    first, back = fills(ask.cohort, binding), fills(ask.back, binding)
    return (
        "  SELECT minIf((at, arrival), first) AS begun, groupArrayIf((at, arrival), back) AS returns"
        f"{', argMinIf(touch, (at, arrival), first) AS key' if by_key else ''}\n"
        "  FROM (\n"
        f"    SELECT {who} AS actor, {MICROS} AS at, {ARRIVAL} AS arrival,\n"
        f"      ({first}) AND at < {span.end} AS first, ({back}) AND at >= {span.start} AS back"
        f"{f', {breakdown.encoded(query)} AS touch' if by_key else ''}\n"
        f"    FROM events WHERE {conditions}\n"
        "  ) WHERE first OR back\n"
        f"  GROUP BY actor HAVING max(first) AND begun.1 >= {span.start}"
    )


def _cohorts(query: Query, found: dict[tuple[int, int], int]) -> list[dict[str, Any]]:
    ask, now = _ask(query), micros_of(query.now)
    axis = time.buckets(ask.grain, query.zone, query.span)
    known = {_counted(ask.grain, each.key): each.start for each in time.buckets(ask.grain, query.zone, followed(query))}
    numbers = sorted(known)
    cohorts = []
    for each in axis:
        number = _counted(ask.grain, each.key)
        size = found.get((number, _SIZE), 0)
        periods = []
        for period in range(ask.periods + 1):
            begins, ends = _instant(known, numbers, number + period), _instant(known, numbers, number + period + 1)
            count = found.get((number, period), 0) if begins < now else None
            rate = count / size if size and count is not None else None
            periods.append({"period": period, "count": count, "rate": rate, "complete": ends <= now})
        cohorts.append({"t": time.written(each.start), "size": size, "periods": periods})
    return cohorts


def _instant(known: dict[int, int], numbers: list[int], number: int) -> int:
    """When a bucket begins; the next one's begin for a day that a zone skipped."""
    return known.get(number) or next((known[each] for each in numbers if each >= number), time.LATEST)


def _counted(grain: Grain, key: int) -> int:
    return key // 100 * 12 + key % 100 if grain is Grain.MONTH else key
