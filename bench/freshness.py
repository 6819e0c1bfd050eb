"""Freshness: from the receipt of an event to the first report that counts it, idle and at half load.

A marker event bears a site of its own; a report on that site is asked every 10 ms until it counts one. The time ends
when that report's answer is here, so it includes the report itself.
"""

import random
import threading
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

from bench import load
from bench.events import batch_bodies, recent
from bench.record import Record
from bench.service import BATCH, EVENTS, Service, folder, serving

PAUSE = 0.01
LIMIT = 1.0


def run(markers: int = 40, seconds: float = 15.0) -> Record:
    """Markers into an idle service, then beside batches at half of what it took in a short saturation."""
    record = Record("freshness", f"{markers} marker events at random moments; half load: batches of 100 by timetable")
    record.open()
    rows: list[tuple[Any, ...]] = []
    with folder() as data, serving(data) as service:
        watch(service, 3, "warm")
        record.say("idle")
        rows.append(("idle", 0.0, *_seconds(watch(service, markers, "idle"))))
        rate = drained_rate(service)
        record.say(f"half load: {rate / 2:,.0f} events/s")
        bodies = batch_bodies(recent(int(rate / 2 * seconds) // 100 * 100, seed=51))
        requests = [load.request(BATCH, body, service.headers) for body in bodies]
        plan = load.Plan("127.0.0.1", service.port, requests, 64, seconds, rate / 200, [100] * len(requests))
        done: list[load.Load] = []
        sender = threading.Thread(target=lambda: done.append(load.run(plan)))
        sender.start()
        time.sleep(2.0)
        found: list[float] = []
        while sender.is_alive() and len(found) < markers:
            found += watch(service, 1, f"half-{len(found)}")
        sender.join()
        rows.append(("half load", done[0].rate, *_seconds(found)))
        record.facts["half_load"] = done[0].as_json()
    record.table(
        "From receipt to visible, seconds",
        ("load", "events/s", "markers", "p50", "p95", "max", "wanted p95", "reached"),
        [(*row, f"≤ {LIMIT:g}", row[4] <= LIMIT) for row in rows],
    )
    record.save()
    return record


def watch(service: Service, markers: int, name: str) -> list[float]:
    """Seconds from receipt to visible of each marker."""
    found = []
    for index in range(markers):
        time.sleep(random.random() * 0.4)
        site = f"marker-{name}-{index}"
        event = {**next(recent(1, seed=time.time_ns())), "site_id": site}
        status, answer = service.ask("POST", EVENTS, orjson.dumps(event))
        received = time.perf_counter()
        if status != 202:
            raise RuntimeError(f"marker: {status} {answer}")
        now = datetime.now(UTC)
        span = {"from": (now - timedelta(days=1)).isoformat(), "to": (now + timedelta(hours=1)).isoformat()}
        body = {**span, "metric": "events.count", "grain": "1h", "site_id": site}
        while not sum(point["value"] or 0 for point in service.report("timeseries", body)["points"]):
            if time.perf_counter() - received > 30:
                raise TimeoutError(f"{site} was not visible within 30 s")
            time.sleep(PAUSE)
        found.append(time.perf_counter() - received)
    return found


def drained_rate(service: Service, seconds: float = 5.0) -> float:
    """Events a second of batches of 100, drained."""
    bodies = batch_bodies(recent(int(70_000 * seconds), seed=50))
    requests = [load.request(BATCH, body, service.headers) for body in bodies]
    full = load.run(load.Plan("127.0.0.1", service.port, requests, 16, seconds, events=[100] * len(requests)))
    return full.events / (full.seconds + service.drain())


def _seconds(found: list[float]) -> tuple[int, float, float, float]:
    ranked = load.percentiles(found)
    if ranked is None:
        raise RuntimeError("no marker was sent")
    return len(found), ranked.p50 / 1000, ranked.p95 / 1000, ranked.max / 1000
