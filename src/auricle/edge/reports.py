"""The door of the reports: bodies and query strings in, answers out.

Handlers are made by `router`, which gets the runner and the credential check as arguments.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import replace
from datetime import datetime
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.types import Scope as ASGIScope

from auricle import clock
from auricle.edge.answer import Answers, reply
from auricle.edge.asking import (
    ActiveIn,
    FunnelIn,
    InteractionsIn,
    PathsIn,
    RetentionIn,
    SessionsIn,
    TimeseriesIn,
    TopIn,
    filters_of,
    sessions_of,
)
from auricle.edge.body import read_body
from auricle.edge.reply import json_reply
from auricle.errors import BadRequest, Forbidden, Invalid, UnsupportedMedia
from auricle.intake.decode import Body, body_kind
from auricle.intake.schemas import MAX_FAULTS, MAX_POINTER
from auricle.model.principal import Principal, Scope
from auricle.model.query import OwnMetric, SessionMetric, Timeseries
from auricle.model.query import Query as ReportQuery
from auricle.model.receipt import Fault, pointer_of
from auricle.report import time
from auricle.report.metrics import BY_NAME, METRICS

PREFIX = "/api/v1/analytics/reports"
MAX_BODY = 262_144
"""Bytes of one request, decompressed."""
MAX_VALUES = 5_000
"""Values of one request, at all levels: each that breaks a rule takes 17 µs to refuse."""


def router(
    answers: Answers,
    principal: Callable[[Request], Awaitable[Principal]],
    own_metrics: Callable[[str], tuple[OwnMetric, ...]],
    now: Callable[[], datetime] = clock.now,
) -> APIRouter:
    """The routes of the reports.

    `principal` checks the credential of a request; `own_metrics` gives those of a tenant; `now` is the moment that
    rolling periods end.
    """
    routes = APIRouter(prefix=PREFIX, tags=["reports"], route_class=ReportRoute)
    Caller = Annotated[Principal, Depends(principal)]

    async def answer(report: str, asked: Any, caller: Principal, request: Request) -> Response:
        allow(caller)
        query = query_of(report, asked, caller, now())
        if _names_another_metric(query):
            query = replace(query, own_metrics=await asyncio.to_thread(own_metrics, caller.tenant_id))
        return reply(await answers.of(query), request)

    @routes.get("/metrics")
    async def metrics(caller: Caller) -> Response:
        """The catalogue: every named metric with its definition, and the tenant's own."""
        allow(caller)
        own = await asyncio.to_thread(own_metrics, caller.tenant_id)
        body = {"metrics": [metric.as_json() for metric in METRICS], "own": [metric.as_json() for metric in own]}
        return json_reply(body)

    @routes.post("/timeseries")
    async def timeseries(asked: TimeseriesIn, caller: Caller, request: Request) -> Response:
        """One metric over time."""
        return await answer("timeseries", asked, caller, request)

    @routes.post("/funnel")
    async def funnel(asked: FunnelIn, caller: Caller, request: Request) -> Response:
        """How many actors got how far along a list of steps."""
        return await answer("funnel", asked, caller, request)

    @routes.post("/active")
    async def active(asked: ActiveIn, caller: Caller, request: Request) -> Response:
        """Actors of each day, and of the week and the month that end with it."""
        return await answer("active", asked, caller, request)

    @routes.post("/top")
    async def top(asked: TopIn, caller: Caller, request: Request) -> Response:
        """The most frequent values of a field."""
        return await answer("top", asked, caller, request)

    @routes.post("/retention")
    async def retention(asked: RetentionIn, caller: Caller, request: Request) -> Response:
        """Of those who came for the first time, how many came again, and when."""
        return await answer("retention", asked, caller, request)

    @routes.post("/sessions")
    async def sessions(asked: SessionsIn, caller: Caller, request: Request) -> Response:
        """Visits: how many, how long, and how many ended after one event."""
        return await answer("sessions", asked, caller, request)

    @routes.post("/paths")
    async def paths(asked: PathsIn, caller: Caller, request: Request) -> Response:
        """What actors did after an event, or before it."""
        return await answer("paths", asked, caller, request)

    @routes.post("/interactions")
    async def interactions(asked: InteractionsIn, caller: Caller, request: Request) -> Response:
        """Voice queries with their outcomes and scores, and which of them were not answered."""
        return await answer("interactions", asked, caller, request)

    @routes.get("/timeseries")
    async def timeseries_get(asked: Annotated[TimeseriesIn, Query()], caller: Caller, request: Request) -> Response:
        """One metric over time; `filters` is JSON text."""
        return await answer("timeseries", asked, caller, request)

    @routes.get("/active")
    async def active_get(asked: Annotated[ActiveIn, Query()], caller: Caller, request: Request) -> Response:
        """Actors of each day; `filters` is JSON text."""
        return await answer("active", asked, caller, request)

    @routes.get("/top")
    async def top_get(asked: Annotated[TopIn, Query()], caller: Caller, request: Request) -> Response:
        """The most frequent values of a field; `filters` is JSON text."""
        return await answer("top", asked, caller, request)

    @routes.get("/sessions")
    async def sessions_get(asked: Annotated[SessionsIn, Query()], caller: Caller, request: Request) -> Response:
        """Visits; `filters` is JSON text."""
        return await answer("sessions", asked, caller, request)

    @routes.get("/interactions")
    async def interactions_get(asked: Annotated[InteractionsIn, Query()], caller: Caller, request: Request) -> Response:
        """Voice queries with what became of them; `filters` is JSON text."""
        return await answer("interactions", asked, caller, request)

    return routes


