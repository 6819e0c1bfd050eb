"""The doors of people who judge: the next interaction to look at, their scores, and how far the judge agrees."""

import asyncio
import re
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from auricle import clock
from auricle.edge.body import broken, read_object
from auricle.edge.guard import Guard
from auricle.edge.reply import json_reply
from auricle.edge.span import chosen
from auricle.errors import NotFound
from auricle.intake.times import format_rfc3339
from auricle.judge import agreement
from auricle.judge.run import Evaluator
from auricle.model.evaluation import Interaction, Rubric, Verdict
from auricle.model.principal import Scope
from auricle.report import time
from auricle.store.events import EventStore
from auricle.store.review import ReviewStore

PREFIX = "/api/v1/analytics/evaluations"
BODY_BYTES = 65_536
MAX_COMMENT = 1_000
NOBODY = "No interaction of this tenant with an outcome bears this query id."
_WHO = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


def routes(guard: Guard, evaluator: Evaluator, store: ReviewStore, events: EventStore) -> list[Route]:
    """The routes of people who judge."""

    async def upcoming(request: Request) -> Response:
        """The newest judged interaction that `who` has not seen, without its scores; null when there is none."""
        principal = await guard.allowed(request, Scope.ADMIN)
        who = _who(request.query_params.get("who"))
        while (found := await asyncio.to_thread(store.next, principal.tenant_id, who)) is not None:
            query_id, at = found
            one = await evaluator.interaction(principal.tenant_id, query_id, at)
            if one is not None:
                rubrics = await asyncio.to_thread(evaluator.rubrics, principal.tenant_id)
                return json_reply({"interaction": _shown(one), "rubrics": [_asked(each) for each in rubrics]})
            # NOTE: erased, or over its days: it would stand before all others for ever.
            await asyncio.to_thread(store.note, principal.tenant_id, query_id, who, "skipped", clock.micros())
        return json_reply({"interaction": None, "rubrics": []})

    async def skip(request: Request) -> Response:
        """Notes that `who` does not want to judge an interaction; it is not shown to them again."""
        principal = await guard.allowed(request, Scope.ADMIN)
        body = await read_object(request, BODY_BYTES, frozenset({"query_id", "who"}))
        query_id, who = _id(body), _who(body.get("who"))
        await asyncio.to_thread(store.note, principal.tenant_id, query_id, who, "skipped", clock.micros())
        return json_reply({"query_id": query_id, "skipped": True})

    async def score(request: Request) -> Response:
        """Scores of a person: events like those of the judge, the evaluator being `person`."""
        principal = await guard.allowed(request, Scope.ADMIN)
        body = await read_object(request, BODY_BYTES, frozenset({"query_id", "who", "scores", "comment"}))
        query_id, who = _id(body), _who(body.get("who"))
        rubrics = await asyncio.to_thread(evaluator.rubrics, principal.tenant_id)
        verdicts = _verdicts(body, rubrics)
        one = await evaluator.interaction(principal.tenant_id, query_id)
        if one is None:
            raise NotFound(NOBODY)
        await evaluator.score(principal.tenant_id, one, who, verdicts)
        await asyncio.to_thread(store.note, principal.tenant_id, query_id, who, "scored", clock.micros())
        return json_reply({"query_id": query_id, "scores": {each.rubric.name: each.value for each in verdicts}})

    async def agree(request: Request) -> Response:
        """How far a judge and people agree, a rubric each: share, Cohen's kappa, and the confusion table."""
        principal = await guard.allowed(request, Scope.REPORTS_READ)
        body = await read_object(request, BODY_BYTES, frozenset({"from", "to", "period", "judge"}))
        judge = body.pop("judge", None)
        if judge is not None and (not isinstance(judge, str) or not 1 <= len(judge) <= 128):
            raise broken("/judge", "type", "`judge` must be the name of an evaluator, such as rules.")
        span = chosen(body, principal.tenant_id, clock.now()).span
        rows = await events.read(agreement.build(principal.tenant_id, span, judge))
        told = {"from": time.written(span.start), "to": time.written(span.end), "judge": judge}
        return json_reply({"rubrics": agreement.shape(rows), **told})

    return [
        Route(PREFIX + "/next", upcoming, methods=["GET"]),
        Route(PREFIX + "/skip", skip, methods=["POST"]),
        Route(PREFIX + "/scores", score, methods=["POST"]),
        Route(PREFIX + "/agreement", agree, methods=["POST"]),
    ]


def _who(told: Any) -> str:
    if not isinstance(told, str) or not _WHO.fullmatch(told):
        rule = (
            "`who` must name the person who judges: 1 to 64 letters, digits, `.`, `_` or `-`; a short name, no address."
        )
        raise broken("/who", "pattern", rule)
    return told


def _id(body: dict[str, Any]) -> str:
    told = body.get("query_id")
    if not isinstance(told, str) or not 1 <= len(told) <= 128 or "\0" in told:
        raise broken("/query_id", "type", "`query_id` must be text of 1 to 128 characters.")
    return told


def _verdicts(body: dict[str, Any], rubrics: tuple[Rubric, ...]) -> list[Verdict]:
    scores, comment = body.get("scores"), body.get("comment", "")
    if not isinstance(comment, str) or len(comment) > MAX_COMMENT:
        raise broken("/comment", "length", f"`comment` must be text of at most {MAX_COMMENT} characters.")
    known = {rubric.name: rubric for rubric in rubrics}
    if not isinstance(scores, dict) or not scores or scores.keys() - known.keys():
        raise broken("/scores", "enum", f"`scores` must hold at least one of {', '.join(known)}.")
    verdicts = []
    for name, value in scores.items():
        rubric = known[name]
        if isinstance(value, bool) or not isinstance(value, int) or not rubric.low <= value <= rubric.high:
            rule = f"`{name}` must be a whole number from {rubric.low} to {rubric.high}."
            raise broken(f"/scores/{name}", "range", rule)
        verdicts.append(Verdict(rubric, value, comment))
    return verdicts


def _shown(one: Interaction) -> dict[str, Any]:
    return {
        "query_id": one.query_id,
        "occurred_at": format_rfc3339(one.occurred_at),
        "site_id": one.site_id or None,
        "query_text": one.query_text,
        "answer_text": one.answer_text,
        "reason": one.reason,
        "latency_ms": one.latency_ms,
        "action_taken": one.action_taken,
        "action_success": one.action_success,
        "tools": list(one.tools),
        "tool_calls": [{"name": call.name, "success": call.success} for call in one.calls],
        "turns": [{"query_text": turn.query_text, "answer_text": turn.answer_text} for turn in one.turns],
    }


def _asked(rubric: Rubric) -> dict[str, Any]:
    return {"name": rubric.name, "question": rubric.question, "low": rubric.low, "high": rubric.high}
