"""The doors of data subjects: what is known of a person, all of it as JSON, and its erasure with a receipt.

Ids of persons stand in bodies, never in addresses, which others write into logs.
"""

import asyncio
from collections.abc import Iterator
from typing import Any

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from auricle import clock
from auricle.edge.asking import FilterIn, filters_of
from auricle.edge.body import read_body
from auricle.edge.guard import Guard
from auricle.edge.reply import json_reply
from auricle.errors import Invalid, NotFound
from auricle.intake.times import format_rfc3339
from auricle.model.principal import Principal, Scope
from auricle.model.query import micros_of
from auricle.model.receipt import Fault, pointer_of
from auricle.model.subject import Subject
from auricle.privacy.erasure import Eraser
from auricle.report import time
from auricle.report.export import COLUMNS
from auricle.report.filters import check
from auricle.store.training import TrainingStore

PREFIX = "/api/v1/analytics/subjects"
MAX_BODY = 65_536


class SubjectIn(BaseModel):
    """Whose events: all conditions given must be met, and one must be given."""

    model_config = ConfigDict(extra="forbid", strict=True)

    user_id: str | None = Field(None, min_length=1, max_length=128)
    session_id: str | None = Field(None, min_length=1, max_length=128)
    site_id: str | None = Field(None, min_length=1, max_length=128)
    start: str | None = Field(None, alias="from")
    end: str | None = Field(None, alias="to")
    filters: list[FilterIn] = []


class SubjectDoors:
    """The handlers, and what they share."""

    def __init__(self, guard: Guard, eraser: Eraser, exports: TrainingStore) -> None:
        self._exports = exports
        self._guard = guard
        self._eraser = eraser
        self._store = eraser.store

    @property
    def routes(self) -> list[Route]:
        """The routes of all handlers here."""
        return [
            Route(PREFIX + "/find", self.find, methods=["POST"]),
            Route(PREFIX + "/export", self.export, methods=["POST"]),
            Route(PREFIX + "/erase", self.erase, methods=["POST"]),
            Route(PREFIX + "/erasures", self.erasures, methods=["GET"]),
            Route(PREFIX + "/erasures/{erasure_id}", self.erasure, methods=["GET"]),
            Route(PREFIX + "/suppressions", self.suppressions, methods=["GET"]),
            Route(PREFIX + "/suppressions/{erasure_id}", self.lift, methods=["DELETE"]),
        ]

    async def find(self, request: Request) -> Response:
        """How many events there are of a subject, by name."""
        principal, subject = await self._asked(request)
        found = await asyncio.to_thread(self._eraser.find, principal, subject)
        names = [
            {"event_name": name, "events": events, "first": _moment(first), "last": _moment(last), "sessions": sessions}
            for name, events, first, last, sessions in found.rows
        ]
        total = sum(row["events"] for row in names)
        return json_reply({"conditions": subject.conditions, "events": total, "names": names})

    async def export(self, request: Request) -> Response:
        """Every event of a subject, as one JSON document that is written while it is read."""
        principal, subject = await self._asked(request)
        lines = await asyncio.to_thread(self._eraser.export, principal, subject)
        # NOTE: the first row is fetched before the status leaves, so that a store that is away is told as such.
        first = await asyncio.to_thread(next, lines, b"")
        headers = {"Content-Disposition": 'attachment; filename="subject.json"', "Cache-Control": "no-store"}
        return StreamingResponse(_document(first, lines), 200, headers, "application/json")

    async def erase(self, request: Request) -> Response:
        """Orders an erasure: 202 with its receipt so far."""
        principal, subject = await self._asked(request)
        erasure = await asyncio.to_thread(self._eraser.order, principal, subject)
        location = {"Location": f"{PREFIX}/erasures/{erasure.id}"}
        return json_reply(erasure.as_json(format_rfc3339), 202, location)

    async def erasures(self, request: Request) -> Response:
        """The receipts of the tenant's latest erasures."""
        principal = await self._guard.allowed(request, Scope.PRIVACY_WRITE)
        found = await asyncio.to_thread(self._store.latest, principal.tenant_id)
        return json_reply({"erasures": [erasure.as_json(format_rfc3339) for erasure in found]})

    async def erasure(self, request: Request) -> Response:
        """One receipt, with the training exports that held something of what was erased."""
        principal = await self._guard.allowed(request, Scope.PRIVACY_WRITE)
        found = await asyncio.to_thread(self._store.get, principal.tenant_id, request.path_params["erasure_id"])
        if found is None:
            raise NotFound("No erasure bears this id.")
        held = await asyncio.to_thread(self._exports.holding, principal.tenant_id, found.id)
        return json_reply({**found.as_json(format_rfc3339), "exports": held})

    async def suppressions(self, request: Request) -> Response:
        """The tenant's suppression list, without anything that tells whom an entry is about."""
        principal = await self._guard.allowed(request, Scope.PRIVACY_WRITE)
        found = await asyncio.to_thread(self._store.suppressions, principal.tenant_id)
        listed = [
            {"id": one.id, "mark": one.mark, "erasure_id": one.erasure_id, "created_at": format_rfc3339(one.created_at)}
            for one in found
        ]
        return json_reply({"suppressions": listed})

    async def lift(self, request: Request) -> Response:
        """Lets new events of an erased person in again."""
        principal = await self._guard.allowed(request, Scope.PRIVACY_WRITE)
        erasure_id = request.path_params["erasure_id"]
        lifted = await asyncio.to_thread(self._eraser.lift, principal, erasure_id)
        if lifted is None:
            raise NotFound("No erasure bears this id.")
        return json_reply({"erasure_id": erasure_id, "lifted": lifted})

    async def _asked(self, request: Request) -> tuple[Principal, Subject]:
        principal = await self._guard.allowed(request, Scope.PRIVACY_WRITE)
        return principal, _subject(await read_body(request, MAX_BODY))


