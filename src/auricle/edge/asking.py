"""What the reports are asked: the bodies and query strings of their doors, a model a report.

Each model's `ask` gives the part of the query that is the report's own, or raises `Invalid` with a pointer.
"""

from datetime import timedelta
from typing import Annotated, Any, Literal

import orjson
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from auricle.errors import Invalid
from auricle.model.query import (
    Active,
    Ask,
    By,
    Direction,
    Filter,
    Funnel,
    Grain,
    Interactions,
    Op,
    Order,
    Paths,
    Retention,
    Scalar,
    SessionEvent,
    SessionFilter,
    SessionFunnel,
    SessionMetric,
    Sessions,
    State,
    Step,
    Timeseries,
    Top,
)
from auricle.model.receipt import Fault
from auricle.report import time
from auricle.report.interactions import THRESHOLD


class FilterIn(BaseModel):
    """One condition: a field, an operation, and what it compares with."""

    model_config = ConfigDict(extra="forbid")

    field: str
    op: Op
    value: Any = Field(None, description="Text, number, true or false; a list for `in` and `not_in`.")


def _from_text(value: object) -> object:
    """A query string carries filters as JSON text: one list, or one object each time it is named."""
    if not isinstance(value, list) or not any(isinstance(each, str) for each in value):
        return value
    found: list[object] = []
    for each in value:
        try:
            read = orjson.loads(each) if isinstance(each, str) else each
        except orjson.JSONDecodeError:
            raise ValueError("expected filters as JSON text") from None
        found.extend(read if isinstance(read, list) else [read])
    return found


def _step(value: object) -> object:
    """A step may be its event's name alone."""
    return {"event": value} if isinstance(value, str) else value


FiltersIn = Annotated[list[FilterIn], BeforeValidator(_from_text)]


class StepIn(BaseModel):
    """One step: an event name, and conditions on the event."""

    model_config = ConfigDict(extra="forbid")

    event: str = Field(min_length=1, max_length=256)
    filters: list[FilterIn] = []


StepOrName = Annotated[StepIn, BeforeValidator(_step)]


class FunnelPart(BaseModel):
    """A funnel: its steps, how they must follow, and within which time."""

    model_config = ConfigDict(extra="forbid")

    steps: list[StepOrName]
    window: int | float | str = Field("7d", description="Seconds, or a period such as `7d`.")
    order: Order = Order.SEQUENTIAL

    def part(self, pointer: str, by: By) -> Funnel:
        """The funnel; `pointer` is where it stands."""
        steps = tuple(
            Step(step.event, filters_of(step.filters, f"{pointer}/steps/{index}/filters"))
            for index, step in enumerate(self.steps)
        )
        return Funnel(steps, _window(self.window), self.order, by)


class SessionIn(BaseModel):
    """One condition on the session of an event: by the value of a metric, by an event, or by a funnel."""

    model_config = ConfigDict(extra="forbid")

    metric: str | None = Field(None, description="A metric, over the session's events; or `score`.")
    op: Literal[Op.EQ, Op.NEQ, Op.GT, Op.GTE, Op.LT, Op.LTE] | None = None
    value: float | None = Field(None, allow_inf_nan=False)
    event: StepOrName | None = Field(None, description="An event that happened in the session.")
    happened: bool = Field(True, description="False: it did not happen.")
    funnel: FunnelPart | None = Field(None, description="A funnel that the session went through to its end.")
    completed: bool = Field(True, description="False: it did not get to the end.")


SessionsOf = Annotated[list[SessionIn], BeforeValidator(_from_text)]


class Common(BaseModel):
    """What every report may be asked."""

    model_config = ConfigDict(extra="forbid")

    tenant_id: str | None = Field(None, description="Must be the credential's own tenant.")
    tenant_alias: str | None = Field(None, alias="tenantId", description="The same as `tenant_id`.")
    start: str | None = Field(None, alias="from", description="First instant, RFC 3339.")
    end: str | None = Field(None, alias="to", description="First instant after the range, RFC 3339; now without it.")
    period: str | None = Field(None, description="Instead of a range: the last hours or days, as `24h` or `7d`.")
    tz: str = Field("UTC", description="IANA name of the zone in which days begin.")
    site_id: str | None = None
    filters: FiltersIn = []
    sessions: SessionsOf = Field([], description="What the session of an event must be like; all must hold.")
    breakdown: str | None = Field(None, description="Field; the ten greatest values are kept apart.")
    compare: Literal["previous_period"] | None = None
    include_test: bool = Field(False, description="Whether events with the source `test` count.")


class TimeseriesIn(Common):
    """What `timeseries` is asked."""

    metric: str
    grain: Grain = Grain.DAY

    def ask(self) -> Ask:
        """The part of the query that is this report's own."""
        return Timeseries(self.metric, self.grain)


class FunnelIn(Common, FunnelPart):
    """What `funnel` is asked."""

    by: By = By.USER

    def ask(self) -> Ask:
        """The part of the query that is this report's own."""
        return self.part("", self.by)


class ActiveIn(Common):
    """What `active` is asked."""

    def ask(self) -> Ask:
        """The part of the query that is this report's own."""
        return Active()


