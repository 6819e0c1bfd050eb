"""The users of a tenant: people who log in by a name and a password, of which only an argon2id hash is kept."""

import re
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Self

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError
from sqlalchemy import Engine, delete, select, update

from auricle import clock
from auricle.errors import Conflict, Invalid, NotFound, Unauthorized
from auricle.model.principal import Kind
from auricle.model.receipt import Fault
from auricle.settings import Settings
from auricle.store.audit import append
from auricle.store.control import ControlStore
from auricle.store.database import insert_new, open_database, told
from auricle.store.tables import browser_sessions, tenants, users

NAME = re.compile(r"[^\s\x00-\x1f\x7f](?:[^\x00-\x1f\x7f]{0,126}[^\s\x00-\x1f\x7f])?")
SHORTEST, LONGEST = 10, 256
ROLES = (Kind.READ, Kind.ADMIN)
"""What a user may be: what a key of the same kind may do, the user may."""
NO_USER = "There is no user with this id."
WRONG = "The name or the password is wrong."


@dataclass(frozen=True, slots=True)
class User:
    """What is kept of a user, but for the password."""

    id: str
    tenant: str
    name: str
    role: Kind
    created_at: datetime
    last_login_at: datetime | None

    def as_json(self) -> dict[str, object]:
        """The user as it stands in answers; its times are `datetime`."""
        return {
            "id": self.id,
            "name": self.name,
            "role": self.role,
            "created_at": self.created_at,
            "last_login_at": self.last_login_at,
        }


class UserStore:
    """Users in the relational database. Thread-safe. Every change is in the audit log."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._hasher = PasswordHasher()
        self._nobody = self._hasher.hash(secrets.token_urlsafe(16))
        """What is compared when there is no such user, so that the time it takes tells nothing."""

    @classmethod
    def open(cls, settings: Settings) -> Self:
        """The users of these settings, in a migrated database."""
        return cls(open_database(settings))

    def close(self) -> None:
        """Gives the connections back."""
        self._engine.dispose()

    def create(self, tenant: str, name: str, password: str, role: Kind, *, actor: str) -> User:
        """Makes a user, and the tenant when it is new.

        Raises:
            Invalid: the name, the password or the role breaks its rule.
            Conflict: the tenant has a user of this name.
        """
        _check(name, password, role)
        ControlStore(self._engine).ensure_tenant(tenant, actor=actor)
        user = User(clock.new_id(), tenant, name, role, clock.now(), None)
        row = {
            "id": user.id,
            "tenant_id": tenant,
            "name": name,
            "password": self._hasher.hash(password),
            "role": role.value,
            "created_at": user.created_at,
        }
        with told(), self._engine.begin() as connection:
            new = insert_new(connection, users).values(row).returning(users.c.id)
            if connection.execute(new).first() is None:
                raise Conflict("There is a user of this name already.")
            append(connection, tenant, actor, "user.create", user.id, {"role": role.value})
        return user

    def list(self, tenant: str) -> list[User]:
        """The users of a tenant, by name."""
        query = select(users).where(users.c.tenant_id == tenant).order_by(users.c.name)
        with told(), self._engine.connect() as connection:
            return [_user(row) for row in connection.execute(query).mappings()]

    def set_password(self, tenant: str, user_id: str, password: str, *, actor: str) -> None:
        """Gives a user another password, and ends the sessions that the old one opened. NotFound when there is none."""
        _check("user", password, Kind.READ)
        change = update(users).where(users.c.tenant_id == tenant, users.c.id == user_id)
        with told(), self._engine.begin() as connection:
            if not connection.execute(change.values(password=self._hasher.hash(password))).rowcount:
                raise NotFound(NO_USER)
            connection.execute(delete(browser_sessions).where(browser_sessions.c.user_id == user_id))
            append(connection, tenant, actor, "user.password", user_id)

    def remove(self, tenant: str, user_id: str, *, actor: str) -> None:
        """Removes a user and ends its sessions. NotFound when the tenant has none with this id."""
        with told(), self._engine.begin() as connection:
            gone = delete(users).where(users.c.tenant_id == tenant, users.c.id == user_id)
            if not connection.execute(gone).rowcount:
                raise NotFound(NO_USER)
            connection.execute(delete(browser_sessions).where(browser_sessions.c.user_id == user_id))
            append(connection, tenant, actor, "user.remove", user_id)

    def check(self, tenant: str, name: str, password: str) -> User:
        """The user with this name and password; takes as long for a name that there is not.

        Raises:
            Unauthorized: one of the two is wrong, or the tenant is disabled.
        """
        query = (
            select(users, tenants.c.disabled_at)
            .join(tenants, tenants.c.id == users.c.tenant_id)
            .where(users.c.tenant_id == tenant, users.c.name == name)
        )
        with told(), self._engine.connect() as connection:
            row = connection.execute(query).mappings().first()
        try:
            self._hasher.verify(row["password"] if row else self._nobody, password)
        except (Argon2Error, InvalidHashError):
            row_id = row["id"] if row else ""
            raise Unauthorized(WRONG, whose=(tenant, row_id) if row else ("", "")) from None
        if row is None or row["disabled_at"] is not None:
            raise Unauthorized(WRONG)
        with told(), self._engine.begin() as connection:
            connection.execute(update(users).where(users.c.id == row["id"]).values(last_login_at=clock.now()))
        return _user(row)


def _user(row: Any) -> User:
    return User(
        row["id"],
        row["tenant_id"],
        row["name"],
        Kind(row["role"]),
        aware(row["created_at"]),
        aware(row["last_login_at"]),
    )


def aware(moment: datetime | None) -> Any:
    """A time of the database with its zone, which SQLite forgets; everything is written in UTC."""
    return moment.replace(tzinfo=UTC) if moment is not None and moment.tzinfo is None else moment


def _check(name: str, password: str, role: Kind) -> None:
    faults = []
    if not NAME.fullmatch(name):
        faults.append(Fault("/name", "pattern", "1 to 128 characters, without spaces at the ends."))
    if not SHORTEST <= len(password) <= LONGEST:
        faults.append(Fault("/password", "length", f"{SHORTEST} to {LONGEST} characters."))
    if role not in ROLES:
        faults.append(Fault("/role", "enum", f"One of {', '.join(ROLES)}."))
    if faults:
        raise Invalid("The user breaks a rule.", tuple(faults))
