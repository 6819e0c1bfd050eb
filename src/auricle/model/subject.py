"""The data subject: whose events are found, exported or erased; and the erasure, from its order to its receipt."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from auricle.model.query import Filter, Op


@dataclass(frozen=True, slots=True)
class Subject:
    """Which events of a tenant are meant: those that meet every condition given. At least one is.

    Holds clear ids. It is kept only for as long as an erasure is under way.
    """

    user_id: str | None = None
    session_id: str | None = None
    site_id: str | None = None
    start: int | None = None
    """First moment of `occurred_at`, in microseconds."""
    end: int | None = None
    """First moment after the range."""
    filters: tuple[Filter, ...] = ()

    @property
    def whole(self) -> bool:
        """Whether all that is known of a user or a session is meant, and so what comes later too."""
        bounds = (self.site_id, self.start, self.end)
        return len(self.by) == 1 and not self.filters and all(bound is None for bound in bounds)

    @property
    def by(self) -> tuple[str, ...]:
        """The kinds of id that name a person here: `user_id`, `session_id`."""
        return tuple(name for name in ("user_id", "session_id") if getattr(self, name) is not None)

    @property
    def conditions(self) -> tuple[str, ...]:
        """The names of the conditions, without any value: what a receipt may tell for ever."""
        bounds = {"site_id": self.site_id, "from": self.start, "to": self.end, "filters": self.filters or None}
        return (*self.by, *(name for name, value in bounds.items() if value is not None))

    def as_json(self) -> dict[str, Any]:
        """The subject as it is kept until its erasure is done."""
        filters = [[one.field, one.op, one.value] for one in self.filters]
        return {
            "user_id": self.user_id,
            "session_id": self.session_id,
            "site_id": self.site_id,
            "start": self.start,
            "end": self.end,
            "filters": filters,
        }

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> "Subject":
        """The subject that `as_json` told of."""
        filters = tuple(
            Filter(name, Op(op), tuple(value) if isinstance(value, list) else value)
            for name, op, value in told["filters"]
        )
        return cls(**{**told, "filters": filters})


class State(StrEnum):
    """How far an erasure is; each begins when the one before is done for good."""

    WAITING = "waiting"
    """Until everything that was accepted before the order is in the event store."""
    ERASING = "erasing"
    """Rows are deleted from the event store, the journal and the failed events."""
    COMPACTING = "compacting"
    """The event store removes the files that still hold deleted rows."""
    SCRUBBING = "scrubbing"
    """The relational database is rewritten, so that no free page holds what was deleted."""
    DONE = "done"


class Store(StrEnum):
    """Where rows were erased from."""

    EVENTS = "events"
    POINTS = "points"
    SCORES = "scores"
    JOURNAL = "journal"
    """Rows that the event store could not read, set aside in the journal."""
    FAILED_EVENTS = "failed_events"
    ARCHIVE = "archive"
    """Events over their days, in the files that they were written to."""
    CONSENTS = "consents"
    """What the person said on being counted."""
    EXPORTS = "exports"
    """Files of export jobs of the tenant: each might have held the person."""


@dataclass(frozen=True, slots=True)
class Erasure:
    """An order to erase, and what became of it. Times are microseconds."""

    id: str
    tenant_id: str
    state: State
    conditions: tuple[str, ...]
    asked_at: int
    asked_by: str
    """Who ordered it, as the audit log names them."""
    subject: Subject | None = None
    """None as soon as it is no longer needed: then nobody can say whom it was about."""
    finished_at: int | None = None
    trouble: str | None = None
    """Why it does not get on at the moment."""
    erased: Mapping[str, int] = field(default_factory=dict)
    """Rows by `Store`."""
    suppressed: int = 0
    """Ids whose later events are refused on account of it."""

    def as_json(self, moment: Any) -> dict[str, Any]:
        """The receipt; `moment` writes a time."""
        return {
            "id": self.id,
            "state": self.state,
            "progress": {"step": list(State).index(self.state) + 1, "of": len(State)},
            "conditions": list(self.conditions),
            "asked_at": moment(self.asked_at),
            "asked_by": self.asked_by,
            "finished_at": None if self.finished_at is None else moment(self.finished_at),
            "erased": {store.value: self.erased.get(store, 0) for store in Store},
            "suppressed": self.suppressed,
            "trouble": self.trouble,
        }


class Mark(StrEnum):
    """What an entry of the suppression list refuses."""

    USER = "user"
    """Every event of a user."""
    SESSION = "session"
    """Every event of a session."""
    TRACE = "trace"
    """Events of a session that name no user: the session was an erased user's alone."""


@dataclass(frozen=True, slots=True)
class Suppression:
    """One entry of the suppression list; whom it is about cannot be read from it."""

    id: int
    mark: Mark
    erasure_id: str
    created_at: int
