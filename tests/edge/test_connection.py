"""Connections: late, endless, idle and crowding clients are ended; the others notice nothing."""

import asyncio
import contextlib
import os
import socket
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from uvicorn.server import ServerState

from auricle.edge import connection
from auricle.edge.connection import HEAD_SECONDS, MAX_HEAD, MAX_HEADERS, MAX_URL, REQUEST_SECONDS, connections
from running import BATCH, EVENTS, Service, event

GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
Application = Callable[[Any, Any, Any], Awaitable[None]]


def answering(body: bytes = b"ok", pause: float = 0.0, reads: bool = True) -> Application:
    """An application that reads its request, or does not, takes its time and answers."""

    async def application(_scope: Any, receive: Any, send: Any) -> None:
        while reads and (await receive()).get("more_body"):
            pass
        await asyncio.sleep(pause)
        length = str(len(body)).encode()
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", length)]})
        await send({"type": "http.response.body", "body": body})

    return application


@contextlib.asynccontextmanager
async def listening(application: Application, limit: int = 100) -> AsyncIterator[int]:
    """The port of a server that speaks through `Connection`."""
    protocol, _ = connections(limit)
    config = uvicorn.Config(application, http=protocol, timeout_keep_alive=1, log_config=None, ws="none")  # type: ignore[arg-type]
    config.load()
    state = ServerState()
    server = await asyncio.get_running_loop().create_server(
        lambda: protocol(config=config, server_state=state, app_state={}), "127.0.0.1", 0
    )
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


