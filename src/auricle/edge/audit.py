"""The door of the audit log: a tenant's administrators read who did what in their tenant."""

import asyncio

from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from auricle.edge.guard import Guard
from auricle.edge.reply import json_reply
from auricle.errors import Invalid
from auricle.intake.times import format_rfc3339
from auricle.model.principal import Scope
from auricle.model.receipt import Fault
from auricle.store.audit import AuditStore

MOST = 1_000
USUAL = 100
LARGEST_ID = 2**63 - 1
KNOWN = frozenset({"limit", "before", "action"})


def routes(guard: Guard, audit: AuditStore) -> list[Route]:
    """The routes of the audit log."""

    async def listed(request: Request) -> Response:
        """The newest entries of the tenant, the newest first; `next` is the `before` of the page after."""
        principal = await guard.allowed(request, Scope.ADMIN)
        asked = request.query_params
        if set(asked) - KNOWN:
            raise _invalid("", "additionalProperties", f"Known parameters are {', '.join(sorted(KNOWN))}.")
        limit = _number(asked, "limit", MOST) or USUAL
        before, action = _number(asked, "before", LARGEST_ID), asked.get("action")
        rows = await asyncio.to_thread(audit.rows, principal.tenant_id, limit=limit, before=before, action=action)
        entries = [row.as_json() | {"at": format_rfc3339(row.at)} for row in rows]
        return json_reply({"entries": entries, "next": rows[-1].id if len(rows) == limit else None})

    return [Route("/api/v1/analytics/admin/audit", listed, methods=["GET"])]


def _number(asked: QueryParams, name: str, most: int) -> int | None:
    text = asked.get(name)
    if text is None:
        return None
    # NOTE: other digits than ours are digits to `isdecimal`, and a long enough number is work to read.
    if not (text.isascii() and text.isdecimal() and len(text) <= 19 and 1 <= int(text) <= most):
        raise _invalid(f"/{name}", "range", f"`{name}` must be a whole number, 1 to {most}.")
    return int(text)


def _invalid(pointer: str, rule: str, message: str) -> Invalid:
    return Invalid("A parameter breaks a rule.", (Fault(pointer, rule, message),))
