"""The WSGI middleware counts each request, and leaves each answer as it was."""

import io
from collections.abc import Callable, Iterable, Iterator
from types import SimpleNamespace
from typing import Any
from wsgiref.util import FileWrapper, setup_testing_defaults
from wsgiref.validate import validator

import pytest
from answering import answering

from auricle.client import Client, WsgiMiddleware

HEADERS = [("Content-Type", "text/plain")]


def whole(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
    start("201 Created", HEADERS)
    return [b"hello"]


class Pieces:
    """An answer bit by bit, which wants to be closed."""

    def __init__(self) -> None:
        self.left = iter([b"ab", b"cde"])
        self.closed = 0

    def __iter__(self) -> Iterator[bytes]:
        return self.left

    def close(self) -> None:
        self.closed += 1


def pieces(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
    start("200 OK", HEADERS)
    environ["made"] = Pieces()
    return environ["made"]  # type: ignore[no-any-return]


def late(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
    start("202 Accepted", HEADERS)
    yield b"late"


def broken(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
    raise ZeroDivisionError


def half_broken(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
    start("200 OK", HEADERS)
    yield b"half"
    raise ZeroDivisionError


def environment(path: str = "/users/17", **more: Any) -> dict[str, Any]:
    told: dict[str, Any] = {
        "PATH_INFO": path,
        "SCRIPT_NAME": "",
        "QUERY_STRING": "token=secret",
        "HTTP_USER_AGENT": "Agent/1",
        **more,
    }
    setup_testing_defaults(told)
    return told


def ask(app: Any, environ: dict[str, Any]) -> tuple[str, bytes]:
    """The status and the body of an answer, taken as a server takes it."""
    seen: list[str] = []
    answer = app(environ, lambda status, headers, error=None: seen.append(status) or (lambda _: None))
    try:
        body = b"".join(answer)
    finally:
        if hasattr(answer, "close"):
            answer.close()
    return seen[-1] if seen else "", body


def told(app: Any, *environs: dict[str, Any], fails: bool = False, **options: Any) -> list[tuple[Any, ...]]:
    """What is told of requests, without how long they took."""
    with answering() as service, Client(service.url, "ak_test", sigterm=False) as client:
        watched = WsgiMiddleware(app, client, **options)
        for environ in environs:
            if fails:
                with pytest.raises(ZeroDivisionError):
                    ask(watched, environ)
            else:
                ask(watched, environ)
        client.flush()
        events = [event["attributes"] for one in service.asked for event in one.body["events"]]
        assert all(0 <= event.pop("http.server.duration_ms") < 10_000 for event in events)
        return [tuple(event.values()) for event in events]


CASES: dict[str, tuple[Any, tuple[Any, ...]]] = {
    "whole": (whole, ("GET", "/users/{id}", 201, 5)),
    "in pieces": (pieces, ("GET", "/users/{id}", 200, 5)),
    "begun late": (late, ("GET", "/users/{id}", 202, 4)),
}


@pytest.mark.parametrize("name", list(CASES))
def test_it_tells(name: str) -> None:
    app, expected = CASES[name]
    assert told(app, environment()) == [expected]


@pytest.mark.parametrize(("app", "size"), [(broken, 0), (half_broken, 4)])
def test_what_fails_fails_as_before(app: Any, size: int) -> None:
    assert told(app, environment(), fails=True) == [("GET", "/users/{id}", 500, size)]


@pytest.mark.parametrize("app", [whole, pieces, late])
def test_it_keeps_to_the_rules_on_both_sides(app: Any) -> None:
    with answering() as service, Client(service.url, "ak_test", sigterm=False) as client:
        watched = validator(WsgiMiddleware(validator(app), client))
        environ = environment()
        for name in ("HTTP_CONTENT_TYPE", "HTTP_CONTENT_LENGTH"):
            environ.pop(name, None)
        plain = environment()
        assert ask(watched, environ) == ask(app, plain)


def test_what_is_closed_is_closed_once() -> None:
    environ = environment()
    told(pieces, environ)
    assert environ["made"].closed == 1


def test_a_file_goes_through_untouched() -> None:
    def app(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        start("200 OK", HEADERS)
        return environ["wsgi.file_wrapper"](io.BytesIO(b"file"))  # type: ignore[no-any-return]

    with answering() as service, Client(service.url, "ak_test", sigterm=False) as client:
        answer = WsgiMiddleware(app, client)(environment(**{"wsgi.file_wrapper": FileWrapper}), lambda *_: None)
        assert type(answer) is FileWrapper
        assert client.counts.tracked == 1
        assert service.url


def test_the_route_is_what_flask_or_the_program_says() -> None:
    flask = environment(**{"werkzeug.request": SimpleNamespace(url_rule=SimpleNamespace(rule="/users/<int:id>"))})
    assert told(whole, flask) == [("GET", "/users/<int:id>", 201, 5)]
    assert told(whole, environment(), route=lambda _: "/mine") == [("GET", "/mine", 201, 5)]


def test_a_route_that_fails_breaks_nothing() -> None:
    def fails(_: Any) -> str:
        raise RuntimeError

    assert told(whole, environment(), route=fails) == []


def test_some_are_skipped_and_the_agent_is_told_where_it_is_wanted() -> None:
    assert told(whole, environment("/healthz"), environment("/é".encode().decode("latin-1")), skip=["/healthz"]) == [
        ("GET", "/é", 201, 5)
    ]
    assert told(whole, environment(), user_agent=True) == [("GET", "/users/{id}", 201, 5, "Agent/1")]
