"""Wrong input of every kind through the real doors: a clear 4xx, no neighbour lost, no value told, no harm done."""

import json
import socket
import time
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import settings as limits
from hypothesis import strategies as st

from auricle.model.principal import Kind
from running import BATCH, EVENTS, PROBLEM, Answer, Service, event, raw_request

MARK = "hunter2-marker"
"""Stands in every hostile value; no answer may hold it."""


@pytest.fixture
def service(either_service: Service) -> Iterator[Service]:
    """The service on each database, which must be healthy afterwards, and have met no bug."""
    yield either_service
    assert either_service.ask("GET", "/readyz").status == 200
    log = either_service.log.read_text()
    assert [line for line in log.splitlines() if '"bug"' in line or "Traceback" in line or "_failed" in line] == []


def refused(answer: Answer) -> bool:
    """Whether it is a clear 4xx that repeats nothing."""
    assert 400 <= answer.status < 500, answer
    assert answer.headers["content-type"] == PROBLEM
    assert MARK not in repr(answer.body)
    assert answer.body["detail"]
    return True


def nested(depth: int) -> dict[str, Any]:
    inner: dict[str, Any] = {"deepest": MARK}
    for _ in range(depth):
        inner = {"x": inner}
    return inner


def text_of(events: list[Any]) -> bytes:
    return orjson.dumps({"events": events})


WHOLE = event()
RAW_EVENT = orjson.dumps(WHOLE)


def with_attributes(raw: bytes) -> bytes:
    """An event with attributes that no JSON library would write."""
    return RAW_EVENT.replace(b'{"page":"/"}', raw)


BODIES = [
    pytest.param(b"", id="empty"),
    pytest.param(b" \n\t ", id="white space"),
    pytest.param(b"\0", id="a NUL"),
    pytest.param(b"\xef\xbb\xbf", id="a mark alone"),
    pytest.param(b"{", id="half an object"),
    pytest.param(RAW_EVENT[:-1], id="cut off"),
    pytest.param(RAW_EVENT + b"}", id="one brace more"),
    pytest.param(RAW_EVENT + RAW_EVENT, id="two events"),
    pytest.param(b"'" + MARK.encode() + b"'", id="no JSON"),
    pytest.param(b"<html>" + MARK.encode(), id="HTML"),
    pytest.param(with_attributes(b'{"a":NaN}'), id="NaN"),
    pytest.param(with_attributes(b'{"a":Infinity}'), id="Infinity"),
    pytest.param(with_attributes(b'{"a":-Infinity}'), id="-Infinity"),
    pytest.param(with_attributes(b'{"a":1e999}'), id="1e999"),
    pytest.param(with_attributes(b'{"a":' + b"9" * 5_000 + b"}"), id="5,000 digits"),
    pytest.param(with_attributes(b'{"a":01}'), id="a leading nought"),
    pytest.param(with_attributes(b'{"a":"\\ud800"}'), id="a lone surrogate"),
    pytest.param(with_attributes(b'{"\\udfff":1}'), id="a lone surrogate in a key"),
    pytest.param(with_attributes(b'{"a":"\xff\xfe"}'), id="no UTF-8"),
    pytest.param(with_attributes(b'{"a":"\xed\xa0\x80"}'), id="a surrogate in UTF-8"),
    pytest.param(with_attributes(b'{"a":"\n"}'), id="a raw line break"),
    pytest.param(with_attributes(b'{"a":1,}'), id="a comma too many"),
    pytest.param(with_attributes(b"{" + b'"a":[' * 5_000 + b"]" * 5_000 + b"}"), id="5,000 levels"),
    pytest.param(b"[" * 60_000, id="60,000 brackets"),
    pytest.param(b'{"a":' * 10_000, id="10,000 braces"),
    pytest.param(orjson.dumps(event(attributes=nested(8))), id="9 levels"),
    pytest.param(orjson.dumps(event(attributes=nested(200))), id="200 levels"),
    pytest.param(orjson.dumps(event(context=nested(9))), id="a deep context"),
    pytest.param(orjson.dumps(event(attributes={MARK + "k" * 1_000_000: 1})), id="a key of 1 MB"),
    pytest.param(orjson.dumps(event(attributes={MARK + "k" * 300: 1})), id="a key of 300"),
    pytest.param(orjson.dumps(event(attributes={f"{MARK}{n}": 1 for n in range(257)})), id="257 attributes"),
    pytest.param(orjson.dumps(event(attributes={"a": MARK * 10_000})), id="an event of 140 KB"),
    pytest.param(orjson.dumps(event(event_id=MARK)), id="an id that is none"),
    pytest.param(orjson.dumps(event(event_id=str(uuid.uuid4()) + "\n")), id="an id and a line break"),
    pytest.param(orjson.dumps(event(event_name=MARK.upper())), id="a name that is none"),
    pytest.param(orjson.dumps(event(event_name="a" * 129)), id="a long name"),
    pytest.param(orjson.dumps(event(event_name=[MARK])), id="a list for a name"),
    pytest.param(orjson.dumps(event(occurred_at="yesterday " + MARK)), id="no time"),
    pytest.param(orjson.dumps(event(occurred_at=1_780_000_000)), id="a number for a time"),
    pytest.param(orjson.dumps(event(occurred_at="2099-01-01T00:00:00Z")), id="the future"),
    pytest.param(orjson.dumps(event(occurred_at="9999-12-31T23:59:60Z")), id="the end of time"),
    pytest.param(orjson.dumps(event(source=MARK)), id="an unknown source"),
    pytest.param(orjson.dumps(event(user_id="u" * 129)), id="a long user"),
    pytest.param(orjson.dumps(event(user_id=7)), id="a number for a user"),
    pytest.param(orjson.dumps(event(tenant_id=MARK)), id="another tenant"),
    pytest.param(orjson.dumps(event(attributes=[MARK])), id="a list of attributes"),
    pytest.param(orjson.dumps(event(attributes=MARK)), id="text for attributes"),
    pytest.param(orjson.dumps(event(context=MARK)), id="text for a context"),
    pytest.param(orjson.dumps(event(schema="auricle:acme/nothing/jsonschema/1-0-0")), id="an unknown schema"),
    pytest.param(orjson.dumps(event(schema={"$ref": "file:///etc/passwd"})), id="a reference for a schema"),
    pytest.param(orjson.dumps(event(another=MARK)), id="a member too many"),
    pytest.param(orjson.dumps({"another": MARK}), id="another object"),
    pytest.param(orjson.dumps(MARK), id="text"),
    pytest.param(b"null", id="null"),
    pytest.param(b"-0.0", id="a number"),
]


