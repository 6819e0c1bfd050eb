"""The clock: the only place that asks the machine for the time or for randomness."""

import time
import uuid
from datetime import UTC, datetime


def now() -> datetime:
    """The present, aware, in UTC."""
    return datetime.now(UTC)


def micros() -> int:
    """The present, in microseconds since 1970-01-01 UTC."""
    return time.time_ns() // 1000


def new_id() -> str:
    """A fresh random UUID, in canonical text."""
    return str(uuid.uuid4())
