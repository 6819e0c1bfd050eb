"""The control plane: tenants and API keys. Only the hash of a key is kept."""

import hashlib
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Self

import orjson
from sqlalchemy import ColumnElement, Connection, Engine, Row, func, insert, or_, select, update

from auricle import clock
from auricle.errors import Conflict, Invalid, NotFound, Unauthorized
from auricle.model.key import ANYTHING, KeyRow, KeyRules, NewKey, Tenant
from auricle.model.principal import Kind, Principal
from auricle.model.receipt import Fault
from auricle.settings import Settings
from auricle.store.audit import append
from auricle.store.database import insert_new, open_database, told
from auricle.store.rules import kept_rules, read_expiry, rules_row
from auricle.store.tables import api_keys, tenants

TENANT = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
"""A slug; a UUID in lower case is one too."""
NO_KEY = "No key that is alive has this id."


@dataclass(frozen=True, slots=True)
class KeyChange:
    """What is written in place of what is kept of a key."""

    label: str
    expires_at: datetime | None
    rules: KeyRules


class ControlStore:
    """Tenants and keys in the relational database. Thread-safe.

    Every change is in the audit log, written in the same transaction; `actor` is who did it.
    """

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
        self,
        tenant: str,
        kind: Kind,
        *,
        label: str = "",
        expires_at: datetime | None = None,
        rules: KeyRules = ANYTHING,
        signed: bool = False,
        actor: str = "cli",
    ) -> NewKey:
        """Makes a key, and the tenant when it is new.

        Raises:
            Invalid: the tenant's name is no slug, or the expiry has no zone.
        """
        check_tenant(tenant)
        change = KeyChange(label[:128], read_expiry(expires_at), rules)
        with told(), self._engine.begin() as connection:
            _make_tenant(connection, tenant)
            return _make_key(connection, (tenant, kind, signed, None), change, actor, "key.create")

    def list_keys(self, tenant: str | None = None) -> list[KeyRow]:
        """The keys of a tenant, or of all, oldest first."""
        query = select(api_keys).order_by(api_keys.c.created_at, api_keys.c.id)
        if tenant is not None:
            query = query.where(api_keys.c.tenant_id == tenant)
        with told(), self._engine.connect() as connection:
            return [_key_row(row) for row in connection.execute(query).mappings()]

    def key(self, tenant: str, key_id: str) -> KeyRow:
        """What is kept of a key of this tenant. NotFound when it has none with this id."""
        with told(), self._engine.connect() as connection:
            return _read_key(connection, tenant, key_id)

    def change_key(self, tenant: str, key_id: str, change: KeyChange, *, actor: str) -> KeyRow:
        """Binds a key of this tenant to other rules. NotFound when none that was not revoked has this id."""
        with told(), self._engine.begin() as connection:
            held = (
                update(api_keys)
                .where(api_keys.c.tenant_id == tenant, api_keys.c.id == key_id, api_keys.c.revoked_at.is_(None))
                .values(_columns(change))
            )
            if not connection.execute(held).rowcount:
                raise NotFound(NO_KEY)
            after = _read_key(connection, tenant, key_id)
            append(connection, tenant, actor, "key.change", key_id, _detail(after))
            return after

    def rotate_key(self, key_id: str, overlap: timedelta, *, tenant: str | None = None, actor: str = "cli") -> NewKey:
        """Makes a key like this one, which itself ends after the overlap; with no overlap it is revoked at once.

        The new key lives as long as the old one was meant to, counted from now. The old one never lives longer than
        it would have; `tenant` finds keys of that tenant alone.

        Raises:
            NotFound: no key has this id.
            Conflict: it is revoked or has expired, or has been replaced already.
        """
        with told(), self._engine.begin() as connection:
            # NOTE: the write comes first and holds the row, else two rotations at once would both succeed.
            connection.execute(update(api_keys).where(api_keys.c.id == key_id).values(id=key_id))
            old, now = _read_key(connection, tenant, key_id), clock.now()
            if old.state(now) != "alive":
                raise Conflict("A key that has ended cannot be rotated: make a new one.")
            if connection.execute(select(api_keys.c.id).where(api_keys.c.replaces == key_id)).first():
                raise Conflict("This key was rotated already: rotate the one that replaced it, or make a new one.")
            life = None if old.expires_at is None else now + (old.expires_at - old.created_at)
            change = KeyChange(old.label, life, old.rules)
            made = _make_key(connection, (old.tenant, old.kind, old.signed, old.id), change, actor, "key.rotate")
            end = now + overlap
            ended = {"expires_at": end if old.expires_at is None else min(end, old.expires_at)}
            if overlap <= timedelta():
                ended = {"revoked_at": now}
            connection.execute(update(api_keys).where(api_keys.c.id == key_id).values(ended))
            return made

    def revoke_key(self, key_id: str, *, tenant: str | None = None, actor: str = "cli") -> bool:
        """Ends a key; False when none that is alive has this id, in this tenant if one is named."""
        change = (
            update(api_keys)
            .where(api_keys.c.id == key_id, api_keys.c.revoked_at.is_(None))
            .values(revoked_at=clock.now())
            .returning(api_keys.c.tenant_id)
        )
        if tenant is not None:
            change = change.where(api_keys.c.tenant_id == tenant)
        with told(), self._engine.begin() as connection:
            owner = connection.execute(change).scalar()
            if owner is not None:
                append(connection, owner, actor, "key.revoke", key_id)
        return owner is not None

    def principal(self, key: str) -> Principal:
        """Who holds this key.

        Raises:
            Unauthorized: it is unknown, revoked or expired, or its tenant is disabled.
        """
        return self._holder(api_keys.c.hash == _hash(key))

    def principal_of(self, key_id: str) -> Principal:
        """Who holds the key with this id, as `principal`; for who has shown its text before."""
        return self._holder(api_keys.c.id == key_id)

    def _holder(self, which: ColumnElement[bool]) -> Principal:
        query = select(api_keys, tenants.c.disabled_at).join(tenants, tenants.c.id == api_keys.c.tenant_id).where(which)
        with told(), self._engine.connect() as connection:
            row = connection.execute(query).mappings().first()
        if row is None:
            raise Unauthorized("This API key is not known here.")
        held = _key_row(row)
        whose = (held.tenant, held.id)
        if held.revoked_at is not None:
            raise Unauthorized("This API key was revoked.", whose=whose)
        if held.expires_at is not None and held.expires_at <= clock.now():
            raise Unauthorized("This API key has expired.", whose=whose)
        if row["disabled_at"] is not None:
            raise Unauthorized("The tenant of this API key is disabled.", whose=whose)
        rules = held.rules
        return Principal(
            held.tenant, held.id, held.scopes, rules.rate_limit, rules.origins, rules.networks, row["secret"]
        )

    def origins(self) -> frozenset[str]:
        """The origins on the lists of all keys that are alive."""
        query = (
            select(api_keys.c.origins)
            .distinct()
            .where(api_keys.c.origins.is_not(None), api_keys.c.revoked_at.is_(None))
            .where(or_(api_keys.c.expires_at.is_(None), api_keys.c.expires_at > clock.now()))
        )
        with told(), self._engine.connect() as connection:
            lists = connection.execute(query).scalars().all()
        return frozenset(origin for one in lists for origin in orjson.loads(one))

    def used(self, times: Mapping[str, datetime]) -> None:
        """Notes when keys were last used."""
        with told(), self._engine.begin() as connection:
            for key_id, at in times.items():
                connection.execute(update(api_keys).where(api_keys.c.id == key_id).values(last_used_at=at))

    def ensure_tenant(self, tenant: str, *, actor: str = "service") -> bool:
        """Makes the tenant; False when it is there already. Invalid when its name is no slug."""
        check_tenant(tenant)
        with told(), self._engine.begin() as connection:
            made = _make_tenant(connection, tenant)
            if made:
                append(connection, tenant, actor, "tenant.create", tenant)
        return made

    def tenant(self, tenant: str) -> Tenant:
        """What is kept of a tenant. NotFound when there is none of this name."""
        found = self._tenants(tenant)
        if not found:
            raise NotFound("There is no tenant of this name.")
        return found[0]

    def list_tenants(self) -> list[Tenant]:
        """All tenants, by name."""
        return self._tenants(None)

    def _tenants(self, tenant: str | None) -> list[Tenant]:
        alive = (
            select(func.count())
            .select_from(api_keys)
            .where(api_keys.c.tenant_id == tenants.c.id, api_keys.c.revoked_at.is_(None))
            .where(or_(api_keys.c.expires_at.is_(None), api_keys.c.expires_at > clock.now()))
            .scalar_subquery()
        )
        query = select(tenants, alive.label("keys")).order_by(tenants.c.id)
        if tenant is not None:
            query = query.where(tenants.c.id == tenant)
        with told(), self._engine.connect() as connection:
            return [_tenant(row) for row in connection.execute(query)]

    def disable_tenant(self, tenant: str, *, disabled: bool, actor: str = "cli") -> bool:
        """Shuts a tenant's credentials out, or lets them in again; False when nothing changed or there is none."""
        change = update(tenants).where(tenants.c.id == tenant)
        if disabled:
            change = change.where(tenants.c.disabled_at.is_(None)).values(disabled_at=clock.now())
        else:
            change = change.where(tenants.c.disabled_at.is_not(None)).values(disabled_at=None)
        with told(), self._engine.begin() as connection:
            changed = connection.execute(change).rowcount > 0
            if changed:
                append(connection, tenant, actor, "tenant.disable" if disabled else "tenant.enable", tenant)
        return changed


