"""The front: requests of the hot doors go straight to their handlers, all others to the application.

FastAPI's layers (telemetry, body limits, exit stacks, two exception handlers, routing) took a fifth of the processor
time of a single event here; they are of no use to a handler that reads its own body and renders its own errors.
"""

from collections.abc import Awaitable, Callable, Mapping

import structlog
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from auricle.edge.reply import problem
from auricle.errors import AuricleError

log = structlog.get_logger(__name__)

Handler = Callable[[Request], Awaitable[Response]]


class Front:
    """An ASGI application before another one."""

    def __init__(self, behind: ASGIApp, hot: Mapping[tuple[str, str], Handler]) -> None:
        self._behind = behind
        self._hot = hot

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves one request."""
        handler = self._hot.get((scope["method"], scope["path"])) if scope["type"] == "http" else None
        if handler is None:
            await self._behind(scope, receive, send)
            return
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


def bug(error: Exception) -> Response:
    """The answer to a request that met a fault of ours; the fault is logged."""
    log.error("bug", error=repr(error), exc_info=error)
    return problem(AuricleError("Something went wrong here; it was logged."))
