"""Browser sessions: who has logged in at the dashboard. Only the hash of a session's text is kept."""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Engine, delete, insert, select

from auricle import clock
from auricle.errors import Unauthorized
from auricle.model.principal import SCOPES, USER, Kind, Principal
from auricle.store.audit import append
from auricle.store.control import ControlStore
from auricle.store.database import told
from auricle.store.tables import browser_sessions, tenants, users
from auricle.store.user import aware

PREFIX = "as_"
"""What the text of a session begins with."""
ENDED = "This session has ended: log in again."


@dataclass(frozen=True, slots=True)
class NewSession:
    """A session that was just opened; the only time its text is seen."""

    text: str
    expires_at: datetime


class SessionStore:
    """Sessions in the relational database. Thread-safe."""

    def __init__(self, engine: Engine, hours: int) -> None:
        """`hours` is how long a session lives."""
        self._engine = engine
        self._control = ControlStore(engine)
        self._life = timedelta(hours=hours)

    def open(self, tenant: str, *, user_id: str | None = None, key_id: str | None = None) -> NewSession:
        """Opens a session of a user or of whoever holds a key."""
        text, now = PREFIX + secrets.token_urlsafe(32), clock.now()
        row = {
            "hash": hash_of(text),
            "tenant_id": tenant,
            "user_id": user_id,
            "key_id": key_id,
            "created_at": now,
            "expires_at": now + self._life,
        }
        actor = f"{USER}{user_id}" if user_id else f"key:{key_id}"
        with told(), self._engine.begin() as connection:
            connection.execute(insert(browser_sessions).values(row))
            append(connection, tenant, actor, "login.open", user_id or key_id or "")
        return NewSession(text, now + self._life)

    def renew(self, text: str) -> NewSession | None:
        """Another text for the same session, which the old one opens no longer; None when there is no such session."""
        with told(), self._engine.begin() as connection:
            gone = delete(browser_sessions).where(browser_sessions.c.hash == hash_of(text)).returning(browser_sessions)
            row = connection.execute(gone).mappings().first()
            if row is None or aware(row["expires_at"]) <= clock.now():
                return None
            fresh, ends = PREFIX + secrets.token_urlsafe(32), clock.now() + self._life
            connection.execute(insert(browser_sessions).values({**row, "hash": hash_of(fresh), "expires_at": ends}))
        return NewSession(fresh, ends)

    def principal(self, text: str) -> Principal:
        """Who has this session: what its user or its key may do now.

        Raises:
            Unauthorized: it is unknown or has ended; its key was revoked, or its tenant disabled.
        """
        query = (
            select(browser_sessions, users.c.role, tenants.c.disabled_at)
            .join(tenants, tenants.c.id == browser_sessions.c.tenant_id)
            .outerjoin(users, users.c.id == browser_sessions.c.user_id)
            .where(browser_sessions.c.hash == hash_of(text))
        )
        with told(), self._engine.connect() as connection:
            row = connection.execute(query).mappings().first()
        if row is None or aware(row["expires_at"]) <= clock.now() or row["disabled_at"] is not None:
            raise Unauthorized(ENDED)
        if row["key_id"] is not None:
            return self._control.principal_of(row["key_id"])
        if row["role"] is None:
            raise Unauthorized(ENDED)
        return Principal(row["tenant_id"], USER + row["user_id"], SCOPES[Kind(row["role"])])

    def end(self, text: str) -> bool:
        """Ends a session; False when there is none."""
        with told(), self._engine.begin() as connection:
            gone = delete(browser_sessions).where(browser_sessions.c.hash == hash_of(text))
            row = connection.execute(gone.returning(browser_sessions)).mappings().first()
            if row is not None:
                actor = f"{USER}{row['user_id']}" if row["user_id"] else f"key:{row['key_id']}"
                append(connection, row["tenant_id"], actor, "login.end", row["user_id"] or row["key_id"])
        return row is not None

    def forget(self) -> None:
        """Drops the sessions that have ended."""
        with told(), self._engine.begin() as connection:
            connection.execute(delete(browser_sessions).where(browser_sessions.c.expires_at <= clock.now()))


def hash_of(text: str) -> bytes:
    """The hash of a random text of 256 bits, in which there is nothing to guess."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
