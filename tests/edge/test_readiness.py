"""Readiness: one thread asks, however many want to know, and a hung engine holds nobody up."""

import asyncio
import threading
import time

import pytest

from auricle.edge import readiness
from auricle.edge.readiness import Readiness


def test_many_at_once_are_one_question() -> None:
    asked: list[float] = []

    def ask() -> bool:
        asked.append(time.monotonic())
        time.sleep(0.05)
        return True

    async def run() -> list[bool]:
        ready = Readiness(ask)
        return [
            *await asyncio.gather(*(ready.up() for _ in range(500))),
            *[await ready.up() for _ in range(500)],
        ]

    assert asyncio.run(run()) == [True] * 1_000
    assert len(asked) == 1


def test_it_is_asked_anew_when_the_answer_is_old(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readiness, "FRESH_SECONDS", 0.02)
    answers = iter((True, False, True))

    async def run() -> list[bool]:
        ready, told = Readiness(lambda: next(answers)), []
        for _ in range(3):
            told += [await ready.up(), await ready.up()]
            await asyncio.sleep(0.03)
        return told

    assert asyncio.run(run()) == [True, True, False, False, True, True]


def test_a_hung_engine_is_no_and_holds_one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readiness, "PATIENCE_SECONDS", 0.05)
    hung = threading.Event()
    threads: set[str] = set()

    def ask() -> bool:
        threads.add(threading.current_thread().name)
        return hung.wait(10)

    async def run() -> list[bool]:
        ready = Readiness(ask)
        told = [any(await asyncio.gather(*(ready.up() for _ in range(50)))) for _ in range(3)]
        hung.set()
        await asyncio.sleep(0.05)
        return [*told, await ready.up()]

    assert asyncio.run(run()) == [False, False, False, True]
    assert len(threads) == 1


def test_a_client_that_leaves_takes_no_answer_from_others() -> None:
    async def run() -> bool:
        ready = Readiness(lambda: time.sleep(0.05) is None)
        leaving, staying = (asyncio.create_task(ready.up()) for _ in range(2))
        await asyncio.sleep(0.01)
        leaving.cancel()
        return await staying

    assert asyncio.run(run())
