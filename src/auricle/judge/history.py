"""History: interactions that were stored before, counted and put into the queue by a filter. Pure."""

from auricle.judge.prompt import OUTPUT_TOKENS, prompt_for
from auricle.model.evaluation import Interaction, Outcome, Rubric
from auricle.model.query import Query, Span
from auricle.model.statement import Rows, Statement
from auricle.report.binding import Binding
from auricle.report.fields import attribute
from auricle.report.filters import joined, where
from auricle.report.interactions import EARLY, LATE, OUTCOME, QUERY
from auricle.report.time import MICROS

BYTES_A_TOKEN = 4
SPENT_SHARE = 0.4
"""Which part of the tokens that a reply may have it takes, about."""
_ID = attribute("voice.query_id").text


def outcomes(query: Query, after: str, limit: int) -> Statement:
    """SQL of (query id, when its first outcome occurred) of the queries that a query chooses, by id after one."""
    binding = Binding()
    chosen, told = _parts(query, binding)
    return binding.statement(
        f"SELECT {_ID} AS query_id, min({MICROS}) FROM events WHERE {told} AND query_id > {binding.text(after)}\n"
        f"  AND query_id IN (SELECT {_ID} FROM events WHERE {chosen})\n"
        f"GROUP BY query_id ORDER BY query_id LIMIT {binding.integer(limit)}"
    )


def measure(query: Query) -> Statement:
    """SQL of how many interactions a query chooses, and how many characters their questions and answers have."""
    binding = Binding()
    chosen, told = _parts(query, binding)
    text = f"length({attribute('voice.query_text').text})", f"length({attribute('voice.answer_text').text})"
    return binding.statement(
        "SELECT count(), sum(ifNull(asked, 0) + ifNull(answered, 0)) FROM (\n"
        f"  SELECT {_ID} AS query_id, any({text[0]}) AS asked FROM events WHERE {chosen} GROUP BY query_id\n"
        f") AS q INNER JOIN (\n"
        f"  SELECT {_ID} AS query_id, any({text[1]}) AS answered FROM events WHERE {told} GROUP BY query_id\n"
        ") AS o USING (query_id)"
    )


def told_at(tenant_id: str, query_id: str) -> Statement:
    """SQL of when the first outcome of a query occurred; no row without one."""
    binding = Binding()
    return binding.statement(
        f"SELECT min({MICROS}) FROM events WHERE tenant_id = {binding.text(tenant_id)}"
        f" AND event_name = {binding.text(OUTCOME)} AND {_ID} = {binding.text(query_id)} HAVING count() > 0"
    )


def outcomes_of(tenant_id: str, rows: Rows) -> list[Outcome]:
    """The outcomes in the rows of `outcomes`."""
    return [Outcome(tenant_id, query_id, at) for query_id, at in rows.rows]


def tokens_for(interactions: int, characters: int, rubrics: tuple[Rubric, ...]) -> tuple[int, int]:
    """About how many tokens of prompts and of replies judging takes."""
    empty = prompt_for(Interaction("", 0, "", "", "", ""), rubrics, "0" * 32)
    frame = (len(empty.system) + len(empty.user)) // BYTES_A_TOKEN
    replies = round(OUTPUT_TOKENS * (len(rubrics) + 1) * SPENT_SHARE)
    return interactions * frame + characters // BYTES_A_TOKEN, interactions * replies


def _parts(query: Query, binding: Binding) -> tuple[str, str]:
    """The conditions of the chosen queries, and of the outcomes that may be theirs."""
    span = query.span
    reads = Span(max(span.start - EARLY, 0), span.end + LATE)
    told = (
        f"tenant_id = {binding.text(query.tenant_id)} AND event_name = {binding.text(OUTCOME)}"
        f" AND occurred_at >= {binding.instant(reads.start)} AND occurred_at < {binding.instant(reads.end)}"
    )
    return f"{joined(where(query, binding, span, (QUERY,)))} AND isNotNull({_ID})", told
