"""The options of tenants, in the relational database."""

import secrets
from dataclasses import replace
from typing import Any, Self

import orjson
from sqlalchemy import Engine, RowMapping, select, text

from auricle import clock
from auricle.errors import Conflict
from auricle.model.days import Days
from auricle.model.options import Consent, Ips, TenantOptions, UserIds
from auricle.settings import Settings
from auricle.store.audit import Detail, append
from auricle.store.database import open_database, told
from auricle.store.tables import tenant_options

SECRET_BYTES = 32
_ADD = text(
    "INSERT INTO tenant_options (tenant_id, revision, document, secret, changed_at)"
    " VALUES (:tenant_id, :revision, :document, :secret, :changed_at) ON CONFLICT (tenant_id) DO NOTHING"
)
_CHANGE = text(
    "UPDATE tenant_options SET revision = :revision, document = :document, changed_at = :changed_at"
    " WHERE tenant_id = :tenant_id AND revision = :judged"
)


class OptionsStore:
    """One row a tenant, changed as a whole: killed in the middle, a change is there or it is not. Thread-safe."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @classmethod
    def open(cls, settings: Settings) -> Self:
        """The options of these settings' database, migrated."""
        return cls(open_database(settings))

    def close(self) -> None:
        """Gives the connections back."""
        self._engine.dispose()

    def revisions(self) -> dict[str, int]:
        """The revision of every tenant that ever changed an option."""
        with told(), self._engine.connect() as connection:
            query = select(tenant_options.c.tenant_id, tenant_options.c.revision)
            return {row.tenant_id: row.revision for row in connection.execute(query)}

    def read(self, tenant_id: str) -> TenantOptions:
        """What the tenant asks for."""
        with told(), self._engine.connect() as connection:
            query = select(tenant_options).where(tenant_options.c.tenant_id == tenant_id)
            row = connection.execute(query).mappings().first()
        return TenantOptions() if row is None else _options_of(row)

    def change(self, tenant_id: str, wanted: TenantOptions, *, actor: str) -> TenantOptions:
        """Keeps options that were made of those with the same revision; gives them as kept, one revision further.

        The first change makes the tenant's secret, which never changes. The audit log tells that `actor` did it.

        Raises:
            Conflict: they were changed meanwhile.
        """
        after = replace(wanted, revision=wanted.revision + 1)
        row = {
            "tenant_id": tenant_id,
            "revision": after.revision,
            "document": orjson.dumps(after.as_json()).decode(),
            "changed_at": clock.micros(),
        }
        with told(), self._engine.begin() as connection:
            if wanted.revision == 0:
                done = connection.execute(_ADD, row | {"secret": secrets.token_bytes(SECRET_BYTES)})
            else:
                done = connection.execute(_CHANGE, row | {"judged": wanted.revision})
            if done.rowcount != 1:
                raise Conflict("The options were changed at the same moment; look at them, and try again.")
            append(connection, tenant_id, actor, "options.change", str(after.revision), _told(after))
            query = select(tenant_options).where(tenant_options.c.tenant_id == tenant_id)
            return _options_of(connection.execute(query).mappings().one())


def _options_of(row: RowMapping) -> TenantOptions:
    told_by = orjson.loads(row["document"])
    kinds = told_by["kinds"]
    return TenantOptions(
        revision=row["revision"],
        sanitise=told_by["sanitise"],
        kinds=None if kinds is None else tuple(kinds),
        ips=Ips(told_by["ips"]),
        user_ids=UserIds(told_by["user_ids"]),
        consent=Consent(told_by["consent"]),
        allow_events=tuple(told_by["allow_events"]),
        deny_events=tuple(told_by["deny_events"]),
        retention=Days(**told_by.get("retention", {})),  # rows from before there were any have none
        secret=row["secret"],
    )


def _told(options: TenantOptions) -> Detail:
    """The options in one level, as the audit log keeps them."""
    return {name: _in_one_level(value) for name, value in options.as_json().items()}


def _in_one_level(value: Any) -> Any:
    if isinstance(value, dict):
        return orjson.dumps(value).decode()
    return " ".join(value) if isinstance(value, list) else value
