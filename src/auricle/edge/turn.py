"""Turns: each tenant has its fair share of the reports that run at once, and waits before it is refused.

Whose turn is next goes by who has the fewest running, then by who has waited longest. So a tenant that floods waits
for itself, and one that asks now and then waits for the end of one report at most.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from auricle.edge.answer import Runner
from auricle.errors import TooManyRequests
from auricle.model.query import Query
from auricle.model.result import Result

WAITING = 64
"""Reports of one tenant that may wait for their turn."""


@dataclass(eq=False, slots=True)
class _Waiter:
    tenant_id: str
    go: asyncio.Future[None]


class Turns:
    """Hands out turns. Belongs to the event loop.

    `at_once` reports run at the same time, of one tenant at most half of them; one waits `patience` seconds at most.
    """

    def __init__(self, at_once: int, patience: float) -> None:
        self._free = at_once
        self._most = max(1, at_once // 2)
        self._patience = patience
        self._running: Counter[str] = Counter()
        self._waiting: list[_Waiter] = []

    @asynccontextmanager
    async def of(self, tenant_id: str) -> AsyncIterator[None]:
        """A turn of a tenant, for as long as the block lasts.

        Raises:
            TooManyRequests: too many of the tenant wait already, or its turn did not come in time.
        """
        await self._take(tenant_id)
        try:
            yield
        finally:
            self._running[tenant_id] -= 1
            if not self._running[tenant_id]:
                del self._running[tenant_id]
            self._free += 1
            self._hand_out()

    async def _take(self, tenant_id: str) -> None:
        if sum(waiter.tenant_id == tenant_id for waiter in self._waiting) >= WAITING:
            raise _busy()
        waiter = _Waiter(tenant_id, asyncio.get_running_loop().create_future())
        self._waiting.append(waiter)
        self._hand_out()
        try:
            async with asyncio.timeout(self._patience):
                await waiter.go
        except BaseException as error:
            self._give_back(waiter)
            if isinstance(error, TimeoutError):
                raise _busy() from None
            raise

    def _give_back(self, waiter: _Waiter) -> None:
        """Of one who waits no longer, to whom the turn may have been given in the same moment."""
        if waiter in self._waiting:
            self._waiting.remove(waiter)
            return
        self._running[waiter.tenant_id] -= 1
        self._free += 1
        self._hand_out()

    def _hand_out(self) -> None:
        while self._free:
            # NOTE: who has just hung up stands here until its task has noticed.
            there = [waiter for waiter in self._waiting if not waiter.go.done()]
            able = [waiter for waiter in there if self._running[waiter.tenant_id] < self._most]
            if not able:
                return
            # NOTE: `min` gives the first of equals, and they stand in the order in which they came.
            chosen = min(able, key=lambda waiter: self._running[waiter.tenant_id])
            self._waiting.remove(chosen)
            self._running[chosen.tenant_id] += 1
            self._free -= 1
            chosen.go.set_result(None)


class FairRunner:
    """A runner of reports that waits for the tenant's turn before each."""

    def __init__(self, runner: Runner, turns: Turns) -> None:
        self._runner = runner
        self._turns = turns

    async def run(self, query: Query) -> Result:
        """The answer to a query. Raises `TooManyRequests`, and what the runner does."""
        async with self._turns.of(query.tenant_id):
            return await self._runner.run(query)


def _busy() -> TooManyRequests:
    return TooManyRequests("Too many reports of this tenant are under way: wait until some have ended.", retry_after=2)
