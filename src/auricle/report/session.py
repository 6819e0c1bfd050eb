"""The session: conditions on what happened in the session of an event, which any report may be asked with.

A session is the events of one `session_id` in the range of the report, of the site and without test traffic as the
report itself; the report's filters do not narrow it. An event without a session meets no condition.
"""

from dataclasses import replace

from auricle.errors import Invalid
from auricle.model.query import By, Op, Query, SessionEvent, SessionFilter, SessionFunnel, SessionMetric, Within
from auricle.model.receipt import Fault
from auricle.model.statement import Statement
from auricle.report import funnel, interactions, time
from auricle.report.actor import ARRIVAL, fills
from auricle.report.binding import Binding
from auricle.report.fields import attribute
from auricle.report.filters import joined, where
from auricle.report.measure import measured
from auricle.report.metrics import BY_NAME, named

MAX_SESSIONS = 10
SCORE = "score"
"""The mean overall score of a session's interactions, as if it were a metric."""
_SIGNS = {Op.EQ: "=", Op.NEQ: "!=", Op.GT: ">", Op.GTE: ">=", Op.LT: "<", Op.LTE: "<="}
_HOLDS = {
    Op.EQ: lambda a, b: a == b,
    Op.NEQ: lambda a, b: a != b,
    Op.GT: lambda a, b: a > b,
    Op.GTE: lambda a, b: a >= b,
    Op.LT: lambda a, b: a < b,
    Op.LTE: lambda a, b: a <= b,
}
OPS = tuple(_SIGNS)
"""How the value of a session is compared."""


def within(asked: SessionFilter, query: Query) -> Within:
    """The sessions that a condition asks for. `Invalid` where it cannot be told of a session."""
    plain = replace(query, filters=(), sessions=(), within=(), breakdown=None, keys=None)
    if isinstance(asked, SessionEvent):
        return Within(_where_it_happened(asked, plain), asked.happened)
    if isinstance(asked, SessionFunnel):
        walk = replace(plain, ask=replace(asked.funnel, by=By.SESSION))
        return Within(funnel.completed(walk), asked.completed)
    return _scored(asked, plain) if asked.metric == SCORE else _valued(asked, plain)


def _where_it_happened(asked: SessionEvent, query: Query) -> Statement:
    binding = Binding()
    conditions = joined((*where(query, binding, query.span, (asked.step.event,)), fills(asked.step, binding)))
    return binding.statement(f"SELECT session_id FROM events\nWHERE {conditions}\n  AND session_id != ''")


def _valued(asked: SessionMetric, query: Query) -> Within:
    """By the value of a metric. One that is empty, as nothing happened, is compared too where that means 0."""
    metric = named(query, asked.metric)
    if metric is None or metric.match is not None:
        known = ", ".join((SCORE, *(one.name for one in BY_NAME.values() if one.match is None)))
        message = f"Expected one of {known}, or a metric of the tenant's own."
        raise Invalid("The report cannot be made.", (Fault(f"{asked.pointer}/metric", "enum", message),))
    inside = metric.empty is None or not _HOLDS[asked.op](metric.empty, asked.value)
    binding = Binding()
    values = measured(query, binding, metric, {"session_id": "session_id"}, "session_id != ''")
    meets = f"ifNull(value {_SIGNS[asked.op]} {binding.number(asked.value)}, 0)"
    sql = f"SELECT session_id FROM (\n{values}\n) WHERE {meets if inside else f'NOT {meets}'}"
    return Within(binding.statement(sql), inside)


def _scored(asked: SessionMetric, query: Query) -> Within:
    """By the overall scores of the interactions whose query was asked in the session; a score itself names none."""
    binding = Binding()
    query_id = f"assumeNotNull({attribute('voice.query_id').text})"
    name, value = attribute("gen_ai.evaluation.name").text, attribute("gen_ai.evaluation.score.value").number
    asks = joined(where(query, binding, query.span, (interactions.QUERY,)))
    scores = replace(query, include_test=True, site_id=None)
    gives = joined(where(scores, binding, replace(query.span, end=time.LATEST), (interactions.SCORE,)))
    order = f"(occurred_at, {ARRIVAL})"
    return Within(
        binding.statement(
            "SELECT session FROM (\n"
            f"  SELECT {query_id} AS id, argMin(session_id, {order}) AS session FROM events\n"
            f"  WHERE {asks} AND isNotNull({attribute('voice.query_id').text})\n  GROUP BY id\n"
            ") AS asked INNER JOIN (\n"
            f"  SELECT {query_id} AS id, argMax(tuple({value}), {order}).1 AS score FROM events\n"
            f"  WHERE {gives} AND {name} = '{interactions.OVERALL}'"
            f" AND isNotNull({attribute('voice.query_id').text})\n  GROUP BY id\n"
            ") AS scored ON asked.id = scored.id\n"
            "WHERE session != '' GROUP BY session"
            f" HAVING ifNull(avg(score) {_SIGNS[asked.op]} {binding.number(asked.value)}, 0)"
        ),
        True,
    )
