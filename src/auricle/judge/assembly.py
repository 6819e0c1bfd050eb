"""The assembly: interactions as the judge sees them, put together from the events of a batch at once.

What an interaction is, the report `interactions` defines; here it is asked for a list of query ids. Around it come the
tool calls and searches of its session until the next question, interruptions, and the turns before it.
"""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import orjson

from auricle.model.evaluation import Call, Interaction, Outcome, Turn
from auricle.model.query import Interactions, Query, State, instant_of, micros_of
from auricle.model.statement import Rows, Statement
from auricle.report import interactions, time
from auricle.report.binding import Binding
from auricle.report.fields import attribute
from auricle.report.interactions import EARLY, LATE, OUTCOME, PATIENCE, QUERY

CALL, SEARCH, INTERRUPTION = "ai.tool_call_completed", "kb.search", "voice.barge_in"
PRIOR_TURNS = 5
PRIOR_SPAN = 30 * 60 * time.SECOND
"""How far back the turns of a session are looked for."""
AROUND = 200
"""Events of one session that are looked at, the latest ones."""
MAX_CALLS = 50
_MANY = 1_000_000
_SESSION = (
    f"coalesce(nullIf(session_id, ''), {attribute('voice.session_id').text},"
    f" {attribute('gen_ai.conversation.id').text}, '')"
)

Read = Callable[[Statement], Awaitable[Rows]]


@dataclass(slots=True)
class _Around:
    """What surrounds the questions of one session, each list in the order of time."""

    questions: list[tuple[int, str]] = field(default_factory=list)
    """When each was asked, and its id."""
    calls: list[tuple[int, Call]] = field(default_factory=list)
    interruptions: list[int] = field(default_factory=list)


async def assembled(
    read: Read, tenant_id: str, wanted: Mapping[str, int], now: datetime
) -> tuple[dict[str, Interaction], dict[str, str]]:
    """The interactions of query ids, each given when its outcome occurred; and, for ids that have none, why.

    Reasons: `no_query` (nobody told of the question, yet), `no_outcome` (none in time), `test`.
    """
    first, last = min(wanted.values()), max(wanted.values())
    found = await _told(read, tenant_id, list(wanted), (first - LATE, last + EARLY), now)
    missing = dict.fromkeys(wanted.keys() - found.keys(), "no_query")
    missing |= {query_id: "test" for query_id, told in found.items() if told["source"] == "test"}
    missing |= {query_id: "no_outcome" for query_id, told in found.items() if _is_open(told)}
    kept = {query_id: told for query_id, told in found.items() if query_id not in missing}
    sessions = {told["session_id"] for told in kept.values() if told["session_id"]}
    if not sessions:
        return {query_id: _interaction(told) for query_id, told in kept.items()}, missing
    asked = [_at(told) for told in kept.values()]
    rows = await read(_surroundings(tenant_id, sorted(sessions), min(asked), max(asked)))
    around = await asyncio.to_thread(_sorted_out, rows)
    before = {query_id: _prior(around[told["session_id"]], _at(told), query_id) for query_id, told in kept.items()}
    prior = {other for ids in before.values() for other in ids} - found.keys()
    spoken = found
    if prior:
        reach = (min(asked) - PRIOR_SPAN, max(asked) + 1)
        spoken = found | await _told(read, tenant_id, sorted(prior), reach, now)

    def whole() -> dict[str, Interaction]:
        return {
            query_id: replace(
                _interaction(told),
                **_during(around[told["session_id"]], told),
                turns=tuple(_turn(spoken[other]) for other in before[query_id] if other in spoken),
            )
            for query_id, told in kept.items()
        }

    return await asyncio.to_thread(whole), missing


def joining(after: int, up_to: int, limit: int) -> Statement:
    """SQL of the outcomes received after a moment and up to another: (tenant, query id, occurred, received)."""
    binding = Binding()
    return binding.statement(
        f"SELECT tenant_id, {attribute('voice.query_id').text} AS query_id, {time.MICROS},"
        " toUnixTimestamp64Micro(received_at) AS arrived\n"
        f"FROM events WHERE event_name = {binding.text(OUTCOME)} AND received_at > {binding.instant(after)}"
        f" AND received_at <= {binding.instant(up_to)} AND isNotNull(query_id)\n"
        f"ORDER BY events.received_at LIMIT {binding.integer(limit)}"
    )


def outcomes_of(rows: Rows) -> list[Outcome]:
    """The outcomes in the rows of `joining`."""
    return [Outcome(row[0], row[1], row[2]) for row in rows.rows]


