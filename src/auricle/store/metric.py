"""Tenants' own metrics, in the relational database."""

from typing import Any

import orjson
from sqlalchemy import Engine, delete, func, select

from auricle import clock
from auricle.errors import Conflict
from auricle.model.query import Aggregation, Filter, Op, OwnMetric
from auricle.store.audit import append
from auricle.store.database import insert_new, told
from auricle.store.tables import tenant_metrics

MAX_METRICS = 200
"""Metrics of one tenant."""


class MetricStore:
    """One row a metric. Thread-safe."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def of(self, tenant_id: str) -> tuple[OwnMetric, ...]:
        """The metrics of a tenant, by name."""
        mine = tenant_metrics.c.tenant_id == tenant_id
        query = select(tenant_metrics.c.document).where(mine).order_by(tenant_metrics.c.name)
        with told(), self._engine.connect() as connection:
            return tuple(_metric(orjson.loads(row.document)) for row in connection.execute(query))

    def keep(self, tenant_id: str, metric: OwnMetric, *, actor: str) -> bool:
        """Keeps a metric, in the place of one of the same name; whether it is new. The audit log tells of it.

        Raises:
            Conflict: the tenant has as many metrics as it may have.
        """
        mine = (tenant_metrics.c.tenant_id == tenant_id, tenant_metrics.c.name == metric.name)
        document = orjson.dumps(metric.as_json()).decode()
        row = {"tenant_id": tenant_id, "name": metric.name, "document": document, "changed_at": clock.micros()}
        with told(), self._engine.begin() as connection:
            adding = insert_new(connection, tenant_metrics).values(row).returning(tenant_metrics.c.name)
            new = connection.execute(adding).first() is not None
            if not new:
                connection.execute(tenant_metrics.update().where(*mine).values(row))
            count = select(func.count()).select_from(tenant_metrics).where(tenant_metrics.c.tenant_id == tenant_id)
            if new and connection.execute(count).scalar_one() > MAX_METRICS:
                raise Conflict(f"A tenant has at most {MAX_METRICS} metrics: remove one first.")
            append(connection, tenant_id, actor, "metric.set", metric.name, {})
        return new

    def remove(self, tenant_id: str, name: str, *, actor: str) -> bool:
        """Removes a metric; whether there was one."""
        mine = (tenant_metrics.c.tenant_id == tenant_id, tenant_metrics.c.name == name)
        with told(), self._engine.begin() as connection:
            found = connection.execute(delete(tenant_metrics).where(*mine)).rowcount == 1
            if found:
                append(connection, tenant_id, actor, "metric.remove", name, {})
        return found


def _metric(document: dict[str, Any]) -> OwnMetric:
    filters = (_filter(one) for one in document.pop("filters", ()))
    aggregation = Aggregation(document.pop("aggregation", Aggregation.COUNT))
    return OwnMetric(**document, aggregation=aggregation, filters=tuple(filters))


def _filter(document: dict[str, Any]) -> Filter:
    value = document["value"]
    return Filter(document["field"], Op(document["op"]), tuple(value) if isinstance(value, list) else value)
