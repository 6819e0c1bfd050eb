"""The options of a tenant: what is done to its events before anything of them is written, and how long they stay."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from auricle.model.days import UNTOLD, Days


class UserIds(StrEnum):
    """What stands in the place of `user_id`."""

    PLAIN = "plain"
    """The id as it was sent."""
    HMAC = "hmac-sha256"
    """HMAC-SHA256 with a secret that only this tenant has: nobody can compute or compare it elsewhere."""
    BARE = "sha256-16"
    """The first 16 hex digits of a bare SHA-256, as document 004 does; whoever knows an id can compute it."""


class Ips(StrEnum):
    """What becomes of a value that is exactly an IP. IPs within text are always redacted."""

    CUT = "cut"
    """Cut to /24 or /48."""
    REDACT = "redact"


class Consent(StrEnum):
    """Which events are kept."""

    OPT_OUT = "opt-out"
    """All but those whose `context.consent.analytics` is false."""
    OPT_IN = "opt-in"
    """Those whose `context.consent.analytics` is true."""


@dataclass(frozen=True, slots=True)
class TenantOptions:
    """What a tenant asks for; the defaults are what holds for one that never asked."""

    revision: int = 0
    """Rises with every change."""
    sanitise: bool | None = None
    """Whether persons and secrets are redacted; None leaves it to `AURICLE_SANITISE`."""
    kinds: tuple[str, ...] | None = None
    """The kinds that are redacted, None for all; see `docs/privacy.md`."""
    ips: Ips = Ips.CUT
    user_ids: UserIds = UserIds.PLAIN
    consent: Consent = Consent.OPT_OUT
    allow_events: tuple[str, ...] = ()
    """Event names that are kept, `name.*` for all that begin so; none for all."""
    deny_events: tuple[str, ...] = ()
    """Event names that are dropped, also when they are allowed."""
    retention: Days = UNTOLD
    """How long events are kept."""
    secret: bytes = field(default=b"", repr=False)
    """The key of the pseudonyms, 32 random bytes made with the first change; never told."""

    def as_json(self) -> dict[str, Any]:
        """The options as they are kept and told: without the secret."""
        return {
            "revision": self.revision,
            "sanitise": self.sanitise,
            "kinds": None if self.kinds is None else list(self.kinds),
            "ips": self.ips.value,
            "user_ids": self.user_ids.value,
            "consent": self.consent.value,
            "allow_events": list(self.allow_events),
            "deny_events": list(self.deny_events),
            "retention": self.retention.as_json(),
        }


UNASKED = TenantOptions()
"""The options of a tenant that never changed any."""
