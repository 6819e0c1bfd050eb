"""The readiness of the event store: asked by one thread and not more than twice a second, however many want to know.

Probes are open to all. Did each of them ask the engine, whoever sends many, or a few while the engine hangs, would hold
every thread that credentials are looked up by.
"""

import asyncio
import time
from collections.abc import Callable

FRESH_SECONDS = 0.5
PATIENCE_SECONDS = 2.0
"""How long an answer is waited for before it is no; the thread goes on waiting."""


class Readiness:
    """Whether the event store answers. Belongs to the event loop."""

    def __init__(self, ask: Callable[[], bool]) -> None:
        """`ask` may block, and is called on a thread."""
        self._ask = ask
        self._up = False
        self._told_at = float("-inf")
        self._asking: asyncio.Task[bool] | None = None

    async def up(self) -> bool:
        """Whether it answers now, or did half a second ago."""
        if self._asking is None:
            if time.monotonic() - self._told_at < FRESH_SECONDS:
                return self._up
            self._asking = asyncio.create_task(self._told())
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                # NOTE: shielded, for others may wait for the same answer.
                return await asyncio.shield(self._asking)
        except TimeoutError:
            return False

    async def _told(self) -> bool:
        try:
            self._up = await asyncio.to_thread(self._ask)
            return self._up
        finally:
            self._told_at = time.monotonic()
            self._asking = None
