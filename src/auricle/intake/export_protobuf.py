"""The decoder of OTLP exports in protobuf."""

from typing import Any

from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from auricle.errors import BadRequest
from auricle.intake.export import FAILED, MAX_DEPTH, LogRecord, Signal, Span, check_count, double_of, id_of, text_of


def spans_of(body: bytes, limit: int) -> list[Span]:
    """The spans of an `ExportTraceServiceRequest`, in their order.

    Raises:
        BadRequest: the body is no such message.
        TooLarge: it has more than `limit` spans.
    """
    told = _parsed(ExportTraceServiceRequest, body)
    check_count(len(told.resource_spans), limit, Signal.SPANS)
    check_count(sum(len(each.scope_spans) for each in told.resource_spans), limit, Signal.SPANS)
    check_count(sum(len(one.spans) for each in told.resource_spans for one in each.scope_spans), limit, Signal.SPANS)
    found = []
    for each in told.resource_spans:
        resource = _attributes(each.resource.attributes)
        for one in each.scope_spans:
            found += [_span(span, resource) for span in one.spans]
    return found


def logs_of(body: bytes, limit: int) -> list[LogRecord]:
    """The log records of an `ExportLogsServiceRequest`; as `spans_of`."""
    told = _parsed(ExportLogsServiceRequest, body)
    check_count(len(told.resource_logs), limit, Signal.LOGS)
    check_count(sum(len(each.scope_logs) for each in told.resource_logs), limit, Signal.LOGS)
    check_count(sum(len(one.log_records) for each in told.resource_logs for one in each.scope_logs), limit, Signal.LOGS)
    records = []
    for each in told.resource_logs:
        resource = _attributes(each.resource.attributes)
        for one in each.scope_logs:
            records += [_record(record, resource) for record in one.log_records]
    return records


def _parsed(kind: Any, body: bytes) -> Any:
    try:
        return kind.FromString(body)
    except DecodeError:
        raise BadRequest("The body is no OTLP export in protobuf: check the encoder and Content-Encoding.") from None


def _span(span: Any, resource: dict[str, Any]) -> Span:
    return Span(
        id_of(span.trace_id.hex(), 32),
        id_of(span.span_id.hex(), 16),
        id_of(span.parent_span_id.hex(), 16),
        span.name,
        span.kind,
        span.start_time_unix_nano,
        span.end_time_unix_nano,
        span.status.code == FAILED,
        span.status.message,
        _attributes(span.attributes),
        resource,
    )


def _record(record: Any, resource: dict[str, Any]) -> LogRecord:
    return LogRecord(
        id_of(record.trace_id.hex(), 32),
        id_of(record.span_id.hex(), 16),
        record.event_name,
        record.time_unix_nano,
        record.observed_time_unix_nano,
        record.severity_text,
        _value(record.body, 1),
        _attributes(record.attributes),
        resource,
    )


def _attributes(pairs: Any) -> dict[str, Any]:
    return {pair.key: _value(pair.value, 1) for pair in pairs}


def _value(value: Any, depth: int) -> Any:
    kind = value.WhichOneof("value")
    if kind is None:
        return None
    if kind in ("array_value", "kvlist_value"):
        if depth > MAX_DEPTH:
            raise BadRequest(f"A value may have at most {MAX_DEPTH} levels: flatten it.")
        if kind == "array_value":
            return [_value(one, depth + 1) for one in value.array_value.values]
        return {one.key: _value(one.value, depth + 1) for one in value.kvlist_value.values}
    if kind == "double_value":
        return double_of(value.double_value)
    if kind == "bytes_value":
        return text_of(value.bytes_value)
    if kind in ("string_value", "bool_value", "int_value"):
        return getattr(value, kind)
    # A reference into a table of strings, which no exporter of traces or logs may send.
    return None
