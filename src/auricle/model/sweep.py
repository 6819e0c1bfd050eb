"""The sweep: events over their days leave the event store, from the choice of them to the last row."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class SweepState(StrEnum):
    """How far a sweep is; each begins when the one before is done for good."""

    PLANNING = "planning"
    """Which events go is being noted."""
    ARCHIVING = "archiving"
    """They are written to the archive, and read back."""
    RETIRING = "retiring"
    """Their ids are noted, so that none is ever counted again."""
    DELETING = "deleting"
    """The event store deletes the rows."""
    DONE = "done"
    ABANDONED = "abandoned"
    """Nothing went: the days were changed while it was under way."""


REMOVING = (SweepState.RETIRING, SweepState.DELETING)
"""The states in which no erasure may take rows: what a sweep counted must be what goes."""
ENDED = (SweepState.DONE, SweepState.ABANDONED)


@dataclass(frozen=True, slots=True)
class Group:
    """Events that go together: those of one tenant, name and dataset that were received on one day."""

    tenant_id: str
    event_name: str
    dataset: str
    """Of a data point, where some tenant has days for a dataset; else empty."""
    day: str
    """The day of receipt in UTC, `2026-08-01`."""
    events: int


@dataclass(frozen=True, slots=True)
class Share:
    """A tenant's part of a sweep."""

    tenant_id: str
    names: Mapping[str, int]
    """Events by name."""

    @property
    def events(self) -> int:
        """All of them."""
        return sum(self.names.values())


@dataclass(frozen=True, slots=True)
class Sweep:
    """One sweep: events that occurred in one month, of any number of tenants. Times are microseconds."""

    id: str
    month: int
    """The month in which the events occurred, 202608: a partition of the event store."""
    state: SweepState
    datasets: bool
    """Whether its groups tell datasets apart."""
    archived: bool
    """Whether its events are archived before they go."""
    began_at: int
    finished_at: int | None = None
    trouble: str | None = None
    """Why it does not get on at the moment; our own words."""
    shares: tuple[Share, ...] = field(default=())

    @property
    def folder(self) -> str:
        """The month as folders of the archive are called, `2026-08`."""
        return f"{self.month // 100:04}-{self.month % 100:02}"

    def as_json(self, tenant_id: str, moment: Any) -> dict[str, Any]:
        """What a tenant is told of it: its own part alone; `moment` writes a time."""
        names = next((share.names for share in self.shares if share.tenant_id == tenant_id), {})
        return {
            "id": self.id,
            "state": self.state,
            "month": self.folder,
            "archived": self.archived,
            "began_at": moment(self.began_at),
            "finished_at": None if self.finished_at is None else moment(self.finished_at),
            "trouble": self.trouble,
            "events": sum(names.values()),
            "names": dict(names),
        }
