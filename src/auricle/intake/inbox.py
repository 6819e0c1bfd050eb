"""The failed-event inbox at the way in: which refused events are kept, in what form, and how many.

A refused event is kept redacted, in the transaction of its request, and can be replayed (`auricle.intake.replay`).
Each tenant has room for so many events and bytes. One group (name, reason, pointer) takes at most as much as is still
free, so half of an empty inbox, a quarter of a half-full one: a client that sends nothing but rubbish leaves room for
the next fault, and fills no disk. Where there is no room a bare note stays, so that the fate of the event is known; of
notes the last ones are kept.
"""

import asyncio
import hashlib
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import orjson

from auricle.intake.door import Door
from auricle.intake.options import is_wanted
from auricle.intake.pseudonym import pseudonym
from auricle.intake.redact import redact, unclean
from auricle.intake.times import format_rfc3339, parse_rfc3339
from auricle.model.options import Consent, TenantOptions, UserIds
from auricle.model.receipt import Dropped, Fault, Reason, Rejected, Status
from auricle.model.schema import Mode
from auricle.store.inbox import Held, InboxStore
from auricle.store.journal import FailedEvent

NOTES_KEPT = 10_000
"""Bare notes of a tenant that a sweep leaves."""
SWEEPS = 10
"""Every so many sweeps all is read anew; 50,000 events of a tenant take 0.25 s to read, measured on two cores."""
MAX_POINTER = 256
NEVER_KEPT = frozenset({Reason.TENANT, Reason.TOO_LARGE})
"""Reasons whose events are noted without a body: the one may hold another tenant's, the other has no bound."""

LEFT_OUT = frozenset({"tenant_id", "sent_at", "received_at"})
"""Members that the request decides."""

Group = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Refused:
    """One event of a request that is not taken."""

    index: int
    raw: Any
    verdict: Rejected | Dropped


@dataclass(slots=True)
class _Bodies:
    """What is kept of one group."""

    ids: set[str] = field(default_factory=set)
    size: int = 0


@dataclass(slots=True)
class _Room:
    """What a tenant's inbox holds, as far as this process knows."""

    groups: dict[Group, _Bodies] = field(default_factory=dict)
    events: int = 0
    size: int = 0
    noted: int = 0
    """Bare notes since the last sweep."""

    def add(self, group: Group, event_id: str, size: int) -> None:
        bodies = self.groups.setdefault(group, _Bodies())
        bodies.ids.add(event_id)
        bodies.size += size
        self.events += 1
        self.size += size


class Inbox:
    """Decides what is kept of refused events. Belongs to the event loop."""

    def __init__(self, store: InboxStore, max_events: int, max_bytes: int, max_notes: int = NOTES_KEPT) -> None:
        """At most `max_events` events with at most `max_bytes` bytes are kept for each tenant, and `max_notes` notes.

        Until the next sweep as many notes again may be written.
        """
        self.store = store
        self._max_notes = max_notes
        self._max_events = max_events
        self._max_bytes = max_bytes
        self._rooms: dict[str, _Room] = {}
        self._sweeps = 0

    @property
    def limits(self) -> dict[str, int]:
        """The room of each tenant."""
        return {"events": self._max_events, "bytes": self._max_bytes}

    async def keep(self, door: Door, refused: Sequence[Refused]) -> tuple[list[FailedEvent], int]:
        """What is to be written of refused events, and of how many the body finds no room.

        Raises:
            Unavailable: the database cannot tell how much there is.
        """
        room = self._rooms.get(door.tenant_id)
        if room is None:
            held = await asyncio.to_thread(self.store.held, door.tenant_id)
            # NOTE: another request may have been quicker, and has counted in its own room.
            room = self._rooms.setdefault(door.tenant_id, _room_of(held))
        written: list[FailedEvent] = []
        unkept = 0
        for one in refused:
            if isinstance(one.verdict, Rejected) and _may_keep(one.raw, one.verdict, door):
                group = _group_of(one.verdict)
                there = room.groups.get(group)
                if there is not None and one.verdict.event_id in there.ids:
                    continue  # told again, and kept already
                if self._fits(room, there, 1):
                    body, event_id = _body_of(one.raw, one.verdict, door)
                    if there is not None and event_id in there.ids:
                        continue
                    if len(body) <= door.max_event_bytes and self._fits(room, there, len(body)):
                        room.add(group, event_id, len(body))
                        written.append(_failed(one, door, event_id, body))
                        continue
                unkept += 1
            if room.noted < self._max_notes:
                room.noted += 1
                written.append(_failed(one, door, one.verdict.event_id or "", b""))
        return written, unkept

    async def find(self, tenant_id: str, event_id: str) -> FailedEvent | None:
        """The last failure of an event with this id."""
        return await asyncio.to_thread(self.store.find, tenant_id, event_id)

    def changed(self, tenant_id: str) -> None:
        """Is told that what `keep` counted of a tenant does not hold: some was removed, or could not be written."""
        self._rooms.pop(tenant_id, None)

    async def sweep(self, before: int) -> None:
        """Removes what was received before a moment, in microseconds, and notes beyond their number.

        Now and then, and when something was removed, what is held is read anew: other processes keep and discard too.
        """
        self._sweeps += 1
        for tenant_id, room in list(self._rooms.items()):
            if room.noted:
                room.noted = 0
                await asyncio.to_thread(self.store.trim_notes, tenant_id, self._max_notes)
        if await asyncio.to_thread(self.store.forget, before) or self._sweeps % SWEEPS == 0:
            # NOTE: what is being committed right now is in neither the old room nor yet in the table; that much too
            # much may be kept.
            self._rooms.clear()

    def _fits(self, room: _Room, there: _Bodies | None, size: int) -> bool:
        """Whether a group may take one event more: it must hold no more than is still free."""
        events, held = (len(there.ids), there.size) if there else (0, 0)
        return events < self._max_events - room.events and held + size <= self._max_bytes - room.size


