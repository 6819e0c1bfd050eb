"""How attributes should lie in the engine: six layouts of one table, written and read (docs/decisions/0003).

Each layout runs in a process and a folder of its own: blocks of JSONCompactEachRow of three sizes are inserted as the
indexer would, then the table is filled by copies of the same rows, a day apart, merged into one part a month, and read
by five queries that reports make. All layouts must answer the same.
"""

import argparse
import json
import re
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench.engine import Engine, blocks, cpu_seconds, events_ddl
from bench.events import compact_row, recent
from bench.process import ROOT, python
from bench.record import Record

UNTIL = datetime(2026, 6, 28, tzinfo=UTC)
"""Where the generated day ends; copies go back from here."""
BASE_ROWS = 250_000
BLOCKS = ((1_000, 60), (10_000, 12), (50_000, 5))
"""Rows of a block, and how many blocks are inserted. The first block of each size warms up and is not counted."""
REPEATS = 9

COLUMNS = (
    "tenant_id, event_id, event_name, occurred_at, received_at, site_id, session_id, user_id, source, schema_id, "
    "attributes, context"
)

MEASURES = {
    "first_response_ms": ("voice.first_response_ms", "Nullable(Float64)"),
    "barge_in_ms": ("voice.barge_in_ms", "Nullable(Float64)"),
    "asr_partial_latency_ms": ("voice.asr_partial_latency_ms", "Nullable(Float64)"),
    "latency_ms": ("voice.latency_ms", "Nullable(Float64)"),
    "tool_name": ("gen_ai.tool.name", "LowCardinality(String)"),
    "tool_duration_ms": ("ai.tool.duration_ms", "Nullable(Float64)"),
    "tool_success": ("ai.tool.success", "Nullable(Bool)"),
    "chain_length": ("ai.tool_chain.length", "Nullable(Float64)"),
    "results_count": ("kb.results_count", "Nullable(Float64)"),
    "search_latency_ms": ("kb.search_latency_ms", "Nullable(Float64)"),
    "top_score": ("kb.top_score", "Nullable(Float64)"),
    "total_tokens": ("gen_ai.usage.total_tokens", "Nullable(Float64)"),
    "cost_usd": ("gen_ai.usage.cost_usd", "Nullable(Float64)"),
    "duration_ms": ("http.server.duration_ms", "Nullable(Float64)"),
    "status_code": ("http.response.status_code", "Nullable(Float64)"),
}
"""The measures of the named metrics, which layout (e) gives a column each; other attributes it reads from the text."""
_BY_KEY = {key: column for column, (key, _) in MEASURES.items()}


@dataclass(frozen=True, slots=True)
class Layout:
    """One way to keep attributes: its columns, how a stored text becomes them, how one attribute is read."""

    letter: str
    name: str
    column: str
    """The definition of `attributes`, with what hangs on it."""
    from_text: str
    """The expression that makes `attributes` of JSON text."""
    string: Callable[[str], str]
    number: Callable[[str], str]
    settings: str = ""
    """Further settings of the table."""


def _path(column: str, key: str) -> str:
    return f"{column}." + ".".join(f"`{part}`" for part in key.split("."))


def _text_number(key: str) -> str:
    return f"JSONExtract(attributes, '{key}', 'Nullable(Float64)')"


_TEXT = "attributes String CODEC(ZSTD(1))"
LAYOUTS = (
    Layout("a", "String", _TEXT, "attributes", lambda k: f"JSONExtractString(attributes, '{k}')", _text_number),
    Layout(
        "b",
        "JSON type only",
        "attributes JSON(max_dynamic_paths = 512)",
        "attributes::JSON(max_dynamic_paths = 512)",
        lambda k: f"{_path('attributes', k)}::String",
        lambda k: f"accurateCastOrNull({_path('attributes', k)}, 'Float64')",
    ),
    Layout(
        "c",
        "Map(LowCardinality(String), String)",
        "attributes Map(LowCardinality(String), String) CODEC(ZSTD(1))",
        "JSONExtract(attributes, 'Map(String, String)')",
        lambda k: f"attributes['{k}']",
        lambda k: f"toFloat64OrNull(attributes['{k}'])",
    ),
    Layout(
        "d",
        "String + JSON materialised",
        f"{_TEXT}, props JSON(max_dynamic_paths = 512) MATERIALIZED attributes",
        "attributes",
        lambda k: f"{_path('props', k)}::String",
        lambda k: f"accurateCastOrNull({_path('props', k)}, 'Float64')",
    ),
    Layout(
        "e",
        "String + typed columns of known measures",
        ", ".join(
            (_TEXT, *(f"{c} {t} MATERIALIZED JSONExtract(attributes, '{k}', '{t}')" for c, (k, t) in MEASURES.items()))
        ),
        "attributes",
        lambda k: _BY_KEY.get(k) or f"JSONExtractString(attributes, '{k}')",
        lambda k: _BY_KEY.get(k) or _text_number(k),
    ),
    Layout(
        "f",
        "as (d), small parts compact",
        f"{_TEXT}, props JSON(max_dynamic_paths = 512) MATERIALIZED attributes",
        "attributes",
        lambda k: f"{_path('props', k)}::String",
        lambda k: f"accurateCastOrNull({_path('props', k)}, 'Float64')",
        # NOTE: a wide part has a file for every stream of every path, 777 here, and makes and fsyncs each.
        ", min_bytes_for_wide_part = 200000000",
    ),
)