def _subject(body: bytes) -> Subject:
    """The subject of a body.

    Raises:
        Invalid: it breaks a rule, or names no condition: that would be everything.
    """
    try:
        asked = SubjectIn.model_validate_json(body)
    except ValidationError as error:
        faults = []
        for each in error.errors(include_input=False, include_url=False):
            faults.append(Fault(pointer_of(each["loc"])[:256], each["type"], each["msg"]))
        raise Invalid("The subject breaks a rule.", tuple(faults[:10])) from None
    subject = Subject(
        user_id=asked.user_id,
        session_id=asked.session_id,
        site_id=asked.site_id,
        start=None if asked.start is None else micros_of(time.instant(asked.start, "/from")),
        end=None if asked.end is None else micros_of(time.instant(asked.end, "/to")),
        filters=tuple(check(each) for each in filters_of(asked.filters, "/filters")),
    )
    if not subject.conditions:
        text = "One condition is required: user_id, session_id, site_id, from, to or filters."
        raise Invalid("The subject is empty.", (Fault("", "minProperties", text),))
    return subject


def _document(first: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    """The export, piece by piece."""
    head = orjson.dumps({"exported_at": format_rfc3339(clock.micros())})
    yield head[:-1] + b',"events":['
    if first:
        yield b"\n" + _event(first)
        for line in rest:
            yield b",\n" + _event(line)
    yield b"\n]}\n"


def _event(line: bytes) -> bytes:
    told: dict[str, Any] = dict(zip(COLUMNS, orjson.loads(line), strict=True))
    told["attributes"], told["context"] = (orjson.loads(told[name]) for name in ("attributes", "context"))
    return orjson.dumps({name: value for name, value in told.items() if value != ""})


def _moment(text: str) -> str:
    """The engine's text of an instant, in RFC 3339."""
    return text.replace(" ", "T") + "Z"
