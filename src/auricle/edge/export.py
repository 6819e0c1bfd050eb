"""The door of exports: a tenant's events as a file, streamed in memory that does not grow with them.

Every export is in the audit log before its first byte leaves.
"""

import asyncio
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from datetime import datetime
from itertools import chain
from pathlib import Path
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Depends, Request, Response
from fastapi import Query as Asked
from fastapi.responses import FileResponse, StreamingResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.background import BackgroundTask

from auricle import clock
from auricle.edge.asking import FiltersIn, filters_of
from auricle.edge.guard import permitted
from auricle.edge.reports import ReportRoute
from auricle.edge.workbook import write_workbook
from auricle.model.principal import Principal, Scope
from auricle.model.query import Export, Format, Query
from auricle.model.statement import Statement
from auricle.report import export, time
from auricle.report.plan import planned
from auricle.store.audit import AuditStore
from auricle.store.events import EventStore

PATHS = ("/api/v1/analytics/exports/events", "/api/analytics/reports/events")


class ExportIn(BaseModel):
    """What an export may be asked."""

    model_config = ConfigDict(extra="forbid")

    format: Format = Format.CSV
    start: str | None = Field(None, alias="from", description="First instant, RFC 3339.")
    end: str | None = Field(None, alias="to", description="First instant after the range, RFC 3339; now without it.")
    period: str | None = Field(None, description="Instead of a range: the last hours or days, as `24h` or `7d`.")
    site_id: str | None = None
    event_name: list[str] = Field([], max_length=100, description="Only events of this name; repeat for more.")
    filters: FiltersIn = Field([], description="As in reports, as JSON text.")
    include_test: bool = Field(True, description="Whether events with the source `test` are in it.")


def router(
    events: EventStore,
    audit: AuditStore,
    principal: Callable[[Request], Awaitable[Principal]],
    now: Callable[[], datetime] = clock.now,
) -> APIRouter:
    """The routes: one, under our own address and under that of document 004."""
    routes = APIRouter(tags=["exports"], route_class=ReportRoute)
    Caller = Annotated[Principal, Depends(principal)]

    async def exported(asked: Annotated[ExportIn, Asked()], caller: Caller) -> Response:
        """The events of a range as CSV, JSON lines, XLSX or Parquet; needs the scope `export:read`."""
        permitted(caller, Scope.EXPORT_READ)
        query = planned(query_of(asked, caller.tenant_id, now()))
        statement = export.build(query)
        span = {"from": time.written(query.span.start), "to": time.written(query.span.end)}
        detail = {"format": asked.format.value, **span}
        await asyncio.to_thread(audit.record, caller.tenant_id, caller.actor, "export.read", "events", detail)
        name = f"events-{query.span.start // time.SECOND}-{query.span.end // time.SECOND}.{asked.format.value}"
        return await _reply(events, statement, asked.format, name)

    files: dict[int | str, dict[str, Any]] = {
        200: {"description": "The file.", "content": {media: {} for _, media in export.TYPES.values()}}
    }
    for path in PATHS:
        routes.add_api_route(path, exported, methods=["GET"], response_class=Response, responses=files)
    return routes


def query_of(asked: ExportIn, tenant_id: str, now: datetime) -> Query:
    """The query of what was asked, not settled yet."""
    return Query(
        report="export",
        tenant_id=tenant_id,
        now=now,
        ask=Export(asked.format, tuple(asked.event_name)),
        start=None if asked.start is None else time.instant(asked.start, "/from"),
        end=None if asked.end is None else time.instant(asked.end, "/to"),
        period=None if asked.period is None else time.period(asked.period, "/period"),
        site_id=asked.site_id,
        filters=filters_of(asked.filters, "/filters"),
        include_test=asked.include_test,
    )


async def _reply(events: EventStore, statement: Statement, form: Format, name: str) -> Response:
    engine_form, media = export.TYPES[form]
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "X-Content-Type-Options": "nosniff"}
    pieces = events.stream(statement, engine_form)
    if form is Format.XLSX:
        path = await asyncio.to_thread(_workbook, pieces)
        remove = BackgroundTask(path.unlink, missing_ok=True)
        return FileResponse(path, media_type=media, headers=headers, background=remove)
    # NOTE: the first piece is waited for, so that what is wrong with the request or the engine is still an answer.
    first = await asyncio.to_thread(next, pieces, b"")
    heading = export.HEADING if form is Format.CSV else b""
    return StreamingResponse(chain((heading + first,), pieces), media_type=media, headers=headers)


def _workbook(pieces: Iterator[bytes]) -> Path:
    with tempfile.NamedTemporaryFile(suffix=".xlsx", delete=False) as file:
        path = Path(file.name)
    try:
        write_workbook(path, export.COLUMNS, map(orjson.loads, lines_of(pieces)))
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return path


def lines_of(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """The lines of a text that comes in pieces."""
    rest = b""
    for piece in pieces:
        *lines, rest = (rest + piece).split(b"\n")
        yield from lines
    if rest:
        yield rest
