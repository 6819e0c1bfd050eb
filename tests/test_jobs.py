"""Periodic work: each job at its own pace, and no failure ends it."""

import asyncio
import contextlib

from auricle.jobs import Job, run_jobs


def run(jobs: list[Job], seconds: float) -> None:
    async def inside() -> None:
        task = asyncio.create_task(run_jobs(jobs))
        await asyncio.sleep(seconds)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task

    asyncio.run(inside())


def test_each_job_runs_at_its_own_pace() -> None:
    told: list[str] = []

    def job(name: str, every: float) -> Job:
        async def sweep() -> None:
            told.append(name)

        return Job(name, every, sweep)

    run([job("quick", 0.02), job("slow", 0.2), job("never", 60)], 0.5)
    assert told.count("quick") > 2 * told.count("slow") > 0
    assert "never" not in told


def test_a_failure_is_not_the_next_ones() -> None:
    told: list[str] = []

    async def fails() -> None:
        told.append("tried")
        raise ValueError("no")

    async def works() -> None:
        told.append("done")

    run([Job("fails", 0.02, fails), Job("works", 0.02, works)], 0.4)
    assert told.count("tried") > 2
    assert told.count("done") > 2


def test_they_end_when_they_are_told_to() -> None:
    async def hangs() -> None:
        await asyncio.sleep(60)

    run([Job("hangs", 0, hangs)], 0.05)
