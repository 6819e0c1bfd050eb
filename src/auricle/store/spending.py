"""What models cost the judge, day by day, and whether it paused itself; shared by all processes.

A call is paid for before it is made, with the most that it can cost; afterwards what it did not cost is given back.
Killed in between, that stays paid: the budget may then seem smaller than it is, and is never passed.
"""

from dataclasses import dataclass

from sqlalchemy import Engine, delete, select, update

from auricle.store.audit import append
from auricle.store.database import insert_new, told
from auricle.store.tables import judge_days, judge_pauses


@dataclass(frozen=True, slots=True)
class Spent:
    """Tokens and billionths of a US dollar."""

    tokens: int = 0
    nano_usd: int = 0


@dataclass(frozen=True, slots=True)
class Pause:
    """That a judge paused itself, and why."""

    reason: str
    fingerprint: str
    """Of the key that was refused."""
    paused_at: int


class SpendingStore:
    """Budget and pauses. Thread-safe."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def reserve(self, day: str, most: Spent, limit: Spent) -> bool:
        """Sets aside what a call can cost at most; False when the day has no room for it. A limit of 0 is none."""
        room = [
            column + amount <= ceiling
            for column, amount, ceiling in (
                (judge_days.c.tokens, most.tokens, limit.tokens),
                (judge_days.c.nano_usd, most.nano_usd, limit.nano_usd),
            )
            if ceiling
        ]
        change = (
            update(judge_days)
            .where(judge_days.c.day == day, *room)
            .values(
                calls=judge_days.c.calls + 1,
                tokens=judge_days.c.tokens + most.tokens,
                nano_usd=judge_days.c.nano_usd + most.nano_usd,
            )
        )
        with told(), self._engine.begin() as connection:
            connection.execute(insert_new(connection, judge_days).values(day=day, calls=0, tokens=0, nano_usd=0))
            return connection.execute(change).rowcount == 1

    def settle(self, day: str, most: Spent, cost: Spent) -> None:
        """Puts what a call cost in the place of what was set aside for it."""
        change = (
            update(judge_days)
            .where(judge_days.c.day == day)
            .values(
                tokens=judge_days.c.tokens + (cost.tokens - most.tokens),
                nano_usd=judge_days.c.nano_usd + (cost.nano_usd - most.nano_usd),
            )
        )
        with told(), self._engine.begin() as connection:
            connection.execute(change)

    def spent(self, day: str) -> Spent:
        """What a day has cost, with what is set aside."""
        query = select(judge_days.c.tokens, judge_days.c.nano_usd).where(judge_days.c.day == day)
        with told(), self._engine.connect() as connection:
            row = connection.execute(query).first()
        return Spent(*row) if row else Spent()

    def pause(self, judge: str, pause: Pause) -> None:
        """Notes that a judge paused itself."""
        row = {"judge": judge, "reason": pause.reason, "fingerprint": pause.fingerprint, "paused_at": pause.paused_at}
        with told(), self._engine.begin() as connection:
            made = connection.execute(insert_new(connection, judge_pauses).values(row).returning(judge_pauses.c.judge))
            if made.first() is not None:
                append(connection, "", "service", "judge.pause", judge, {"reason": pause.reason})

    def paused(self, judge: str) -> Pause | None:
        """Why a judge paused itself; None when it did not."""
        columns = (judge_pauses.c.reason, judge_pauses.c.fingerprint, judge_pauses.c.paused_at)
        with told(), self._engine.connect() as connection:
            row = connection.execute(select(*columns).where(judge_pauses.c.judge == judge)).first()
        return Pause(*row) if row else None

    def resume(self, judge: str, *, actor: str = "service") -> bool:
        """Ends the pause of a judge; False when there is none. The audit log tells that `actor` did."""
        gone = delete(judge_pauses).where(judge_pauses.c.judge == judge)
        with told(), self._engine.begin() as connection:
            ended = connection.execute(gone).rowcount == 1
            if ended:
                append(connection, "", actor, "judge.resume", judge)
            return ended
