"""The WSGI middleware: an event `http.request` for each request, as `asgi` has it.

An answer that is there as a whole goes through untouched, so that a server may still count or send it as it likes; one
that is made bit by bit is counted as it passes.
"""

import sys
from collections.abc import Callable, Collection, Iterable, Iterator
from time import perf_counter
from typing import Any

from auricle.client.route import template
from auricle.client.tracker import Tracker

App = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]

FAILED = 500


class WsgiMiddleware:
    """Wraps a WSGI application: `app.wsgi_app = WsgiMiddleware(app.wsgi_app, analytics)`."""

    def __init__(
        self,
        app: App,
        client: Tracker,
        *,
        skip: Collection[str] = (),
        user_agent: bool = False,
        route: Callable[[dict[str, Any]], str | None] | None = None,
    ) -> None:
        """`route` gives the template of a request after it was answered, for frameworks that this does not know."""
        self.app = app
        self._client = client
        self._skip = frozenset(skip)
        self._user_agent = user_agent
        self._route = route

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """One request."""
        if environ.get("PATH_INFO") in self._skip:
            return self.app(environ, start_response)
        seen = _Seen(self, environ, start_response)
        try:
            answer = self.app(environ, seen.start)
        except BaseException:
            seen.end(FAILED)
            raise
        if isinstance(answer, list | tuple):
            seen.size = sum(map(len, answer))
            seen.end()
            return answer
        wrapper = environ.get("wsgi.file_wrapper")
        if isinstance(wrapper, type) and isinstance(answer, wrapper):
            seen.size = None
            seen.end()
            return answer
        return _Watched(answer, seen)

    def note(self, environ: dict[str, Any], status: int, size: int | None, seconds: float) -> None:
        """Tells of a request that was answered."""
        try:
            told: dict[str, Any] = {
                "http.request.method": environ.get("REQUEST_METHOD"),
                "url.path": self._path(environ),
                "http.response.status_code": status,
                "http.server.duration_ms": round(seconds * 1000, 3),
            }
            if size is not None:
                told["http.response.size_bytes"] = size
            if self._user_agent and (agent := environ.get("HTTP_USER_AGENT")):
                told["user_agent.original"] = str(agent)[:512]
            self._client.track("http.request", told)
        except Exception as error:  # noqa: BLE001 - whatever the program's own function does, its answer stands
            self._client.note_fault("the middleware", error)

    def _path(self, environ: dict[str, Any]) -> str:
        own = self._route(environ) if self._route is not None else None
        if own is None:
            # What Flask leaves behind: the request, with the rule that it found.
            rule = getattr(getattr(environ.get("werkzeug.request"), "url_rule", None), "rule", None)
            own = rule if isinstance(rule, str) else None
        # NOTE: WSGI hands bytes over as latin-1.
        path = str(environ.get("PATH_INFO") or "/").encode("latin-1", "replace").decode("utf-8", "replace")
        return own or template(path)


class _Seen:
    """What was seen of one answer."""

    __slots__ = ("_began", "_environ", "_middleware", "_start", "size", "status", "told")

    def __init__(self, middleware: WsgiMiddleware, environ: dict[str, Any], start: Callable[..., Any]) -> None:
        self._middleware = middleware
        self._environ = environ
        self._start = start
        self._began = perf_counter()
        self.status = FAILED
        self.size: int | None = 0
        self.told = False

    def start(self, status: str, headers: list[tuple[str, str]], *error: Any) -> Any:
        code = status[:3]
        self.status = int(code) if code.isdecimal() and code.isascii() else FAILED
        return self._start(status, headers, *error)

    def end(self, status: int | None = None) -> None:
        if not self.told:
            self.told = True
            self._middleware.note(self._environ, status or self.status, self.size, perf_counter() - self._began)


class _Watched:
    """An answer that is made bit by bit."""

    __slots__ = ("_answer", "_iterator", "_seen")

    def __init__(self, answer: Iterable[bytes], seen: _Seen) -> None:
        self._answer = answer
        self._iterator: Iterator[bytes] | None = None
        self._seen = seen

    def __iter__(self) -> "_Watched":
        return self

    def __next__(self) -> bytes:
        try:
            if self._iterator is None:
                self._iterator = iter(self._answer)
            piece = next(self._iterator)
        except StopIteration:
            raise
        except BaseException:
            self._seen.status = FAILED
            raise
        if self._seen.size is not None:
            self._seen.size += len(piece)
        return piece

    def close(self) -> None:
        """Called by the server at the end of every answer, also of one that was cut short."""
        try:
            close = getattr(self._answer, "close", None)
            if close is not None:
                close()
        finally:
            if sys.exc_info()[0] is not None:
                self._seen.status = FAILED
            self._seen.end()
