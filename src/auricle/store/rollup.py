"""The state of the rollups, in the relational database: which segments count, up to when, and for whom not.

A tenant is `clean`, or its rollups are `stale` because events that they count are about to go, or `purged` of its rows.
As long as a tenant is not clean its reports read the events. Whoever deletes events holds the tenant before the first
row goes, and releases it after the last one has gone.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from sqlalchemy import (
    BigInteger,
    Connection,
    Engine,
    Select,
    cast,
    delete,
    exists,
    func,
    insert,
    literal,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite

from auricle.model.rollup import Coverage, Holding
from auricle.store.database import insert_new, told
from auricle.store.tables import meta, rollup_holds, rollup_segments, rollup_tenants

LOCK = 4120270006
"""The advisory lock of the process that rolls up, in PostgreSQL."""
UPTO, TARGET, PAUSED = "rollup_upto", "rollup_target", "rollup_paused"
_UPTO = select(literal("upto"), cast(meta.c.value, BigInteger)).where(meta.c.name == UPTO)
_LIVE = select(literal("segment"), cast(rollup_segments.c.id, BigInteger)).where(rollup_segments.c.state == "live")
_FACTS = select(meta.c.name, meta.c.value).where(meta.c.name.in_((UPTO, PAUSED)))
_HELD = exists().where(rollup_holds.c.tenant_id == rollup_tenants.c.tenant_id)


class RollupStore:
    """What is rolled up. Thread-safe."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def coverage(self, tenant_id: str) -> Coverage | None:
        """How far the rollups reach for a tenant; None when its reports must read the events."""
        # NOTE: one statement, so that the segments are those of `upto`.
        with told(), self._engine.connect() as connection:
            rows = connection.execute(_UPTO.union_all(_of(tenant_id), _LIVE)).all()
        facts = {kind: number for kind, number in rows if kind != "segment"}
        if "upto" not in facts or "stale" in facts or "purged" in facts:
            return None
        segments = tuple(sorted(number for kind, number in rows if kind == "segment"))
        return Coverage(facts["upto"], segments, facts.get("clean", 0))

    def holds_good(self, tenant_id: str, coverage: Coverage) -> bool:
        """Whether what was read with a coverage just now was all there while it was read."""
        there = select(literal("segment"), func.count()).where(
            rollup_segments.c.id.in_(coverage.segments), rollup_segments.c.state.in_(("live", "retired"))
        )
        with told(), self._engine.connect() as connection:
            facts = {row[0]: row[1] for row in connection.execute(_of(tenant_id).union_all(there))}
        segments = facts.pop("segment")
        return facts in ({}, {"clean": coverage.epoch}) and segments == len(coverage.segments)

    def hold(self, tenant_id: str, job: str) -> None:
        """Before events of a tenant are deleted: its rollups count no longer. Again is no harm."""
        with told(), self._engine.begin() as connection:
            _spoil(connection, tenant_id)
            connection.execute(insert_new(connection, rollup_holds), {"tenant_id": tenant_id, "job": job})

    def release(self, tenant_id: str, job: str) -> None:
        """After the last event that the job deletes has gone. Again is no harm."""
        gone = delete(rollup_holds).where(rollup_holds.c.tenant_id == tenant_id, rollup_holds.c.job == job)
        with told(), self._engine.begin() as connection:
            connection.execute(gone)

    def clear_of(self, tenant_id: str) -> bool:
        """Whether the rollups hold nothing of events that were deleted before the last release."""
        query = select(rollup_tenants.c.state).where(rollup_tenants.c.tenant_id == tenant_id)
        with told(), self._engine.connect() as connection:
            return connection.execute(query).scalar() != "stale"

    def admit(self, arrivals: Iterable[tuple[str, int]]) -> None:
        """Before events are written: (tenant, `received_at`) of each block.

        A block that is older than what is rolled up, as the clock of another machine may make it, would be missed: its
        tenant's rollups are made anew.
        """
        query = select(cast(meta.c.value, BigInteger)).where(meta.c.name == TARGET)
        with told(), self._engine.connect() as connection:
            target = connection.execute(query).scalar()
        late = sorted({tenant for tenant, at in arrivals if target is not None and at <= target})
        if late:
            with told(), self._engine.begin() as connection:
                for tenant in late:
                    _spoil(connection, tenant)

    def aim(self, target: int) -> None:
        """Tells whoever writes events up to when is about to be rolled up."""
        with told(), self._engine.begin() as connection:
            _put(connection, TARGET, target)

    def begin(self) -> int:
        """The number of a new segment."""
        with told(), self._engine.begin() as connection:
            made = connection.execute(insert(rollup_segments).values(state="building", rows=0))
            return int(made.inserted_primary_key[0])  # type: ignore[index]

    def land(self, segment: int | None, rows: int, before: int | None, upto: int) -> bool:
        """Lets a segment count, and with it all that was received by `upto`; False when its time is over.

        `before` is up to when the rollups reached when it was begun; without a segment nothing came since.
        """
        with told(), self._engine.begin() as connection:
            if segment is not None and not _raise(connection, segment, rows):
                return False
            if before is None:
                paused = connection.execute(select(meta.c.name).where(meta.c.name == PAUSED)).scalar()
                moved = 0 if paused else connection.execute(_new(connection, UPTO, upto)).rowcount
            else:
                there = (meta.c.name == UPTO, meta.c.value == str(before))
                moved = connection.execute(update(meta).where(*there).values(value=str(upto))).rowcount
            if not moved:
                connection.rollback()
            return bool(moved)

    def land_tenant(self, segment: int | None, rows: int, tenant_id: str, epoch: int, upto: int) -> bool:
        """Lets a segment count that holds one tenant's rows up to `upto`; the tenant is clean with it."""
        mine = (rollup_tenants.c.tenant_id == tenant_id, rollup_tenants.c.epoch == epoch)
        unmoved = exists().where(meta.c.name == UPTO, meta.c.value == str(upto))
        clean = update(rollup_tenants).where(*mine, rollup_tenants.c.state == "purged", ~_HELD, unmoved)
        with told(), self._engine.begin() as connection:
            landed = bool(connection.execute(clean.values(state="clean")).rowcount)
            landed = landed and (segment is None or _raise(connection, segment, rows))
            if not landed:
                connection.rollback()
            return landed

    def replace(self, segment: int, rows: int, merged: Iterable[int]) -> bool:
        """Lets a segment count instead of those it was made of."""
        olds = sorted(merged)
        among = rollup_segments.c.id.in_(olds)
        gone = update(rollup_segments).where(among, rollup_segments.c.state == "live").values(state="retired")
        with told(), self._engine.begin() as connection:
            done = connection.execute(gone).rowcount == len(olds) and _raise(connection, segment, rows)
            if not done:
                connection.rollback()
            return done

    def note_purged(self, tenant_id: str, epoch: int, sizes: Mapping[int, int]) -> None:
        """Notes that no row of a tenant is left, and how many rows the segments have now."""
        mine = (rollup_tenants.c.tenant_id == tenant_id, rollup_tenants.c.epoch == epoch)
        with told(), self._engine.begin() as connection:
            connection.execute(update(rollup_tenants).where(*mine, ~_HELD).values(state="purged"))
            for segment in connection.execute(select(rollup_segments.c.id)).scalars().all():
                sized = update(rollup_segments).where(rollup_segments.c.id == segment)
                connection.execute(sized.values(rows=sizes.get(segment, 0)))

    def holding(self) -> Holding:
        """What there is."""
        with told(), self._engine.connect() as connection:
            facts = dict(
                connection.execute(select(meta.c.name, meta.c.value).where(meta.c.name.in_((UPTO, PAUSED)))).all()
            )
            segments = connection.execute(select(rollup_segments).order_by(rollup_segments.c.id)).all()
            known = (rollup_tenants.c.tenant_id, rollup_tenants.c.epoch, rollup_tenants.c.state, _HELD.label("held"))
            tenants = connection.execute(select(*known).where(rollup_tenants.c.state != "clean")).all()
        return Holding(
            upto=int(facts[UPTO]) if UPTO in facts else None,
            paused=PAUSED in facts,
            live={row.id: row.rows for row in segments if row.state == "live"},
            idle=tuple(row.id for row in segments if row.state != "live"),
            stale=tuple((row.tenant_id, row.epoch) for row in tenants if row.state == "stale" and not row.held),
            purged=tuple((row.tenant_id, row.epoch) for row in tenants if row.state == "purged" and not row.held),
            held=sum(bool(row.held) for row in tenants),
        )

    def drop(self) -> None:
        """Lets nothing count any more, until `rebuild`. The engine's rows go with the next sweep."""
        with told(), self._engine.begin() as connection:
            _reset(connection)
            _put(connection, PAUSED, 1)

    def rebuild(self) -> None:
        """Lets nothing count any more, and has all of it made anew by the next sweeps."""
        with told(), self._engine.begin() as connection:
            _reset(connection)
            connection.execute(delete(meta).where(meta.c.name == PAUSED))

    def give_up(self, segments: Iterable[int]) -> None:
        """Notes that these segments are about to leave the engine."""
        gone = update(rollup_segments).where(rollup_segments.c.id.in_(sorted(segments)))
        with told(), self._engine.begin() as connection:
            connection.execute(gone.where(rollup_segments.c.state != "live").values(state="dropping"))

    def forget(self, segments: Iterable[int]) -> None:
        """Notes that these segments have left the engine."""
        gone = delete(rollup_segments).where(rollup_segments.c.id.in_(sorted(segments)))
        with told(), self._engine.begin() as connection:
            connection.execute(gone.where(rollup_segments.c.state == "dropping"))

    @contextmanager
    def working(self) -> Iterator[bool]:
        """Whether this process may roll up: one at a time. The right is held until the block ends.

        In SQLite the data folder's own lock has seen to it (`auricle.process`).
        """
        if self._engine.dialect.name != "postgresql":
            yield True
            return
        with told(), self._engine.connect() as connection:
            held = connection.execute(select(func.pg_try_advisory_xact_lock(LOCK))).scalar_one()
            yield bool(held)


