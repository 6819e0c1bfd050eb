"""The doors of retention: how long a tenant's events stay, what would go now, and what went."""

import asyncio

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from auricle.edge.guard import Guard
from auricle.edge.reply import json_reply
from auricle.intake.times import format_rfc3339
from auricle.model.principal import Scope
from auricle.privacy.retention import Standing, Sweeper

PATH = "/api/v1/analytics/admin/retention"


def routes(guard: Guard, sweeper: Sweeper) -> list[Route]:
    """The routes of retention; each tells a tenant of its own events alone."""

    async def status(request: Request) -> Response:
        """The days that hold for the tenant, and the latest sweeps that took events of it."""
        principal = await guard.allowed(request, Scope.ADMIN)
        standing = await asyncio.to_thread(sweeper.standing, principal.tenant_id)
        return json_reply(_body(principal.tenant_id, standing))

    async def preview(request: Request) -> Response:
        """How many events of the tenant would go now, by name."""
        principal = await guard.allowed(request, Scope.ADMIN)
        found = await asyncio.to_thread(sweeper.preview, principal.tenant_id)
        names = [
            {
                "event_name": name,
                "dataset": dataset or None,
                "events": events,
                "first_received_at": format_rfc3339(first),
                "last_received_at": format_rfc3339(last),
            }
            for name, dataset, events, first, last in found.rows
        ]
        return json_reply({"events": sum(one["events"] for one in names), "names": names})

    async def run(request: Request) -> Response:
        """Has it looked at once, rather than tomorrow, for events that are over their days: 202."""
        principal = await guard.allowed(request, Scope.ADMIN)
        sweeper.hurry()
        standing = await asyncio.to_thread(sweeper.standing, principal.tenant_id)
        return json_reply(_body(principal.tenant_id, standing), 202)

    return [
        Route(PATH, status, methods=["GET"]),
        Route(f"{PATH}/preview", preview, methods=["GET"]),
        Route(f"{PATH}/run", run, methods=["POST"]),
    ]


def _body(tenant_id: str, standing: Standing) -> dict[str, object]:
    return {
        "days": standing.days.as_json(),
        "up_to_date": standing.up_to_date,
        "trouble": standing.trouble,
        "sweeps": [sweep.as_json(tenant_id, format_rfc3339) for sweep in standing.sweeps],
    }