def _make_key(
    connection: Connection, who: tuple[str, Kind, bool, str | None], change: KeyChange, actor: str, action: str
) -> NewKey:
    """Writes a key of (tenant, kind, signed, replaces)."""
    tenant, kind, signed, replaces = who
    key, key_id = "ak_" + secrets.token_urlsafe(32), clock.new_id()
    secret = "sk_" + secrets.token_urlsafe(32) if signed else None
    fixed = {"id": key_id, "tenant_id": tenant, "kind": kind.value, "hash": _hash(key), "created_at": clock.now()}
    row = fixed | _columns(change) | {"secret": secret, "replaces": replaces}
    connection.execute(insert(api_keys).values(row))
    append(connection, tenant, actor, action, key_id, _detail(_read_key(connection, tenant, key_id)))
    return NewKey(key, key_id, tenant, kind, secret)


def _columns(change: KeyChange) -> dict[str, Any]:
    return {"label": change.label, "expires_at": change.expires_at} | rules_row(change.rules)


def _detail(row: KeyRow) -> dict[str, str | int | bool | None]:
    """What the audit log tells of a key."""
    ends = row.expires_at and row.expires_at.isoformat()
    rules: dict[str, Any] = {**rules_row(row.rules), "signed": row.signed or None, "replaces": row.replaces}
    told = {name: value for name, value in rules.items() if value is not None}
    return {"kind": row.kind.value, "expires_at": ends, **told}


