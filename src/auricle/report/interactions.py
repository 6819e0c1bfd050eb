"""The report `interactions`: each voice query with its outcome and its scores, and whether it was answered.

A query and its outcome share a `voice.query_id` and nothing else, and come in any order. An interaction lies in the
range in which its query occurred. A query told more than once (within a day) counts by its first telling. An outcome
belongs to a query when it occurred at most an hour before it (clocks differ) or a day after it, and of several the
first counts. First means by `occurred_at`, ties by arrival. An outcome of the range is an orphan when no query
from a day before the range to an hour after it has its id.
"""

from typing import Any, NamedTuple, cast

import orjson

from auricle.errors import Invalid
from auricle.model.query import Interactions, Query, Span, State, micros_of
from auricle.model.receipt import Fault
from auricle.model.statement import Rows, Statement
from auricle.report import time
from auricle.report.actor import ARRIVAL
from auricle.report.binding import Binding
from auricle.report.fields import attribute, field
from auricle.report.filters import where
from auricle.report.time import MICROS

QUERY, OUTCOME, SCORE = "voice.query", "voice.outcome", "voice.evaluated"
MAX_ROWS = 1_000
PATIENCE = 60 * time.SECOND
"""How long a query waits for its outcome before it is unanswered."""
EARLY, LATE = time.HOUR, time.DAY
"""How far before and after its query an outcome may occur."""
OVERALL = "overall"
"""The evaluation whose score is the interaction's own."""
THRESHOLD = 3.0
"""The overall score below which a query counts as unanswered, where nobody asks for another."""

ORPHAN = "orphan"
_STATES = {"": State.ANSWERED, "pending": State.PENDING, "error": State.ERROR}
"""The state of each reason; any other means unanswered."""
REASONS = ("no_outcome", "late_outcome", "error", "empty_answer", "action_failed", "low_score")
"""Why a query counts as unanswered or failed; where several hold, the first in the order of `reason_of`."""

_ID = attribute("voice.query_id").text
_ASKED = ("site_id", "session_id", "user_id", "source", "voice.query_text", "voice.asr_confidence")
_TOLD = (
    "voice.answer_text",
    "voice.latency_ms",
    "gen_ai.usage.cost_usd",
    "gen_ai.usage.total_tokens",
    "error.message",
)
_TOOLS = "JSONExtractRaw(attributes, 'voice.tools_used')"


class Pieces(NamedTuple):
    """SQL of what the state of an interaction is judged by; moments are microseconds, flags 1, 0 or NULL."""

    asked_at: str
    told_at: str
    """When its outcome occurred; 0 without one."""
    error: str
    answer: str
    taken: str
    success: str
    score: str
    now: str
    threshold: str


def reason_of(of: Pieces) -> str:
    """SQL of why an interaction is not answered, `''` when it is; for the report and for user SQL."""
    return f"""multiIf(
    {of.told_at} = 0, if({of.now} - {of.asked_at} < {PATIENCE}, 'pending', 'no_outcome'),
    {of.error} = 1, 'error',
    {of.told_at} - {of.asked_at} > {PATIENCE}, 'late_outcome',
    empty(trimBoth(ifNull({of.answer}, ''))), 'empty_answer',
    {of.taken} = 1 AND {of.success} = 0, 'action_failed',
    isNotNull({of.score}) AND {of.score} < {of.threshold}, 'low_score',
    '')"""


def belongs(told_at: str, asked_at: str) -> str:
    """SQL of whether an outcome of one moment may belong to a query of another."""
    return f"{told_at} - {asked_at} BETWEEN -{EARLY} AND {LATE}"


def names(_: Query) -> tuple[str, ...]:
    """The event names it counts by: queries."""
    return (QUERY,)


def rank(_: Query) -> Statement:
    """It has no breakdown. `Invalid`, always."""
    message = "Interactions have no breakdown; use filters instead."
    raise Invalid("The report cannot be made.", (Fault("/breakdown", "unsupported", message),))


