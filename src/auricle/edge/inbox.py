"""The doors of the failed-event inbox: groups, samples, replay and discarding."""

import asyncio
from collections.abc import Mapping
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from auricle.edge.body import broken, read_object
from auricle.edge.guard import Guard
from auricle.edge.reply import json_reply
from auricle.intake.inbox import Inbox
from auricle.intake.replay import MOST, Replay
from auricle.intake.times import format_rfc3339
from auricle.model.principal import Scope
from auricle.model.receipt import Reason
from auricle.store.inbox import Failure, Group, Selection

PREFIX = "/api/v1/analytics/inbox"
READERS = (Scope.REPORTS_READ, Scope.SCHEMAS_WRITE)
NAMES = ("event_name", "reason", "pointer")
BODY_BYTES = 65_536
MOST_GROUPS = 1_000
MOST_SAMPLES = 100
MOST_IDS = 1_000
LARGEST = 2**63 - 1


class InboxDoors:
    """The handlers, and what they share."""

    def __init__(self, guard: Guard, inbox: Inbox, replay: Replay) -> None:
        self._guard = guard
        self._inbox = inbox
        self._store = inbox.store
        self._replay = replay

    @property
    def routes(self) -> list[Route]:
        """The routes of all handlers here."""
        return [
            Route(PREFIX, self.groups, methods=["GET"]),
            Route(PREFIX + "/events", self.events, methods=["GET"]),
            Route(PREFIX + "/replay", self.replay, methods=["POST"]),
            Route(PREFIX + "/discard", self.discard, methods=["POST"]),
        ]

    async def groups(self, request: Request) -> Response:
        """The tenant's failed events by event name, reason and pointer, the largest group first."""
        principal = await self._guard.allowed(request, *READERS)
        limit = _number(request.query_params.get("limit", "200"), "limit", MOST_GROUPS)
        found = await asyncio.to_thread(self._store.groups, principal.tenant_id, limit)
        return json_reply({"groups": [_group(one) for one in found], "limits": self._inbox.limits})

    async def events(self, request: Request) -> Response:
        """Failed events of a selection as they are kept, the latest first."""
        principal = await self._guard.allowed(request, *READERS)
        told = request.query_params
        selection = _selection({name: told[name] for name in NAMES if name in told})
        limit = _number(told.get("limit", "20"), "limit", MOST_SAMPLES)
        before = _number(told["before"], "before", LARGEST) if "before" in told else None
        found = await asyncio.to_thread(self._store.latest, principal.tenant_id, selection, before, limit)
        body = {"events": [_failure(one) for one in found], "next": found[-1].id if len(found) == limit else None}
        return json_reply(body)

    async def replay(self, request: Request) -> Response:
        """Sends the oldest failed events of a selection through the intake again."""
        principal = await self._guard.allowed(request, Scope.SCHEMAS_WRITE)
        body = await read_object(request, BODY_BYTES, frozenset({*NAMES, "ids", "all", "after", "limit"}))
        after, limit = (
            _number(body.get("after", 0), "after", LARGEST, 0),
            _number(body.get("limit", 500), "limit", MOST),
        )
        told = await self._replay.replay(principal, _chosen(body), after, limit)
        return json_reply(
            {
                "stored": told.stored,
                "duplicates": told.duplicates,
                "dropped": told.dropped,
                "failed": told.failed,
                "retry": told.retry,
                "next": told.next,
            }
        )

    async def discard(self, request: Request) -> Response:
        """Removes failed events of a selection for good."""
        principal = await self._guard.allowed(request, Scope.SCHEMAS_WRITE)
        body = await read_object(request, BODY_BYTES, frozenset({*NAMES, "ids", "all"}))
        discard = self._store.discard
        gone = await asyncio.to_thread(discard, principal.tenant_id, _chosen(body), actor=principal.actor)
        self._inbox.changed(principal.tenant_id)
        return json_reply({"discarded": gone})


def _chosen(body: Mapping[str, Any]) -> Selection:
    """The selection of a body that changes something: it must say what, or that it means all."""
    everything = body.get("all", False)
    if not isinstance(everything, bool):
        raise broken("/all", "type", "`all` must be true or false.")
    narrowed = {name: body[name] for name in (*NAMES, "ids") if name in body}
    if everything is bool(narrowed):
        text = "Select by `event_name`, `reason`, `pointer` or `ids`, or say `all`: true; not both."
        raise broken("", "selection", text)
    return _selection(narrowed)


def _selection(told: Mapping[str, Any]) -> Selection:
    """The selection of these members; an `event_name` that is null or empty means events without a readable name."""
    name, reason, pointer = (told.get(each) for each in NAMES)
    if name is None and "event_name" in told:
        name = ""
    for each, value in (("event_name", name), ("pointer", pointer)):
        if value is not None and not isinstance(value, str):
            raise broken(f"/{each}", "type", f"`{each}` must be text, as the groups tell it.")
    if reason is not None and reason not in list(Reason):
        raise broken("/reason", "enum", f"`reason` must be one of {', '.join(Reason)}.")
    ids = told.get("ids")
    if ids is not None:
        if not isinstance(ids, list) or not 0 < len(ids) <= MOST_IDS:
            raise broken("/ids", "maxItems", f"`ids` must be a list of 1 to {MOST_IDS} numbers of the inbox.")
        ids = tuple(_number(one, f"ids/{index}", LARGEST) for index, one in enumerate(ids))
    return Selection(name, reason, pointer, ids)


def _number(told: Any, name: str, most: int, least: int = 1) -> int:
    """A whole number in its bounds, also as text of at most 19 digits."""
    if isinstance(told, str) and told.isascii() and told.isdigit() and len(told) < 20:
        told = int(told)
    if isinstance(told, bool) or not isinstance(told, int) or not least <= told <= most:
        raise broken(f"/{name}", "range", f"`{name.partition('/')[0]}` must be a whole number from {least} to {most}.")
    return told


def _group(one: Group) -> dict[str, Any]:
    return {
        "event_name": one.event_name or None,
        "reason": one.reason,
        "pointer": one.pointer,
        "rule": one.rule,
        "message": one.message,
        "events": one.events,
        "replayable": one.kept,
        "bytes": one.size,
        "first_at": format_rfc3339(one.first_at),
        "last_at": format_rfc3339(one.last_at),
    }


def _failure(one: Failure) -> dict[str, Any]:
    failed = one.event
    return {
        "id": one.id,
        "event_id": failed.event_id or None,
        "event_name": failed.event_name or None,
        "reason": failed.reason,
        "pointer": failed.pointer,
        "rule": failed.rule,
        "message": failed.message,
        "received_at": format_rfc3339(failed.received_at),
        "event": orjson.loads(failed.body) if failed.body else None,
    }
