"""The API key: what is kept of one, and the rules that it is bound to."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from ipaddress import IPv4Network, IPv6Network

from auricle.model.principal import SCOPES, Kind, Scope

Network = IPv4Network | IPv6Network

GRANTABLE: Mapping[Kind, frozenset[Scope]] = SCOPES | {
    Kind.INGEST: frozenset({Scope.EVENTS_WRITE, Scope.EVENTS_BACKFILL}),
}
"""The scopes that a key of each kind may be given by name."""


@dataclass(frozen=True, slots=True)
class KeyRules:
    """What a key is bound to beside its kind."""

    scopes: frozenset[Scope] | None = None
    """What it may do; None is all that its kind may."""
    networks: tuple[Network, ...] | None = None
    """Addresses that may use it; None is any."""
    origins: frozenset[str] | None = None
    """Origins of the web pages that may use it; None leaves it to the settings."""
    rate_limit: int | None = None
    """Requests a minute; None leaves it to the settings, 0 is without limit."""


ANYTHING = KeyRules()
"""The rules of a key that is bound to its kind alone."""


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key that was just made; the only time its text is seen."""

    key: str
    id: str
    tenant: str
    kind: Kind
    secret: str | None = None
    """What its requests must be signed with; None when they need not be."""


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
    rules: KeyRules = ANYTHING
    signed: bool = False
    """Whether its requests must be signed."""
    replaces: str | None = None
    """The id of the key that it took over from, by rotation."""

    @property
    def scopes(self) -> frozenset[Scope]:
        """What it may do."""
        return SCOPES[self.kind] if self.rules.scopes is None else self.rules.scopes

    def state(self, now: datetime) -> str:
        """`alive`, `expired` or `revoked`."""
        if self.revoked_at is not None:
            return "revoked"
        return "expired" if self.expires_at is not None and self.expires_at <= now else "alive"

    def as_json(self, now: datetime) -> dict[str, object]:
        """The key as it stands in answers; its times are `datetime`."""
        rules = self.rules
        return {
            "id": self.id,
            "tenant": self.tenant,
            "kind": self.kind,
            "state": self.state(now),
            "label": self.label,
            "scopes": sorted(self.scopes),
            "created_at": self.created_at,
            "expires_at": self.expires_at,
            "last_used_at": self.last_used_at,
            "revoked_at": self.revoked_at,
            "ips": None if rules.networks is None else [str(network) for network in rules.networks],
            "origins": None if rules.origins is None else sorted(rules.origins),
            "rate_limit": rules.rate_limit,
            "signed": self.signed,
            "replaces": self.replaces,
        }


@dataclass(frozen=True, slots=True)
class Tenant:
    """What is kept of a tenant."""

    id: str
    created_at: datetime
    disabled_at: datetime | None
    """Since when no credential of it is taken; None while they are."""
    keys: int
    """Keys that were not revoked and have not expired."""

    def as_json(self) -> dict[str, object]:
        """The tenant as it stands in answers; its times are `datetime`."""
        return {
            "id": self.id,
            "state": "disabled" if self.disabled_at else "active",
            "created_at": self.created_at,
            "disabled_at": self.disabled_at,
            "keys": self.keys,
        }
