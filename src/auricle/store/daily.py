"""The figures of whole days, in the relational database."""

from collections.abc import Iterable, Mapping
from datetime import date, timedelta

from sqlalchemy import Engine, delete, func, insert, select

from auricle.store.database import told
from auricle.store.tables import daily_marks, daily_metrics, tenants

WHOLE = "{}"
"""The dimensions of a figure of the whole tenant."""

Figure = tuple[date, str, float | None]
"""A day, a name, a value."""


class DailyStore:
    """Daily metrics of every tenant. Thread-safe."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def behind(self, last: date) -> list[tuple[str, date | None]]:
        """Tenants with whole days up to `last` to write, each with the first such day; None where none ever was."""
        query = select(tenants.c.id, daily_marks.c.upto).outerjoin(daily_marks, daily_marks.c.tenant_id == tenants.c.id)
        with told(), self._engine.connect() as connection:
            rows = connection.execute(query.order_by(tenants.c.id)).all()
        found = [(row.id, date.fromisoformat(row.upto) if row.upto else None) for row in rows]
        return [(tenant, upto) for tenant, upto in found if upto is None or upto <= last]

    def write(self, tenant_id: str, figures: Iterable[Figure], start: date, upto: date) -> None:
        """Writes the figures of the days from `start` up to `upto`, that one left out, in place of any there were."""
        rows = [
            {"tenant_id": tenant_id, "name": name, "dimensions": WHOLE, "date": day.isoformat(), "value": value}
            for day, name, value in figures
        ]
        mine = daily_metrics.c.tenant_id == tenant_id
        within = (daily_metrics.c.date >= start.isoformat(), daily_metrics.c.date < upto.isoformat())
        with told(), self._engine.begin() as connection:
            connection.execute(delete(daily_metrics).where(mine, *within))
            if rows:
                connection.execute(insert(daily_metrics), rows)
            connection.execute(delete(daily_marks).where(daily_marks.c.tenant_id == tenant_id))
            connection.execute(insert(daily_marks).values(tenant_id=tenant_id, upto=upto.isoformat()))

    def read(self, tenant_id: str, name: str, first: date, last: date) -> Mapping[date, float | None]:
        """The values of a name by day, both days included; days without one are absent."""
        query = select(daily_metrics.c.date, daily_metrics.c.value).where(
            daily_metrics.c.tenant_id == tenant_id,
            daily_metrics.c.name == name,
            daily_metrics.c.dimensions == WHOLE,
            daily_metrics.c.date.between(first.isoformat(), last.isoformat()),
        )
        with told(), self._engine.connect() as connection:
            return {date.fromisoformat(row.date): row.value for row in connection.execute(query)}

    def reach(self, tenant_id: str) -> tuple[date | None, date | None]:
        """The first day that is kept of a tenant, and the first that is not written yet."""
        first = select(func.min(daily_metrics.c.date)).where(daily_metrics.c.tenant_id == tenant_id)
        mark = select(daily_marks.c.upto).where(daily_marks.c.tenant_id == tenant_id)
        with told(), self._engine.connect() as connection:
            kept, upto = connection.execute(first).scalar(), connection.execute(mark).scalar()
        return (date.fromisoformat(kept) if kept else None), (date.fromisoformat(upto) if upto else None)

    def sweep(self, today: date, days: int) -> int:
        """Deletes what is older than so many days; gives the number of figures."""
        oldest = (today - timedelta(days=days)).isoformat()
        with told(), self._engine.begin() as connection:
            return connection.execute(delete(daily_metrics).where(daily_metrics.c.date < oldest)).rowcount
