"""The schemas and modes of tenants, in the relational database."""

from collections.abc import Mapping

import orjson
from sqlalchemy import Connection, Engine, insert, select, text, update

from auricle.model.schema import Mode, TenantSchema, TenantSchemas, Version
from auricle.store.audit import append
from auricle.store.database import told
from auricle.store.tables import schema_changes, schema_modes, schemas

_KNOW = text(
    "INSERT INTO schema_changes (tenant_id, revision) VALUES (:tenant_id, 0) ON CONFLICT (tenant_id) DO NOTHING"
)
_SET_MODE = text(
    "INSERT INTO schema_modes (tenant_id, event_name, mode, changed_at)"
    " VALUES (:tenant_id, :event_name, :mode, :changed_at)"
    " ON CONFLICT (tenant_id, event_name) DO UPDATE SET mode = excluded.mode, changed_at = excluded.changed_at"
)


class SchemaStore:
    """Schemas, each version for ever, and modes. Thread-safe.

    Every change raises the tenant's revision in the same transaction, so that other processes see that there is one,
    and a change that was judged against an older state is refused.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def revisions(self) -> dict[str, int]:
        """The revision of every tenant that ever registered something."""
        with told(), self._engine.connect() as connection:
            return {row.tenant_id: row.revision for row in connection.execute(select(schema_changes))}

    def read(self, tenant_id: str) -> TenantSchemas:
        """All that a tenant registered."""
        with told(), self._engine.connect() as connection:
            # NOTE: the revision first: what comes after may be newer than it says, and then is only read once more.
            query = select(schema_changes.c.revision).where(schema_changes.c.tenant_id == tenant_id)
            revision = connection.execute(query).scalar() or 0
            order = (schemas.c.event_name, schemas.c.model, schemas.c.revision, schemas.c.addition)
            found = connection.execute(select(schemas).where(schemas.c.tenant_id == tenant_id).order_by(*order))
            kept = tuple(
                TenantSchema(
                    row.vendor,
                    row.event_name,
                    Version(row.model, row.revision, row.addition),
                    orjson.loads(row.document),
                    row.created_at,
                )
                for row in found
            )
            modes = connection.execute(
                select(schema_modes.c.event_name, schema_modes.c.mode)
                .where(schema_modes.c.tenant_id == tenant_id)
                .order_by(schema_modes.c.event_name)
            )
            return TenantSchemas(revision, kept, tuple((name, Mode(mode)) for name, mode in modes))

    def add(self, tenant_id: str, schema: TenantSchema, judged: int, *, actor: str = "service") -> bool:
        """Registers a version that was judged against revision `judged`; False when the tenant has moved on.

        The audit log tells that `actor` did.
        """
        with told(), self._engine.begin() as connection:
            if not self._moved(connection, tenant_id, judged):
                return False
            row: Mapping[str, object] = {
                "tenant_id": tenant_id,
                "vendor": schema.vendor,
                "event_name": schema.event_name,
                "document": orjson.dumps(schema.document).decode(),
                "created_at": schema.created_at,
                **schema.version._asdict(),
            }
            connection.execute(insert(schemas).values(row))
            target = f"{schema.event_name}/{schema.version}"
            append(connection, tenant_id, actor, "schema.register", target, {"vendor": schema.vendor})
            return True

    def set_mode(
        self, tenant_id: str, event_name: str, mode: Mode, judged: int, changed_at: int, *, actor: str = "service"
    ) -> bool:
        """Sets what becomes of events that break their schema; False when the tenant has moved on.

        The audit log tells that `actor` did.
        """
        with told(), self._engine.begin() as connection:
            if not self._moved(connection, tenant_id, judged):
                return False
            change = {"tenant_id": tenant_id, "event_name": event_name, "mode": mode.value, "changed_at": changed_at}
            connection.execute(_SET_MODE, change)
            append(connection, tenant_id, actor, "schema.mode", event_name, {"mode": mode.value})
            return True

    def _moved(self, connection: Connection, tenant_id: str, judged: int) -> bool:
        """Raises the revision, if it is still the one that the change was judged against."""
        connection.execute(_KNOW, {"tenant_id": tenant_id})
        change = (
            update(schema_changes)
            .where(schema_changes.c.tenant_id == tenant_id, schema_changes.c.revision == judged)
            .values(revision=judged + 1)
        )
        return connection.execute(change).rowcount == 1