def build(query: Query) -> Statement:
    """SQL of (reason, of_reason, p50, p95, cost, tokens, mean score, asked, told, outcomes, scores, score, id).

    At most `limit` rows of each reason, the newest first; the figures before `asked` are those of all.
    """
    binding = Binding()
    ask, span = _ask(query), query.span
    now, threshold = binding.integer(micros_of(query.now)), binding.number(ask.threshold)
    pieces = Pieces("asked.1", "telling.1", "told.7", "told.2", "told.8", "told.9", "score", now, threshold)
    latency, cost, tokens = (f"if(is_asked AND is_told, toFloat64OrNull(told.{place}), NULL)" for place in (3, 4, 5))
    middle = "quantileExactInclusiveOrNull({})({}) OVER ()"
    queries = _first_queries(query, binding, Span(max(span.start - LATE, 0), span.end + EARLY))
    outcomes = _outcomes(query, binding, Span(max(span.start - EARLY, 0), span.end + LATE))
    return binding.statement(
        "SELECT reason, count() OVER (PARTITION BY reason) AS of_reason,\n"
        f"  {middle.format(0.5, latency)}, {middle.format(0.95, latency)},\n"
        f"  sum({cost}) OVER (), sum({tokens}) OVER (), avg(if(is_asked, score, NULL)) OVER (),\n"
        "  asked, told, outcomes, scores, score, id\n"
        "FROM (\n"
        f"  SELECT *, if(is_asked, {reason_of(pieces)}, '{ORPHAN}') AS reason\n"
        "  FROM (\n"
        "    SELECT if(is_asked, q.id, o.id) AS id, q.is_asked AS is_asked, asked, scores,\n"
        f"      arrayFirstOrNull(s -> s.1 = '{OVERALL}', scores).2 AS score,\n"
        f"      arrayFilter(t -> NOT is_asked OR {belongs('t.1', 'asked.1')}, tellings)[1] AS telling,\n"
        "      length(tellings) AS outcomes,\n"
        "      telling.1 > 0 AS is_told, telling.3 AS told,\n"
        "      if(is_asked, q.wanted, arrayExists(t -> t.4, tellings)) AS wanted\n"
        f"    FROM (\n{queries}\n    ) AS q\n"
        f"    FULL JOIN (\n{outcomes}\n    ) AS o ON q.id = o.id\n"
        f"    LEFT JOIN (\n{_scores(query, binding)}\n    ) AS s ON s.id = q.id\n"
        "  )\n  WHERE wanted\n)\n"
        f"ORDER BY if(reason = '{ORPHAN}', 0, asked.1) DESC, id LIMIT {binding.integer(ask.limit)} BY reason"
    )


def tellings(query: Query) -> Statement:
    """SQL of (event id, query id) of all events that interactions of the range may be made of, whatever the filters."""
    binding, span = Binding(), query.span
    reads = Span(max(span.start - LATE, 0), span.end + LATE)
    parts = " OR ".join(f"({_of(query, binding, name, reads)})" for name in (QUERY, OUTCOME))
    return binding.statement(f"SELECT toString(event_id), {_ID} AS query_id FROM events WHERE {parts}")


def shape(query: Query, rows: Rows) -> dict[str, Any]:
    """`{counts, reasons, orphan_outcomes, latency_ms, cost_usd, tokens, score, interactions}`."""
    ask = _ask(query)
    of_reason = {row[0]: row[1] for row in rows.rows}
    orphans = of_reason.pop(ORPHAN, 0)
    counts = dict.fromkeys((state.value for state in State), 0)
    for reason, count in of_reason.items():
        counts[state_of(reason)] += count
    _, _, p50, p95, cost, tokens, score, *_ = rows.rows[0] if rows.rows else [None] * 7
    wanted = [row for row in rows.rows if row[0] != ORPHAN and (not ask.states or state_of(row[0]) in ask.states)]
    return {
        "total": sum(counts.values()),
        "counts": counts,
        "reasons": [{"reason": reason, "count": of_reason[reason]} for reason in REASONS if reason in of_reason],
        "orphan_outcomes": orphans,
        "latency_ms": {"p50": p50, "p95": p95},
        "cost_usd": cost,
        "tokens": None if tokens is None else int(tokens),
        "score": score,
        "interactions": [interaction_of(row) for row in wanted[: ask.limit]],
    }


def state_of(reason: str) -> State:
    """The state of an interaction with this reason."""
    return _STATES.get(reason, State.UNANSWERED)


def _ask(query: Query) -> Interactions:
    return cast(Interactions, query.ask)


def _flag(name: str) -> str:
    """SQL of a flag that is told as 0, 1, false or true: 1, 0, or NULL."""
    text = attribute(name).text
    return f"multiIf({text} IN ('1', 'true'), 1, {text} IN ('0', 'false'), 0, NULL)"