def plain_ddl(table: str) -> str:
    """The service's own DDL without what the layouts differ in: the split attributes and the kind of small parts."""
    kept = [line for line in events_ddl(table).splitlines() if not line.lstrip().startswith("props ")]
    return re.sub(r",\s*min_bytes_for_wide_part\s*=\s*\d+", "", "\n".join(kept)).rstrip()


def ddl(layout: Layout, table: str) -> str:
    """The service's own DDL with the attributes as the layout has them."""
    lines = [
        f"    {layout.column}," if line.lstrip().startswith("attributes ") else line
        for line in plain_ddl(table).splitlines()
    ]
    return "\n".join(lines) + layout.settings


def queries(layout: Layout, table: str) -> dict[str, str]:
    """The five reads. Of the attributes two are numbers and one is a text that layout (e) has a column for."""
    tenant, number, string = "tenant_id = 'bench'", layout.number, layout.string
    day = "occurred_at >= '2026-06-26 00:00:00' AND occurred_at < '2026-06-27 00:00:00'"
    return {
        "p95 of a number, all days": f"SELECT round(quantileExact(0.95)({number('voice.first_response_ms')}), 2)"
        f" FROM {table} WHERE {tenant} AND event_name = 'voice.first_response'",
        "p95 by hour, one day": f"SELECT toStartOfHour(occurred_at) AS h,"
        f" round(quantileExact(0.95)({number('kb.search_latency_ms')}), 2)"
        f" FROM {table} WHERE {tenant} AND event_name = 'kb.search' AND {day} GROUP BY h ORDER BY h",
        "top of a text, all days": f"SELECT {string('gen_ai.tool.name')} AS k, count()"
        f" FROM {table} WHERE {tenant} AND event_name = 'ai.tool_call_completed' GROUP BY k ORDER BY 2 DESC, 1",
        "filter on a text, all events": f"SELECT count()"
        f" FROM {table} WHERE {tenant} AND {string('url.path')} = '/api/v1/orders/7'",
        "breakdown by a text, all events": f"SELECT {string('gen_ai.request.model')} AS k, count()"
        f" FROM {table} WHERE {tenant} GROUP BY k HAVING k != '' ORDER BY 2 DESC, 1 LIMIT 10",
    }


def insert_speed(engine: Engine, layout: Layout) -> list[dict[str, float]]:
    """Rows a second and processor time a row for each size of block, merges included."""
    made: list[dict[str, float]] = []
    for size, count in BLOCKS:
        table = f"inserts_{size}"
        engine.run(ddl(layout, table))
        rows = (compact_row(event) for event in recent(size * count, seed=size, now=UNTIL))
        first, *rest = list(blocks(rows, size))
        engine.insert(table, first, "warm")
        started, cpu = time.perf_counter(), cpu_seconds()
        for index, block in enumerate(rest):
            engine.insert(table, block, f"block-{index}")
        seconds, used = time.perf_counter() - started, cpu_seconds() - cpu
        total = size * len(rest)
        made.append({"block": size, "rows_per_second": total / seconds, "cpu_us_per_row": used / total * 1e6})
        engine.run(f"DROP TABLE {table} SYNC")
    return made