@pytest.mark.parametrize("body", BODIES)
def test_one_wrong_event(service: Service, body: bytes) -> None:
    assert refused(service.ask("POST", EVENTS, body, service.key("hostile")))


def parses(body: bytes) -> bool:
    try:
        orjson.loads(body)
    except ValueError:
        return False
    return True


def test_no_wrong_event_costs_a_neighbour(service: Service, tenant: str) -> None:
    """All that is wrong and yet JSON in one batch, each between two good events."""
    bodies = [param.values[0] for param in BODIES]
    wrong = [orjson.loads(body) for body in bodies if parses(body) and len(body) < 60_000]
    good = [event(attributes={"n": n}) for n in range(len(wrong) + 1)]
    mixed = [one for pair in zip(good, wrong, strict=False) for one in pair] + [good[-1]]
    answer = service.ask("POST", BATCH, {"events": mixed}, service.key(tenant))
    results = {each["index"]: each["status"] for each in answer.body["results"]}
    assert answer.status == 202
    assert results == {2 * n + 1: "rejected" for n in range(len(wrong))}
    assert MARK not in repr(answer.body)
    counts = service.drained(tenant)
    assert (counts["stored"], counts["rejected"]) == (len(good), len(wrong))


def test_no_wrong_line_costs_a_neighbour(service: Service, tenant: str) -> None:
    bodies = [param.values[0].replace(b"\n", b"") for param in BODIES]
    wrong = [body for body in bodies if body.strip() and not body.startswith(b"\xef\xbb\xbf")]
    good = [orjson.dumps(event()) for _ in range(len(wrong) + 1)]
    lines = [one for pair in zip(good, wrong, strict=False) for one in pair] + [good[-1]]
    headers = {"Content-Type": "application/x-ndjson"}
    answer = service.ask("POST", BATCH, b"\n".join(lines), service.key(tenant), headers)
    results = {each["index"]: each["status"] for each in answer.body["results"]}
    not_good = {index for index in results if index % 2 == 0}
    assert (answer.status, not_good) == (202, set())
    assert MARK not in repr(answer.body)
    assert service.drained(tenant)["stored"] == answer.body["accepted"] >= len(good)


KEYS = st.text(max_size=20) | st.sampled_from(
    ["event_id", "event_name", "occurred_at", "source", "attributes", "context", "schema", "tenant_id", "\0", "a/b~c"]
)
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=30).map(lambda text: MARK + text)
    | st.sampled_from(["", "page_view", "web", "2026-01-01T00:00:00Z", str(uuid.UUID(int=5))]),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(KEYS, inner, max_size=5),
    max_leaves=15,
)


def dumps(value: Any) -> bytes:
    """JSON as some clients write it: lone surrogates escaped."""
    return json.dumps(value).encode()


@limits(max_examples=60)
@given(members=st.dictionaries(KEYS, JSON, max_size=4), dropped=st.sets(st.sampled_from(sorted(WHOLE)), max_size=2))
def test_whatever_an_event_holds(service: Service, members: dict[str, Any], dropped: set[str]) -> None:
    body = {name: value for name, value in event(**members).items() if name not in dropped}
    answer = service.ask("POST", EVENTS, dumps(body), service.key("hypothesis"))
    assert answer.status in (200, 202) or refused(answer)


