"""The doors of a tenant's own metrics: named numbers as data, asked for like those of the catalogue."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from auricle.edge.asking import FilterIn, filters_of
from auricle.edge.body import broken
from auricle.edge.guard import permitted
from auricle.edge.reply import json_reply
from auricle.edge.reports import ReportRoute
from auricle.errors import Conflict, NotFound
from auricle.model.principal import Principal, Scope
from auricle.model.query import Aggregation, OwnMetric
from auricle.report.fields import field
from auricle.report.filters import check
from auricle.report.metrics import BY_NAME
from auricle.report.session import SCORE
from auricle.store.metric import MetricStore

PREFIX = "/api/v1/analytics/metrics"
MAX_FILTERS = 20
_NAME = re.compile(r"[a-z][a-z0-9_]*(\.[a-z0-9][a-z0-9_]*)*")


class MetricIn(BaseModel):
    """A metric: an aggregation over events, or the ratio of two others."""

    model_config = ConfigDict(extra="forbid")

    description: str = Field("", max_length=1_000)
    event: str | None = Field(None, min_length=1, max_length=256, description="Its events; of any name without it.")
    aggregation: Aggregation | None = Field(None, description="`count` without it; all others look at `field`.")
    field: str | None = None
    filters: list[FilterIn] = Field([], max_length=MAX_FILTERS)
    numerator: str | None = Field(None, description="With `denominator`: the metrics that this one is the ratio of.")
    denominator: str | None = None


def router(store: MetricStore, principal: Callable[[Request], Awaitable[Principal]]) -> APIRouter:
    """The routes; `principal` checks the credential of a request."""
    routes = APIRouter(prefix=PREFIX, tags=["metrics"], route_class=ReportRoute)
    Caller = Annotated[Principal, Depends(principal)]

    @routes.get("")
    async def listed(caller: Caller) -> Response:
        """The tenant's own metrics."""
        permitted(caller, Scope.REPORTS_READ, Scope.SCHEMAS_WRITE)
        own = await asyncio.to_thread(store.of, caller.tenant_id)
        return json_reply({"metrics": [one.as_json() for one in own]})

    @routes.put("/{name}")
    async def keep(name: str, asked: MetricIn, caller: Caller) -> Response:
        """Makes a metric, or changes it: 201 when it is new."""
        permitted(caller, Scope.SCHEMAS_WRITE)
        metric = _read(name, asked)
        own = {one.name: one for one in await asyncio.to_thread(store.of, caller.tenant_id)}
        _check_parts(metric, own)
        new = await asyncio.to_thread(store.keep, caller.tenant_id, metric, actor=caller.actor)
        return json_reply(metric.as_json(), 201 if new else 200)

    @routes.delete("/{name}")
    async def remove(name: str, caller: Caller) -> Response:
        """Removes a metric; 409 while another one is made of it."""
        permitted(caller, Scope.SCHEMAS_WRITE)
        own = await asyncio.to_thread(store.of, caller.tenant_id)
        if users := _made_of(name, own):
            raise Conflict(f"{len(users)} other metrics are made of this one: remove or change them first.")
        if not await asyncio.to_thread(store.remove, caller.tenant_id, name, actor=caller.actor):
            raise NotFound("The tenant has no metric of this name.")
        return json_reply({"name": name, "removed": True})

    return routes


def _read(name: str, asked: MetricIn) -> OwnMetric:
    """The metric of a request, as far as it can be judged by itself. `Invalid` where it breaks a rule."""
    if len(name) > 128 or not _NAME.fullmatch(name):
        raise broken("/name", "pattern", "A metric is named like `bookings` or `bookings.late`: a-z, 0-9, _ and dots.")
    if name in BY_NAME or name == SCORE:
        raise broken("/name", "reserved", "The catalogue has a metric of this name: choose another.")
    if (asked.numerator is None) is not (asked.denominator is None):
        missing = "numerator" if asked.numerator is None else "denominator"
        raise broken(f"/{missing}", "required", "A ratio has a numerator and a denominator, names of two metrics.")
    if asked.numerator is not None:
        if asked.event is not None or asked.aggregation is not None or asked.field is not None or asked.filters:
            raise broken("/numerator", "oneOf", "A ratio has no event, aggregation, field or filters of its own.")
        return OwnMetric(name, asked.description, numerator=asked.numerator, denominator=asked.denominator)
    aggregation = asked.aggregation or Aggregation.COUNT
    if aggregation is Aggregation.COUNT and asked.field is not None:
        raise broken("/field", "count", "`count` looks at no field: leave it out, or filter with `exists`.")
    if aggregation is not Aggregation.COUNT and asked.field is None:
        raise broken("/field", "required", f"`{aggregation}` needs the field it looks at.")
    if asked.field is not None:
        field(asked.field, "/field")
    filters = tuple(check(one) for one in filters_of(asked.filters, "/filters"))
    return OwnMetric(name, asked.description, asked.event, aggregation, asked.field, filters)


def _check_parts(metric: OwnMetric, own: dict[str, OwnMetric]) -> None:
    """Refuses a ratio of what is no metric that can be divided, and one that others are made of."""
    if not metric.is_ratio:
        return
    if _made_of(metric.name, tuple(own.values())):
        raise Conflict("Other metrics are made of this one, so it cannot be a ratio itself.")
    for member, name in (("numerator", metric.numerator), ("denominator", metric.denominator)):
        built_in, mine = BY_NAME.get(name or ""), own.get(name or "")
        if (built_in is None or built_in.match is not None) and (mine is None or mine.is_ratio):
            text = "A metric of the catalogue or of the tenant's own is expected that is no ratio of things itself."
            raise broken(f"/{member}", "enum", text)


def _made_of(name: str, own: tuple[OwnMetric, ...]) -> list[str]:
    return [one.name for one in own if name in (one.numerator, one.denominator)]
