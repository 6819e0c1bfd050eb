"""The control plane: tenants and API keys. Only the hash of a key is kept."""

import hashlib
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Self

from sqlalchemy import Engine, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from auricle import clock
from auricle.errors import Invalid, Unauthorized
from auricle.model.principal import SCOPES, Kind, Principal
from auricle.model.receipt import Fault
from auricle.settings import Settings
from auricle.store.audit import append
from auricle.store.database import open_database, told
from auricle.store.tables import api_keys, tenants

TENANT = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
"""A slug; a UUID in lower case is one too."""


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key that was just made; the only time its text is seen."""

    key: str
    id: str
    tenant: str
    kind: Kind


@dataclass(frozen=True, slots=True)
class KeyRow:
    """What is kept of a key."""

    id: str
    tenant: str
    kind: Kind
    label: str
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None
    revoked_at: datetime | None


class ControlStore:
    """Tenants and keys in the relational database. Thread-safe."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @classmethod
    def open(cls, settings: Settings) -> Self:
        """The control plane of these settings, migrated."""
        return cls(open_database(settings))

    def close(self) -> None:
        """Gives the connections back."""
        self._engine.dispose()

    def create_key(
        self, tenant: str, kind: Kind, *, label: str = "", expires_at: datetime | None = None, actor: str = "cli"
    ) -> NewKey:
        """Makes a key, and the tenant when it is new; the audit log tells that `actor` did.

        Raises:
            Invalid: the tenant's name is no slug, or the expiry has no zone.
        """
        if not TENANT.fullmatch(tenant):
            rule = "1 to 64 characters: a-z, 0-9, _ and -, beginning with a letter or a digit; a UUID is welcome"
            raise Invalid("The tenant has no valid name.", (Fault("/tenant", "pattern", rule),))
        if expires_at is not None and expires_at.tzinfo is None:
            raise Invalid("The expiry has no zone.", (Fault("/expires_at", "format", "RFC 3339 with a zone"),))
        key = "ak_" + secrets.token_urlsafe(32)
        key_id = clock.new_id()
        row = {
            "id": key_id,
            "tenant_id": tenant,
            "kind": kind.value,
            "label": label[:128],
            "hash": _hash(key),
            "created_at": clock.now(),
            # NOTE: SQLite forgets the zone, so what is kept must be UTC.
            "expires_at": expires_at and expires_at.astimezone(UTC),
        }
        with told(), self._engine.begin() as connection:
            dialect = postgresql if self._engine.dialect.name == "postgresql" else sqlite
            known = dialect.insert(tenants).values(id=tenant, created_at=clock.now()).on_conflict_do_nothing()
            connection.execute(known)
            connection.execute(insert(api_keys).values(row))
            ends = None if expires_at is None else expires_at.astimezone(UTC).isoformat()
            append(connection, tenant, actor, "key.create", key_id, {"kind": kind.value, "expires_at": ends})
        return NewKey(key, key_id, tenant, kind)

    def list_keys(self, tenant: str | None = None) -> list[KeyRow]:
        """The keys of a tenant, or of all, oldest first."""
        query = select(api_keys).order_by(api_keys.c.created_at, api_keys.c.id)
        if tenant is not None:
            query = query.where(api_keys.c.tenant_id == tenant)
        with told(), self._engine.connect() as connection:
            return [_key_row(row) for row in connection.execute(query).mappings()]

    def revoke_key(self, key_id: str, *, actor: str = "cli") -> bool:
        """Ends a key, and the audit log tells that `actor` did; False when none with this id is alive."""
        change = (
            update(api_keys)
            .where(api_keys.c.id == key_id, api_keys.c.revoked_at.is_(None))
            .values(revoked_at=clock.now())
            .returning(api_keys.c.tenant_id)
        )
        with told(), self._engine.begin() as connection:
            tenant = connection.execute(change).scalar()
            if tenant is not None:
                append(connection, tenant, actor, "key.revoke", key_id)
        return tenant is not None

    def principal(self, key: str) -> Principal:
        """Who holds this key.

        Raises:
            Unauthorized: it is unknown, revoked or expired.
        """
        with told(), self._engine.connect() as connection:
            row = connection.execute(select(api_keys).where(api_keys.c.hash == _hash(key))).mappings().first()
        if row is None:
            raise Unauthorized("This API key is not known here.")
        held = _key_row(row)
        if held.revoked_at is not None:
            raise Unauthorized("This API key was revoked.")
        if held.expires_at is not None and held.expires_at <= clock.now():
            raise Unauthorized("This API key has expired.")
        return Principal(held.tenant, held.id, SCOPES[held.kind])

    def used(self, times: Mapping[str, datetime]) -> None:
        """Notes when keys were last used."""
        with told(), self._engine.begin() as connection:
            for key_id, at in times.items():
                connection.execute(update(api_keys).where(api_keys.c.id == key_id).values(last_used_at=at))


def _hash(key: str) -> bytes:
    # NOTE: a bare SHA-256 is right here: the key holds 256 random bits, so there is nothing to guess.
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()


def _key_row(row: Any) -> KeyRow:
    times = {name: _aware(row[name]) for name in ("created_at", "expires_at", "last_used_at", "revoked_at")}
    return KeyRow(id=row["id"], tenant=row["tenant_id"], kind=Kind(row["kind"]), label=row["label"], **times)


def _aware(moment: datetime | None) -> Any:
    # NOTE: SQLite forgets the zone; everything here is written in UTC.
    return moment.replace(tzinfo=UTC) if moment is not None and moment.tzinfo is None else moment
