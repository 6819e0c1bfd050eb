"""The annotation queue: interactions that the judge has scored, for people to score too, each person each one once."""

from sqlalchemy import Engine, select

from auricle.model.evaluation import State
from auricle.store.database import insert_new, told
from auricle.store.tables import evaluations, reviews


class ReviewStore:
    """Who has seen what. Thread-safe; every method is about one tenant."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def next(self, tenant_id: str, who: str) -> tuple[str, int] | None:
        """The newest judged interaction that this person has not seen: its id, and when its outcome occurred."""
        seen = select(reviews.c.query_id).where(reviews.c.tenant_id == tenant_id, reviews.c.who == who)
        query = (
            select(evaluations.c.query_id, evaluations.c.occurred_at)
            .where(evaluations.c.tenant_id == tenant_id, evaluations.c.state == State.SCORED.value)
            .where(evaluations.c.query_id.not_in(seen))
            .order_by(evaluations.c.id.desc())
            .limit(1)
        )
        with told(), self._engine.connect() as connection:
            row = connection.execute(query).first()
        return None if row is None else (row.query_id, row.occurred_at)

    def note(self, tenant_id: str, query_id: str, who: str, state: str, at: int) -> None:
        """Notes that a person scored or skipped an interaction."""
        row = {"tenant_id": tenant_id, "query_id": query_id, "who": who, "state": state, "at": at}
        with told(), self._engine.begin() as connection:
            connection.execute(insert_new(connection, reviews).values(row))
