"""Manifests of training exports, and which of them held an erased person."""

from collections.abc import Iterable
from typing import Any

import numpy as np
import orjson
from sqlalchemy import Engine, Row, insert, select

from auricle.model.training import Manifest
from auricle.store.audit import Detail, append
from auricle.store.database import told
from auricle.store.tables import erased_events, training_exports

_COLUMNS = ("id", "tenant_id", "made_at", "made_by", "asked", "rows", "size", "sha256")


class TrainingStore:
    """The manifests. Thread-safe; every method is about one tenant."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def add(self, manifest: Manifest, marks: Iterable[int]) -> None:
        """Keeps a manifest with the hashes of the events that its file was made of; the audit log tells of it."""
        row = {name: getattr(manifest, name) for name in _COLUMNS}
        row["asked"] = orjson.dumps(dict(manifest.asked)).decode()
        row["marks"] = np.unique(np.fromiter(marks, dtype="<i8")).tobytes()
        detail: Detail = {"rows": manifest.rows, "sha256": manifest.sha256}
        with told(), self._engine.begin() as connection:
            connection.execute(insert(training_exports).values(row))
            append(connection, manifest.tenant_id, manifest.made_by, "export.training", manifest.id, detail)

    def latest(self, tenant_id: str, limit: int = 100) -> list[Manifest]:
        """The latest manifests, the latest first."""
        order = (training_exports.c.made_at.desc(), training_exports.c.id)
        query = select(*(training_exports.c[name] for name in _COLUMNS)).where(
            training_exports.c.tenant_id == tenant_id
        )
        with told(), self._engine.connect() as connection:
            return [_manifest(row) for row in connection.execute(query.order_by(*order).limit(limit))]

    def get(self, tenant_id: str, export_id: str) -> Manifest | None:
        """One manifest."""
        query = select(*(training_exports.c[name] for name in _COLUMNS)).where(
            training_exports.c.tenant_id == tenant_id, training_exports.c.id == export_id
        )
        with told(), self._engine.connect() as connection:
            row = connection.execute(query).first()
        return _manifest(row) if row else None

    def holding(self, tenant_id: str, erasure_id: str) -> list[str]:
        """The ids of the exports that held something that an erasure took, the earliest first."""
        erased = select(erased_events.c.hash).where(
            erased_events.c.tenant_id == tenant_id, erased_events.c.erasure_id == erasure_id
        )
        exports = (
            select(training_exports.c.id, training_exports.c.marks)
            .where(training_exports.c.tenant_id == tenant_id)
            .order_by(training_exports.c.made_at, training_exports.c.id)
        )
        with told(), self._engine.connect() as connection:
            gone = np.fromiter(connection.execute(erased).scalars(), dtype="<i8")
            if not len(gone):
                return []
            return [
                row.id
                for row in connection.execution_options(yield_per=10).execute(exports)
                if np.isin(gone, np.frombuffer(row.marks, dtype="<i8")).any()
            ]


def _manifest(row: Row[Any]) -> Manifest:
    told_of = dict(zip(_COLUMNS, row, strict=True))
    return Manifest(**{**told_of, "asked": orjson.loads(str(told_of["asked"]))})
