"""The front: every request begins and ends here; those of the hot doors go straight to their handlers.

FastAPI's layers (telemetry, body limits, exit stacks, two exception handlers, routing) took a fifth of the processor
time of a single event here; they are of no use to a handler that reads its own body and renders its own errors.

Whatever a request meets, its answer carries a correlation id, and one line of the log tells of it: method, route,
status, milliseconds, tenant. Never the address as it was sent, which may hold anything.
"""

from collections.abc import Awaitable, Callable, Mapping
from time import perf_counter
from typing import Any

import structlog
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from auricle.edge import exchange
from auricle.edge.cors import Cors
from auricle.edge.exchange import Exchange
from auricle.edge.reply import problem
from auricle.edge.traffic import Traffic
from auricle.errors import AuricleError

log = structlog.get_logger(__name__)

Handler = Callable[[Request], Awaitable[Response]]
Hot = dict[tuple[str, str], Handler]
"""Handlers by method and path."""
PROBES = frozenset(
    {
        "/health",
        "/healthz",
        "/readyz",
        "/metrics",
        "/api/v1/analytics/health",
        "/api/v1/analytics/events/health",
        "/api/analytics/healthz",
    }
)
"""Asked every few seconds by machines: the log tells of them only when something is wrong."""
BEGINNINGS = ("http.response.start", "websocket.accept", "websocket.http.response.start")


class Front:
    """An ASGI application before another one."""

    def __init__(
        self,
        behind: ASGIApp,
        hot: Mapping[tuple[str, str], Handler],
        paths: Mapping[Any, str] | None = None,
        cors: Cors | None = None,
        traffic: Traffic | None = None,
    ) -> None:
        self._behind = behind
        self._hot = hot
        # NOTE: FastAPI's router notes the route in the scope for its own routes only, for others just the endpoint.
        self._paths = paths or {}
        self._cors = cors or Cors(())
        self._traffic = traffic or Traffic()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one request."""
        if scope["type"] == "lifespan":
            await self._behind(scope, receive, send)
            return
        began = perf_counter()
        told = exchange.begin(scope["headers"])
        status = 0
        handler = preflight = None

        async def tell(message: Message) -> None:
            nonlocal status
            if message["type"] in BEGINNINGS:
                status = message.get("status", 101)
                more = self._cors.headers(told, scope["path"]) if told.origin is not None and not preflight else ()
                message = {**message, "headers": [*message.get("headers", ()), *told.headers, *more]}
            await send(message)

        try:
            if scope["type"] == "http":
                handler = self._hot.get((scope["method"], scope["path"]))
                preflight = self._cors.preflight(scope, told.origin) if told.origin is not None else None
            if preflight is not None:
                await preflight(scope, receive, tell)
            elif handler is None:
                await self._behind(scope, receive, tell)
            else:
                await _serve_hot(handler, scope, receive, tell)
        finally:
            route = scope["path"] if handler is not None else self._route_of(scope)
            seconds = perf_counter() - began
            self._traffic.note(scope.get("method", "WEBSOCKET"), route, status, seconds)
            _log(scope, told, route, status, seconds)

    def _route_of(self, scope: Scope) -> str | None:
        """The route as it is written in the documents, `/events/{event_id}/fate`; None when there is none."""
        route = scope.get("route")
        path: str | None = self._paths.get(scope.get("endpoint")) if route is None else route.path
        return path


def routes_of(hot: Hot) -> list[Route]:
    """The handlers that `Front` calls by themselves, as routes: for the documents, and for the 405 of other methods."""
    return [Route(path, handler, methods=[method]) for (method, path), handler in hot.items()]


async def _serve_hot(handler: Handler, scope: Scope, receive: Receive, send: Send) -> None:
    request = Request(scope, receive)
    try:
        answer = await handler(request)
    except AuricleError as error:
        answer = problem(error)
    except Exception as error:  # noqa: BLE001 - a boundary: no client ever sees a traceback
        answer = bug(error)
    if not request._stream_consumed:
        # NOTE: else the server reads what is left of the body for as long as the client cares to send.
        answer.headers["Connection"] = "close"
    await answer(scope, receive, send)


def _log(scope: Scope, told: Exchange, route: str | None, status: int, seconds: float) -> None:
    tell = log.debug if route in PROBES and status < 500 else log.info
    tell(
        "request",
        method=scope.get("method", "WEBSOCKET"),
        route=route,
        status=status or None,
        ms=round(seconds * 1_000, 3),
        tenant=told.principal.tenant_id if told.principal else None,
    )


def bug(error: Exception) -> Response:
    """The answer to a request that met a fault of ours; the fault is logged."""
    log.error("bug", error=repr(error), exc_info=error)
    return problem(AuricleError("Something went wrong here; it was logged."))
