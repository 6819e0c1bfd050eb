"""The export: spans and log records as OTLP tells them, whatever they were encoded in.

Two decoders make it, `export_json` and `export_protobuf`; `telling` makes events of it. Attributes are JSON values
already: a list of key and value is an object, bytes are base64, and what JSON has no number for is null.
"""

import base64
import math
from dataclasses import dataclass
from enum import Enum, IntEnum
from typing import Any

from auricle.errors import TooLarge

MAX_DEPTH = 32
"""Levels of lists and objects in one value; an event may have fewer, so deeper ones need no exact answer."""


class Signal(Enum):
    """What an export is of."""

    SPANS = "spans"
    LOGS = "log records"


class SpanKind(IntEnum):
    """The kinds of spans that are told apart."""

    INTERNAL = 1
    SERVER = 2
    CLIENT = 3
    PRODUCER = 4
    CONSUMER = 5


FAILED = 2
"""The status code of a span that failed."""


@dataclass(frozen=True, slots=True)
class Span:
    """One span. Times are nanoseconds since 1970-01-01 UTC, 0 when they were not told."""

    trace_id: str
    """32 hexadecimal digits; `""` for none, and for one that is no trace id."""
    span_id: str
    """16 hexadecimal digits; `""` as above."""
    parent_id: str
    name: str
    kind: int
    start: int
    end: int
    failed: bool
    message: str
    """Why it failed."""
    attributes: dict[str, Any]
    resource: dict[str, Any]
    """The attributes of what the span comes from; the same object for all of one resource."""


@dataclass(frozen=True, slots=True)
class LogRecord:
    """One log record; ids and times as in `Span`."""

    trace_id: str
    span_id: str
    event_name: str
    time: int
    observed: int
    severity: str
    body: Any
    attributes: dict[str, Any]
    resource: dict[str, Any]


def id_of(text: str, digits: int) -> str:
    """An id of so many hexadecimal digits in lower case; `""` for anything else, and for all noughts."""
    if len(text) != digits or not text.isascii():
        return ""
    try:
        return text.lower() if int.from_bytes(bytes.fromhex(text)) else ""
    except ValueError:
        return ""


def double_of(value: float) -> float | None:
    """A number that JSON can hold; null for the others."""
    return value if math.isfinite(value) else None


def text_of(value: bytes) -> str:
    """Bytes as JSON can hold them."""
    return base64.b64encode(value).decode()


def check_count(found: int, limit: int, signal: Signal) -> None:
    """Refuses an export of too many spans or log records, or of as many resources or scopes, empty ones included."""
    if found > limit:
        raise TooLarge(f"An export may have at most {limit} {signal.value}: set a smaller batch size in the exporter.")
