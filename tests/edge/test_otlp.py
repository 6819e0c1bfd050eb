"""The OTLP doors: OpenTelemetry's own exporters against the real process, and what clients without a library send."""

import gzip
import os
import time
from collections.abc import Iterator, Sequence
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import SimpleLogRecordProcessor
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.trace import SpanKind, Status, StatusCode

from auricle.edge.otlp import _status_message
from auricle.model.principal import Kind
from auricle.settings import Settings
from running import EVENTS, Service, event

TRACES, LOGS = "/v1/traces", "/v1/logs"
PROTOBUF = {"Content-Type": "application/x-protobuf"}
NO_MAPPING = "1: of no kind that becomes an event"


class Keeping(SpanExporter):
    """Keeps spans, to be exported when a test wants."""

    def __init__(self) -> None:
        self.spans: list[ReadableSpan] = []

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        self.spans += spans
        return SpanExportResult.SUCCESS


def traced() -> list[ReadableSpan]:
    """What an instrumented assistant tells of one request: five spans, one of which means nothing here."""
    keeping = Keeping()
    provider = TracerProvider(resource=Resource({"service.name": "till 3"}))
    provider.add_span_processor(SimpleSpanProcessor(keeping))
    tracer = provider.get_tracer("test")
    http = {"http.request.method": "POST", "url.path": "/ask", "http.response.status_code": 200, "user.id": "u-1"}
    call = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "m", "gen_ai.usage.input_tokens": 10}
    tool = {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "search", "gen_ai.conversation.id": "c"}
    with tracer.start_as_current_span("POST /ask", kind=SpanKind.SERVER, attributes=http):
        with tracer.start_as_current_span("chat m", kind=SpanKind.CLIENT, attributes=call) as span:
            span.set_attribute("gen_ai.usage.output_tokens", 5)
        with tracer.start_as_current_span("execute_tool search", attributes=tool) as span:
            span.set_status(Status(StatusCode.ERROR, "out of stock"))
        with tracer.start_as_current_span("SELECT", kind=SpanKind.CLIENT, attributes={"db.system": "x"}):
            pass
        with tracer.start_as_current_span("kb.search", attributes={"kb.query": "shoes", "kb.results_count": 3}):
            pass
    provider.shutdown()
    return keeping.spans


def exporter(service: Service, key: str, compression: Compression = Compression.NoCompression) -> OTLPSpanExporter:
    return OTLPSpanExporter(service.url + TRACES, headers={"x-api-key": key}, compression=compression)


def top(service: Service, tenant: str, field: str) -> dict[str, int]:
    body = {"field": field, "period": "24h"}
    answer = service.ask("POST", "/api/v1/analytics/reports/top", body, service.key(tenant, Kind.READ))
    assert answer.status == 200, answer
    return {row["value"]: row["count"] for row in answer.body["rows"]}


def metric(service: Service, tenant: str, name: str) -> Any:
    body = {"metric": name, "period": "24h", "grain": "1d"}
    answer = service.ask("POST", "/api/v1/analytics/reports/timeseries", body, service.key(tenant, Kind.READ))
    assert answer.status == 200, answer
    return max(point["value"] or 0 for point in answer.body["points"])


@pytest.mark.parametrize("compression", [Compression.NoCompression, Compression.Gzip, Compression.Deflate])
def test_the_exporter_of_traces(service: Service, tenant: str, compression: Compression) -> None:
    """Exported twice, it counts once."""
    spans = traced()
    sender = exporter(service, service.key(tenant), compression)
    assert [sender.export(spans), sender.export(spans)] == [SpanExportResult.SUCCESS] * 2
    counts = service.drained(tenant)
    assert (counts["stored"], counts["duplicate"], counts["dropped"], counts["rejected"]) == (4, 4, 2, 0)
    assert top(service, tenant, "event_name") == dict.fromkeys(
        ["ai.tool_call_completed", "ai.usage", "http.request", "kb.search"], 1
    )
    assert top(service, tenant, "site_id") == {"till 3": 4}
    assert top(service, tenant, "user_id")["u-1"] == 1
    assert top(service, tenant, "error.message")["out of stock"] == 1
    trace_id = f"{spans[0].context.trace_id:032x}"
    assert top(service, tenant, "otel.trace_id") == {trace_id: 4}, "an id is not taken for a secret"
    assert metric(service, tenant, "tokens.sum") == 15
    assert metric(service, tenant, "ai.tool_calls.count") == 1


