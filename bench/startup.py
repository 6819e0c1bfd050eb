"""Start-up: from the start of the process to the first durable answer, and what it holds in memory when idle."""

import statistics
import time
from pathlib import Path
from typing import Any

import orjson

from bench.events import recent
from bench.record import Record
from bench.service import EVENTS, folder, launch, make_key

SETTLE = 10.0
"""Seconds of quiet before the memory of an idle service is read."""


def run(rounds: int = 5) -> Record:
    """A first start on an empty folder, then starts on the folder it left."""
    record = Record("startup", "one event sent again and again until it is accepted")
    record.open()
    rows: list[tuple[Any, ...]] = []
    with folder() as data:
        key = make_key(data)
        for index in range(rounds):
            settle = SETTLE if index in (0, rounds - 1) else 0.0
            rows.append((("first start" if index == 0 else f"start {index + 1}"), *once(data, key, index, settle)))
    record.table(
        "From the start of the process, seconds; idle memory, MB",
        ("start", "first 202", "/readyz 200", "in a report", "resident", "proportional", "stop, s"),
        rows,
    )
    worst, idle = max(row[1] for row in rows), max(row[4] for row in rows if row[4] is not None)
    record.table(
        "Against the mission",
        ("figure", "measured", "wanted", "reached"),
        [
            ("start to first durable answer, worst, s", worst, "≤ 5", worst <= 5),
            ("the same, median, s", statistics.median(row[1] for row in rows), None, None),
            ("idle memory of the whole process, MB", idle, "≤ 600", idle <= 600),
        ],
    )
    record.save()
    return record


def once(data: Path, key: str, seed: int, settle: float) -> tuple[float | None, ...]:
    """Seconds to the first 202, to ready, to seen in a report; resident and proportional MB; seconds to stop."""
    body = orjson.dumps(next(recent(1, seed=1_000_000 + seed)))
    started = time.perf_counter()
    service = launch(data, key)
    with service.running as running:
        running.wait_until(lambda: service.ask("POST", EVENTS, body)[0] in (200, 202), 60, 0.01)
        accepted = time.perf_counter() - started
        running.wait_until(lambda: service.ask("GET", "/readyz")[0] == 200, 60, 0.01)
        ready = time.perf_counter() - started
        running.wait_until(lambda: service.count() > seed, 60, 0.01)
        seen = time.perf_counter() - started
        resident = proportional = None
        if settle:
            time.sleep(settle)
            resident, proportional = sum(service.tree.resident_mb().values()), service.tree.memory_mb()
        return accepted, ready, seen, resident, proportional, running.stop()
