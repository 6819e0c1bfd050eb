"""The event as it is sent: JSON text, made in the caller's thread, whatever the caller hands in.

The common case is one call of the JSON encoder. Values that JSON has no word for are put into words by `plain`, which
takes time and never fails: a client must not break its program for the sake of a number that is not one.
"""

import json
import math
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any
from uuid import UUID

from auricle import clock

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


def _make_encoder() -> Callable[[Mapping[str, Any]], str]:
    """What encodes an event: Python's encoder in C, without the part in Python around it that takes as long again."""
    whole = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode
    make = getattr(json.encoder, "c_make_encoder", None)
    text = getattr(json.encoder, "encode_basestring", None)
    try:
        # NOTE: without a record of what it is in the middle of (the first None), for threads share it: what goes in
        # circles ends at the limit of recursion.
        fast = make(None, _refuse, text, None, ":", ",", False, False, False)  # type: ignore[misc]
        if "".join(fast({"a": [1]}, 0)) != '{"a":[1]}':
            return whole
    except TypeError:  # an interpreter without it, or with another one
        return whole
    return lambda event: "".join(fast(event, 0))


def _refuse(value: Any) -> Any:
    raise TypeError(type(value).__name__)


_encode = _make_encoder()


class Now:
    """The present in RFC 3339, quicker than `datetime` tells it: the text of a second is made once."""

    __slots__ = ("_told",)

    def __init__(self) -> None:
        self._told = (-1, "")

    def __call__(self) -> str:
        """Such as `2026-01-15T10:30:00.123456Z`."""
        second, rest = divmod(clock.micros(), 1_000_000)
        known, text = self._told
        if known != second:
            text = datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S.")
            self._told = (second, text)  # NOTE: both at once, for another thread may read it right now
        return f"{text}{rest:06d}Z"


now = Now()


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
