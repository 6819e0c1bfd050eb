"""The front: hot doors go straight to their handlers, everything else to the application behind."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import orjson
import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from auricle.edge.front import Front
from auricle.errors import TooLarge


async def behind(scope: Any, receive: Any, send: Any) -> None:
    await PlainTextResponse("behind")(scope, receive, send)


async def hot(request: Request) -> Response:
    return PlainTextResponse("hot " + (await request.body()).decode())


async def refuses(request: Request) -> Response:
    raise TooLarge("Too much.")


async def breaks(request: Request) -> Response:
    raise ZeroDivisionError("hunter2")


def ask(handler: Callable[[Request], Awaitable[Response]], method: str, path: str, kind: str = "http") -> Any:
    """Status and body of one request."""
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"body", "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": kind, "method": method, "path": path, "headers": [], "query_string": b""}
    asyncio.run(Front(behind, {("POST", "/hot"): handler})(scope, receive, send))
    return sent[0]["status"], sent[1]["body"]


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        pytest.param("POST", "/hot", (200, b"hot body"), id="a hot door"),
        pytest.param("GET", "/hot", (200, b"behind"), id="another method"),
        pytest.param("POST", "/hot/", (200, b"behind"), id="another path"),
        pytest.param("POST", "/other", (200, b"behind"), id="no hot door"),
    ],
)
def test_who_answers(method: str, path: str, expected: Any) -> None:
    assert ask(hot, method, path) == expected


def test_an_error_of_ours_is_rendered() -> None:
    status, body = ask(refuses, "POST", "/hot")
    assert (status, orjson.loads(body)["code"]) == (413, "too_large")


def test_a_bug_is_logged_and_not_shown() -> None:
    status, body = ask(breaks, "POST", "/hot")
    assert (status, orjson.loads(body)["code"]) == (500, "internal")
    assert b"hunter2" not in body


def test_what_is_no_request_goes_behind() -> None:
    """The life of the application is told in messages that have neither method nor path."""
    seen: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.append(scope["type"])

    asyncio.run(Front(app, {})({"type": "lifespan"}, None, None))  # type: ignore[arg-type]
    assert seen == ["lifespan"]
