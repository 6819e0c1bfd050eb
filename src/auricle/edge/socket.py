"""The socket: uvicorn's WebSocket protocol, hardened against clients that send and never read.

NOTE: what is mended here was seen in uvicorn 0.54; `tests/edge/test_socket.py` shows each with a hostile client.
"""

from typing import Any

from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import CloseCode

LINGER_SECONDS = 5.0
"""How long a connection that is over may take to be read to its end by the client."""


class Socket(WebSocketsSansIOProtocol):
    """One WebSocket connection."""

    over = False
    """Whether what comes is no longer looked at."""

    def data_received(self, data: bytes) -> None:
        """Takes bytes of the client."""
        if not self.over:
            super().data_received(data)

    def handle_parser_exception(self) -> None:
        """Tells a client that broke the protocol why it is sent away, and closes when it has hung up."""
        # NOTE: uvicorn closes at once. What the client still sends then makes the system reset the connection, and the
        # client loses the close frame that it has not read.
        if self.over:
            return
        self.over = True
        close = self.conn.close_sent
        code, reason = (close.code, close.reason) if close else (CloseCode.ABNORMAL_CLOSURE, "")
        self.queue.put_nowait({"type": "websocket.disconnect", "code": code, "reason": reason})
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.close_sent = True
        if self.read_paused:
            self.read_paused = False
            self.transport.resume_reading()
        self.transport.write_eof()
        self.close_timer = self.loop.call_later(LINGER_SECONDS, self.transport.abort)

    def handle_ping(self) -> None:
        """Answers a ping, unless the client does not read its answers: they would fill the memory."""
        if self.writable.is_set():
            super().handle_ping()
        else:
            self.transport.abort()

    def keepalive_timeout(self) -> None:
        """Ends a connection that answers no ping."""
        super().keepalive_timeout()
        # NOTE: close() waits until the client has read what was sent, and this one reads nothing.
        self.transport.abort()

    def send_receive_event_to_app(self) -> None:
        """Hands a whole message on; text that is no UTF-8 ends the connection."""
        # NOTE: uvicorn does the same, and writes a traceback to the log each time a client pleases.
        if self.curr_msg_data_type == "text" and not _is_utf8(b"".join(self.frames)):
            self.frames = []
            if not self.close_sent:
                self.conn.send_close(CloseCode.INVALID_DATA)
                self.handle_parser_exception()
            return
        super().send_receive_event_to_app()

    async def send(self, message: Any) -> None:
        """Sends what the application has to say, unless the connection is over."""
        # NOTE: uvicorn takes an answer that crosses the end of the connection for a fault of the application.
        await self.writable.wait()
        if self.close_sent and self.handshake_complete:
            raise ClientDisconnected
        await super().send(message)

    async def run_asgi(self) -> None:
        """Runs the application for this connection, and sees to it that the connection ends thereafter."""
        await super().run_asgi()
        self.loop.call_later(LINGER_SECONDS, self.transport.abort)


def _is_utf8(text: bytes) -> bool:
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True
