"""Hostile statements against the real engine: nothing of another tenant, no file, no network, no write."""

import asyncio
import contextlib
import re
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import fuzz
import pytest

from auricle.errors import AuricleError, Invalid
from auricle.report.sql.refusal import Limits
from auricle.report.sql.run import SqlRunner
from auricle.report.sql.statement import Ready, ready

CORPUS = Path(__file__).with_name("hostile.txt")
FUZZED = 5_000
CURIOUS = 150
SEED = 20_261_125
SECONDS = 2.0
SECRET = re.compile(rb"SECRET")


class Listener:
    """A port that counts who comes."""

    def __init__(self) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self.visits = 0
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                visitor, _ = self._socket.accept()
                self.visits += 1
                visitor.close()

    def close(self) -> None:
        # NOTE: a close alone leaves a thread in `accept` where it is.
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()


@pytest.fixture
def listener() -> Iterator[Listener]:
    made = Listener()
    yield made
    made.close()


def corpus() -> list[str]:
    """The statements that people wrote."""
    return [line for line in CORPUS.read_text().splitlines() if line and not line.startswith("===")]


def state(sql: "Sql") -> tuple[object, ...]:  # type: ignore[name-defined] # noqa: F821
    """Everything that a write could have changed."""
    look = {"readonly": "2"}
    asked = (
        "SELECT database, name FROM system.tables WHERE database NOT IN ('system') ORDER BY ALL",
        "SELECT name FROM system.functions WHERE origin != 'System' ORDER BY ALL",
        "SELECT tenant_id, count(), sum(cityHash64(*)) FROM events GROUP BY tenant_id ORDER BY tenant_id",
        "SELECT name FROM system.databases ORDER BY name",
        "SELECT name FROM system.dictionaries ORDER BY name",
    )
    return (*(sql.store.answer(one, look, "CSV").result() for one in asked), sorted(sql.folder.glob("*")))


def test_there_are_enough() -> None:
    told = Counter(fuzz.statements(SEED, FUZZED))
    assert len(set(corpus()) | set(told)) >= 5_000


def test_hostile_statements_read_and_write_nothing(sql, listener: Listener) -> None:  # type: ignore[no-untyped-def]
    """Each of them against the engine itself, where it gets so far."""
    before = state(sql)
    out = sql.folder / "out.txt"
    places = {"@FILE@": str(sql.file), "@PORT@": str(listener.port), "@OUT@": str(out)}
    runner_limits = Limits(SECONDS, 500_000_000, 1_000)
    every = [*corpus(), *fuzz.statements(SEED, FUZZED), *fuzz.curious(SEED, CURIOUS)]
    slowest, ran, leaked, bugs = 0.0, 0, [], []

    async def run() -> None:
        nonlocal slowest, ran
        runner = SqlRunner(sql.store, runner_limits)
        for text in every:
            for name, place in places.items():
                text = text.replace(name, place)
            began = time.monotonic()
            try:
                statement: Ready = ready(text, "alice")
                ran += 1
                answer = await runner.run(statement, "alice")
                if SECRET.search(answer.replace(b"%SECRET%", b"").replace(b"SECRET%", b"")):
                    leaked.append((text, answer))
            except Invalid as error:
                # Told where and why, and nothing that the statement held.
                if not error.faults[0].message or "SECRET" in repr((error.detail, error.faults)):
                    leaked.append((text, repr(error.faults)))
            except AuricleError as error:
                if "SECRET" in error.detail:
                    leaked.append((text, error.detail))
            except Exception as error:  # noqa: BLE001 - whatever it is, it belongs to a statement
                bugs.append((text, repr(error)))
            slowest = max(slowest, time.monotonic() - began)

    asyncio.run(run())

    assert bugs == []
    assert leaked == []
    assert listener.visits == 0
    assert not out.exists()
    assert state(sql) == before
    assert slowest < SECONDS + 1
    # Some of both kinds, or this proves nothing.
    assert 150 < ran < len(every) / 2
