"""Periodic work inside the service: each job is an idempotent sweep that may be skipped or repeated at will."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import structlog

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Job:
    """A sweep and the pause between two of them, in seconds."""

    name: str
    every: float
    run: Callable[[], Awaitable[object]]


async def run_jobs(jobs: Sequence[Job]) -> None:
    """Runs every job at its pace until cancelled; a failure is logged and the job goes on."""
    async with asyncio.TaskGroup() as group:
        for job in jobs:
            group.create_task(_repeat(job), name=job.name)


async def _repeat(job: Job) -> None:
    while True:
        await asyncio.sleep(job.every)
        try:
            await job.run()
        except Exception as error:  # noqa: BLE001 - a boundary: one sweep's failure is not the next one's
            log.warning("job_failed", job=job.name, error=str(error))
