"""The engine process alone is killed or frozen 50 times: receipts go on, reports say so and are soon back."""

import random
import signal
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest

from acceptance.crowd import Crowd
from acceptance.expected import HOUR, check, moment
from service import REPORTS, Client, Service

TIMES = 50
FROZEN = 14
"""How many of them freeze it: a frozen engine costs the watch a few seconds until it may be sure."""
BACK_SECONDS = 5.0


@dataclass(slots=True)
class Reader:
    """A thread that asks for a report all the time, and what it was told."""

    client: Client
    body: dict[str, str]
    answers: list[tuple[float, float, int, str | None]] = field(default_factory=list)
    """When asked, seconds until answered, status, `Retry-After`."""
    stopping: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        while not self.stopping.is_set():
            asked = time.monotonic()
            # NOTE: another question each time, for an answer that is kept says nothing of the engine.
            unlike = [{"field": "event_name", "op": "neq", "value": f"none-{len(self.answers)}"}]
            answer = self.client.ask("POST", f"{REPORTS}/timeseries", {**self.body, "filters": unlike})
            took = time.monotonic() - asked
            self.answers.append((asked, took, answer.status, answer.headers.get("retry-after")))
            self.stopping.wait(0.05)
        self.client.close()

    def good_since(self, began: float) -> float | None:
        """When the first good answer came to a question that was asked after this moment."""
        found = None
        for asked, took, status, _ in reversed(self.answers):
            if asked <= began:
                break
            if status == 200:
                found = asked + took
        return found


def quantile(values: list[float], part: float) -> float:
    """The value below which this part of the values lies."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(part * len(ordered)))]


@pytest.mark.slow
def test_killed_and_frozen_50_times(own_service: Service, capsys: pytest.CaptureFixture[str]) -> None:
    draw = random.Random(50)
    start = (time.time_ns() // 1_000 - 12 * HOUR) // HOUR * HOUR
    ways = [signal.SIGSTOP] * FROZEN + [signal.SIGKILL] * (TIMES - FROZEN)
    draw.shuffle(ways)
    crowd = Crowd({"ada": 1, "bert": 1}, 50, start, pause=0.02)
    span = {"from": moment(start), "to": moment(start + 24 * HOUR), "metric": "events.count", "grain": "1h"}
    reader = Reader(own_service.client("ada", timeout=15), span)
    thread = threading.Thread(target=reader.run, daemon=True)
    recoveries: list[tuple[int, float]] = []
    caught_up: list[float] = []
    own_service.wait_until_ready()
    crowd.begin(own_service)
    thread.start()
    try:
        for number, way in enumerate(ways):
            time.sleep(draw.uniform(0.0, 0.3))
            recoveries.append((way, _recover(own_service, reader, way)))
            if number % 5 == 0:
                caught_up.append(_catch_up(own_service))
    finally:
        reader.stopping.set()
        crowd.rest()
        thread.join(20)
    crowd.settle(own_service)
    memory = crowd.memory
    refused = [(status, after) for _, _, status, after in reader.answers if status != 200]
    told = {
        "killed": _spread([took for way, took in recoveries if way == signal.SIGKILL]),
        "frozen": _spread([took for way, took in recoveries if way == signal.SIGSTOP]),
        "caught up after": _spread(caught_up),
        "receipts": dict(memory.statuses),
        "receipt seconds": _spread(memory.seconds),
        "reports": dict(Counter(status for _, _, status, _ in reader.answers)),
        "report seconds": _spread([took for _, took, _, _ in reader.answers]),
        "engine starts": own_service.of("ada").get("/api/v1/analytics/stats")["engine"]["starts"],
    }
    with capsys.disabled():
        print(f"\n{told}")
    check(own_service, memory.facts.values(), ("ada", "bert"), start, start + 24 * HOUR)
    # A repetition that only the engine could tell from a new event is put off; no new event ever is.
    assert set(memory.statuses) <= {200, 202, 503}
    assert memory.refused == set()
    assert memory.told_twice == []
    assert quantile(memory.seconds, 0.99) < 1.0
    assert {status for status, _ in refused} <= {503}
    assert all(after is not None and after.isdigit() and int(after) >= 1 for _, after in refused), refused
    assert max(took for _, took, _, _ in reader.answers) < 10
    assert max(took for _, took in recoveries) < BACK_SECONDS, recoveries
    assert max(caught_up) < BACK_SECONDS, caught_up


def _recover(service: Service, reader: Reader, way: int) -> float:
    """Hurts the engine; gives the seconds until a report that was asked after it is answered."""
    while service.signal_engine(way) is None:
        time.sleep(0.01)
    began = time.monotonic()
    while (back := reader.good_since(began)) is None:
        assert time.monotonic() - began < 30, service.tail()
        time.sleep(0.02)
    return back - began


def _catch_up(service: Service) -> float:
    """Seconds until reports know of every event that was received up to now."""
    began = time.monotonic()
    now = datetime.now(UTC)
    while True:
        # NOTE: a question of its own each time; see `Reader.run`.
        asked = {"period": "1h", "metric": "events.count", "site_id": f"none-{time.monotonic_ns()}"}
        answer = service.of("bert").ask("POST", f"{REPORTS}/timeseries", asked)
        if answer.status == 200 and datetime.fromisoformat(answer.body["meta"]["as_of"]) >= now:
            return time.monotonic() - began
        assert time.monotonic() - began < 30, service.tail()
        time.sleep(0.05)


def _spread(values: list[float]) -> str:
    parts = [("p50", 0.5), ("p95", 0.95), ("p99", 0.99), ("max", 1.0)]
    return f"{len(values)}: " + " ".join(f"{name} {quantile(values, part):.2f}" for name, part in parts)
