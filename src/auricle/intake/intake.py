"""The intake: raw events in, receipts out; between them the steps, the dedupe and the journal.

Every door calls `Intake.take`. It is the one place where an event is counted as received.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import structlog

from auricle import clock
from auricle.errors import AuricleError, Unavailable
from auricle.intake.dedupe import SeenFilter, Window
from auricle.intake.door import Door
from auricle.intake.inbox import Inbox, Refused
from auricle.intake.journal import Journal
from auricle.intake.redact import redact
from auricle.intake.row import body_of, conflicts, fingerprint_of, fingerprint_of_line, line_of
from auricle.intake.steps import run
from auricle.intake.suppression import SuppressionList
from auricle.model.event import Event, key_of
from auricle.model.receipt import Dropped, Fault, Receipt, Rejected, Status
from auricle.store.events import EventStore, Known
from auricle.store.journal import Entry, FailedEvent, JournalStore

log = structlog.get_logger(__name__)

TOLD_FAULTS = 10
"""Faults of one request that the log tells in debug mode."""
Verdict = Event | Rejected | Dropped
LOOKUP_SECONDS = 0.5
"""How long a receipt waits for the store's word on suspected ids; a frozen engine must not hold the door."""


@dataclass(slots=True)
class _Telling:
    """One event of a request that may be new."""

    index: int
    event: Event
    body: bytes
    fingerprint: int


@dataclass(slots=True)
class _Request:
    """One request on its way through: its receipts, and by key what may be new."""

    tenant_id: str
    skewed: bool
    receipts: list[Receipt | None]
    tellings: dict[bytes, _Telling] = field(default_factory=dict)
    decisions: Counter[str] = field(default_factory=Counter)
    """How many repetitions were known by the request itself, by the window, by the store; for debug mode."""
    put_offs: int = 0
    """Tellings that were left out; they do not count as received."""

    def drop(self, key: bytes, first: int | None) -> int:
        """Marks a telling as a repetition of the event with the fingerprint `first`; gives its index.

        Without the first one's fingerprint, which is not kept for ever, nobody can say whether they differ.
        """
        told = self.tellings.pop(key)
        conflict = first is not None and conflicts(first, told.fingerprint, self.skewed)
        self.receipts[told.index] = Receipt(told.index, told.event.event_id, Status.DUPLICATE, conflict=conflict)
        return told.index

    def put_off(self, key: bytes) -> None:
        """Leaves an event out and asks for it again: nobody can say now whether it is a repetition."""
        told = self.tellings.pop(key)
        # NOTE: the request may tell it twice; were the second called a duplicate, its client would never send it again.
        again = [one.index for one in self.receipts if one is not None and one.repeats(told.event.event_id)]
        for index in (told.index, *again):
            self.receipts[index] = Receipt(index, told.event.event_id, Status.RETRY)
        self.put_offs += 1 + len(again)

    def warn(self, observed: Mapping[str, tuple[Fault, ...]]) -> None:
        """Tells the faults of events that were stored although they break their schema."""
        for told in self.tellings.values():
            faults = observed.get(told.event.event_id)
            if faults:
                self.receipts[told.index] = Receipt(told.index, told.event.event_id, Status.STORED, warnings=faults)


