"""The training export: what is asked of it, and the manifest of what was given."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Shape(StrEnum):
    """How a line of a training export is written."""

    RAW = "raw"
    OPENAI_CHAT = "openai-chat"
    GEMINI = "gemini"


class Split(StrEnum):
    """Which part of the interactions: the same interaction is always in the same one."""

    ALL = "all"
    TRAIN = "train"
    TEST = "test"


@dataclass(frozen=True, slots=True)
class Choice:
    """Which interactions go into an export, beyond their range and filters."""

    shape: Shape = Shape.RAW
    split: Split = Split.ALL
    test_share: float = 0.1
    min_score: float | None = None
    """Least overall score; what has no score is left out where a bound is asked."""
    max_score: float | None = None
    unique: bool = True
    """Whether of nearly the same interactions only the newest stays."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """What an export holds; kept for ever."""

    id: str
    tenant_id: str
    made_at: int
    made_by: str
    asked: Mapping[str, Any]
    rows: int
    size: int
    sha256: str

    def as_json(self, moment: Any) -> dict[str, Any]:
        """The manifest as it stands in answers; `moment` writes a time."""
        return {
            "id": self.id,
            "made_at": moment(self.made_at),
            "made_by": self.made_by,
            "asked": dict(self.asked),
            "rows": self.rows,
            "bytes": self.size,
            "sha256": self.sha256,
        }
