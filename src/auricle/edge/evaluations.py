"""The doors of the judge: how a tenant's evaluations stand, and judging now."""

import asyncio
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from auricle import clock
from auricle.edge.body import broken, read_object
from auricle.edge.guard import Guard
from auricle.edge.reply import json_reply
from auricle.edge.span import chosen
from auricle.intake.times import format_rfc3339
from auricle.judge.run import Evaluator
from auricle.model.evaluation import State
from auricle.model.principal import Principal, Scope
from auricle.model.query import Query

PREFIX = "/api/v1/analytics/evaluations"
STEP = 10_000
"""Interactions that one request puts into the queue."""
BODY_BYTES = 65_536
RUN_SECONDS = 10.0
"""How long one request judges; who wants more asks again."""


_RANGE = ("from", "to", "period", "site_id", "filters")


def routes(guard: Guard, evaluator: Evaluator) -> list[Route]:
    """The routes of the judge."""

    async def status(request: Request) -> Response:
        """How the evaluations of the tenant stand: what waits, what was scored, what was not and why."""
        principal = await guard.allowed(request, Scope.REPORTS_READ, Scope.ADMIN)
        standing = await asyncio.to_thread(evaluator.queue.standing, principal.tenant_id)
        oldest = None if standing.oldest is None else format_rfc3339(standing.oldest)
        rest = await evaluator.judge.rest() if evaluator.judge else None
        told = {
            "judge": evaluator.judge.name if evaluator.judge else None,
            "rests": None if rest is None else {"reason": rest.reason, "seconds": round(rest.seconds)},
        }
        return json_reply({**told, **standing.as_json(), "oldest_waiting": oldest})

    async def run(request: Request) -> Response:
        """Judges the tenant's interactions that wait, for some seconds at most; `waiting` is what is left."""
        principal = await guard.allowed(request, Scope.ADMIN)
        done = await evaluator.sweep(principal.tenant_id, RUN_SECONDS)
        standing = await asyncio.to_thread(evaluator.queue.standing, principal.tenant_id)
        return json_reply({**done.as_json(), "waiting": standing.states.get(State.WAITING, 0)})

    async def resume(request: Request) -> Response:
        """Ends the pause that the judge made because of its key or account, and any rest; it tries again at once."""
        principal = await guard.allowed(request, Scope.ADMIN)
        resumed = evaluator.judge is not None and await evaluator.judge.resume(principal.actor)
        return json_reply({"resumed": resumed})

    async def preview(request: Request) -> Response:
        """What judging history takes, about: interactions, tokens, US dollars. Nothing is queued."""
        principal = await guard.allowed(request, Scope.ADMIN)
        query, _ = await _history(request, principal)
        interactions, prompts, replies, dollars = await evaluator.measured(query)
        return json_reply(
            {
                "judge": evaluator.judge.name if evaluator.judge else None,
                "interactions": interactions,
                "input_tokens": prompts,
                "output_tokens": replies,
                "cost_usd": dollars,
            }
        )

    async def backfill(request: Request) -> Response:
        """Puts history into the queue, some at a time: `next` says where the next request goes on."""
        principal = await guard.allowed(request, Scope.ADMIN)
        query, body = await _history(request, principal)
        again, after = body.get("again", False), body.get("after", "")
        if not isinstance(again, bool):
            raise broken("/again", "type", "`again` must be true or false.")
        if not isinstance(after, str) or len(after) > 128:
            raise broken("/after", "type", "`after` must be what `next` of the answer before said.")
        number = body.get("generation", clock.micros() if again else 0)
        if isinstance(number, bool) or not isinstance(number, int) or not 0 <= number < 2**63:
            raise broken("/generation", "type", "`generation` must be what the answer before said.")
        joined, onward = await evaluator.backfill(query, after, generation=number, limit=STEP)
        return json_reply({"queued": joined, "next": onward, "generation": number})

    return [
        Route(PREFIX + "/preview", preview, methods=["POST"]),
        Route(PREFIX + "/backfill", backfill, methods=["POST"]),
        Route(PREFIX, status, methods=["GET"]),
        Route(PREFIX + "/run", run, methods=["POST"]),
        Route(PREFIX + "/resume", resume, methods=["POST"]),
    ]


async def _history(request: Request, principal: Principal) -> tuple[Query, dict[str, Any]]:
    """The interactions that a body chooses, and the body."""
    body = await read_object(request, BODY_BYTES, frozenset({*_RANGE, "again", "after", "generation"}))
    return chosen({name: body[name] for name in _RANGE if name in body}, principal.tenant_id, clock.now()), body
