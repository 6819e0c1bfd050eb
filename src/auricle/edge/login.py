"""The doors of the log-in: a session in a cookie, for whoever shows a key or a name and a password."""

import asyncio
from datetime import datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from auricle import clock
from auricle.edge.body import broken, read_object
from auricle.edge.guard import COOKIE, OWN_PAGE, Guard, permitted, session_in
from auricle.edge.reply import json_reply
from auricle.errors import Forbidden, Unauthorized
from auricle.model.principal import USER, Scope
from auricle.store.session import NewSession, SessionStore
from auricle.store.user import LONGEST, UserStore

PATH = "/api/v1/analytics/session"
MAX_BYTES = 4_096
MEMBERS = frozenset({"key", "tenant", "name", "password"})
AT_ONCE = 2
"""Passwords that are checked at the same time: each takes 64 MB and some 50 ms of a processor."""
NO_STORE = {"Cache-Control": "no-store"}


class LoginDoors:
    """The handlers, and what they share."""

    def __init__(self, guard: Guard, sessions: SessionStore, users: UserStore) -> None:
        self._guard = guard
        self._sessions = sessions
        self._users = users
        self._checking = asyncio.Semaphore(AT_ONCE)

    @property
    def routes(self) -> list[Route]:
        """The routes of all handlers here."""
        return [
            Route(PATH, self.open, methods=["POST"]),
            Route(PATH, self.told, methods=["GET"]),
            Route(PATH + "/renew", self.renew, methods=["POST"]),
            Route(PATH, self.end, methods=["DELETE"]),
        ]

    async def open(self, request: Request) -> Response:
        """Logs in by `{key}` or `{tenant, name, password}`; the session comes in a cookie that no script can read."""
        # NOTE: without it a page elsewhere could log a visitor in as somebody else, and read what is sent then.
        if OWN_PAGE not in request.headers:
            raise Forbidden(f"A request of the dashboard must carry the header {OWN_PAGE}.")
        told = await read_object(request, MAX_BYTES, MEMBERS)
        for name, value in told.items():
            if not isinstance(value, str) or not 0 < len(value) <= LONGEST:
                raise broken(f"/{name}", "type", f"Expected text of 1 to {LONGEST} characters.")
        if "key" in told:
            opened = await self._by_key(request, told["key"])
        elif told.keys() >= {"tenant", "name", "password"}:
            opened = await self._by_password(request, told)
        else:
            raise broken("", "required", "Send `key`, or `tenant`, `name` and `password`.")
        return _keeping(json_reply({"logged_in": True}, headers=NO_STORE), request, opened)

    async def _by_key(self, request: Request, key: str) -> NewSession:
        principal = await self._guard.holder(request, key)
        permitted(principal, Scope.REPORTS_READ, Scope.ADMIN)
        if not principal.actor.startswith("key:"):
            raise Unauthorized("Log in by an API key, or by name and password.")
        return await asyncio.to_thread(self._sessions.open, principal.tenant_id, key_id=principal.key_id)

    async def _by_password(self, request: Request, told: dict[str, Any]) -> NewSession:
        address = self._guard.check_attempts(request)
        try:
            async with self._checking:
                user = await asyncio.to_thread(self._users.check, told["tenant"], told["name"], told["password"])
        except Unauthorized as error:
            self._guard.count_failure(address, error.whose)
            raise
        return await asyncio.to_thread(self._sessions.open, user.tenant, user_id=user.id)

    async def told(self, request: Request) -> Response:
        """Who asks, and what they may do."""
        principal = await self._guard.principal(request)
        permitted(principal, *Scope)
        kind = "user" if principal.key_id.startswith(USER) else "key"
        body = {"tenant": principal.tenant_id, "kind": kind, "scopes": sorted(principal.scopes)}
        return json_reply(body, headers=NO_STORE)

    async def renew(self, request: Request) -> Response:
        """Another text for the session in the cookie, which lives on from now; the old one opens nothing any more."""
        permitted(await self._guard.principal(request), *Scope)
        text = session_in(request)
        fresh = await asyncio.to_thread(self._sessions.renew, text) if text else None
        self._guard.drop(text)
        answer = json_reply({"renewed": fresh is not None}, headers=NO_STORE)
        return answer if fresh is None else _keeping(answer, request, fresh)

    async def end(self, request: Request) -> Response:
        """Logs out: the session in the cookie ends at once."""
        permitted(await self._guard.principal(request), *Scope)
        text = session_in(request)
        ended = bool(text) and await asyncio.to_thread(self._sessions.end, text)
        self._guard.drop(text)
        answer = json_reply({"logged_out": ended}, headers=NO_STORE)
        answer.delete_cookie(COOKIE, httponly=True, samesite="strict")
        return answer


def _keeping(answer: Response, request: Request, opened: NewSession) -> Response:
    """The answer with the session in a cookie."""
    seconds = _seconds_until(opened.expires_at)
    secure = request.url.scheme == "https"
    answer.set_cookie(COOKIE, opened.text, max_age=seconds, httponly=True, samesite="strict", secure=secure)
    return answer


def _seconds_until(moment: datetime) -> int:
    return max(0, int((moment - clock.now()).total_seconds()))
