"""The doors of a tenant's options: its administrators read and change what is done to its events."""

import asyncio

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from auricle.edge.body import read_object
from auricle.edge.guard import Guard
from auricle.edge.reply import json_reply
from auricle.intake.options import MEMBERS, Options
from auricle.model.principal import Scope

PATH = "/api/v1/analytics/admin/options"
MAX_BYTES = 131_072


def routes(guard: Guard, options: Options) -> list[Route]:
    """The routes of the options."""

    async def told(request: Request) -> Response:
        """The options of the tenant of the credential."""
        principal = await guard.allowed(request, Scope.ADMIN)
        held = await asyncio.to_thread(options.read, principal.tenant_id)
        return json_reply(held.as_json())

    async def change(request: Request) -> Response:
        """Changes the options that are named; the doors know it at once, those of other processes within a second."""
        principal = await guard.allowed(request, Scope.ADMIN)
        asked = await read_object(request, MAX_BYTES, MEMBERS)
        after = await asyncio.to_thread(options.change, principal.tenant_id, asked, actor=principal.actor)
        return json_reply(after.as_json())

    return [Route(PATH, told, methods=["GET"]), Route(PATH, change, methods=["PATCH"])]
