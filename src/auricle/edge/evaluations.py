"""The doors of the judge: how a tenant's evaluations stand, and judging now."""

import asyncio

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from auricle.edge.guard import Guard
from auricle.edge.reply import json_reply
from auricle.intake.times import format_rfc3339
from auricle.judge.run import Evaluator
from auricle.model.evaluation import State
from auricle.model.principal import Scope

PREFIX = "/api/v1/analytics/evaluations"
RUN_SECONDS = 10.0
"""How long one request judges; who wants more asks again."""


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

    return [
        Route(PREFIX, status, methods=["GET"]),
        Route(PREFIX + "/run", run, methods=["POST"]),
        Route(PREFIX + "/resume", resume, methods=["POST"]),
    ]
