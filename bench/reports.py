"""Reports: each asked over HTTP of the real service, and its own SQL asked of the bare engine afterwards.

Every repetition moves the range by a second, so no cache answers it. The SQL is what the answer's `meta.sql` holds, so
both sides do the same work; what the ratio shows is HTTP, the building of the query, the engine's process and the
shaping. Reports that run more than one statement (excluded counts, the keys of a breakdown) carry those too.
"""

import math
import statistics
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from bench import volume
from bench.record import Record
from bench.service import Service, folder, serving

SPANS = {"day": timedelta(days=1), "7 d": timedelta(days=7), "90 d": timedelta(days=90)}
GRAINS = {"day": ("1m", "5m", "15m", "1h"), "7 d": ("5m", "1h", "1d"), "90 d": ("1h", "1d", "1w", "1mo")}
"""The grains that each range is asked in: all that give at most 10,000 points and more than one."""
METRICS = (
    "events.count",
    "users.count",
    "voice.first_response_ms.p95",
    "ai.tool_calls.success_rate",
    "commerce.conversion_rate",
    "system.error_rate",
    "cost.usd.sum",
)
SHOP = ("page_view", "commerce.view", "commerce.add_to_cart", "commerce.checkout")
TALK = ("voice.turn_started", "voice.query", "voice.first_response")
MOBILE = [{"field": "gen_ai.request.model", "op": "eq", "value": "gpt-6-mini"}]
LIMITS = {"day": 300.0, "7 d": 1000.0, "90 d": 1000.0}
FUNNEL_LIMIT = 500.0
ALLOWED_RATIO = 1.25


@dataclass(frozen=True, slots=True)
class Question:
    """One report to be timed."""

    name: str
    report: str
    body: dict[str, Any]
    span: str
    limit: float
    """Milliseconds within which the p95 must stay."""


def questions() -> list[Question]:
    """Everything that is asked."""
    asked: list[Question] = []
    for span in SPANS:
        limit = LIMITS[span]
        asked += [
            Question(f"timeseries events.count by {grain}", "timeseries", _series("events.count", grain), span, limit)
            for grain in GRAINS[span]
        ]
        grain = "1h" if span == "day" else "1d"
        asked += [
            Question(f"timeseries {metric} by {grain}", "timeseries", _series(metric, grain), span, limit)
            for metric in METRICS[1:]
        ]
        p95 = _series("voice.first_response_ms.p95", grain)
        asked += [
            Question(f"{p95['metric']}, filtered", "timeseries", {**p95, "filters": MOBILE}, span, limit),
            Question(
                f"{p95['metric']}, by model", "timeseries", {**p95, "breakdown": "gen_ai.request.model"}, span, limit
            ),
            Question("active", "active", {}, span, limit),
            Question("sessions", "sessions", {"grain": grain}, span, limit),
            Question("interactions", "interactions", {}, span, limit),
            Question("paths after a view", "paths", {"event": "commerce.view"}, span, limit),
            Question(
                "retention of views", "retention", {"cohort": "page_view", "grain": "1d", "periods": 7}, span, limit
            ),
            Question("top event_name", "top", {"field": "event_name"}, span, limit),
            Question("top url.path", "top", {"field": "url.path"}, span, limit),
            Question("top kb.query, one site", "top", {"field": "kb.query", "site_id": "store-1"}, span, limit),
            Question("funnel shop, 4 steps", "funnel", {"steps": SHOP}, span, FUNNEL_LIMIT),
            Question("funnel shop, strict", "funnel", {"steps": SHOP, "order": "strict"}, span, FUNNEL_LIMIT),
            Question("funnel shop, by site", "funnel", {"steps": SHOP, "breakdown": "site_id"}, span, FUNNEL_LIMIT),
            Question("funnel voice, by session", "funnel", {"steps": TALK, "by": "session"}, span, FUNNEL_LIMIT),
        ]
    return asked


