"""The clock: the only place that asks the machine for the time or for randomness."""

import os
import random
import time
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
    """A fresh random UUID of version 4, in canonical text; put together by hand in a third of the time of `uuid`."""
    mark = os.urandom(16).hex()
    return f"{mark[:8]}-{mark[8:12]}-4{mark[13:16]}-{_VARIANT[mark[16]]}{mark[17:20]}-{mark[20:]}"


_VARIANT = {digit: "89ab"[number % 4] for number, digit in enumerate("0123456789abcdef")}