def _of(tenant_id: str) -> Select[Any]:
    query = select(rollup_tenants.c.state, rollup_tenants.c.epoch)
    return query.where(rollup_tenants.c.tenant_id == tenant_id)


def _spoil(connection: Connection, tenant_id: str) -> None:
    fresh = {"tenant_id": tenant_id, "state": "clean", "epoch": 0}
    connection.execute(insert_new(connection, rollup_tenants), fresh)
    mine = update(rollup_tenants).where(rollup_tenants.c.tenant_id == tenant_id)
    connection.execute(mine.values(state="stale", epoch=rollup_tenants.c.epoch + 1))


def _raise(connection: Connection, segment: int, rows: int) -> bool:
    mine = (rollup_segments.c.id == segment, rollup_segments.c.state == "building")
    return bool(connection.execute(update(rollup_segments).where(*mine).values(state="live", rows=rows)).rowcount)


def _reset(connection: Connection) -> None:
    connection.execute(update(rollup_segments).where(rollup_segments.c.state == "live").values(state="retired"))
    connection.execute(update(rollup_segments).where(rollup_segments.c.state == "building").values(state="dropping"))
    connection.execute(delete(meta).where(meta.c.name == UPTO))


def _new(connection: Connection, name: str, value: int) -> postgresql.Insert | sqlite.Insert:
    return insert_new(connection, meta).values(name=name, value=str(value))


def _put(connection: Connection, name: str, value: int) -> None:
    if not connection.execute(update(meta).where(meta.c.name == name).values(value=str(value))).rowcount:
        connection.execute(insert(meta).values(name=name, value=str(value)))
