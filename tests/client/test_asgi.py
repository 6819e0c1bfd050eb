"""The ASGI middleware counts each request, under its route, and changes nothing of it."""

import asyncio
from typing import Any

import pytest
from answering import Answering, answering
from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Mount, Route

from auricle.client import AsgiMiddleware, Client


async def hello(request: Request) -> Response:
    return PlainTextResponse("hello " + request.path_params.get("name", ""), 201)


async def broken(request: Request) -> Response:
    raise ZeroDivisionError


async def pieces(request: Request) -> Response:
    return StreamingResponse(iter([b"ab", b"cde"]))


ROUTES = [
    Route("/hello", hello, methods=["GET", "POST"]),
    Route("/users/{name}", hello),
    Route("/broken", broken),
    Route("/pieces", pieces),
    Mount("/inner", routes=[Route("/users/{name}", hello)]),
]


def framework() -> Any:
    app = FastAPI()

    @app.get("/items/{number}")
    async def item(number: int) -> dict[str, int]:
        return {"number": number}

    return app


async def ask(app: Any, path: str, method: str = "GET", **more: Any) -> list[Any]:
    """What an application sends."""
    sent: list[Any] = []
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "scheme": "http",
        "query_string": b"token=secret",
        "headers": [(b"host", b"x"), (b"user-agent", b"Agent/1")],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 2),
        **more,
    }

    body = [{"type": "http.request", "body": b"", "more_body": False}]

    async def receive() -> Any:
        return body.pop() if body else await asyncio.sleep(60)  # nobody leaves

    async def send(message: Any) -> None:
        sent.append(message)

    await app(scope, receive, send)
    return sent


def told(service: Answering) -> list[Any]:
    """What was told of each request, without how long it took."""
    found = []
    for one in service.asked:
        for event in one.body["events"]:
            assert event["event_name"] == "http.request"
            assert 0 <= event["attributes"].pop("http.server.duration_ms") < 10_000
            found.append(tuple(event["attributes"].values()))
    return found


CASES: dict[str, tuple[Any, str, tuple[Any, ...]]] = {
    "a path": (Starlette(routes=ROUTES), "/hello", ("GET", "/hello", 201, 6)),
    "a parameter": (Starlette(routes=ROUTES), "/users/jane", ("GET", "/users/{name}", 201, 10)),
    "inside another": (Starlette(routes=ROUTES), "/inner/users/jane", ("GET", "/inner/users/{name}", 201, 10)),
    "pieces": (Starlette(routes=ROUTES), "/pieces", ("GET", "/pieces", 200, 5)),
    "nothing there": (Starlette(routes=ROUTES), "/no/17", ("GET", "/no/{id}", 404, 9)),
    "a route of FastAPI": (framework(), "/items/17", ("GET", "/items/{number}", 200, 13)),
    "refused by FastAPI": (framework(), "/items/x", ("GET", "/items/{number}", 422, 150)),
}


@pytest.mark.parametrize("name", list(CASES))
def test_it_tells(name: str) -> None:
    app, path, expected = CASES[name]
    with answering() as service, Client(service.url, "ak_test", sigterm=False) as client:
        plain = asyncio.run(ask(app, path))
        assert asyncio.run(ask(AsgiMiddleware(app, client), path)) == plain
        client.flush()
        (found,) = told(service)
        assert found[:3] == expected[:3]
        assert found[3] == sum(len(message.get("body", b"")) for message in plain)


def test_what_fails_fails_as_before() -> None:
    with answering() as service, Client(service.url, "ak_test", sigterm=False) as client:
        app = AsgiMiddleware(Starlette(routes=ROUTES), client)
        with pytest.raises(ZeroDivisionError):
            asyncio.run(ask(app, "/broken"))
        client.flush()
        assert told(service) == [("GET", "/broken", 500, 21)]


def test_who_leaves_is_told_so() -> None:
    async def slow(scope: Any, receive: Any, send: Any) -> None:
        await asyncio.sleep(30)

    async def leave(app: Any) -> None:
        task = asyncio.create_task(ask(app, "/slow"))
        await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    with answering() as service, Client(service.url, "ak_test", sigterm=False) as client:
        asyncio.run(leave(AsgiMiddleware(slow, client)))
        client.flush()
        assert told(service) == [("GET", "/slow", 499, 0)]


def test_what_is_no_request_goes_through() -> None:
    seen: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.append(scope["type"])

    with answering() as service, Client(service.url, "ak_test", sigterm=False) as client:
        watched = AsgiMiddleware(app, client, skip=["/healthz"])
        asyncio.run(ask(watched, "/", type="lifespan"))
        asyncio.run(ask(watched, "/", type="websocket"))
        asyncio.run(ask(watched, "/healthz"))
        assert seen == ["lifespan", "websocket", "http"]
        assert client.counts.tracked == 0
        assert service.asked == []


def test_the_agent_is_told_where_it_is_wanted() -> None:
    with answering() as service, Client(service.url, "ak_test", sigterm=False) as client:
        asyncio.run(ask(AsgiMiddleware(Starlette(routes=ROUTES), client, user_agent=True), "/hello"))
        client.flush()
        assert told(service) == [("GET", "/hello", 201, 6, "Agent/1")]


def test_a_scope_that_is_odd_breaks_nothing() -> None:
    class Odd:
        @property
        def path(self) -> str:
            raise RuntimeError

    async def app(scope: Any, receive: Any, send: Any) -> None:
        scope["route"] = Odd()
        await send({"type": "http.response.start", "status": 204, "headers": []})

    with answering() as service, Client(service.url, "ak_test", sigterm=False) as client:
        assert len(asyncio.run(ask(AsgiMiddleware(app, client), "/x"))) == 1
        assert client.counts.tracked == 0
        assert service.asked == []
