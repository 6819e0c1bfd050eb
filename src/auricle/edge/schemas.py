"""The doors of the schemas: the catalogue, registering, checking an event without storing it, and modes."""

import asyncio
from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from auricle import clock
from auricle.edge.body import broken, read_body, read_object
from auricle.edge.guard import Guard
from auricle.edge.reply import json_reply
from auricle.errors import Invalid, NotFound
from auricle.intake.catalogue import Catalogue, Judgement
from auricle.intake.decode import parse_single, sent_at_of
from auricle.intake.door import open_door
from auricle.intake.registration import MAX_BYTES, Candidate, read_document
from auricle.intake.schemas import Registry, Schema
from auricle.intake.steps import run
from auricle.intake.times import format_rfc3339
from auricle.intake.trial import Trial, try_schema
from auricle.model.event import Event
from auricle.model.principal import Principal, Scope
from auricle.model.receipt import Dropped, Fault
from auricle.model.schema import Mode, TenantSchemas, Version
from auricle.settings import Settings
from auricle.store.events import EventStore

PREFIX = "/api/v1/analytics/schemas"
BODY_BYTES = 2 * MAX_BYTES
"""Twice the size of a document, for white space and the members around it."""
TRIALS = 2
"""Trials at once; others wait for their turn."""
READERS = (Scope.EVENTS_WRITE, Scope.REPORTS_READ, Scope.SCHEMAS_WRITE)


class SchemaDoors:
    """The handlers, and what they share."""

    def __init__(self, guard: Guard, catalogue: Catalogue, events: EventStore, settings: Settings) -> None:
        self._guard = guard
        self._catalogue = catalogue
        self._events = events
        self._settings = settings
        self._trials = asyncio.Semaphore(TRIALS)

    @property
    def routes(self) -> list[Route]:
        """The routes of all handlers here."""
        return [
            Route(PREFIX, self.catalogue, methods=["GET"]),
            Route(PREFIX, self.register, methods=["POST"]),
            Route(PREFIX + "/validate", self.validate, methods=["POST"]),
            Route(PREFIX + "/{event_name}", self.schema, methods=["GET"]),
            Route(PREFIX + "/{event_name}", self.mode, methods=["PATCH"]),
            Route(PREFIX + "/{event_name}/trial", self.trial, methods=["POST"]),
            Route(PREFIX + "/{event_name}/{version}", self.version, methods=["GET"]),
        ]

    async def catalogue(self, request: Request) -> Response:
        """Every event name that has a schema here, the built-in ones and the tenant's."""
        principal = await self._guard.allowed(request, *READERS)
        told, registry = await self._look(principal)
        documents = request.query_params.get("documents", "false")
        if documents not in ("true", "false"):
            raise broken("/documents", "enum", "`documents` must be true or false.")
        entries = [_entry(name, told, registry) for name in registry.names()]
        if documents == "true":
            entries = [{**one, "schema": _document(one["event_name"], told, registry)} for one in entries]
        return json_reply({"schemas": entries})

    async def schema(self, request: Request) -> Response:
        """The schema that events of a name are checked against unasked, and its versions."""
        principal = await self._guard.allowed(request, *READERS)
        told, registry = await self._look(principal)
        name = request.path_params["event_name"]
        if name not in registry.known:
            raise NotFound("No schema has this event name.")
        return json_reply({**_entry(name, told, registry), "schema": _document(name, told, registry)})

    async def version(self, request: Request) -> Response:
        """One version of a schema, as the bare document."""
        principal = await self._guard.allowed(request, *READERS)
        told, _ = await self._look(principal)
        name, wanted = request.path_params["event_name"], Version.read(request.path_params["version"])
        found = [one.document for one in told.of(name) if one.version == wanted]
        built_in = self._catalogue.built_in.known.get(name)
        if built_in is not None and not told.of(name) and built_in.id.endswith(f"/{wanted}"):
            found = [built_in.document]
        if not found:
            raise NotFound("No schema has this event name and version.")
        return json_reply(found[0])

    async def register(self, request: Request) -> Response:
        """Registers a version: 201; 200 when it is there already, or with `dry_run`; 409 when it does not fit."""
        principal = await self._guard.allowed(request, Scope.SCHEMAS_WRITE)
        body = await read_object(request, BODY_BYTES, frozenset({"schema", "dry_run"}))
        dry = body.get("dry_run", False)
        if not isinstance(dry, bool):
            raise broken("/dry_run", "type", "`dry_run` must be true or false.")
        candidate = await asyncio.to_thread(_candidate, body)
        judgement = await asyncio.to_thread(self._catalogue.judge, principal.tenant_id, candidate)
        if judgement.known:
            return json_reply(_registered(candidate, judgement, None, registered=True))
        schema = judgement.registry.ids[candidate.id]
        trial = await self._try(principal, schema, judgement.registry)
        if not dry:
            register = self._catalogue.register
            await asyncio.to_thread(register, principal.tenant_id, candidate, judgement, actor=principal.actor)
        return json_reply(_registered(candidate, judgement, trial, registered=not dry), 200 if dry else 201)

    async def trial(self, request: Request) -> Response:
        """How many of the stored events of a name break the schema that holds for it, and by which rules."""
        principal = await self._guard.allowed(request, Scope.REPORTS_READ, Scope.SCHEMAS_WRITE)
        _, registry = await self._look(principal)
        schema = registry.known.get(request.path_params["event_name"])
        if schema is None:
            raise NotFound("No schema has this event name.")
        trial = await self._try(principal, schema, registry)
        return json_reply({"event_name": schema.event_name, "id": schema.id, "stored_events": trial.as_json()})

    async def validate(self, request: Request) -> Response:
        """What would become of an event; nothing of it is kept or counted."""
        principal = await self._guard.allowed(request, *READERS)
        body = await read_body(request, self._settings.max_event_bytes)
        raw = parse_single(body)
        door = open_door(
            self._catalogue,
            self._settings,
            principal,
            received_at=clock.micros(),
            new_id=clock.new_id,
            sent_at=sent_at_of(raw),
            longest=len(body),
        )
        (verdict,) = run([raw], door)
        if isinstance(verdict, Event):
            warnings = [fault.as_json() for fault in door.observed.get(verdict.event_id, ())]
            told: dict[str, Any] = {"valid": not warnings, "status": "stored", "schema": verdict.schema_id or None}
            return json_reply({**told, "warnings": warnings} if warnings else told)
        if isinstance(verdict, Dropped):
            return json_reply({"valid": True, "status": "dropped", "reason": verdict.reason})
        errors = [fault.as_json() for fault in verdict.faults]
        return json_reply({"valid": False, "status": "rejected", "reason": verdict.reason, "errors": errors})

    async def mode(self, request: Request) -> Response:
        """Sets what becomes of events of a name that break their schema."""
        principal = await self._guard.allowed(request, Scope.SCHEMAS_WRITE)
        body = await read_object(request, BODY_BYTES, frozenset({"mode"}))
        if body.get("mode") not in list(Mode):
            raise broken("/mode", "enum", f"`mode` must be one of {', '.join(Mode)}.")
        name, mode = request.path_params["event_name"], Mode(body["mode"])
        await asyncio.to_thread(self._catalogue.set_mode, principal.tenant_id, name, mode, actor=principal.actor)
        return json_reply({"event_name": name, "mode": mode})

    async def _try(self, principal: Principal, schema: Schema, registry: Registry) -> Trial:
        # NOTE: a trial reads up to 100,000 events; many at once would take the engine from everyone else.
        async with self._trials:
            return await try_schema(self._events, principal.tenant_id, schema, registry)

    async def _look(self, principal: Principal) -> tuple[TenantSchemas, Registry]:
        told = await asyncio.to_thread(self._catalogue.told, principal.tenant_id)
        return told, self._catalogue.for_tenant(principal.tenant_id)


