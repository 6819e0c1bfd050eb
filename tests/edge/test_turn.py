"""Turns: who is next, who waits, who is refused, and that no turn is ever lost."""

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import pytest

from auricle.edge.turn import WAITING, Turns
from auricle.errors import TooManyRequests


@dataclass(slots=True)
class Hall:
    """Reports that run until they are told to end, and the order in which they began."""

    turns: Turns
    began: list[str] = field(default_factory=list)
    running: dict[str, list[asyncio.Event]] = field(default_factory=dict)

    def ask(self, tenant: str) -> asyncio.Task[None]:
        return asyncio.create_task(self._run(tenant))

    async def _run(self, tenant: str) -> None:
        async with self.turns.of(tenant):
            self.began.append(tenant)
            end = asyncio.Event()
            self.running.setdefault(tenant, []).append(end)
            await end.wait()

    async def end(self, tenant: str) -> None:
        self.running[tenant].pop(0).set()
        await settle()


async def settle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


def run(scene: Callable[[], Awaitable[None]]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(20):
            await scene()
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()

    asyncio.run(bounded())


def test_a_tenant_takes_at_most_half_and_the_rest_waits_for_others() -> None:
    async def scene() -> None:
        hall = Hall(Turns(4, 10))
        tasks = [hall.ask("flood") for _ in range(10)]
        await settle()
        assert hall.began == ["flood", "flood"]
        tasks += [hall.ask("b"), hall.ask("c")]
        await settle()
        assert hall.began == ["flood", "flood", "b", "c"]
        tasks += [hall.ask("d")]
        await settle()
        await hall.end("flood")
        assert hall.began[4:] == ["d"]  # before the eight of the flood, which came earlier
        await hall.end("b")
        assert hall.began[5:] == ["flood"]

    run(scene)


def test_who_has_the_fewest_running_is_next_then_who_waited_longest() -> None:
    async def scene() -> None:
        hall = Hall(Turns(4, 10))
        tasks = [hall.ask(tenant) for tenant in ("a", "a", "b", "x")]
        await settle()
        tasks += [hall.ask(tenant) for tenant in ("b", "a", "c", "d")]
        await hall.end("a")  # c and d have none running now, and c came first
        await hall.end("a")
        await hall.end("x")  # a had none then; now d has none, and b one
        assert hall.began[4:] == ["c", "a", "d"]
        await hall.end("c")
        assert (hall.began[7:], len(tasks)) == (["b"], 8)

    run(scene)


def test_beyond_the_waiting_ones_it_is_refused_and_others_are_not() -> None:
    async def scene() -> None:
        hall = Hall(Turns(2, 10))
        tasks = [hall.ask("flood") for _ in range(1 + WAITING)]
        await settle()
        with pytest.raises(TooManyRequests) as refused:
            await hall.ask("flood")
        assert refused.value.retry_after == 2
        tasks.append(hall.ask("b"))
        await settle()
        assert hall.began == ["flood", "b"]

    run(scene)


def test_who_waits_too_long_is_refused_and_takes_nothing_along() -> None:
    async def scene() -> None:
        hall = Hall(Turns(2, 0.05))
        first = hall.ask("a")
        await settle()
        with pytest.raises(TooManyRequests):
            await hall.ask("a")
        await hall.end("a")
        await first
        last = hall.ask("a")
        await settle()
        assert (hall.began, last.done()) == (["a", "a"], False)

    run(scene)


@pytest.mark.parametrize("seed", range(5))
def test_no_turn_is_lost_or_doubled_whoever_hangs_up_when(seed: int) -> None:
    async def scene() -> None:
        rng = random.Random(seed)
        turns, now, most, total = Turns(4, 5), Counter[str](), Counter[str](), 0

        async def report(tenant: str) -> None:
            nonlocal total
            async with turns.of(tenant):
                now[tenant] += 1
                most[tenant] = max(most[tenant], now[tenant])
                total = max(total, sum(now.values()))
                try:
                    await asyncio.sleep(rng.random() * 0.002)
                    if rng.random() < 0.2:
                        raise ValueError
                finally:
                    now[tenant] -= 1

        tasks = []
        for _ in range(300):
            tasks.append(asyncio.create_task(report(rng.choice("aaabc"))))
            if rng.random() < 0.4:
                rng.choice(tasks).cancel()
            if rng.random() < 0.3:
                await asyncio.sleep(rng.random() * 0.001)
        await asyncio.gather(*tasks, return_exceptions=True)
        assert (max(most.values()), total <= 4) == (2, True)
        hall = Hall(turns)  # and all turns are there again
        last = [hall.ask(tenant) for tenant in "aabbcc"]
        await settle()
        assert (Counter(hall.began).total(), len(last)) == (4, 6)

    run(scene)
