"""The query: one question to a report, with everything it needs to be answered and nothing of HTTP or SQL."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from auricle.model.price import Price
from auricle.model.rollup import Coverage
from auricle.model.statement import Statement

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
    ids: tuple[str, ...] = ()
    """Only these queries are read, whatever the filters; all when empty."""


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


@dataclass(frozen=True, slots=True)
class SessionMetric:
    """The condition that a metric has a value over the events of a session."""

    metric: str
    """Its name; `score` is the mean overall score of the session's interactions."""
    op: Op
    value: float
    pointer: str = ""


@dataclass(frozen=True, slots=True)
class SessionEvent:
    """The condition that something happened in a session, or did not."""

    step: Step
    happened: bool
    pointer: str = ""


@dataclass(frozen=True, slots=True)
class SessionFunnel:
    """The condition that a session went all the way through a funnel, or did not."""

    funnel: Funnel
    completed: bool
    pointer: str = ""


SessionFilter = SessionMetric | SessionEvent | SessionFunnel
"""One condition on the session of an event."""


@dataclass(frozen=True, slots=True)
class Within:
    """Sessions as SQL makes them, and whether an event must be of one of them, or of none."""

    sessions: Statement
    inside: bool


class Aggregation(StrEnum):
    """What is made of the events of a metric; all but `count` look at one field."""

    COUNT = "count"
    UNIQUE = "unique"
    SUM = "sum"
    AVG = "avg"
    MIN = "min"
    MAX = "max"
    P50 = "p50"
    P75 = "p75"
    P90 = "p90"
    P95 = "p95"
    P99 = "p99"


@dataclass(frozen=True, slots=True)
class OwnMetric:
    """One metric of a tenant: an aggregation over events, or the ratio of two other metrics."""

    name: str
    description: str = ""
    event: str | None = None
    """The name of its events; events of any name without one."""
    aggregation: Aggregation = Aggregation.COUNT
    field: str | None = None
    filters: tuple[Filter, ...] = ()
    numerator: str | None = None
    """With `denominator`: names of two metrics, which this one is the ratio of."""
    denominator: str | None = None

    @property
    def is_ratio(self) -> bool:
        """Whether it is made of two other metrics."""
        return self.numerator is not None

    def as_json(self) -> dict[str, Any]:
        """The definition as the API tells and takes it."""
        told: dict[str, Any] = {"name": self.name, "description": self.description}
        if self.is_ratio:
            return told | {"numerator": self.numerator, "denominator": self.denominator}
        filters = [{"field": one.field, "op": one.op.value, "value": _plain(one.value)} for one in self.filters]
        return told | {
            "event": self.event,
            "aggregation": self.aggregation.value,
            "field": self.field,
            "filters": filters,
        }


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


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
    sessions: tuple[SessionFilter, ...] = ()
    """What the session of an event must be like, over its events in the range."""
    within: tuple[Within, ...] = ()
    """The same as SQL, which a pass of `report.plan` makes of it."""
    own_metrics: tuple[OwnMetric, ...] = ()
    """The tenant's own metrics, where the query may name one."""
    prices: tuple[Price, ...] = ()
    """The tenant's prices, where the query needs them."""
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
