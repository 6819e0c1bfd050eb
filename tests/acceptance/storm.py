"""The storm: a service under load is killed again and again, and every event must be there once in the end."""

import random
import signal
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from acceptance.crowd import Crowd
from acceptance.expected import HOUR, check
from service import Service, rows_of

TENANTS = {"ada": 3, "bert": 2, "cleo": 1}
WAYS = ("service", "service", "service", "both", "frozen engine", "engine first", "at its start")
"""How a round ends: see `_end`."""


@dataclass(slots=True)
class Storm:
    """What has happened so far."""

    service: Service
    seed: int
    say: Callable[[str], None] = print
    crowd: Crowd = field(init=False)
    ways: Counter[str] = field(default_factory=Counter)
    start: int = field(init=False)

    def __post_init__(self) -> None:
        self.start = (time.time_ns() // 1_000 - 12 * HOUR) // HOUR * HOUR
        self.crowd = Crowd(TENANTS, self.seed, self.start)

    def blow(self, rounds: int, check_every: int) -> None:
        """Kills the service at a random moment of each round; ends with the service stopped and all rows compared."""
        draw = random.Random(self.seed)
        ways = [WAYS[number % len(WAYS)] for number in range(rounds)]
        draw.shuffle(ways)
        checked = 0
        for number, way in enumerate(ways, 1):
            if way == "at its start":
                self.service.launch()
                time.sleep(draw.uniform(0.1, 4.0))
                self.service.kill()
                self.ways[way] += 1
                continue
            self.service.start()
            self.crowd.begin(self.service)
            time.sleep(draw.uniform(0.02, 0.9))
            if number - checked >= check_every:
                checked = number
                self.crowd.rest()
                self.check(number)
                self.crowd.begin(self.service)
                time.sleep(draw.uniform(0.02, 0.3))
            self._end(way, draw)
            self.crowd.rest()
            self.ways[way] += 1
        self.service.start()
        self.check(rounds)
        self._compare_rows()

    def check(self, number: int) -> None:
        """Repeats what was not acknowledged, then compares every report."""
        self.crowd.settle(self.service)
        memory = self.crowd.memory
        check(self.service, list(memory.facts.values()), TENANTS, self.start, self.start + 24 * HOUR)
        self.say(
            f"round {number}: {len(memory.facts):,} events acknowledged and counted once; "
            f"{len(memory.unheard):,} had an answer lost, {len(memory.told_twice):,} were told `stored` twice; "
            f"{dict(sorted(memory.statuses.items()))}"
        )

    def _end(self, way: str, draw: random.Random) -> None:
        """Ends the service, and perhaps its engine before, at the same moment, or not at all."""
        if way == "both":
            self.service.signal_engine(signal.SIGKILL)
        elif way == "frozen engine":
            self.service.signal_engine(signal.SIGSTOP)
            time.sleep(draw.uniform(0.0, 0.4))
        elif way == "engine first":
            self.service.signal_engine(signal.SIGKILL)
            time.sleep(draw.uniform(0.0, 0.6))
        self.service.kill()

    def _compare_rows(self) -> None:
        """The rows of the folder itself, read by the bare engine, are the events that were acknowledged: no other."""
        status = self.service.stop()
        if status:
            raise AssertionError(f"the service ended with {status}:\n{self.service.tail()}")
        wanted = sorted((fact.tenant, fact.id, fact.name, fact.user) for fact in self.crowd.memory.facts.values())
        found = rows_of(self.service.data)
        if found != wanted:
            lost, more = set(wanted) - set(found), Counter(found) - Counter(wanted)
            raise AssertionError(f"{len(lost)} rows are missing, {more.total()} are too many: {lost} {more}")
        if self.service.errors():
            raise AssertionError(f"the log tells of faults: {self.service.errors()}")
