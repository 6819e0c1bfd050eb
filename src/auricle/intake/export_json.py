"""The decoder of OTLP exports in JSON: as protobuf's own JSON, but for ids in hexadecimal and enums as numbers.

Members that are not known are passed over, as OTLP asks; those that are known and of a wrong type refuse the export,
with a JSON pointer, as bytes that are no message do in protobuf.
"""

import binascii
from collections.abc import Mapping
from typing import Any, NoReturn

from auricle.errors import BadRequest
from auricle.intake.decode import parse_single
from auricle.intake.export import (
    FAILED,
    MAX_DEPTH,
    LogRecord,
    Signal,
    Span,
    SpanKind,
    check_count,
    double_of,
    id_of,
    text_of,
)
from auricle.model.receipt import Fault

_MOST_NANOS = 2**64 - 1
_MOST_INT = 2**63 - 1
_MOST_ENUM = 2**31 - 1
_KINDS = {f"SPAN_KIND_{kind.name}": kind.value for kind in SpanKind}
_CODES = {"STATUS_CODE_UNSET": 0, "STATUS_CODE_OK": 1, "STATUS_CODE_ERROR": FAILED}
_DOUBLES = {"NaN": float("nan"), "Infinity": float("inf"), "-Infinity": float("-inf")}


def spans_of(body: bytes, limit: int) -> list[Span]:
    """The spans of an `ExportTraceServiceRequest`, in their order.

    Raises:
        BadRequest: the body is no such message.
        TooLarge: it has more than `limit` spans.
    """
    found = _items(body, limit, Signal.SPANS, ("resourceSpans", "scopeSpans", "spans"))
    return [_span(span, at, resource) for span, at, resource in found]


def logs_of(body: bytes, limit: int) -> list[LogRecord]:
    """The log records of an `ExportLogsServiceRequest`; as `spans_of`."""
    found = _items(body, limit, Signal.LOGS, ("resourceLogs", "scopeLogs", "logRecords"))
    return [_record(record, at, resource) for record, at, resource in found]


def _items(
    body: bytes, limit: int, signal: Signal, names: tuple[str, str, str]
) -> list[tuple[dict[str, Any], str, dict[str, Any]]]:
    """Every span or log record with its pointer and the attributes of its resource."""
    of_resources, of_scopes, of_items = names
    found: list[tuple[dict[str, Any], str, dict[str, Any]]] = []
    resources = _list(_object(parse_single(body), ""), "", of_resources)
    check_count(len(resources), limit, signal)
    scopes = 0
    for number, each in enumerate(resources):
        at = f"/{of_resources}/{number}"
        told = _object(each, at)
        resource = _attributes(_object(told.get("resource"), at + "/resource"), at + "/resource")
        inner = _list(told, at, of_scopes)
        scopes += len(inner)
        check_count(scopes, limit, signal)
        for place, scope in enumerate(inner):
            inside = f"{at}/{of_scopes}/{place}"
            items = _list(_object(scope, inside), inside, of_items)
            check_count(len(found) + len(items), limit, signal)
            for index, item in enumerate(items):
                pointer = f"{inside}/{of_items}/{index}"
                found.append((_object(item, pointer), pointer, resource))
    return found


def _span(span: dict[str, Any], at: str, resource: dict[str, Any]) -> Span:
    status = _object(span.get("status"), at + "/status")
    return Span(
        id_of(_text(span, at, "traceId"), 32),
        id_of(_text(span, at, "spanId"), 16),
        id_of(_text(span, at, "parentSpanId"), 16),
        _text(span, at, "name"),
        _enum(span, at, "kind", _KINDS),
        _whole(span.get("startTimeUnixNano"), at + "/startTimeUnixNano", 0, _MOST_NANOS),
        _whole(span.get("endTimeUnixNano"), at + "/endTimeUnixNano", 0, _MOST_NANOS),
        _enum(status, at + "/status", "code", _CODES) == FAILED,
        _text(status, at + "/status", "message"),
        _attributes(span, at),
        resource,
    )


