"""The journal: accepted events on disk until the engine has them, and the counts that must agree with them."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from sqlalchemy import Connection, Engine, bindparam, delete, func, insert, select, text
from sqlalchemy.exc import DBAPIError

from auricle import clock
from auricle.model.consent import Saying
from auricle.store.consent import write_consents
from auricle.store.database import told
from auricle.store.tables import failed_events, journal, meta, tallies

LOCK = 4120270002
"""The advisory lock of the process that indexes, in PostgreSQL."""
ADD = text(
    "INSERT INTO tallies (tenant_id, verdict, events) VALUES (:tenant_id, :verdict, :events)"
    " ON CONFLICT (tenant_id, verdict) DO UPDATE SET events = tallies.events + excluded.events"
)


@dataclass(frozen=True, slots=True)
class FailedEvent:
    """An event that was not kept, and the first rule it broke."""

    tenant_id: str
    event_id: str
    event_name: str
    status: str
    reason: str
    pointer: str
    rule: str
    message: str
    received_at: int
    size: int = 0
    """Bytes of the body."""
    body: str = ""
    """The event as JSON, redacted; `""` for a bare note, which cannot be replayed."""


@dataclass(frozen=True, slots=True)
class Entry:
    """What one request leaves behind: rows, counts, failed events; committed together or not at all."""

    tenant_id: str
    received_at: int
    """Microseconds; that of the first row."""
    events: int
    keys: bytes
    """16 bytes an event id, in the order of the rows."""
    rows: bytes
    """JSONCompactEachRow, one line an event."""
    tally: Mapping[str, int]
    failed: tuple[FailedEvent, ...] = ()
    consents: tuple[Saying, ...] = ()
    """What persons said on being counted."""


@dataclass(frozen=True, slots=True)
class Block:
    """Events of one tenant that wait for the engine."""

    id: int
    tenant_id: str
    received_at: int
    events: int
    keys: bytes
    rows: bytes


@dataclass(frozen=True, slots=True)
class Settlement:
    """Blocks that the engine has; what they became; and rows that it cannot read, which are set aside."""

    blocks: tuple[int, ...]
    tally: Mapping[tuple[str, str], int]
    poison: tuple[tuple[Block, str], ...] = field(default=())


@dataclass(frozen=True, slots=True)
class Waiting:
    """What waits in the journal."""

    events: int
    oldest: int | None
    """`received_at` of the first, in microseconds."""


class JournalStore:
    """The journal's table and its counts. Thread-safe; a commit returns after the fsync."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.identity = self._identity()

    def _identity(self) -> str:
        """A name for this journal, so that another one's block numbers are not taken for its own."""
        with self._engine.begin() as connection:
            connection.execute(
                text("INSERT INTO meta (name, value) VALUES ('journal', :value) ON CONFLICT (name) DO NOTHING"),
                {"value": clock.new_id()},
            )
            return str(connection.execute(select(meta.c.value).where(meta.c.name == "journal")).scalar_one())

    def commit(self, entries: Sequence[Entry], settlements: Sequence[Settlement] = ()) -> None:
        """Writes all of it in one transaction.

        Raises:
            StorageFull: the disk has no room; nothing was written.
            Unavailable: the database refused; nothing was written.
        """
        with told(), self._engine.begin() as connection:
            rows = list(_by_tenant(entries))
            if rows:
                connection.execute(insert(journal), rows)
            failed = [_as_dict(event) for entry in entries for event in entry.failed]
            if failed:
                connection.execute(insert(failed_events), failed)
            for entry in sorted((one for one in entries if one.consents), key=lambda one: one.tenant_id):
                write_consents(connection, entry.tenant_id, entry.consents, entry.received_at)
            for settlement in settlements:
                _settle(connection, settlement)
            counts: Counter[tuple[str, str]] = Counter()
            for entry in entries:
                for verdict, events in entry.tally.items():
                    counts[entry.tenant_id, verdict] += events
            for settlement in settlements:
                counts.update(settlement.tally)
            changes = [
                {"tenant_id": tenant, "verdict": verdict, "events": events}
                for (tenant, verdict), events in sorted(counts.items())
                if events
            ]
            if changes:
                connection.execute(ADD, changes)

    def blocks(self, max_events: int, max_bytes: int) -> list[Block]:
        """The oldest blocks, at least one, up to the limits."""
        sizes = (
            select(journal.c.id, journal.c.events, journal.c.size)
            .where(journal.c.poison.is_(None))
            .order_by(journal.c.id)
            .limit(1_000)
        )
        with told(), self._engine.connect() as connection:
            last, events, size = None, 0, 0
            for row in connection.execute(sizes):
                events, size = events + row.events, size + row.size
                if last is not None and (events > max_events or size > max_bytes):
                    break
                last = row.id
            if last is None:
                return []
            columns = (journal.c.id, journal.c.tenant_id, journal.c.received_at, journal.c.events, journal.c.event_ids)
            query = (
                select(*columns, journal.c.rows)
                .where(journal.c.poison.is_(None), journal.c.id <= last)
                .order_by(journal.c.id)
            )
            return [Block(*row) for row in connection.execute(query)]

    def waiting(self) -> Waiting:
        """How many events wait for the engine, and since when; without those that it cannot read."""
        query = select(func.coalesce(func.sum(journal.c.events), 0), func.min(journal.c.received_at)).where(
            journal.c.poison.is_(None)
        )
        with told(), self._engine.connect() as connection:
            events, oldest = connection.execute(query).one()
            return Waiting(int(events), oldest)

    def every_key(self) -> Iterator[tuple[str, bytes, bytes]]:
        """The tenant, keys and rows of every block that waits, oldest first."""
        query = select(journal.c.tenant_id, journal.c.event_ids, journal.c.rows).order_by(journal.c.id)
        with told(), self._engine.connect() as connection:
            for row in connection.execution_options(yield_per=50).execute(query):
                yield row.tenant_id, row.event_ids, row.rows

    def counts(self, tenant_id: str) -> dict[str, int]:
        """The tallies of a tenant, and how many of its events wait: read at one moment, so that they add up."""
        query = (
            select(tallies.c.verdict, tallies.c.events)
            .where(tallies.c.tenant_id == tenant_id)
            .union_all(
                select(text("'waiting'"), func.coalesce(func.sum(journal.c.events), 0)).where(
                    journal.c.tenant_id == tenant_id
                )
            )
        )
        with told(), self._engine.connect() as connection:
            return {verdict: int(events) for verdict, events in connection.execute(query)}

    def totals(self) -> dict[str, int]:
        """The tallies of all tenants together."""
        query = select(tallies.c.verdict, func.sum(tallies.c.events)).group_by(tallies.c.verdict)
        with told(), self._engine.connect() as connection:
            return {verdict: int(events) for verdict, events in connection.execute(query)}

    @contextmanager
    def indexing(self) -> Iterator[Callable[[], bool]]:
        """Whether this process may index: one at a time, until the block ends. Ask again before every insert.

        In SQLite the data folder's own lock has seen to it (`auricle.process`).

        Raises:
            Unavailable: when asked, the connection that held the right is gone, and the right with it.
        """
        if self._engine.dialect.name != "postgresql":
            yield lambda: True
            return
        with told(), self._engine.connect() as connection:
            held = bool(connection.execute(select(func.pg_try_advisory_lock(LOCK))).scalar_one())
            connection.commit()

            @told()
            def mine() -> bool:
                try:
                    connection.execute(select(1))
                    connection.commit()
                except DBAPIError:
                    connection.invalidate()  # nobody shall be given it again, nor shall it be unlocked
                    raise
                return held

            try:
                yield mine
            finally:
                if held and not connection.invalidated:
                    connection.execute(select(func.pg_advisory_unlock(LOCK)))
                    connection.commit()


