"""The event stream of document 002: frames of events over a WebSocket, each acknowledged once it is on disk.

    client                                   service
    {"auth": "ak_…"}, or a header        →
                                         ←   {"ready": true, "credit": 8, "limits": {…}}
    {"seq": 1, "events": […]}            →
    {"seq": 2, "events": […]}            →
                                         ←   {"ack": 1, "results": […], "credit": 8}
                                         ←   {"ack": 2, "results": […], "credit": 8}

The whole protocol is told in `docs/stream.md`. Nothing is kept of a connection when it ends: a client sends again what
was not acknowledged, and the events' ids make that exact.
"""

import asyncio
import time
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import orjson
import structlog
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from auricle.edge.entrance import Entrance, results
from auricle.edge.exchange import current
from auricle.edge.guard import key_in, permitted
from auricle.edge.origin import allowed_origins, may_open
from auricle.edge.reply import problem_body
from auricle.errors import AuricleError, Forbidden, TooManyRequests, Unauthorized, Unavailable
from auricle.intake.decode import frame_of, parse_single, seq_of
from auricle.intake.journal import Journal
from auricle.model.principal import Principal, Scope

log = structlog.get_logger(__name__)

PATH = "/api/v1/analytics/events/stream"
AUTH_SECONDS = 10.0
"""Time a client has for its first frame when no header says who it is, unless silence ends a stream sooner."""
CHECK_SECONDS = 10.0
"""How often the credential of a silent connection is checked again, or as often as silence would end it."""
AT_WORK = 64
"""Frames of all connections that are worked on at once; bounds what clients can make the process hold."""
REASON_BYTES = 123
"""What a close frame can hold."""


class Close(IntEnum):
    """Why a connection is closed by us (RFC 6455, section 7.4.1)."""

    BINARY = 1003
    NOT_JSON = 1007
    REFUSED = 1008
    TOO_LARGE = 1009
    OVERLOAD = 1013


