"""The report `top`: the most frequent values of one field."""

from typing import Any, cast

from auricle.model.query import Query, Top
from auricle.model.statement import Rows, Statement
from auricle.report import breakdown
from auricle.report.binding import Binding
from auricle.report.fields import field
from auricle.report.filters import joined, where

MAX_ROWS = 1_000
"""Most rows of one answer."""


def names(_: Query) -> tuple[str, ...]:
    """The event names it looks at: all."""
    return ()


def rank(query: Query) -> Statement:
    """SQL of the values a breakdown keeps: those with the most events first."""
    binding = Binding()
    conditions = joined((*where(query, binding, query.span), f"isNotNull({_value(query)})"))
    return binding.statement(
        f"SELECT {breakdown.encoded(query)} AS key FROM events\nWHERE {conditions}\n"
        f"GROUP BY key ORDER BY count() DESC, key LIMIT {breakdown.TOP}"
    )


def build(query: Query) -> Statement:
    """SQL of (value, events, total[, slice]); events without the field are left out."""
    binding = Binding()
    slice_ = breakdown.kept(query, binding, breakdown.encoded(query)) if query.breakdown else None
    conditions = joined((*where(query, binding, query.span), "isNotNull(value)"))
    limit = binding.integer(_ask(query).limit)
    if slice_ is None:
        return binding.statement(
            f"SELECT {_value(query)} AS value, count() AS hits, sum(hits) OVER () AS total\n"
            f"FROM events\nWHERE {conditions}\n"
            f"GROUP BY value ORDER BY hits DESC, value LIMIT {limit}"
        )
    return binding.statement(
        f"SELECT {_value(query)} AS value, count() AS hits, sum(hits) OVER (PARTITION BY slice) AS total,"
        f" {slice_} AS slice\n"
        f"FROM events\nWHERE {conditions}\n"
        f"GROUP BY value, slice ORDER BY slice, hits DESC, value LIMIT {limit} BY slice"
    )


def shape(query: Query, rows: Rows) -> dict[str, Any]:
    """`{rows: [{value, count}], other, total}`, or `series: [{key, rows, other, total}]` with a breakdown."""
    if query.breakdown is None:
        return _list(rows.rows)
    slices: dict[str, list[list[Any]]] = {}
    for row in rows.rows:
        slices.setdefault(row[3], []).append(row)
    keys = breakdown.ordered(query, slices)
    return {"series": [{"key": breakdown.decoded(key), **_list(slices.get(key, []))} for key in keys]}


def _ask(query: Query) -> Top:
    return cast(Top, query.ask)


def _value(query: Query) -> str:
    text = field(_ask(query).field, "/field").text
    if not _ask(query).fold:
        return text
    return f"lowerUTF8(trimBoth(replaceRegexpAll({text}, '[\\\\s\\\\p{{Z}}]+', ' ')))"


def _list(rows: list[list[Any]]) -> dict[str, Any]:
    total = rows[0][2] if rows else 0
    shown = [{"value": row[0], "count": row[1]} for row in rows]
    return {"rows": shown, "other": total - sum(row[1] for row in rows), "total": total}
