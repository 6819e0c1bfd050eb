"""The crowd: clients on several connections that keep what was acknowledged and repeat what was not.

Each client has one request under way. When the service dies the request stays pending, and is sent again, to the
letter, when the service is back. What the crowd remembers at the end is what the service must hold: no more, no less.
"""

import gzip
import json
import random
import threading
import time
import uuid
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from service import BATCH, EVENTS, Answer, Away, Client, Service

NAMES = ("page_view", "search_query", "form_submit", "acme.lamp.lit", "button_click")
"""The first three make the funnel."""
USERS = 60


@dataclass(frozen=True, slots=True)
class Fact:
    """What the service must know of one event."""

    tenant: str
    id: str
    name: str
    at: int
    """Microseconds since 1970-01-01 UTC."""
    user: str

    def told(self) -> dict[str, Any]:
        """The event as it is sent. The session is the event's own, so that sessions count events."""
        moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=self.at)
        return {
            "event_id": self.id,
            "event_name": self.name,
            "occurred_at": moment.isoformat(timespec="microseconds"),
            "session_id": self.id,
            "user_id": self.user,
            "source": "web",
            "attributes": {"n": self.at % 1_000, "label": f"l{self.at % 7}", "deep": {"flag": self.at % 2 == 0}},
        }


@dataclass(slots=True)
class Memory:
    """What all clients together were told. Thread-safe."""

    facts: dict[tuple[str, str], Fact] = field(default_factory=dict)
    """By tenant and id: every event that was acknowledged."""
    stored: Counter[tuple[str, str]] = field(default_factory=Counter)
    """How often `stored` was told of it."""
    unheard: set[tuple[str, str]] = field(default_factory=set)
    """Events of requests that got no answer at least once."""
    statuses: Counter[int] = field(default_factory=Counter)
    refused: set[tuple[str, str]] = field(default_factory=set)
    """Events of requests that were refused by 503 before they were ever acknowledged."""
    seconds: list[float] = field(default_factory=list)
    """How long each answered request took."""
    lock: threading.Lock = field(default_factory=threading.Lock)

    def of(self, tenant: str) -> list[Fact]:
        """The events of a tenant that must be there."""
        return [fact for (owner, _), fact in self.facts.items() if owner == tenant]

    @property
    def told_twice(self) -> list[tuple[str, str]]:
        """Events of which `stored` was told more than once."""
        return [key for key, times in self.stored.items() if times > 1]

    @property
    def never_told(self) -> list[tuple[str, str]]:
        """Events of which `stored` was never told though no answer was lost."""
        return [key for key in self.facts if not self.stored[key] and key not in self.unheard]


@dataclass(frozen=True, slots=True)
class Telling:
    """One request: what it tells, and how."""

    facts: tuple[Fact, ...]
    bad: int
    """Events at the end that must be rejected or dropped."""
    path: str
    headers: dict[str, str]
    body: bytes