def _by_tenant(entries: Iterable[Entry]) -> Iterator[dict[str, object]]:
    """One row of the journal for each tenant."""
    groups: dict[str, list[Entry]] = {}
    for entry in entries:
        if entry.events:
            groups.setdefault(entry.tenant_id, []).append(entry)
    for tenant, group in groups.items():
        rows = b"\n".join([entry.rows for entry in group])
        yield {
            "tenant_id": tenant,
            # NOTE: one entry may overtake another on its way here, so the first is not always the earliest.
            "received_at": min(entry.received_at for entry in group),
            "events": sum(entry.events for entry in group),
            "size": len(rows),
            "event_ids": b"".join([entry.keys for entry in group]),
            "rows": rows,
            "poison": None,
        }


def _settle(connection: Connection, settlement: Settlement) -> None:
    gone = delete(journal).where(journal.c.id == bindparam("block"))
    connection.execute(gone, [{"block": block} for block in settlement.blocks])
    for block, why in settlement.poison:
        connection.execute(
            insert(journal).values(
                tenant_id=block.tenant_id,
                received_at=block.received_at,
                events=block.events,
                size=len(block.rows),
                event_ids=block.keys,
                rows=block.rows,
                poison=why,
            )
        )


def _as_dict(event: FailedEvent) -> dict[str, object]:
    # NOTE: a pointer names keys that the client chose, and PostgreSQL takes no NUL in text.
    values = ((name, getattr(event, name)) for name in FailedEvent.__slots__)
    return {name: value.replace("\0", "\ufffd") if isinstance(value, str) else value for name, value in values}
