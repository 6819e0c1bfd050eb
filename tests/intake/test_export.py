"""Exports in JSON and in protobuf: the same content is the same, and any bytes are read or refused."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, KeyValue, KeyValueList
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord as LogMessage
from opentelemetry.proto.logs.v1.logs_pb2 import ResourceLogs, ScopeLogs
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans
from opentelemetry.proto.trace.v1.trace_pb2 import Span as SpanMessage
from opentelemetry.proto.trace.v1.trace_pb2 import Status as StatusMessage

from anything import JSON
from auricle.errors import BadRequest, TooLarge
from auricle.intake import export_json, export_protobuf
from auricle.intake.export import LogRecord, Span, id_of

TRACE, SPAN, PARENT = "5b8efff798038103d269b633813fc60c", "eee19b7ec3c1b174", "eee19b7ec3c1b173"


def pair(key: str, **value: Any) -> KeyValue:
    return KeyValue(key=key, value=AnyValue(**value))


PAIRS = [
    pair("text", string_value="é"),
    pair("yes", bool_value=True),
    pair("whole", int_value=-(2**63)),
    pair("real", double_value=0.5),
    pair("none", double_value=float("nan")),
    pair("bytes", bytes_value=b"\xff\x00"),
    pair("list", array_value=ArrayValue(values=[AnyValue(int_value=1), AnyValue()])),
    pair("object", kvlist_value=KeyValueList(values=[pair("a", string_value="b")])),
    KeyValue(key="empty"),
]
VALUES = {
    "text": "é",
    "yes": True,
    "whole": -(2**63),
    "real": 0.5,
    "none": None,
    "bytes": "/wA=",
    "list": [1, None],
    "object": {"a": "b"},
    "empty": None,
}
PAIRS_IN_JSON = [
    {"key": "text", "value": {"stringValue": "é"}},
    {"key": "yes", "value": {"boolValue": True}},
    {"key": "whole", "value": {"intValue": "-9223372036854775808"}},
    {"key": "real", "value": {"doubleValue": 0.5}},
    {"key": "none", "value": {"doubleValue": "NaN"}},
    {"key": "bytes", "value": {"bytesValue": "/wA="}},
    {"key": "list", "value": {"arrayValue": {"values": [{"intValue": 1}, {}]}}},
    {"key": "object", "value": {"kvlistValue": {"values": [{"key": "a", "value": {"stringValue": "b"}}]}}},
    {"key": "empty"},
]
RESOURCE = [pair("service.name", string_value="shop")]

SPANS = ExportTraceServiceRequest(
    resource_spans=[
        ResourceSpans(
            resource=Resource(attributes=RESOURCE),
            scope_spans=[
                ScopeSpans(
                    spans=[
                        SpanMessage(
                            trace_id=bytes.fromhex(TRACE),
                            span_id=bytes.fromhex(SPAN),
                            parent_span_id=bytes.fromhex(PARENT),
                            name="chat",
                            kind=3,
                            start_time_unix_nano=5,
                            end_time_unix_nano=2**64 - 1,
                            attributes=PAIRS,
                            status=StatusMessage(code=2, message="no"),
                        ),
                        SpanMessage(trace_id=b"\0" * 16, span_id=b"short"),
                    ]
                )
            ],
        )
    ]
)
SPANS_IN_JSON = {
    "resourceSpans": [
        {
            "resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "shop"}}]},
            "scopeSpans": [
                {
                    "scope": {"name": "x"},
                    "spans": [
                        {
                            "traceId": TRACE.upper(),
                            "spanId": SPAN,
                            "parentSpanId": PARENT,
                            "name": "chat",
                            "kind": 3,
                            "startTimeUnixNano": 5,
                            "endTimeUnixNano": "18446744073709551615",
                            "attributes": PAIRS_IN_JSON,
                            "status": {"code": 2, "message": "no"},
                            "unheardOf": {},
                        },
                        {"traceId": "0" * 32, "spanId": "short", "attributes": None, "status": None},
                    ],
                }
            ],
        }
    ]
}
EXPECTED_SPANS = [
    Span(TRACE, SPAN, PARENT, "chat", 3, 5, 2**64 - 1, True, "no", VALUES, {"service.name": "shop"}),
    Span("", "", "", "", 0, 0, 0, False, "", {}, {"service.name": "shop"}),
]
LOGS = ExportLogsServiceRequest(
    resource_logs=[
        ResourceLogs(
            resource=Resource(attributes=RESOURCE),
            scope_logs=[
                ScopeLogs(
                    log_records=[
                        LogMessage(
                            trace_id=bytes.fromhex(TRACE),
                            span_id=bytes.fromhex(SPAN),
                            event_name="page_view",
                            time_unix_nano=5,
                            observed_time_unix_nano=6,
                            severity_text="INFO",
                            body=AnyValue(string_value="x"),
                            attributes=PAIRS,
                        ),
                        LogMessage(),
                    ]
                )
            ],
        )
    ]
)
LOGS_IN_JSON = {
    "resourceLogs": [
        {
            "resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "shop"}}]},
            "scopeLogs": [
                {
                    "logRecords": [
                        {
                            "traceId": TRACE,
                            "spanId": SPAN,
                            "eventName": "page_view",
                            "timeUnixNano": "5",
                            "observedTimeUnixNano": 6.0,
                            "severityText": "INFO",
                            "body": {"stringValue": "x"},
                            "attributes": PAIRS_IN_JSON,
                        },
                        {},
                    ]
                }
            ],
        }
    ]
}
EXPECTED_LOGS = [
    LogRecord(TRACE, SPAN, "page_view", 5, 6, "INFO", "x", VALUES, {"service.name": "shop"}),
    LogRecord("", "", "", 0, 0, "", None, {}, {"service.name": "shop"}),
]


def test_both_encodings_tell_the_same() -> None:
    assert export_protobuf.spans_of(SPANS.SerializeToString(), 2) == EXPECTED_SPANS
    assert export_json.spans_of(json.dumps(SPANS_IN_JSON).encode(), 2) == EXPECTED_SPANS
    assert export_protobuf.logs_of(LOGS.SerializeToString(), 2) == EXPECTED_LOGS
    assert export_json.logs_of(json.dumps(LOGS_IN_JSON).encode(), 2) == EXPECTED_LOGS


def test_names_in_the_place_of_enums() -> None:
    told = {"kind": "SPAN_KIND_SERVER", "status": {"code": "STATUS_CODE_ERROR"}}
    body = {"resourceSpans": [{"scopeSpans": [{"spans": [told]}]}]}
    (span,) = export_json.spans_of(json.dumps(body).encode(), 1)
    assert (span.kind, span.failed) == (2, True)


Decoder = Callable[[bytes, int], list[Any]]
DECODERS: list[Decoder] = [export_json.spans_of, export_json.logs_of, export_protobuf.spans_of, export_protobuf.logs_of]
FULL = [
    json.dumps(SPANS_IN_JSON).encode(),
    json.dumps(LOGS_IN_JSON).encode(),
    *map(bytes, [SPANS.SerializeToString(), LOGS.SerializeToString()]),
]


@pytest.mark.parametrize("number", range(4))
def test_nothing_and_too_much(number: int) -> None:
    decode, body = DECODERS[number], FULL[number]
    assert decode(b"{}" if number < 2 else b"", 1) == []
    with pytest.raises(TooLarge):
        decode(body, 1)


@pytest.mark.parametrize("number", range(4))
def test_empty_resources_and_scopes_count_too(number: int) -> None:
    """They would cost time and count for nothing."""
    outer, inner = [("resourceSpans", "scopeSpans"), ("resourceLogs", "scopeLogs")][number % 2]
    bodies = (
        [json.dumps({outer: [{}] * 4}).encode(), json.dumps({outer: [{inner: [{}] * 2}, {inner: [{}] * 2}]}).encode()]
        if number < 2
        else [b"\x0a\x00" * 4, b"\x0a\x04\x12\x00\x12\x00" * 2]
    )
    for body in bodies:
        assert DECODERS[number](body, 4) == []
        with pytest.raises(TooLarge):
            DECODERS[number](body, 3)


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        pytest.param({"name": 1}, "/name", id="a number for a name"),
        pytest.param({"traceId": []}, "/traceId", id="a list for an id"),
        pytest.param({"kind": "hunter2"}, "/kind", id="an unknown kind"),
        pytest.param({"kind": -1}, "/kind", id="a kind below nought"),
        pytest.param({"endTimeUnixNano": "1e9"}, "/endTimeUnixNano", id="a number with an exponent"),
        pytest.param({"endTimeUnixNano": True}, "/endTimeUnixNano", id="true"),
        pytest.param({"endTimeUnixNano": 1.5}, "/endTimeUnixNano", id="a half"),
        pytest.param({"endTimeUnixNano": str(2**64)}, "/endTimeUnixNano", id="over 64 bits"),
        pytest.param({"endTimeUnixNano": "٣"}, "/endTimeUnixNano", id="a digit of another script"),
        pytest.param({"status": []}, "/status", id="a list for an object"),
        pytest.param({"attributes": {}}, "/attributes", id="an object for a list"),
        pytest.param({"attributes": [1]}, "/attributes/0", id="no pair"),
        pytest.param({"attributes": [{"key": 1}]}, "/attributes/0/key", id="no key"),
        pytest.param({"attributes": [{"value": 1}]}, "/attributes/0/value", id="a bare value"),
        *(
            pytest.param({"attributes": [{"key": "k", "value": {kind: value}}]}, f"/attributes/0/value/{kind}", id=kind)
            for kind, value in {
                "stringValue": 1,
                "boolValue": "yes",
                "intValue": "9223372036854775808",
                "doubleValue": "hunter2",
                "bytesValue": "?",
                "arrayValue": [],
                "kvlistValue": 1,
            }.items()
        ),
    ],
)
def test_a_wrong_type_is_pointed_at(changes: dict[str, Any], pointer: str) -> None:
    body = {"resourceSpans": [{"scopeSpans": [{"spans": [{}, changes]}]}]}
    with pytest.raises(BadRequest) as told:
        export_json.spans_of(json.dumps(body).encode(), 9)
    assert told.value.faults[0].pointer == "/resourceSpans/0/scopeSpans/0/spans/1" + pointer
    assert "hunter2" not in told.value.detail


def nested(levels: int) -> AnyValue:
    value = AnyValue(int_value=1)
    for _ in range(levels):
        value = AnyValue(array_value=ArrayValue(values=[value]))
    return value


def test_levels_are_counted() -> None:
    def export(levels: int) -> bytes:
        message = LogMessage(body=nested(levels))
        return bytes(
            ExportLogsServiceRequest(
                resource_logs=[ResourceLogs(scope_logs=[ScopeLogs(log_records=[message])])]
            ).SerializeToString()
        )

    def in_json(levels: int) -> bytes:
        value = '{"arrayValue":{"values":[' * levels + "{}" + "]}}" * levels
        return ('{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"body":' + value + "}]}]}]}").encode()

    for decode, body in ((export_protobuf.logs_of, export), (export_json.logs_of, in_json)):
        assert len(decode(body(32), 1)) == 1
        for levels in (33, 40, 200, 20_000) if decode is export_json.logs_of else (33, 40):
            with pytest.raises(BadRequest):
                decode(body(levels), 1)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("AB" * 8, "ab" * 8), ("ab" * 7, ""), ("0" * 16, ""), ("x" * 16, ""), (" " * 16, ""), ("é" * 16, ""), ("", "")],
)
def test_ids(text: str, expected: str) -> None:
    assert id_of(text, 16) == expected


def outcome_of(decode: Decoder, body: bytes) -> Any:
    try:
        return isinstance(decode(body, 4), list)
    except (BadRequest, TooLarge) as error:
        return error.status


@given(st.sampled_from(DECODERS), st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(decode: Decoder, body: bytes) -> None:
    assert outcome_of(decode, body) in {True, 400, 413}


@given(st.integers(0, 3), st.data())
def test_any_damage_is_read_or_refused(number: int, data: st.DataObject) -> None:
    body = bytearray(FULL[number])
    for _ in range(data.draw(st.integers(1, 3))):
        body[data.draw(st.integers(0, len(body) - 1))] ^= data.draw(st.integers(1, 255))
    cut = data.draw(st.integers(0, len(body)))
    for decode in DECODERS[number // 2 * 2 : number // 2 * 2 + 2]:
        assert outcome_of(decode, bytes(body)) in {True, 400, 413}
        assert outcome_of(decode, bytes(body[:cut])) in {True, 400, 413}


MEMBERS = st.sampled_from(
    [
        *("resourceSpans", "scopeSpans", "spans", "resource", "attributes", "key", "value", "kind", "status", "code"),
        *("resourceLogs", "scopeLogs", "logRecords", "body", "arrayValue", "values", "intValue", "timeUnixNano"),
    ]
)
TREES = st.recursive(JSON, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(MEMBERS, inner, max_size=3))


@given(st.dictionaries(MEMBERS, TREES, max_size=3))
def test_any_json_is_read_or_refused(told: Any) -> None:
    for decode in DECODERS[:2]:
        assert outcome_of(decode, json.dumps(told).encode()) in {True, 400, 413}


@given(MEMBERS, TREES)
def test_any_span_and_any_record_are_read_or_refused(member: str, value: Any) -> None:
    spans = {"resourceSpans": [{"scopeSpans": [{"spans": [{member: value}]}]}]}
    logs = {"resourceLogs": [{"scopeLogs": [{"logRecords": [{member: value}]}]}]}
    assert outcome_of(export_json.spans_of, json.dumps(spans).encode()) in {True, 400, 413}
    assert outcome_of(export_json.logs_of, json.dumps(logs).encode()) in {True, 400, 413}