def _room_of(held: Sequence[Held]) -> _Room:
    room = _Room()
    for one in held:
        room.add((one.event_name, one.reason, one.pointer), one.event_id, one.size)
    return room


def _may_keep(raw: Any, verdict: Rejected, door: Door) -> bool:
    """Whether the body of a rejected event may be kept at all."""
    if raw.__class__ is not dict or verdict.reason in NEVER_KEPT or _forbids(raw, door.options):
        return False
    return verdict.reason is not Reason.SCHEMA or door.registry.mode_of(verdict.event_name or "") is not Mode.REJECT


def _forbids(raw: Mapping[str, Any], options: TenantOptions) -> bool:
    """Whether the person did not agree, or the tenant wants none such: a rejected event was not asked that."""
    context, name = raw.get("context"), raw.get("event_name")
    consent = context.get("consent") if isinstance(context, dict) else None
    agreed = consent.get("analytics") if isinstance(consent, dict) else None
    if agreed is False or (options.consent is Consent.OPT_IN and agreed is not True):
        return True
    return isinstance(name, str) and not is_wanted(name, options)


def _body_of(raw: Mapping[str, Any], verdict: Rejected, door: Door) -> tuple[bytes, str]:
    """The event as it is kept, and its id: redacted, its clock corrected, and with an id.

    An event without an id that could be read gets one made of its content, so that it is kept once, and counted once
    when it is replayed.
    """
    told = {name: value for name, value in raw.items() if name not in LEFT_OUT}
    occurred_at, event_id = raw.get("occurred_at"), verdict.event_id
    moment = parse_rfc3339(occurred_at) if isinstance(occurred_at, str) else None
    if moment is not None:
        del told["occurred_at"]
    if event_id is not None:
        told.pop("event_id", None)
    if isinstance(told.get("user_id"), str):
        told["user_id"] = _user_as_kept(told["user_id"], door.options)
    # NOTE: without time and id, which are never a person's: their digits would be looked at closely every time.
    if not _is_clean(told):
        told = redact(told)
    if moment is not None:
        told["occurred_at"] = format_rfc3339(moment + door.skew) if door.skew else occurred_at
    if event_id is None:
        content = orjson.dumps([door.tenant_id, told], option=orjson.OPT_SORT_KEYS)
        event_id = str(uuid.UUID(bytes=hashlib.sha256(content).digest()[:16], version=5))
    return orjson.dumps({**told, "event_id": event_id}), event_id


def _user_as_kept(user_id: str, options: TenantOptions) -> str:
    # NOTE: a bare hash cannot be told from an id, so a replay would hash it once more: such an id is left out instead.
    return "[redacted:user]" if user_id and options.user_ids is UserIds.BARE else pseudonym(user_id, options)


def _is_clean(told: Mapping[str, Any]) -> bool:
    try:
        return not unclean([told])
    except TypeError:  # nested deeper than JSON can be written; nothing has looked at that yet
        return False


def _group_of(verdict: Rejected) -> Group:
    return (_stored(verdict.event_name or ""), verdict.reason, pointer_as_kept(verdict.faults[0].pointer))


def _failed(one: Refused, door: Door, event_id: str, body: bytes) -> FailedEvent:
    verdict = one.verdict
    if isinstance(verdict, Rejected):
        name, _, pointer = _group_of(verdict)
        status, fault = Status.REJECTED, verdict.faults[0]
    else:
        name, pointer, status = "", "", Status.DROPPED
        fault = Fault("", str(verdict.reason), "Dropped, as the rule asks.")
    return FailedEvent(
        door.tenant_id,
        event_id,
        name,
        status,
        verdict.reason,
        pointer,
        fault.rule,
        fault.message,
        door.received_at + one.index,
        len(body),
        body.decode(),
    )


# NOTE: bounded: pointers name keys, which are the client's own.
@lru_cache(maxsize=1_024)
def pointer_as_kept(pointer: str) -> str:
    """A pointer as it is kept: it names keys, and a client may have a person's address for a key."""
    # NOTE: cut afterwards too: what stands for a finding may be longer than what was found, and PostgreSQL refuses the
    # whole commit, that of other requests as well, when a text is longer than its column.
    return _stored(str(redact(pointer))[:MAX_POINTER])


def _stored(text: str) -> str:
    """A text as the journal writes it."""
    return text.replace("\0", "\ufffd")
