"""A tenant's schemas: versions, modes, and what is kept of each."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple

_NUMBER = r"(0|[1-9][0-9]{0,5})"

VERSION = re.compile(rf"{_NUMBER}-{_NUMBER}-{_NUMBER}")

SCHEMA_ID = re.compile(rf"auricle:([a-z0-9_.-]{{1,64}})/([a-z0-9_.]{{1,128}})/jsonschema/({VERSION.pattern})")
"""A self-describing `$id`: vendor, event name, version, and the three parts of that."""


class Mode(StrEnum):
    """What becomes of an event whose attributes break their schema."""

    OBSERVE = "observe"
    """It is stored, and its faults are told as warnings."""
    QUARANTINE = "quarantine"
    """It is rejected, and kept in the failed-event inbox."""
    REJECT = "reject"
    """It is rejected; only the first fault is noted."""


DEFAULT_MODE = Mode.QUARANTINE


class Part(StrEnum):
    """The part of a version that a change raises, from the least to the most."""

    ADDITION = "addition"
    REVISION = "revision"
    MODEL = "model"


class Version(NamedTuple):
    """A version in the manner of SchemaVer: `model-revision-addition`."""

    model: int
    revision: int
    addition: int

    @classmethod
    def read(cls, text: str) -> "Version | None":
        """The version of `1-0-0`; None when the text is none."""
        found = VERSION.fullmatch(text)
        return cls(*map(int, found.groups())) if found else None

    def next(self, part: Part) -> "Version":
        """The version after this one when that part rises."""
        if part is Part.MODEL:
            return Version(self.model + 1, 0, 0)
        if part is Part.REVISION:
            return Version(self.model, self.revision + 1, 0)
        return Version(self.model, self.revision, self.addition + 1)

    def __str__(self) -> str:
        return f"{self.model}-{self.revision}-{self.addition}"


FIRST = Version(1, 0, 0)


@dataclass(frozen=True, slots=True)
class TenantSchema:
    """One version of a schema that a tenant registered."""

    vendor: str
    event_name: str
    version: Version
    document: Mapping[str, Any]
    created_at: int
    """Microseconds."""

    @property
    def id(self) -> str:
        """Its `$id`."""
        return f"auricle:{self.vendor}/{self.event_name}/jsonschema/{self.version}"


@dataclass(frozen=True, slots=True)
class TenantSchemas:
    """All that a tenant registered, at one moment."""

    revision: int
    """Rises with every change; a write says which it was judged against."""
    schemas: tuple[TenantSchema, ...] = ()
    """By event name, each from the oldest version to the newest."""
    modes: tuple[tuple[str, Mode], ...] = ()

    def of(self, event_name: str) -> tuple[TenantSchema, ...]:
        """The versions of one event name, oldest first."""
        return tuple(schema for schema in self.schemas if schema.event_name == event_name)