def test_the_exporter_of_logs(service: Service, tenant: str) -> None:
    sender = OTLPLogExporter(service.url + LOGS, headers={"authorization": f"Bearer {service.key(tenant)}"})
    provider = LoggerProvider(resource=Resource({"service.name": "shop"}))
    provider.add_log_record_processor(SimpleLogRecordProcessor(sender))
    logger = provider.get_logger("test")
    now = time.time_ns()
    for name, attributes in (
        ("page_view", {"page": "/a"}),
        ("gen_ai.evaluation.result", {"gen_ai.evaluation.name": "helpful"}),
        ("", {"exception.type": "ValueError", "exception.message": "no"}),
        ("", {"a": "line"}),
    ):
        logger.emit(
            LogRecord(
                timestamp=now,
                severity_number=SeverityNumber.INFO,
                body="x",
                event_name=name or None,
                attributes=attributes,
            )
        )
    provider.shutdown()
    counts = service.drained(tenant)
    assert (counts["stored"], counts["dropped"]) == (3, 1)
    assert top(service, tenant, "event_name") == {"error_occurred": 1, "gen_ai.evaluation.result": 1, "page_view": 1}


def span(name: str = "page_view", span_id: str = "eee19b7ec3c1b174", **attributes: Any) -> dict[str, Any]:
    now = time.time_ns()
    return {
        "traceId": "5b8efff798038103d269b633813fc60c",
        "spanId": span_id,
        "name": name,
        "startTimeUnixNano": str(now - 1_000_000),
        "endTimeUnixNano": str(now),
        "attributes": [{"key": key, "value": {"stringValue": value}} for key, value in attributes.items()],
    }


def export(*spans: Any) -> dict[str, Any]:
    return {"resourceSpans": [{"scopeSpans": [{"spans": list(spans)}]}]}


def test_json_and_partial_success(service: Service, tenant: str) -> None:
    key = service.key(tenant)
    assert service.ask("POST", TRACES, {}, key).told == (200, {})
    assert service.ask("POST", TRACES, export(span()), key).told == (200, {})
    mixed = export(span(), span("SELECT"), span("error_occurred", span_id="eee19b7ec3c1b175"), span(span_id="0" * 16))
    answer = service.ask("POST", TRACES, gzip.compress(orjson.dumps(mixed)), key, {"Content-Encoding": "gzip"})
    assert (answer.status, answer.headers["content-type"]) == (200, "application/json")
    partial = answer.body["partialSuccess"]
    assert partial["rejectedSpans"] == "3"
    assert NO_MAPPING in partial["errorMessage"]
    assert "1: A span needs a trace id and a span id that are not all noughts. (/spanId)" in partial["errorMessage"]
    counts = service.drained(tenant)
    assert (counts["stored"], counts["duplicate"], counts["rejected"], counts["dropped"]) == (1, 1, 2, 1)


def test_partial_success_of_both_in_protobuf(service: Service, tenant: str) -> None:
    key = service.key(tenant)
    # One resource (field 1) with one scope (field 2) with one empty span or record (field 2), which is what both are.
    body = b"\x0a\x04\x12\x02\x12\x00"
    for path, kind, member in (
        (TRACES, ExportTraceServiceResponse, "rejected_spans"),
        (LOGS, ExportLogsServiceResponse, "rejected_log_records"),
    ):
        answer = service.ask("POST", path, body, key, PROTOBUF)
        assert (answer.status, answer.headers["content-type"]) == (200, "application/x-protobuf")
        partial = kind.FromString(answer.body).partial_success
        assert (getattr(partial, member), partial.error_message) == (1, NO_MAPPING)
    assert service.ask("POST", LOGS, b"", key, PROTOBUF).told == (200, b"")


def message_of(body: bytes) -> str:
    """The text of a `google.rpc.Status`, by a message that has a text for its field 2 too."""
    told = ExportTraceServiceResponse.FromString(b"\x0a" + bytes([len(body)]) + body) if len(body) < 128 else None
    assert told is not None
    return str(told.partial_success.error_message)


