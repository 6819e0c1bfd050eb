"""The connection: how long a client may take for a request, how large its head may be, and how many clients there are.

uvicorn's own protocol waits for the head of a request, and for a client that does not read its answer, for ever. Here
a request must be whole in time, and every connection ends that does nothing.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import structlog
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from auricle import clock
from auricle.edge.reply import problem
from auricle.errors import AuricleError, BadRequest, HeadTooLarge, TooSlow, Unavailable

log = structlog.get_logger(__name__)

HEAD_SECONDS = 10.0
"""From the connection, or the first byte of the next request, to the end of its head."""
REQUEST_SECONDS = 13.0
"""From the same moment to the last byte of its body: with what follows, nobody holds a connection for 15 seconds."""
IDLE_SECONDS = 75
"""From an answer to the next request."""
STALL_SECONDS = 60.0
"""How long a client may read nothing of what waits for it."""
LINGER_SECONDS = 1.0
"""How long a refused client is listened to without heed: were the connection closed on what it still sends, it would
never see the answer."""
MAX_HEAD = 65_536
"""Bytes of a head; a piece of what the network brings at once may be over it by as much as it is long."""
MAX_URL = 16_384
MAX_HEADERS = 1_000
MAX_CRUMBS = 10_000
"""Pieces of a body of which all may be small; of more than these the mean must be `CRUMB` bytes."""
CRUMB = 16
TOLD_SECONDS = 10.0
"""The least time between two lines of the log about connections that were turned away."""


@dataclass(slots=True)
class Crowd:
    """The limit on connections that all of them share, and how many were turned away."""

    limit: int
    turned_away: int = 0
    told_at: float = float("-inf")

    def turn_away(self, now: float) -> None:
        """Counts one more, and tells the log now and then."""
        self.turned_away += 1
        if now - self.told_at >= TOLD_SECONDS:
            self.told_at = now
            log.warning("too_many_connections", limit=self.limit, turned_away=self.turned_away)


class Joined:
    """What one answer is written to: its head waits for the first piece of its body, so that both leave in one packet.

    uvicorn writes them one after the other, and each would be a call into the system and a wake-up of the client: a
    third of what a small request cost the event loop. A head without a body leaves at the end of the loop's turn.
    """

    __slots__ = ("_head", "_loop", "_started", "_transport")

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._started = False
        self._head = b""

    def write(self, data: bytes) -> None:
        """Writes, or keeps the very first piece."""
        if self._started:
            head, self._head = self._head, b""
            self._transport.write(head + data if head else data)
            return
        self._started, self._head = True, data
        self._loop.call_soon(self.flush)

    def flush(self) -> None:
        """Writes what was kept."""
        head, self._head = self._head, b""
        if head and not self._transport.is_closing():
            self._transport.write(head)

    def close(self) -> None:
        """Ends the connection once all is written."""
        self.flush()
        self._transport.close()

    def is_closing(self) -> bool:
        """Whether nothing more can be written."""
        return self._transport.is_closing()


class Connection(HttpToolsProtocol):
    """One connection of a client. Belongs to the event loop.

    There is one timer for the request under way: it looks at what is missing when it fires, and costs a request that
    arrives in one piece nothing.
    """

    def __init__(self, *, crowd: Crowd, **given: Any) -> None:
        super().__init__(**given)
        self._crowd = crowd
        self._began: float | None = None
        """When the request under way began to arrive; None once all of it is here."""
        self._in_head = True
        self._head_bytes = 0
        self._pieces = self._body_bytes = 0
        self._watch: asyncio.TimerHandle | None = None
        self._stall: asyncio.TimerHandle | None = None
        self._fault: AuricleError | None = None
        self._refused = False
        self._upgraded = False
        self._answer: Joined | None = None
        """Where the newest request is answered."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A client came."""
        super().connection_made(transport)
        self._begin()
        self._look_later(HEAD_SECONDS)
        if len(self.connections) > self._crowd.limit:
            self._crowd.turn_away(self.loop.time())
            self.transport.write(_raw(Unavailable("Too many connections are open; try again.", retry_after=2)))
            self.transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """The client is gone."""
        self._forget_timers()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Some bytes came."""
        if self._refused:
            return
        if self._in_head:
            self._head_bytes += len(data)
        super().data_received(data)
        if self._refused or self._upgraded or self.transport.is_closing():
            return
        if self._began is None:
            if self._busy:
                return
            # NOTE: line breaks between requests end the wait for the next one, and begin none.
            self._begin()
        if self._in_head and self._head_bytes > MAX_HEAD:
            self._refuse(HeadTooLarge(f"The head of a request may have at most {MAX_HEAD} bytes: send less."))
        elif self._watch is None:
            self._look_later(HEAD_SECONDS if self._in_head else REQUEST_SECONDS)

    def on_message_begin(self) -> None:
        """The first byte of a request came; on a new connection its time runs already."""
        super().on_message_begin()
        if self._began is None or not self._in_head:
            self._begin()

    def on_url(self, url: bytes) -> None:
        """A piece of the address came."""
        super().on_url(url)
        if len(self.url) > MAX_URL:
            self._fault = HeadTooLarge(f"The address may have at most {MAX_URL} bytes: send the rest as a body.")
            raise self._fault

    def on_headers_complete(self) -> None:
        """The head is whole."""
        if len(self.headers) > MAX_HEADERS:
            self._fault = HeadTooLarge(f"A request may have at most {MAX_HEADERS} header fields: send fewer.")
            raise self._fault
        self._in_head = False
        before = self.cycle
        super().on_headers_complete()
        if self.cycle is not before:  # else it asks to become a WebSocket
            self._answer = self.cycle.transport = Joined(self.transport, self.loop)  # type: ignore[assignment]

    def on_body(self, body: bytes) -> None:
        """A piece of the body came: a chunk, or what the network brought of one."""
        self._pieces += 1
        self._body_bytes += len(body)
        if self._pieces > MAX_CRUMBS and self._body_bytes < CRUMB * self._pieces:
            # NOTE: parsing a million chunks of one byte takes a quarter of a second, in which nobody else is answered.
            self._fault = BadRequest("The body comes in too many tiny pieces: send it in larger ones.")
            raise self._fault
        super().on_body(body)

    def on_message_complete(self) -> None:
        """The request is whole."""
        self._began = None
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """The answer is written, at least to the buffers; whoever is to go must read it in time."""
        super().on_response_complete()
        if self.transport.is_closing() and self._stall is None:
            self._stall = self.loop.call_later(STALL_SECONDS, self.transport.abort)

    def send_400_response(self, msg: str) -> None:
        """Refuses what is no HTTP, or what one of the above refused."""
        self._refuse(self._fault or BadRequest(msg))

    def handle_websocket_upgrade(self) -> None:
        """The connection goes on as a WebSocket, which has its own rules."""
        self._began, self._upgraded = None, True
        self._forget_timers()
        super().handle_websocket_upgrade()

    def pause_writing(self) -> None:
        """The client does not read as fast as we write."""
        super().pause_writing()
        if self._stall is None:
            self._stall = self.loop.call_later(STALL_SECONDS, self.transport.abort)

    def resume_writing(self) -> None:
        """The client has read most of it."""
        if self._stall is not None and not self._refused and not self.transport.is_closing():
            self._stall.cancel()
            self._stall = None
        super().resume_writing()

    def timeout_keep_alive_handler(self) -> None:
        """No next request came."""
        # NOTE: `close` waits until the last answer is read, which this client may never do.
        if self.transport.get_write_buffer_size():
            self.transport.abort()
        else:
            super().timeout_keep_alive_handler()

    @property
    def _busy(self) -> bool:
        """Whether a request is being answered, or waits to be."""
        return self.cycle is not None and not self.cycle.response_complete

    def _begin(self) -> None:
        self._began = self.loop.time()
        self._in_head = True
        self._head_bytes = self._pieces = self._body_bytes = 0

    def _look_later(self, seconds: float) -> None:
        self._watch = self.loop.call_later(seconds, self._look)

    def _look(self) -> None:
        """Ends the connection when the request under way is late."""
        self._watch = None
        if self._began is None or self._refused or self.transport.is_closing():
            return
        now = self.loop.time()
        if self.flow.read_paused or self.pipeline or (self._in_head and self._busy):
            # What is missing may be late because we have not read it, or have not answered what came before. From then
            # on the client has its whole time, so looks are many: none knows when it is its turn again.
            self._began = now
            self._look_later(HEAD_SECONDS / 10)
            return
        left = self._began + (HEAD_SECONDS if self._in_head else REQUEST_SECONDS) - now
        if left > 0:
            self._look_later(left)
            return
        part, seconds = ("head", HEAD_SECONDS) if self._in_head else ("request", REQUEST_SECONDS)
        self._refuse(TooSlow(f"The {part} did not arrive within {seconds:.0f} seconds: send it faster."))

    def _refuse(self, error: AuricleError) -> None:
        """Answers, unless another answer has begun, and ends the connection."""
        self._began, self._refused = None, True
        if self.transport.is_closing():
            return
        if not self.pipeline and not (self._busy and (self._in_head or self.cycle.response_started)):
            self.transport.write(_raw(error))
        if self.cycle is not None:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        if self._answer is not None:
            self._answer.flush()
        self._forget_timers()
        self._unset_keepalive_if_required()
        self.transport.write_eof()
        self._stall = self.loop.call_later(LINGER_SECONDS, self.transport.abort)

    def _forget_timers(self) -> None:
        for timer in (self._watch, self._stall):
            if timer is not None:
                timer.cancel()
        self._watch = self._stall = None


def connections(limit: int) -> tuple[Callable[..., Connection], Crowd]:
    """What makes the connection of each client, for uvicorn's `http`, and what they share."""
    crowd = Crowd(limit)
    return partial(Connection, crowd=crowd), crowd


def _raw(error: AuricleError) -> bytes:
    """An error as the bytes of a whole answer."""
    answer = problem(error)
    fields = [*answer.raw_headers, (b"connection", b"close"), (b"x-correlation-id", clock.new_id().encode())]
    head = b"".join(name + b": " + value + b"\r\n" for name, value in fields)
    return STATUS_LINE[error.status] + head + b"\r\n" + bytes(answer.body)
