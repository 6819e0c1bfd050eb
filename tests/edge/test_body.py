"""The body: read with a limit and a deadline, without a server and through one."""

import asyncio
import gzip
import os
import socket
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import brotli
import pytest
from backports import zstd
from starlette.requests import Request

from auricle.edge.body import read_body
from auricle.edge.connection import REQUEST_SECONDS
from auricle.errors import AuricleError, BadEncoding, BadRequest, TooLarge, UnsupportedMedia
from running import BATCH, EVENTS, Service, event


def request(pieces: Iterable[bytes | float | None], headers: dict[str, str]) -> Request:
    """A request whose body comes in pieces; a number is a pause, None the client's going away."""
    waiting = iter([*pieces, b""])

    async def receive() -> dict[str, Any]:
        piece = next(waiting)
        if isinstance(piece, float):
            await asyncio.sleep(piece)
            piece = next(waiting)
        if piece is None:
            return {"type": "http.disconnect"}
        return {"type": "http.request", "body": piece, "more_body": piece != b""}

    raw = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    return Request({"type": "http", "method": "POST", "path": "/", "headers": raw}, receive)


@pytest.mark.parametrize(
    ("pieces", "headers", "expected"),
    [
        pytest.param([b"ab", b"cd"], {}, b"abcd", id="in pieces"),
        pytest.param([], {}, b"", id="empty"),
        pytest.param([b"x" * 100], {}, b"x" * 100, id="as long as allowed"),
        pytest.param([b"x"] * 100, {"content-length": "100"}, b"x" * 100, id="byte by byte"),
        pytest.param([gzip.compress(b"x" * 100)], {"content-encoding": "gzip"}, b"x" * 100, id="gzip"),
        pytest.param([brotli.compress(b"x" * 100)], {"content-encoding": "br"}, b"x" * 100, id="brotli, in a thread"),
    ],
)
def test_what_is_read(pieces: list[bytes], headers: dict[str, str], expected: bytes) -> None:
    assert asyncio.run(read_body(request(pieces, headers), 100)) == expected