@limits(max_examples=40)
@given(wrong=st.lists(JSON, max_size=6))
def test_whatever_stands_in_a_batch(service: Service, wrong: list[Any]) -> None:
    good = event()
    answer = service.ask("POST", BATCH, dumps({"events": [*wrong, good]}), service.key("hypothesis"))
    if answer.status == 400:  # lone surrogates: then it is no JSON at all
        assert refused(answer)
        return
    assert answer.status == 202
    assert all(each["index"] < len(wrong) for each in answer.body["results"])
    assert MARK not in repr(answer.body)


@limits(max_examples=60)
@given(
    body=st.binary(max_size=200),
    kind=st.sampled_from(["application/json", "application/x-ndjson", "text/plain"]),
    coding=st.sampled_from(["identity", "gzip", "deflate", "br", "zstd"]),
    path=st.sampled_from([EVENTS, BATCH]),
)
def test_whatever_bytes_come(service: Service, body: bytes, kind: str, coding: str, path: str) -> None:
    headers = {"Content-Type": kind, "Content-Encoding": coding}
    answer = service.ask("POST", path, body, service.key("hypothesis"), headers)
    assert 400 <= answer.status < 500


@limits(max_examples=60)
@given(attributes=st.dictionaries(KEYS, JSON, min_size=1, max_size=6))
def test_whatever_attributes_are_accepted_come_to_be_stored(service: Service, attributes: dict[str, Any]) -> None:
    service.ask("POST", EVENTS, dumps(event(attributes=attributes)), service.key("odd-attributes"))


def test_all_that_was_accepted_so_far_is_stored(service: Service) -> None:
    """Nothing that came through the doors above is something that the engine cannot read."""
    for tenant in ("hypothesis", "odd-attributes", "hostile"):
        assert service.drained(tenant)["waiting"] == 0


HEAD = "POST {path} HTTP/1.1\r\nHost: x\r\nX-API-Key: {key}\r\n"


@pytest.mark.parametrize(
    ("more", "body", "statuses"),
    [
        pytest.param("Content-Length: 5\r\n\r\n", b"{}", {0, 400}, id="a length too large, then gone"),
        pytest.param("Content-Length: -1\r\n\r\n", b"", {400}, id="a negative length"),
        pytest.param("Content-Length: five\r\n\r\n", b"", {400}, id="no number"),
        pytest.param("Content-Length: 2\r\nContent-Length: 3\r\n\r\n", b"{}", {400}, id="two lengths"),
        pytest.param("Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n", b"0\r\n\r\n", {400}, id="smuggling"),
        pytest.param("Transfer-Encoding: chunked\r\n\r\n", b"zz\r\n", {400}, id="no size of a chunk"),
        pytest.param("Transfer-Encoding: chunked\r\n\r\n", b"-2\r\n{}\r\n", {400}, id="a negative chunk"),
        pytest.param("Transfer-Encoding: gzip\r\n\r\n", b"", {400, 501}, id="another transfer"),
        pytest.param("X-Big: " + "b" * 200_000 + "\r\nContent-Length: 0\r\n\r\n", b"", {400, 431}, id="a huge header"),
        pytest.param("Bad Header: 1\r\n\r\n", b"", {400}, id="a header with a space"),
        pytest.param("X: \0\r\n\r\n", b"", {400}, id="a NUL in a header"),
    ],
)
@pytest.mark.parametrize("path", [EVENTS, BATCH])
def test_broken_http(service: Service, path: str, more: str, body: bytes, statuses: set[int]) -> None:
    head = HEAD.format(path=path, key=service.key("hostile")) + more
    with socket.create_connection(service.address, timeout=10) as connection:
        try:
            connection.sendall(head.encode("latin-1") + body)
            connection.shutdown(socket.SHUT_WR)
            told = connection.recv(1 << 16)
        except OSError:
            told = b""
    status = int(told[9:12]) if told else 0
    assert status in statuses


def test_garbage_instead_of_http(service: Service) -> None:
    greeting = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 500  # of TLS
    for garbage in (greeting, b"GET\r\n\r\n", b"\r\n" * 50 + b"X" * 99):
        assert raw_request(service.address, garbage + b"\r\n\r\n")[0] in (0, 400)


def test_many_headers(service: Service) -> None:
    many = {f"X-Header-{n}": MARK for n in range(500)}
    assert service.ask("POST", EVENTS, event(), service.key("hostile"), many).status == 202


def test_an_expired_key_and_one_of_another_kind(service: Service, tenant: str) -> None:
    expired = service.key(tenant, expires_at=datetime.now(UTC) - timedelta(seconds=1))
    for key in (expired, service.key(tenant, Kind.READ), "ak_" + MARK):
        assert refused(service.ask("POST", EVENTS, event(attributes={"a": MARK}), key))
    assert service.stats(tenant)["events"]["received"] == 0


def test_hostile_requests_do_not_slow_others_down(service: Service, tenant: str) -> None:
    key = service.key(tenant)
    began = time.monotonic()
    for _ in range(20):
        service.ask("POST", BATCH, b"[" * 499_999, key)
        service.ask("POST", BATCH, text_of([nested(150)] * 100), key)
    assert time.monotonic() - began < 10
    assert service.ask("POST", EVENTS, event(), key).status == 202
