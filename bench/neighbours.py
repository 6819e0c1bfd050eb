"""Neighbours: what a tenant that floods does to the reports of another, and what hostile SQL does to ingest.

Reports: one tenant with all the rows asks heavy reports from many connections without a pause, each a question of its
own; another with few rows asks one after the other, alone and beside the flood.

Ingest: batches of 100 at half of what was just taken in a short saturation, with and without statements that are legal
and mean no good, of two tenants, as many at once as they may. Rounds alternate; the ratio is of the medians of the p95.
"""

import math
import statistics
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from bench import load, volume
from bench.events import batch_bodies, recent
from bench.freshness import drained_rate
from bench.record import Record
from bench.service import BATCH, REPORTS, Service, folder, make_key, serving

SQL = "/api/v1/analytics/sql"
OTHER = "neighbour"
FLOOD = 32
"""Connections of the tenant that floods."""
ALLOWED = 2.0
"""How many times its own p95 ingest may take beside hostile statements."""
HOSTILE = (
    "SELECT count() FROM events AS a CROSS JOIN events AS b CROSS JOIN events AS c WHERE a.user_id != b.session_id",
    "SELECT session_id, user_id, event_id, count() FROM events GROUP BY session_id, user_id, event_id ORDER BY 4",
    "SELECT countIf(match(toString(attributes), '(a|b|ab|[a-z]+)*(x+x+)+y')) FROM events",
    "SELECT quantileExact(0.5)(length(toString(attributes))), uniqExact(toString(attributes)) FROM events",
    "SELECT event_name, uniqExact(session_id), uniqExact(event_id) FROM events GROUP BY event_name ORDER BY 3",
)
"""Cross joins, huge groups, regular expressions, all of history. The first is heavy on few rows too."""


def run(rows: int = 1_000_000, seconds: float = 10.0, rounds: int = 3, at_once: int = 4) -> Record:
    """Both measurements, on `rows` events of the heavy tenant."""
    record = Record("neighbours", f"{rows:,} events of one tenant, {FLOOD} connections, {at_once} reports at once")
    record.open()
    with folder() as data:
        until = datetime.now(UTC) - timedelta(minutes=5)
        record.say(f"filled in {volume.fill(data, rows, until):.0f} s")
        other = make_key(data, tenant=OTHER)
        with serving(data, more={"AURICLE_REPORTS_AT_ONCE": str(at_once)}) as service:
            _send(service, other)
            record.table(
                "Reports of another tenant, milliseconds",
                ("beside", "asked", "p50", "p95", "the flood"),
                list(_reports(service, other, until, seconds)),
            )
            table = list(_ingest(record, service, other, seconds, rounds))
            record.table(
                "Ingest at half load, batches of 100, milliseconds",
                ("round", "alone p50", "alone p95", "beside p50", "beside p95", "ratio of p95", "statements"),
                table,
            )
            ratio = statistics.median(row[4] for row in table) / statistics.median(row[2] for row in table)
            record.table("Ratio of the medians", ("p95", "allowed", "reached"), [(ratio, ALLOWED, ratio < ALLOWED)])
    record.save()
    return record


def _send(service: Service, key: str) -> None:
    for body in batch_bodies(recent(2_000, seed=3)):
        status, answer = of(service, key).ask("POST", BATCH, body)
        if status != 202:
            raise RuntimeError(f"events: {status} {answer}")
    service.drain()


def of(service: Service, key: str) -> Service:
    """The service as another key sees it, over a connection of its own."""
    return Service(service.data, service.port, key, service.running)


def _reports(service: Service, key: str, until: datetime, seconds: float) -> Iterator[tuple[Any, ...]]:
    other = of(service, key)
    _light(other, 5)
    alone = _light(other, seconds)
    yield "alone", len(alone), statistics.median(alone), p95(alone), ""
    clients = [of(service, service.key) for _ in range(FLOOD)]
    with flooding(clients, lambda client, number: _heavy(client, number, until)) as told:
        time.sleep(1)
        beside = _light(other, seconds)
    yield "beside a flood", len(beside), statistics.median(beside), p95(beside), _summed(told)
    yield "ratio", None, statistics.median(beside) / statistics.median(alone), p95(beside) / p95(alone), ""


def _light(service: Service, seconds: float) -> list[float]:
    """Milliseconds of reports of a small tenant, each a question of its own, one after the other."""
    taken, deadline, number = [], time.monotonic() + seconds, time.time_ns() // 1_000
    while time.monotonic() < deadline:
        number += 1
        since = time.perf_counter()
        service.report("top", {"field": "event_name", "period": "24h", "filters": _never(number)})
        taken.append((time.perf_counter() - since) * 1000)
        time.sleep(0.02)
    return taken


def _heavy(client: Service, number: int, until: datetime) -> int:
    span = {"from": (until - timedelta(days=60)).isoformat(), "to": until.isoformat()}
    return client.ask("POST", f"{REPORTS}/top", {**span, "field": "session_id", "filters": _never(number)})[0]


def _never(number: int) -> list[dict[str, Any]]:
    """A filter that holds for all events, and makes a question that was never asked."""
    return [{"field": "nobody.has.this", "op": "neq", "value": number}]


@contextmanager
def flooding(clients: list[Service], ask: Callable[[Service, int], int]) -> Iterator[Counter[int]]:
    """Every client asks without a pause while the block lasts; gives the statuses, complete when it has ended."""
    told: Counter[int] = Counter()
    stopping = threading.Event()

    def work(client: Service, first: int) -> None:
        number = first
        while not stopping.is_set():
            number += len(clients)
            status = ask(client, number)
            told[status] += 1
            if status == 429:
                time.sleep(0.2)

    threads = [threading.Thread(target=work, args=(client, place)) for place, client in enumerate(clients)]
    for thread in threads:
        thread.start()
    try:
        yield told
    finally:
        stopping.set()
        for thread in threads:
            thread.join()


def _ingest(record: Record, service: Service, other: str, seconds: float, rounds: int) -> Iterator[tuple[Any, ...]]:
    rate = drained_rate(service)
    record.say(f"half load: {rate / 2:,.0f} events/s")
    # Two at once is what a tenant may, three what all may together.
    clients = [of(service, key) for key in (service.key, other) for _ in range(2)]
    for number in range(rounds):
        alone = _load(service, rate / 2, seconds, 100 + number)
        with flooding(clients, _hostile) as told:
            time.sleep(1)
            beside = _load(service, rate / 2, seconds, 200 + number)
        ratio = beside.p95 / alone.p95
        yield number + 1, alone.p50, alone.p95, beside.p50, beside.p95, ratio, _summed(told)


def _hostile(client: Service, number: int) -> int:
    return client.ask("POST", SQL, {"query": HOSTILE[number % len(HOSTILE)]})[0]


def _load(service: Service, rate: float, seconds: float, seed: int) -> load.Percentiles:
    bodies = batch_bodies(recent(int(rate * seconds) // 100 * 100, seed=seed))
    requests = [load.request(BATCH, body, service.headers) for body in bodies]
    done = load.run(load.Plan("127.0.0.1", service.port, requests, 64, seconds, rate / 100, [100] * len(requests)))
    service.drain()
    if done.latency is None or done.accepted < done.sent:
        raise RuntimeError(f"ingest: {done.as_json()}")
    return done.latency


def _summed(told: Counter[int]) -> str:
    return " ".join(f"{status}: {count}" for status, count in sorted(told.items()))


def p95(values: list[float]) -> float:
    """The 95th percentile, by rank."""
    return sorted(values)[max(0, math.ceil(0.95 * len(values)) - 1)]