@pytest.mark.parametrize("size", [65_535, 65_536, 131_072, 131_073, 900_000])
@pytest.mark.parametrize(("coding", "code"), [("gzip", gzip.compress), ("zstd", zstd.compress)])
def test_what_is_unpacked_here_and_what_in_a_thread(coding: str, code: Callable[[bytes], bytes], size: int) -> None:
    body = os.urandom(1_000) * (size // 1_000) + os.urandom(size % 1_000)
    packed, headers = code(body), {"content-encoding": coding}
    assert asyncio.run(read_body(request([packed], headers), size)) == body
    with pytest.raises(TooLarge):
        asyncio.run(read_body(request([packed], headers), size - 1))
    with pytest.raises(BadEncoding):
        asyncio.run(read_body(request([packed[:-3]], headers), size))


@pytest.mark.parametrize(
    ("pieces", "headers", "error"),
    [
        pytest.param([b"x" * 101], {}, TooLarge, id="too long"),
        pytest.param([b"x"] * 101, {}, TooLarge, id="too long byte by byte"),
        pytest.param([], {"content-length": "101"}, TooLarge, id="too long as it says"),
        pytest.param([], {"content-length": "9" * 5_000}, TooLarge, id="beyond all numbers"),
        pytest.param([gzip.compress(b"x" * 101)], {"content-encoding": "gzip"}, TooLarge, id="too long inside"),
        pytest.param([gzip.compress(b"x" * 50)[:-1]], {"content-encoding": "gzip"}, BadEncoding, id="cut off"),
        pytest.param([b"x"], {"content-encoding": "rot13"}, UnsupportedMedia, id="another coding"),
        pytest.param([b"x", None], {}, BadRequest, id="the client went away"),
    ],
)
def test_what_is_refused(pieces: list[Any], headers: dict[str, str], error: type[AuricleError]) -> None:
    with pytest.raises(error) as refused:
        asyncio.run(read_body(request(pieces, headers), 100))
    assert type(refused.value) is error


HEAD = "POST {path} HTTP/1.1\r\nHost: x\r\nX-API-Key: {key}\r\n"


def dribble(service: Service, key: str, told: dict[str, Any]) -> None:
    """Sends a body a byte at a time until the connection ends; notes how long it lasted, and the answer."""
    head = HEAD.format(path=EVENTS, key=key) + "Content-Length: 60000\r\n\r\n"
    began = time.monotonic()
    with socket.create_connection(service.address, timeout=60) as connection:
        connection.sendall(head.encode())
        connection.settimeout(0.25)
        while time.monotonic() - began < REQUEST_SECONDS + 10:
            try:
                connection.sendall(b" ")
                piece = connection.recv(4_096)
            except TimeoutError:
                continue
            except OSError:
                break
            if not piece:
                break
            told["answer"] = told.get("answer", b"") + piece
    told["seconds"] = time.monotonic() - began


@pytest.mark.slow
def test_a_slow_body_is_ended_and_holds_nobody_up(service: Service, tenant: str) -> None:
    key = service.key(tenant)
    told: list[dict[str, Any]] = [{} for _ in range(20)]
    threads = [threading.Thread(target=dribble, args=(service, key, each)) for each in told]
    for thread in threads:
        thread.start()
    slowest = 0.0
    while any(thread.is_alive() for thread in threads):
        began = time.monotonic()
        assert service.ask("POST", EVENTS, event(), key).status == 202
        slowest = max(slowest, time.monotonic() - began)
        time.sleep(0.2)
    for thread in threads:
        thread.join()
    assert slowest < 2, "others waited for the slow ones"
    assert [each["answer"][:12] for each in told] == [b"HTTP/1.1 408"] * 20
    assert max(each["seconds"] for each in told) <= REQUEST_SECONDS + 1.9


def test_a_body_that_is_too_large_is_refused_before_it_is_sent(service: Service) -> None:
    head = (
        f"POST {BATCH} HTTP/1.1\r\nHost: x\r\nX-API-Key: {service.key('large')}\r\nContent-Length: 9999999999\r\n\r\n"
    )
    with socket.create_connection(service.address, timeout=10) as connection:
        connection.sendall(head.encode())
        assert connection.recv(12) == b"HTTP/1.1 413"


@pytest.mark.parametrize("headers", ["X-API-Key: nobody", "Content-Encoding: rot13", "Content-Type: image/png"])
def test_who_is_refused_before_the_body_is_read_cannot_stay(service: Service, headers: str) -> None:
    head = f"POST {EVENTS} HTTP/1.1\r\nHost: x\r\n{headers}\r\nContent-Length: 60000\r\n\r\n"
    with socket.create_connection(service.address, timeout=10) as connection:
        connection.sendall(head.encode())
        told = b""
        while piece := connection.recv(4_096):
            told += piece
    assert told[:10] == b"HTTP/1.1 4"


def test_an_endless_body_costs_no_memory(service: Service) -> None:
    assert service.process is not None

    def resident() -> int:
        assert service.process is not None
        pages = Path(f"/proc/{service.process.pid}/statm").read_text().split()[1]
        return int(pages) * os.sysconf("SC_PAGE_SIZE")

    head = (
        f"POST {BATCH} HTTP/1.1\r\nHost: x\r\nX-API-Key: {service.key('large')}\r\nTransfer-Encoding: chunked\r\n\r\n"
    )
    before = resident()
    chunk = b"10000\r\n" + b" " * 65_536 + b"\r\n"
    with socket.create_connection(service.address, timeout=10) as connection:
        connection.sendall(head.encode())
        try:
            for _ in range(800):  # 52 MB
                connection.sendall(chunk)
        except OSError:
            pass
    assert resident() - before < 20_000_000
    assert service.ask("GET", "/readyz").status == 200
