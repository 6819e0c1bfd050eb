"""Correlation ids: taken from the client when they are well-formed, else made; on every answer and in every line."""

import re
import socket
from typing import Any

import orjson
import pytest

from auricle.edge.exchange import begin, current
from auricle.model.principal import Kind
from running import BATCH, EVENTS, Service, event, raw_request, wait_until

TRACE = "0af7651916cd43dd8448eb211c80319c"
PARENT = f"00-{TRACE}-b7ad6b7169203331-01"
FRESH = re.compile(r"[0-9a-f]{32}")


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        pytest.param({"x-correlation-id": "c-1"}, "c-1", id="a correlation id"),
        pytest.param({"x-request-id": "r-1"}, "r-1", id="a request id"),
        pytest.param({"traceparent": PARENT}, TRACE, id="a trace"),
        pytest.param({"traceparent": PARENT, "x-request-id": "r-1"}, "r-1", id="a request id before a trace"),
        pytest.param({"x-request-id": "r-1", "x-correlation-id": "c-1"}, "c-1", id="a correlation id before all"),
        pytest.param({"x-request-id": "r-1", "x-correlation-id": "no good"}, "r-1", id="the next one that is good"),
        pytest.param({"x-correlation-id": "c" * 128}, "c" * 128, id="as long as allowed"),
        pytest.param({"x-correlation-id": "c" * 129}, None, id="too long"),
        pytest.param({"x-correlation-id": ""}, None, id="empty"),
        pytest.param({"x-correlation-id": "ann@example.org"}, None, id="an address"),
        pytest.param({"x-correlation-id": 'a","level":"x'}, None, id="JSON"),
        pytest.param({"x-correlation-id": "a\nb"}, None, id="a line break"),
        pytest.param({"x-correlation-id": "a\n"}, None, id="a line break at the end"),
        pytest.param({"x-correlation-id": "ü"}, None, id="beyond ASCII"),
        pytest.param({"traceparent": f"00-{'0' * 32}-b7ad6b7169203331-01"}, None, id="a trace of noughts"),
        pytest.param({"traceparent": TRACE}, None, id="half a trace"),
        pytest.param({}, None, id="nothing"),
    ],
)
def test_what_a_request_is_called(headers: dict[str, str], expected: str | None) -> None:
    told = begin([(name.encode(), value.encode()) for name, value in headers.items()]).correlation_id
    current.set(None)
    assert told == expected if expected else FRESH.fullmatch(told)


def lines_of(service: Service, correlation: str) -> list[dict[str, Any]]:
    """The lines of the log that bear this id."""
    every = [orjson.loads(line) for line in service.log.read_bytes().splitlines() if line.startswith(b"{")]
    return [line for line in every if line.get("correlation_id") == correlation]


def lines(service: Service, correlation: str) -> list[dict[str, Any]]:
    """The same, once there are some: the answer is sent before the line is written."""
    return list(wait_until(lambda: lines_of(service, correlation), 5.0))


FATE = EVENTS + "/{event_id}/fate"
UNKNOWN = EVENTS + "/5e0e7a1c-6f43-4b8e-9a43-0e7a6a1f6b0d/fate?secret=hunter2"


@pytest.mark.parametrize(
    ("method", "path", "body", "route", "status"),
    [
        pytest.param("POST", EVENTS, event(), EVENTS, 202, id="a hot door"),
        pytest.param("POST", BATCH, {"events": []}, BATCH, 422, id="a hot door that refuses"),
        pytest.param("GET", UNKNOWN, None, FATE, 404, id="a cold one that refuses"),
        pytest.param("GET", "/hunter2/nowhere?secret=hunter2", None, None, 404, id="no door"),
        pytest.param("DELETE", EVENTS, None, EVENTS, 405, id="another method"),
        pytest.param("POST", "/api/v1/analytics/reports/active", {"period": "7d"}, ..., 200, id="a report"),
        pytest.param("POST", "/api/v1/analytics/reports/top", {"field": 1}, ..., 422, id="a report that is refused"),
    ],
)
def test_every_answer_carries_it_and_one_line_tells_of_it(
    service: Service, tenant: str, method: str, path: str, body: Any, route: Any, status: int
) -> None:
    key = service.key(tenant, Kind.ADMIN)
    answer = service.ask(method, path, body, key, {"X-Correlation-ID": tenant})
    assert (answer.status, answer.headers["x-correlation-id"]) == (status, tenant)
    (line,) = lines(service, tenant)
    assert (line["event"], line["level"], line["method"], line["status"]) == ("request", "info", method, status)
    assert line["route"] == (path if route is ... else route)
    assert line["ms"] > 0
    assert line["tenant"] == (None if status == 405 or route is None else tenant)
    assert set(line) == {"event", "level", "timestamp", "correlation_id", "method", "route", "status", "ms", "tenant"}
    assert "hunter2" not in str(line)


def test_without_a_good_key_no_tenant_is_told(service: Service, tenant: str) -> None:
    answer = service.ask("POST", EVENTS, event(), "ak_hunter2", {"X-Correlation-ID": tenant})
    assert (answer.status, answer.headers["x-correlation-id"]) == (401, tenant)
    assert [(line["status"], line["tenant"]) for line in lines(service, tenant)] == [(401, None)]


def test_probes_are_not_told(service: Service, tenant: str) -> None:
    for path in ("/health", "/healthz", "/readyz", "/api/v1/analytics/health"):
        assert service.ask("GET", path, headers={"X-Correlation-ID": tenant}).headers["x-correlation-id"] == tenant
    assert service.ask("GET", "/nowhere").status == 404
    assert lines_of(service, tenant) == []


def test_two_requests_of_one_connection_are_told_apart(service: Service, tenant: str) -> None:
    ask = "GET /nowhere HTTP/1.1\r\nHost: x\r\nX-Request-ID: {}\r\n\r\n"
    with socket.create_connection(service.address, timeout=10) as client:
        client.sendall((ask.format(tenant + "-1") + ask.format(tenant + "-2")).encode())
        told = b""
        while told.count(b"HTTP/1.1 404") < 2 or not told.endswith(b"}"):
            told += client.recv(4_096)
    assert [len(lines(service, f"{tenant}-{n}")) for n in (1, 2)] == [1, 1]


def test_what_is_no_http_is_answered_with_one_too(service: Service) -> None:
    with socket.create_connection(service.address, timeout=10) as client:
        client.sendall(b"no sense\r\n\r\n")
        told = client.recv(4_096)
    assert re.search(rb"\r\nx-correlation-id: [0-9a-f-]{36}\r\n", told)
    assert raw_request(service.address, b"GET / HTTP/9.9\r\n\r\n")[0] == 400
