"""The clock."""

import re
import time
import uuid
from datetime import UTC, datetime

from auricle import clock


def test_now_is_aware_and_in_utc() -> None:
    assert clock.now().tzinfo is UTC
    assert abs((clock.now() - datetime.now(UTC)).total_seconds()) < 5


def test_micros_are_micros() -> None:
    assert abs(clock.micros() - time.time() * 1e6) < 5e6
    assert clock.micros() <= clock.micros()


def test_ids_are_random_and_canonical() -> None:
    ids = [clock.new_id() for _ in range(100)]
    assert len(set(ids)) == 100
    assert {uuid.UUID(each).version for each in ids} == {4}
    assert [str(uuid.UUID(each)) for each in ids] == ids


def test_marks_are_random() -> None:
    marks = [clock.new_mark() for _ in range(100)]
    assert len(set(marks)) == 100
    assert all(re.fullmatch(r"[0-9a-f]{32}", mark) for mark in marks)
