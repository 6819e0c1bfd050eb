"""The doors of administrators: the keys and tokens of the tenant, and the tenant itself.

An administrator sees its own tenant alone: whatever is another's is answered as what does not exist. Tenants are made
on the command line.
"""

import asyncio
from datetime import timedelta
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from auricle import clock
from auricle.edge.body import read_object
from auricle.edge.guard import Guard
from auricle.edge.reply import json_reply
from auricle.errors import Invalid, NotFound
from auricle.model.key import ANYTHING, KeyRow, NewKey
from auricle.model.principal import Kind, Principal, Scope
from auricle.model.receipt import Fault
from auricle.store.control import NO_KEY, ControlStore, KeyChange
from auricle.store.rules import MEMBERS, read_expiry, read_label, read_rules
from auricle.store.token import LONGEST_ID, TokenStore

PREFIX = "/api/v1/analytics/admin"
MAX_BYTES = 65_536
CHANGEABLE = (MEMBERS - {"scopes"}) | {"label", "expires_at"}
MAKEABLE = MEMBERS | {"kind", "label", "expires_at", "signed"}
OVERLAP_HOURS = 24
LONGEST_OVERLAP_HOURS = 90 * 24


class AdminDoors:
    """The handlers, and what they share."""

    def __init__(self, guard: Guard, control: ControlStore, tokens: TokenStore) -> None:
        self._guard = guard
        self._control = control
        self._tokens = tokens

    @property
    def routes(self) -> list[Route]:
        """The routes of all handlers here."""
        return [
            Route(PREFIX + "/keys", self.keys, methods=["GET"]),
            Route(PREFIX + "/keys", self.create, methods=["POST"]),
            Route(PREFIX + "/keys/{key_id}", self.key, methods=["GET"]),
            Route(PREFIX + "/keys/{key_id}", self.change, methods=["PATCH"]),
            Route(PREFIX + "/keys/{key_id}", self.revoke, methods=["DELETE"]),
            Route(PREFIX + "/keys/{key_id}/rotate", self.rotate, methods=["POST"]),
            Route(PREFIX + "/tokens/revoke", self.revoke_token, methods=["POST"]),
            Route(PREFIX + "/tenants", self.tenants, methods=["GET"]),
            Route(PREFIX + "/tenants/{tenant}", self.tenant, methods=["GET"]),
        ]

    async def keys(self, request: Request) -> Response:
        """The keys of the tenant, oldest first, without their text."""
        principal = await self._admin(request)
        rows = await asyncio.to_thread(self._control.list_keys, principal.tenant_id)
        return json_reply({"keys": [_told(row) for row in rows]})

    async def key(self, request: Request) -> Response:
        """One key of the tenant, without its text."""
        principal = await self._admin(request)
        return json_reply(_told(await self._held(request, principal)))

    async def create(self, request: Request) -> Response:
        """Makes a key: 201 with its text, which is told this once."""
        principal = await self._admin(request)
        body = await read_object(request, MAX_BYTES, MAKEABLE)
        if body.get("kind") not in list(Kind):
            raise _invalid("/kind", "enum", f"`kind` must be one of {', '.join(Kind)}.")
        kind, signed = Kind(body["kind"]), body.get("signed", False)
        if not isinstance(signed, bool):
            raise _invalid("/signed", "type", "`signed` must be true or false.")
        made = await asyncio.to_thread(
            self._control.create_key,
            principal.tenant_id,
            kind,
            label=read_label(body.get("label", "")),
            expires_at=read_expiry(body.get("expires_at")),
            rules=read_rules(kind, body, ANYTHING),
            signed=signed,
            actor=principal.actor,
        )
        return await self._made(made)

    async def change(self, request: Request) -> Response:
        """Changes the label, the expiry, the lists or the limit of a key; what is not named stays."""
        principal = await self._admin(request)
        body = await read_object(request, MAX_BYTES, CHANGEABLE)
        before = await self._held(request, principal)
        change = KeyChange(
            read_label(body["label"]) if "label" in body else before.label,
            read_expiry(body["expires_at"]) if "expires_at" in body else before.expires_at,
            read_rules(before.kind, body, before.rules),
        )
        tenant, actor = principal.tenant_id, principal.actor
        after = await asyncio.to_thread(self._control.change_key, tenant, before.id, change, actor=actor)
        return json_reply(_told(after))

    async def revoke(self, request: Request) -> Response:
        """Ends a key for ever."""
        principal = await self._admin(request)
        key_id, tenant = request.path_params["key_id"], principal.tenant_id
        if not await asyncio.to_thread(self._control.revoke_key, key_id, tenant=tenant, actor=principal.actor):
            raise NotFound(NO_KEY)
        return json_reply({"id": key_id, "revoked": True})

    async def rotate(self, request: Request) -> Response:
        """Makes a key in place of another, which ends after `overlap_hours`: 201 with the text of the new one."""
        principal = await self._admin(request)
        body = await read_object(request, MAX_BYTES, frozenset({"overlap_hours"}))
        hours = body.get("overlap_hours", OVERLAP_HOURS)
        if isinstance(hours, bool) or not isinstance(hours, int | float) or not 0 <= hours <= LONGEST_OVERLAP_HOURS:
            raise _invalid("/overlap_hours", "range", f"`overlap_hours` must be 0 to {LONGEST_OVERLAP_HOURS}.")
        made = await asyncio.to_thread(
            self._control.rotate_key,
            request.path_params["key_id"],
            timedelta(hours=hours),
            tenant=principal.tenant_id,
            actor=principal.actor,
        )
        return await self._made(made)

    async def revoke_token(self, request: Request) -> Response:
        """Ends the tokens of the tenant with one `jti`."""
        principal = await self._admin(request)
        body = await read_object(request, MAX_BYTES, frozenset({"jti", "expires_at"}))
        jti, expires_at = body.get("jti"), read_expiry(body.get("expires_at"))
        if not (isinstance(jti, str) and 0 < len(jti) <= LONGEST_ID and "\0" not in jti):
            raise _invalid("/jti", "maxLength", f"`jti` must be text of 1 to {LONGEST_ID} characters.")
        tenant, actor = principal.tenant_id, principal.actor
        await asyncio.to_thread(self._tokens.revoke, tenant, jti, expires_at, actor=actor)
        return json_reply({"jti": jti, "revoked": True})

    async def tenants(self, request: Request) -> Response:
        """The tenants that the credential may see: its own."""
        principal = await self._admin(request)
        own = await asyncio.to_thread(self._control.tenant, principal.tenant_id)
        return json_reply({"tenants": [own.as_json()]})

    async def tenant(self, request: Request) -> Response:
        """The tenant of the credential; 404 for any other."""
        principal = await self._admin(request)
        if request.path_params["tenant"] != principal.tenant_id:
            raise NotFound("There is no tenant of this name.")
        own = await asyncio.to_thread(self._control.tenant, principal.tenant_id)
        return json_reply(own.as_json())

    async def _admin(self, request: Request) -> Principal:
        return await self._guard.allowed(request, Scope.ADMIN)

    async def _held(self, request: Request, principal: Principal) -> KeyRow:
        return await asyncio.to_thread(self._control.key, principal.tenant_id, request.path_params["key_id"])

    async def _made(self, made: NewKey) -> Response:
        row = await asyncio.to_thread(self._control.key, made.tenant, made.id)
        secret = {} if made.secret is None else {"secret": made.secret}
        return json_reply({"key": made.key, **secret, **_told(row)}, 201, {"Cache-Control": "no-store"})


def _told(row: KeyRow) -> dict[str, Any]:
    return row.as_json(clock.now())


def _invalid(pointer: str, rule: str, message: str) -> Invalid:
    return Invalid("The request breaks a rule.", (Fault(pointer, rule, message),))
