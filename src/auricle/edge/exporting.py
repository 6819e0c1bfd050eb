"""The worker of export jobs: claims one, writes its file, and sees to it that no other file is left.

A file gets its name when all of it is on disk, and is fetched only while its job says so. Killed anywhere, what is left
is a part that nobody knows, which is removed, and a claim that runs out, after which the job begins anew.
"""

import asyncio
import os
import threading
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import orjson
import structlog

from auricle.edge.export import ExportIn, lines_of, query_of
from auricle.edge.workbook import write_workbook
from auricle.errors import AuricleError, StorageFull
from auricle.model.export import ExportJob, ExportState
from auricle.model.query import Format, Query, instant_of
from auricle.report import export
from auricle.report.plan import planned
from auricle.store.events import EventStore
from auricle.store.export import ExportStore

log = structlog.get_logger(__name__)

TELL_SECONDS = 1.0
AGAIN = 5_000_000
"""Microseconds after which a job is tried again that met something which passes."""


class _Lost(Exception):
    """The job is no longer this worker's: cancelled, erased, or taken over."""


class _Stopping(Exception):
    """The service ends."""


class Exporter:
    """Carries jobs out, in threads. `days` is how long files stay."""

    def __init__(self, store: ExportStore, events: EventStore, folder: Path, min_free_disk: int, days: float) -> None:
        self.store = store
        self.folder = folder
        self._events = events
        self._min_free_disk = min_free_disk
        self._days = days
        self._stopping = threading.Event()

    def stop(self) -> None:
        """Gives back what is under way."""
        self._stopping.set()

    def check_room(self) -> None:
        """Raises `StorageFull` when the disk has no room for another file."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        told = os.statvfs(self.folder)
        if told.f_bavail * told.f_frsize < self._min_free_disk:
            raise StorageFull("The disk is nearly full; no export can be written. Try again later.", retry_after=60)

    async def sweep(self) -> None:
        """Carries out the jobs that wait, one after the other."""
        await asyncio.to_thread(self._sweep)

    async def tidy_up(self) -> None:
        """`tidy`, without holding the event loop; ends the days of files first."""
        await asyncio.to_thread(self.store.expire)
        await asyncio.to_thread(self.tidy)

    def tidy(self) -> None:
        """Removes every file that is of no job which has one. Blocks."""
        if not self.folder.exists():
            return
        # NOTE: first the files, then the jobs: a job is claimed before its file is begun.
        there = list(self.folder.iterdir())
        known = {name for job in self.store.with_files() for name in (job.file, job.part)}
        for path in there:
            if path.name not in known:
                path.unlink(missing_ok=True)

    def _sweep(self) -> None:
        while not self._stopping.is_set() and (job := self.store.claim()):
            self._carry_out(job)

    def _carry_out(self, job: ExportJob) -> None:
        part = self.folder / job.part
        try:
            self.check_room()
            rows = self._write(job, part)
            self._keep(job, part, rows)
        except _Lost:
            log.info("export_dropped", export=job.id, tenant=job.tenant_id)
        except _Stopping:
            self.store.release(job, 0)
        except AuricleError as error:
            log.warning("export_failed", export=job.id, tenant=job.tenant_id, error=error.detail)
            if error.transient and error.status != StorageFull.status:
                self.store.release(job, AGAIN)
            else:
                self.store.end(job, ExportState.FAILED, error.detail)
        except OSError as error:
            log.warning("export_failed", export=job.id, tenant=job.tenant_id, error=str(error.strerror))
            self.store.end(job, ExportState.FAILED, "The file cannot be written.")
        finally:
            part.unlink(missing_ok=True)

    def _keep(self, job: ExportJob, part: Path, rows: int) -> None:
        """Gives the file its name, once and for all it is on disk."""
        with part.open("rb") as file:
            os.fsync(file.fileno())
        size, path = part.stat().st_size, self.folder / job.file
        part.rename(path)
        folder = os.open(self.folder, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
        if not self.store.finish(job, rows, size, self._days):
            path.unlink(missing_ok=True)
            raise _Lost
        log.info("export_ready", export=job.id, tenant=job.tenant_id, rows=rows, bytes=size)

    def _write(self, job: ExportJob, part: Path) -> int:
        query = _query(job)
        about = int(self._events.ask(export.count(query)).rows[0][0])
        form = Format(job.format)
        told = _Telling(self, job, about)
        pieces = told.watched(self._events.stream(export.build(query), export.TYPES[form][0]), form)
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            if form is Format.XLSX:
                return write_workbook(part, export.COLUMNS, map(orjson.loads, lines_of(pieces)))
            if form is Format.CSV:
                file.write(export.HEADING)
            for piece in pieces:
                file.write(piece)
        return about if form is Format.PARQUET else told.lines

    def tell(self, job: ExportJob, rows: int, about: int) -> None:
        """Notes how far a job is; raises when it is to end here."""
        if self._stopping.is_set():
            raise _Stopping
        self.check_room()
        if not self.store.progress(job, rows, about):
            raise _Lost


class _Telling:
    """Counts lines as they go by, and tells of them now and then."""

    def __init__(self, exporter: Exporter, job: ExportJob, about: int) -> None:
        self.lines = 0
        self._exporter, self._job, self._about = exporter, job, about

    def watched(self, pieces: Iterator[bytes], form: Format) -> Iterator[bytes]:
        """The same pieces."""
        self._exporter.tell(self._job, 0, self._about)
        last = time.monotonic()
        for piece in pieces:
            self.lines += 0 if form is Format.PARQUET else piece.count(b"\n")
            if time.monotonic() - last > TELL_SECONDS:
                self._exporter.tell(self._job, self.lines, self._about)
                last = time.monotonic()
            yield piece


def _query(job: ExportJob) -> Query:
    made: datetime = instant_of(job.made_at)
    return planned(query_of(ExportIn.model_validate_json(job.asked), job.tenant_id, made))
