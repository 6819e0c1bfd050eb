"""The doors of export jobs: made, looked at, cancelled, and their files fetched, by a credential or by a signed link.

A link is good for one file until its time is over, for whoever has it. It is checked against the job as it is now, so a
job that was cancelled, whose days are over, or whose file had to go for an erasure, takes its links along.
"""

import asyncio
import hashlib
import hmac
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import FileResponse

from auricle import clock
from auricle.edge.export import ExportIn, query_of
from auricle.edge.exporting import Exporter
from auricle.edge.guard import permitted
from auricle.edge.reply import json_reply
from auricle.edge.reports import ReportRoute
from auricle.errors import NotFound
from auricle.intake.times import format_rfc3339
from auricle.model.export import ExportJob, ExportState
from auricle.model.principal import Principal, Scope
from auricle.model.query import Format, micros_of
from auricle.report import export, time
from auricle.report.plan import planned

PREFIX = "/api/v1/analytics/exports"
LINK_SECONDS = 3_600
"""How long a link is good, if the file stays that long."""


def router(
    exporter: Exporter,
    principal: Callable[[Request], Awaitable[Principal]],
    now: Callable[[], datetime] = clock.now,
) -> APIRouter:
    """The routes; the arguments are those of `edge.reports.router`."""
    routes = APIRouter(prefix=PREFIX, tags=["exports"], route_class=ReportRoute)
    Caller = Annotated[Principal, Depends(principal)]
    store = exporter.store

    def told(job: ExportJob) -> dict[str, Any]:
        body = job.as_json(format_rfc3339)
        if job.state is ExportState.READY and job.expires_at is not None:
            until = min(micros_of(now()) // time.SECOND + LINK_SECONDS, job.expires_at // time.SECOND)
            body["link"] = f"{PREFIX}/{job.id}/file?until={until}&signature={signature_of(store.key, job, until)}"
        return body

    async def found(caller: Principal, job_id: str) -> ExportJob:
        permitted(caller, Scope.EXPORT_READ)
        job = await asyncio.to_thread(store.get, caller.tenant_id, job_id)
        if job is None:
            raise _unknown()
        return job

    @routes.post("", status_code=202)
    async def order(asked: ExportIn, caller: Caller) -> Response:
        """Begins an export of events to a file; needs the scope `export:read`."""
        permitted(caller, Scope.EXPORT_READ)
        moment = now()
        query = planned(query_of(asked, caller.tenant_id, moment))
        await asyncio.to_thread(exporter.check_room)
        kept = asked.model_dump_json(by_alias=True)
        made_at = micros_of(moment)
        job = ExportJob(
            clock.new_id(),
            caller.tenant_id,
            ExportState.WAITING,
            asked.format.value,
            made_at,
            caller.actor,
            kept,
        )
        span = {"from": time.written(query.span.start), "to": time.written(query.span.end)}
        await asyncio.to_thread(store.order, job, {"format": job.format, **span})
        return json_reply(told(job), 202, {"Location": f"{PREFIX}/{job.id}"})

    @routes.get("")
    async def jobs(caller: Caller) -> Response:
        """The tenant's latest jobs, the latest first; needs the scope `export:read`."""
        permitted(caller, Scope.EXPORT_READ)
        latest = await asyncio.to_thread(store.latest, caller.tenant_id)
        return json_reply({"exports": [told(job) for job in latest]})

    @routes.get("/{job_id}")
    async def one(job_id: str, caller: Caller) -> Response:
        """One job, how far it is, and a link to its file when it is ready; needs the scope `export:read`."""
        return json_reply(told(await found(caller, job_id)))

    @routes.delete("/{job_id}")
    async def cancel(job_id: str, caller: Caller) -> Response:
        """Ends a job, or removes its file; its links end with it. Needs the scope `export:read`."""
        await found(caller, job_id)
        job = await asyncio.to_thread(store.cancel, caller.tenant_id, job_id, caller.actor)
        if job is None:
            raise _unknown()
        await asyncio.to_thread(exporter.tidy)
        return json_reply(told(job))

    media = {"description": "The file.", "content": {media: {} for _, media in export.TYPES.values()}}

    @routes.get("/{job_id}/file", response_class=Response, responses={200: media})
    async def file(job_id: str, request: Request) -> Response:
        """The file of a job that is ready, whole or in ranges; by the scope `export:read`, or by a signed link."""
        given = request.query_params.get("signature")
        if given is None:
            caller = await principal(request)
            job, actor = await found(caller, job_id), caller.actor
        else:
            job, actor = await asyncio.to_thread(_linked, request, job_id, given), "link"
        path = exporter.folder / job.file
        if job.state is not ExportState.READY or not await asyncio.to_thread(path.exists):
            raise NotFound("This export has no file: it is not ready, or its file is gone.")
        await asyncio.to_thread(store.note_read, job, actor)
        headers = {"Cache-Control": "private, no-store", "X-Content-Type-Options": "nosniff"}
        name = f"events-{job.made_at // time.SECOND}.{job.format}"
        return FileResponse(path, media_type=export.TYPES[Format(job.format)][1], headers=headers, filename=name)

    def _linked(request: Request, job_id: str, given: str) -> ExportJob:
        """The job of a good link. What is wrong with another one is not told."""
        until = request.query_params.get("until", "")
        job = store.get(None, job_id)
        good = (
            job is not None
            and until.isascii()
            and until.isdigit()
            and len(until) < 12
            and hmac.compare_digest(signature_of(store.key, job, int(until)).encode(), given.encode("utf-8", "replace"))
            and int(until) > now().timestamp()
        )
        if job is None or not good:
            raise NotFound("This link is not good, or no longer.")
        return job

    return routes


def signature_of(key: bytes, job: ExportJob, until: int) -> str:
    """The signature of a link to the file of a job, good until a second since 1970."""
    told = orjson.dumps([job.tenant_id, job.id, job.lease, until])
    return hmac.new(key, told, hashlib.sha256).hexdigest()


def _unknown() -> NotFound:
    return NotFound("No export bears this id.")