def _series(metric: str, grain: str) -> dict[str, Any]:
    return {"metric": metric, "grain": grain}


def run(rows: tuple[int, ...] = (1_000_000, 10_000_000), repeats: int = 12, data: Path | None = None) -> Record:
    """Fills, asks, stops, asks the engine; once for every number of rows. A given folder is kept and used again."""
    record = Record(
        "reports",
        f"{', '.join(f'{count:,}' for count in rows)} generated events over {volume.DAYS} days in one tenant; "
        f"{repeats} repetitions, each of another range",
    )
    record.open()
    for count in rows:
        with folder() as fresh:
            kept = data / str(count) if data else fresh
            _one_size(record, kept, count, repeats)
    record.save()
    return record


def _one_size(record: Record, data: Path, rows: int, repeats: int) -> None:
    mark = data / "bench-until"
    if not mark.exists():
        data.mkdir(parents=True, exist_ok=True)
        until = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=1)
        record.say(f"filling {rows:,} rows")
        record.say(f"filled in {volume.fill(data, rows, until):.0f} s")
        mark.write_text(until.isoformat())
    until = datetime.fromisoformat(mark.read_text())
    served: dict[str, list[float]] = {}
    statements: dict[str, list[str]] = {}
    with serving(data) as service:
        record.say(f"service ready in {service.ready_seconds:.1f} s; asking {len(questions())} reports")
        for question in questions():
            name = f"{question.name} · {question.span}"
            try:
                served[name], statements[name] = _ask(service, question, until, repeats)
            except RuntimeError as refused:
                record.say(f"[red]{name}: {str(refused)[:300]}[/red]")
        memory = service.tree.resident_mb()
    record.say("asking the bare engine")
    bare = volume.time_queries(data, statements)
    rows_shown = [
        _row(question, served, bare) for question in questions() if f"{question.name} · {question.span}" in served
    ]
    record.table(
        f"Reports on {rows:,} events, ms",
        ("report", "range", "p50", "p95", "limit", "within", "bare p50", "bare p95", "ratio of p50", "more, ms"),
        rows_shown,
    )
    slow = [row[0] for row in rows_shown if not row[5]]
    above = [row[0] for row in rows_shown if row[8] > ALLOWED_RATIO]
    record.say(f"over their limit: {len(slow)} of {len(rows_shown)}; over {ALLOWED_RATIO} × the engine: {len(above)}")
    record.facts[str(rows)] = {"served_ms": served, "bare_ms": bare, "sql": {k: v[0] for k, v in statements.items()}}
    record.facts[f"{rows} memory"] = memory


def _ask(service: Service, question: Question, until: datetime, repeats: int) -> tuple[list[float], list[str]]:
    """Milliseconds of each repetition after a warm one, and the SQL of each."""
    taken, statements = [], []
    for repeat in range(-1, repeats):
        end = until - timedelta(seconds=repeat + 1)
        span = {"from": _text(end - SPANS[question.span]), "to": _text(end)}
        since = time.perf_counter()
        answer = service.report(question.report, {**question.body, **span})
        if repeat >= 0:
            taken.append((time.perf_counter() - since) * 1000)
            statements.append(answer["meta"]["sql"])
    return taken, statements


def _row(question: Question, served: dict[str, list[float]], bare: dict[str, list[float]]) -> tuple[Any, ...]:
    ours, engine = served[f"{question.name} · {question.span}"], bare[f"{question.name} · {question.span}"]
    p50, p95, bare_p50 = statistics.median(ours), _p95(ours), statistics.median(engine)
    within = p95 < question.limit
    ratio, more = p50 / bare_p50, p50 - bare_p50
    return question.name, question.span, p50, p95, question.limit, within, bare_p50, _p95(engine), ratio, more


def _p95(values: list[float]) -> float:
    return sorted(values)[max(0, math.ceil(0.95 * len(values)) - 1)]


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
