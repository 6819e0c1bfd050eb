"""The entrance: what every door that takes events does alike, once its body is read.

A door turns its own shape into raw events; here they are taken, and their receipts become an answer. A door with
names of its own for the members of an event says so with `Names`, so that a fault points into what its client sent.
"""

import asyncio
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from starlette.requests import Request
from starlette.responses import Response

from auricle import clock
from auricle.edge.guard import Guard
from auricle.edge.reply import json_reply, problem
from auricle.errors import AuricleError, Invalid, TooLarge, Unavailable
from auricle.intake.door import Door, open_door
from auricle.intake.intake import Intake
from auricle.intake.schemas import MAX_POINTER, Registries
from auricle.model.principal import Principal, Scope
from auricle.model.receipt import Fault, Reason, Receipt, Rejected, Status, pointer_of
from auricle.settings import Settings

UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
SLICE = 2_000
"""Events of one body that are taken at once, so that a large body does not hold up small ones."""
LARGE = 100_000
"""Bytes of a body from which its JSON is worth waiting for: a megabyte of tiny values takes 80 ms to read."""
SHARED = ("event_id", "tenant_id", "site_id", "session_id", "user_id", "context", "schema")
"""Members of the envelope that every door takes under their own names."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Names:
    """What a door calls the members of an event: JSON pointers of the catalogue to its own, the longer ones first."""

    own: Mapping[str, str]

    def retell(self, fault: Fault) -> Fault:
        """The fault in the words of the door."""
        pointer, message = fault.pointer, fault.message
        for theirs, ours in self.own.items():
            if pointer == theirs or pointer.startswith(theirs + "/"):
                pointer = ours + pointer[len(theirs) :]
                break
        for theirs, ours in self.own.items():
            if ours:
                message = message.replace(f"`{theirs.rpartition('/')[2]}`", f"`{ours.rpartition('/')[2]}`")
        return Fault(pointer, fault.rule, message)

    def retold(self, receipt: Receipt) -> Receipt:
        """The receipt with its faults and warnings in the words of the door."""
        faults, warnings = (tuple(map(self.retell, told)) for told in (receipt.faults, receipt.warnings))
        return replace(receipt, faults=faults, warnings=warnings)


@dataclass(frozen=True, slots=True)
class Entrance:
    """What the doors share."""

    guard: Guard
    intake: Intake
    registries: Registries
    settings: Settings
    _reading: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def writer(self, request: Request) -> Principal:
        """Who sends these events; Unauthorized or Forbidden for who may not."""
        return await self.guard.allowed(request, Scope.EVENTS_WRITE)

    async def parse(self, body: bytes, parse: Callable[[bytes], T]) -> T:
        """What `parse` makes of a body: of several large ones one at a time, and others have their turn in between.

        NOTE: a thread would not help, for the JSON library holds the interpreter all the while.
        """
        if len(body) < LARGE:
            return parse(body)
        async with self._reading:
            await asyncio.sleep(0)
            return parse(body)

    async def take(
        self,
        principal: Principal,
        raws: Sequence[Any],
        *,
        sent_at: int | None = None,
        longest: int | None = None,
        names: Names | None = None,
        at_once: int = SLICE,
    ) -> list[Receipt | None]:
        """The receipts of raw events, in order; None stands for `stored`. See `open_door` for the arguments.

        NOTE: a fault between two slices keeps the first and refuses the request, which does no harm where a retry
        repeats the ids. A door that makes ids itself must take all `at_once`.
        """
        door_for = self._door(principal, sent_at, longest)
        self.intake.admit(principal.tenant_id, len(raws))
        receipts: list[Receipt | None] = []
        for start in range(0, len(raws), at_once):
            told = await self.intake.take(raws[start : start + at_once], door_for, admitted=True)
            receipts += [one and replace(one, index=one.index + start) for one in told] if start else told
        if names is None:
            return receipts
        return [names.retold(one) if one is not None and (one.faults or one.warnings) else one for one in receipts]

    def _door(self, principal: Principal, sent_at: int | None, longest: int | None) -> Callable[[int], Door]:
        return lambda received_at: open_door(
            self.registries,
            self.settings,
            principal,
            received_at=received_at,
            new_id=clock.new_id,
            sent_at=sent_at,
            longest=longest,
        )


_SINGLE_STATUS = {Status.STORED: 202, Status.DROPPED: 202, Status.DUPLICATE: 200}


def single_reply(raw: Any, receipt: Receipt | None) -> Response:
    """The answer to one event: 202 stored or dropped, 200 duplicate, 403 another tenant's, 413 or 422 rejected.

    Raises:
        Unavailable: it was not kept, and is to be sent again.
    """
    if receipt is None:
        return json_reply({"event_id": raw["event_id"].lower(), "status": Status.STORED}, 202)
    if receipt.status is Status.REJECTED:
        return problem(_refusal(receipt))
    if receipt.status is Status.RETRY:
        raise Unavailable("Another request with this event failed; send it again.", retry_after=2)
    return json_reply(receipt.as_json(), _SINGLE_STATUS[receipt.status])


def _refusal(receipt: Receipt) -> AuricleError:
    """The error of a single event that was rejected: 422, but 403 for another tenant's and 413 for its size."""
    error: AuricleError = Invalid("The event was rejected and does not count.", receipt.faults)
    if receipt.reason is Reason.TENANT:
        error.status, error.code, error.title = 403, "forbidden", "This credential may not do that"
    elif receipt.reason is Reason.TOO_LARGE:
        error = TooLarge("The event was rejected and does not count.", receipt.faults)
    return error