def _first_queries(query: Query, binding: Binding, reads: Span) -> str:
    """SQL of one row a query id: `id`, `is_asked`, `asked` (its first telling) and whether the range `wanted` it."""
    values = ", ".join((MICROS, *(field(name).text for name in _ASKED)))
    first = f"({MICROS}, {ARRIVAL})"
    return (
        f"      SELECT assumeNotNull({_ID}) AS id, 1 AS is_asked, argMin(({values}), {first}) AS asked,\n"
        f"        argMin({_wanted(query, binding, QUERY)}, {first}) AS wanted\n"
        f"      FROM events WHERE {_of(query, binding, QUERY, reads)}\n      GROUP BY id"
    )


def _outcomes(query: Query, binding: Binding, reads: Span) -> str:
    """SQL of one row a query id: `id` and `tellings`, its outcomes in order as (at, arrival, values, wanted)."""
    flags = (_flag(name) for name in ("error.flag", "voice.action_taken", "voice.action_success"))
    values = ", ".join((MICROS, *(attribute(name).text for name in _TOLD), *flags, _TOOLS))
    telling = f"({MICROS}, {ARRIVAL}, ({values}), {_wanted(query, binding, OUTCOME)})"
    return (
        f"      SELECT assumeNotNull({_ID}) AS id, arraySort(t -> (t.1, t.2), groupArray({telling})) AS tellings\n"
        f"      FROM events WHERE {_of(query, binding, OUTCOME, reads)}\n      GROUP BY id"
    )


def _of(query: Query, binding: Binding, name: str, reads: Span) -> str:
    """The conditions of events that may be joined: of the tenant, with a query id, whatever the filters say."""
    ids = query.ask.ids if isinstance(query.ask, Interactions) else ()
    among = f" AND {_ID} IN {binding.texts(ids)}" if ids else ""
    return (
        f"tenant_id = {binding.text(query.tenant_id)} AND event_name = {binding.text(name)}"
        f" AND occurred_at >= {binding.instant(reads.start)} AND occurred_at < {binding.instant(reads.end)}"
        f" AND isNotNull({_ID}){among}"
    )


def _wanted(query: Query, binding: Binding, name: str) -> str:
    """SQL of whether an event lies in the range and meets the filters."""
    return " AND ".join(f"({each})" for each in where(query, binding, query.span, (name,)))


def _scores(query: Query, binding: Binding) -> str:
    """SQL of the last score of each evaluation of each query id: `scores`, a list of (name, value, label)."""
    name, value, label = (attribute(f"gen_ai.evaluation.{part}") for part in ("name", "score.value", "score.label"))
    last = f"({MICROS}, {ARRIVAL})"
    return (
        "      SELECT id, arraySort(groupArray((name, value, label))) AS scores FROM (\n"
        f"        SELECT assumeNotNull({_ID}) AS id, ifNull({name.text}, '') AS name,\n"
        f"          argMax(({value.number}, {label.text}), {last}) AS last, last.1 AS value, last.2 AS label\n"
        f"        FROM events WHERE {_of(query, binding, SCORE, Span(query.span.start, time.LATEST))}\n"
        "        GROUP BY id, name\n      ) GROUP BY id"
    )


def interaction_of(row: list[Any]) -> dict[str, Any]:
    """One row of `build` as the report tells it."""
    reason, asked, told, outcomes, scores, score, query_id = row[0], *row[7:]
    at, site, session, user, source, text, confidence = asked
    answered = bool(outcomes) and reason not in ("pending", "no_outcome")
    _, answer, latency, cost, tokens, message, _, taken, success, tools = told if answered else [None] * 10
    return {
        "query_id": query_id,
        "occurred_at": time.written(at),
        "state": state_of(reason).value,
        "reason": reason if reason in REASONS else None,
        "site_id": site or None,
        "session_id": session or None,
        "user_id": user or None,
        "source": source,
        "query_text": text,
        "asr_confidence": _number(confidence),
        "answer_text": answer,
        "latency_ms": _number(latency),
        "tools": orjson.loads(tools) if tools else [],
        "cost_usd": _number(cost),
        "tokens": _number(tokens),
        "action_taken": None if taken is None else bool(taken),
        "action_success": None if success is None else bool(success),
        "error_message": message,
        "score": score,
        "scores": [{"name": name, "value": value, "label": label} for name, value, label in scores],
        "outcomes": outcomes,
    }


def _number(text: str | None) -> int | float | None:
    return None if text is None else cast("int | float", orjson.loads(text))
