"""The Python client: what a call of `track` takes, at a steady pace and in a rush, and whether all events arrive.

The service is a process of its own; the client's thread sends while calls are timed, in the same interpreter.
"""

import tempfile
import time
from pathlib import Path
from typing import Any

from auricle.client import Client
from bench import load
from bench.record import Record
from bench.service import Service, folder, serving

LIMIT_MICROS = 50.0
RUSH = 20_000
"""Calls one right after the other."""


def run(seconds: float = 10.0, rate: int = 1_000) -> Record:
    """Every case, in one run."""
    record = Record("client", f"{rate:,} calls a second for {seconds:g} s, and {RUSH:,} at once, of 6 attributes")
    record.open()
    rows: list[tuple[Any, ...]] = []
    with folder() as data, serving(data) as service:
        for kind in ("memory", "outbox"):
            rows.append((kind, f"{rate:,}/s", *_timed(service, kind, int(seconds * rate), 1 / rate)))
            record.say(f"{kind}, steady: done")
            rows.append((kind, "a rush", *_timed(service, kind, RUSH, 0.0)))
    record.table(
        "A call of track, microseconds",
        ("events wait in", "pace", "calls", "p50", "p95", "p99", "lost", "wanted p95", "reached"),
        [(*row, f"< {LIMIT_MICROS:g}", row[4] < LIMIT_MICROS and row[6] == 0) for row in rows],
    )
    record.save()
    return record


def _timed(service: Service, kind: str, calls: int, pause: float) -> tuple[Any, ...]:
    """Calls, their percentiles in microseconds, and how many events did not arrive."""
    before = service.stats()["events"]["stored"]
    with tempfile.TemporaryDirectory() as box:
        outbox = Path(box) if kind == "outbox" else None
        client = Client(service.url, service.key, outbox=outbox, max_events=2 * RUSH, sigterm=False)
        taken = []
        started = time.perf_counter()
        for number in range(calls):
            if pause and (early := started + number * pause - time.perf_counter()) > 0:
                time.sleep(early)
            began = time.perf_counter()
            client.track(
                "voice.first_response",
                {"voice.session_id": "s-1", "voice.first_response_ms": 412, "n": number, "a": "b", "c": 1.5, "d": True},
                user_id="u-17",
                session_id="s-1",
            )
            taken.append(time.perf_counter() - began)
        client.close(60)
    service.drain()
    ranked = load.percentiles(taken)
    if ranked is None:
        raise RuntimeError("no call was made")
    lost = calls - (service.stats()["events"]["stored"] - before)
    return calls, ranked.p50 * 1000, ranked.p95 * 1000, ranked.p99 * 1000, lost
