"""Checks: what sanitising and validating cost, on and off in one run.

The same service runs four times side by side: as it is, without sanitising, without the schemas of events (the
envelope is checked always), and without either. They take turns under the same load, so that a slow moment of the
machine is felt by all. Then the steps are timed alone, in this process.
"""

import gc
import time
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from statistics import median
from typing import Any

import orjson

from auricle.intake.door import Door
from auricle.intake.row import body_of, fingerprint_of, line_of
from auricle.intake.schemas import Registry
from auricle.intake.steps import run as run_steps
from auricle.model.event import Event
from bench import load
from bench.events import Envelope, batch_bodies, recent
from bench.ingest import Target, plan
from bench.process import python
from bench.record import Record
from bench.service import COMMAND, folder, serving

UNCHECKED = python("bench.unchecked")
VARIANTS: dict[str, tuple[list[str], dict[str, str]]] = {
    "sanitising and schemas": ([str(COMMAND)], {}),
    "schemas alone": ([str(COMMAND)], {"AURICLE_SANITISE": "off"}),
    "sanitising alone": (UNCHECKED, {}),
    "neither": (UNCHECKED, {"AURICLE_SANITISE": "off"}),
}
MOST_LOST = 0.15
"""The share of the rate that both together may cost."""
EVENTS = 10_000
REPEATS = 7
BROWSERS = "https://shop.example.com"


def run(seconds: float = 4.0, rounds: int = 5, seed: int = 1) -> Record:
    """Everything, in one run."""
    record = Record(
        "checks",
        f"batches of 100 generated events, {rounds} rounds of {seconds:g} s for each service in turn",
    )
    record.open()
    show_steps(record, seed)
    rates: dict[str, list[float]] = {name: [] for name in VARIANTS}
    costs: dict[str, list[float]] = {name: [] for name in VARIANTS}
    exact = True
    with ExitStack() as stack:
        targets = []
        for name, (command, more) in VARIANTS.items():
            service = stack.enter_context(serving(stack.enter_context(folder()), command=command, more=more))
            targets.append(
                (name, Target("Auricle", service.port, service.headers, service.tree, service.count, service.drain))
            )
        for _, target in targets:
            load.run(plan(target, "batch", seed, 1.0))
            target.drain()
        for index in range(rounds):
            for name, target in targets[index % 4 :] + targets[: index % 4]:
                before, cpu = target.count(), target.tree.cpu_seconds()
                found = load.run(plan(target, "batch", seed + 1 + index, seconds))
                rates[name].append(found.events / (found.seconds + target.drain()))
                costs[name].append((target.tree.cpu_seconds() - cpu) / max(found.events, 1) * 1e6)
                exact = exact and target.count() - before == found.events
            record.say(f"round {index + 1} of {rounds}")
    show(record, rates, costs, exact)
    record.facts |= {"rates": rates, "cpu_us": costs}
    record.save()
    return record


def show(record: Record, rates: dict[str, list[float]], costs: dict[str, list[float]], exact: bool) -> None:
    """The table of the services, and the verdict."""
    bare, cheap = rates["neither"], median(costs["neither"])
    record.table(
        "Batches of 100, drained",
        ("service", "events/s", "of `neither`, round by round", "CPU µs/event", "of `neither`"),
        [
            (name, median(rates[name]), share(rates[name], bare), median(costs[name]), median(costs[name]) / cheap)
            for name in VARIANTS
        ],
    )
    lost = 1 - share(rates["sanitising and schemas"], bare)
    record.table(
        "Against the mission",
        ("figure", "measured", "wanted", "reached"),
        [
            ("rate lost to sanitising and validating", f"{lost:.1%}", f"≤ {MOST_LOST:.0%}", lost <= MOST_LOST),
            ("every accepted event counted once", "", "exact", exact),
        ],
    )


def share(rates: list[float], others: list[float]) -> float:
    """The median over the rounds of one rate by the other of the same round."""
    return median(one / other for one, other in zip(rates, others, strict=True))


def show_steps(record: Record, seed: int) -> None:
    """The table of what each step costs alone, for events as they come and for those of pages that send whole URLs."""
    plain = batch_bodies(recent(EVENTS, seed=seed))
    urls = batch_bodies(with_urls(recent(EVENTS, seed=seed)))
    full = Registry.load()
    bare = Registry({}, {}, full.unknown)
    columns = [
        steps_of(plain, full, sanitise=True),
        steps_of(urls, full, sanitise=True),
        steps_of(plain, full, sanitise=False),
        steps_of(plain, bare, sanitise=False),
    ]
    record.table(
        f"One interpreter alone, µs an event in batches of 100, least of {REPEATS}",
        ("step", "both", "both, pages with URLs", "schemas alone", "neither"),
        [(step, *(column[step] for column in columns)) for step in columns[0]],
    )


def with_urls(events: Iterable[Envelope]) -> Iterable[Envelope]:
    """The events with their pages as browsers send them: with scheme, host and query."""
    for event in events:
        page = event["context"].get("page")
        if page and not page["url"].startswith(BROWSERS):
            page = {**page, "url": f"{BROWSERS}{page['url']}?utm_source=mail", "referrer": BROWSERS + page["referrer"]}
            event["context"] = {**event["context"], "page": page}
        yield event


def steps_of(bodies: list[bytes], registry: Registry, *, sanitise: bool) -> dict[str, float]:
    """Microseconds an event of each step, and of all from bytes to the lines of the journal."""
    # NOTE: as the service sets its interpreter up; at the default, collections would be most of it.
    threshold = gc.get_threshold()
    gc.set_threshold(50_000, 50, 100)
    least: list[dict[str, float]] = [{} for _ in bodies]
    for _ in range(REPEATS):
        for body, best in zip(bodies, least, strict=True):
            for step, seconds in _once(body, registry, sanitise).items():
                best[step] = min(seconds, best.get(step, seconds))
    gc.set_threshold(*threshold)
    return {step: sum(best[step] for best in least) / len(bodies) / 100 * 1e6 for step in least[0]}


def _once(body: bytes, registry: Registry, sanitise: bool) -> dict[str, float]:
    timings: dict[str, float] = {}
    started = time.perf_counter()
    raws: list[Any] = orjson.loads(body)["events"]
    door = Door(registry, "bench", 1, _no_id, longest=len(body), sanitise=sanitise, max_event_bytes=len(body))
    for verdict in run_steps(raws, door, timings):
        if not isinstance(verdict, Event):
            raise ValueError(f"an event of the bench was refused: {verdict.reason}")
        line = body_of(verdict)
        fingerprint_of(line, verdict.occurred_at)
        line_of(line, verdict.occurred_at, 1)
    return {**timings, "from bytes to lines": time.perf_counter() - started}


_no_id: Callable[[], str] = str