def counted(receipts: Sequence[Receipt | None], stored: str = "accepted") -> dict[str, int]:
    """How many became what; `stored` is what the door calls those that were stored. `retry` only where there is one."""
    counts = Counter(receipt.status for receipt in receipts if receipt is not None)
    told = {
        stored: len(receipts) - sum(counts.values()) + counts[Status.STORED],
        "duplicates": counts[Status.DUPLICATE],
        "rejected": counts[Status.REJECTED],
        "dropped": counts[Status.DROPPED],
    }
    if counts[Status.RETRY]:
        told["retry"] = counts[Status.RETRY]
    return told


def results(raws: Sequence[Any], receipts: Sequence[Receipt | None], everything: bool) -> list[dict[str, Any]]:
    """The receipts with their indexes: of the events that were not plainly stored, or of every one."""
    told: list[dict[str, Any]] = []
    for index, receipt in enumerate(receipts):
        if receipt is not None:
            told.append({"index": index, **receipt.as_json()})
        elif everything:
            told.append({"index": index, "event_id": raws[index]["event_id"].lower(), "status": Status.STORED})
    return told


def wants_all(request: Request) -> bool:
    """Whether the client asks for the receipt of every event (`?results=all`)."""
    return request.query_params.get("results") == "all"


def shared_members(raw: Mapping[str, Any]) -> dict[str, Any]:
    """The members of the envelope that a door passes on as they are, with an id where the client sent none."""
    told = {name: raw[name] for name in SHARED if name in raw}
    if told.get("event_id") is None:
        told["event_id"] = clock.new_id()
    return told


def fault_of_members(raw: Mapping[str, Any], known: Sequence[str]) -> Fault | None:
    """The fault of the first member that a door does not know."""
    for member in raw:
        if member not in known:
            text = f"There is no such member: remove it. Known are {', '.join(known)}."
            return Fault(pointer_of([member[:MAX_POINTER]]), "additionalProperties", text)
    return None


def rejected(raw: Any, pointer: str, rule: str, message: str, event_name: str | None = None) -> Rejected:
    """The verdict of a door on what it cannot read as an event."""
    known = raw.get("event_id") if isinstance(raw, dict) else None
    event_id = known.lower() if isinstance(known, str) and UUID.fullmatch(known) else None
    reason = Reason.ENVELOPE if isinstance(raw, dict) else Reason.NOT_AN_OBJECT
    return Rejected(reason, (Fault(pointer, rule, message),), event_id, event_name)
