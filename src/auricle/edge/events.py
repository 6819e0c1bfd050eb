"""The event doors of document 002: one event, a batch, and what became of an event.

Plain Starlette routes: FastAPI's own layer would halve the rate of small requests.
"""

import asyncio
from functools import partial
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from auricle import clock
from auricle.edge.body import read_body
from auricle.edge.entrance import UUID, Entrance, counted, results, single_reply, wants_all
from auricle.edge.front import Hot, routes_of
from auricle.edge.reply import json_reply
from auricle.errors import NotFound, UnsupportedMedia
from auricle.intake.decode import Batch, Body, body_kind, parse_batch, parse_ndjson, parse_single, sent_at_of
from auricle.intake.times import format_rfc3339
from auricle.model.principal import Scope

PREFIX = "/api/v1/analytics/events"


class EventDoors:
    """The handlers, and what they share."""

    def __init__(self, entrance: Entrance) -> None:
        self._entrance = entrance

    @property
    def hot(self) -> Hot:
        """Method and path of the doors that take events, for `Front`."""
        return {("POST", PREFIX): self.single, ("POST", PREFIX + "/batch"): self.batch}

    @property
    def routes(self) -> list[Route]:
        """The routes of all handlers here."""
        return [*routes_of(self.hot), Route(PREFIX + "/{event_id}/fate", self.fate, methods=["GET"])]

    async def single(self, request: Request) -> Response:
        """One event: 202 stored or dropped, 200 duplicate, 403 another tenant's, 422 rejected."""
        principal = await self._entrance.writer(request)
        if body_kind(request.headers.get("content-type")) is not Body.JSON:
            raise UnsupportedMedia("One event is sent as JSON; send NDJSON to /batch.")
        body = await read_body(request, self._entrance.settings.max_event_bytes)
        raw = parse_single(body)
        (receipt,) = await self._entrance.take(principal, [raw], sent_at=sent_at_of(raw), longest=len(body))
        return single_reply(raw, receipt)

    async def batch(self, request: Request) -> Response:
        """Many events as `{events: […]}` or NDJSON: 202 with counts and the receipts that are not plainly `stored`."""
        principal = await self._entrance.writer(request)
        kind = body_kind(request.headers.get("content-type"))
        settings = self._entrance.settings
        if kind is Body.NDJSON:
            body = await read_body(request, settings.max_ndjson_bytes)
            events = await asyncio.to_thread(parse_ndjson, body, settings.max_ndjson_events, settings.max_event_bytes)
            batch, longest = Batch(events), 0
        else:
            body = await read_body(request, settings.max_batch_bytes)
            batch = await self._entrance.parse(body, partial(parse_batch, limit=settings.max_batch_events))
            longest = len(body)
        receipts = await self._entrance.take(principal, batch.events, sent_at=batch.sent_at, longest=longest)
        counts = counted(receipts)
        told = {
            "batch_id": batch.batch_id or clock.new_id(),
            **counts,
            "results": results(batch.events, receipts, wants_all(request)),
        }
        return json_reply(told, 422 if counts["rejected"] == len(receipts) else 202)

    async def fate(self, request: Request) -> Response:
        """What became of an event, and why; 404 when nothing is known of it."""
        principal = await self._entrance.guard.allowed(request, Scope.EVENTS_WRITE, Scope.REPORTS_READ)
        event_id = request.path_params["event_id"]
        if not UUID.fullmatch(event_id):
            raise NotFound("No event bears this id; an event id is a UUID.")
        found = await self._entrance.intake.fate(principal.tenant_id, event_id.lower())
        if found is None:
            raise NotFound("Nothing is known of an event with this id.")
        return json_reply(_fate_body(event_id.lower(), **found))


def _fate_body(event_id: str, fate: str, event: Any = None, received_at: int | None = None, failed: Any = None) -> Any:
    body: dict[str, Any] = {"event_id": event_id, "fate": fate, "visible": fate == "stored"}
    if event is not None and received_at is not None:
        body["event_name"] = event.event_name
        body["occurred_at"] = format_rfc3339(event.occurred_at)
        body["received_at"] = format_rfc3339(received_at)
    elif failed is not None:
        body["event_name"] = failed.event_name or None
        body["received_at"] = format_rfc3339(failed.received_at)
        body["reason"] = failed.reason
        body["errors"] = [{"pointer": failed.pointer, "rule": failed.rule, "message": failed.message}]
    return body
