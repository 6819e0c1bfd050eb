"""The short questions of documents 000, 003 and 004: fixed reports behind their own addresses.

Each is one or a few of our reports, asked with fixed members; none computes anything of its own. `meta` is that of the
report, so an answer can be traced as every other.
"""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from fastapi import Query as Asked
from pydantic import BaseModel, ConfigDict

from auricle import clock
from auricle.edge.answer import Runner
from auricle.edge.reply import json_reply
from auricle.edge.reports import ReportRoute, allow
from auricle.model.principal import Principal
from auricle.model.query import Ask, Filter, Grain, Interactions, Op, Query, State, Timeseries, Top, micros_of
from auricle.model.result import Result
from auricle.report import interactions, time

LATELY = timedelta(minutes=5)
COST_DAYS = timedelta(days=30)
UNTYPED = "ai"
"""The type of money that events of the model calls report: they carry none."""
QUERIES = Filter("event_name", Op.EQ, interactions.QUERY)
OUTCOMES = Filter("event_name", Op.EQ, interactions.OUTCOME)
FAILED = Filter("error.flag", Op.EQ, True)


class StoreIn(BaseModel):
    """What the voice statistics may be asked."""

    model_config = ConfigDict(extra="forbid")

    period: str = "24h"
    store: str | None = None


class ListIn(StoreIn):
    """The same, for those that list something."""

    limit: int = 10


class Nothing(BaseModel):
    """The question has no members."""

    model_config = ConfigDict(extra="forbid")


class Summaries:
    """Asks the reports on behalf of one caller."""

    def __init__(self, runner: Runner, caller: Principal, now: datetime, asked: StoreIn | None = None) -> None:
        allow(caller)
        self._runner, self._caller, self._now, self._asked = runner, caller, now, asked or StoreIn()

    async def run(
        self, report: str, ask: Ask, *filters: Filter, period: timedelta | None = None, breakdown: str | None = None
    ) -> Result:
        """One report over the period that was asked for, or over `period`."""
        asked = self._asked
        return await self._runner.run(
            Query(
                report=report,
                tenant_id=self._caller.tenant_id,
                now=self._now,
                ask=ask,
                period=period or time.period(asked.period, "/period"),
                site_id=asked.store,
                filters=filters,
                breakdown=breakdown,
            )
        )

    async def figure(self, metric: str, period: timedelta) -> Any:
        """One metric over a period that ends now."""
        result = await self.run("timeseries", Timeseries(metric, Grain.ALL), period=period)
        return result.body["points"][0]["value"]

    async def by_hour(self, *filters: Filter) -> Result:
        """The number of events like these in each hour."""
        return await self.run("timeseries", Timeseries("events.count", Grain.HOUR), *filters)

    def answer(self, body: dict[str, Any], of: Result) -> Response:
        """The body, with the period it is of and where it comes from."""
        head = {"period": self._asked.period, "store": self._asked.store}
        return json_reply({**head, **body, "meta": of.meta.as_json()})


