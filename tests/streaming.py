"""A client of the event stream, as docs/stream.md asks of one, on the `websockets` library."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import orjson
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from running import Service

STREAM = "/api/v1/analytics/events/stream"


def address_of(service: Service) -> str:
    host, port = service.address
    return f"ws://{host}:{port}{STREAM}"


@contextmanager
def stream(
    service: Service, key: str | None = None, headers: Mapping[str, str] | None = None, **more: Any
) -> Iterator[ClientConnection]:
    """An open connection; the key goes into a header."""
    sent = {"X-API-Key": key} if key is not None else {}
    with connect(
        address_of(service), additional_headers=sent | dict(headers or {}), proxy=None, close_timeout=5, **more
    ) as socket:
        yield socket


def told(socket: ClientConnection, seconds: float = 20.0) -> Any:
    """The next frame of the service."""
    return orjson.loads(socket.recv(timeout=seconds))


def tell(socket: ClientConnection, frame: Any) -> None:
    socket.send(orjson.dumps(frame).decode())


def rest(socket: ClientConnection, seconds: float = 20.0) -> list[Any]:
    """All frames up to the end of the connection."""
    frames = []
    try:
        while True:
            frames.append(told(socket, seconds))
    except ConnectionClosed:
        return frames


def end_of(socket: ClientConnection, seconds: float = 20.0) -> tuple[int | None, str]:
    """Code and reason of the service's close; frames before it are passed over."""
    rest(socket, seconds)
    closed = socket.protocol.close_rcvd
    return (closed.code, closed.reason) if closed else (None, "")
