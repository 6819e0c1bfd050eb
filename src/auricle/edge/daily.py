"""The door of the daily figures: what days were like whose events may be gone."""

import asyncio
from datetime import date, timedelta

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from auricle import clock
from auricle.edge.body import broken
from auricle.edge.guard import Guard
from auricle.edge.reply import json_reply
from auricle.model.principal import Scope
from auricle.privacy.daily import Daily

PATH = "/api/v1/analytics/reports/daily"
MEMBERS = frozenset({"name", "from", "to"})
USUAL = timedelta(days=30)


def routes(guard: Guard, daily: Daily) -> list[Route]:
    """The route of the daily figures."""

    async def read(request: Request) -> Response:
        """One named figure of each day, kept for longer than the events it was made of."""
        principal = await guard.allowed(request, Scope.REPORTS_READ)
        asked = request.query_params
        unknown = asked.keys() - MEMBERS
        if unknown:
            raise broken("", "additionalProperties", f"Only {', '.join(sorted(MEMBERS))} may be asked.")
        end = _day(asked.get("to"), "/to", clock.now().date())
        start = _day(asked.get("from"), "/from", end - USUAL)
        found = await asyncio.to_thread(daily.read, principal.tenant_id, asked.get("name", "dau"), start, end)
        return json_reply(found.as_json())

    return [Route(PATH, read, methods=["GET"])]


def _day(told: str | None, pointer: str, usual: date) -> date:
    if told is None:
        return usual
    try:
        return date.fromisoformat(told)
    except ValueError:
        raise broken(pointer, "date", "Expected a day, such as 2025-09-01.") from None
