"""The report `top`: the most frequent values of one field."""

from typing import Any, cast

from auricle.model.query import Grain, Query, Top
from auricle.model.statement import Rows, Statement
from auricle.report import breakdown, rollup
from auricle.report.binding import Binding
from auricle.report.fields import field

MAX_ROWS = 1_000
"""Most rows of one answer."""

_FOLDED = "lowerUTF8(trimBoth(replaceRegexpAll(spelling, '[\\\\s\\\\p{Z}]+', ' ')))"


def names(_: Query) -> tuple[str, ...]:
    """The event names it looks at: all."""
    return ()


def needs(query: Query) -> rollup.Need | None:
    """What a rollup must be able to do to answer; None when none can."""
    columns = rollup.COLUMNS.get(_ask(query).field)
    return rollup.Need(columns, query.span, Grain.ALL) if columns else None


def rank(query: Query) -> Statement:
    """SQL of the values a breakdown keeps: those with the most events first."""
    binding = Binding()
    return binding.statement(
        f"SELECT {breakdown.encoded(query)} AS key FROM {_source(query, binding)}\n"
        f"GROUP BY key ORDER BY {rollup.hits(query)} DESC, key LIMIT {breakdown.TOP}"
    )


def build(query: Query) -> Statement:
    """SQL of (value, hits, total[, slice]); events without the field are left out."""
    binding = Binding()
    ask = _ask(query)
    text = _text(query)
    slice_ = breakdown.kept(query, binding, breakdown.encoded(query)) if query.breakdown else None
    named, group = (f", {slice_} AS slice", ", slice") if slice_ else ("", "")
    limit = f"{binding.integer(ask.limit)}{' BY slice' if slice_ else ''}"
    over = "PARTITION BY slice" if slice_ else ""
    order = f"ORDER BY {'slice, ' if slice_ else ''}hits DESC, value LIMIT {limit}"
    source = (
        f"SELECT {text} AS spelling, {rollup.hits(query)} AS times{named}\n"
        f"FROM {_source(query, binding)}\nGROUP BY spelling{group}"
    )
    if ask.fold:
        # Every spelling is folded once, not every event.
        counted = f"SELECT {_FOLDED} AS value, sum(times) AS hits{group}\nFROM (\n{source}\n)\nGROUP BY value{group}"
    else:
        counted = f"SELECT spelling AS value, times AS hits{group}\nFROM (\n{source}\n)"
    return binding.statement(
        f"SELECT value, hits, sum(hits) OVER ({over}) AS total{group}\nFROM (\n{counted}\n)\n{order}"
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


def _text(query: Query) -> str:
    return field(_ask(query).field, "/field").text


def _source(query: Query, binding: Binding) -> str:
    columns = rollup.COLUMNS.get(_ask(query).field, frozenset())
    return rollup.source(query, binding, query.span, columns, also=(f"isNotNull({_text(query)})",))


def _list(rows: list[list[Any]]) -> dict[str, Any]:
    total = rows[0][2] if rows else 0
    shown = [{"value": row[0], "count": row[1]} for row in rows]
    return {"rows": shown, "other": total - sum(row[1] for row in rows), "total": total}