async def _told(
    read: Read, tenant_id: str, ids: Sequence[str], reach: tuple[int, int], now: datetime
) -> dict[str, dict[str, Any]]:
    """What the report `interactions` tells of these queries, by id."""
    start, end = max(reach[0], time.EARLIEST), min(reach[1], time.LATEST)
    query = Query(
        report="interactions",
        tenant_id=tenant_id,
        now=now,
        ask=Interactions((), _MANY, 0.0, tuple(ids)),
        start=instant_of(start),
        end=instant_of(end),
        include_test=True,
    )
    rows = await read(interactions.build(query))
    # NOTE: here and below in a thread: a batch is some thousand rows, and the doors share this event loop.
    told = await asyncio.to_thread(interactions.shape, query, rows)
    return {one["query_id"]: one for one in told["interactions"]}


def _surroundings(tenant_id: str, sessions: Sequence[str], first: int, last: int) -> Statement:
    """SQL of the events of sessions around their questions: (session, name, at, attributes), the latest first."""
    binding = Binding()
    return binding.statement(
        f"SELECT {_SESSION} AS session, event_name, {time.MICROS} AS at, attributes\n"
        f"FROM events WHERE tenant_id = {binding.text(tenant_id)}"
        f" AND event_name IN {binding.texts((QUERY, CALL, SEARCH, INTERRUPTION))}"
        f" AND occurred_at >= {binding.instant(first - PRIOR_SPAN)}"
        f" AND occurred_at <= {binding.instant(last + PATIENCE)}"
        f" AND session IN {binding.texts(tuple(sessions))}\n"
        f"ORDER BY at DESC, received_at DESC LIMIT {AROUND} BY session"
    )


def _sorted_out(rows: Rows) -> Mapping[str, _Around]:
    sessions: defaultdict[str, _Around] = defaultdict(_Around)
    for session, name, at, text in reversed(rows.rows):
        told, around = orjson.loads(text), sessions[session]
        if name == QUERY:
            query_id = told.get("voice.query_id")
            if isinstance(query_id, str) and query_id not in (known for _, known in around.questions):
                around.questions.append((at, query_id))
        elif name == CALL:
            success = told.get("ai.tool.success")
            success = bool(success) if isinstance(success, bool | int) else None
            around.calls.append((at, Call(str(told.get("gen_ai.tool.name")), success, told.get("ai.tool.duration_ms"))))
        elif name == SEARCH:
            hits = told.get("kb.results_count")
            took = told.get("kb.search_latency_ms")
            around.calls.append((at, Call(SEARCH, hits > 0 if isinstance(hits, int) else None, took)))
        else:
            around.interruptions.append(at)
    return sessions


def _prior(around: _Around, at: int, query_id: str) -> list[str]:
    """The ids of the last questions of a session before this one."""
    return [other for asked, other in around.questions if asked < at and other != query_id][-PRIOR_TURNS:]


def _during(around: _Around, told: Mapping[str, Any]) -> dict[str, Any]:
    """The calls and interruptions from a question to the next one of its session, or for a minute."""
    start = _at(told)
    end = min((asked for asked, _ in around.questions if asked > start), default=start + PATIENCE)
    return {
        "calls": tuple(call for _, call in _within(around.calls, start, end))[:MAX_CALLS],
        "barge_ins": sum(start <= at < end for at in around.interruptions),
    }


def _within(told: Iterable[tuple[int, Call]], start: int, end: int) -> Iterable[tuple[int, Call]]:
    return ((at, call) for at, call in told if start <= at < end)


def _interaction(told: Mapping[str, Any]) -> Interaction:
    tools = told["tools"] if isinstance(told["tools"], list) else []
    return Interaction(
        query_id=told["query_id"],
        occurred_at=_at(told),
        site_id=told["site_id"] or "",
        source=told["source"],
        query_text=told["query_text"] or "",
        answer_text=told["answer_text"] or "",
        reason=told["reason"],
        latency_ms=told["latency_ms"],
        action_taken=told["action_taken"],
        action_success=told["action_success"],
        tools=tuple(str(tool) for tool in tools)[:MAX_CALLS],
        error_message=told["error_message"],
    )


def _is_open(told: Mapping[str, Any]) -> bool:
    """Whether no outcome belongs to a query."""
    return bool(told["state"] == State.PENDING.value or told["reason"] == "no_outcome")


def _turn(told: Mapping[str, Any]) -> Turn:
    return Turn(told["query_text"] or "", told["answer_text"] or "")


def _at(told: Mapping[str, Any]) -> int:
    return micros_of(time.instant(told["occurred_at"], ""))
