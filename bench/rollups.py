"""Rollups: the same reports over HTTP without them and with them, on growing numbers of events.

Each answer must be the same both ways. Every repetition moves the range by a second, so no cache answers it. Told too:
how long it takes to roll all events up.
"""

import statistics
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from bench import volume
from bench.record import Record
from bench.reports import SPANS, Question
from bench.service import Service, folder, serving

PLAIN = {"AURICLE_EVENT_RETENTION_DAYS": "0", "AURICLE_QUERY_SECONDS": "300", "AURICLE_QUERY_MEMORY": "6000000000"}
"""Everything stays, and no report is cut off: without rollups some would be, at 50 million events."""
CHANGES = ("source", "rows_read", "sql", "as_of")
"""Members of `meta` that may differ."""


def questions() -> list[Question]:
    """What rollups answer."""
    asked: list[Question] = []
    for span in SPANS:
        grain = "1h" if span == "day" else "1d"
        plain = {"metric": "events.count", "grain": grain}
        asked += [
            Question("events.count", "timeseries", plain, span, 0),
            Question("events.count, by site", "timeseries", {**plain, "breakdown": "site_id"}, span, 0),
            Question(
                "requests.count, one site",
                "timeseries",
                {"metric": "requests.count", "grain": grain, "site_id": "store-1"},
                span,
                0,
            ),
            Question("users.count", "timeseries", {"metric": "users.count", "grain": grain}, span, 0),
            Question("sessions.count", "timeseries", {"metric": "sessions.count", "grain": grain}, span, 0),
            Question("active", "active", {}, span, 0),
            Question("top event_name", "top", {"field": "event_name"}, span, 0),
            Question("top user_id", "top", {"field": "user_id"}, span, 0),
        ]
    return asked


def run(
    rows: tuple[int, ...] = (1_000_000, 10_000_000, 50_000_000), repeats: int = 5, data: Path | None = None
) -> Record:
    """Fills, asks without rollups and with them; once for every number of rows. A given folder is used again."""
    record = Record("rollups", f"{', '.join(f'{count:,}' for count in rows)} generated events over {volume.DAYS} days")
    record.open()
    for count in rows:
        with folder() as fresh:
            _one_size(record, data / str(count) if data else fresh, count, repeats)
    record.save()
    return record


def _one_size(record: Record, data: Path, rows: int, repeats: int) -> None:
    mark = data / "bench-until"
    if not mark.exists():
        data.mkdir(parents=True, exist_ok=True)
        until = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=1)
        record.say(f"filled {rows:,} rows in {volume.fill(data, rows, until):.0f} s")
        mark.write_text(until.isoformat())
    until = datetime.fromisoformat(mark.read_text())
    answers: dict[str, dict[str, list[Any]]] = {}
    taken: dict[str, dict[str, float]] = {}
    for way in ("off", "on"):
        with serving(data, more={**PLAIN, "AURICLE_ROLLUPS": way}) as service:
            if way == "on":
                record.say(f"rolled up {rows:,} events in {_rolled_up(service, until):.1f} s")
            for question in questions():
                name = f"{question.name} · {question.span}"
                taken.setdefault(name, {})[way], told = _ask(service, question, until, repeats)
                answers.setdefault(name, {})[way] = told
    differing = [name for name, told in answers.items() if told["off"] != told["on"]]
    table = [(name, each["off"], each["on"], each["off"] / each["on"]) for name, each in taken.items()]
    record.table(f"Reports on {rows:,} events, p50 in ms", ("report", "events", "rollups", "times as fast"), table)
    record.say(f"answers that differ: {differing or 'none'}")
    record.facts[str(rows)] = {"ms": taken, "differing": differing}


def _rolled_up(service: Service, until: datetime, seconds: float = 600.0) -> float:
    """Waits until reports are answered from rollups; gives the seconds since the service was ready."""
    began = time.perf_counter()
    body = {"metric": "events.count", "grain": "1d", "from": _text(until - timedelta(days=2)), "to": _text(until)}
    while service.report("timeseries", body)["meta"]["source"] != "rollup":
        if time.perf_counter() - began > seconds:
            raise TimeoutError(f"nothing was rolled up within {seconds} s")
        time.sleep(0.1)
    return time.perf_counter() - began


def _ask(service: Service, question: Question, until: datetime, repeats: int) -> tuple[float, list[Any]]:
    """The median of the milliseconds after a warm one, and every answer."""
    taken, answers = [], []
    for repeat in range(repeats + 1):
        end = until - timedelta(seconds=repeat)
        span = {"from": _text(end - SPANS[question.span]), "to": _text(end)}
        since = time.perf_counter()
        answer = service.report(question.report, {**question.body, **span})
        taken.append((time.perf_counter() - since) * 1000)
        for name in CHANGES:
            answer["meta"].pop(name)
        answers.append(answer)
    return statistics.median(taken[1:]), answers


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
