"""The doors of training data: interactions as a file for fine-tuning, with a manifest that is kept.

The file is made first and then sent, so that what is wrong is told as an error, and its hash stands in the head.
"""

import asyncio
import hashlib
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal

import orjson
from fastapi import APIRouter, Depends, Request, Response
from fastapi import Query as Asked
from fastapi.responses import FileResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.background import BackgroundTask

from auricle import clock
from auricle.edge.asking import FiltersIn, filters_of
from auricle.edge.export import lines_of
from auricle.edge.guard import permitted
from auricle.edge.reply import json_reply
from auricle.edge.reports import ReportRoute
from auricle.errors import NotFound
from auricle.intake.suppression import event_mark_of
from auricle.intake.times import format_rfc3339
from auricle.judge.training import chosen, line_of
from auricle.model.event import key_of
from auricle.model.principal import Principal, Scope
from auricle.model.query import Filter, Interactions, Op, Query, State
from auricle.model.training import Choice, Manifest, Shape, Split
from auricle.report import interactions, time
from auricle.report.plan import planned
from auricle.store.erasure import ErasureStore
from auricle.store.events import EventStore
from auricle.store.training import TrainingStore

MANIFESTS = "/api/v1/analytics/exports/training"
PATHS = ("/export/training-data", f"{MANIFESTS}-data")
MOST_ROWS = 5_000_000
MEDIA = "application/x-ndjson"


class TrainingIn(BaseModel):
    """What a training export may be asked."""

    model_config = ConfigDict(extra="forbid")

    store: str | None = Field(None, description="Only of this site.")
    start: str | None = Field(None, alias="from", description="First instant, RFC 3339.")
    end: str | None = Field(None, alias="to", description="First instant after the range, RFC 3339; now without it.")
    period: str | None = Field(None, description="Instead of a range: the last hours or days, as `24h` or `7d`.")
    format: Shape = Shape.RAW
    split: Split = Split.ALL
    test_share: float = Field(0.1, ge=0, le=1, description="Share of the sessions that is for tests.")
    min_score: float | None = Field(None, description="Least overall score.")
    max_score: float | None = Field(None, description="Greatest overall score.")
    source: list[str] = Field([], max_length=10, description="Only queries from there; repeat for more.")
    state: list[State] = Field([State.ANSWERED], description="Only interactions in this state; repeat for more.")
    consent: Literal["any", "yes"] = Field("any", description="`yes`: only of persons who said yes with the query.")
    duplicates: bool = Field(False, description="Whether nearly the same interactions are all in it.")
    filters: FiltersIn = Field([], description="As in reports, as JSON text.")


class TrainingExports:
    """Makes exports and keeps their manifests. Blocks: belongs in a thread."""

    def __init__(self, events: EventStore, kept: TrainingStore, erased: ErasureStore) -> None:
        self._events = events
        self._kept = kept
        self._erased = erased

    def make(self, query: Query, choice: Choice, actor: str, asked: dict[str, Any]) -> tuple[Path, Manifest]:
        """The file of an export and its manifest, which is kept. Nothing of either stays when it fails."""
        digest, rows, ids = hashlib.sha256(), 0, set()
        with tempfile.NamedTemporaryFile(suffix=".jsonl", delete=False) as file:
            path = Path(file.name)
            try:
                for one in chosen(self._interactions(query), choice):
                    line = line_of(one, choice)
                    file.write(line)
                    digest.update(line)
                    rows += 1
                    ids.add(one["query_id"])
                file.flush()
                manifest = Manifest(
                    clock.new_id(),
                    query.tenant_id,
                    clock.micros(),
                    actor,
                    asked,
                    rows,
                    path.stat().st_size,
                    digest.hexdigest(),
                )
                self._kept.add(manifest, self._marks(query, ids))
            except BaseException:
                path.unlink(missing_ok=True)
                raise
        return path, manifest

    def _interactions(self, query: Query) -> Iterator[dict[str, Any]]:
        wanted = query.ask.states if isinstance(query.ask, Interactions) else ()
        for line in lines_of(self._events.stream(interactions.build(query), "JSONCompactEachRow")):
            row = orjson.loads(line)
            if row[0] != interactions.ORPHAN and interactions.state_of(row[0]) in wanted:
                yield interactions.interaction_of(row)

    def _marks(self, query: Query, ids: set[str]) -> Iterator[int]:
        """The hashes of the events that tell of these queries: as those of erased events, so that the two can meet."""
        key, tenant = self._erased.key, query.tenant_id
        for line in lines_of(self._events.stream(interactions.tellings(query), "JSONCompactEachRow")):
            event_id, query_id = orjson.loads(line)
            if query_id in ids:
                yield event_mark_of(key, tenant, key_of(event_id))