async def told(port: int, *pieces: bytes | float, patience: float = 5.0) -> tuple[bytes, float]:
    """All that comes back for these bytes (a number is a pause) until the connection ends, and when that was."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    began = time.monotonic()

    async def send() -> None:
        for piece in pieces:
            if isinstance(piece, float):
                await asyncio.sleep(piece)
            else:
                writer.write(piece)
                await writer.drain()

    sending = asyncio.create_task(send())
    got = b""
    try:
        async with asyncio.timeout(patience):
            with contextlib.suppress(ConnectionError):
                while piece := await reader.read(65_536):
                    got += piece
    finally:
        sending.cancel()
        with contextlib.suppress(asyncio.CancelledError, ConnectionError):
            await sending
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()
    return got, time.monotonic() - began


def statuses(answers: bytes) -> list[int]:
    """The status of each answer."""
    return [int(part[:3]) for part in answers.split(b"HTTP/1.1 ")[1:]]


def first_piece(port: int, ask: bytes = GET) -> bytes:
    """What the client finds when it looks for the first time."""
    with socket.create_connection(("127.0.0.1", port), timeout=5) as client:
        client.sendall(ask)
        return client.recv(65_536)


def test_head_and_body_of_an_answer_leave_together() -> None:
    async def run() -> list[bytes]:
        async with listening(answering(b"all of it")) as port:
            return [await asyncio.to_thread(first_piece, port) for _ in range(20)]

    assert {piece.partition(b"\r\n\r\n")[2] for piece in asyncio.run(run())} == {b"all of it"}


def test_a_head_does_not_wait_for_a_body_that_takes_its_time() -> None:
    async def application(_scope: Any, _receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await asyncio.sleep(0.5)
        await send({"type": "http.response.body", "body": b"late"})

    async def run() -> tuple[bytes, float]:
        async with listening(application) as port:
            began = time.monotonic()
            return await asyncio.to_thread(first_piece, port), time.monotonic() - began

    piece, took = asyncio.run(run())
    assert piece.startswith(b"HTTP/1.1 200")
    assert took < 0.4


def test_an_answer_without_a_body_arrives_before_the_next() -> None:
    head = b"HEAD / HTTP/1.1\r\nHost: x\r\n\r\n"

    async def run() -> bytes:
        async with listening(answering(b"ok")) as port:
            return (await told(port, head + GET + head))[0]

    answers = asyncio.run(run()).split(b"HTTP/1.1 200")[1:]
    assert [answer.partition(b"\r\n\r\n")[2] for answer in answers] == [b"", b"ok", b""]


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """All deadlines within a second."""
    monkeypatch.setattr(connection, "HEAD_SECONDS", 0.3)
    monkeypatch.setattr(connection, "REQUEST_SECONDS", 0.6)
    monkeypatch.setattr(connection, "STALL_SECONDS", 0.5)


DRIPPING: list[bytes | float] = [piece for byte in GET[:-1] for piece in (bytes([byte]), 0.05)]
BODY = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 90\r\n\r\n"


@pytest.mark.usefixtures("hasty")
@pytest.mark.parametrize(
    ("pieces", "expected", "seconds"),
    [
        pytest.param([], [408], 0.3, id="says nothing"),
        pytest.param([GET[:9]], [408], 0.3, id="stops in its head"),
        pytest.param(DRIPPING, [408], 0.3, id="drips its head"),
        pytest.param([BODY, b"x"], [408], 0.6, id="stops in its body"),
        pytest.param([BODY, *[b"x", 0.05] * 50], [408], 0.6, id="drips its body"),
        pytest.param([GET], [200], 1.0, id="idles after an answer"),
        pytest.param([GET, 0.5, GET[:9]], [200, 408], 0.8, id="stops in its second head"),
        pytest.param([GET, 0.5, b"\r\n"], [200, 408], 0.8, id="sends a line break and no more"),
        pytest.param([GET, 0.2, GET, 0.2, GET], [200, 200, 200], 1.4, id="comes back in time"),
        pytest.param([GET[:9], 0.2, GET[9:], 0.2, GET[:9], 0.2, GET[9:]], [200, 200], 1.6, id="is slow and in time"),
        pytest.param([GET + GET + GET[:9]], [200, 200, 408], 0.3, id="stops after two at once"),
    ],
)
def test_who_is_late(pieces: list[bytes | float], expected: list[int], seconds: float) -> None:
    async def run() -> tuple[bytes, float]:
        async with listening(answering()) as port:
            return await told(port, *pieces)

    answers, took = asyncio.run(run())
    assert statuses(answers) == expected
    assert seconds - 0.05 <= took <= seconds + 0.3


@pytest.mark.usefixtures("hasty")
def test_who_waits_for_us_is_not_late() -> None:
    """A second request whose body nobody reads before the first is answered."""

    async def run() -> tuple[bytes, float]:
        async with listening(answering(pause=0.8)) as port:
            return await told(port, GET + BODY + b"x" * 45, 0.9, b"x" * 45)

    answers, took = asyncio.run(run())
    assert statuses(answers) == [200, 200]
    assert took > 1.6


@pytest.mark.usefixtures("hasty")
@pytest.mark.parametrize("ask", [GET, GET[:-2] + b"Connection: close\r\n\r\n"], ids=["stays", "goes"])
@pytest.mark.parametrize("size", [200_000, 20_000_000])
def test_who_does_not_read_an_answer_is_ended(ask: bytes, size: int) -> None:
    async def run() -> float:
        async with listening(answering(b"x" * size)) as port:
            with socket.create_connection(("127.0.0.1", port)) as client:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
                client.sendall(ask)
                began = time.monotonic()
                while client_is_open(port) and time.monotonic() - began < 5:
                    await asyncio.sleep(0.02)
                return time.monotonic() - began

    assert asyncio.run(run()) < 2


def client_is_open(port: int) -> bool:
    """Whether the server's end of some connection to this port is still held by a process."""
    local = f"0100007F:{port:04X}"
    lines = Path("/proc/net/tcp").read_text().splitlines()[1:]
    return any(words[1] == local and words[3] in ("01", "08") for words in map(str.split, lines))


@pytest.mark.usefixtures("hasty")
def test_who_reads_slowly_gets_all_of_it() -> None:
    async def run() -> int:
        async with listening(answering(b"x" * 3_000_000)) as port:
            reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=4_096)
            writer.write(GET)
            got = 0
            while got < 3_000_000 and (piece := await reader.read(150_000)):
                got += len(piece)
                await asyncio.sleep(0.02)
            writer.close()
            return got

    assert asyncio.run(run()) >= 3_000_000


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        pytest.param(b"GET /" + b"x" * (MAX_URL - 1) + b" HTTP/1.1\r\n\r\n", 200, id="an address as long as allowed"),
        pytest.param(b"GET /" + b"x" * MAX_URL + b" HTTP/1.1\r\n\r\n", 431, id="an address too long"),
        pytest.param(b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * MAX_HEADERS + b"\r\n", 200, id="as many fields as allowed"),
        pytest.param(b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * (MAX_HEADERS + 1) + b"\r\n", 431, id="too many fields"),
        pytest.param(b"GET / HTTP/1.1\r\nA: " + b"b" * (MAX_HEAD + 10), 431, id="a field without end"),
        pytest.param(b"nonsense\r\n\r\n", 400, id="no HTTP"),
    ],
)
def test_how_large_a_head_may_be(head: bytes, expected: int) -> None:
    async def run() -> bytes:
        async with listening(answering()) as port:
            answers, _ = await told(port, head)
            return answers

    answers = asyncio.run(run())
    assert statuses(answers) == [expected]
    if expected != 200:
        assert b"content-type: application/problem+json" in answers
        assert b"x-correlation-id: " in answers