def _read_key(connection: Connection, tenant: str | None, key_id: str) -> KeyRow:
    query = select(api_keys).where(api_keys.c.id == key_id)
    if tenant is not None:
        query = query.where(api_keys.c.tenant_id == tenant)
    row = connection.execute(query).mappings().first()
    if row is None:
        raise NotFound("There is no key with this id.")
    return _key_row(row)


def _hash(key: str) -> bytes:
    # NOTE: a bare SHA-256 is right here: the key holds 256 random bits, so there is nothing to guess.
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()


def _key_row(row: Any) -> KeyRow:
    times = {name: _aware(row[name]) for name in ("created_at", "expires_at", "last_used_at", "revoked_at")}
    return KeyRow(
        id=row["id"],
        tenant=row["tenant_id"],
        kind=Kind(row["kind"]),
        label=row["label"],
        rules=kept_rules(row),
        signed=row["secret"] is not None,
        replaces=row["replaces"],
        **times,
    )


def _tenant(row: Row[Any]) -> Tenant:
    return Tenant(row.id, _aware(row.created_at), _aware(row.disabled_at), row.keys)


def _aware(moment: datetime | None) -> Any:
    # NOTE: SQLite forgets the zone; everything here is written in UTC.
    return moment.replace(tzinfo=UTC) if moment is not None and moment.tzinfo is None else moment


def check_tenant(tenant: str) -> None:
    """Returns when a tenant may have this name; Invalid when it may not."""
    if not TENANT.fullmatch(tenant):
        rule = "1 to 64 characters: a-z, 0-9, _ and -, beginning with a letter or a digit; a UUID is welcome"
        raise Invalid("The tenant has no valid name.", (Fault("/tenant", "pattern", rule),))


def _make_tenant(connection: Connection, tenant: str) -> bool:
    new = insert_new(connection, tenants).values(id=tenant, created_at=clock.now())
    return connection.execute(new.returning(tenants.c.id)).first() is not None
