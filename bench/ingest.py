"""Ingest: Auricle, the service that document 004 prints, and the bare engine, one after the other in one run.

A phase sends for a while as fast as the service takes it, waits until every accepted event is in the engine, and
counts the rows. Its rate is `events / (seconds of sending + seconds of draining)`: durable and drained. Then the same
kind of request goes out at half of that rate by a timetable, which gives the latencies of half load.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

from bench import bare, load, rival
from bench.events import (
    Envelope,
    batch_bodies,
    ndjson_bodies,
    recent,
    rival_batch_bodies,
    rival_single_bodies,
    single_bodies,
)
from bench.process import Tree
from bench.record import Record
from bench.service import BATCH, EVENTS, folder, serving

CONNECTIONS = {"single": 32, "batch": 16, "ndjson": 4}
HALF_CONNECTIONS = 64
"""Half load has connections to spare, so that a stalled answer does not keep the next request from leaving."""
SETTLE = 5.0
"""Seconds of quiet before the memory of the idle service is read."""


@dataclass(frozen=True, slots=True)
class Phase:
    """What one way of sending came to."""

    target: str
    way: str
    full: load.Load
    drain_seconds: float
    counted: int
    """Rows that came to be there during the phase, counted afterwards."""
    cpu_us: float
    """Microseconds of processor an event, of every process of the target."""
    half: load.Load | None = None

    @property
    def drained_rate(self) -> float:
        """Events a second until the last one was in the engine."""
        return self.full.events / (self.full.seconds + self.drain_seconds)

    def as_json(self) -> dict[str, Any]:
        """The phase as it stands in the bench's files."""
        body = asdict(self)
        return {**body, "drained_rate": self.drained_rate}


@dataclass(frozen=True, slots=True)
class Target:
    """Something that takes events over HTTP."""

    name: str
    port: int
    headers: dict[str, str]
    tree: Tree
    count: Callable[[], int]
    drain: Callable[[], float]


Bodies = tuple[list[bytes], list[int], str, str]
"""Bodies, events in each, path, content type."""


def _auricle(way: str, events: Iterator[Envelope]) -> Bodies:
    if way == "single":
        bodies = single_bodies(events)
        return bodies, [1] * len(bodies), EVENTS, "application/json"
    if way == "batch":
        bodies = batch_bodies(events)
        return bodies, [100] * len(bodies), BATCH, "application/json"
    sized = ndjson_bodies(events)
    return [body for body, _ in sized], [count for _, count in sized], BATCH, "application/x-ndjson"


def _rival(way: str, events: Iterator[Envelope]) -> Bodies:
    bodies = rival_single_bodies(events) if way == "single" else rival_batch_bodies(events)
    return bodies, [1 if way == "single" else 100] * len(bodies), rival.PATH, "application/json"


PER_SECOND = {
    ("Auricle", "single"): 9_000,
    ("Auricle", "batch"): 70_000,
    ("Auricle", "ndjson"): 90_000,
    ("document 004", "single"): 1_500,
    ("document 004", "batch"): 12_000,
}
"""Events prepared for each second of sending; a target that takes more ends its phase earlier."""


