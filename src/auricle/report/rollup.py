"""The rollups: where a report reads from, and whether a rollup can answer it to the last unit.

A rollup stands for events by the half hour. Read beside it are the events of the half hours at both ends that the
range cuts, and those received since. Both come under the same names, each row with how many `events` it is, so that a
report is the same SQL over either.
"""

from dataclasses import dataclass

from auricle.model.query import Grain, Query, Span
from auricle.model.rollup import ROLLUPS, STEP
from auricle.report import time
from auricle.report.binding import Binding
from auricle.report.filters import joined, where


@dataclass(frozen=True, slots=True)
class Need:
    """What a rollup must be able to do for a report."""

    columns: frozenset[str]
    """Columns of an event that it keeps apart."""
    span: Span
    """What is read."""
    grain: Grain
    """The buckets of the answer."""


LEAST = 96 * STEP
"""Shorter ranges are read from the events: that is as fast."""

COLUMNS: dict[str, frozenset[str]] = {
    **{name: frozenset({name}) for name in ("event_name", "site_id", "source", "user_id", "session_id")},
    "actor": frozenset({"user_id", "session_id"}),
}
"""Fields that rollups keep apart, and their columns."""

_MINUTES = frozenset({Grain.MINUTE, Grain.FIVE_MINUTES, Grain.QUARTER})


def table(query: Query, needs: frozenset[str]) -> str | None:
    """The smallest rollup that keeps apart what a query needs, and what its filters and its breakdown do.

    None for a query about sessions of some kind: those are told by their events.
    """
    fields = {each.field for each in query.filters} | ({query.breakdown} if query.breakdown is not None else set())
    if query.sessions or not fields <= COLUMNS.keys():
        return None
    columns = needs.union(*(COLUMNS[name] for name in fields))
    return next((name for name, kept in ROLLUPS.items() if columns <= kept), None)


def serves(query: Query, need: Need) -> bool:
    """Whether a rollup can do what is needed, and it pays."""
    inner = whole(need.span)
    if inner.end - inner.start < LEAST or need.grain in _MINUTES or table(query, need.columns) is None:
        return False
    if need.grain is Grain.ALL:
        return True
    # Every bucket of the answer must begin with a half hour.
    first, *changes = time.offsets(query.zone, need.span.start - time.HOUR, need.span.end)
    return first.offset % STEP == 0 and all(each.offset % STEP == each.since % STEP == 0 for each in changes)


def whole(span: Span) -> Span:
    """The half hours that lie within a range as a whole."""
    return Span(-(-span.start // STEP) * STEP, span.end // STEP * STEP)


def hits(query: Query) -> str:
    """SQL of how many events a group of rows from `source` is."""
    return "count()" if query.rollup is None else "sum(events)"


def source(
    query: Query,
    binding: Binding,
    span: Span,
    needs: frozenset[str],
    names: tuple[str, ...] = (),
    *,
    also: tuple[str, ...] = (),
    test: bool | None = None,
) -> str:
    """What stands behind FROM for the events of a range: the table and its WHERE, or a rollup and the rest."""

    def chosen(part: Span) -> str:
        return joined((*where(query, binding, part, names, test), *also))

    name = table(query, needs) if query.rollup is not None else None
    inner = whole(span)
    if query.rollup is None or name is None:
        return f"events\nWHERE {chosen(span)}"
    if inner.start >= inner.end:
        return f"(SELECT *, 1 AS events FROM events\nWHERE {chosen(span)})"
    columns = ", ".join(("occurred_at", *sorted(ROLLUPS[name])))
    later = f"received_at > {binding.instant(query.rollup.upto)}"
    among = f"segment IN {binding.integers(query.rollup.segments)}"
    parts = [
        f"SELECT {columns}, events FROM {name}\nWHERE {among}\n  AND {chosen(inner)}",
        f"SELECT {columns}, 1 AS events FROM events\nWHERE {chosen(inner)}\n  AND {later}",
        *(
            f"SELECT {columns}, 1 AS events FROM events\nWHERE {chosen(edge)}"
            for edge in (Span(span.start, inner.start), Span(inner.end, span.end))
            if edge.start < edge.end
        ),
    ]
    return "(\n" + "\nUNION ALL\n".join(parts) + "\n)"