class Intake:
    """Takes events of all doors. Belongs to the event loop."""

    def __init__(
        self,
        journal: Journal,
        store: JournalStore,
        events: EventStore,
        seen: SeenFilter,
        inbox: Inbox,
        count: Callable[[str, int], None] = lambda _tenant, _events: None,
        suppressed: SuppressionList | None = None,
        *,
        debug: bool = False,
    ) -> None:
        """`count` is told the tenant and the number of events of each request, and may refuse them all.

        With `debug` the log tells how each request was judged.
        """
        self._debug = debug
        self._journal = journal
        self._store = store
        self._events = events
        self._seen = seen
        self._inbox = inbox
        self._count = count
        self._suppressed = suppressed
        self._window = Window()
        self._flying: list[tuple[str, Mapping[bytes, int], asyncio.Future[bool]]] = []
        self._received: dict[int, None] = {}
        self._last_received = 0
        self.step_seconds: dict[str, float] = {}
        """How long each step took for all events since the start."""
        self.refused: Counter[str] = Counter()
        """How many events were rejected or dropped since the start, by reason."""

    def load(self) -> None:
        """Takes the ids that still wait in the journal into the window. Once, before the first request."""
        for tenant, keys, rows in self._store.every_key():
            lines = rows.split(b"\n")
            prints = {keys[n * 16 : n * 16 + 16]: fingerprint_of_line(line) for n, line in enumerate(lines)}
            self._window.claim(tenant, prints, clock.micros())

    def admit(self, tenant_id: str, events: int) -> None:
        """Counts the events of a request that is taken in parts, before the first: `take` each part as `admitted`.

        Raises:
            TooManyRequests: the tenant has no room for these events now; TooLarge when it never has.
        """
        # NOTE: were each part counted by itself, a body larger than the quota would stop at the same place for ever,
        # because what was taken already is counted again with every try.
        self._count(tenant_id, events)

    async def take(
        self, raw: Sequence[Any], door_for: Callable[[int], Door], *, admitted: bool = False
    ) -> list[Receipt | None]:
        """Makes events of raw ones, writes the new ones, and says what became of each.

        Args:
            raw: decoded events, or the `Rejected` or `Dropped` that decoding made of one.
            door_for: the door of this request, given the time of receipt in microseconds.
            admitted: whether `admit` has counted these events.

        Returns:
            A receipt an event, in order; None stands for `stored`, the rule.

        Raises:
            StorageFull, Unavailable: nothing of the new events was kept; the client should try again.
            TooManyRequests, TooLarge: the tenant has no room for these events; none was looked at.
        """
        received_at = self._reserve(len(raw))
        self._received[received_at] = None
        failed: list[FailedEvent] = []
        written = False
        try:
            door = door_for(received_at)
            if not admitted:
                self._count(door.tenant_id, len(raw))
            before = dict(self.step_seconds) if self._debug else {}
            verdicts = run(raw, door, self.step_seconds)
            suppressed = self._suppressed and self._suppressed.of(door.tenant_id)
            if suppressed:
                verdicts = suppressed.drop(verdicts)
            request, refused, tally = _sort(raw, verdicts, door)
            if refused:
                self.refused.update(one.verdict.reason for one in refused)
                if suppressed:
                    # NOTE: not even a note: its pointer names keys of the event.
                    refused = [
                        one for one in refused if isinstance(one.verdict, Dropped) or not suppressed.covers(one.raw)
                    ]
                failed, tally["unkept"] = await self._inbox.keep(door, refused)
            waits = self._drop_known(request)
            if request.tellings:
                waits += await self._drop_stored(request)
            tellings = request.tellings
            tally["received"] = len(raw) - len(waits) - request.put_offs
            tally["duplicate"] = tally["received"] - len(tellings) - tally["rejected"] - tally["dropped"]
            if door.observed:
                tally["observed"] = sum(told.event.event_id in door.observed for told in tellings.values())
            lines = [line_of(told.body, told.event.occurred_at, received_at + told.index) for told in tellings.values()]
            rows, keys = b"\n".join(lines), b"".join(tellings)
            told = tuple(failed), tuple(door.said.values())
            await self._write(Entry(door.tenant_id, received_at, len(lines), keys, rows, tally, *told), request)
            written = True
            if self._debug:
                self._explain(request, refused, before)
            if door.observed:
                request.warn(door.observed)
            if waits:
                await self._wait_for_others(request, waits)
            return request.receipts
        finally:
            del self._received[received_at]
            if failed and not written:
                self._inbox.changed(failed[0].tenant_id)

    def _explain(self, request: _Request, refused: Sequence[Refused], before: Mapping[str, float]) -> None:
        """Tells the log how the events of a request were judged; never what they hold."""
        faults = Counter(
            # NOTE: a pointer names keys, and a client may have a person's address for a key.
            (one.verdict.reason, redact(fault.pointer), fault.rule)
            for one in refused
            if isinstance(one.verdict, Rejected)
            for fault in one.verdict.faults
        )
        log.debug(
            "taken",
            events=len(request.receipts),
            new=len(request.tellings),
            known=dict(request.decisions),
            put_off=request.put_offs,
            refused=dict(Counter(str(one.verdict.reason) for one in refused)),
            faults=[(*fault, events) for fault, events in faults.most_common(TOLD_FAULTS)],
            step_ms={
                step: round((seconds - before.get(step, 0.0)) * 1_000, 3) for step, seconds in self.step_seconds.items()
            },
        )

    def _reserve(self, events: int) -> int:
        """A stretch of `received_at`, one microsecond an event: unique, and in the order of arrival."""
        first = max(clock.micros(), self._last_received + 1)
        self._last_received = first + max(events, 1) - 1
        return first

    def _drop_known(self, request: _Request) -> list[tuple[int, asyncio.Future[bool]]]:
        """Marks the events that the window knows; returns those whose first telling is still being written."""
        waits = []
        for key, fingerprint in self._window.known(request.tenant_id, request.tellings).items():
            index = request.drop(key, fingerprint)
            request.decisions["window"] += 1
            flying = self._flight_of(request.tenant_id, key)
            if flying is not None:
                waits.append((index, flying))
        return waits

    async def _drop_stored(self, request: _Request) -> list[tuple[int, asyncio.Future[bool]]]:
        """Marks the events that the store has, asking it only for those that the filter suspects."""
        suspects = self._seen.suspected(list(request.tellings))
        if not any(suspects):
            return []
        pairs = zip(request.tellings.values(), suspects, strict=True)
        asked = [(request.tenant_id, told.event.event_id) for told, suspect in pairs if suspect]
        try:
            async with asyncio.timeout(LOOKUP_SECONDS):
                found = await self._events.known_async(asked)
        except (AuricleError, TimeoutError):
            # The engine is away. Whom the filter suspects is nearly always a repetition, so `stored` would be a lie: it
            # is asked for again. While the filter still fills, everyone is suspected and the events are taken; the
            # indexer, which must have the engine, finds the truth.
            found = Known([], set())
            if self._seen.complete:
                for (key, _), suspect in zip(list(request.tellings.items()), suspects, strict=True):
                    if suspect:
                        request.put_off(key)
        for known, _ in found.kept:
            request.drop(known.key, fingerprint_of(body_of(known), known.occurred_at))
        for _, event_id in found.retired:
            request.drop(key_of(event_id), None)
        request.decisions["store"] += len(found.kept) + len(found.retired)
        # NOTE: while the store was asked, another request may have brought the same id.
        return self._drop_known(request)

    async def _write(self, entry: Entry, request: _Request) -> None:
        """Claims the ids, writes the entry, and lets go of the ids when that fails."""
        prints = {key: told.fingerprint for key, told in request.tellings.items()}
        flight = (entry.tenant_id, prints, asyncio.get_running_loop().create_future())
        self._window.claim(entry.tenant_id, prints, self._last_received)
        self._flying.append(flight)
        try:
            await self._journal.append(entry)
        except BaseException:
            self._window.release(entry.tenant_id, prints)
            flight[2].set_result(False)
            raise
        else:
            flight[2].set_result(True)
        finally:
            self._flying.remove(flight)

    async def _wait_for_others(self, request: _Request, waits: Sequence[tuple[int, asyncio.Future[bool]]]) -> None:
        """Tells of ids that another request was writing; only now is it known whether it could."""
        told = 0
        for index, flying in waits:
            if await asyncio.shield(flying):
                told += 1
            else:
                request.receipts[index] = Receipt(index, None, Status.RETRY)
        tally = {"received": told, "duplicate": told}
        await self._journal.append(Entry(request.tenant_id, 0, 0, b"", b"", tally))

    def _flight_of(self, tenant: str, key: bytes) -> asyncio.Future[bool] | None:
        for other, prints, flying in self._flying:
            if other == tenant and key in prints:
                return flying
        return None

    def rotate(self) -> None:
        """Lets the window forget what the engine has; called every second or so."""
        self._window.rotate(time.monotonic(), self.watermark)

    @property
    def watermark(self) -> int:
        """The moment up to which every event received is visible in reports; microseconds."""
        # NOTE: first the clock, then the requests under way, then the journal: an event moves on in this order, so
        # none can slip past the three looks.
        now = clock.micros()
        flying = min(self._received, default=now)
        waiting = self._journal.oldest
        return min(now, flying, now if waiting is None else waiting) - 1

    def settled(self) -> int:
        """The moment (microseconds) up to which every event received is in the event store, whoever received it.

        Blocks.
        """
        own = self.watermark
        oldest = self._store.waiting().oldest
        return own if oldest is None else min(own, oldest - 1)

    async def fate(self, tenant: str, event_id: str) -> Mapping[str, Any] | None:
        """What became of an event; None when nothing is known of it.

        `stored`, `waiting`, `rejected`, `dropped`, `erased`, or `expired`: it was stored, and is no longer kept.
        """
        key = key_of(event_id)
        if self._window.known(tenant, [key]):
            flying = self._flight_of(tenant, key)
            if flying is not None:
                await asyncio.shield(flying)
        known = await self._known(tenant, event_id)
        if known.kept:
            event, received_at = known.kept[0]
            return {"fate": "stored", "event": event, "received_at": received_at}
        if self._window.known(tenant, [key]):
            return {"fate": "waiting"}
        suppressed = self._suppressed and self._suppressed.of(tenant)
        if suppressed and suppressed.knows(key):
            return {"fate": "erased"}
        if known.retired:
            return {"fate": "expired"}
        failed = await self._inbox.find(tenant, event_id)
        return {"fate": failed.status, "failed": failed} if failed else None

    async def _known(self, tenant: str, event_id: str) -> Known:
        try:
            return await self._events.known_async([(tenant, event_id)])
        except Unavailable:
            if self._window.known(tenant, [key_of(event_id)]):
                return Known([], set())
            raise


