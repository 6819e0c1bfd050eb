"""A data folder filled with millions of generated events, past the door: straight into the engine's table.

Run by the bench as a child, because the engine allows one process a folder and keeps its memory. The same child times
queries on the bare engine while the service is stopped.
"""

import argparse
import json
import statistics
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from bench.engine import Engine, blocks, events_ddl
from bench.events import compact_row, recent
from bench.process import ROOT, python

DAYS = 90
COPIES = 20
"""The generated events cover 4.5 days; each copy lies that much earlier, with other sessions and mostly other users."""
COLUMNS = (
    "tenant_id, event_id, event_name, occurred_at, received_at, site_id, session_id, user_id, source, schema_id, "
    "attributes, context"
)


def fill(data: Path, rows: int, until: datetime) -> float:
    """Makes about `rows` events of the 90 days before `until` in the folder's engine; gives the seconds it took."""
    started = time.perf_counter()
    _child("fill", str(data), str(rows), until.isoformat())
    return time.perf_counter() - started


def time_queries(data: Path, queries: dict[str, list[str]]) -> dict[str, list[float]]:
    """Milliseconds of every variant of every query on the bare engine, service stopped."""
    source = data / "bench-queries.json"
    source.write_text(json.dumps(queries))
    return dict(_child("time", str(data), str(source)))


def _child(*arguments: str) -> Any:
    done = subprocess.run(python("bench.volume", *arguments), cwd=ROOT, capture_output=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr.decode(errors="replace")[-3000:])
    return json.loads(done.stdout)


def _fill(data: Path, rows: int, until: datetime) -> dict[str, int]:
    engine = Engine(data / "engine")
    engine.run(events_ddl())
    engine.run("CREATE TABLE base AS events ENGINE = Memory")
    base = recent(max(1, rows // COPIES), seed=7, now=until, hours=24 * DAYS / COPIES)
    for block in blocks((compact_row(event) for event in base), 50_000):
        engine.insert("base", block)
    engine.run("SET max_insert_threads = 2, max_partitions_per_insert_block = 0")
    for copy in range(COPIES):
        back = f"INTERVAL {int(copy * DAYS / COPIES * 86_400)} SECOND"
        chosen = (
            COLUMNS.replace("event_id", "generateUUIDv4()")
            .replace("occurred_at", f"occurred_at - {back}")
            .replace("received_at", f"received_at - {back}")
            .replace("session_id", f"concat(session_id, '-{copy}')")
            .replace("user_id", f"if(user_id = '', '', concat(user_id, '-{copy % 5}'))")
        )
        engine.run(f"SET insert_deduplication_token = 'copy-{copy}'")
        engine.run(f"INSERT INTO events ({COLUMNS}) SELECT {chosen} FROM base")
    engine.run("DROP TABLE base SYNC")
    _settle(engine)
    made = {
        "rows": engine.value("SELECT toInt64(count()) FROM events"),
        "parts": engine.value("SELECT toInt64(count()) FROM system.parts WHERE active AND table = 'events'"),
    }
    engine.close()
    return made


def _settle(engine: Engine, seconds: float = 120.0) -> None:
    """Waits until the engine has stopped merging by itself, as a table at rest has."""
    deadline, quiet = time.monotonic() + seconds, 0
    while quiet < 4 and time.monotonic() < deadline:
        quiet = quiet + 1 if engine.value("SELECT toInt64(count()) FROM system.merges") == 0 else 0
        time.sleep(0.5)


def _time(data: Path, source: Path) -> dict[str, list[float]]:
    engine = Engine(data / "engine")
    engine.run("SET max_threads = 2")
    taken: dict[str, list[float]] = {}
    for name, variants in json.loads(source.read_text()).items():
        engine.rows(variants[0])
        taken[name] = []
        for query in variants:
            since = time.perf_counter()
            engine.rows(query)
            taken[name].append((time.perf_counter() - since) * 1000)
        print(f"{name}: {statistics.median(taken[name]):.1f} ms", file=sys.stderr)
    engine.close()
    return taken


def main() -> None:
    """Fills a folder, or times queries on one; prints JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("do", choices=("fill", "time"))
    parser.add_argument("data", type=Path)
    parser.add_argument("what")
    parser.add_argument("until", nargs="?")
    given = parser.parse_args()
    if given.do == "fill":
        until = datetime.fromisoformat(given.until) if given.until else datetime.now(UTC) - timedelta(minutes=5)
        print(json.dumps(_fill(given.data, int(given.what), until)))
    else:
        print(json.dumps(_time(given.data, Path(given.what))))


if __name__ == "__main__":
    main()