class _End(Exception):
    """The connection is to be closed; what was received before is still written and acknowledged."""

    def __init__(self, code: Close, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


@dataclass(slots=True)
class _Shared:
    """What the connections share."""

    entrance: Entrance
    journal: Journal
    origins: frozenset[str]
    at_work: asyncio.Semaphore
    connections: int = 0


class StreamDoor:
    """The handler. Belongs to the event loop."""

    def __init__(self, entrance: Entrance, journal: Journal) -> None:
        origins = allowed_origins(entrance.settings.allowed_origins)
        self._shared = _Shared(entrance, journal, origins, asyncio.Semaphore(AT_WORK))

    @property
    def routes(self) -> list[WebSocketRoute]:
        """The route of the handler."""
        return [WebSocketRoute(PATH, self.stream)]

    async def stream(self, socket: WebSocket) -> None:
        """One connection, from its handshake to its end."""
        # NOTE: a handshake is accepted also where the next word is no: browsers tell a page nothing of a refused one.
        await socket.accept()
        shared = self._shared
        if shared.connections >= shared.entrance.settings.stream_connections:
            await _close(socket, _End(Close.OVERLOAD, "Too many streams are open; try again later."))
            return
        shared.connections += 1
        try:
            await _Connection(shared, socket).serve()
        finally:
            shared.connections -= 1


class _Connection:
    """One client: frames are read in one task and answered, in the order they came, in another."""

    def __init__(self, shared: _Shared, socket: WebSocket) -> None:
        self._shared = shared
        self._entrance = shared.entrance
        self._settings = shared.entrance.settings
        self._socket = socket
        self._key = ""
        self._principal: Principal | None = None
        self._check_at = 0.0
        self._frames: asyncio.Queue[asyncio.Future[dict[str, Any]] | None] = asyncio.Queue()
        self._in_flight = 0
        self._gone = False

    async def serve(self) -> None:
        """Serves until either side ends it."""
        answering = asyncio.create_task(self._answer())
        end = None
        try:
            principal = await self._admit()
            while True:
                principal = await self._read(principal)
        except _End as told:
            end = told
        except TooManyRequests as error:
            end = _End(Close.OVERLOAD, error.detail)
        except WebSocketDisconnect:
            self._gone = True
        finally:
            # NOTE: frames that were read are written to the end, also when the client has left: it cannot know how far
            # they came, and a write is not taken back halfway.
            self._frames.put_nowait(None)
            await answering
        if end is not None and not self._gone:
            await _close(self._socket, end)

    async def _admit(self) -> Principal:
        """Who opened the connection, by a header or the first frame; greets it."""
        key = key_in(self._socket)
        if not key:
            seconds = min(AUTH_SECONDS, self._settings.stream_idle)
            try:
                raw = _json(await self._receive(seconds))
            except TimeoutError:
                raise _End(Close.REFUSED, f"No credential came within {seconds:.0f} seconds.") from None
            key = _auth_of(raw)
        principal = await self._identify(key)
        await self._greet()
        return principal

    async def _identify(self, key: str, *, counted: bool = True) -> Principal:
        """The principal of a key that may write events, from this address and from the page that opened the socket.

        Raises:
            TooManyRequests: a limit of the key is reached, which ends the connection unless it concerns one frame.
        """
        try:
            holder = await self._entrance.guard.holder(self._socket, key, counted=counted)
            principal = permitted(holder, Scope.EVENTS_WRITE)
        except (Unauthorized, Forbidden) as error:
            raise _End(Close.REFUSED, error.detail) from None
        except Unavailable:
            raise _End(Close.OVERLOAD, "Keys cannot be checked at the moment; try again later.") from None
        finally:
            _forget_headers()
        if principal.origins is None and not may_open(self._socket.headers, self._shared.origins):
            raise _End(Close.REFUSED, "Pages of this origin may not send here; see AURICLE_ALLOWED_ORIGINS.")
        self._key = key
        self._check_at = time.monotonic() + min(CHECK_SECONDS, self._settings.stream_idle)
        return principal

    async def _greet(self) -> None:
        settings = self._settings
        limits = {
            "frame_events": settings.max_batch_events,
            "frame_bytes": settings.max_batch_bytes,
            "event_bytes": settings.max_event_bytes,
        }
        told = {"ready": True, "credit": self._credit(), "limits": limits, "idle_seconds": settings.stream_idle}
        await self._socket.send_text(orjson.dumps(told).decode())

    async def _read(self, principal: Principal) -> Principal:
        """Takes one frame, or finds that the time has come to look at the credential again."""
        left = self._check_at - time.monotonic()
        if left <= 0:
            return await self._identify(self._key, counted=False)
        try:
            body = await self._receive(left)
        except TimeoutError:
            return principal
        raw = _json(body)
        if isinstance(raw, dict) and "auth" in raw:
            return await self._renew(raw, principal)
        if self._in_flight >= self._settings.stream_credit:
            raise _End(Close.OVERLOAD, "There are more frames on their way than the credit allows.")
        self._in_flight += 1
        try:
            # NOTE: a frame is a request: its credential is held against the same limits, and is as fresh.
            principal = await self._identify(self._key)
        except TooManyRequests as error:
            refused = asyncio.get_running_loop().create_future()
            refused.set_result(_refusal(raw, error))
            self._frames.put_nowait(refused)
            return principal
        await self._shared.at_work.acquire()
        self._frames.put_nowait(asyncio.create_task(self._take(principal, raw, len(body))))
        return principal

    async def _renew(self, raw: dict[str, Any], principal: Principal) -> Principal:
        """Another credential of the same tenant, sent before the first one ends."""
        renewed = await self._identify(_auth_of(raw))
        if renewed.tenant_id != principal.tenant_id:
            raise _End(Close.REFUSED, "The new credential is another tenant's; open another connection.")
        await self._greet()
        return renewed

    async def _receive(self, seconds: float) -> bytes:
        """The next frame. TimeoutError when there is none in that time."""
        async with asyncio.timeout(seconds):
            message = await self._socket.receive()
        if message["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(message["code"])
        text = message.get("text")
        if text is None:
            raise _End(Close.BINARY, "Frames are JSON in text messages, not binary.")
        body: bytes = text.encode()
        if len(body) > self._settings.max_batch_bytes:
            raise _End(Close.TOO_LARGE, f"A frame may have at most {self._settings.max_batch_bytes} bytes.")
        return body

    async def _take(self, principal: Principal, raw: Any, size: int) -> dict[str, Any]:
        """The answer to one frame. An error costs this frame and no other."""
        try:
            frame = frame_of(raw, self._settings.max_batch_events)
            receipts = await self._entrance.take(principal, frame.events, sent_at=frame.sent_at, longest=size)
        except AuricleError as error:
            return _refusal(raw, error)
        except Exception as error:
            log.error("bug", error=repr(error), exc_info=error)
            return _refusal(raw, AuricleError("Something went wrong here; it was logged."))
        finally:
            self._shared.at_work.release()
        return {"ack": frame.seq, "results": results(frame.events, receipts, everything=False)}

    async def _answer(self) -> None:
        """Answers frames in the order they came in."""
        while (frame := await self._frames.get()) is not None:
            answer = await frame
            # NOTE: before it is sent, so that a client that reads fast is never taken for one that ignores its credit.
            self._in_flight -= 1
            answer["credit"] = 1 if "retry_after" in answer else self._credit()
            if not self._gone:
                try:
                    await self._socket.send_text(orjson.dumps(answer).decode())
                except WebSocketDisconnect:
                    self._gone = True

    def _credit(self) -> int:
        """How many frames may be unanswered at once from now on: fewer, the more waits in the journal."""
        room = 1 - self._shared.journal.waiting / self._settings.max_waiting_events
        return max(1, round(self._settings.stream_credit * room))


def _json(body: bytes) -> Any:
    try:
        return parse_single(body)
    except AuricleError:
        raise _End(Close.NOT_JSON, "Frames are JSON in UTF-8; this one cannot be read.") from None


def _auth_of(raw: Any) -> str:
    """The credential in `{"auth": "ak_…"}`."""
    key = raw.get("auth") if isinstance(raw, dict) and len(raw) == 1 else None
    if not isinstance(key, str) or not key:
        raise _End(Close.REFUSED, 'Send a credential first: {"auth": "ak_..."}, or the header X-API-Key.')
    return key


def _refusal(raw: Any, error: AuricleError) -> dict[str, Any]:
    answer: dict[str, Any] = {"seq": seq_of(raw), "error": problem_body(error)}
    if error.transient:
        answer["retry_after"] = error.retry_after or 1
    return answer


def _forget_headers() -> None:
    """Drops what the limiter would put into an answer's head: this one's has left, and the connection may last."""
    exchange = current.get()
    if exchange is not None:
        exchange.headers.clear()


async def _close(socket: WebSocket, end: _End) -> None:
    try:
        await socket.close(end.code, end.reason.encode()[:REASON_BYTES].decode(errors="ignore"))
    except WebSocketDisconnect:
        log.debug("stream_gone", code=int(end.code))
