"""Rubrics of tenants: questions with a scale, each change a version of its own."""

from sqlalchemy import Engine, select

from auricle.errors import Conflict
from auricle.model.evaluation import Rubric
from auricle.store.audit import append
from auricle.store.database import insert_new, told
from auricle.store.tables import rubrics

MOST = 20
"""Rubrics that a tenant may have beside the built-in ones: each costs tokens with every call."""


class RubricStore:
    """The rubrics. Thread-safe; every method is about one tenant."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def read(self, tenant_id: str) -> tuple[Rubric, ...]:
        """The last version of each rubric that is asked, by name."""
        query = select(rubrics).where(rubrics.c.tenant_id == tenant_id).order_by(rubrics.c.name, rubrics.c.version)
        with told(), self._engine.connect() as connection:
            last = {row.name: row for row in connection.execute(query)}
        return tuple(
            Rubric(row.name, row.question, row.low, row.high, row.version) for row in last.values() if not row.retired
        )

    def put(self, tenant_id: str, wanted: Rubric, at: int, *, retired: bool, actor: str) -> Rubric:
        """Keeps a rubric as the next version of its name. The audit log tells that `actor` did.

        Raises:
            Conflict: the tenant has too many, or changed it at the same moment.
        """
        mine = rubrics.c.tenant_id == tenant_id
        with told(), self._engine.begin() as connection:
            names = select(rubrics.c.name).where(mine).distinct()
            known = set(connection.execute(names).scalars())
            if wanted.name not in known and len(known) >= MOST:
                raise Conflict(f"A tenant may have {MOST} rubrics of its own.")
            held = select(rubrics.c.version).where(mine, rubrics.c.name == wanted.name)
            version = max(connection.execute(held).scalars(), default=0) + 1
            row = {
                "tenant_id": tenant_id,
                "name": wanted.name,
                "version": version,
                "question": wanted.question,
                "low": wanted.low,
                "high": wanted.high,
                "retired": int(retired),
                "changed_at": at,
            }
            made = connection.execute(insert_new(connection, rubrics).values(row).returning(rubrics.c.version)).first()
            if made is None:
                raise Conflict("The rubric was changed at the same moment; look at it, and try again.")
            append(connection, tenant_id, actor, "rubric.change", wanted.name, {"version": version, "retired": retired})
        return Rubric(wanted.name, wanted.question, wanted.low, wanted.high, version)
