"""The doors of a tenant's users: its administrators make and remove them, and give them another password."""

import asyncio
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from auricle.edge.body import broken, read_object
from auricle.edge.guard import Guard
from auricle.edge.reply import json_reply
from auricle.model.principal import Scope
from auricle.store.user import ROLES, UserStore

PATH = "/api/v1/analytics/admin/users"
MAX_BYTES = 4_096


def routes(guard: Guard, users: UserStore) -> list[Route]:
    """The routes of the users."""

    async def every(request: Request) -> Response:
        """The users of the tenant, by name."""
        principal = await guard.allowed(request, Scope.ADMIN)
        found = await asyncio.to_thread(users.list, principal.tenant_id)
        return json_reply({"users": [user.as_json() for user in found]})

    async def create(request: Request) -> Response:
        """Makes a user who logs in by a name and a password: 201."""
        principal = await guard.allowed(request, Scope.ADMIN)
        told = await read_object(request, MAX_BYTES, frozenset({"name", "password", "role"}))
        role = told.get("role")
        if role not in list(ROLES):
            raise broken("/role", "enum", f"One of {', '.join(ROLES)}.")
        name, password = _text(told, "name"), _text(told, "password")
        found = {str(each): each for each in ROLES}[role]
        made = await asyncio.to_thread(users.create, principal.tenant_id, name, password, found, actor=principal.actor)
        return json_reply(made.as_json(), 201)

    async def change(request: Request) -> Response:
        """Gives a user another password, and ends the sessions that the old one opened."""
        principal = await guard.allowed(request, Scope.ADMIN)
        told = await read_object(request, MAX_BYTES, frozenset({"password"}))
        user_id, password = request.path_params["user_id"], _text(told, "password")
        await asyncio.to_thread(users.set_password, principal.tenant_id, user_id, password, actor=principal.actor)
        return json_reply({"id": user_id, "changed": True})

    async def remove(request: Request) -> Response:
        """Removes a user, and ends its sessions."""
        principal = await guard.allowed(request, Scope.ADMIN)
        user_id = request.path_params["user_id"]
        await asyncio.to_thread(users.remove, principal.tenant_id, user_id, actor=principal.actor)
        return json_reply({"id": user_id, "removed": True})

    return [
        Route(PATH, every, methods=["GET"]),
        Route(PATH, create, methods=["POST"]),
        Route(PATH + "/{user_id}", change, methods=["PATCH"]),
        Route(PATH + "/{user_id}", remove, methods=["DELETE"]),
    ]


def _text(told: dict[str, Any], name: str) -> str:
    value = told.get(name)
    if not isinstance(value, str):
        raise broken(f"/{name}", "type", "Expected text.")
    return value
