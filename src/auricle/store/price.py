"""The price lists of tenants, in the relational database."""

from typing import Any

import orjson
from sqlalchemy import Engine, select, text

from auricle import clock
from auricle.model.price import Kind, Price, micros_of_text
from auricle.store.audit import append
from auricle.store.database import told
from auricle.store.tables import price_lists

_PUT = text(
    "INSERT INTO price_lists (tenant_id, revision, document, changed_at)"
    " VALUES (:tenant_id, 1, :document, :changed_at)"
    " ON CONFLICT (tenant_id) DO UPDATE SET revision = price_lists.revision + 1, document = excluded.document,"
    " changed_at = excluded.changed_at"
)


class PriceStore:
    """One row a tenant, replaced as a whole: killed in the middle, the list is the old one or the new. Thread-safe."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def of(self, tenant_id: str) -> tuple[Price, ...]:
        """The prices of a tenant, as they were put; none at first."""
        query = select(price_lists.c.document).where(price_lists.c.tenant_id == tenant_id)
        with told(), self._engine.connect() as connection:
            document = connection.execute(query).scalar()
        return () if document is None else tuple(map(_price, orjson.loads(document)))

    def put(self, tenant_id: str, prices: tuple[Price, ...], *, actor: str) -> None:
        """Puts a list in the place of the tenant's; the audit log tells that `actor` did."""
        document = orjson.dumps([each.as_json() for each in prices]).decode()
        with told(), self._engine.begin() as connection:
            row = {"tenant_id": tenant_id, "document": document, "changed_at": clock.micros()}
            connection.execute(_PUT, row)
            append(connection, tenant_id, actor, "prices.put", "", {"prices": len(prices)})


def _price(entry: dict[str, Any]) -> Price:
    micros = tuple((kind, micros_of_text(entry[kind.value])) for kind in Kind if kind.value in entry)
    return Price(entry["model"], micros, entry["from"], entry["to"], entry["source"])
