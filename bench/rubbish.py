"""Rubbish: a client that sends nothing but refused events, ever new ones; what it costs, and how much of it stays.

First keeping is timed alone, in this process; then the service takes bodies of refused events while another connection
asks for its statistics.
"""

import asyncio
import http.client
import tempfile
import time
import uuid
from pathlib import Path
from threading import Event as Flag
from threading import Thread
from typing import Any

import orjson

from auricle.intake.door import Door
from auricle.intake.inbox import Inbox, Refused
from auricle.intake.schemas import Registry
from auricle.intake.steps import run as run_steps
from auricle.model.event import Event
from auricle.settings import Settings
from auricle.store.database import open_database
from auricle.store.inbox import InboxStore
from bench.record import Record
from bench.service import BATCH, Service, folder, make_key, serving

LINES = 40_000
"""Events of one body."""
NAMES = 500
REPEATS = 200
ROOMS = {"kept": (10**6, 10**9), "no room, a note": (0, 10**9), "no room, no note": (0, 0)}
"""Events with their body, and notes, that the inbox may hold."""


def run(bodies: int = 20) -> Record:
    """Everything, in one run."""
    record = Record("rubbish", f"{bodies} bodies of {LINES:,} refused events, {NAMES} new event names in each")
    record.open()
    record.table("One interpreter alone, batches of 100", ("of a refused event", "µs"), show_keeping())
    with folder() as data, serving(data) as service:
        show_service(record, service, bodies)
    record.save()
    return record


def show_keeping() -> list[tuple[str, float]]:
    """Microseconds that refusing takes, and then keeping, in each case."""
    registry = Registry.load()
    door = Door(registry, "bench", time.time_ns() // 1_000, str)
    batches = []
    started = time.perf_counter()
    for _ in range(REPEATS):
        raws = [wrong("kb.hit") for _ in range(100)]
        pairs = enumerate(zip(raws, run_steps(raws, door), strict=True))
        batches.append([Refused(n, raw, told) for n, (raw, told) in pairs if not isinstance(told, Event)])
    rows = [("refusing it", (time.perf_counter() - started) / REPEATS * 1e4)]
    with tempfile.TemporaryDirectory() as path:
        store = InboxStore(open_database(Settings(data=Path(path))))  # type: ignore[call-arg]
        for case, (events, notes) in ROOMS.items():
            seconds = asyncio.run(_keep(Inbox(store, events, 10**9, notes), door, batches))
            rows.append((case, seconds / REPEATS * 1e4))
    return rows


async def _keep(inbox: Inbox, door: Door, batches: list[list[Refused]]) -> float:
    await inbox.keep(door, [])
    started = time.perf_counter()
    for refused in batches:
        await inbox.keep(door, refused)
    return time.perf_counter() - started


def wrong(name: str, **more: Any) -> dict[str, Any]:
    """An event that breaks its schema, or has none and another fault."""
    told = {"event_id": str(uuid.uuid4()), "event_name": name, "occurred_at": "2026-01-01T00:00:00Z", "source": "web"}
    return told | {"user_id": "u-1", "attributes": {"kb.rank": 1, "kb.query": "where is my order"}} | more


def show_service(record: Record, service: Service, bodies: int) -> None:
    """Sends the bodies, and tells what is left of them on the disk."""
    before, slowest, done = _size(service.data), [0.0], Flag()
    other = Service(service.data, service.port, make_key(service.data), service.running)
    asking = Thread(target=_ask, args=(other, slowest, done))
    asking.start()
    started = time.perf_counter()
    for number in range(bodies):
        lines = b"\n".join(orjson.dumps(wrong(f"n{number}.x{each % NAMES}", source="x")) for each in range(LINES))
        headers = {**service.headers, "Content-Type": "application/x-ndjson"}
        status = _send(service, lines, headers)
        if status != 422:
            raise RuntimeError(f"rubbish was answered by {status}")
    seconds = time.perf_counter() - started
    done.set()
    asking.join()
    stats = service.stats()
    record.table(
        "The service",
        ("figure", "measured"),
        [
            ("events refused", stats["events"]["rejected"]),
            ("events refused a second, with making them", stats["events"]["rejected"] / seconds),
            ("of them kept for replay", stats["events"]["rejected"] - stats["unkept"]),
            ("MB that the database grew by", (_size(service.data) - before) / 1e6),
            ("ms of the slowest question of another connection", slowest[0] * 1e3),
        ],
    )


def _send(service: Service, body: bytes, headers: dict[str, str]) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", service.port, timeout=60)
    connection.request("POST", BATCH, body, headers)
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return answer.status


def _ask(service: Service, slowest: list[float], done: Flag) -> None:
    while not done.wait(0.05):
        started = time.perf_counter()
        service.stats()
        slowest[0] = max(slowest[0], time.perf_counter() - started)


def _size(data: Path) -> int:
    return sum(file.stat().st_size for file in data.glob("control.db*"))
