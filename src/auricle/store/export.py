"""Export jobs, in the relational database: made, claimed by one worker at a time, finished once."""

import secrets
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from sqlalchemy import Engine, and_, delete, func, insert, select, text, update

from auricle import clock
from auricle.errors import TooManyRequests
from auricle.model.export import OPEN, ExportJob, ExportState
from auricle.store.audit import append
from auricle.store.database import told
from auricle.store.tables import exports, meta

LEASE = 30_000_000
"""Microseconds for which a claim holds without a word of its worker."""
MOST = 10
"""Jobs of one tenant that may wait or run."""
ATTEMPTS = 5
REMEMBERED = 30 * 86_400_000_000
"""Microseconds for which a job is remembered after its end."""
_COLUMNS = tuple(exports.c[each.name] for each in fields(ExportJob))


class ExportStore:
    """The jobs. Thread-safe."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.key = self._key()
        """The key of signed links."""

    def _key(self) -> bytes:
        with self._engine.begin() as connection:
            connection.execute(
                text("INSERT INTO meta (name, value) VALUES ('export_key', :key) ON CONFLICT (name) DO NOTHING"),
                {"key": secrets.token_hex(32)},
            )
            return bytes.fromhex(
                connection.execute(select(meta.c.value).where(meta.c.name == "export_key")).scalar_one()
            )

    def order(self, job: ExportJob, detail: Mapping[str, Any]) -> None:
        """Writes a job down, and tells the audit log.

        Raises:
            TooManyRequests: the tenant has too many under way.
        """
        mine = select(func.count()).where(exports.c.tenant_id == job.tenant_id, exports.c.state.in_(OPEN))
        row = {each.name: getattr(job, each.name) for each in fields(job)} | {"state": job.state.value, "due_at": 0}
        with told(), self._engine.begin() as connection:
            if connection.execute(mine).scalar_one() >= MOST:
                raise TooManyRequests(f"{MOST} exports of this tenant are under way: wait until one has ended.", (), 30)
            connection.execute(insert(exports).values(row))
            append(connection, job.tenant_id, job.made_by, "export.order", job.id, detail)

    def get(self, tenant_id: str | None, export_id: str) -> ExportJob | None:
        """One job of a tenant (None: of any, for who brings a signed link)."""
        query = select(*_COLUMNS).where(exports.c.id == export_id)
        found = self._read(query if tenant_id is None else query.where(exports.c.tenant_id == tenant_id))
        return found[0] if found else None

    def latest(self, tenant_id: str, limit: int = 100) -> list[ExportJob]:
        """The latest jobs of a tenant, the latest first."""
        query = select(*_COLUMNS).where(exports.c.tenant_id == tenant_id)
        return self._read(query.order_by(exports.c.made_at.desc(), exports.c.id).limit(limit))

    def with_files(self) -> list[ExportJob]:
        """The jobs of all tenants that have a file, or write one."""
        return self._read(select(*_COLUMNS).where(exports.c.state.in_((ExportState.RUNNING, ExportState.READY))))

    def _read(self, query: Any) -> list[ExportJob]:
        with told(), self._engine.connect() as connection:
            return [_job(row) for row in connection.execute(query).mappings()]

    def claim(self) -> ExportJob | None:
        """The next job to work on, from now on this worker's: the oldest of a tenant that has none running."""
        now = clock.micros()
        live = select(exports.c.tenant_id).where(exports.c.state == ExportState.RUNNING.value, exports.c.due_at > now)
        free = and_(exports.c.state.in_(OPEN), exports.c.due_at <= now, exports.c.tenant_id.not_in(live))
        query = select(*_COLUMNS).where(free).order_by(exports.c.made_at, exports.c.id).limit(10)
        for job in self._read(query):
            if job.attempts >= ATTEMPTS:
                self.end(job, ExportState.FAILED, "It was begun several times and never came to its end.")
                continue
            lease = clock.new_id()
            values = {"state": ExportState.RUNNING.value, "lease": lease, "due_at": now + LEASE, "rows": 0}
            with told(), self._engine.begin() as connection:
                change = update(exports).where(*_held(job), free).values(**values, attempts=exports.c.attempts + 1)
                mine = connection.execute(change).rowcount == 1
            if mine:
                return self.get(job.tenant_id, job.id)
        return None

    def progress(self, job: ExportJob, rows: int, about: int | None) -> bool:
        """Notes how far a job is and holds the claim; False when it is no longer this worker's."""
        return self._change(job, rows=rows, about=about, due_at=clock.micros() + LEASE)

    def release(self, job: ExportJob, after: int) -> bool:
        """Gives a job back, to be claimed again in so many microseconds."""
        values = {"state": ExportState.WAITING.value, "due_at": clock.micros() + after}
        return self._change(job, **values)

    def finish(self, job: ExportJob, rows: int, size: int, days: float) -> bool:
        """The file is there; False when the job was cancelled, erased or taken over meanwhile."""
        now = clock.micros()
        values = {"rows": rows, "size": size, "finished_at": now, "expires_at": now + int(days * 86_400_000_000)}
        return self._change(job, state=ExportState.READY.value, asked="", **values)

    def end(self, job: ExportJob, state: ExportState, reason: str | None = None) -> bool:
        """Ends a job without a file."""
        return self._change(job, state=state.value, asked="", reason=reason, finished_at=clock.micros())

    def _change(self, job: ExportJob, **values: Any) -> bool:
        with told(), self._engine.begin() as connection:
            return connection.execute(update(exports).where(*_held(job)).values(values)).rowcount == 1

    def cancel(self, tenant_id: str, export_id: str, actor: str) -> ExportJob | None:
        """Ends a job, or takes its file and its links away; None when there is no such job."""
        mine = (exports.c.tenant_id == tenant_id, exports.c.id == export_id)
        alive = exports.c.state.in_((*OPEN, ExportState.READY))
        values = {"state": ExportState.CANCELLED.value, "asked": "", "finished_at": clock.micros()}
        with told(), self._engine.begin() as connection:
            if connection.execute(update(exports).where(*mine, alive).values(values)).rowcount:
                append(connection, tenant_id, actor, "export.cancel", export_id)
        return self.get(tenant_id, export_id)

    def expire(self) -> None:
        """Ends the days of files, and forgets jobs that ended long ago."""
        now = clock.micros()
        over = (exports.c.state == ExportState.READY.value, exports.c.expires_at <= now)
        old = (exports.c.state.not_in((*OPEN, ExportState.READY)), exports.c.finished_at <= now - REMEMBERED)
        with told(), self._engine.begin() as connection:
            connection.execute(update(exports).where(*over).values(state=ExportState.EXPIRED.value))
            connection.execute(delete(exports).where(*old))

    def note_read(self, job: ExportJob, actor: str) -> None:
        """Tells the audit log that a file is being fetched."""
        with told(), self._engine.begin() as connection:
            append(connection, job.tenant_id, actor, "export.read", job.id, {"format": job.format})


def _held(job: ExportJob) -> tuple[Any, ...]:
    """The job as it was read, in the hands of the same worker."""
    return exports.c.id == job.id, exports.c.state == job.state.value, exports.c.lease == job.lease


def _job(row: Any) -> ExportJob:
    return ExportJob(**{**row, "state": ExportState(row["state"])})
