"""Hostile clients against the real process: each is answered or ended in bounded time and memory; others stay fast.

Late, idle and crowding clients of one door are in `tests/edge/test_connection.py`; here it is every door, and bodies.
"""

import contextlib
import http.client
import socket
import threading
import time
import uuid
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import brotli
import orjson
import pytest
from backports import zstd
from google.protobuf.json_format import MessageToJson
from hypothesis import given
from hypothesis import settings as limits
from hypothesis import strategies as st
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from auricle.edge.connection import REQUEST_SECONDS
from auricle.model.principal import Kind
from running import BATCH, EVENTS, PROBLEM, Answer, Service, event, raw_request

API = "/api/v1/analytics"
POINT = {"blobs": ["GET", "/", "200"], "doubles": [12.5, 1], "indexes": ["ray"]}
ITEM = {"ts": "2026-01-01T00:00:00Z", "user_id": "u", "type": "page_view", "src": "web_app", "payload": {"page": "/"}}
QUERY = {
    "event_type": "voice_query",
    "query_id": "q",
    "store_id": "s",
    "session_id": "v",
    "query_text": "red shoes",
    "query_source": "voice",
}
SPANS = ExportTraceServiceRequest()
_SPAN = SPANS.resource_spans.add().scope_spans.add().spans.add(name="chat", trace_id=b"t" * 16, span_id=b"s" * 8)
_SPAN.start_time_unix_nano, _SPAN.end_time_unix_nano = time.time_ns() - 1_000_000, time.time_ns()
_SPAN.attributes.add(key="gen_ai.request.model").value.string_value = "gemini-pro"
_SPAN.attributes.add(key="gen_ai.usage.input_tokens").value.int_value = 12
RECORDS = ExportLogsServiceRequest()
_RECORD = RECORDS.resource_logs.add().scope_logs.add().log_records.add(time_unix_nano=time.time_ns())
_RECORD.event_name = "gen_ai.evaluation.result"
_RECORD.body.kvlist_value.values.add(key="a").value.array_value.values.add(bool_value=True)
NDJSON = "application/x-ndjson"
PROTOBUF = "application/x-protobuf"
JSON = "application/json"
DOORS: dict[str, tuple[str, str, bytes]] = {
    "one event": (EVENTS, JSON, orjson.dumps(event())),
    "a batch": (BATCH, JSON, orjson.dumps({"events": [event(), event()], "batch_id": "b"})),
    "lines": (BATCH, NDJSON, b"\n".join(orjson.dumps(event()) for _ in range(3))),
    "voice": ("/ingest", JSON, orjson.dumps(QUERY)),
    "a list": ("/api/analytics/ingest", JSON, orjson.dumps([ITEM, ITEM])),
    "a point": (f"{API}/datapoints/d", JSON, orjson.dumps(POINT)),
    "points": (f"{API}/datapoints/d", JSON, orjson.dumps([POINT, POINT])),
    "spans": ("/v1/traces", PROTOBUF, SPANS.SerializeToString()),
    "spans in JSON": ("/v1/traces", JSON, MessageToJson(SPANS).encode()),
    "log records": ("/v1/logs", PROTOBUF, RECORDS.SerializeToString()),
    "a report": (f"{API}/reports/top", JSON, orjson.dumps({"field": "event_name", "period": "24h"})),
    "a schema": (f"{API}/schemas", JSON, orjson.dumps({"schema": {"type": "object"}})),
    "a trial": (f"{API}/schemas/validate", JSON, orjson.dumps(event())),
    "a key": (f"{API}/admin/keys", JSON, orjson.dumps({"kind": "read"})),
}
"""Path, content type and a good body of every door that takes one."""


