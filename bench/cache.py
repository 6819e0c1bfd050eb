"""The cache of reports: the same questions read from the events, given from the cache, and answered 304.

A miss moves the fixed range by a second, so it is read anew and kept; a hit repeats the last range. The look-up of the
revision is in all of them. Joined: many clients ask one new question at the same moment.
"""

import http.client
import math
import statistics
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import orjson

from bench import volume
from bench.record import Record
from bench.service import REPORTS, Service, folder, serving

QUESTIONS: dict[str, tuple[str, dict[str, str]]] = {
    "timeseries events.count by 5m": ("timeseries", {"metric": "events.count", "grain": "5m"}),
    "timeseries voice.first_response_ms.p95": (
        "timeseries",
        {"metric": "voice.first_response_ms.p95", "grain": "1h"},
    ),
    "active": ("active", {}),
    "top url.path": ("top", {"field": "url.path"}),
    "interactions": ("interactions", {}),
}
DAYS = 7
CROWD = 20


def run(rows: int = 1_000_000, repeats: int = 100) -> Record:
    """Every question `repeats` times each way, on `rows` events."""
    record = Record("cache", f"{rows:,} events of {volume.DAYS} days, reports over {DAYS} days")
    record.open()
    with folder() as data:
        until = datetime.now(UTC) - timedelta(minutes=5)
        record.say(f"filled in {volume.fill(data, rows, until):.0f} s")
        table, joined = _measure(data, until, repeats)
    columns = ("report", "bytes", *(f"{way} {share}" for way in ("miss", "hit", "304") for share in ("p50", "p95")))
    record.table("Milliseconds, asked one after the other", columns, table)
    record.table(
        f"{CROWD} clients ask one new question at the same moment, milliseconds",
        ("report", "one alone", "the last of all", "rows read", "of one alone"),
        joined,
    )
    record.save()
    return record


def _measure(data: Path, until: datetime, repeats: int) -> tuple[list[tuple[Any, ...]], list[tuple[Any, ...]]]:
    table, joined = [], []
    with serving(data) as service:
        for name, (report, asked) in QUESTIONS.items():
            client = Client(service)
            client.ask(_path(report, asked, until, 0))
            missed = [client.ask(_path(report, asked, until, number)) for number in range(1, repeats + 1)]
            path = _path(report, asked, until, repeats + 1)
            size, tag = len(client.body), client.ask(path) and client.tag
            hits = [client.ask(path) for _ in range(repeats)]
            same = [client.ask(path, tag) for _ in range(repeats)]
            cells = (cell for taken in (missed, hits, same) for cell in (statistics.median(taken), p95(taken)))
            table.append((name, size, *cells))
            joined.append((name, *_crowd(service, [_path(report, asked, until, repeats + n) for n in (2, 3)])))
    return table, joined


class Client:
    """One connection to the service."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._connection = http.client.HTTPConnection("127.0.0.1", service.port, timeout=60)
        self.body = b""
        self.tag = ""

    def ask(self, path: str, tag: str | None = None) -> float:
        """Milliseconds until the whole answer is here."""
        headers = {**self._service.headers, **({"If-None-Match": tag} if tag else {})}
        since = time.perf_counter()
        self._connection.request("GET", path, headers=headers)
        answer = self._connection.getresponse()
        body = answer.read()
        taken = (time.perf_counter() - since) * 1000
        if answer.status != (304 if tag else 200):
            raise RuntimeError(f"{path}: {answer.status} {body[:300]!r}")
        self.body, self.tag = body or self.body, answer.headers["ETag"]
        return taken


def _crowd(service: Service, paths: list[str]) -> tuple[float, float, int, int]:
    """What one alone takes, what the last of a crowd takes, and how many rows were read for all, and for one."""
    alone = Client(service)
    single = alone.ask(paths[0])
    of_one = orjson.loads(alone.body)["meta"]["rows_read"]
    clients = [Client(service) for _ in range(CROWD)]
    ready, taken = threading.Barrier(CROWD), [0.0] * CROWD

    def ask(number: int) -> None:
        ready.wait()
        taken[number] = clients[number].ask(paths[1])

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(CROWD)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    # A reading has its own moment in `as_of`: answers with the same one are of the same reading.
    metas = {client.body: orjson.loads(client.body)["meta"] for client in clients}
    readings = {meta["as_of"]: meta["rows_read"] for meta in metas.values()}
    return single, max(taken), sum(readings.values()), of_one


def _path(report: str, asked: dict[str, str], until: datetime, number: int) -> str:
    end = until - timedelta(seconds=number)
    start = end - timedelta(days=DAYS)
    span = {"from": start.strftime("%Y-%m-%dT%H:%M:%SZ"), "to": end.strftime("%Y-%m-%dT%H:%M:%SZ")}
    return f"{REPORTS}/{report}?{urlencode({**asked, **span})}"


def p95(values: list[float]) -> float:
    """The 95th percentile, by rank."""
    return sorted(values)[max(0, math.ceil(0.95 * len(values)) - 1)]