def plan(target: Target, way: str, seed: int, seconds: float, rate: float | None = None) -> load.Plan:
    """Fresh events, encoded, for `seconds` of sending; at `rate` events a second, or as fast as they go."""
    per_second = PER_SECOND[target.name, way] if rate is None else rate
    # Whole batches only, so that the number of events in a request is known.
    count = max(100, int(per_second * seconds) // 100 * 100)
    make = _auricle if target.name == "Auricle" else _rival
    bodies, sizes, path, kind = make(way, recent(count, seed=seed))
    requests = [load.request(path, body, target.headers, kind) for body in bodies]
    if rate is None:
        return load.Plan("127.0.0.1", target.port, requests, CONNECTIONS[way], seconds, events=sizes)
    return load.Plan("127.0.0.1", target.port, requests, HALF_CONNECTIONS, seconds, rate / sizes[0], events=sizes)


def phase(target: Target, way: str, seed: int, seconds: float, record: Record) -> Phase:
    """Saturation, drained and counted; then half load for singles and batches."""
    record.say(f"{target.name}: {way}")
    load.run(plan(target, way, seed, 1.0))
    target.drain()
    before, cpu = target.count(), target.tree.cpu_seconds()
    full = load.run(plan(target, way, seed + 1, seconds))
    drained = target.drain()
    used, counted = target.tree.cpu_seconds() - cpu, target.count() - before
    found = Phase(target.name, way, full, drained, counted, used / max(full.events, 1) * 1e6)
    if way == "ndjson":
        return found
    half = load.run(plan(target, way, seed + 2, seconds, found.drained_rate / 2))
    target.drain()
    return Phase(found.target, way, full, drained, counted, found.cpu_us, half)


def run(seconds: float = 10.0, seed: int = 1) -> Record:
    """Everything, in one run."""
    record = Record(
        "ingest",
        f"generated events of the built-in catalogue, about 560 bytes each, {seconds:g} s a phase, 1 s of warming up; "
        f"sent by one process over {CONNECTIONS} connections, {HALF_CONNECTIONS} at half load",
    )
    record.open()
    phases: list[Phase] = []
    memory: dict[str, Any] = {}
    with folder() as data, serving(data) as service:
        tree = service.tree
        target = Target("Auricle", service.port, service.headers, tree, service.count, service.drain)
        time.sleep(SETTLE)
        memory["idle"] = {"resident": tree.resident_mb(), "proportional_mb": tree.memory_mb()}
        for index, way in enumerate(("single", "batch", "ndjson")):
            phases.append(phase(target, way, seed + 10 * index, seconds, record))
        memory["after"] = {"resident": tree.resident_mb(), "proportional_mb": tree.memory_mb()}
        record.facts["stats"] = service.stats()
    with rival.running() as other:
        record.facts["rival_postgresql"] = other.settings()
        tree = Tree(other.service.process.pid, other.database_pid)
        target = Target("document 004", other.port, other.headers, tree, other.count, lambda: 0.0)
        phases += [
            phase(target, way, seed + 100 + 10 * index, seconds, record)
            for index, way in enumerate(("single", "batch"))
        ]
    record.say("bare engine: raw decode and insert in one loop")
    loop = bare.run(batch_bodies(recent(int(40_000 * seconds), seed=seed + 11)))
    show(record, phases, loop, memory)
    record.facts |= {"phases": [found.as_json() for found in phases], "bare": asdict(loop), "memory": memory}
    record.save()
    return record


def show(record: Record, phases: list[Phase], loop: bare.Bare, memory: dict[str, Any]) -> None:
    """The tables of a run."""
    record.table(
        "As fast as it goes: durable (answered), drained (in the engine), counted after",
        (
            "target, way",
            "events",
            "durable/s",
            "drained/s",
            "rows counted",
            "exact",
            "p50 ms",
            "p95 ms",
            "p99 ms",
            "CPU µs/event",
        ),
        [
            *(
                (
                    f"{found.target}, {found.way}",
                    found.full.events,
                    found.full.rate,
                    found.drained_rate,
                    found.counted,
                    found.counted == found.full.events,
                    *_latency(found.full),
                    found.cpu_us,
                )
                for found in phases
            ),
            _bare_row(loop),
        ],
    )
    record.table(
        "At half of the drained rate, by timetable: latency from the moment a request was due",
        ("target, way", "events/s", "p50 ms", "p90 ms", "p95 ms", "p99 ms", "max ms", "not 2xx"),
        [
            (f"{found.target}, {found.way}", found.half.rate, *_all(found.half), found.half.sent - found.half.accepted)
            for found in phases
            if found.half
        ],
    )
    record.table(
        "Memory of Auricle, MB",
        ("when", "resident, sum of processes", "proportional", "processes"),
        [
            (when, sum(held["resident"].values()), held["proportional_mb"], str(held["resident"]))
            for when, held in memory.items()
        ],
    )
    verdicts(record, phases, loop, memory)
    for found in phases:
        for what in (found.full, found.half):
            if what and (what.first_refusal or what.unanswered):
                record.say(
                    f"{found.target}, {found.way}: {what.statuses}, {what.unanswered} unanswered: {what.first_refusal}"
                )


def _bare_row(loop: bare.Bare) -> tuple[Any, ...]:
    exact, cpu_us = loop.rows == loop.events, loop.cpu_seconds / loop.events * 1e6
    return "bare engine, one loop", loop.events, loop.rate, loop.rate, loop.rows, exact, None, None, None, cpu_us


def verdicts(record: Record, phases: list[Phase], loop: bare.Bare, memory: dict[str, Any]) -> None:
    """The figures that the mission asks of ingest, beside what was measured."""
    by = {(found.target, found.way): found for found in phases}
    ours, theirs = by["Auricle", "batch"], by["document 004", "batch"]
    alone, theirs_alone = by["Auricle", "single"], by["document 004", "single"]
    ratio, share = ours.drained_rate / theirs.drained_rate, ours.drained_rate / loop.rate
    idle = sum(memory["idle"]["resident"].values())
    rows: list[tuple[Any, ...]] = [
        ("batches of 100 against document 004", f"{ratio:.1f} ×", "≥ 10 ×", ratio >= 10),
        ("batches of 100 against decode + insert on the bare engine", f"{share:.2f}", "≥ 0.5", share >= 0.5),
        *(
            _wanted("p95 of singles at half load, ms", alone.half, 15),
            _wanted("p95 of batches at half load, ms", ours.half, 50),
        ),
        ("idle memory, MB", f"{idle:.0f}", "≤ 600", idle <= 600),
        ("every accepted event counted once", "", "exact", all(f.counted == f.full.events for f in phases)),
        ("singles against document 004", f"{alone.drained_rate / theirs_alone.drained_rate:.1f} ×", None, None),
        ("CPU of a batched event against document 004", f"{ours.cpu_us / theirs.cpu_us:.2f}", None, None),
    ]
    record.table("Against the mission", ("figure", "measured", "wanted", "reached"), rows)


def _wanted(name: str, half: load.Load | None, limit: float) -> tuple[str, float | None, str, bool]:
    p95 = half.latency.p95 if half and half.latency else None
    return name, p95, f"< {limit:g}", p95 is not None and p95 < limit


def _latency(found: load.Load) -> tuple[float | None, ...]:
    held = found.latency
    return (held.p50, held.p95, held.p99) if held else (None, None, None)


def _all(found: load.Load) -> tuple[float | None, ...]:
    held = found.latency
    return (held.p50, held.p90, held.p95, held.p99, held.max) if held else (None,) * 5
