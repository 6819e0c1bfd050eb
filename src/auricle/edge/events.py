"""The event doors of document 002: one event, a batch, and what became of an event.

Plain Starlette routes: FastAPI's own layer would halve the rate of small requests.
"""

import asyncio
import re
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from auricle import clock
from auricle.edge.body import read_body
from auricle.edge.guard import Guard
from auricle.edge.reply import json_reply, problem
from auricle.errors import AuricleError, Invalid, NotFound, TooLarge, Unavailable, UnsupportedMedia
from auricle.intake.decode import Batch, Body, body_kind, parse_batch, parse_ndjson, parse_single, sent_at_of
from auricle.intake.intake import Intake
from auricle.intake.schemas import Registries
from auricle.intake.steps import Door, open_door
from auricle.intake.times import format_rfc3339
from auricle.model.principal import Principal, Scope
from auricle.model.receipt import Reason, Receipt, Status
from auricle.settings import Settings

PREFIX = "/api/v1/analytics/events"
UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
NDJSON_SLICE = 2_000
"""Events of an NDJSON body that are taken at once, so that one large body does not hold up small ones."""

Handler = Callable[[Request], Awaitable[Response]]


class EventDoors:
    """The handlers, and what they share."""

    def __init__(self, guard: Guard, intake: Intake, registries: Registries, settings: Settings) -> None:
        self._guard = guard
        self._intake = intake
        self._registries = registries
        self._settings = settings

    @property
    def hot(self) -> dict[tuple[str, str], Handler]:
        """Method and path of the doors that take events, for `Front`."""
        return {("POST", PREFIX): self.single, ("POST", PREFIX + "/batch"): self.batch}

    @property
    def routes(self) -> list[Route]:
        """The routes of all handlers here."""
        return [
            Route(PREFIX, self.single, methods=["POST"]),
            Route(PREFIX + "/batch", self.batch, methods=["POST"]),
            Route(PREFIX + "/{event_id}/fate", self.fate, methods=["GET"]),
        ]

    async def single(self, request: Request) -> Response:
        """One event: 202 stored or dropped, 200 duplicate, 403 another tenant's, 422 rejected."""
        principal = await self._guard.allowed(request, Scope.EVENTS_WRITE)
        if body_kind(request.headers.get("content-type")) is not Body.JSON:
            raise UnsupportedMedia("One event is sent as JSON; send NDJSON to /batch.")
        body = await read_body(request, self._settings.max_event_bytes)
        raw = parse_single(body)
        (receipt,) = await self._intake.take([raw], self._door(principal, sent_at_of(raw), len(body)))
        if receipt is None:
            return json_reply({"event_id": raw["event_id"].lower(), "status": Status.STORED}, 202)
        if receipt.status is Status.REJECTED:
            return problem(_refusal(receipt))
        if receipt.status is Status.RETRY:
            raise Unavailable("Another request with this event failed; send it again.", retry_after=2)
        return json_reply(receipt.as_json(), _SINGLE_STATUS[receipt.status])

    async def batch(self, request: Request) -> Response:
        """Many events as `{events: […]}` or NDJSON: 202 with counts and the receipts that are not plainly `stored`."""
        principal = await self._guard.allowed(request, Scope.EVENTS_WRITE)
        kind = body_kind(request.headers.get("content-type"))
        settings = self._settings
        if kind is Body.NDJSON:
            body = await read_body(request, settings.max_ndjson_bytes)
            events = await asyncio.to_thread(parse_ndjson, body, settings.max_ndjson_events, settings.max_event_bytes)
            batch, longest = Batch(events), 0
        else:
            body = await read_body(request, settings.max_batch_bytes)
            batch, longest = parse_batch(body, settings.max_batch_events), len(body)
        self._intake.admit(principal.tenant_id, len(batch.events))
        receipts: list[Receipt | None] = []
        for start in range(0, len(batch.events), NDJSON_SLICE):
            part = batch.events[start : start + NDJSON_SLICE]
            told = await self._intake.take(part, self._door(principal, batch.sent_at, longest), admitted=True)
            receipts += [one and replace(one, index=one.index + start) for one in told] if start else told
        return _batch_reply(batch, receipts, everything=request.query_params.get("results") == "all")

    async def fate(self, request: Request) -> Response:
        """What became of an event, and why; 404 when nothing is known of it."""
        principal = await self._guard.allowed(request, Scope.EVENTS_WRITE, Scope.REPORTS_READ)
        event_id = request.path_params["event_id"]
        if not UUID.fullmatch(event_id):
            raise NotFound("No event bears this id; an event id is a UUID.")
        found = await self._intake.fate(principal.tenant_id, event_id.lower())
        if found is None:
            raise NotFound("Nothing is known of an event with this id.")
        return json_reply(_fate_body(event_id.lower(), **found))

    def _door(self, principal: Principal, sent_at: int | None, longest: int) -> Callable[[int], Door]:
        return lambda received_at: open_door(
            self._registries,
            self._settings,
            principal,
            received_at=received_at,
            new_id=clock.new_id,
            sent_at=sent_at,
            longest=longest,
        )


_SINGLE_STATUS = {Status.STORED: 202, Status.DROPPED: 202, Status.DUPLICATE: 200}


def _refusal(receipt: Receipt) -> AuricleError:
    """The error of a single event that was rejected: 422, but 403 for another tenant's and 413 for its size."""
    error: AuricleError = Invalid("The event was rejected; nothing of it was kept.", receipt.faults)
    if receipt.reason is Reason.TENANT:
        error.status, error.code, error.title = 403, "forbidden", "This credential may not do that"
    elif receipt.reason is Reason.TOO_LARGE:
        error = TooLarge("The event was rejected; nothing of it was kept.", receipt.faults)
    return error


def _batch_reply(batch: Batch, receipts: Sequence[Receipt | None], everything: bool) -> Response:
    counts = Counter(receipt.status for receipt in receipts if receipt is not None)
    accepted = len(receipts) - sum(counts.values()) + counts[Status.STORED]
    results: list[dict[str, Any]] = []
    for index, receipt in enumerate(receipts):
        if receipt is not None:
            results.append({"index": index, **receipt.as_json()})
        elif everything:
            results.append({"index": index, "event_id": _id_of(batch.events[index]), "status": Status.STORED})
    body = {
        "batch_id": batch.batch_id or clock.new_id(),
        "accepted": accepted,
        "duplicates": counts[Status.DUPLICATE],
        "rejected": counts[Status.REJECTED],
        "dropped": counts[Status.DROPPED],
        "results": results,
    }
    if counts[Status.RETRY]:
        body["retry"] = counts[Status.RETRY]
    return json_reply(body, 422 if counts[Status.REJECTED] == len(receipts) else 202)


def _id_of(raw: Any) -> str:
    return str(raw["event_id"]).lower()


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
