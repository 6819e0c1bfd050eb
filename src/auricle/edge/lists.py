"""The list door of document 004: `POST /api/analytics/ingest` takes a list of `{ts, user_id, type, src, payload}`."""

from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from auricle.edge.body import read_body
from auricle.edge.entrance import (
    Entrance,
    Names,
    counted,
    fault_of_members,
    rejected,
    results,
    shared_members,
    wants_all,
)
from auricle.edge.front import Hot, routes_of
from auricle.edge.reply import json_reply
from auricle.errors import Invalid, TooLarge, UnsupportedMedia
from auricle.intake.decode import Body, body_kind, parse_single
from auricle.model.event import SOURCES
from auricle.model.receipt import Fault, Rejected

PATH = "/api/analytics/ingest"
TOO_LARGE = "batch too large"
"""What the document promises to say over the limit."""
MEMBERS = ("ts", "user_id", "type", "src", "payload", "event_id", "session_id", "site_id", "tenant_id", "context")
NAMES = Names({"/attributes": "/payload", "/event_name": "/type", "/occurred_at": "/ts"})
MAX_SRC = 128


class ListDoor:
    """The handler, and what it needs."""

    def __init__(self, entrance: Entrance) -> None:
        self._entrance = entrance

    @property
    def hot(self) -> Hot:
        """Method and path, for `Front`."""
        return {("POST", PATH): self.ingest}

    @property
    def routes(self) -> list[Route]:
        """The same as a route."""
        return routes_of(self.hot)

    async def ingest(self, request: Request) -> Response:
        """A list: 200 with `ingested`, the number that was stored, and the other counts; 422 when all were rejected."""
        principal = await self._entrance.writer(request)
        if body_kind(request.headers.get("content-type")) is not Body.JSON:
            raise UnsupportedMedia("The list is sent as JSON.")
        told = await self._list_of(request)
        raws = [event_of(one) for one in told]
        receipts = await self._entrance.take(principal, raws, names=NAMES, at_once=max(len(raws), 1))
        counts = counted(receipts, "ingested")
        body = counts | {"results": results(raws, receipts, wants_all(request))}
        return json_reply(body, 422 if raws and counts["rejected"] == len(raws) else 200)

    async def _list_of(self, request: Request) -> list[Any]:
        settings = self._entrance.settings
        try:
            body = await read_body(request, settings.max_list_bytes)
        except TooLarge as error:
            raise TooLarge(TOO_LARGE, (Fault("", "max_list_bytes", error.detail),)) from error
        told = await self._entrance.parse(body, parse_single)
        if not isinstance(told, list):
            text = "The body must be a list of events: send them in brackets."
            raise Invalid(text, (Fault("", "type", text),))
        if len(told) > settings.max_list_events:
            text = f"The list must have at most {settings.max_list_events} events: send smaller lists."
            raise TooLarge(TOO_LARGE, (Fault("", "maxItems", text),))
        return told


def event_of(told: Any) -> dict[str, Any] | Rejected:
    """The raw event of one item of a list.

    A `src` that is none of our sources is kept as the attribute `src`, and the source is `web`. A `session_id` of the
    payload is that of the event, unless the item has one itself.
    """
    if not isinstance(told, dict):
        return rejected(told, "", "type", "An event must be a JSON object: send its members between braces.")
    if fault := fault_of_members(told, MEMBERS):
        return rejected(told, fault.pointer, fault.rule, fault.message)
    for member in ("ts", "type"):
        if told.get(member) is None:
            return rejected(told, f"/{member}", "required", f"`{member}` is required: add it.")
    src, payload = told.get("src"), told.get("payload")
    if src is not None and not (isinstance(src, str) and len(src) <= MAX_SRC):
        return rejected(told, "/src", "type", f"`src` must be a text of at most {MAX_SRC} characters.")
    if payload is not None and not isinstance(payload, dict):
        return rejected(told, "/payload", "type", "`payload` must be an object.")
    attributes = dict(payload or {})
    raw = shared_members(told)
    session = attributes.get("session_id")
    if raw.get("session_id") is None and isinstance(session, str) and 1 <= len(session) <= 128:
        raw["session_id"] = attributes.pop("session_id")
    if src and src not in SOURCES:
        attributes.setdefault("src", src)
    raw["event_name"] = told["type"]
    raw["occurred_at"] = told["ts"]
    raw["source"] = src if src in SOURCES else "web"
    raw["attributes"] = attributes
    return raw
