"""The load generator: pre-encoded requests over kept-alive connections, from a process of its own.

It shares the machine's cores with what it measures, so it does as little as it can: no HTTP client, no encoding, no
checking of bodies; a status, a length, a stopwatch. Two ways:

- closed: every connection sends its next request when the last is answered: how much goes through (saturation);
- open: requests leave by a timetable at a fixed rate, and a latency counts from the moment the timetable says, so a
  stall of the server is felt by every request that should have been sent meanwhile (no coordinated omission).
"""

import asyncio
import math
import multiprocessing
import resource
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, cast

import uvloop

PATIENCE = 30.0
"""Seconds that requests under way may still take after the last was sent; what is open then counts as unanswered."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What to send where. `requests` are whole HTTP requests; each is sent at most once."""

    host: str
    port: int
    requests: Sequence[bytes]
    connections: int
    seconds: float
    rate: float | None = None
    """Requests a second of the timetable; None for the closed loop."""
    events: Sequence[int] | None = None
    """Events in each request; None: one each."""


@dataclass(frozen=True, slots=True)
class Percentiles:
    """Latencies in milliseconds, nearest rank."""

    p50: float
    p90: float
    p95: float
    p99: float
    max: float


@dataclass(frozen=True, slots=True)
class Load:
    """What came of a plan."""

    sent: int
    seconds: float
    """From the first request to the last answer."""
    events: int
    """Events in the requests answered by 2xx."""
    statuses: dict[int, int]
    unanswered: int
    """Requests whose connection broke or that outlasted the patience."""
    latency: Percentiles | None
    cpu_seconds: float
    """What the generator itself took."""
    first_refusal: str | None
    """The start of the first answer that was not 2xx."""

    @property
    def accepted(self) -> int:
        """Requests answered by 2xx."""
        return sum(count for status, count in self.statuses.items() if 200 <= status < 300)

    @property
    def rate(self) -> float:
        """Accepted events a second, until the last answer."""
        return self.events / self.seconds if self.seconds else 0.0

    def as_json(self) -> dict[str, Any]:
        """The load as it stands in the bench's files."""
        return {**asdict(self), "accepted": self.accepted, "rate": self.rate}


def percentiles(latencies: Sequence[float]) -> Percentiles | None:
    """The percentiles of latencies in seconds, in milliseconds; None of none."""
    if not latencies:
        return None
    ranked = sorted(latencies)

    def rank(share: float) -> float:
        return round(ranked[max(0, math.ceil(share * len(ranked)) - 1)] * 1000, 3)

    return Percentiles(rank(0.5), rank(0.9), rank(0.95), rank(0.99), rank(1.0))


