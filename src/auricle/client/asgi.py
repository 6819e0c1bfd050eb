"""The ASGI middleware: an event `http.request` for each request, with its route, status, duration and size.

It never breaks or delays what it watches: what the application raises, it raises; what goes wrong here, nobody sees
but the log of the client.
"""

from collections.abc import Awaitable, Callable, Collection, MutableMapping
from time import perf_counter
from typing import Any

from auricle.client.route import template
from auricle.client.tracker import Tracker

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

FAILED = 500
GONE = 499
"""The status of a request whose client left before the answer began, as nginx has it."""


class AsgiMiddleware:
    """Wraps an ASGI application: `app.add_middleware(AsgiMiddleware, client=analytics)`, or by hand."""

    def __init__(self, app: App, client: Tracker, *, skip: Collection[str] = (), user_agent: bool = False) -> None:
        """`skip` are paths that are not counted; `user_agent` adds the header of that name."""
        self.app = app
        self._client = client
        self._skip = frozenset(skip)
        self._user_agent = user_agent

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request, or whatever else a server has to say."""
        if scope["type"] != "http" or scope["path"] in self._skip:
            await self.app(scope, receive, send)
            return
        began, path, mounted = perf_counter(), scope["path"], scope.get("root_path", "")
        status, size = 0, 0

        async def watch(message: Message) -> None:
            nonlocal status, size
            if message["type"] == "http.response.body":
                size += len(message.get("body") or b"")
            elif message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        otherwise = GONE
        try:
            await self.app(scope, receive, watch)
        except BaseException as error:
            otherwise = FAILED if isinstance(error, Exception) else GONE
            raise
        finally:
            self._note(scope, (path, mounted), (status or otherwise, size), perf_counter() - began)

    def _note(self, scope: Scope, before: tuple[str, str], answer: tuple[int, int], seconds: float) -> None:
        """Tells of a request; `before` are its path and where it was mounted, before anybody changed that."""
        try:
            told = {
                "http.request.method": scope["method"],
                "url.path": self._route(scope, *before),
                "http.response.status_code": answer[0],
                "http.server.duration_ms": round(seconds * 1000, 3),
                "http.response.size_bytes": answer[1],
            }
            if self._user_agent and (agent := _header(scope, b"user-agent")) is not None:
                told["user_agent.original"] = agent
            self._client.track("http.request", told)
        except Exception as error:  # noqa: BLE001 - whatever a framework left in the scope, its answer stands
            self._client.note_fault("the middleware", error)

    @staticmethod
    def _route(scope: Scope, path: str, mounted: str) -> str:
        """The route's own template where the framework tells one for the whole path; else it is made of the path."""
        own = getattr(scope.get("route"), "path", None)
        if isinstance(own, str) and own and scope.get("root_path", "") == mounted:
            return own
        parameters = scope.get("path_params")
        return template(path, parameters if isinstance(parameters, dict) else None)


def _header(scope: Scope, name: bytes) -> str | None:
    for each, value in scope["headers"]:
        if each == name:
            return bytes(value).decode("latin-1")[:512]
    return None