def _sort(raw: Sequence[Any], verdicts: Sequence[Verdict], door: Door) -> tuple[_Request, list[Refused], Counter[str]]:
    """The request of these verdicts, what was refused, and how many of it."""
    request = _Request(door.tenant_id, door.skew != 0, [None] * len(verdicts))
    refused: list[Refused] = []
    tally: Counter[str] = Counter()
    for index, verdict in enumerate(verdicts):
        if isinstance(verdict, Event):
            key = verdict.key
            body = body_of(verdict)
            told = _Telling(index, verdict, body, fingerprint_of(body, verdict.occurred_at))
            first = request.tellings.setdefault(key, told)
            if first is not told:
                conflict = first.fingerprint != told.fingerprint
                request.receipts[index] = Receipt(index, verdict.event_id, Status.DUPLICATE, conflict=conflict)
                request.decisions["request"] += 1
        else:
            faults = verdict.faults if isinstance(verdict, Rejected) else ()
            status = Status.REJECTED if isinstance(verdict, Rejected) else Status.DROPPED
            request.receipts[index] = Receipt(index, verdict.event_id, status, verdict.reason, faults)
            tally[status] += 1
            if verdict.event_id is not None or status is Status.REJECTED:
                # NOTE: what is dropped without an id can never be asked for, and an export may be full of it.
                refused.append(Refused(index, raw[index], verdict))
    return request, refused, tally
