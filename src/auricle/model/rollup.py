"""The rollups: what they count by, and how far they reach."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

STEP = 1_800_000_000
"""Microseconds of one bucket: half an hour, so that days begin with a bucket in nearly every zone."""

ROLLUPS: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "rollup_events": frozenset({"event_name", "site_id", "source"}),
        "rollup_actors": frozenset({"site_id", "source", "user_id", "session_id"}),
    }
)
"""The tables, and the columns of an event that each keeps apart; the smallest first."""


@dataclass(frozen=True, slots=True)
class Coverage:
    """Which rows of the rollups count for a tenant, and which events they stand for."""

    upto: int
    """Microseconds of `received_at`: what came later is read from the events themselves."""
    segments: tuple[int, ...]
    epoch: int
    """Rises whenever events of the tenant that the rollups know may be about to go."""


@dataclass(frozen=True, slots=True)
class Holding:
    """What there is of the rollups, as their keeper sees it."""

    upto: int | None
    """None as long as nothing is rolled up."""
    paused: bool
    """Whether they were dropped and nobody has asked for them since."""
    live: Mapping[int, int]
    """Segments that count, with their rows."""
    idle: tuple[int, ...]
    """Segments that count no longer, or not yet."""
    stale: tuple[tuple[str, int], ...]
    """Tenants, with their epochs, whose rows must go, and whose events have stopped going."""
    purged: tuple[tuple[str, int], ...]
    """Tenants, with their epochs, whose rows are gone and may be made anew."""
    held: int
    """Tenants whose events are going at this moment."""
