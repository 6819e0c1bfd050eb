"""The whole application within the test's own process: as fast as the handlers are, and with all of them."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import orjson
from starlette.types import ASGIApp, Message

from access import Asked
from running import Answer

PEER = ("127.0.0.1", 50_000)


@contextlib.asynccontextmanager
async def living(app: ASGIApp) -> AsyncIterator[None]:
    """The lifespan of the application, begun and ended."""
    heard: asyncio.Queue[Message] = asyncio.Queue()
    told: asyncio.Queue[Message] = asyncio.Queue()
    task = asyncio.ensure_future(app({"type": "lifespan", "asgi": {"version": "3.0"}}, heard.get, told.put))  # type: ignore[arg-type]
    await heard.put({"type": "lifespan.startup"})
    assert (await told.get())["type"] == "lifespan.startup.complete"
    try:
        yield
    finally:
        await heard.put({"type": "lifespan.shutdown"})
        assert (await told.get())["type"] == "lifespan.shutdown.complete"
        await task


def _scope(kind: str, asked: Asked) -> dict[str, Any]:
    headers = [(name.lower().encode(), value.encode("latin-1")) for name, value in asked.headers.items()]
    return {
        "type": kind,
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": asked.method,
        "scheme": "http" if kind == "http" else "ws",
        "path": asked.path,
        "raw_path": asked.path.encode(),
        "query_string": asked.query.lstrip("?").encode(),
        "root_path": "",
        "headers": [(b"host", b"127.0.0.1"), *headers],
        "client": PEER,
        "server": ("127.0.0.1", 80),
        "subprotocols": [],
        "state": {},
    }


async def ask(app: ASGIApp, asked: Asked) -> Answer:
    """The answer to one request; a body that is not bytes is sent as JSON."""
    body = asked.body if isinstance(asked.body, bytes) else b"" if asked.body is None else orjson.dumps(asked.body)
    scope = _scope("http", asked)
    if asked.body is not None:
        scope["headers"] += [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    sent: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]
    status, headers, parts = 0, {}, []
    done = asyncio.Event()

    async def receive() -> Message:
        if sent:
            return sent.pop()
        await done.wait()
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        nonlocal status, headers
        if message["type"] == "http.response.start":
            status = message["status"]
            headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in message["headers"]}
        elif message["type"] == "http.response.body":
            parts.append(message.get("body", b""))
            if not message.get("more_body"):
                done.set()

    await app(scope, receive, send)
    return Answer(status, headers, b"".join(parts))


async def open_socket(app: ASGIApp, asked: Asked) -> int:
    """What becomes of a socket that says nothing but its credential: 101 when it is greeted, else the code it is
    closed with."""
    sent: list[Message] = [{"type": "websocket.receive", "text": '{"auth": ""}'}, {"type": "websocket.connect"}]
    told = 0
    done = asyncio.Event()

    async def receive() -> Message:
        if sent:
            return sent.pop()
        await done.wait()
        return {"type": "websocket.disconnect", "code": 1000}

    async def send(message: Message) -> None:
        nonlocal told
        if message["type"] == "websocket.send":
            told = told or 101
            done.set()
        elif message["type"] == "websocket.close":
            told = told or message.get("code", 1000)
            done.set()
        elif message["type"] == "websocket.http.response.start":
            told = told or message["status"]
            done.set()

    scope = _scope("websocket", asked)
    scope["extensions"] = {"websocket.http.response": {}}
    await app(scope, receive, send)
    return told
