"""Tokens that were revoked, and the tenants that tokens name."""

from datetime import datetime

from sqlalchemy import Engine, delete, select

from auricle import clock
from auricle.errors import Unauthorized
from auricle.store.audit import append
from auricle.store.control import ControlStore
from auricle.store.database import insert_new, told
from auricle.store.tables import revoked_tokens, tenants

LONGEST_ID = 256


class TokenStore:
    """What is kept of tokens, which is what became of some, in the relational database. Thread-safe."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._control = ControlStore(engine)

    def admit(self, tenant: str, jti: str | None) -> None:
        """Returns when a token of this tenant may pass. A tenant that is new is made: whoever signs tokens says who is.

        Raises:
            Unauthorized: the token was revoked, or its tenant is disabled.
        """
        with told(), self._engine.connect() as connection:
            query = select(tenants.c.disabled_at).where(tenants.c.id == tenant)
            row = connection.execute(query).first()
            spent = select(revoked_tokens.c.jti).where(
                revoked_tokens.c.tenant_id == tenant, revoked_tokens.c.jti == (jti or "")
            )
            if jti is not None and connection.execute(spent).first() is not None:
                raise Unauthorized("This token was revoked.")
        if row is None:
            self._control.ensure_tenant(tenant)
        elif row.disabled_at is not None:
            raise Unauthorized("The tenant of this token is disabled.")

    def revoke(self, tenant: str, jti: str, expires_at: datetime | None = None, *, actor: str = "cli") -> bool:
        """Ends the tokens of a tenant with this id; False when that was done before.

        It is remembered until `expires_at`, when they end by themselves; for ever without.
        """
        until = None if expires_at is None else int(expires_at.timestamp()) + 1
        row = {"tenant_id": tenant, "jti": jti, "revoked_at": clock.micros(), "until": until}
        new = insert_new(self._engine, revoked_tokens).values(row).returning(revoked_tokens.c.jti)
        with told(), self._engine.begin() as connection:
            done = connection.execute(new).first() is not None
            if done:
                append(connection, tenant, actor, "token.revoke", jti)
        return done

    def forget(self, before: int) -> None:
        """Drops revocations of tokens that ended by themselves before this Unix second."""
        with told(), self._engine.begin() as connection:
            connection.execute(delete(revoked_tokens).where(revoked_tokens.c.until < before))
