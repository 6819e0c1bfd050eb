"""Annotations: what happened at a time, told on the charts."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Engine, delete, func, insert, select, update

from auricle import clock
from auricle.errors import Conflict, NotFound
from auricle.store.audit import append
from auricle.store.database import told
from auricle.store.tables import annotations, tenants
from auricle.store.user import aware

MOST = 1_000
"""Annotations of one tenant."""


@dataclass(frozen=True, slots=True)
class Annotation:
    """What is kept of an annotation."""

    id: str
    at: datetime
    text: str
    created_at: datetime

    def as_json(self) -> dict[str, object]:
        """The annotation as it stands in answers; its times are `datetime`."""
        return {"id": self.id, "at": self.at, "text": self.text, "created_at": self.created_at}


class AnnotationStore:
    """Annotations in the relational database. Thread-safe."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def create(self, tenant: str, at: datetime, text: str, *, actor: str) -> Annotation:
        """Adds an annotation. Conflict when the tenant has as many as it may."""
        made = Annotation(clock.new_id(), at, text, clock.now())
        held = select(func.count()).select_from(annotations).where(annotations.c.tenant_id == tenant)
        with told(), self._engine.begin() as connection:
            # NOTE: the write comes first and holds the row, else many at once could go beyond the bound.
            connection.execute(update(tenants).where(tenants.c.id == tenant).values(id=tenant))
            if connection.execute(held).scalar_one() >= MOST:
                raise Conflict(f"A tenant may have {MOST} annotations: remove one.")
            connection.execute(insert(annotations).values({**made.as_json(), "tenant_id": tenant}))
            append(connection, tenant, actor, "annotation.create", made.id)
        return made

    def list(self, tenant: str) -> list[Annotation]:
        """The annotations of a tenant, newest first."""
        query = select(annotations).where(annotations.c.tenant_id == tenant).order_by(annotations.c.at.desc())
        with told(), self._engine.connect() as connection:
            return [_annotation(row) for row in connection.execute(query).mappings()]

    def remove(self, tenant: str, annotation_id: str, *, actor: str) -> None:
        """Removes an annotation. NotFound when the tenant has none with this id."""
        gone = delete(annotations).where(annotations.c.tenant_id == tenant, annotations.c.id == annotation_id)
        with told(), self._engine.begin() as connection:
            if not connection.execute(gone).rowcount:
                raise NotFound("There is no annotation with this id.")
            append(connection, tenant, actor, "annotation.remove", annotation_id)


def _annotation(row: Any) -> Annotation:
    return Annotation(row["id"], aware(row["at"]), row["text"], aware(row["created_at"]))