def _names_another_metric(query: ReportQuery) -> bool:
    """Whether a query names a metric that is not of the catalogue."""
    asked = [one.metric for one in query.sessions if isinstance(one, SessionMetric)]
    if isinstance(query.ask, Timeseries):
        asked.append(query.ask.metric)
    return any(name not in BY_NAME for name in asked)


def faults_of(error: RequestValidationError) -> tuple[Fault, ...]:
    """What FastAPI refused, as faults with JSON pointers; never holds a value of the client."""
    faults = []
    for each in error.errors()[:MAX_FAULTS]:
        faults.append(Fault(pointer_of(each["loc"][1:])[:MAX_POINTER], each["type"], each["msg"]))
    return tuple(faults)


def _check_values(told: Any) -> None:
    """Refuses what has more values than any report is asked with."""
    waiting, values = [told], 0
    while waiting:
        node = waiting.pop()
        values += len(node)
        if values > MAX_VALUES:
            text = f"A report is asked with at most {MAX_VALUES} values: send fewer."
            raise Invalid("The report cannot be made.", (Fault("", "max_values", text),))
        waiting += [one for one in (node.values() if isinstance(node, dict) else node) if isinstance(one, dict | list)]


class _Asking(Request):
    """A request whose body is read with a limit, as strict JSON."""

    async def body(self) -> bytes:
        if not hasattr(self, "_body"):
            self._body = await read_body(self, MAX_BODY)
        return self._body

    async def json(self) -> Any:
        if not hasattr(self, "_json"):
            # Stricter than the standard library: no NaN, no lone surrogates.
            self._json = orjson.loads(await self.body())
        return self._json


class ReportRoute(APIRoute):
    """A route that refuses in the words of `auricle.errors`."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler, behind the limits and the refusals."""
        handler = super().get_route_handler()

        async def handle(request: Request) -> Response:
            asking = _Asking(_as_json(request), request.receive)
            # NOTE: FastAPI would turn a body that is too large into a plain 400, so it is read before.
            if len(await asking.body()) > MAX_VALUES:
                with contextlib.suppress(orjson.JSONDecodeError):
                    told = await asking.json()
                    _check_values(told if isinstance(told, dict | list) else ())
            try:
                return await handler(asking)
            except RequestValidationError as error:
                # NOTE: FastAPI's frame holds the error, whose traceback holds the frame with the body: a circle.
                error.__traceback__ = None
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


def allow(caller: Principal) -> None:
    """Refuses a credential that may not read reports."""
    if Scope.REPORTS_READ not in caller.scopes:
        raise Forbidden(f"The scope {Scope.REPORTS_READ} is needed.")


def query_of(report: str, asked: Any, caller: Principal, now: datetime) -> ReportQuery:
    """The query of a request of this credential, which was found to allow it."""
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
        filters=filters_of(asked.filters, "/filters"),
        sessions=sessions_of(asked.sessions),
        breakdown=asked.breakdown,
        compare=asked.compare is not None,
        include_test=asked.include_test,
    )
