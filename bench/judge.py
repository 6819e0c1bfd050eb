"""The judge: 10,000 interactions queued and judged by `rules`, and what that does to ingest beside it.

The same batches go in by the same timetable twice: beside nothing, and while the judge works. The time of the judge
begins when the first interaction may join the queue and ends when the last has left it.
"""

import threading
import time
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from bench import load
from bench.events import batch_bodies, recent
from bench.record import Record
from bench.service import BATCH, Service, folder, serving

RUN, STATUS = "/api/v1/analytics/evaluations/run", "/api/v1/analytics/evaluations"
LIMIT, SLOWER = 60.0, 1.5
ON = {"AURICLE_JUDGE": "rules", "AURICLE_EVALUATION_INTERVAL": "86400"}
"""It works when it is told to."""


def run(interactions: int = 10_000, rate: int = 5_000, seconds: float = 15.0) -> Record:
    """Ingest at `rate` events a second for these seconds, alone and beside the judge."""
    record = Record("judge", f"{interactions:,} interactions by rules, beside {rate:,} events/s in batches of 100")
    record.open()
    with folder() as data, serving(data, more=ON) as service:
        service.ask("POST", RUN)  # from here on outcomes join
        for body in batch_bodies(voice(interactions)):
            if service.ask("POST", BATCH, body)[0] != 202:
                raise RuntimeError("the interactions were not taken")
        service.drain()
        record.say("ingest alone")
        alone = ingest(service, rate, seconds, 1)
        record.say("ingest beside the judge")
        took: list[float] = []
        judge = threading.Thread(target=lambda: took.append(judged(service, interactions)))
        judge.start()
        beside = ingest(service, rate, seconds, 2)
        judge.join()
    if not took or alone.latency is None or beside.latency is None:
        raise RuntimeError("the judge did not come to an end")
    ratio = beside.latency.p95 / alone.latency.p95
    record.table(
        "Judged by rules",
        ("interactions", "seconds", "a second", "wanted", "reached"),
        [(interactions, took[0], interactions / took[0], f"< {LIMIT:g} s", took[0] < LIMIT)],
    )
    record.table(
        "Ingest, batches of 100, milliseconds",
        ("beside", "events/s", "p50", "p95", "max", "p95 to alone", "wanted", "reached"),
        [
            ("nothing", alone.rate, alone.latency.p50, alone.latency.p95, alone.latency.max, 1.0, "", True),
            (
                "the judge",
                beside.rate,
                beside.latency.p50,
                beside.latency.p95,
                beside.latency.max,
                ratio,
                f"≤ {SLOWER:g} ×",
                ratio <= SLOWER,
            ),
        ],
    )
    record.save()
    return record


def ingest(service: Service, rate: int, seconds: float, seed: int) -> load.Load:
    """Batches by timetable; without voice, so that what the judge has to do is fixed."""
    events = (one for one in recent(int(rate * seconds * 2), seed=seed) if not one["event_name"].startswith("voice."))
    bodies = batch_bodies(events)[: int(rate * seconds) // 100]
    requests = [load.request(BATCH, body, service.headers) for body in bodies]
    return load.run(load.Plan("127.0.0.1", service.port, requests, 32, seconds, rate / 100, [100] * len(requests)))


def judged(service: Service, interactions: int) -> float:
    """Seconds until all have left the queue, by a connection of its own."""
    other = Service(service.data, service.port, service.key, service.running)
    began = time.perf_counter()
    while other.ask("GET", STATUS)[1]["scored"] < interactions:
        status, answer = other.ask("POST", RUN)
        if status != 200:
            raise RuntimeError(f"run: {status} {answer}")
    return time.perf_counter() - began


def voice(interactions: int) -> Iterator[dict[str, Any]]:
    """Queries with their outcomes and tool calls, five turns a session, over the last hour."""
    start = datetime.now(UTC) - timedelta(hours=1)
    for number in range(interactions):
        at = start + timedelta(seconds=number * 3_500 / interactions)
        session = f"session-{number // 5}"
        query = {
            "voice.query_id": f"query-{number}",
            "voice.query_text": f"where do I find item {number % 97} in shop {number % 13}",
            "voice.query_source": "voice",
        }
        outcome = {
            "voice.query_id": f"query-{number}",
            "voice.answer_text": f"Item {number % 97} is in aisle {number % 20}." if number % 9 else "",
            "voice.latency_ms": 300 + number % 4_000,
            "voice.tools_used": ["find_item"],
        }
        call = {"gen_ai.tool.name": "find_item", "ai.tool.duration_ms": 40, "ai.tool.success": number % 11 > 0}
        for after, name, attributes in (
            (0.0, "voice.query", query),
            (0.2, "ai.tool_call_completed", call),
            (0.5, "voice.outcome", outcome),
        ):
            yield {
                "event_id": str(uuid.uuid5(uuid.NAMESPACE_OID, f"{number}-{name}")),
                "event_name": name,
                "occurred_at": (at + timedelta(seconds=after)).isoformat(),
                "session_id": session,
                "source": "voice",
                "attributes": attributes,
            }
