"""The door of the reports: bodies and query strings in, answers out.

Handlers are made by `router`, which gets the runner and the credential check as arguments.
"""

from collections.abc import Awaitable, Callable, Coroutine
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

import orjson
from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from starlette.types import Scope as ASGIScope

from auricle import clock
from auricle.edge.body import read_body
from auricle.errors import BadRequest, Forbidden, Invalid, UnsupportedMedia
from auricle.intake.decode import Body, body_kind
from auricle.model.principal import Principal, Scope
from auricle.model.query import (
    Active,
    Ask,
    By,
    Filter,
    Funnel,
    Grain,
    Op,
    Order,
    Scalar,
    Step,
    Timeseries,
    Top,
)
from auricle.model.query import Query as ReportQuery
from auricle.model.receipt import Fault
from auricle.report import time
from auricle.report.metrics import METRICS
from auricle.report.run import ReportRunner

PREFIX = "/api/v1/analytics/reports"
MAX_BODY = 262_144
"""Bytes of one request, decompressed."""


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


class StepIn(BaseModel):
    """One step: an event name, and conditions on the event."""

    model_config = ConfigDict(extra="forbid")

    event: str = Field(min_length=1, max_length=256)
    filters: list[FilterIn] = []


class FunnelIn(Common):
    """What `funnel` is asked."""

    steps: list[Annotated[StepIn, BeforeValidator(_step)]]
    window: int | float | str = Field("7d", description="Seconds, or a period such as `7d`.")
    order: Order = Order.SEQUENTIAL
    by: By = By.USER

    def ask(self) -> Ask:
        """The part of the query that is this report's own."""
        steps = tuple(
            Step(step.event, _filters(step.filters, f"/steps/{index}/filters")) for index, step in enumerate(self.steps)
        )
        return Funnel(steps, _window(self.window), self.order, self.by)


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


def router(
    runner: ReportRunner,
    principal: Callable[[Request], Awaitable[Principal]],
    now: Callable[[], datetime] = clock.now,
) -> APIRouter:
    """The routes of the reports.

    `principal` checks the credential of a request; `now` is the moment that rolling periods end.
    """
    routes = APIRouter(prefix=PREFIX, tags=["reports"], route_class=_Route)
    Caller = Annotated[Principal, Depends(principal)]

    async def answer(report: str, asked: Any, caller: Principal) -> Response:
        query = _query(report, asked, caller, now())
        result = await runner.run(query)
        return Response(orjson.dumps(result.as_json()), media_type="application/json")

    @routes.get("/metrics")
    async def metrics(caller: Caller) -> Response:
        """The catalogue: every named metric with its definition."""
        _allow(caller)
        body = {"metrics": [metric.as_json() for metric in METRICS]}
        return Response(orjson.dumps(body), media_type="application/json")

    @routes.post("/timeseries")
    async def timeseries(asked: TimeseriesIn, caller: Caller) -> Response:
        """One metric over time."""
        return await answer("timeseries", asked, caller)

    @routes.post("/funnel")
    async def funnel(asked: FunnelIn, caller: Caller) -> Response:
        """How many actors got how far along a list of steps."""
        return await answer("funnel", asked, caller)

    @routes.post("/active")
    async def active(asked: ActiveIn, caller: Caller) -> Response:
        """Actors of each day, and of the week and the month that end with it."""
        return await answer("active", asked, caller)

    @routes.post("/top")
    async def top(asked: TopIn, caller: Caller) -> Response:
        """The most frequent values of a field."""
        return await answer("top", asked, caller)

    @routes.get("/timeseries")
    async def timeseries_get(asked: Annotated[TimeseriesIn, Query()], caller: Caller) -> Response:
        """One metric over time; `filters` is JSON text."""
        return await answer("timeseries", asked, caller)

    @routes.get("/active")
    async def active_get(asked: Annotated[ActiveIn, Query()], caller: Caller) -> Response:
        """Actors of each day; `filters` is JSON text."""
        return await answer("active", asked, caller)

    @routes.get("/top")
    async def top_get(asked: Annotated[TopIn, Query()], caller: Caller) -> Response:
        """The most frequent values of a field; `filters` is JSON text."""
        return await answer("top", asked, caller)

    return routes


def faults_of(error: RequestValidationError) -> tuple[Fault, ...]:
    """What FastAPI refused, as faults with JSON pointers; never holds a value of the client."""
    faults = []
    for each in error.errors():
        path = [str(part).replace("~", "~0").replace("/", "~1") for part in each["loc"][1:]]
        faults.append(Fault("".join(f"/{part}" for part in path), each["type"], each["msg"]))
    return tuple(faults)


class _Asking(Request):
    """A request whose body is read with a limit, as strict JSON."""

    async def body(self) -> bytes:
        if not hasattr(self, "_body"):
            self._body = await read_body(self, MAX_BODY)
        return self._body

    async def json(self) -> Any:
        # Stricter than the standard library: no NaN, no lone surrogates.
        return orjson.loads(await self.body())


class _Route(APIRoute):
    """A route that refuses in the words of `auricle.errors`."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handler = super().get_route_handler()

        async def handle(request: Request) -> Response:
            asking = _Asking(_as_json(request), request.receive)
            # NOTE: FastAPI would turn a body that is too large into a plain 400, so it is read before.
            await asking.body()
            try:
                return await handler(asking)
            except RequestValidationError as error:
                if any(each["type"] == "json_invalid" for each in error.errors()):
                    raise BadRequest("The body is not JSON.") from None
                raise Invalid("The report cannot be made.", faults_of(error)) from None

        return handle


def _as_json(request: Request) -> ASGIScope:
    """The scope of a request with a body, its content type as plain JSON: `curl -d` and beacons say something else.

    Raises:
        UnsupportedMedia: it says what no report can be asked with.
    """
    if request.method == "GET":
        return request.scope
    if body_kind(request.headers.get("content-type")) is not Body.JSON:
        raise UnsupportedMedia("A report is asked for in JSON.")
    kept = [(name, value) for name, value in request.scope["headers"] if name != b"content-type"]
    return {**request.scope, "headers": [*kept, (b"content-type", b"application/json")]}


def _allow(caller: Principal) -> None:
    if Scope.REPORTS_READ not in caller.scopes:
        raise Forbidden(f"The scope {Scope.REPORTS_READ} is needed.")


def _query(report: str, asked: Any, caller: Principal, now: datetime) -> ReportQuery:
    """The query of a request that its credential allows."""
    _allow(caller)
    for tenant in (asked.tenant_id, asked.tenant_alias):
        if tenant is not None and tenant != caller.tenant_id:
            raise Forbidden("This credential belongs to another tenant.")
    return ReportQuery(
        report=report,
        tenant_id=caller.tenant_id,
        now=now,
        ask=asked.ask(),
        start=None if asked.start is None else time.instant(asked.start, "/from"),
        end=None if asked.end is None else time.instant(asked.end, "/to"),
        period=None if asked.period is None else time.period(asked.period, "/period"),
        zone=asked.tz,
        site_id=asked.site_id,
        filters=_filters(asked.filters, "/filters"),
        breakdown=asked.breakdown,
        compare=asked.compare is not None,
        include_test=asked.include_test,
    )


def _filters(asked: list[FilterIn], pointer: str) -> tuple[Filter, ...]:
    return tuple(
        Filter(each.field, each.op, _value(each, f"{pointer}/{index}"), f"{pointer}/{index}")
        for index, each in enumerate(asked)
    )


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
