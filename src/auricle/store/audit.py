"""The audit log: who did what, append-only, each row bound to all before it by a hash.

There is one chain for all tenants, so that no row can be taken away, changed or slipped in without every later hash
being wrong. What a chain cannot show by itself is that its end was cut off, or that all of it was written anew: keep
its last hash elsewhere (`head`), and ask `verify` for it.
"""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Self

import orjson
from sqlalchemy import Connection, Engine, Select, insert, select, text

from auricle import clock
from auricle.settings import Settings
from auricle.store.database import open_database, told
from auricle.store.tables import audit

LOCK = 4120270003
"""The advisory lock of whoever appends, in PostgreSQL; held until its transaction ends."""
FIRST = bytes(32)
"""What stands in place of the hash before the first row."""
PAGE = 1_000
Detail = Mapping[str, str | int | float | bool | None]


@dataclass(frozen=True, slots=True)
class AuditRow:
    """One entry, as it is kept."""

    id: int
    tenant_id: str
    """Empty for what belongs to no tenant."""
    at: int
    """Microseconds."""
    actor: str
    """`key:<id>`, `cli`, `address:<network>` or `service`."""
    action: str
    """`key.create`, `key.revoke`, `login.fail` …: a thing, and what was done to it."""
    target: str
    detail: str
    """A JSON object."""
    hash: bytes

    def as_json(self) -> dict[str, Any]:
        """The entry as it stands in answers, but for its time."""
        return {
            "id": self.id,
            "tenant": self.tenant_id or None,
            "actor": self.actor,
            "action": self.action,
            "target": self.target,
            "detail": _read(self.detail),
            "hash": self.hash.hex(),
        }

    def sealed(self, before: bytes) -> bytes:
        """The hash that the row must have after a row with the hash `before`."""
        members = (self.id, self.tenant_id, self.at, self.actor, self.action, self.target, self.detail)
        return hashlib.sha256(before + orjson.dumps(members)).digest()

    def follows(self, number: int, before: bytes) -> bool:
        """Whether this row is, as it was written, the one after row `number` with the hash `before`."""
        try:
            return self.id == number + 1 and self.hash == self.sealed(before)
        except (TypeError, ValueError):
            # Whoever changed the row put something there that we never write: SQLite keeps any type in any column.
            return False


@dataclass(frozen=True, slots=True)
class Proof:
    """What walking the whole chain showed."""

    rows: int
    """Rows that are as they were written."""
    head: bytes
    """The hash of the last of them."""
    broken: int | None
    """The id at which the chain breaks first; None when it is whole."""
    found: bool
    """Whether the hash that was asked for is in it."""


class AuditStore:
    """The audit log in the relational database. Thread-safe."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @classmethod
    def open(cls, settings: Settings) -> Self:
        """The audit log of these settings."""
        return cls(open_database(settings))

    def close(self) -> None:
        """Gives the connections back."""
        self._engine.dispose()

    def record(self, tenant: str, actor: str, action: str, target: str = "", detail: Detail | None = None) -> None:
        """Appends an entry; returns when it is on disk. Give neither secrets nor anything of a person.

        Where the act is itself a change of this database, use `append` in its transaction.
        """
        with told(), self._engine.begin() as connection:
            append(connection, tenant, actor, action, target, detail)

    def rows(
        self, tenant: str | None, *, limit: int, before: int | None = None, action: str | None = None
    ) -> list[AuditRow]:
        """The newest entries of a tenant (None: of all), the newest first; those with an id below `before`."""
        query = select(audit).order_by(audit.c.id.desc()).limit(limit)
        if tenant is not None:
            query = query.where(audit.c.tenant_id == tenant)
        if before is not None:
            query = query.where(audit.c.id < before)
        if action is not None:
            query = query.where(audit.c.action == action)
        return self._read(query)

    def head(self) -> tuple[int, bytes]:
        """The number and the hash of the last row: what to keep elsewhere."""
        last = self.rows(None, limit=1)
        return (last[0].id, last[0].hash) if last else (0, FIRST)

    def verify(self, head: bytes | None = None) -> Proof:
        """Walks the chain from its first row; tells too whether a row has the hash `head`."""
        before, count, found = FIRST, 0, head is None or head == FIRST
        for row in self._every_row():
            if not row.follows(count, before):
                return Proof(count, before, count + 1, found)
            before, count = row.hash, row.id
            found = found or before == head
        return Proof(count, before, None, found)

    def _every_row(self) -> Iterator[AuditRow]:
        query, after = select(audit).order_by(audit.c.id).limit(PAGE), None
        while rows := self._read(query if after is None else query.where(audit.c.id > after)):
            yield from rows
            after = rows[-1].id

    def _read(self, query: Select[Any]) -> list[AuditRow]:
        with told(), self._engine.connect() as connection:
            return [AuditRow(*row) for row in connection.execute(query)]


def append(
    connection: Connection, tenant: str, actor: str, action: str, target: str = "", detail: Detail | None = None
) -> None:
    """Appends an entry in the caller's transaction: it is there exactly when the act is.

    Call it last in the transaction: all others that append wait until it ends.
    """
    _wait_for_turn(connection)
    last = connection.execute(select(audit.c.id, audit.c.hash).order_by(audit.c.id.desc()).limit(1)).first()
    number, before = (last.id, last.hash) if last else (0, FIRST)
    kept = orjson.dumps(dict(detail or {}), option=orjson.OPT_SORT_KEYS).decode()
    row = AuditRow(
        id=number + 1,
        tenant_id=_text(tenant, 64),
        at=clock.micros(),
        actor=_text(actor, 128),
        action=_text(action, 64),
        target=_text(target, 256),
        detail=kept,
        hash=b"",
    )
    values = {name: getattr(row, name) for name in AuditRow.__slots__}
    connection.execute(insert(audit).values(values | {"hash": row.sealed(before)}))


def _text(value: str, longest: int) -> str:
    # NOTE: PostgreSQL takes no NUL in text, and half a surrogate pair is no text at all.
    return value.replace("\0", "\ufffd").encode("utf-8", "replace").decode()[:longest]


def _read(detail: str) -> Any:
    try:
        return orjson.loads(detail)
    except orjson.JSONDecodeError:
        return detail  # changed by somebody: shown as it is


def _wait_for_turn(connection: Connection) -> None:
    """Makes sure that nobody else appends before this transaction ends."""
    if connection.dialect.name == "postgresql":
        connection.execute(text(f"SELECT pg_advisory_xact_lock({LOCK})"))
        return
    driver: Any = connection.connection.driver_connection
    if not driver.in_transaction:
        # NOTE: the driver begins a transaction only before a change of rows; the look at the last one would be
        # outside of it.
        connection.exec_driver_sql("BEGIN IMMEDIATE")
