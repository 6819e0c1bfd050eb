"""Erasures, their receipts, and the suppression list, in the relational database.

Every change of the suppression list raises its revision in the same transaction, so that other processes see it.
"""

import json
import secrets
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Engine, delete, func, insert, select, text, update

from auricle import clock
from auricle.errors import Unavailable
from auricle.model.subject import Erasure, Mark, State, Store, Subject, Suppression
from auricle.store.audit import append
from auricle.store.consent import kept_id
from auricle.store.database import insert_new, told
from auricle.store.journal import ADD
from auricle.store.tables import consents, erased_events, erasures, exports, failed_events, journal, meta, suppressions

LOCK = 4120270005
"""The advisory lock of the process that erases, in PostgreSQL."""
PAGE = 5_000
"""Rows of one transaction: a long one would hold up the journal."""
_MARKED = (suppressions.c.id, suppressions.c.mark, suppressions.c.erasure_id, suppressions.c.created_at)
_RAISE = text(
    "INSERT INTO meta (name, value) VALUES ('suppressions', '1') ON CONFLICT (name)"
    " DO UPDATE SET value = CAST(CAST(meta.value AS BIGINT) + 1 AS VARCHAR)"
)


class ErasureStore:
    """Orders to erase and what must not come back. Thread-safe."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._turn = threading.Lock()
        self.key = self._key()
        """The key of every hash in the suppression list."""

    def _key(self) -> bytes:
        with self._engine.begin() as connection:
            connection.execute(
                text("INSERT INTO meta (name, value) VALUES ('suppression_key', :key) ON CONFLICT (name) DO NOTHING"),
                {"key": secrets.token_hex(32)},
            )
            query = select(meta.c.value).where(meta.c.name == "suppression_key")
            return bytes.fromhex(connection.execute(query).scalar_one())

    def order(self, erasure: Erasure, marks: Iterable[tuple[Mark, bytes]]) -> None:
        """Writes an order down, together with what must not come in any more from now on."""
        row = {
            "id": erasure.id,
            "tenant_id": erasure.tenant_id,
            "state": erasure.state.value,
            "conditions": json.dumps(erasure.conditions),
            "subject": erasure.subject and json.dumps(erasure.subject.as_json()),
            "asked_at": erasure.asked_at,
            "asked_by": erasure.asked_by,
            "erased": json.dumps(dict(erasure.erased)),
        }
        with told(), self._engine.begin() as connection:
            connection.execute(insert(erasures).values(row))
            self._suppress(connection, erasure, marks)
            told_of = {"conditions": ", ".join(erasure.conditions)}
            append(connection, erasure.tenant_id, erasure.asked_by, "subject.erase", erasure.id, told_of)

    def suppress(self, erasure: Erasure, marks: Iterable[tuple[Mark, bytes]]) -> None:
        """Adds to the suppression list."""
        with told(), self._engine.begin() as connection:
            self._suppress(connection, erasure, marks)

    def _suppress(self, connection: Any, erasure: Erasure, marks: Iterable[tuple[Mark, bytes]]) -> None:
        rows = [
            {
                "tenant_id": erasure.tenant_id,
                "mark": mark.value,
                "hash": hashed,
                "erasure_id": erasure.id,
                "created_at": erasure.asked_at,
            }
            for mark, hashed in marks
        ]
        if rows:
            connection.execute(insert_new(connection, suppressions), rows)
            connection.execute(_RAISE)

    def note_erased(self, erasure: Erasure, ids: Iterable[tuple[int, str]]) -> None:
        """Notes hashed ids with the store (`Store`) of each, before the rows go; again is no harm."""
        rows = [
            {"tenant_id": erasure.tenant_id, "hash": hashed, "erasure_id": erasure.id, "store": store}
            for hashed, store in ids
        ]
        for start in range(0, len(rows), PAGE):
            with told(), self._engine.begin() as connection:
                connection.execute(insert_new(connection, erased_events), rows[start : start + PAGE])
        with told(), self._engine.begin() as connection:
            connection.execute(_RAISE)

    @property
    def shared(self) -> bool:
        """Whether other processes may use the same database."""
        return self._engine.dialect.name == "postgresql"

    def latest(self, tenant_id: str, limit: int = 100) -> list[Erasure]:
        """The latest erasures of a tenant, the latest first."""
        query = select(erasures).where(erasures.c.tenant_id == tenant_id)
        return self._read(query.order_by(erasures.c.asked_at.desc(), erasures.c.id).limit(limit))

    def get(self, tenant_id: str, erasure_id: str) -> Erasure | None:
        """One erasure of a tenant."""
        found = self._read(select(erasures).where(erasures.c.tenant_id == tenant_id, erasures.c.id == erasure_id))
        return found[0] if found else None

    def unfinished(self, limit: int = 100) -> list[Erasure]:
        """The erasures to work on, the oldest first."""
        query = select(erasures).where(erasures.c.state != State.DONE.value)
        return self._read(query.order_by(erasures.c.asked_at, erasures.c.id).limit(limit))

    def _read(self, query: Any) -> list[Erasure]:
        with told(), self._engine.connect() as connection:
            rows = connection.execute(query).all()
            counted: dict[tuple[str, str], int] = {}
            listed: dict[str, int] = {}
            ids = [row.id for row in rows]
            by_store = (
                select(erased_events.c.erasure_id, erased_events.c.store, func.count())
                .where(erased_events.c.erasure_id.in_(ids))
                .group_by(erased_events.c.erasure_id, erased_events.c.store)
            )
            for erasure_id, store, events in connection.execute(by_store):
                counted[erasure_id, store] = events
            by_erasure = (
                select(suppressions.c.erasure_id, func.count())
                .where(suppressions.c.erasure_id.in_(ids))
                .group_by(suppressions.c.erasure_id)
            )
            for erasure_id, marks in connection.execute(by_erasure):
                listed[erasure_id] = marks
        return [_erasure(row, counted, listed.get(row.id, 0)) for row in rows]

    def advance(self, erasure: Erasure, state: State, at: int | None = None) -> None:
        """Takes an erasure to its next state; what it was about is forgotten once no row needs it any more."""
        values: dict[str, Any] = {"state": state.value, "trouble": None}
        if state in (State.SCRUBBING, State.DONE):
            values["subject"] = None
        if state is State.DONE:
            values["finished_at"] = at
        with told(), self._engine.begin() as connection:
            connection.execute(update(erasures).where(erasures.c.id == erasure.id).values(values))
            if state is State.DONE:
                append(connection, erasure.tenant_id, "service", "subject.erased", erasure.id, erasure.erased)

    def note_trouble(self, erasure: Erasure, trouble: str) -> None:
        """Notes why an erasure does not get on; ours, never the words of another program, which may hold a value."""
        with told(), self._engine.begin() as connection:
            connection.execute(update(erasures).where(erasures.c.id == erasure.id).values(trouble=trouble))

    def erase_aside(self, erasure: Erasure, meant: Callable[[bytes], bool]) -> None:
        """Deletes the rows of a tenant that the event store could not read and that are `meant`.

        They were waiting; they now count as dropped, in the same transaction as the receipt's count.
        """
        query = select(journal.c.id, journal.c.rows).where(
            journal.c.tenant_id == erasure.tenant_id, journal.c.poison.is_not(None)
        )
        with told(), self._engine.begin() as connection:
            ids = [row.id for row in connection.execute(query) if meant(row.rows)]
            if ids:
                gone = connection.execute(delete(journal).where(journal.c.id.in_(ids))).rowcount
                tally = {"tenant_id": erasure.tenant_id, "verdict": "dropped", "events": gone}
                connection.execute(ADD, tally)
                self._count(connection, erasure, Store.JOURNAL, gone)

    def erase_consents(self, erasure: Erasure, speakers: Iterable[tuple[str, str]]) -> None:
        """Deletes what persons of a tenant said on being counted: each a `user` or a `session`, and its id."""
        with told(), self._engine.begin() as connection:
            gone = 0
            for speaker, said_by in speakers:
                theirs = (consents.c.tenant_id == erasure.tenant_id, consents.c.speaker == speaker)
                gone += connection.execute(delete(consents).where(*theirs, consents.c.id == kept_id(said_by))).rowcount
            if gone:
                self._count(connection, erasure, Store.CONSENTS, gone)

    def erase_failed(self, erasure: Erasure, meant: Callable[[str, str], bool]) -> None:
        """Deletes the failed events of a tenant that are `meant`, given the id and the body (`""` for a bare note)."""
        columns, after = (failed_events.c.id, failed_events.c.event_id, failed_events.c.body), 0
        query = select(*columns).where(failed_events.c.tenant_id == erasure.tenant_id).order_by(failed_events.c.id)
        while True:
            with told(), self._engine.begin() as connection:
                page = connection.execute(query.where(failed_events.c.id > after).limit(1_000)).all()
                if not page:
                    return
                after = page[-1].id
                ids = [row.id for row in page if meant(row.event_id, row.body)]
                if ids:
                    gone = connection.execute(delete(failed_events).where(failed_events.c.id.in_(ids))).rowcount
                    self._count(connection, erasure, Store.FAILED_EVENTS, gone)

    def erase_exports(self, erasure: Erasure) -> None:
        """Takes the files of all export jobs of a tenant away, for nobody can say whom they hold.

        To be called once the rows are gone: what runs has begun before and is dropped too, what waits begins after.
        """
        theirs = (exports.c.tenant_id == erasure.tenant_id, exports.c.state.in_(("running", "ready")))
        reason = "A person was erased whom the file might have held."
        values = {"state": "erased", "asked": "", "reason": reason, "finished_at": clock.micros()}
        with told(), self._engine.begin() as connection:
            gone = connection.execute(update(exports).where(*theirs).values(values)).rowcount
            if gone:
                self._count(connection, erasure, Store.EXPORTS, gone)

    def _count(self, connection: Any, erasure: Erasure, store: Store, rows: int) -> None:
        query = select(erasures.c.erased).where(erasures.c.id == erasure.id)
        erased = json.loads(connection.execute(query).scalar_one())
        erased[store] = erased.get(store, 0) + rows
        change = update(erasures).where(erasures.c.id == erasure.id).values(erased=json.dumps(erased))
        connection.execute(change)

    def revision(self) -> int:
        """The revision of the suppression list; 0 as long as it is empty."""
        query = select(meta.c.value).where(meta.c.name == "suppressions")
        with told(), self._engine.connect() as connection:
            return int(connection.execute(query).scalar() or 0)

    def marks(self) -> list[tuple[str, Mark, bytes]]:
        """Tenant, mark and hash of every entry of the suppression list."""
        query = select(suppressions.c.tenant_id, suppressions.c.mark, suppressions.c.hash)
        with told(), self._engine.connect() as connection:
            return [(tenant, Mark(mark), bytes(hashed)) for tenant, mark, hashed in connection.execute(query)]

    def erased(self) -> Iterator[tuple[str, int]]:
        """Tenant and hashed id of every erased event."""
        query = select(erased_events.c.tenant_id, erased_events.c.hash)
        with told(), self._engine.connect() as connection:
            for row in connection.execution_options(yield_per=10_000).execute(query):
                yield row.tenant_id, row.hash

    def suppressions(self, tenant_id: str, limit: int = 1_000) -> list[Suppression]:
        """The latest entries of a tenant's suppression list."""
        query = select(*_MARKED).where(suppressions.c.tenant_id == tenant_id)
        with told(), self._engine.connect() as connection:
            rows = connection.execute(query.order_by(suppressions.c.id.desc()).limit(limit))
            return [Suppression(row.id, Mark(row.mark), row.erasure_id, row.created_at) for row in rows]

    def lift(self, tenant_id: str, erasure_id: str, actor: str) -> int | None:
        """Takes the entries of an erasure from a tenant's list; gives their number, None when there is no such erasure.

        Erased events stay erased.
        """
        mine = (suppressions.c.tenant_id == tenant_id, suppressions.c.erasure_id == erasure_id)
        there = select(erasures.c.id).where(erasures.c.tenant_id == tenant_id, erasures.c.id == erasure_id)
        with told(), self._engine.begin() as connection:
            if connection.execute(there).scalar() is None:
                return None
            lifted = connection.execute(delete(suppressions).where(*mine)).rowcount
            if lifted:
                connection.execute(_RAISE)
                append(connection, tenant_id, actor, "subject.lift", erasure_id, {"entries": lifted})
            return lifted

    def note_read(self, tenant_id: str, actor: str, action: str, subject: Subject) -> None:
        """Tells the audit log that somebody looked a person up or took all of one (`subject.find`, `.export`)."""
        with told(), self._engine.begin() as connection:
            append(connection, tenant_id, actor, action, "", {"conditions": ", ".join(subject.conditions)})

    @contextmanager
    def working(self) -> Iterator[bool]:
        """Whether the caller may take rows of the event store away: one thread of one process at a time.

        Erasures and sweeps take turns, so that none archives or counts what the other is just deleting. The right is
        held until the block ends. In SQLite the data folder's own lock keeps other processes out (`auricle.process`).
        """
        if not self._turn.acquire(blocking=False):
            yield False
            return
        try:
            if not self.shared:
                yield True
                return
            with told(), self._engine.connect() as connection:
                held = connection.execute(select(func.pg_try_advisory_xact_lock(LOCK))).scalar_one()
                yield bool(held)
        finally:
            self._turn.release()

    def scrub(self) -> None:
        """Rewrites the tables that held clear values, so that neither a free page nor the log holds a deleted one.

        Raises:
            Unavailable: somebody was reading or writing all the time; nothing is lost, try again.
        """
        with told(), self._engine.connect() as plain:
            connection = plain.execution_options(isolation_level="AUTOCOMMIT")
            if self.shared:
                # NOTE: it needs the tables for itself; while it waits, the journal would wait behind it.
                connection.exec_driver_sql("SET lock_timeout = '2s'")
                try:
                    for table in ("journal", "failed_events", "erasures", "consents", "exports"):
                        connection.exec_driver_sql(f"VACUUM (FULL) {table}")
                finally:
                    connection.exec_driver_sql("RESET lock_timeout")
                return
            # NOTE: else SQLite builds the copy in a file of the system's temporary folder.
            connection.exec_driver_sql("PRAGMA temp_store = MEMORY")
            connection.exec_driver_sql("VACUUM")
            busy, *_ = connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").one()
            if busy:
                raise Unavailable("The database was in use all the time.", retry_after=2)


def _erasure(row: Any, counted: Mapping[tuple[str, str], int], suppressed: int) -> Erasure:
    erased: dict[str, int] = json.loads(row.erased)
    erased |= {store: events for (erasure_id, store), events in counted.items() if erasure_id == row.id}
    subject = Subject.from_json(json.loads(row.subject)) if row.subject else None
    return Erasure(
        id=row.id,
        tenant_id=row.tenant_id,
        state=State(row.state),
        conditions=tuple(json.loads(row.conditions)),
        asked_at=row.asked_at,
        asked_by=row.asked_by,
        subject=subject,
        finished_at=row.finished_at,
        trouble=row.trouble,
        erased=erased,
        suppressed=suppressed,
    )