@dataclass(slots=True)
class Others:
    """Another client, who sends an event now and then for as long as the block runs, and notes how long each took."""

    service: Service
    key: str
    seconds: list[float] = field(default_factory=list)
    statuses: set[int] = field(default_factory=set)
    _stop: threading.Event = field(default_factory=threading.Event)

    @contextlib.contextmanager
    def beside(self) -> Iterator[None]:
        """Sends while the block runs; the median and the 95th percentile are held against their bounds at the end."""
        assert self.service.ask("POST", EVENTS, event(), self.key).status == 202
        thread = threading.Thread(target=self._send)
        thread.start()
        try:
            yield
        finally:
            self._stop.set()
            thread.join()
        self.seconds.sort()
        count = len(self.seconds)
        assert self.statuses == {202}
        assert count >= 5
        assert self.seconds[count // 2] < 0.25
        assert self.seconds[int(count * 0.95)] < 1.0, self.seconds

    def _send(self) -> None:
        host, port = self.service.address
        connection = http.client.HTTPConnection(host, port, timeout=30)
        while not self._stop.wait(0.02):
            began = time.monotonic()
            headers = {"X-API-Key": self.key, "Content-Type": JSON}
            connection.request("POST", EVENTS, orjson.dumps(event()), headers)
            answer = connection.getresponse()
            answer.read()
            self.seconds.append(time.monotonic() - began)
            self.statuses.add(answer.status)
        connection.close()


def resident(service: Service) -> int:
    """Bytes of memory that the service's process holds, and has held at most since the last look."""
    assert service.process is not None
    status = Path(f"/proc/{service.process.pid}/status").read_text()
    most = int(status.partition("VmHWM:")[2].split()[0]) * 1_024
    with contextlib.suppress(OSError):
        Path(f"/proc/{service.process.pid}/clear_refs").write_text("5")
    return most


@pytest.fixture
def hostile(service: Service) -> Iterator[Service]:
    """The service, which must be well afterwards and have met no fault of its own."""
    written = service.log.stat().st_size
    yield service
    assert service.ask("GET", "/readyz").status == 200
    log = service.log.read_bytes()[written:].decode()
    assert [line for line in log.splitlines() if '"bug"' in line or "Traceback" in line] == []


@pytest.fixture(scope="module")
def documented(service: Service) -> dict[str, set[int]]:
    """The statuses that the service's own description tells of each door."""
    paths = service.ask("GET", "/openapi.json").body["paths"]
    told = {}
    for name, (path, _, _) in DOORS.items():
        operation = paths[path.replace("/datapoints/d", "/datapoints/{dataset}")]["post"]
        told[name] = {int(status) for status in operation["responses"]}
    return told


def clear(answer: Answer) -> bool:
    """Whether it is a receipt, or a problem that says what to do; to exporters of OTLP in their own encoding."""
    if answer.headers["content-type"] == PROTOBUF:
        return answer.status < 500
    if answer.status >= 400 and isinstance(answer.body, dict) and answer.body.keys() == {"message"}:
        return answer.status < 500 and bool(answer.body["message"])
    if answer.status >= 400 and answer.headers["content-type"] == PROBLEM:
        return answer.status < 500 and bool(answer.body["detail"])
    return answer.status in (200, 201, 202, 422) and isinstance(answer.body, dict)


BOMB = 300_000_000
PIECE = bytes(1_000_000)


def gzip_bomb() -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    return b"".join(packer.compress(PIECE) for _ in range(BOMB // len(PIECE))) + packer.flush()


def deflate_bomb() -> bytes:
    packer = zlib.compressobj(9)
    return b"".join(packer.compress(PIECE) for _ in range(BOMB // len(PIECE))) + packer.flush()


def brotli_bomb() -> bytes:
    packer = brotli.Compressor(quality=5)
    return b"".join(packer.process(PIECE) for _ in range(BOMB // len(PIECE))) + bytes(packer.finish())


def zstd_bomb() -> bytes:
    packer = zstd.ZstdCompressor()
    return b"".join(packer.compress(PIECE) for _ in range(BOMB // len(PIECE))) + packer.flush()


BOMBS: dict[str, Callable[[], bytes]] = {
    "gzip": gzip_bomb,
    "deflate": deflate_bomb,
    "br": brotli_bomb,
    "zstd": zstd_bomb,
}


@pytest.mark.parametrize("coding", BOMBS)
def test_a_bomb_at_every_door(hostile: Service, tenant: str, coding: str) -> None:
    """300 MB of nought in a body of at most 350 KB, again and again, at all doors at once."""
    bomb, key = BOMBS[coding](), hostile.key(tenant, Kind.ADMIN)
    assert len(bomb) < 350_000
    assert hostile.send(tenant, [event()]).status == 202
    before = resident(hostile)
    statuses: dict[str, set[int]] = {name: set() for name in DOORS}

    def throw(name: str) -> None:
        path, kind, _ = DOORS[name]
        while time.monotonic() - began < 1.5:
            answer = hostile.ask("POST", path, bomb, key, {"Content-Type": kind, "Content-Encoding": coding})
            assert clear(answer)
            statuses[name].add(answer.status)

    others, began = Others(hostile, hostile.key(tenant)), time.monotonic()
    threads = [threading.Thread(target=throw, args=(name,)) for name in DOORS]
    with others.beside():
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert statuses == {name: {413} for name in DOORS}
    assert time.monotonic() - began < 8
    assert resident(hostile) - before < 120_000_000


def head_of(path: str, kind: str, key: str) -> bytes:
    """The head of a request whose body comes in chunks."""
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\nX-API-Key: {key}\r\nContent-Type: {kind}\r\nConnection: close\r\n"
    return head.encode() + b"Transfer-Encoding: chunked\r\n\r\n"


def chunks_of(body: bytes, size: int) -> bytes:
    """The body in chunks of `size` bytes each, as it goes over the wire."""
    parts = (body[start : start + size] for start in range(0, len(body), size))
    return b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"


def test_a_million_chunks_of_one_byte(hostile: Service, tenant: str) -> None:
    """They are refused long before they are all there, at every door, and nobody waits for them."""
    key, before = hostile.key(tenant, Kind.ADMIN), resident(hostile)
    chunks = chunks_of(b" " * 1_000_000, 1)
    told: dict[str, int] = {}

    def send(name: str) -> None:
        path, kind, _ = DOORS[name]
        told[name] = raw_request(hostile.address, head_of(path, kind, key) + chunks, 60.0)[0]

    threads = [threading.Thread(target=send, args=(name,)) for name in DOORS]
    began = time.monotonic()
    with Others(hostile, hostile.key(tenant + "-2")).beside():
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        took = time.monotonic() - began
        time.sleep(0.5)
    assert set(told) == set(DOORS)
    assert set(told.values()) <= {400, 0}  # 0: the answer was lost because the client went on sending
    assert took < 8
    assert resident(hostile) - before < 120_000_000


@pytest.mark.parametrize(("size", "status"), [(1, 400), (15, 400), (17, 202), (4_096, 202)])
def test_how_small_chunks_may_be(hostile: Service, tenant: str, size: int, status: int) -> None:
    count = 600
    lines = b"\n".join(orjson.dumps(event(attributes={"n": n, "pad": "x" * 300})) for n in range(count))
    sent = head_of(BATCH, NDJSON, hostile.key(tenant)) + chunks_of(lines, size)
    assert len(lines) > 17 * 15_000
    assert raw_request(hostile.address, sent, 30.0)[0] in {status, 0 if status == 400 else status}
    assert hostile.drained(tenant)["stored"] == (count if status == 202 else 0)


@pytest.mark.slow
def test_a_slow_client_at_every_door_is_closed_in_time(hostile: Service, tenant: str) -> None:
    """One byte of the body every half second, at all doors at once, four clients each."""
    key = hostile.key(tenant, Kind.ADMIN)
    lasted: dict[str, list[float]] = {name: [] for name in DOORS}

    def drip(name: str) -> None:
        path, kind, body = DOORS[name]
        head = f"POST {path} HTTP/1.1\r\nHost: x\r\nX-API-Key: {key}\r\nContent-Type: {kind}\r\n"
        began = time.monotonic()
        with socket.create_connection(hostile.address, timeout=60) as client, contextlib.suppress(ConnectionError):
            client.sendall(head.encode() + b"Content-Length: 60000\r\n\r\n")
            client.settimeout(0.5)
            for byte in body + b" " * 200:
                with contextlib.suppress(TimeoutError):
                    if not client.recv(4_096):
                        break
                client.sendall(bytes([byte]))
        lasted[name].append(time.monotonic() - began)

    threads = [threading.Thread(target=drip, args=(name,)) for name in DOORS for _ in range(4)]
    with Others(hostile, hostile.key(tenant)).beside():
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert {name: len(seconds) for name, seconds in lasted.items()} == dict.fromkeys(DOORS, 4)
    assert max(max(seconds) for seconds in lasted.values()) < REQUEST_SECONDS + 0.9
    assert hostile.drained(tenant)["rejected"] == 0


CODERS: dict[str, Callable[[bytes], bytes]] = {
    "identity": lambda body: body,
    "gzip": lambda body: zlib.compress(body, wbits=31),
    "deflate": zlib.compress,
    "br": lambda body: bytes(brotli.compress(body, quality=1)),
    "zstd": zstd.compress,
}
KINDS = [JSON, NDJSON, PROTOBUF, "text/plain", "text/plain;charset=utf-16", "image/png", ";", "é"]
TOKENS = [
    b"{",
    b"}",
    b"[",
    b"]",
    b'"',
    b",",
    b":",
    b"\n",
    b"\\u0000",
    b"\\ud800",
    b"null",
    b"1e999",
    b"NaN",
    b"-",
    b"\xff",
]
SPLICES = st.lists(
    st.tuples(st.integers(0, 400), st.integers(0, 12), st.binary(max_size=6) | st.sampled_from(TOKENS)), max_size=4
)


def spliced(body: bytes, splices: list[tuple[int, int, bytes]]) -> bytes:
    """The body with some bytes at some places put in place of others."""
    for start, length, piece in splices:
        start %= len(body) + 1
        body = body[:start] + piece + body[start + length :]
    return body


@pytest.mark.parametrize("name", DOORS)
@limits(max_examples=50)
@given(
    splices=SPLICES,
    raw=st.none() | st.binary(max_size=100),
    said=st.sampled_from(sorted(CODERS)),
    done=st.none() | st.sampled_from(sorted(CODERS)),
    cut=st.integers(0, 3),
    kind=st.none()
    | st.sampled_from([JSON, NDJSON, PROTOBUF, "text/plain", "text/plain;charset=utf-16", "image/png", ";", "é"]),
)
def test_any_bytes_get_a_documented_answer(
    hostile: Service,
    documented: dict[str, set[int]],
    name: str,
    splices: list[tuple[int, int, bytes]],
    raw: bytes | None,
    said: str,
    done: str | None,
    cut: int,
    kind: str | None,
) -> None:
    """A good body with a few bytes changed, or any bytes; compressed as it says, or otherwise; and maybe cut off."""
    path, usual, good = DOORS[name]
    body = CODERS[done or said](raw if raw is not None else spliced(good, splices))
    headers = {"Content-Type": (kind or usual).encode("latin-1"), "Content-Encoding": said}
    answer = hostile.ask("POST", path, body[: len(body) - cut], hostile.key("hostile-any", Kind.ADMIN), headers)
    assert answer.status in documented[name]
    assert clear(answer), answer


def test_whatever_was_taken_is_stored(hostile: Service) -> None:
    """Nothing that came through the doors above is something that the engine cannot read."""
    assert hostile.drained("hostile-any")["waiting"] == 0
    assert hostile.send("hostile-any", [event(event_id=str(uuid.uuid4()))]).status == 202


WIDE = {"objects": b"{},", "lists": b"[],", "numbers": b"1,", "members": b'"%d":1,'}


def wide(kind: str, size: int) -> bytes:
    """JSON of at most so many bytes, of as many values as fit."""
    if kind == "members":
        return b"[{" + b",".join(b'"%d":1' % n for n in range(size // 11)) + b"}]"
    return b"[" + (WIDE[kind] * (size // len(WIDE[kind]))).rstrip(b",")[: size - 2] + b"]"


@pytest.mark.parametrize("kind", WIDE)
def test_many_tiny_values_at_every_door(hostile: Service, tenant: str, kind: str) -> None:
    """As many values as a body may hold, again and again, by one client for each door that takes much.

    Nothing of what is refused may stay in memory: 13 MB for each such body did once.
    """
    key, before = hostile.key(tenant, Kind.ADMIN), resident(hostile)
    body, smaller = wide(kind, 499_000), wide(kind, 260_000)
    doors = ("a batch", "a list", "points", "lines", "spans in JSON", "a report")
    around = {"a batch": b'{"events":%b}', "spans in JSON": b'{"resourceSpans":[{"scopeSpans":[{"spans":%b}]}]}'}
    statuses: dict[str, set[int]] = {name: set() for name in doors}
    began = time.monotonic()

    def throw(name: str) -> None:
        path, content, _ = DOORS[name]
        sent = around.get(name, b"%b") % (smaller if name == "a report" else body)
        while time.monotonic() - began < 1.5:
            statuses[name].add(hostile.ask("POST", path, sent, key, {"Content-Type": content}).status)

    threads = [threading.Thread(target=throw, args=(name,)) for name in doors]
    with Others(hostile, hostile.key(tenant + "-2")).beside():
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert all(seen <= {200, 400, 413, 422} for seen in statuses.values()), statuses
    assert resident(hostile) - before < 150_000_000
