"""The revision of a tenant's data: the same as before means that every report still has the same answer.

It is read from what the database keeps anyway, in the transactions that make rows come and go: no writer has to think
of it, and every process that shares the database sees the same one at the same moment.
"""

from dataclasses import dataclass

from sqlalchemy import Engine, func, literal, select

from auricle.model.subject import State
from auricle.model.sweep import ENDED
from auricle.store.database import told
from auricle.store.tables import erasures, price_lists, sweep_shares, sweeps, tallies, tenant_options


@dataclass(frozen=True, slots=True)
class Revision:
    """Compared as a whole. No member ever gets smaller, so none of the past comes back."""

    stored: int
    """Events that the indexer has written and settled."""
    erasures: int
    """Orders to erase, all done."""
    sweeps: int
    """Sweeps that took something, all ended."""
    options: int
    prices: int = 0


class RevisionStore:
    """Reads revisions. Thread-safe."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def of(self, tenant_id: str) -> Revision | None:
        """The revision of a tenant's data; None while rows of it are being removed, when no two looks are alike.

        NOTE: to be read before the rows. What is settled in between makes the next revision another one; rows that the
        engine has and that are not settled yet are read at most too early.
        """
        orders = select(func.count()).where(erasures.c.tenant_id == tenant_id)
        shares = select(func.count()).where(sweep_shares.c.tenant_id == tenant_id)
        under_way = shares.join(sweeps, sweeps.c.id == sweep_shares.c.sweep_id).where(
            sweeps.c.state.not_in([state.value for state in ENDED])
        )
        stored = select(tallies.c.events).where(tallies.c.tenant_id == tenant_id, tallies.c.verdict == "stored")
        options = select(tenant_options.c.revision).where(tenant_options.c.tenant_id == tenant_id)
        prices = select(price_lists.c.revision).where(price_lists.c.tenant_id == tenant_id)
        query = select(
            func.coalesce(stored.scalar_subquery(), literal(0)),
            orders.scalar_subquery(),
            shares.scalar_subquery(),
            func.coalesce(options.scalar_subquery(), literal(0)),
            func.coalesce(prices.scalar_subquery(), literal(0)),
            orders.where(erasures.c.state != State.DONE.value).scalar_subquery(),
            under_way.scalar_subquery(),
        )
        with told(), self._engine.connect() as connection:
            *members, erasing, sweeping = (int(value) for value in connection.execute(query).one())
        return None if erasing or sweeping else Revision(*members)
