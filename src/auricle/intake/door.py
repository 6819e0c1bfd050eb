"""The door: what the steps have to know of the request whose events they judge."""

from collections.abc import Callable
from dataclasses import dataclass, field

from auricle.intake.options import wanted_of
from auricle.intake.schemas import Registries, Registry
from auricle.intake.sensitive import EVERYTHING, Wanted
from auricle.intake.times import LATEST
from auricle.model.consent import Saying, Speaker
from auricle.model.options import UNASKED, TenantOptions
from auricle.model.principal import Principal, Scope
from auricle.model.receipt import Fault
from auricle.settings import Settings

SKEW_TOLERANCE = 5_000_000
"""Microseconds that a client's `sent_at` may differ from our clock before its events are corrected by the difference.

Below it the difference is the way through the network as much as the clock, and correcting would only add noise.
"""

_SECOND = 1_000_000


@dataclass(frozen=True, slots=True)
class Door:
    """What the steps have to know of the request. Times are microseconds since 1970-01-01 UTC; see `open_door`."""

    registry: Registry
    tenant_id: str
    received_at: int
    new_id: Callable[[], str]
    event_id_required: bool = True
    """Whether an event without id is refused; else it gets one from `new_id`."""
    reject_unknown: bool = False
    """Whether events whose name has no schema are refused."""
    skew: int = 0
    """Microseconds added to every `occurred_at`."""
    oldest: int = 0
    newest: int = LATEST
    """An event must have occurred from `oldest` to `newest`."""
    longest: int | None = None
    """Bytes that no event of the request exceeds, where that is known; spares measuring each."""
    sanitise: bool = True
    """Whether persons and secrets in attributes and context are redacted."""
    wanted: Wanted = EVERYTHING
    """Which of them."""
    options: TenantOptions = UNASKED
    """What else the tenant asks for; `UNASKED` itself spares the steps that only options ask for."""
    max_event_bytes: int = 65_536
    max_attributes: int = 256
    max_nesting: int = 8
    said: dict[tuple[Speaker, str], Saying] = field(default_factory=dict)
    """What each user, or session without one, said last on being counted; filled by `drop_without_consent`."""
    observed: dict[str, tuple[Fault, ...]] = field(default_factory=dict)
    """By event id: faults of events that break their schema and are taken nevertheless; filled by `read_envelope`."""


def open_door(
    registries: Registries,
    settings: Settings,
    principal: Principal,
    *,
    received_at: int,
    new_id: Callable[[], str],
    sent_at: int | None = None,
    longest: int | None = None,
    event_id_required: bool = True,
) -> Door:
    """The door for one request.

    `sent_at` is the client's clock when it sent the request; when it differs from `received_at` by more than
    `SKEW_TOLERANCE`, the difference is added to every `occurred_at`, before its age is judged. `longest` is the size of
    the decompressed body, or 0 where every event was measured already (NDJSON).
    """
    options = registries.options_of(principal.tenant_id)
    ahead = 0 if sent_at is None else received_at - sent_at
    backfill = Scope.EVENTS_BACKFILL in principal.scopes
    return Door(
        registry=registries.for_tenant(principal.tenant_id),
        tenant_id=principal.tenant_id,
        received_at=received_at,
        new_id=new_id,
        event_id_required=event_id_required,
        reject_unknown=settings.unknown_events == "reject",
        skew=ahead if abs(ahead) > SKEW_TOLERANCE else 0,
        oldest=0 if backfill else max(0, received_at - settings.clock_skew * _SECOND),
        newest=received_at + settings.future_tolerance * _SECOND,
        longest=longest,
        sanitise=settings.sanitise == "on" if options.sanitise is None else options.sanitise,
        wanted=wanted_of(options),
        options=options,
        max_event_bytes=settings.max_event_bytes,
        max_attributes=settings.max_attributes,
        max_nesting=settings.max_nesting,
    )
