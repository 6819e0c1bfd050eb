"""The evaluation queue, in the relational database: rows that any number of workers claim with a lease.

An entry is claimed by putting off when it is due, under the mark of the claim. Who dies with it loses it when the lease
ends, and whoever lost it can no longer settle it. An outcome joins once, however often it is swept up.
"""

from collections.abc import Iterable, Sequence

from sqlalchemy import Engine, bindparam, case, delete, func, select, update

from auricle.model.evaluation import Entry, Outcome, Settled, Standing, State
from auricle.store.database import insert_new, told
from auricle.store.tables import evaluations, meta

MARK = "evaluated_up_to"
"""The fact of the table `meta` that says up to when outcomes have joined the queue, by `received_at`."""
PAGE = 1_000
_ENTRY = ("id", "tenant_id", "query_id", "generation", "occurred_at", "attempts", "lease")


class EvaluationStore:
    """The queue. Thread-safe; any number of processes may share it."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def mark(self, now: int) -> int:
        """Up to when outcomes have joined, in microseconds; the first time it is `now`: history joins by backfill."""
        with told(), self._engine.begin() as connection:
            connection.execute(insert_new(connection, meta).values(name=MARK, value=str(now)))
            return int(connection.execute(select(meta.c.value).where(meta.c.name == MARK)).scalar_one())

    def join(self, outcomes: Sequence[Outcome], now: int, *, mark: int | None = None, generation: int = 0) -> int:
        """Takes outcomes into the queue that are not in it, and moves the mark on in the same transaction.

        Gives how many joined.
        """
        rows = [
            {
                "tenant_id": one.tenant_id,
                "query_id": one.query_id,
                "generation": generation,
                "occurred_at": one.occurred_at,
                "queued_at": now,
                "due_at": now,
                "lease": "",
                "attempts": 0,
                "state": State.WAITING.value,
                "reason": "",
            }
            for one in outcomes
        ]
        new = insert_new(self._engine, evaluations).returning(evaluations.c.id)
        joined = 0
        with told(), self._engine.begin() as connection:
            for start in range(0, len(rows), PAGE):
                joined += len(connection.execute(new, rows[start : start + PAGE]).all())
            if mark is not None:
                held = select(meta.c.value).where(meta.c.name == MARK).with_for_update()
                if int(connection.execute(held).scalar() or 0) < mark:
                    connection.execute(update(meta).where(meta.c.name == MARK).values(value=str(mark)))
        return joined

    def claim(self, limit: int, lease: str, now: int, until: int, tenant_id: str | None = None) -> list[Entry]:
        """Entries that are due, claimed until then under the mark `lease`; of one tenant alone where it is named."""
        due = (evaluations.c.state == State.WAITING.value, evaluations.c.due_at <= now)
        chosen = select(evaluations.c.id).where(*due).order_by(evaluations.c.due_at, evaluations.c.id).limit(limit)
        if tenant_id is not None:
            chosen = chosen.where(evaluations.c.tenant_id == tenant_id)
        if self._engine.dialect.name == "postgresql":
            chosen = chosen.with_for_update(skip_locked=True)
        # NOTE: materialised, for PostgreSQL may otherwise run it once a row, and claim many times the limit.
        mine = chosen.cte("chosen").prefix_with("MATERIALIZED", dialect="postgresql")
        # NOTE: the condition stands in the UPDATE too: what another worker claimed meanwhile is no longer due.
        change = (
            update(evaluations)
            .where(evaluations.c.id.in_(select(mine.c.id)), *due)
            .values(due_at=until, lease=lease)
            .returning(*(evaluations.c[name] for name in _ENTRY))
        )
        with told(), self._engine.begin() as connection:
            rows = connection.execute(change).all()
        return sorted((Entry(*row) for row in rows), key=lambda entry: entry.id)

    def settle(self, settled: Iterable[Settled], now: int) -> int:
        """Ends entries whose claim still holds; gives how many."""
        rows = [
            {
                "number": one.entry.id,
                "mark": one.entry.lease,
                "ended": one.state.value,
                "why": one.reason,
                "took": one.latency_ms,
            }
            for one in settled
        ]
        if not rows:
            return 0
        change = (
            update(evaluations)
            .where(evaluations.c.id == bindparam("number"), evaluations.c.lease == bindparam("mark"))
            .where(evaluations.c.state == State.WAITING.value)
            .values(state=bindparam("ended"), reason=bindparam("why"), latency_ms=bindparam("took"), settled_at=now)
        )
        with told(), self._engine.begin() as connection:
            return connection.execute(change, rows).rowcount

    def put_back(self, entries: Iterable[tuple[Entry, int, int]]) -> None:
        """Gives claims back: each entry with when it is due again, and how many attempts of it count."""
        rows = [
            {"number": entry.id, "mark": entry.lease, "due": due, "tries": attempts} for entry, due, attempts in entries
        ]
        if not rows:
            return
        change = (
            update(evaluations)
            .where(evaluations.c.id == bindparam("number"), evaluations.c.lease == bindparam("mark"))
            .where(evaluations.c.state == State.WAITING.value)
            .values(due_at=bindparam("due"), attempts=bindparam("tries"))
        )
        with told(), self._engine.begin() as connection:
            connection.execute(change, rows)

    def standing(self, tenant_id: str | None) -> Standing:
        """How the evaluations of a tenant stand; those of all for None."""
        mine = () if tenant_id is None else (evaluations.c.tenant_id == tenant_id,)
        query = (
            select(
                evaluations.c.state,
                evaluations.c.reason,
                func.count(),
                func.min(evaluations.c.occurred_at),
                func.sum(case((evaluations.c.state == State.SCORED.value, evaluations.c.latency_ms), else_=0)),
            )
            .where(*mine)
            .group_by(evaluations.c.state, evaluations.c.reason)
        )
        states: dict[State, int] = {}
        reasons: dict[str, int] = {}
        oldest, spent = None, 0
        with told(), self._engine.connect() as connection:
            for name, reason, count, first, took in connection.execute(query):
                state = State(name)
                states[state] = states.get(state, 0) + count
                spent += int(took or 0)
                if reason:
                    reasons[reason] = reasons.get(reason, 0) + count
                if state is State.WAITING:
                    oldest = first if oldest is None else min(oldest, first)
        scored = states.get(State.SCORED, 0)
        return Standing(states, reasons, oldest, spent / scored if scored else None)

    def forget(self, before: int) -> int:
        """Removes entries that were settled before a moment, in microseconds; gives how many."""
        gone = delete(evaluations).where(evaluations.c.settled_at < before)
        with told(), self._engine.begin() as connection:
            return connection.execute(gone).rowcount

    def erase(self, tenant_id: str, query_ids: Sequence[str]) -> int:
        """Removes the entries of a tenant's queries, whatever their state; gives how many."""
        gone = 0
        for start in range(0, len(query_ids), PAGE):
            mine = evaluations.c.query_id.in_(query_ids[start : start + PAGE])
            with told(), self._engine.begin() as connection:
                gone += connection.execute(
                    delete(evaluations).where(evaluations.c.tenant_id == tenant_id, mine)
                ).rowcount
        return gone