def _record(record: dict[str, Any], at: str, resource: dict[str, Any]) -> LogRecord:
    return LogRecord(
        id_of(_text(record, at, "traceId"), 32),
        id_of(_text(record, at, "spanId"), 16),
        _text(record, at, "eventName"),
        _whole(record.get("timeUnixNano"), at + "/timeUnixNano", 0, _MOST_NANOS),
        _whole(record.get("observedTimeUnixNano"), at + "/observedTimeUnixNano", 0, _MOST_NANOS),
        _text(record, at, "severityText"),
        _value(record.get("body"), at + "/body", 1),
        _attributes(record, at),
        resource,
    )


def _attributes(told: dict[str, Any], at: str, member: str = "attributes", depth: int = 1) -> dict[str, Any]:
    found = {}
    for number, pair in enumerate(_list(told, at, member)):
        inside = f"{at}/{member}/{number}"
        held = _object(pair, inside)
        found[_text(held, inside, "key")] = _value(held.get("value"), inside + "/value", depth)
    return found


def _value(raw: Any, at: str, depth: int) -> Any:
    told = _object(raw, at)
    for kind, value in told.items():
        if value is None:
            continue
        if kind == "stringValue":
            return _text(told, at, kind)
        if kind == "intValue":
            return _whole(value, f"{at}/{kind}", -_MOST_INT - 1, _MOST_INT)
        if kind == "boolValue":
            return value if isinstance(value, bool) else _refuse(f"{at}/{kind}", "It must be true or false.")
        if kind == "doubleValue":
            return _double(value, f"{at}/{kind}")
        if kind == "bytesValue":
            return _bytes(_text(told, at, kind), f"{at}/{kind}")
        if kind in ("arrayValue", "kvlistValue"):
            inside = f"{at}/{kind}"
            if depth > MAX_DEPTH:
                _refuse(at, f"A value may have at most {MAX_DEPTH} levels: flatten it.")
            held = _object(value, inside)
            if kind == "kvlistValue":
                return _attributes(held, inside, "values", depth + 1)
            values = enumerate(_list(held, inside, "values"))
            return [_value(one, f"{inside}/values/{number}", depth + 1) for number, one in values]
    return None


def _object(raw: Any, at: str) -> dict[str, Any]:
    """An object, where null is an empty one."""
    if raw is None and at:
        return {}
    return raw if isinstance(raw, dict) else _refuse(at, "It must be an object.")


def _list(told: dict[str, Any], at: str, member: str) -> list[Any]:
    raw = told.get(member)
    if raw is None:
        return []
    return raw if isinstance(raw, list) else _refuse(f"{at}/{member}", "It must be a list.")


def _text(told: dict[str, Any], at: str, member: str) -> str:
    raw = told.get(member)
    if raw is None:
        return ""
    return raw if isinstance(raw, str) else _refuse(f"{at}/{member}", "It must be a text.")


def _whole(raw: Any, at: str, least: int, most: int) -> int:
    """A whole number, which may be written as a text, as 64 bits are in protobuf's JSON; 0 for null."""
    if raw is None:
        return 0
    found: int | None = None
    if isinstance(raw, str):
        digits = raw.removeprefix("-")
        found = int(raw) if digits.isascii() and digits.isdigit() and len(digits) <= 20 else None
    elif isinstance(raw, float):
        found = int(raw) if raw.is_integer() else None
    elif isinstance(raw, int) and not isinstance(raw, bool):
        found = raw
    if found is None or not least <= found <= most:
        _refuse(at, f"It must be a whole number from {least} to {most}, as a number or a text.")
    return found


def _enum(told: dict[str, Any], at: str, member: str, names: Mapping[str, int]) -> int:
    """A number, or one of the names that some exporters send in its place."""
    raw = told.get(member)
    known = names.get(raw) if isinstance(raw, str) else None
    return _whole(raw, f"{at}/{member}", 0, _MOST_ENUM) if known is None else known


def _double(raw: Any, at: str) -> float | None:
    if isinstance(raw, str):
        raw = _DOUBLES.get(raw, raw)
    if isinstance(raw, bool) or not isinstance(raw, int | float):
        _refuse(at, "It must be a number.")
    return double_of(raw)


def _bytes(raw: str, at: str) -> str:
    try:
        return text_of(binascii.a2b_base64(raw, strict_mode=True))
    except (binascii.Error, ValueError):
        return _refuse(at, "It must be base64.")


def _refuse(pointer: str, message: str) -> NoReturn:
    text = f"The body is no OTLP export in JSON, at {pointer or 'its root'}: {message}"
    raise BadRequest(text, (Fault(pointer, "type", message),))
