"""The doors of rubrics: what is asked of a tenant's interactions."""

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
from auricle.judge.prompt import CHECK
from auricle.judge.rubric import NAMES
from auricle.judge.run import Evaluator
from auricle.model.evaluation import Rubric
from auricle.model.principal import Scope

PATH = "/api/v1/analytics/evaluations/rubrics"
BODY_BYTES = 16_384
MAX_QUESTION = 1_000
WIDEST = 100
_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")
_MEMBERS = frozenset({"name", "question", "low", "high", "retired"})


def routes(guard: Guard, evaluator: Evaluator) -> list[Route]:
    """The routes of rubrics."""

    async def told(request: Request) -> Response:
        """The rubrics by which the tenant's interactions are judged: the built-in ones, then its own."""
        principal = await guard.allowed(request, Scope.REPORTS_READ, Scope.ADMIN)
        found = await asyncio.to_thread(evaluator.rubrics, principal.tenant_id)
        return json_reply({"rubrics": [_told(one) for one in found]})

    async def put(request: Request) -> Response:
        """Makes a rubric, changes it by a next version, or retires it; asked from the next interaction on."""
        principal = await guard.allowed(request, Scope.ADMIN)
        body = await read_object(request, BODY_BYTES, _MEMBERS)
        rubric, retired = _rubric(body), body.get("retired", False)
        if not isinstance(retired, bool):
            raise broken("/retired", "type", "`retired` must be true or false.")
        store, actor = evaluator.own_rubrics, principal.actor
        kept = await asyncio.to_thread(
            store.put, principal.tenant_id, rubric, clock.micros(), retired=retired, actor=actor
        )
        return json_reply({**_told(kept), "retired": retired})

    return [Route(PATH, told, methods=["GET"]), Route(PATH, put, methods=["POST"])]


def _rubric(body: dict[str, Any]) -> Rubric:
    name, question = body.get("name"), body.get("question")
    if not isinstance(name, str) or not _NAME.fullmatch(name) or name in NAMES or name == CHECK:
        taken = ", ".join(sorted(NAMES))
        rule = f"`name` must be 1 to 64 of a-z, 0-9 and _, beginning with a letter, and none of {taken}."
        raise broken("/name", "pattern", rule)
    if not isinstance(question, str) or not 1 <= len(question.strip()) <= MAX_QUESTION or "\0" in question:
        raise broken("/question", "length", f"`question` must be text of 1 to {MAX_QUESTION} characters.")
    low, high = body.get("low", 1), body.get("high", 5)
    for end, value in (("low", low), ("high", high)):
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= WIDEST:
            raise broken(f"/{end}", "range", f"`{end}` must be a whole number from 0 to {WIDEST}.")
    if low >= high:
        raise broken("/high", "range", "`high` must be greater than `low`.")
    return Rubric(name, question.strip(), low, high)


def _told(one: Rubric) -> dict[str, Any]:
    return {
        "name": one.name,
        "question": one.question,
        "low": one.low,
        "high": one.high,
        "version": one.version,
        "built_in": one.name in NAMES,
    }