class Member:
    """One client with one connection."""

    def __init__(self, tenant: str, seed: str, memory: Memory, start: int, pause: float = 0.0) -> None:
        self.tenant = tenant
        self.pending: Telling | None = None
        self.pause = pause
        self.failure: BaseException | None = None
        self._memory = memory
        self._random = random.Random(seed)
        self._at = start
        self._mine: list[Fact] = []

    def run(self, client: Client, stopping: threading.Event) -> None:
        """Sends until told to stop or until the service is away."""
        try:
            while not stopping.is_set():
                self.step(client)
                if self.pause:
                    stopping.wait(self.pause)
        except Away:
            pass
        except BaseException as error:  # noqa: BLE001 - told by the crowd in the test's own thread
            self.failure = error
        finally:
            client.close()

    def step(self, client: Client) -> None:
        """One request; the pending one first."""
        telling = self.pending or self._made()
        self.pending = telling
        began = time.monotonic()
        try:
            answer = client.ask("POST", telling.path, telling.body, telling.headers)
        except Away:
            with self._memory.lock:
                self._memory.unheard.update((fact.tenant, fact.id) for fact in telling.facts)
            raise
        took = time.monotonic() - began
        with self._memory.lock:
            self._memory.statuses[answer.status] += 1
            self._memory.seconds.append(took)
            if answer.status == 503:
                named = {(fact.tenant, fact.id) for fact in telling.facts}
                self._memory.refused |= named - self._memory.facts.keys()
        if answer.status in (503, 507):
            time.sleep(0.05)
            return
        again = self._heard(telling, answer)
        self.pending = self._telling(again, 0, "batch") if again else None

    def _made(self) -> Telling:
        draw = self._random
        kind = draw.choice(("single", "single", "batch", "batch", "ndjson", "gzip"))
        fresh = tuple(self._fresh() for _ in range({"single": 1, "ndjson": 120}.get(kind, draw.randint(2, 60))))
        old = tuple(draw.sample(self._mine, min(len(self._mine), draw.choice((0, 0, 1, 8)))))
        if kind == "single":
            return self._telling(old[:1] or fresh, 0, kind)
        mixed = [*fresh, *old, *fresh[:1]]
        draw.shuffle(mixed)
        return self._telling(tuple(mixed), draw.choice((0, 0, 2)), kind)

    def _fresh(self) -> Fact:
        draw = self._random
        self._at += draw.randint(1_000, 100_000)
        name = draw.choice(NAMES)
        return Fact(self.tenant, str(uuid.UUID(int=draw.getrandbits(128), version=4)), name, self._at, self._user())

    def _user(self) -> str:
        return f"u{self._random.randrange(USERS)}"

    def _telling(self, facts: tuple[Fact, ...], bad: int, kind: str) -> Telling:
        events = [fact.told() for fact in facts]
        for number in range(bad):
            broken = self._fresh().told()
            broken |= {"source": "nowhere"} if number else {"context": {"consent": {"analytics": False}}}
            events.append(broken)
        if kind == "single":
            return Telling(facts, bad, EVENTS, {}, json.dumps(events[0]).encode())
        if kind == "ndjson":
            lines = b"\n".join(json.dumps(event).encode() for event in events)
            return Telling(facts, bad, BATCH, {"Content-Type": "application/x-ndjson"}, lines)
        body = json.dumps({"events": events}).encode()
        if kind == "gzip":
            return Telling(facts, bad, BATCH, {"Content-Encoding": "gzip"}, gzip.compress(body, 1))
        return Telling(facts, bad, BATCH, {}, body)

    def _heard(self, telling: Telling, answer: Answer) -> tuple[Fact, ...]:
        """Keeps what was acknowledged; gives what must be told again."""
        if answer.status not in (200, 202):
            raise AssertionError(f"{telling.path}: {answer.status} {answer.body}")
        if telling.path == EVENTS:
            told = {0: answer.body["status"]}
        else:
            told = {result["index"]: result["status"] for result in answer.body["results"]}
            plain = len(telling.facts) + telling.bad - len(told)
            if answer.body["accepted"] != plain:
                raise AssertionError(f"accepted {answer.body['accepted']}, but {plain} were plainly stored")
        refused = [told.get(len(telling.facts) + number) for number in range(telling.bad)]
        if refused != ["dropped", "rejected"][: telling.bad]:
            raise AssertionError(f"bad events became {refused}")
        again = []
        with self._memory.lock:
            for index, fact in enumerate(telling.facts):
                status = told.get(index, "stored")
                if status == "retry":
                    again.append(fact)
                    continue
                if status not in ("stored", "duplicate"):
                    raise AssertionError(f"{fact} became {answer.body}")
                key = (fact.tenant, fact.id)
                if key not in self._memory.facts:
                    self._memory.facts[key] = fact
                    self._mine.append(fact)
                if status == "stored":
                    self._memory.stored[key] += 1
        return tuple(again)


class Crowd:
    """Several members, and what they remember together."""

    def __init__(self, tenants: dict[str, int], seed: int, start: int, pause: float = 0.0) -> None:
        self.memory = Memory()
        self.members = [
            Member(tenant, f"{seed}/{tenant}/{number}", self.memory, start + number * 7, pause)
            for tenant, count in tenants.items()
            for number in range(count)
        ]
        self._threads: list[threading.Thread] = []
        self._stopping = threading.Event()

    def begin(self, service: Service) -> None:
        """Every member begins to send."""
        self._stopping.clear()
        self._threads = [
            threading.Thread(target=member.run, args=(service.client(member.tenant), self._stopping), daemon=True)
            for member in self.members
        ]
        for thread in self._threads:
            thread.start()

    def rest(self, seconds: float = 90.0) -> None:
        """Every member stops after its request; raises what went wrong for one."""
        self._stopping.set()
        for thread in self._threads:
            thread.join(seconds)
            if thread.is_alive():
                raise AssertionError(f"a request hangs for more than {seconds} s")
        for member in self.members:
            if member.failure is not None:
                raise member.failure

    def settle(self, service: Service, seconds: float = 60.0) -> None:
        """Sends what is pending until it is acknowledged."""
        deadline = time.monotonic() + seconds
        for member in self.members:
            client = service.client(member.tenant)
            while member.pending is not None:
                if time.monotonic() > deadline:
                    raise AssertionError(f"not acknowledged within {seconds} s: {self.memory.statuses}")
                member.step(client)
            client.close()