def test_who_is_one_too_many_is_told_so() -> None:
    async def run() -> list[int]:
        async with listening(answering(), limit=3) as port:
            held = [await asyncio.open_connection("127.0.0.1", port) for _ in range(3)]
            await asyncio.sleep(0.05)
            turned_away, _ = await told(port, GET)
            for _, writer in held:
                writer.close()
                await writer.wait_closed()
            await asyncio.sleep(0.05)
            taken, _ = await told(port, GET)
            return statuses(turned_away) + statuses(taken)

    assert asyncio.run(run()) == [503, 200]


def lasts(address: tuple[str, int], first: bytes, drip: bytes, ends: list[float]) -> None:
    """Sends bytes, then one more every half second, until the connection ends; notes how long it lasted."""
    began = time.monotonic()
    with socket.create_connection(address, timeout=30) as client, contextlib.suppress(ConnectionError):
        client.sendall(first)
        client.settimeout(0.5)
        while time.monotonic() - began < 30:
            try:
                if not client.recv(4_096):
                    break
            except TimeoutError:
                if drip:
                    client.sendall(drip)
    ends.append(time.monotonic() - began)


def one_byte_chunks(address: tuple[str, int], key: str, chunks: int) -> None:
    """A request of a body in chunks of one byte each, as many as are taken."""
    head = f"POST {BATCH} HTTP/1.1\r\nHost: x\r\nX-API-Key: {key}\r\nTransfer-Encoding: chunked\r\n\r\n"
    with socket.create_connection(address, timeout=30) as client, contextlib.suppress(OSError):
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        client.sendall(head.encode() + b'1\r\n{\r\n1\r\n"\r\n')
        for _ in range(chunks // 1_000):
            client.sendall(b"1\r\n \r\n" * 1_000)
        client.sendall(b"0\r\n\r\n")
        client.recv(4_096)


def resident(service: Service) -> int:
    """Bytes of memory that the service's process holds."""
    assert service.process is not None
    pages = Path(f"/proc/{service.process.pid}/statm").read_text().split()[1]
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.slow
def test_others_stay_fast_beside_the_slow_the_idle_and_the_dripping(service: Service, tenant: str) -> None:
    key = service.key(tenant)
    service.ask("POST", EVENTS, event(), key)
    before = resident(service)
    ask = f"POST {EVENTS} HTTP/1.1\r\nHost: x\r\nX-API-Key: {key}\r\n".encode()
    dripping: list[tuple[bytes, bytes, float]] = [
        (b"", b"", HEAD_SECONDS),
        (b"GET /", b"x", HEAD_SECONDS),
        (ask, b"a", HEAD_SECONDS),
        (ask + b"Content-Length: 60000\r\n\r\n", b" ", REQUEST_SECONDS),
        # NOTE: an address with nothing behind it: no door reads the body.
        (b"POST /nowhere HTTP/1.1\r\nHost: x\r\nContent-Length: 60000\r\n\r\n", b" ", REQUEST_SECONDS),
    ]
    ends: list[list[float]] = [[] for _ in dripping]
    threads = [
        threading.Thread(target=lasts, args=(service.address, first, drip, ended))
        for (first, drip, _), ended in zip(dripping, ends, strict=True)
        for _ in range(8)
    ]
    threads += [threading.Thread(target=one_byte_chunks, args=(service.address, key, 1_000_000)) for _ in range(2)]
    with contextlib.ExitStack() as stack:
        idle = [stack.enter_context(socket.create_connection(service.address, timeout=30)) for _ in range(2_000)]
        for client in idle[::2]:
            client.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        for thread in threads:
            thread.start()
        took = []
        while any(thread.is_alive() for thread in threads):
            began = time.monotonic()
            assert service.ask("POST", EVENTS, event(), key).status == 202
            took.append(time.monotonic() - began)
            time.sleep(0.02)
        grown = resident(service) - before
    for (_, _, seconds), ended in zip(dripping, ends, strict=True):
        assert len(ended) == 8
        assert seconds - 0.5 < min(ended) <= max(ended) < seconds + 0.9
    took.sort()
    assert took[len(took) // 2] < 0.1
    assert took[int(len(took) * 0.95)] < 0.5
    assert grown < 150_000_000
    assert service.ask("GET", "/readyz").status == 200
    assert "Traceback" not in service.log.read_text()
