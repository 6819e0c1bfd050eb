"""The doors of saved dashboards, of the links that show one to whoever has it, and of annotations.

A widget holds the body of a report. It is checked by the report's own rules when it is saved, and asked as it was
saved: who opens a link names a widget by its number, and can ask nothing else.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any

from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from auricle import clock
from auricle.edge.asking import (
    ActiveIn,
    FunnelIn,
    InteractionsIn,
    PathsIn,
    RetentionIn,
    SessionsIn,
    TimeseriesIn,
    TopIn,
)
from auricle.edge.body import broken, read_object
from auricle.edge.guard import Guard, permitted
from auricle.edge.reply import json_reply
from auricle.errors import Forbidden, Invalid, NotFound
from auricle.intake.schemas import MAX_FAULTS, MAX_POINTER
from auricle.model.principal import Principal, Scope
from auricle.model.receipt import Fault, pointer_of
from auricle.model.result import Result
from auricle.store.annotation import AnnotationStore
from auricle.store.dashboard import DashboardStore
from auricle.store.link import LinkStore
from auricle.store.rules import read_expiry

PREFIX = "/api/v1/analytics/dashboards"
ANNOTATIONS = "/api/v1/analytics/annotations"
MAX_BYTES = 131_072
MAX_WIDGETS = 24
LONGEST_NAME, LONGEST_TEXT = 128, 256
LONGEST_LINK = timedelta(days=366)
CHARTS = ("line", "bar", "number", "table")
Asked = ActiveIn | FunnelIn | InteractionsIn | PathsIn | RetentionIn | SessionsIn | TimeseriesIn | TopIn
ASKED: dict[str, type[Asked]] = {
    "timeseries": TimeseriesIn,
    "funnel": FunnelIn,
    "retention": RetentionIn,
    "active": ActiveIn,
    "top": TopIn,
    "paths": PathsIn,
    "sessions": SessionsIn,
    "interactions": InteractionsIn,
}
"""What each report may be asked."""
Run = Callable[[str, Asked, Principal], Awaitable[Result]]
"""Answers a report, asked so, for the tenant of whoever asks."""


class DashboardDoors:
    """The handlers, and what they share."""

    def __init__(
        self, guard: Guard, dashboards: DashboardStore, links: LinkStore, annotations: AnnotationStore, run: Run
    ) -> None:
        self._guard = guard
        self._dashboards = dashboards
        self._links = links
        self._annotations = annotations
        self._run = run

    @property
    def routes(self) -> list[Route]:
        """The routes of all handlers here."""
        one = PREFIX + "/{dashboard_id}"
        return [
            Route(PREFIX, self.every, methods=["GET"]),
            Route(PREFIX, self.create, methods=["POST"]),
            Route(one, self.read, methods=["GET"]),
            Route(one, self.replace, methods=["PUT"]),
            Route(one, self.remove, methods=["DELETE"]),
            Route(one + "/widgets/{number}", self.widget, methods=["GET"]),
            Route(one + "/links", self.links, methods=["GET"]),
            Route(one + "/links", self.share, methods=["POST"]),
            Route(one + "/links/{link_id}", self.unshare, methods=["DELETE"]),
            Route(ANNOTATIONS, self.annotations, methods=["GET"]),
            Route(ANNOTATIONS, self.annotate, methods=["POST"]),
            Route(ANNOTATIONS + "/{annotation_id}", self.forget, methods=["DELETE"]),
        ]

    async def every(self, request: Request) -> Response:
        """The dashboards of the tenant, by name."""
        principal = await self._guard.allowed(request, Scope.REPORTS_READ)
        found = await asyncio.to_thread(self._dashboards.every, principal.tenant_id)
        return json_reply({"dashboards": [each.as_json() for each in found]})

    async def create(self, request: Request) -> Response:
        """Saves a dashboard: 201. Each widget is checked as the report that it asks."""
        principal = await self._guard.allowed(request, Scope.ADMIN)
        name, widgets = await _read(request)
        made = await asyncio.to_thread(
            self._dashboards.create, principal.tenant_id, name, widgets, actor=principal.actor
        )
        return json_reply(made.as_json(), 201)

    async def read(self, request: Request) -> Response:
        """One dashboard. A shared link opens its own."""
        principal = await self._reader(request)
        dashboard_id = request.path_params["dashboard_id"]
        found = await asyncio.to_thread(self._dashboards.read, principal.tenant_id, dashboard_id)
        return json_reply(found.as_json())

    async def replace(self, request: Request) -> Response:
        """Puts another name and other widgets in place of those of a dashboard."""
        principal = await self._guard.allowed(request, Scope.ADMIN)
        name, widgets = await _read(request)
        dashboard_id = request.path_params["dashboard_id"]
        after = await asyncio.to_thread(
            self._dashboards.replace, principal.tenant_id, dashboard_id, name, widgets, actor=principal.actor
        )
        return json_reply(after.as_json())

    async def remove(self, request: Request) -> Response:
        """Removes a dashboard and its links."""
        principal = await self._guard.allowed(request, Scope.ADMIN)
        dashboard_id = request.path_params["dashboard_id"]
        await asyncio.to_thread(self._dashboards.remove, principal.tenant_id, dashboard_id, actor=principal.actor)
        return json_reply({"id": dashboard_id, "removed": True})

    async def widget(self, request: Request) -> Response:
        """The answer of the report of one widget, counted from 0; over a shared link without its SQL."""
        principal = await self._reader(request)
        dashboard_id, number = request.path_params["dashboard_id"], request.path_params["number"]
        found = await asyncio.to_thread(self._dashboards.read, principal.tenant_id, dashboard_id)
        if not (number.isascii() and number.isdigit() and len(number) < 3 and int(number) < len(found.widgets)):
            raise NotFound("There is no widget of this number.")
        widget = found.widgets[int(number)]
        result = await self._run(widget["report"], ASKED[widget["report"]].model_validate(widget["ask"]), principal)
        body = result.as_json()
        if principal.dashboard is not None:
            for answer in (body, body.get("previous") or {}):
                answer.get("meta", {}).pop("sql", None)
        return json_reply(body)

    async def links(self, request: Request) -> Response:
        """The links of a dashboard that have not ended, without their text."""
        principal = await self._guard.allowed(request, Scope.ADMIN)
        dashboard_id = request.path_params["dashboard_id"]
        await asyncio.to_thread(self._dashboards.read, principal.tenant_id, dashboard_id)
        found = await asyncio.to_thread(self._links.list, principal.tenant_id, dashboard_id)
        return json_reply({"links": [each.as_json() for each in found]})

    async def share(self, request: Request) -> Response:
        """Makes a link to a dashboard: 201 with its text, which is told this once."""
        principal = await self._guard.allowed(request, Scope.ADMIN)
        told = await read_object(request, MAX_BYTES, frozenset({"expires_at"}))
        now = clock.now()
        ends = read_expiry(told.get("expires_at")) or now + timedelta(days=30)
        if not now < ends <= now + LONGEST_LINK:
            raise broken("/expires_at", "range", f"Within {LONGEST_LINK.days} days from now.")
        dashboard_id = request.path_params["dashboard_id"]
        link, text = await asyncio.to_thread(
            self._links.create, principal.tenant_id, dashboard_id, ends, actor=principal.actor
        )
        body = {**link.as_json(), "link": text, "path": f"/#/shared/{dashboard_id}/{text}"}
        return json_reply(body, 201, {"Cache-Control": "no-store"})

    async def unshare(self, request: Request) -> Response:
        """Ends a link, within a second."""
        principal = await self._guard.allowed(request, Scope.ADMIN)
        dashboard_id, link_id = request.path_params["dashboard_id"], request.path_params["link_id"]
        await asyncio.to_thread(self._links.revoke, principal.tenant_id, dashboard_id, link_id, actor=principal.actor)
        return json_reply({"id": link_id, "revoked": True})

    async def annotations(self, request: Request) -> Response:
        """The annotations of the tenant, newest first."""
        principal = await self._guard.allowed(request, Scope.REPORTS_READ)
        found = await asyncio.to_thread(self._annotations.list, principal.tenant_id)
        return json_reply({"annotations": [each.as_json() for each in found]})

    async def annotate(self, request: Request) -> Response:
        """Tells what happened at a time: 201."""
        principal = await self._guard.allowed(request, Scope.ADMIN)
        told = await read_object(request, MAX_BYTES, frozenset({"at", "text"}))
        at, text = told.get("at"), told.get("text")
        if not isinstance(text, str) or not 0 < len(text) <= LONGEST_TEXT or "\0" in text:
            raise broken("/text", "length", f"Text of 1 to {LONGEST_TEXT} characters.")
        made = await asyncio.to_thread(
            self._annotations.create, principal.tenant_id, _moment(at), text, actor=principal.actor
        )
        return json_reply(made.as_json(), 201)

    async def forget(self, request: Request) -> Response:
        """Removes an annotation."""
        principal = await self._guard.allowed(request, Scope.ADMIN)
        annotation_id = request.path_params["annotation_id"]
        await asyncio.to_thread(self._annotations.remove, principal.tenant_id, annotation_id, actor=principal.actor)
        return json_reply({"id": annotation_id, "removed": True})

    async def _reader(self, request: Request) -> Principal:
        """Who may look at the dashboard that is named: whoever reads reports, and who has a link to it."""
        principal = await self._guard.principal(request)
        if principal.dashboard is None:
            return permitted(principal, Scope.REPORTS_READ)
        if principal.dashboard != request.path_params["dashboard_id"]:
            raise Forbidden("This link opens another dashboard.")
        return principal


async def _read(request: Request) -> tuple[str, list[dict[str, Any]]]:
    """The name and the widgets of a body."""
    told = await read_object(request, MAX_BYTES, frozenset({"name", "widgets"}))
    widgets = told.get("widgets", [])
    if not isinstance(widgets, list) or len(widgets) > MAX_WIDGETS:
        raise broken("/widgets", "maxItems", f"A list of at most {MAX_WIDGETS} widgets.")
    return _title(told.get("name"), "/name"), [_widget(each, f"/widgets/{i}") for i, each in enumerate(widgets)]


def _widget(told: Any, pointer: str) -> dict[str, Any]:
    if not isinstance(told, dict) or told.keys() != {"title", "chart", "report", "ask"}:
        raise broken(pointer, "required", "A widget has `title`, `chart`, `report` and `ask`, and nothing else.")
    if told["chart"] not in CHARTS:
        raise broken(f"{pointer}/chart", "enum", f"One of {', '.join(CHARTS)}.")
    if told["report"] not in list(ASKED):
        raise broken(f"{pointer}/report", "enum", f"One of {', '.join(ASKED)}.")
    try:
        asked = ASKED[told["report"]].model_validate(told["ask"])
    except ValidationError as error:
        faults = [
            Fault((f"{pointer}/ask" + pointer_of(each["loc"]))[:MAX_POINTER], each["type"], each["msg"])
            for each in error.errors()[:MAX_FAULTS]
        ]
        raise Invalid("The widget cannot be asked.", tuple(faults)) from None
    asked.ask()
    if asked.tenant_id is not None or asked.tenant_alias is not None:
        raise broken(f"{pointer}/ask", "tenant", "The credential decides the tenant: leave it out.")
    return {**told, "title": _title(told["title"], f"{pointer}/title")}


def _title(told: Any, pointer: str) -> str:
    if not isinstance(told, str) or not 0 < len(told.strip()) <= LONGEST_NAME or "\0" in told:
        raise broken(pointer, "length", f"Text of 1 to {LONGEST_NAME} characters.")
    return told.strip()


def _moment(told: Any) -> datetime:
    try:
        found = read_expiry(told)
    except Invalid:
        found = None
    if found is None:
        raise broken("/at", "format", "RFC 3339 with a zone.")
    return found
