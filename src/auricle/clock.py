"""The clock: the only place that asks the machine for the time or for randomness."""

import random
import time
import uuid
from datetime import UTC, datetime

_marks = random.Random()  # noqa: S311 - names of requests, not secrets


def now() -> datetime:
    """The present, aware, in UTC."""
    return datetime.now(UTC)


def micros() -> int:
    """The present, in microseconds since 1970-01-01 UTC."""
    return time.time_ns() // 1000


def new_mark() -> str:
    """A fresh random mark of 32 digits, 0 to 9 and a to f, made without asking the system. It is no secret."""
    return f"{_marks.getrandbits(128):032x}"


def new_id() -> str:
    """A fresh random UUID, in canonical text."""
    return str(uuid.uuid4())
