"""The WebSocket protocol itself, against clients that no library would be: they cost little, and none stays."""

import base64
import contextlib
import os
import socket
import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager

import orjson
import psutil
import pytest

from auricle.settings import Settings
from running import Service, event, serving, wait_until
from streaming import STREAM, stream, told

TEXT, BINARY, CLOSE, PING = 1, 2, 8, 9


@pytest.fixture(scope="module")
def hasty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service that waits two seconds for a sign of life; it must be healthy afterwards and have met no bug."""
    folder = tmp_path_factory.mktemp("hasty")
    with serving(Settings(data=folder), {"AURICLE_STREAM_IDLE": "2"}) as running:
        yield running
        assert running.ask("GET", "/readyz").status == 200
        log = running.log.read_text()
        assert [line for line in log.splitlines() if '"bug"' in line or "Traceback" in line or "rror" in line] == []


def packed(opcode: int, payload: bytes, fin: bool = True, length: int | None = None) -> bytes:
    """One frame as a client sends it, masked; `length` is what its header claims."""
    length = len(payload) if length is None else length
    head = bytes([opcode | (0x80 if fin else 0)])
    if length < 126:
        head += bytes([0x80 | length])
    elif length < 65_536:
        head += bytes([0x80 | 126]) + struct.pack("!H", length)
    else:
        head += bytes([0x80 | 127]) + struct.pack("!Q", length)
    return head + b"\0\0\0\0" + payload


@contextmanager
def raw_stream(service: Service, key: str) -> Iterator[socket.socket]:
    """A connection after the handshake, with nothing read of the greeting."""
    with socket.create_connection(service.address, timeout=20) as connection:
        # NOTE: small, so that what is not read fills the memory of the service and not that of the system.
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        head = (
            f"GET {STREAM} HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nX-API-Key: {key}\r\n"
            f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}\r\n\r\n"
        )
        connection.sendall(head.encode())
        told = b""
        while b"\r\n\r\n" not in told:
            told += connection.recv(1)
        assert b" 101 " in told
        yield connection


def close_in(connection: socket.socket) -> int | None:
    """The code of the close frame, with everything before it read; None when there is none."""
    got = b""
    try:
        while piece := connection.recv(65_536):
            got += piece
    except ConnectionResetError:
        pass
    while len(got) >= 2:
        opcode, length = got[0] & 15, got[1] & 127
        start = 2
        if length == 126:
            length, start = struct.unpack("!H", got[2:4])[0], 4
        if opcode == CLOSE:
            return int(struct.unpack("!H", got[start : start + 2])[0])
        got = got[start + length :]
    return None


def sockets_of(service: Service) -> int:
    assert service.process is not None
    return sum(one.status != "LISTEN" for one in psutil.Process(service.process.pid).net_connections("tcp"))


def memory_of(service: Service) -> int:
    assert service.process is not None
    return psutil.Process(service.process.pid).memory_info().rss


BROKEN = [
    pytest.param(packed(TEXT, b"", length=1 << 30), 1009, id="a header of 1 GB"),
    pytest.param(packed(TEXT, b"", length=(1 << 63) - 1), 1009, id="a header of all there is"),
    pytest.param(packed(TEXT, b"\xff\xfe"), 1007, id="no UTF-8"),
    pytest.param(packed(TEXT, b"\xed\xa0\x80"), 1007, id="a surrogate in UTF-8"),
    pytest.param(packed(TEXT, b"{", fin=False) + packed(0, b"\xff}"), 1007, id="no UTF-8 in a fragment"),
    pytest.param(packed(0, b"{}"), 1002, id="a continuation of nothing"),
    pytest.param(packed(3, b"{}"), 1002, id="an unknown opcode"),
    pytest.param(bytes([0xC1, 0x82]) + b"\0\0\0\0{}", 1002, id="compressed, unasked"),
    pytest.param(b"\x81\x02{}", 1002, id="not masked"),
    pytest.param(packed(PING, b"p" * 126), 1002, id="a ping too long"),
    pytest.param(packed(CLOSE, b"\x03"), 1002, id="half a close code"),
]


@pytest.mark.parametrize(("data", "code"), BROKEN)
def test_a_broken_protocol_is_told_why(hasty: Service, data: bytes, code: int) -> None:
    """Also to a client that goes on sending, and so would lose the answer if the connection were cut."""
    with raw_stream(hasty, hasty.key("acme")) as connection:
        connection.sendall(data)
        connection.sendall(packed(TEXT, b" " * 100_000) * 20)
        assert close_in(connection) == code


def test_a_giant_is_never_held(hasty: Service) -> None:
    """Forty clients that each send 50 MB of one fragmented message, or of a frame said to be of 1 GB."""
    before = memory_of(hasty)
    for opening in (packed(TEXT, b"", length=1 << 30), packed(TEXT, b"", fin=False)):
        for _ in range(20):
            with raw_stream(hasty, hasty.key("acme")) as connection:
                connection.sendall(opening)
                for _ in range(50):
                    try:
                        connection.sendall(packed(0, b"\0" * 1_000_000, fin=False))
                    except OSError:
                        break
    assert memory_of(hasty) - before < 50_000_000


def test_who_answers_no_ping_is_let_go(hasty: Service) -> None:
    began = time.monotonic()
    with raw_stream(hasty, hasty.key("acme")) as connection:
        assert close_in(connection) == 1011
    assert 1.5 < time.monotonic() - began < 5


def test_who_never_reads_is_let_go(hasty: Service, tenant: str) -> None:
    """Every answer is as long as can be, so that they fill what lies between; then only an end by force is left."""
    before = sockets_of(hasty)
    frame = orjson.dumps({"seq": 1, "events": [{"no": "event"}] * 400})
    with raw_stream(hasty, hasty.key(tenant)) as connection:
        connection.settimeout(10)
        began = time.monotonic()
        with contextlib.suppress(OSError):
            while time.monotonic() - began < 30:
                connection.sendall(packed(TEXT, frame))
                time.sleep(0.01)
        assert time.monotonic() - began < 20
    wait_until(lambda: sockets_of(hasty) <= before, 5.0)


def test_pings_that_nobody_reads_the_answers_of(hasty: Service) -> None:
    before = memory_of(hasty)
    many = packed(PING, b"p" * 125) * 10_000
    with raw_stream(hasty, hasty.key("acme")) as connection:
        sent = 0
        with contextlib.suppress(OSError):
            for _ in range(200):
                connection.sendall(many)
                sent += 1
    assert sent < 200
    assert memory_of(hasty) - before < 50_000_000


def test_pings_are_answered(hasty: Service) -> None:
    with stream(hasty, hasty.key("acme")) as open_socket:
        told(open_socket)
        assert open_socket.ping().wait(5)


def test_a_client_that_is_gone_costs_nothing(hasty: Service, tenant: str) -> None:
    """It sends a frame and is away; the frame is written all the same."""
    before = sockets_of(hasty)
    for _ in range(20):
        with raw_stream(hasty, hasty.key(tenant)) as connection:
            connection.sendall(packed(TEXT, orjson.dumps({"seq": 1, "events": [event()]})))
            connection.recv(2)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    wait_until(lambda: sockets_of(hasty) <= before, 5.0)
    assert hasty.drained(tenant)["stored"] <= 20


def test_idle_connections_before_any_word(hasty: Service) -> None:
    """Two hundred that never say who they are do not slow others down, and are gone after a while."""
    before = sockets_of(hasty)
    quiet = []
    try:
        for _ in range(200):
            quiet.append(socket.create_connection(hasty.address))
            quiet[-1].sendall(
                f"GET {STREAM} HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n".encode()
            )
        began = time.monotonic()
        assert hasty.ask("POST", "/api/v1/analytics/events", event(), hasty.key("acme")).status == 202
        assert time.monotonic() - began < 1
        wait_until(lambda: sockets_of(hasty) <= before + 1, 15.0, 0.2)
    finally:
        for one in quiet:
            one.close()
