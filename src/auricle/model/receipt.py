"""The receipt: what the service says became of one event."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Status(StrEnum):
    """What became of an event. The last two are never counted as received twice."""

    STORED = "stored"
    DUPLICATE = "duplicate"
    REJECTED = "rejected"
    DROPPED = "dropped"
    RETRY = "retry"


class Reason(StrEnum):
    """Why an event was rejected or dropped. Each is a row in `docs/reasons.md`."""

    NOT_AN_OBJECT = "not_an_object"
    ENVELOPE = "envelope"
    SCHEMA = "schema"
    UNKNOWN_EVENT = "unknown_event"
    UNKNOWN_SCHEMA = "unknown_schema"
    TENANT = "tenant"
    TOO_LARGE = "too_large"
    TOO_MANY_ATTRIBUTES = "too_many_attributes"
    TOO_DEEP = "too_deep"
    TOO_OLD = "too_old"
    IN_THE_FUTURE = "in_the_future"
    NO_CONSENT = "no_consent"
    FILTERED = "filtered"
    UNMAPPED = "unmapped"
    ERASED = "erased"


def pointer_of(path: Iterable[str | int]) -> str:
    """The JSON pointer (RFC 6901) of a path of names and places; `""` for no path, which is the whole document."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in path)


@dataclass(frozen=True, slots=True)
class Fault:
    """One broken rule of one event. Never holds the client's value."""

    pointer: str
    """JSON pointer (RFC 6901) into the event, `""` for the event itself."""
    rule: str
    """The JSON Schema keyword or limit that was broken: `required`, `type`, `maxLength`, `clock_skew` …"""
    message: str
    """What is expected, and the remedy."""

    def as_json(self) -> dict[str, str]:
        """The fault as it stands in answers."""
        return {"pointer": self.pointer, "rule": self.rule, "message": self.message}


@dataclass(frozen=True, slots=True)
class Rejected:
    """The verdict on an event that breaks a rule."""

    reason: Reason
    faults: tuple[Fault, ...]
    event_id: str | None = None
    event_name: str | None = None


@dataclass(frozen=True, slots=True)
class Dropped:
    """The verdict on a valid event that must not be kept, or on what is valid and no event."""

    reason: Reason
    event_id: str | None


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of one event of a request."""

    index: int
    event_id: str | None
    status: Status
    reason: Reason | None = None
    faults: tuple[Fault, ...] = ()
    conflict: bool = False
    warnings: tuple[Fault, ...] = ()
    """What a stored event breaks of its schema, where the tenant only observes."""

    def repeats(self, event_id: str) -> bool:
        """Whether it calls the event with this id a duplicate."""
        return self.status is Status.DUPLICATE and self.event_id == event_id

    def as_json(self) -> dict[str, Any]:
        """The receipt as it stands in answers, without its index."""
        body: dict[str, Any] = {"event_id": self.event_id, "status": self.status}
        if self.reason is not None:
            body["reason"] = self.reason
        if self.faults:
            body["errors"] = [fault.as_json() for fault in self.faults]
        if self.conflict:
            body["conflict"] = True
        if self.warnings:
            body["warnings"] = [fault.as_json() for fault in self.warnings]
        return body