REFUSED = [
    pytest.param(b"\xff", {}, 400, id="no export"),
    pytest.param(b"\x1f\x8b", {"Content-Encoding": "gzip"}, 400, id="half of a gzip"),
    pytest.param(b"", {"Content-Encoding": "lzma"}, 415, id="a coding that is not spoken"),
    pytest.param(b"\0" * 4_000_001, {}, 413, id="too many bytes"),
    pytest.param(gzip.compress(b"\0" * 4_000_001), {"Content-Encoding": "gzip"}, 413, id="a bomb"),
    pytest.param(b"\x0a\x00" * 10_001, {}, 413, id="too many resources"),
]


@pytest.mark.parametrize(("body", "headers", "status"), REFUSED)
def test_a_refusal_is_in_the_encoding_of_the_request(
    service: Service, tenant: str, body: bytes, headers: dict[str, str], status: int
) -> None:
    key = service.key(tenant)
    answer = service.ask("POST", TRACES, body, key, PROTOBUF | headers)
    assert (answer.status, answer.headers["content-type"]) == (status, "application/x-protobuf")
    assert len(message_of(answer.body)) > 20
    answer = service.ask("POST", TRACES, body, key, headers)
    if answer.status != 200:
        assert (answer.headers["content-type"], list(answer.body)) == ("application/json", ["message"])


def test_a_refusal_for_want_of_a_credential(service: Service, tenant: str) -> None:
    for headers in (PROTOBUF, {}):
        for key, status in ((None, 401), ("ak_nobody", 401), (service.key(tenant, Kind.READ), 403)):
            answer = service.ask("POST", LOGS, b"{}", key, headers)
            assert answer.status == status
            assert answer.headers["content-type"] == headers.get("Content-Type", "application/json")
            assert ("www-authenticate" in answer.headers) == (status == 401)


def test_another_content_type(service: Service, tenant: str) -> None:
    answer = service.ask("POST", LOGS, b"{}", service.key(tenant), {"Content-Type": "text/plain"})
    assert (answer.status, answer.body["code"]) == (415, "unsupported_media")
    assert service.ask("POST", LOGS, b"{}", None, {"Content-Type": "text/plain"}).status == 401


@pytest.mark.parametrize("length", [0, 1, 100])
def test_the_status_is_a_message_with_a_text(length: int) -> None:
    assert message_of(_status_message("x" * length)) == "x" * length


def test_a_long_status() -> None:
    assert _status_message("x" * 300) == b"\x12\xac\x02" + b"x" * 300


@pytest.fixture(scope="module")
def busy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service whose tenants may send four events a minute, and whose disk is full from the start."""
    more = {"AURICLE_EVENT_QUOTA_PER_MINUTE": "4", "AURICLE_MIN_FREE_DISK": str(10**18)}
    running = Service(Settings(data=tmp_path_factory.mktemp("busy")), dict(os.environ) | more)
    try:
        running.start(ready=False)
        yield running
    finally:
        running.client.close()
        running.stop()


def test_what_passes_is_told_by_a_status_that_exporters_know(busy: Service, tenant: str) -> None:
    """A full disk is 507 elsewhere, which OpenTelemetry takes for an end; the quota is 429 with Retry-After."""
    key = busy.key(tenant)
    full = busy.ask("POST", TRACES, export(span()), key)
    assert (full.status, list(full.body)) == (503, ["message"])
    assert int(full.headers["retry-after"]) >= 1
    assert busy.ask("POST", EVENTS, event(), key).status == 507
    for _ in range(3):
        quota = busy.ask("POST", TRACES, export(span()), key)
    assert quota.status == 429
    assert 1 <= int(quota.headers["retry-after"]) <= 60
    assert busy.ask("POST", TRACES, export(*[span()] * 5), key).status == 413


@settings(max_examples=60)
@given(
    st.sampled_from([TRACES, LOGS]),
    st.sampled_from([PROTOBUF, {}]),
    st.binary(max_size=60) | st.sampled_from([orjson.dumps(export(span())), b"\x0a\x04\x12\x02\x12\x00"]),
)
def test_any_bytes_get_an_answer_that_is_told(fuzzed: Any, path: str, headers: dict[str, str], body: bytes) -> None:
    service, key = fuzzed
    answer = service.ask("POST", path, body, key, headers)
    assert answer.status in {200, 400}
    assert answer.headers["content-type"] == headers.get("Content-Type", "application/json")


@pytest.fixture(scope="module")
def fuzzed(service: Service) -> tuple[Service, str]:
    return service, service.key("fuzzed-otlp")
