"""The report `funnel`: how many actors got how far along a list of steps.

Every actor's events are put in order of time, ties by arrival, and each step is one linear pass over the whole array,
so the cost is events times steps and no earlier event is ever looked for:

- `sequential`: beside each event stands when the best pass that reached step k began. Of two passes at the same step
  the one that began later can do all that the other can, so the latest is carried forward (`arrayFill`). A step reads
  what stood there before the event, so no event fills two steps.
- `strict`: the same, and nothing is carried forward: only the event just before counts.
- `any`: looked at from the last event to the first. Beside each event stands which events fill each step next, so an
  event that may begin a pass sees at once how many steps follow within the window.

Measured on 10 M events, 3.7 M of them steps of 500,000 actors: as fast as `windowFunnel`, which is not exact on ties
and on equal steps, and a third faster than one `arrayFold`.
"""

from typing import Any, cast

from auricle.model.query import Funnel, Order, Query, Span, Step
from auricle.model.statement import Rows, Statement
from auricle.report import breakdown
from auricle.report.actor import ARRIVAL, actor, fills
from auricle.report.binding import Binding
from auricle.report.filters import joined, where
from auricle.report.time import MICROS, SECOND

_NEVER = 2**62
"""Later than every event, in microseconds; its opposite is earlier than every event."""


def names(query: Query) -> tuple[str, ...]:
    """The event names of the steps."""
    return tuple(dict.fromkeys(step.event for step in _ask(query).steps))


def rank(query: Query) -> Statement:
    """SQL of the values a breakdown keeps: those under which most actors enter first."""
    binding = Binding()
    ask = _ask(query)
    entries = ask.steps if ask.order is Order.ANY else ask.steps[:1]
    conditions = joined(where(query, binding, query.span, tuple(dict.fromkeys(step.event for step in entries))))
    who, somebody = actor(ask.by)
    enters = " OR ".join(f"({fills(step, binding)})" for step in entries)
    return binding.statement(
        "SELECT key FROM (\n"
        f"  SELECT argMin({breakdown.encoded(query)}, (occurred_at, received_at)) AS key\n"
        f"  FROM events WHERE {conditions}\n  AND {somebody} AND ({enters})\n"
        f"  GROUP BY {who}\n"
        f")\nGROUP BY key ORDER BY count() DESC, key LIMIT {breakdown.TOP}"
    )


def build(query: Query) -> Statement:
    """SQL of one row, or one a slice: the actors at each step, then the median seconds of steps 2 and on."""
    binding = Binding()
    later = range(2, len(_ask(query).steps) + 1)
    counts = ["count() AS reached1", *(f"countIf(gap{step} >= 0) AS reached{step}" for step in later)]
    medians = [f"quantileExactInclusiveIf(0.5)(gap{step} / {SECOND}, gap{step} >= 0) AS median{step}" for step in later]
    slice_, group = "", ""
    if query.breakdown is not None:
        slice_, group = f", {breakdown.kept(query, binding, 'key')} AS slice", "\nGROUP BY slice"
    walks = _walks(query, binding)
    return binding.statement(f"SELECT {', '.join([*counts, *medians])}{slice_}\nFROM (\n{walks}\n){group}")


def shape(query: Query, rows: Rows) -> dict[str, Any]:
    """`{steps: [{event, count, from_first, from_previous, median_seconds}]}`, or `series: [{key, steps}]`."""
    if query.breakdown is None:
        return {"steps": _steps(query, rows.rows[0] if rows.rows else None)}
    slices = {row[-1]: row for row in rows.rows}
    keys = breakdown.ordered(query, slices)
    return {"series": [{"key": breakdown.decoded(key), "steps": _steps(query, slices.get(key))} for key in keys]}


def completed(query: Query) -> Statement:
    """SQL of the actors that filled every step, one row each."""
    binding = Binding()
    walks = _walks(query, binding, told="actor")
    return binding.statement(f"SELECT actor FROM (\n{walks}\n) WHERE gap{len(_ask(query).steps)} >= 0")


def _ask(query: Query) -> Funnel:
    return cast(Funnel, query.ask)


def _steps(query: Query, row: list[Any] | None) -> list[dict[str, Any]]:
    steps = _ask(query).steps
    counts = row[: len(steps)] if row else [0] * len(steps)
    medians = [None, *(row[len(steps) : 2 * len(steps) - 1] if row else [None] * (len(steps) - 1))]
    return [
        {
            "event": step.event,
            "count": counts[index],
            "from_first": counts[index] / counts[0] if counts[0] else None,
            "from_previous": counts[index] / counts[index - 1] if index and counts[index - 1] else None,
            "median_seconds": medians[index],
        }
        for index, step in enumerate(steps)
    ]


