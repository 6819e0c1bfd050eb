"""The export job: a large export that is written to a file first, and fetched when it is there."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class ExportState(StrEnum):
    """How far a job is."""

    WAITING = "waiting"
    RUNNING = "running"
    READY = "ready"
    """Its file can be fetched."""
    FAILED = "failed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    """Its file was there for its days, and is gone."""
    ERASED = "erased"
    """A person was erased whom its file might have held, so it is gone."""


OPEN = (ExportState.WAITING, ExportState.RUNNING)
"""The states of a job that is still to give a file."""


@dataclass(frozen=True, slots=True)
class ExportJob:
    """One job. Times are microseconds."""

    id: str
    tenant_id: str
    state: ExportState
    format: str
    made_at: int
    made_by: str
    """As the audit log names them."""
    asked: str = ""
    """What was asked, as JSON; empty as soon as it is no longer needed, for it can name a person."""
    lease: str = ""
    """The mark of the last claim: a part of the name of the file, so that no two claims write the same one."""
    attempts: int = 0
    about: int | None = None
    """How many rows there were to write when it began."""
    rows: int = 0
    """Rows written so far; lines, where the format is text."""
    size: int | None = None
    """Bytes of the file."""
    reason: str | None = None
    """Why it failed, in our own words."""
    finished_at: int | None = None
    expires_at: int | None = None

    @property
    def file(self) -> str:
        """The name of its file in the folder of exports."""
        return f"{self.id}.{self.lease}.{self.format}"

    @property
    def part(self) -> str:
        """The name of the file while it is being written."""
        return f"{self.id}.{self.lease}.part"

    def as_json(self, moment: Any) -> dict[str, Any]:
        """The job as it is told; `moment` writes a time."""
        done = self.state is ExportState.READY
        share = None if not self.about else min(self.rows / self.about, 1.0)
        return {
            "id": self.id,
            "state": self.state,
            "format": self.format,
            "made_at": moment(self.made_at),
            "made_by": self.made_by,
            "progress": {"rows": self.rows, "about": self.about, "percent": 100 if done else _percent(share)},
            "size": self.size,
            "reason": self.reason,
            "finished_at": None if self.finished_at is None else moment(self.finished_at),
            "expires_at": None if self.expires_at is None else moment(self.expires_at),
        }


def _percent(share: float | None) -> int | None:
    # NOTE: never 100 before the file is there.
    return None if share is None else min(int(share * 100), 99)
