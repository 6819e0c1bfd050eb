"""Two tenants' marked rows in the real engine, a marked file beside it, and statements run as the door runs them."""

import asyncio
import json
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from auricle import clock
from auricle.intake.row import body_of, line_of
from auricle.model.event import Event
from auricle.report.sql.refusal import Limits
from auricle.report.sql.run import SqlRunner
from auricle.report.sql.statement import ready
from auricle.settings import Settings
from auricle.store.events import EventStore
from running import wait_until

OURS, THEIRS = "alice", "bob"
MARKS = {OURS: "mark-of-alice", THEIRS: "SECRET-of-bob"}
FILE_MARK = "SECRET-of-the-file"


@dataclass(frozen=True, slots=True)
class Sql:
    """The engine with both tenants' rows."""

    store: EventStore
    folder: Path

    @property
    def file(self) -> Path:
        """The file that nobody may read, where the engine looks for files first."""
        return self.folder / "secret.txt"

    def ask(self, text: str, tenant: str = OURS, limits: Limits | None = None) -> bytes:
        """The answer to a statement."""

        async def run() -> bytes:
            runner = SqlRunner(self.store, limits or Limits(10, 500_000_000, 100_000))
            return await runner.run(ready(text, tenant), tenant)

        return asyncio.run(run())

    def rows(self, text: str, tenant: str = OURS) -> list[list[Any]]:
        """The rows of a statement."""
        found = json.loads(self.ask(text, tenant))
        return [list(row.values()) for row in found["data"]]


def events(tenant: str) -> Iterator[tuple[Event, int]]:
    """A tenant's rows: points of two datasets, page views, and an interaction with a score; newest last."""
    now = clock.micros()
    mark = MARKS[tenant]

    def event(name: str, minutes: float, **attributes: Any) -> tuple[Event, int]:
        at = now - int(minutes * 60_000_000)
        made = Event(tenant, str(uuid.uuid4()), name, at, mark, mark, mark, "web", "", attributes, {"mark": mark})
        return made, at

    def point(dataset: str, minutes: float, blobs: list[str], doubles: list[float], index: str) -> tuple[Event, int]:
        values: dict[str, Any] = {"dataset": dataset, "index1": index}
        values |= {f"blob{n}": blob for n, blob in enumerate(blobs, 1)}
        values |= {f"double{n}": double for n, double in enumerate(doubles, 1)}
        return event("datapoint.written", minutes, **values)

    for minute in range(10):
        method = "GET" if minute % 2 else "POST"
        yield point(
            "requests",
            minute + 0.5,
            [method, f"/{mark}", "500" if minute == 1 else "200"],
            [10.0 * minute, 2, 300],
            mark,
        )
    yield point("requests", 90, [mark, "ai", "cost"], [1.5, 1], mark)
    yield point("requests", 80, [mark, "ai", "cost"], [2.0, 1], mark)
    yield point("requests", 70, ["error", "TypeError", "/x"], [1], "TypeError")
    yield point("requests", 20, ["error", "TypeError", "/x"], [1], "TypeError")
    yield point(f"only_{tenant}", 5, [mark], [1], mark)
    for minute in range(5):
        yield event("page_view", minute, page=f"/{mark}")
    yield event("voice.query", 30, **{"voice.query_id": mark, "voice.query_text": mark, "voice.query_source": "voice"})
    yield event("voice.outcome", 30, **{"voice.query_id": mark, "voice.answer_text": mark, "voice.latency_ms": 120})
    score = {"voice.query_id": mark, "gen_ai.evaluation.name": "overall", "gen_ai.evaluation.score.value": 4}
    yield event("voice.evaluated", 29, **score)


@pytest.fixture(scope="session")
def sql(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sql]:
    """The engine, its rows and the file."""
    folder = tmp_path_factory.mktemp("sql")
    with EventStore(Settings(data=folder)) as store:
        wait_until(store.ready, 60.0)
        for tenant in MARKS:
            lines = [line_of(body_of(event), event.occurred_at, at) for event, at in events(tenant)]
            store.insert(b"\n".join(lines), tenant)
        found = Sql(store, folder)
        found.file.write_text(FILE_MARK + "\n")
        yield found


@pytest.fixture
def refused() -> Callable[[str], tuple[str, str]]:
    """The rule and the message of a statement that is refused before the engine is asked."""

    def refused(text: str) -> tuple[str, str]:
        with pytest.raises(Exception) as caught:
            ready(text, OURS)
        fault = caught.value.faults[0]  # type: ignore[attr-defined]
        return fault.rule, fault.message

    return refused
