"""The principal: who is asking, and what they may do."""

from dataclasses import dataclass, field
from enum import StrEnum
from ipaddress import IPv4Network, IPv6Network


class Scope(StrEnum):
    """What a credential may do."""

    EVENTS_WRITE = "events:write"
    EVENTS_BACKFILL = "events:backfill"
    REPORTS_READ = "reports:read"
    SQL_READ = "sql:read"
    EXPORT_READ = "export:read"
    SCHEMAS_WRITE = "schemas:write"
    PRIVACY_WRITE = "privacy:write"
    ADMIN = "admin"


class Kind(StrEnum):
    """The kinds of API key."""

    INGEST = "ingest"
    READ = "read"
    ADMIN = "admin"


SCOPES: dict[Kind, frozenset[Scope]] = {
    Kind.INGEST: frozenset({Scope.EVENTS_WRITE}),
    Kind.READ: frozenset({Scope.REPORTS_READ, Scope.SQL_READ, Scope.EXPORT_READ}),
    Kind.ADMIN: frozenset(Scope),
}
"""The scopes of each kind of key."""

BEARER = "token:"
"""What the `key_id` of whoever holds a token begins with."""

USER, LINK = "user:", "link:"
"""The same of a person who logged in by a password, and of whoever opened a shared dashboard."""


@dataclass(frozen=True, slots=True)
class Principal:
    """A credential that was checked."""

    tenant_id: str
    key_id: str
    scopes: frozenset[Scope]
    rate_limit: int | None = None
    """Requests a minute of this credential; None leaves it to the settings, 0 is without limit."""
    origins: frozenset[str] | None = None
    """Origins of the web pages that may use this credential; None leaves it to the settings."""
    networks: tuple[IPv4Network | IPv6Network, ...] | None = None
    """Addresses that may use this credential; None is any."""
    secret: str | None = field(default=None, repr=False)
    """What its requests must be signed with; None when they need not be."""

    dashboard: str | None = None
    """The one dashboard that this credential opens beside its scopes; None for all but shared links."""

    @property
    def actor(self) -> str:
        """How the audit log names it."""
        return self.key_id if self.key_id.startswith((BEARER, USER, LINK)) else f"key:{self.key_id}"
