"""The run: whose turn it is, and what becomes of a statement that the engine does not end in time."""

import asyncio
import threading
import time
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from auricle.errors import AuricleError, QueryTimeout, TooManyRequests
from auricle.report.sql.refusal import Limits
from auricle.report.sql.run import AT_ONCE, GRACE, WAITING, SqlRunner
from auricle.report.sql.statement import Format, Ready

OWN = Ready("SELECT 1", Format.CSV, own=True)


class Stubborn:
    """An engine that answers when it is let go, on a few threads, and counts what it began."""

    database = "default"

    def __init__(self, threads: int = 8) -> None:
        self.go = threading.Event()
        self.began = 0
        self._threads = ThreadPoolExecutor(threads)

    def answer(self, sql: str, settings: Mapping[str, str], form: str) -> Future[bytes]:
        return self._threads.submit(self._answer)

    def _answer(self) -> bytes:
        self.began += 1
        assert self.go.wait(20)
        return b"1\n"


def told(results: list[object]) -> list[str]:
    return [type(result).__name__ for result in results]


def test_the_client_is_told_in_time_and_the_turn_is_kept_until_the_engine_ends() -> None:
    engine = Stubborn()

    async def run() -> None:
        runner = SqlRunner(engine, Limits(0.3, 1, 1))
        began = time.monotonic()
        first = await asyncio.gather(*(runner.run(OWN, "a") for _ in range(AT_ONCE)), return_exceptions=True)
        assert told(list(first)) == ["QueryTimeout"] * AT_ONCE
        assert time.monotonic() - began < 0.3 + GRACE + 0.4
        # Its turns are not free yet, and nothing more of it is begun; another tenant is not held up by that.
        with pytest.raises(TooManyRequests):
            await runner.run(OWN, "a")
        assert engine.began == AT_ONCE
        engine.go.set()
        assert await runner.run(OWN, "b") == b"1\n"
        assert await runner.run(OWN, "a") == b"1\n"

    asyncio.run(run())


def test_those_beyond_the_queue_are_refused_at_once() -> None:
    engine = Stubborn()

    async def run() -> list[object]:
        runner = SqlRunner(engine, Limits(5, 1, 1))
        asked = [asyncio.create_task(runner.run(OWN, "a")) for _ in range(AT_ONCE + WAITING + 3)]
        await asyncio.sleep(0.1)
        assert sum(task.done() for task in asked) == 3
        assert engine.began == AT_ONCE
        engine.go.set()
        return list(await asyncio.gather(*asked, return_exceptions=True))

    results = told(asyncio.run(run()))
    assert results.count("bytes") == AT_ONCE + WAITING
    assert results.count("TooManyRequests") == 3


def test_what_never_began_is_taken_back() -> None:
    engine = Stubborn(threads=1)

    async def run() -> None:
        runner = SqlRunner(engine, Limits(0.2, 1, 1))
        first, second = await asyncio.gather(runner.run(OWN, "a"), runner.run(OWN, "b"), return_exceptions=True)
        assert isinstance(first, QueryTimeout)
        assert isinstance(second, TooManyRequests)
        assert second.retry_after == 1
        engine.go.set()
        assert await runner.run(OWN, "b") == b"1\n"

    asyncio.run(run())
    assert engine.began == 2


def test_a_late_failure_is_nobodys(caplog: pytest.LogCaptureFixture) -> None:
    class Failing(Stubborn):
        def _answer(self) -> bytes:
            super()._answer()
            raise AuricleError("late")

    engine = Failing()

    async def run() -> None:
        with pytest.raises(QueryTimeout):
            await SqlRunner(engine, Limits(0.1, 1, 1)).run(OWN, "a")
        engine.go.set()
        await asyncio.sleep(0.2)

    asyncio.run(run())
    assert caplog.records == []