class TopIn(Common):
    """What `top` is asked."""

    field: str
    limit: int = 10
    fold: bool = Field(False, description="Whether case and white space make no difference.")

    def ask(self) -> Ask:
        """The part of the query that is this report's own."""
        return Top(self.field, self.limit, self.fold)


class RetentionIn(Common):
    """What `retention` is asked."""

    cohort: StepOrName = Field(description="The event that makes an actor one of a cohort, when it first happens.")
    back: StepOrName | None = Field(None, alias="return", description="The event of coming again; any of `cohort`.")
    grain: Literal[Grain.DAY, Grain.WEEK, Grain.MONTH] = Grain.WEEK
    periods: int = Field(8, description="How many periods after its own a cohort is followed.")
    by: By = By.USER

    def ask(self) -> Ask:
        """The part of the query that is this report's own."""
        cohort = _asked_step(self.cohort, "/cohort")
        back = cohort if self.back is None else _asked_step(self.back, "/return")
        return Retention(cohort, back, self.grain, self.periods, self.by)


class SessionsIn(Common):
    """What `sessions` is asked."""

    grain: Grain = Grain.DAY
    gap_minutes: float = Field(30, description="A longer pause of an actor ends a session.")

    def ask(self) -> Ask:
        """The part of the query that is this report's own."""
        minutes = self.gap_minutes if 0 < self.gap_minutes <= timedelta.max.days else 0
        return Sessions(self.grain, timedelta(minutes=minutes) // timedelta(microseconds=1))


class PathsIn(Common):
    """What `paths` is asked."""

    event: StepOrName
    direction: Direction = Direction.AFTER
    depth: int = 3
    limit: int = 10
    window: int | float | str = Field("1d", description="Seconds, or a period such as `1d`.")
    by: By = By.USER

    def ask(self) -> Ask:
        """The part of the query that is this report's own."""
        step = _asked_step(self.event, "/event")
        return Paths(step, self.direction, self.depth, self.limit, _window(self.window), self.by)


class InteractionsIn(Common):
    """What `interactions` is asked."""

    states: list[State] = Field([], description="Which are listed; all without it. The counts are always of all.")
    limit: int = 100
    score_threshold: float = Field(THRESHOLD, description="An overall score below it makes an interaction unanswered.")

    def ask(self) -> Ask:
        """The part of the query that is this report's own."""
        return Interactions(tuple(self.states), self.limit, self.score_threshold)


def _asked_step(step: StepIn, pointer: str) -> Step:
    return Step(step.event, filters_of(step.filters, f"{pointer}/filters"))


def filters_of(asked: list[FilterIn], pointer: str) -> tuple[Filter, ...]:
    """The filters of a request; `pointer` is where its list stands. `Invalid` where a value does not fit."""
    return tuple(
        Filter(each.field, each.op, _value(each, f"{pointer}/{index}"), f"{pointer}/{index}")
        for index, each in enumerate(asked)
    )


def sessions_of(asked: list[SessionIn]) -> tuple[SessionFilter, ...]:
    """The conditions on sessions of a request. `Invalid` for one that is not just one of metric, event and funnel."""
    return tuple(_session(each, f"/sessions/{index}") for index, each in enumerate(asked))


def _session(asked: SessionIn, pointer: str) -> SessionFilter:
    if sum(each is not None for each in (asked.metric, asked.event, asked.funnel)) != 1:
        raise _refused(pointer, "oneOf", "Expected just one of metric (with op and value), event and funnel.")
    if asked.event is not None:
        return SessionEvent(_asked_step(asked.event, f"{pointer}/event"), asked.happened, pointer)
    if asked.funnel is not None:
        return SessionFunnel(asked.funnel.part(f"{pointer}/funnel", By.SESSION), asked.completed, pointer)
    if asked.op is None or asked.value is None or asked.metric is None:
        raise _refused(pointer, "required", "Expected op (eq, neq, gt, gte, lt, lte) and value beside metric.")
    return SessionMetric(asked.metric, asked.op, asked.value, pointer)


def _value(asked: FilterIn, pointer: str) -> Scalar | tuple[Scalar, ...] | None:
    value = asked.value
    if asked.op is Op.EXISTS:
        if value is None or isinstance(value, bool):
            return value
        raise _refused(f"{pointer}/value", "type", "Expected true, false or nothing.")
    if asked.op in (Op.IN, Op.NOT_IN):
        if not isinstance(value, list):
            raise _refused(f"{pointer}/value", "type", "Expected a list.")
        return tuple(_scalar(each, f"{pointer}/value") for each in value)
    return _scalar(value, f"{pointer}/value")


def _scalar(value: object, pointer: str) -> Scalar:
    if isinstance(value, str | int | float):
        return value
    raise _refused(pointer, "type", "Expected text, a number, true or false; ask for absent values with `exists`.")


def _window(asked: int | float | str) -> int:
    if isinstance(asked, bool):
        raise _refused("/window", "window", "Expected seconds above 0 or a period such as 7d.")
    if isinstance(asked, str):
        length = time.period(asked, "/window")
    elif 0 < asked <= timedelta.max.days:
        length = timedelta(seconds=asked)
    else:
        length = timedelta()
    return length // timedelta(microseconds=1)


def _refused(pointer: str, rule: str, message: str) -> Invalid:
    return Invalid("The report cannot be made.", (Fault(pointer, rule, message),))
