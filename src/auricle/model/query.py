"""The query: one question to a report, with everything it needs to be answered and nothing of HTTP or SQL."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from auricle.model.rollup import Coverage

Scalar = str | int | float | bool
"""One value a filter compares with."""


class Op(StrEnum):
    """How a filter compares. `neq` and `not_in` are the exact opposites of `eq` and `in`."""

    EQ = "eq"
    NEQ = "neq"
    IN = "in"
    NOT_IN = "not_in"
    CONTAINS = "contains"
    GT = "gt"
    GTE = "gte"
    LT = "lt"
    LTE = "lte"
    EXISTS = "exists"


class Grain(StrEnum):
    """The lengths of a time bucket, finest first."""

    MINUTE = "1m"
    FIVE_MINUTES = "5m"
    QUARTER = "15m"
    HOUR = "1h"
    DAY = "1d"
    WEEK = "1w"
    MONTH = "1mo"
    ALL = "all"
    """The whole range as one bucket."""


class Order(StrEnum):
    """How the steps of a funnel must follow each other."""

    SEQUENTIAL = "sequential"
    STRICT = "strict"
    ANY = "any"


class By(StrEnum):
    """Who walks through a funnel: `user` is the actor (`user_id`, else the session)."""

    USER = "user"
    SESSION = "session"


class Direction(StrEnum):
    """Which way a path goes from its event."""

    AFTER = "after"
    BEFORE = "before"


class State(StrEnum):
    """What became of a voice query."""

    ANSWERED = "answered"
    UNANSWERED = "unanswered"
    ERROR = "error"
    PENDING = "pending"


@dataclass(frozen=True, slots=True)
class Filter:
    """One condition on one field of an event."""

    field: str
    op: Op
    value: Scalar | tuple[Scalar, ...] | None
    """A tuple for `in` and `not_in`; `None` only where `exists` was asked without a value."""
    pointer: str = ""
    """Where the filter stands in the request, for faults."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a funnel: an event name, and conditions on the event."""

    event: str
    filters: tuple[Filter, ...] = ()


@dataclass(frozen=True, slots=True)
class Span:
    """A half-open range of time, in microseconds since 1970-01-01 UTC."""

    start: int
    end: int

    @property
    def before(self) -> "Span":
        """The range of the same length that ends where this one starts."""
        return Span(2 * self.start - self.end, self.start)


@dataclass(frozen=True, slots=True)
class Timeseries:
    """What `timeseries` asks: one metric, in buckets of one grain."""

    metric: str
    grain: Grain


@dataclass(frozen=True, slots=True)
class Funnel:
    """What `funnel` asks."""

    steps: tuple[Step, ...]
    window: int
    """Microseconds from the first step within which the others must lie, the last instant included."""
    order: Order
    by: By


@dataclass(frozen=True, slots=True)
class Active:
    """What `active` asks: nothing but the range."""


@dataclass(frozen=True, slots=True)
class Top:
    """What `top` asks: the most frequent values of one field."""

    field: str
    limit: int
    fold: bool


@dataclass(frozen=True, slots=True)
class Retention:
    """What `retention` asks: who came for the first time, and who of them came again."""

    cohort: Step
    back: Step
    """The event that counts as coming again."""
    grain: Grain
    """Day, week or month."""
    periods: int
    """How many buckets after its own a cohort is followed."""
    by: By


@dataclass(frozen=True, slots=True)
class Sessions:
    """What `sessions` asks: visits, cut where an actor paused."""

    grain: Grain
    gap: int
    """Microseconds; a longer pause ends a session."""


@dataclass(frozen=True, slots=True)
class Paths:
    """What `paths` asks: what came after an event, or before it."""

    event: Step
    direction: Direction
    depth: int
    """How many events of a path are told."""
    limit: int
    window: int
    """Microseconds from the event within which the others must lie, the last instant included."""
    by: By


@dataclass(frozen=True, slots=True)
class Interactions:
    """What `interactions` asks: voice queries with what became of them."""

    states: tuple[State, ...]
    """Those that are listed; all when empty."""
    limit: int
    threshold: float
    """An overall score below it makes an interaction unanswered."""


class Format(StrEnum):
    """What an export is written as."""

    CSV = "csv"
    JSONL = "jsonl"
    XLSX = "xlsx"
    PARQUET = "parquet"


@dataclass(frozen=True, slots=True)
class Export:
    """What an export asks: the events themselves."""

    format: Format
    names: tuple[str, ...]
    """Only events of these names; of all when empty."""


Ask = Timeseries | Funnel | Active | Top | Retention | Sessions | Paths | Interactions | Export
"""The part of a query that belongs to one report."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """One question to one report, of one tenant, at one moment.

    As it comes from the edge the range may be open; after the passes of `report.plan`, `start` and `end` are set.
    """

    report: str
    tenant_id: str
    now: datetime
    ask: Ask
    start: datetime | None = None
    end: datetime | None = None
    period: timedelta | None = None
    zone: str = "UTC"
    """IANA name of the zone in which days begin."""
    site_id: str | None = None
    filters: tuple[Filter, ...] = ()
    breakdown: str | None = None
    keys: tuple[str, ...] | None = None
    """The encoded values a breakdown keeps apart (`report.breakdown`); `None` lets the range decide its top ten."""
    compare: bool = False
    include_test: bool = False
    max_points: int = 10_000
    rollup: Coverage | None = None
    """How far the rollups reach, where they can answer; `None` reads the events."""

    @property
    def span(self) -> Span:
        """The range in microseconds. `ValueError` before the range is settled."""
        if self.start is None or self.end is None:
            raise ValueError("the range of this query is not settled yet")
        return Span(micros_of(self.start), micros_of(self.end))


EPOCH = datetime.fromisoformat("1970-01-01T00:00:00+00:00")
"""The instant 0."""


def micros_of(instant: datetime) -> int:
    """An aware instant as microseconds since 1970-01-01 UTC, exact."""
    return (instant - EPOCH) // timedelta(microseconds=1)


def instant_of(micros: int) -> datetime:
    """Microseconds since 1970-01-01 UTC as an aware instant, exact."""
    return EPOCH + timedelta(microseconds=micros)