def request(path: str, body: bytes, headers: dict[str, str], content_type: str = "application/json") -> bytes:
    """A whole HTTP/1.1 POST, ready for the wire."""
    lines = [f"POST {path} HTTP/1.1", "Host: 127.0.0.1", f"Content-Type: {content_type}"]
    lines += [f"Content-Length: {len(body)}", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def run(plan: Plan) -> Load:
    """Carries the plan out in a fresh process and gives what came of it."""
    # NOTE: spawn, not fork: the caller may hold threads and sockets that a fork would copy in mid-flight.
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe(duplex=False)
    process = context.Process(target=_child, args=(plan, there), daemon=True)
    process.start()
    there.close()
    try:
        return cast(Load, here.recv())
    finally:
        process.join(5)
        if process.is_alive():
            process.kill()


def _child(plan: Plan, pipe: Any) -> None:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        pipe.send(runner.run(drive(plan)))


async def drive(plan: Plan) -> Load:
    """Carries the plan out on the running loop."""
    driver = _Driver(plan)
    await driver.connect()
    return await (driver.closed_loop() if plan.rate is None else driver.open_loop(plan.rate))


class _Connection(asyncio.Protocol):
    """One kept-alive connection: at most one request under way, answers told apart by Content-Length."""

    def __init__(self, answered: Callable[["_Connection", int, bytes], None], lost: Callable[["_Connection"], None]):
        self.answered, self.lost = answered, lost
        self.transport: asyncio.Transport | None = None
        self.buffer = b""
        self.since: float | None = None
        """When the request under way should have left; None between requests."""
        self.events = 0
        """Events in the request under way."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # NOTE: uvloop's transport is no subclass of asyncio.Transport, though it does the same.
        self.transport = cast(asyncio.Transport, transport)

    def send(self, data: bytes, since: float) -> None:
        assert self.transport is not None
        self.since = since
        self.transport.write(data)

    def data_received(self, data: bytes) -> None:
        self.buffer = self.buffer + data if self.buffer else data
        end = self.buffer.find(b"\r\n\r\n")
        if end < 0:
            return
        head = self.buffer[:end].lower()
        at = head.find(b"\r\ncontent-length:")
        if at < 0:  # chunked: whole when the last chunk is there
            if not self.buffer.endswith(b"\r\n0\r\n\r\n"):
                return
        else:
            stop = head.find(b"\r\n", at + 2)
            length = int(head[at + 17 : stop if stop > 0 else end])
            if len(self.buffer) < end + 4 + length:
                return
        status, body, self.buffer = int(self.buffer[9:12]), self.buffer, b""
        self.answered(self, status, body)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        self.lost(self)


class _Driver:
    """The state of one run."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.loop = asyncio.get_running_loop()
        self.all: list[_Connection] = []
        self.idle: deque[_Connection] = deque()
        self.due: deque[float] = deque()
        """Moments of the timetable whose request still waits for a connection."""
        self.next = 0
        self.under_way = 0
        self.events = 0
        self.statuses: dict[int, int] = {}
        self.latencies: list[float] = []
        self.unanswered = 0
        self.refusal: str | None = None
        self.deadline = float("inf")
        self.last_answer = 0.0
        self.quiet = asyncio.Event()

    async def connect(self) -> None:
        for _ in range(self.plan.connections):
            _, connection = await self.loop.create_connection(
                lambda: _Connection(self._answered, self._lost), self.plan.host, self.plan.port
            )
            self.all.append(connection)
        self.idle.extend(self.all)

    async def closed_loop(self) -> Load:
        started, cpu = time.perf_counter(), _cpu()
        self.deadline = started + self.plan.seconds
        while self.idle and self.next < len(self.plan.requests):
            self._send(self.idle.popleft(), time.perf_counter())
        return await self._finish(started, cpu)

    async def open_loop(self, rate: float) -> Load:
        total = min(len(self.plan.requests), int(self.plan.seconds * rate))
        started, cpu = time.perf_counter(), _cpu()
        timetabled = 0
        while timetabled < total:
            now = time.perf_counter()
            while timetabled < total and started + timetabled / rate <= now:
                self.due.append(started + timetabled / rate)
                timetabled += 1
            self._send_due()
            # NOTE: timers tick in milliseconds, so a request may leave up to 1 ms late; its latency counts that too.
            await asyncio.sleep(max(0.0, started + timetabled / rate - time.perf_counter()))
        return await self._finish(started, cpu)

    def _send_due(self) -> None:
        while self.due and self.idle:
            self._send(self.idle.popleft(), self.due.popleft())

    def _send(self, connection: _Connection, since: float) -> None:
        connection.events = self.plan.events[self.next] if self.plan.events else 1
        connection.send(self.plan.requests[self.next], since)
        self.next += 1
        self.under_way += 1

    def _answered(self, connection: _Connection, status: int, answer: bytes) -> None:
        now = time.perf_counter()
        if connection.since is None:
            return
        self.latencies.append(now - connection.since)
        self.last_answer, connection.since = now, None
        self.under_way -= 1
        self.statuses[status] = self.statuses.get(status, 0) + 1
        if 200 <= status < 300:
            self.events += connection.events
        elif self.refusal is None:
            self.refusal = answer[:600].decode(errors="replace")
        if self.plan.rate is None and now < self.deadline and self.next < len(self.plan.requests):
            self._send(connection, now)
            return
        self.idle.append(connection)
        self._send_due()
        if not self.under_way:
            self.quiet.set()

    def _lost(self, connection: _Connection) -> None:
        if connection.since is not None:
            connection.since = None
            self.under_way -= 1
            self.unanswered += 1
        if connection in self.idle:
            self.idle.remove(connection)
        if not self.under_way:
            self.quiet.set()

    async def _finish(self, started: float, cpu: float) -> Load:
        patience = (
            max(0.0, min(self.deadline, time.perf_counter() + self.plan.seconds) - time.perf_counter()) + PATIENCE
        )
        try:
            async with asyncio.timeout(patience):
                while self.under_way or (self.due and self.idle):
                    self.quiet.clear()
                    await self.quiet.wait()
        except TimeoutError:
            self.unanswered += self.under_way
        for connection in self.all:
            connection.since = None
            if connection.transport is not None:
                connection.transport.close()
        return Load(
            sent=self.next,
            seconds=max(self.last_answer - started, 1e-9),
            events=self.events,
            statuses=self.statuses,
            unanswered=self.unanswered + len(self.due),
            latency=percentiles(self.latencies),
            cpu_seconds=_cpu() - cpu,
            first_refusal=self.refusal,
        )


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime
