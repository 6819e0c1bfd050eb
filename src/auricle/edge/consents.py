"""The doors of consent: what one person last said, and how many refuse.

Ids of persons stand in bodies, never in addresses, which others write into logs.
"""

import asyncio

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from auricle.edge.body import broken, read_object
from auricle.edge.guard import Guard
from auricle.edge.reply import json_reply
from auricle.intake.options import Options
from auricle.intake.pseudonym import pseudonym
from auricle.intake.times import format_rfc3339
from auricle.model.consent import Speaker
from auricle.model.principal import Scope
from auricle.store.consent import ConsentStore

PREFIX = "/api/v1/analytics/consents"
MAX_BYTES = 4_096
LONGEST_ID = 128
MEMBERS = {"user_id": Speaker.USER, "session_id": Speaker.SESSION}


def routes(guard: Guard, store: ConsentStore, options: Options) -> list[Route]:
    """The routes of consent."""

    async def counted(request: Request) -> Response:
        """How many of the tenant's users and sessions refuse to be counted, and how many agree again."""
        principal = await guard.allowed(request, Scope.PRIVACY_WRITE, Scope.REPORTS_READ)
        counts = await asyncio.to_thread(store.counts, principal.tenant_id)
        return json_reply({"refused": counts[False], "agreed_again": counts[True]})

    async def find(request: Request) -> Response:
        """What a user, or a session without one, last said; null for who never refused."""
        principal = await guard.allowed(request, Scope.PRIVACY_WRITE)
        body = await read_object(request, MAX_BYTES, frozenset(MEMBERS))
        if len(body) != 1:
            raise broken("", "oneOf", "Name one of `user_id` and `session_id`.")
        ((member, subject),) = body.items()
        if not isinstance(subject, str) or not 1 <= len(subject) <= LONGEST_ID:
            raise broken(f"/{member}", "length", f"`{member}` must be a text of 1 to {LONGEST_ID} characters.")
        speaker, tenant = MEMBERS[member], principal.tenant_id
        if speaker is Speaker.USER:
            subject = pseudonym(subject, await asyncio.to_thread(options.read, tenant))
        found = await asyncio.to_thread(store.find, tenant, speaker, subject)
        if found is None:
            return json_reply({member: subject, "analytics": None, "said_at": None, "received_at": None})
        said, received = format_rfc3339(found.said_at), format_rfc3339(found.received_at)
        return json_reply({member: subject, "analytics": found.analytics, "said_at": said, "received_at": received})

    return [Route(PREFIX, counted, methods=["GET"]), Route(PREFIX + "/find", find, methods=["POST"])]