def router(
    runner: Runner,
    principal: Callable[[Request], Awaitable[Principal]],
    now: Callable[[], datetime] = clock.now,
) -> APIRouter:
    """The routes; the arguments are those of `edge.reports.router`."""
    routes = APIRouter(tags=["summaries"], route_class=ReportRoute)
    Caller = Annotated[Principal, Depends(principal)]

    @routes.get("/stats/summary")
    async def summary(asked: Annotated[StoreIn, Asked()], caller: Caller) -> Response:
        """Voice queries of a period: how many were answered, how fast, at what cost."""
        ask = Summaries(runner, caller, now(), asked)
        result = await ask.run("interactions", Interactions((), 1, interactions.THRESHOLD))
        return ask.answer(_summary(result.body), result)

    @routes.get("/stats/top-queries")
    async def top_queries(asked: Annotated[ListIn, Asked()], caller: Caller) -> Response:
        """The most frequent questions; case and white space make no difference."""
        ask = Summaries(runner, caller, now(), asked)
        result = await ask.run("top", Top("voice.query_text", asked.limit, fold=True), QUERIES)
        queries = [{"query_text": row["value"], "count": row["count"]} for row in result.body["rows"]]
        return ask.answer({"queries": queries, "other": result.body["other"], "total": result.body["total"]}, result)

    @routes.get("/stats/unanswered")
    async def unanswered(asked: Annotated[ListIn, Asked()], caller: Caller) -> Response:
        """The questions that got no answer, each with the reason; and how many for each reason."""
        ask = Summaries(runner, caller, now(), asked)
        listed = Interactions((State.UNANSWERED, State.ERROR), asked.limit, interactions.THRESHOLD)
        body = (result := await ask.run("interactions", listed)).body
        total = body["counts"]["unanswered"] + body["counts"]["error"]
        return ask.answer({"total": total, "reasons": body["reasons"], "queries": body["interactions"]}, result)

    @routes.get("/stats/hourly")
    async def hourly(asked: Annotated[StoreIn, Asked()], caller: Caller) -> Response:
        """Queries, outcomes and failed outcomes of each hour."""
        ask = Summaries(runner, caller, now(), asked)
        each = await asyncio.gather(ask.by_hour(QUERIES), ask.by_hour(OUTCOMES), ask.by_hour(OUTCOMES, FAILED))
        hours = [
            {"hour": query["t"], "queries": query["value"], "outcomes": outcome["value"], "errors": error["value"]}
            for query, outcome, error in zip(*(result.body["points"] for result in each), strict=True)
        ]
        return ask.answer({"hours": hours}, each[0])

    @routes.get("/metrics/realtime")
    async def realtime(_: Annotated[Nothing, Asked()], caller: Caller) -> Response:
        """HTTP requests of the last five minutes."""
        moment = now()
        ask = Summaries(runner, caller, moment)
        names = ("requests.count", "requests.duration_ms.avg", "requests.duration_ms.p95", "requests.errors.count")
        count, mean, p95, errors = await asyncio.gather(*(ask.figure(name, LATELY) for name in names))
        return json_reply(
            {
                "from": time.written(micros_of(moment - LATELY)),
                "to": time.written(micros_of(moment)),
                "total_requests": count,
                "avg_response_time": mean,
                "p95_response_time": p95,
                "error_count": errors,
            }
        )

    @routes.get("/metrics/costs")
    async def costs(_: Annotated[Nothing, Asked()], caller: Caller) -> Response:
        """Money spent in the last 30 days, by day and type, the newest day first."""
        ask = Summaries(runner, caller, now())
        spent = Timeseries("cost.usd.sum", Grain.DAY)
        result = await ask.run("timeseries", spent, period=COST_DAYS, breakdown="cost.type")
        days = defaultdict(list)
        for series in result.body["series"]:
            for point in series["points"]:
                if point["value"]:
                    days[point["t"][:10]].append((series["key"] or UNTYPED, point["value"]))
        rows = [
            {"date": day, "cost_type": kind, "total_cost": value}
            for day in sorted(days, reverse=True)
            for kind, value in sorted(days[day])
        ]
        return json_reply(
            {"costs": rows, "total": sum(row["total_cost"] for row in rows), "meta": result.meta.as_json()}
        )

    @routes.get("/api/analytics/reports/dau")
    async def dau(_: Annotated[Nothing, Asked()], caller: Caller) -> Response:
        """How many different users there were in the last 24 hours."""
        moment = now()
        users = await Summaries(runner, caller, moment).figure("users.count", timedelta(hours=24))
        return json_reply({"dau": users, "date": moment.date().isoformat(), "period": "24h"})

    return routes


def _summary(body: Any) -> dict[str, Any]:
    counts, total = body["counts"], body["total"]
    settled = total - counts["pending"]
    return {
        "total_queries": total,
        **counts,
        "answer_rate": counts["answered"] / settled if settled else None,
        "latency_ms": body["latency_ms"],
        "cost_usd": body["cost_usd"],
        "tokens": body["tokens"],
        "score": body["score"],
        "orphan_outcomes": body["orphan_outcomes"],
        "reasons": body["reasons"],
    }
