"""Retention: what ingest feels of a sweep, and what a sweep takes of time and disk.

A folder holds a history of which two thirds are over 90 days. Batches go in by a timetable, once while the service
keeps everything, and once, started anew, while it archives and deletes. The load is far below saturation, for the
question is what a sweep adds.
"""

import threading
import time
from datetime import UTC, datetime, timedelta
from typing import Any

from bench import load, volume
from bench.events import batch_bodies, recent
from bench.record import Record
from bench.service import BATCH, Service, folder, serving

DAYS = 90
HISTORY_ENDED = timedelta(days=60)
PATH = "/api/v1/analytics/admin/retention"


def run(rows: int = 3_000_000, rate: int = 2_000, seconds: float = 20.0) -> Record:
    """`rows` of history; batches of 100, `rate` events a second, for `seconds` or until the last sweep is done."""
    record = Record("retention", f"{rows:,} events of 150 to 60 days ago; {rate:,} events/s in batches of 100")
    record.open()
    with folder() as data:
        record.say(f"filled in {volume.fill(data, rows, datetime.now(UTC) - HISTORY_ENDED):.0f} s")
        with serving(data, more={"AURICLE_EVENT_RETENTION_DAYS": "0"}) as service:
            _load(service, rate, 3.0, 60)
            before = _load(service, rate, seconds, 61)
            memory = service.tree.memory_mb()
        archive = data / "archive"
        more = {"AURICLE_EVENT_RETENTION_DAYS": str(DAYS), "AURICLE_ARCHIVE_DIR": str(archive)}
        with serving(data, more=more) as service:
            began, swept, peak = time.perf_counter(), threading.Event(), [0.0]

            def watch() -> None:
                while not swept.is_set():
                    peak[0] = max(peak[0], service.tree.memory_mb())
                    status, told = service.ask("GET", PATH)
                    if status == 200 and told["up_to_date"]:
                        swept.set()
                    time.sleep(0.25)

            watching = threading.Thread(target=watch)
            watching.start()
            during = [_load(service, rate, seconds, 62)]
            while not swept.is_set():
                during.append(_load(service, rate, seconds, 63 + len(during)))
            watching.join()
            took = time.perf_counter() - began
            gone = service.stats()["expired"]
        record.table(
            "Batches of 100 by timetable, milliseconds",
            ("while", "sent", "p50", "p95", "p99", "max", "memory MB"),
            [_row("nothing goes", [before], memory), _row("sweeps go", during, peak[0])],
        )
        files = [path for path in archive.rglob("*") if path.is_file()]
        size = sum(path.stat().st_size for path in files)
        record.table(
            "The sweeps",
            ("events gone", "seconds, rests included", "files", "archive bytes an event"),
            [(gone, took, len(files), size / max(1, gone))],
        )
    record.save()
    return record


def _load(service: Service, rate: int, seconds: float, seed: int) -> load.Load:
    bodies = batch_bodies(recent(int(rate * seconds) // 100 * 100, seed=seed))
    requests = [load.request(BATCH, body, service.headers) for body in bodies]
    return load.run(load.Plan("127.0.0.1", service.port, requests, 64, seconds, rate / 100, [100] * len(requests)))


def _row(name: str, loads: list[load.Load], memory: float) -> tuple[Any, ...]:
    """The worst of several stretches, for each figure."""
    told = [one.latency for one in loads if one.latency is not None]
    worst = [max(getattr(one, share) for one in told) for share in ("p50", "p95", "p99", "max")]
    return (name, sum(one.sent for one in loads), *worst, memory)
