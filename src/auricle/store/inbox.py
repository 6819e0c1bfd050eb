"""The failed-event inbox: events that were refused, as they are kept, grouped, sampled, replayed and discarded.

The journal writes them, in the transaction of their request (`auricle.store.journal`). A row with a body can be
replayed; one without is a bare note, so that the fate of its event can be told.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Engine, Row, Select, and_, bindparam, case, delete, func, select, update

from auricle.store.audit import append
from auricle.store.database import told
from auricle.store.journal import FailedEvent
from auricle.store.tables import failed_events as table

REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class Selection:
    """Which failed events of a tenant are meant; every member that is told narrows it."""

    event_name: str | None = None
    """`""` for events whose name could not be read."""
    reason: str | None = None
    pointer: str | None = None
    ids: tuple[int, ...] | None = None


@dataclass(frozen=True, slots=True)
class Group:
    """Failed events that broke the same rule at the same place."""

    event_name: str
    reason: str
    pointer: str
    events: int
    kept: int
    """Those with a body, which can be replayed."""
    size: int
    """Bytes of the bodies."""
    first_at: int
    last_at: int
    rule: str
    """That of the latest one, as `message`."""
    message: str


@dataclass(frozen=True, slots=True)
class Failure:
    """One failed event and its number in the inbox."""

    id: int
    event: FailedEvent


@dataclass(frozen=True, slots=True)
class Held:
    """What the budget has to know of an event that is kept with its body."""

    event_name: str
    reason: str
    pointer: str
    event_id: str
    size: int


@dataclass(frozen=True, slots=True)
class Verdict:
    """Why a replayed event failed again."""

    id: int
    event_name: str
    reason: str
    pointer: str
    rule: str
    message: str


class InboxStore:
    """The table of failed events. Thread-safe; every method but `forget` is about one tenant."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def find(self, tenant_id: str, event_id: str) -> FailedEvent | None:
        """The last failure of an event with this id."""
        query = (
            select(*_COLUMNS)
            .where(table.c.tenant_id == tenant_id, table.c.event_id == event_id)
            .order_by(table.c.id.desc())
            .limit(1)
        )
        with told(), self._engine.connect() as connection:
            row = connection.execute(query).first()
        return FailedEvent(*row) if row else None

    def held(self, tenant_id: str) -> list[Held]:
        """Every event that is kept with its body."""
        query = select(table.c.event_name, table.c.reason, table.c.pointer, table.c.event_id, table.c.size).where(
            table.c.tenant_id == tenant_id, table.c.size > 0
        )
        with told(), self._engine.connect() as connection:
            return [Held(*row) for row in connection.execute(query)]

    def groups(self, tenant_id: str, limit: int) -> list[Group]:
        """The groups of rejected events, the largest first."""
        names = (table.c.event_name, table.c.reason, table.c.pointer)
        counted = (
            select(
                *names,
                func.count().label("events"),
                func.sum(case((table.c.size > 0, 1), else_=0)).label("kept"),
                func.sum(table.c.size).label("size"),
                func.min(table.c.received_at).label("first_at"),
                func.max(table.c.received_at).label("last_at"),
                func.max(table.c.id).label("last"),
            )
            .where(table.c.tenant_id == tenant_id, table.c.status == REJECTED)
            .group_by(*names)
            .order_by(func.count().desc(), *names)
            .limit(limit)
        )
        with told(), self._engine.connect() as connection:
            found = connection.execute(counted).all()
            latest = [row.last for row in found]
            query = select(table.c.id, table.c.rule, table.c.message).where(table.c.id.in_(latest))
            rules = {row.id: (row.rule, row.message) for row in connection.execute(query)}
        # NOTE: between the two looks a group may have been discarded.
        return [_group(row, *rules[row.last]) for row in found if row.last in rules]

    def latest(self, tenant_id: str, selection: Selection, before: int | None, limit: int) -> list[Failure]:
        """Rejected events, the latest first; those with a number below `before`."""
        where = _where(tenant_id, selection)
        if before is not None:
            where = and_(where, table.c.id < before)
        query = select(table.c.id, *_COLUMNS).where(where).order_by(table.c.id.desc()).limit(limit)
        return self._failures(query)

    def oldest(self, tenant_id: str, selection: Selection, after: int, limit: int) -> list[Failure]:
        """Rejected events that can be replayed, the oldest first; those with a number above `after`."""
        where = and_(_where(tenant_id, selection), table.c.size > 0, table.c.id > after)
        return self._failures(select(table.c.id, *_COLUMNS).where(where).order_by(table.c.id).limit(limit))

    def replayed(self, tenant_id: str, ids: Sequence[int], *, actor: str = "service") -> int:
        """Removes failed events that were replayed, by number; gives how many. The audit log tells that `actor` did."""
        if not ids:
            return 0
        change = delete(table).where(table.c.tenant_id == tenant_id, table.c.id.in_(ids))
        with told(), self._engine.begin() as connection:
            gone = connection.execute(change).rowcount
            if gone:
                append(connection, tenant_id, actor, "inbox.replay", detail={"events": gone})
            return gone

    def discard(self, tenant_id: str, selection: Selection, *, actor: str = "service") -> int:
        """Removes rejected events, notes included; gives how many. The audit log tells that `actor` did."""
        with told(), self._engine.begin() as connection:
            gone = connection.execute(delete(table).where(_where(tenant_id, selection))).rowcount
            if gone:
                name, reason = selection.event_name or "", selection.reason
                append(connection, tenant_id, actor, "inbox.discard", name, {"events": gone, "reason": reason})
            return gone

    def rewrite(self, tenant_id: str, verdicts: Sequence[Verdict]) -> None:
        """Notes why replayed events failed again; their time of receipt stays, so replaying keeps none for longer."""
        if not verdicts:
            return
        change = (
            update(table)
            .where(table.c.tenant_id == tenant_id, table.c.id == bindparam("number"))
            .values({name: bindparam(f"new_{name}") for name in _VERDICT})
        )
        rows = [{"number": one.id, **{f"new_{name}": getattr(one, name) for name in _VERDICT}} for one in verdicts]
        with told(), self._engine.begin() as connection:
            connection.execute(change, rows)

    def trim_notes(self, tenant_id: str, keep: int) -> int:
        """Removes the bare notes but the last `keep`; gives how many."""
        bare = and_(table.c.tenant_id == tenant_id, table.c.size == 0)
        newest_gone = select(table.c.id).where(bare).order_by(table.c.id.desc()).offset(keep).limit(1)
        with told(), self._engine.begin() as connection:
            last = connection.execute(newest_gone).scalar()
            if last is None:
                return 0
            return connection.execute(delete(table).where(bare, table.c.id <= last)).rowcount

    def forget(self, before: int) -> int:
        """Removes what was received before a moment, in microseconds, of every tenant; gives how much."""
        with told(), self._engine.begin() as connection:
            return connection.execute(delete(table).where(table.c.received_at < before)).rowcount

    def _failures(self, query: Select[Any]) -> list[Failure]:
        with told(), self._engine.connect() as connection:
            return [Failure(number, FailedEvent(*event)) for number, *event in connection.execute(query)]


_COLUMNS = tuple(table.c[name] for name in FailedEvent.__slots__)
_VERDICT = ("event_name", "reason", "pointer", "rule", "message")


def _group(row: Row[Any], rule: str, message: str) -> Group:
    # NOTE: PostgreSQL gives sums as decimal numbers.
    events, kept, size = int(row.events), int(row.kept), int(row.size)
    return Group(row.event_name, row.reason, row.pointer, events, kept, size, row.first_at, row.last_at, rule, message)


def _where(tenant_id: str, selection: Selection) -> ColumnElement[bool]:
    told_of = [table.c.tenant_id == tenant_id, table.c.status == REJECTED]
    for name in ("event_name", "reason", "pointer"):
        value = getattr(selection, name)
        if value is not None:
            # NOTE: as the journal writes it: PostgreSQL takes no NUL in text.
            told_of.append(table.c[name] == value.replace("\0", "\ufffd"))
    if selection.ids is not None:
        told_of.append(table.c.id.in_(selection.ids))
    return and_(*told_of)