def _walks(query: Query, binding: Binding, told: str = "") -> str:
    """SQL of one row an actor that entered: `gap2`, `gap3` …, `key` with a breakdown, and the `actor` if it is told.

    The gap of a step is the microseconds from the event that filled the previous step to the one that filled this one
    when the actor first reached it, or -1.
    """
    ask, span = _ask(query), query.span
    reads = Span(span.start, span.end + ask.window)
    strict = ask.order is Order.STRICT
    who, somebody = actor(ask.by)
    conditions = joined((*where(query, binding, reads, () if strict else names(query)), somebody))
    mark, passes = (_marks_any, _passes_any) if ask.order is Order.ANY else (_marks, _passes)
    by_key = query.breakdown is not None
    told = f"{told}, " if told else ""
    return (
        f"  SELECT {told}{'key, ' if by_key else ''}\n    {passes(ask, span)}\n"
        "  FROM (\n"
        f"    SELECT {told}arraySort(groupArray((at, arrival, mark))) AS walk, walk.1 AS times, walk.3 AS marks"
        f"{', argMinIf(touch, (at, arrival), enters) AS key' if by_key else ''}\n"
        "    FROM (\n"
        f"      SELECT {who} AS actor, {MICROS} AS at, {ARRIVAL} AS arrival,\n"
        f"        {mark(ask, span, binding)} AS mark, {_entry(ask, span)} AS enters"
        f"{f', {breakdown.encoded(query)} AS touch' if by_key else ''}\n"
        f"      FROM events WHERE {conditions}\n"
        f"    ){'' if strict else ' WHERE mark != 0'}\n"
        "    GROUP BY actor HAVING max(enters)\n  )"
    )


def _entry(ask: Funnel, span: Span) -> str:
    """SQL of whether an event may begin a pass."""
    return f"mark != 0 AND at < {span.end}" if ask.order is Order.ANY else "bitTest(mark, 0)"


def _marks(ask: Funnel, span: Span, binding: Binding) -> str:
    """SQL of the steps an event fills, one bit each; the first only within the range."""
    filled = [fills(step, binding) for step in ask.steps]
    filled[0] = f"{filled[0]} AND at < {span.end}"
    return " + ".join(f"toUInt16({each}) * {1 << index}" for index, each in enumerate(filled))


def _passes(ask: Funnel, _: Span) -> str:
    """SQL of the gaps, in order of the steps.

    Beside each event: `began` is when the best pass at a step began, `filled` when the step was filled last.
    """

    def carried(array: str) -> str:
        return array if ask.order is Order.STRICT else f"arrayFill(x -> x > -{_NEVER}, {array})"

    entered = f"arrayMap((m, t) -> if(bitTest(m, 0), t, -{_NEVER}), marks, times)"
    parts = [f"{carried(entered)} AS began1, began1 AS filled1"]
    for step in range(2, len(ask.steps) + 1):
        parts.append(
            f"arrayShiftRight(began{step - 1}, 1, -{_NEVER}) AS from{step},"
            f" arrayShiftRight(filled{step - 1}, 1, -{_NEVER}) AS after{step},\n    "
            f"arrayMap((m, t, b) -> bitTest(m, {step - 1}) AND t - b <= {ask.window}, marks, times, from{step})"
            f" AS moves{step},\n    "
            f"indexOf(moves{step}, 1) AS first{step},"
            f" if(first{step} = 0, -1, times[first{step}] - after{step}[first{step}]) AS gap{step}"
        )
        if step < len(ask.steps):
            began = f"arrayMap((o, b) -> if(o, b, -{_NEVER}), moves{step}, from{step})"
            filled = f"arrayMap((o, t) -> if(o, t, -{_NEVER}), moves{step}, times)"
            parts.append(f"{carried(began)} AS began{step}, {carried(filled)} AS filled{step}")
    return ",\n    ".join(parts)


def _kinds(ask: Funnel) -> tuple[Step, ...]:
    """The steps without those that are the same as an earlier one."""
    return tuple(dict.fromkeys(ask.steps))


def _marks_any(ask: Funnel, _: Span, binding: Binding) -> str:
    """SQL of the number of the first kind of step an event fills, or 0."""
    arms = ", ".join(f"{fills(step, binding)}, {number}" for number, step in enumerate(_kinds(ask), 1))
    return f"toUInt16(multiIf({arms}, 0))"


def _passes_any(ask: Funnel, span: Span) -> str:
    """SQL of the gaps, in order of how many steps are done.

    Beside each event: `next` is when a kind of step is filled next, this event included; a kind that stands in the list
    twice has its next but one as well. `queue` holds them all in order, so its n-th is when n steps are done.
    """
    parts, columns = [], []
    for number, step in enumerate(_kinds(ask), 1):
        following = "times"
        for copy in range(1, ask.steps.count(step) + 1):
            name = f"next{number}_{copy}"
            own = f"arrayMap((m, t) -> if(m = {number}, t, {_NEVER}), marks, {following})"
            parts.append(f"arrayReverseFill(x -> x < {_NEVER}, {own}) AS {name}")
            columns.append(name)
            following = f"arrayShiftLeft({name}, 1, {_NEVER})"
    letters = ", ".join(f"n{index}" for index in range(len(columns)))
    parts.append(f"arrayMap(({letters}) -> arraySort([{letters}]), {', '.join(columns)}) AS queue")
    for rank in range(2, len(ask.steps) + 1):
        fits = f"t < {span.end} AND q[{rank}] - t <= {ask.window}"
        parts.append(
            f"arrayMap((t, q) -> if({fits}, q[{rank}], {_NEVER}), times, queue)"
            f" AS done{rank}, arrayMin(done{rank}) AS best{rank},\n    "
            f"queue[length(queue) + 1 - indexOf(arrayReverse(done{rank}), best{rank})] AS pass{rank},"
            f" if(best{rank} = {_NEVER}, -1, pass{rank}[{rank}] - pass{rank}[{rank - 1}]) AS gap{rank}"
        )
    return ",\n    ".join(parts)
