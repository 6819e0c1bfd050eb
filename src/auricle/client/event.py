"""The event as it is sent: JSON text, made in the caller's thread, whatever the caller hands in.

The common case is one call of the JSON encoder. Values that JSON has no word for are put into words by `plain`, which
takes time and never fails: a client must not break its program for the sake of a number that is not one.
"""

import json
import math
from collections.abc import Iterable, Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any
from uuid import UUID

DEEPEST = 32
"""Levels that are looked into; the service takes 8, and says so of more."""
MOST = 10_000
"""Values of one collection that are looked at."""


def encode(event: Mapping[str, Any]) -> bytes:
    """The event as JSON in UTF-8, on one line."""
    try:
        text = _encode(event)
    except (TypeError, ValueError, RecursionError):
        text = _encode(plain(event))
    # NOTE: half of a surrogate pair is no character, and the service refuses a whole batch for it.
    return text.encode("utf-8", "replace")


# NOTE: made once: `json.dumps` with arguments makes an encoder at every call, for a third of its time.
_encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode


def plain(value: Any, depth: int = DEEPEST) -> Any:
    """The value in what JSON has: numbers that are none become null, and so does what is too deep or in a circle."""
    match value:
        case None | bool() | str():
            return value if value is None or isinstance(value, bool) else str.__str__(value)
        case Enum():
            return plain(value.value, depth - 1)
        case int():
            return int(value)
        case float():
            return float(value) if math.isfinite(value) else None
        case Decimal():
            return float(value) if value.is_finite() else None
        case datetime():
            return rfc3339(value)
        case date() | time():
            return value.isoformat()
        case timedelta():
            return value.total_seconds()
        case bytes() | bytearray() | memoryview():
            return bytes(value).decode("utf-8", "replace")
        case UUID():
            return str(value)
    if depth <= 0:
        return None
    if isinstance(value, Mapping):
        return {_key(name): plain(each, depth - 1) for name, each in _some(value.items())}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(each, depth - 1) for each in _some(value)]
    # NOTE: neither `str` nor `repr`: they may hold what must not leave the process, and may fail.
    return f"({type(value).__name__})"


def rfc3339(moment: datetime) -> str:
    """The moment with its zone; one without is local, as `datetime` has it."""
    return (moment if moment.tzinfo is not None else moment.astimezone()).isoformat()


def _key(name: Any) -> str:
    told = plain(name, 0)
    if told is None and name is not None:
        return f"({type(name).__name__})"
    return told if isinstance(told, str) else json.dumps(told)


def _some(values: Iterable[Any]) -> Iterable[Any]:
    return (value for value, _ in zip(values, range(MOST), strict=False))
