"""Sweeps, and what each took of every tenant, in the relational database."""

import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Engine, delete, insert, select, update

from auricle import clock
from auricle.model.sweep import ENDED, REMOVING, Share, Sweep, SweepState
from auricle.store.audit import Detail, append
from auricle.store.database import told
from auricle.store.journal import ADD
from auricle.store.tables import sweep_shares, sweeps

TOLD_NAMES = 50
"""Event names of a tenant that the audit log counts one by one."""


class SweepStore:
    """At most one sweep is under way. Thread-safe."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def begin(self, month: int, *, datasets: bool, archived: bool) -> Sweep:
        """A new sweep of a month of the event store."""
        sweep = Sweep(clock.new_id(), month, SweepState.PLANNING, datasets, archived, clock.micros())
        row = {
            "id": sweep.id,
            "month": month,
            "state": sweep.state.value,
            "datasets": int(datasets),
            "archived": int(archived),
            "began_at": sweep.began_at,
        }
        with told(), self._engine.begin() as connection:
            connection.execute(insert(sweeps).values(row))
        return sweep

    def unfinished(self) -> Sweep | None:
        """The sweep under way."""
        query = select(sweeps).where(sweeps.c.state.not_in([state.value for state in ENDED]))
        found = self._read(query.order_by(sweeps.c.began_at).limit(1), None)
        return found[0] if found else None

    @property
    def removing(self) -> bool:
        """Whether a sweep is about to delete rows that it has counted."""
        under_way = self.unfinished()
        return under_way is not None and under_way.state in REMOVING

    def latest(self, tenant_id: str, limit: int = 50) -> list[Sweep]:
        """The latest sweeps that took events of a tenant, the latest first; its share alone."""
        mine = select(sweep_shares.c.sweep_id).where(sweep_shares.c.tenant_id == tenant_id)
        query = select(sweeps).where(sweeps.c.id.in_(mine))
        return self._read(query.order_by(sweeps.c.began_at.desc(), sweeps.c.id).limit(limit), tenant_id)

    def _read(self, query: Any, tenant_id: str | None) -> list[Sweep]:
        with told(), self._engine.connect() as connection:
            rows = connection.execute(query).all()
            of = select(sweep_shares).where(sweep_shares.c.sweep_id.in_([row.id for row in rows]))
            if tenant_id is not None:
                of = of.where(sweep_shares.c.tenant_id == tenant_id)
            shares: dict[str, list[Share]] = {}
            for share in connection.execute(of.order_by(sweep_shares.c.tenant_id)):
                shares.setdefault(share.sweep_id, []).append(Share(share.tenant_id, json.loads(share.names)))
        return [_sweep(row, shares.get(row.id, ())) for row in rows]

    def advance(self, sweep: Sweep, state: SweepState, shares: Sequence[Share] | None = None) -> None:
        """Takes a sweep to its next state, with what it takes of every tenant where that is known now."""
        with told(), self._engine.begin() as connection:
            if shares is not None:
                _write_shares(connection, sweep, shares)
            _step(connection, sweep, state, trouble=None)

    def drop(self, sweep: Sweep) -> None:
        """Forgets a sweep that took nothing."""
        with told(), self._engine.begin() as connection:
            connection.execute(delete(sweep_shares).where(sweep_shares.c.sweep_id == sweep.id))
            connection.execute(delete(sweeps).where(sweeps.c.id == sweep.id))

    def end(self, sweep: Sweep, state: SweepState) -> None:
        """Ends a sweep. When it is done, the counts and the audit log tell so in the same transaction."""
        with told(), self._engine.begin() as connection:
            ended = _step(connection, sweep, state, trouble=None, finished_at=clock.micros())
            if not ended or state is not SweepState.DONE:
                return
            gone = [share for share in sweep.shares if share.events]
            tallies = [{"tenant_id": one.tenant_id, "verdict": "expired", "events": one.events} for one in gone]
            if tallies:
                connection.execute(ADD, tallies)
            for share in gone:
                append(connection, share.tenant_id, "service", "retention.sweep", sweep.id, _detail(sweep, share))

    def note_trouble(self, sweep: Sweep, trouble: str) -> None:
        """Notes why a sweep does not get on; our own words."""
        with told(), self._engine.begin() as connection:
            connection.execute(update(sweeps).where(sweeps.c.id == sweep.id).values(trouble=trouble))


def _step(connection: Connection, sweep: Sweep, state: SweepState, **values: Any) -> bool:
    """Takes the sweep from the state it was read in; False when it has left that meanwhile."""
    here = (sweeps.c.id == sweep.id, sweeps.c.state == sweep.state.value)
    return connection.execute(update(sweeps).where(*here).values(state=state.value, **values)).rowcount == 1


def _write_shares(connection: Connection, sweep: Sweep, shares: Sequence[Share]) -> None:
    connection.execute(delete(sweep_shares).where(sweep_shares.c.sweep_id == sweep.id))
    rows = [
        {"sweep_id": sweep.id, "tenant_id": share.tenant_id, "names": json.dumps(dict(share.names))} for share in shares
    ]
    if rows:
        connection.execute(insert(sweep_shares), rows)


def _detail(sweep: Sweep, share: Share) -> Detail:
    most = sorted(share.names.items(), key=lambda one: (-one[1], one[0]))[:TOLD_NAMES]
    return {
        "events": share.events,
        "month": sweep.folder,
        "archived": sweep.archived,
        "names": " ".join(f"{name}={events}" for name, events in most),
    }


def _sweep(row: Any, shares: Sequence[Share]) -> Sweep:
    return Sweep(
        id=row.id,
        month=row.month,
        state=SweepState(row.state),
        datasets=bool(row.datasets),
        archived=bool(row.archived),
        began_at=row.began_at,
        finished_at=row.finished_at,
        trouble=row.trouble,
        shares=tuple(shares),
    )