def fill(engine: Engine, layout: Layout, rows: int) -> None:
    """Makes `volume` of about `rows` rows: copies of one generated day, each a day before the last."""
    plain = next(candidate for candidate in LAYOUTS if candidate.letter == "a")
    engine.run(ddl(plain, "base"))
    base = recent(BASE_ROWS, seed=1, now=UNTIL, hours=24)
    for index, block in enumerate(blocks((compact_row(event) for event in base), 50_000)):
        engine.insert("base", block, f"base-{index}")
    engine.run(ddl(layout, "volume"))
    chosen = COLUMNS.replace("event_id", "generateUUIDv4()")
    for day in range(max(1, rows // BASE_ROWS)):
        moved = chosen.replace("occurred_at", f"occurred_at - INTERVAL {day} DAY")
        moved = moved.replace("received_at", f"received_at - INTERVAL {day} DAY")
        engine.run(f"SET insert_deduplication_token = 'day-{day}'")
        engine.run(f"INSERT INTO volume ({COLUMNS}) SELECT {moved.replace('attributes', layout.from_text)} FROM base")
    engine.run("DROP TABLE base SYNC")
    engine.run("OPTIMIZE TABLE volume FINAL")


def measure(folder: Path, letter: str, rows: int) -> dict[str, Any]:
    """Everything about one layout, in this process."""
    layout = next(candidate for candidate in LAYOUTS if candidate.letter == letter)
    engine = Engine(folder)
    inserts = insert_speed(engine, layout)
    fill(engine, layout, rows)
    size = "toInt64(sum(bytes_on_disk)), toInt64(sum(rows)), toInt64(count())"
    held, counted, parts = engine.rows(f"SELECT {size} FROM system.parts WHERE active AND table = 'volume'")[0]
    reads: dict[str, Any] = {}
    for name, query in queries(layout, "volume").items():
        answer = engine.rows(query)
        taken = []
        for _ in range(REPEATS):
            since = time.perf_counter()
            engine.rows(query)
            taken.append(time.perf_counter() - since)
        reads[name] = {"ms": statistics.median(taken) * 1000, "worst_ms": max(taken) * 1000, "answer": answer}
    engine.close()
    return {
        "layout": {key: value for key, value in asdict(layout).items() if isinstance(value, str)},
        "inserts": inserts,
        "bytes": held,
        "rows": counted,
        "parts": parts,
        "reads": reads,
    }


def run(rows: int, letters: str) -> Record:
    """Measures the layouts one after the other, each in a child, and compares."""
    record = Record("layout", f"{rows:,} rows: {BASE_ROWS:,} generated events of one day, copied back day by day")
    record.open()
    results: dict[str, Any] = {}
    for letter in letters:
        record.say(f"layout ({letter})")
        with tempfile.TemporaryDirectory(prefix="auricle-bench-layout-") as folder:
            command = python("bench.layout", folder, letter, str(rows))
            done = subprocess.run(command, cwd=ROOT, capture_output=True, check=False)
            if done.returncode:
                raise RuntimeError(done.stderr.decode(errors="replace")[-2000:])
            results[letter] = json.loads(done.stdout)
    show(record, results)
    record.facts["layouts"] = results
    record.save()
    return record


def show(record: Record, results: dict[str, Any]) -> None:
    """The tables of a run, and whether all layouts agree."""
    record.table(
        "Inserts: rows a second (µs of processor a row), by rows of a block",
        ("layout", *(f"{size:,}" for size, _ in BLOCKS), "bytes a row on disk"),
        [
            (
                f"({letter}) {found['layout']['name']}",
                *(f"{one['rows_per_second']:,.0f} ({one['cpu_us_per_row']:.1f})" for one in found["inserts"]),
                found["bytes"] / found["rows"],
            )
            for letter, found in results.items()
        ],
    )
    names = list(next(iter(results.values()))["reads"])
    record.table(
        "Reads: median milliseconds (worst)",
        ("layout", *names),
        [
            (
                f"({letter}) {found['layout']['name']}",
                *(f"{found['reads'][name]['ms']:.1f} ({found['reads'][name]['worst_ms']:.0f})" for name in names),
            )
            for letter, found in results.items()
        ],
    )
    answers = {json.dumps([found["reads"][name]["answer"] for name in names]) for found in results.values()}
    record.facts["all_layouts_answer_the_same"] = len(answers) == 1
    record.say(f"all layouts answer the same: {len(answers) == 1}")


def main() -> None:
    """Measures one layout in this process and prints it as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("letter", choices=[layout.letter for layout in LAYOUTS])
    parser.add_argument("rows", type=int)
    given = parser.parse_args()
    print(json.dumps(measure(given.folder, given.letter, given.rows)))


if __name__ == "__main__":
    main()