def router(
    exports: TrainingExports,
    kept: TrainingStore,
    principal: Callable[[Request], Awaitable[Principal]],
    now: Callable[[], datetime] = clock.now,
) -> APIRouter:
    """The routes: the export under our own address and under that of document 000, and the manifests."""
    routes = APIRouter(tags=["exports"], route_class=ReportRoute)
    Caller = Annotated[Principal, Depends(principal)]

    async def exported(asked: Annotated[TrainingIn, Asked()], caller: Caller) -> Response:
        """Interactions as lines of JSON for fine-tuning; needs the scope `export:read`."""
        permitted(caller, Scope.EXPORT_READ)
        query, choice = _query(asked, caller, now()), _choice(asked)
        told = asked.model_dump(mode="json", by_alias=True, exclude_none=True)
        told |= {"from": time.written(query.span.start), "to": time.written(query.span.end)}
        path, manifest = await asyncio.to_thread(exports.make, query, choice, caller.actor, told)
        headers = {
            "Content-Disposition": f'attachment; filename="training-{manifest.id}.jsonl"',
            "X-Content-Type-Options": "nosniff",
            "X-Export-Id": manifest.id,
            "X-Export-Rows": str(manifest.rows),
            "X-Export-Sha256": manifest.sha256,
        }
        remove = BackgroundTask(path.unlink, missing_ok=True)
        return FileResponse(path, media_type=MEDIA, headers=headers, background=remove)

    files: dict[int | str, dict[str, Any]] = {200: {"description": "The file.", "content": {MEDIA: {}}}}
    for address in PATHS:
        routes.add_api_route(address, exported, methods=["GET"], response_class=Response, responses=files)

    @routes.get(MANIFESTS)
    async def manifests(caller: Caller) -> Response:
        """The manifests of the tenant's latest training exports; needs the scope `export:read`."""
        permitted(caller, Scope.EXPORT_READ)
        found = await asyncio.to_thread(kept.latest, caller.tenant_id)
        return json_reply({"exports": [one.as_json(format_rfc3339) for one in found]})

    @routes.get(MANIFESTS + "/{export_id}")
    async def manifest(export_id: str, caller: Caller) -> Response:
        """One manifest; needs the scope `export:read`."""
        permitted(caller, Scope.EXPORT_READ)
        found = await asyncio.to_thread(kept.get, caller.tenant_id, export_id)
        if found is None:
            raise NotFound("No training export bears this id.")
        return json_reply(found.as_json(format_rfc3339))

    return routes


def _choice(asked: TrainingIn) -> Choice:
    scores = asked.min_score, asked.max_score
    return Choice(asked.format, asked.split, asked.test_share, *scores, unique=not asked.duplicates)


def _query(asked: TrainingIn, caller: Principal, now: datetime) -> Query:
    filters = filters_of(asked.filters, "/filters")
    if asked.source:
        filters += (Filter("source", Op.IN, tuple(asked.source), "/source"),)
    if asked.consent == "yes":
        filters += (Filter("context.consent.analytics", Op.EQ, True, "/consent"),)
    query = Query(
        report="interactions",
        tenant_id=caller.tenant_id,
        now=now,
        ask=Interactions(tuple(asked.state), 1, interactions.THRESHOLD),
        start=None if asked.start is None else time.instant(asked.start, "/from"),
        end=None if asked.end is None else time.instant(asked.end, "/to"),
        period=None if asked.period is None else time.period(asked.period, "/period"),
        site_id=asked.store,
        filters=filters,
    )
    # NOTE: more than the report may list, hence after the passes, which would refuse it.
    return replace(planned(query), ask=Interactions(tuple(asked.state), MOST_ROWS, interactions.THRESHOLD))
