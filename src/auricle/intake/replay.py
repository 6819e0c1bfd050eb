"""Replay: failed events are sent through the intake once more, as if their client had told them again.

A replayed event keeps its id, so however often it is replayed, and wherever that is interrupted, it is counted once:
first it is written like any other, then it leaves the inbox; killed in between, it is a duplicate the next time.
"""

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import orjson

from auricle import clock
from auricle.intake.door import Door, open_door
from auricle.intake.inbox import Inbox, pointer_as_kept
from auricle.intake.intake import Intake
from auricle.intake.schemas import Registries
from auricle.intake.steps import run
from auricle.intake.times import parse_rfc3339
from auricle.model.principal import Principal
from auricle.model.receipt import Rejected, Status
from auricle.settings import Settings
from auricle.store.inbox import Failure, Selection, Verdict

MOST = 2_000
"""Failed events of one replay; the next goes on behind the last."""
SLICE = 200
"""Those that are taken at once, so that a replay does not hold up the doors."""
IDS = ("site_id", "session_id", "user_id")
MARK = "[redacted:"


@dataclass(frozen=True, slots=True)
class Replayed:
    """What became of the events of one replay."""

    stored: int
    duplicates: int
    dropped: int
    failed: int
    """Those that broke a rule again, and stay."""
    retry: int
    """Those that could not be written now, and stay."""
    next: int | None
    """The number behind which the next replay goes on; None when there is nothing more."""


class Replay:
    """Replays failed events. Belongs to the event loop."""

    def __init__(self, inbox: Inbox, intake: Intake, registries: Registries, settings: Settings) -> None:
        self._store = inbox.store
        self._inbox = inbox
        self._intake = intake
        self._registries = registries
        self._settings = settings

    async def replay(self, principal: Principal, selection: Selection, after: int, limit: int) -> Replayed:
        """Replays the oldest failed events of a selection, those with a number above `after`.

        Raises:
            StorageFull, Unavailable: those that were replayed before stay so; the others are kept as they are.
        """
        counts: Counter[Status] = Counter()
        seen, more = 0, True
        while more and seen < limit:
            size = min(SLICE, limit - seen)
            found = await asyncio.to_thread(self._store.oldest, principal.tenant_id, selection, after, size)
            counts += await self._part(principal, found)
            seen, more = seen + len(found), len(found) == size
            after = found[-1].id if found else after
        return Replayed(
            stored=counts[Status.STORED],
            duplicates=counts[Status.DUPLICATE],
            dropped=counts[Status.DROPPED],
            failed=counts[Status.REJECTED],
            retry=counts[Status.RETRY],
            next=after if more else None,
        )

    async def _part(self, principal: Principal, failures: Sequence[Failure]) -> Counter[Status]:
        """Replays some: those that were in time when they came, and apart those that were not."""
        skew = self._settings.clock_skew * 1_000_000
        sorted_out: dict[bool, list[tuple[Failure, Any]]] = {False: [], True: []}
        for failure in failures:
            raw = _raw_of(failure)
            sorted_out[_is_late(raw, failure, skew)].append((failure, raw))
        counts: Counter[Status] = Counter()
        for late, some in sorted_out.items():
            if some:
                counts += await self._take(principal, some, late)
        return counts

    async def _take(self, principal: Principal, some: Sequence[tuple[Failure, Any]], late: bool) -> Counter[Status]:
        verdicts = run([raw for _, raw in some], self._door(principal, clock.micros(), late))
        pairs = list(zip(some, verdicts, strict=True))
        failing = [(failure, verdict) for (failure, _), verdict in pairs if isinstance(verdict, Rejected)]
        good = [one for one, verdict in pairs if not isinstance(verdict, Rejected)]
        counts = Counter({Status.REJECTED: len(failing)})
        done = []
        if good:
            # NOTE: without those that fail again, so that a vain replay changes no count of the tenant.
            receipts = await self._intake.take(
                [raw for _, raw in good], lambda received_at: self._door(principal, received_at, late), admitted=True
            )
            for (failure, _), receipt in zip(good, receipts, strict=True):
                status = receipt.status if receipt is not None else Status.STORED
                counts[status] += 1
                if status not in (Status.RETRY, Status.REJECTED):
                    done.append(failure.id)
        await asyncio.to_thread(self._store.replayed, principal.tenant_id, done, actor=principal.actor)
        changed = [told for failure, verdict in failing if (told := _verdict_of(failure, verdict)) is not None]
        await asyncio.to_thread(self._store.rewrite, principal.tenant_id, changed)
        self._inbox.changed(principal.tenant_id)
        return counts

    def _door(self, principal: Principal, received_at: int, late: bool) -> Door:
        door = open_door(self._registries, self._settings, principal, received_at=received_at, new_id=clock.new_id)
        # NOTE: an event that was in time when it came is so for ever, however long it lay in the inbox.
        return door if late else replace(door, oldest=0)


def _raw_of(failure: Failure) -> dict[str, Any]:
    """The event to be replayed. Redacted ids are left out: all persons would else become one."""
    raw: dict[str, Any] = orjson.loads(failure.event.body)
    return {
        name: value for name, value in raw.items() if not (name in IDS and isinstance(value, str) and MARK in value)
    }


def _is_late(raw: dict[str, Any], failure: Failure, skew: int) -> bool:
    told = raw.get("occurred_at")
    occurred_at = parse_rfc3339(told) if isinstance(told, str) else None
    return occurred_at is not None and occurred_at < failure.event.received_at - skew


def _verdict_of(failure: Failure, verdict: Rejected) -> Verdict | None:
    """Why an event failed again; None when it is for the same reason as before."""
    fault, event = verdict.faults[0], failure.event
    told = (verdict.event_name or "", verdict.reason, pointer_as_kept(fault.pointer), fault.rule, fault.message)
    if told == (event.event_name, event.reason, event.pointer, event.rule, event.message):
        return None
    return Verdict(failure.id, *told)