def _candidate(body: Mapping[str, Any]) -> Candidate:
    """The candidate in a body, with the pointers of its faults leading from the body's root."""
    if "schema" not in body:
        raise broken("/schema", "required", "`schema` is required: the JSON Schema of the event's attributes.")
    try:
        return read_document(body["schema"])
    except Invalid as error:
        faults = tuple(Fault(("/schema" + fault.pointer)[:256], fault.rule, fault.message) for fault in error.faults)
        raise Invalid(error.detail, faults) from None


def _entry(name: str, told: TenantSchemas, registry: Registry) -> dict[str, Any]:
    """One event name of the catalogue."""
    own = told.of(name)
    schema = registry.known[name]
    document = _document(name, told, registry)
    versions = [
        {"id": one.id, "version": str(one.version), "created_at": format_rfc3339(one.created_at)} for one in own
    ]
    return {
        "event_name": name,
        "id": schema.id,
        "version": schema.id.rpartition("/")[2],
        "origin": "tenant" if own else "built-in",
        "mode": registry.mode_of(name),
        "title": document.get("title"),
        "description": document.get("description"),
        "versions": versions or [{"id": schema.id, "version": schema.id.rpartition("/")[2], "created_at": None}],
    }


def _document(name: str, told: TenantSchemas, registry: Registry) -> Mapping[str, Any]:
    """The newest document of a name: the tenant's as it was registered, else the built-in one."""
    own = told.of(name)
    return own[-1].document if own else registry.known[name].document


def _registered(candidate: Candidate, judgement: Judgement, trial: Trial | None, *, registered: bool) -> dict[str, Any]:
    return {
        "id": candidate.id,
        "event_name": candidate.event_name,
        "version": str(candidate.version),
        "registered": registered,
        "raises": judgement.part,
        "changes": [change.as_json() for change in judgement.changes[:50]],
        "stored_events": trial.as_json() if trial else None,
    }
