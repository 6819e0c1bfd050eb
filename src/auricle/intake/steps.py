"""The steps of ingestion: from a raw event to one that may be kept, or to the reason why not.

    raw → read_envelope → check_tenant → drop_without_consent → check_nesting → check_attributes → check_size
        → check_clock → check_name → redact_content → Event

Each step takes an event and the door it came through, and gives the event, `Rejected` or `Dropped`. A new step is a
function and a row in `STEPS`.
"""

import re
from collections.abc import Callable, Sequence
from time import perf_counter
from typing import Any

import orjson

from auricle.intake.door import Door
from auricle.intake.options import is_wanted
from auricle.intake.pseudonym import pseudonym
from auricle.intake.redact import redact, unclean
from auricle.intake.schemas import Registry, Schema
from auricle.intake.times import format_rfc3339, parse_rfc3339
from auricle.model.consent import Saying, Speaker
from auricle.model.event import Event
from auricle.model.options import UNASKED, Consent
from auricle.model.receipt import Dropped, Fault, Reason, Rejected
from auricle.model.schema import Mode

Verdict = Event | Rejected | Dropped

MAX_KEY = 256
"""Characters of an attribute's key."""

_NAME = re.compile(r"[a-z][a-z0-9_]*(?:\.[a-z][a-z0-9_]*)*")
_UUID = re.compile(r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")
_NESTED = frozenset({dict, list})
_new = tuple.__new__


def read_envelope(raw: Any, door: Door) -> Event | Rejected:
    """The event of a raw JSON value, checked against its schema; its time corrected, its id in lower case.

    The schema is the one the event names (`schema`, or `{"schema": …, "data": …}` as its attributes), else the
    tenant's or the built-in one of its name, else the envelope's. Where the tenant only observes an event name, one
    that breaks its schema alone is taken, and its faults are noted in `door.observed`.
    """
    registry = door.registry
    if raw.__class__ is not dict:
        return _not_an_object()
    name: Any = raw.get("event_name")
    try:
        schema = registry.known.get(name, registry.unknown)
    except TypeError:  # a list or an object for a name
        schema = registry.unknown
    attributes: Any = raw.get("attributes")
    if raw.get("event_id") is None and not door.event_id_required:
        raw = {**raw, "event_id": door.new_id()}
    inside = attributes.__class__ is dict and _is_self_describing(attributes)
    if inside or raw.get("schema") is not None:
        named = _schema_named(raw, inside, registry)
        if isinstance(named, Rejected):
            return named
        schema = named or schema
        if inside:
            attributes = attributes["data"]
            raw = {**raw, "attributes": attributes}
    if attributes is None:
        attributes = {}
        raw = {**raw, "attributes": attributes}
    get = raw.get
    if not schema.is_valid(raw) or (occurred_at := parse_rfc3339(raw["occurred_at"])) is None:
        broken = _broken(raw, schema, door, "/attributes/data" if inside else "/attributes")
        if door.registry.modes.get(str(name)) is not Mode.OBSERVE or not _breaks_schema_alone(broken, raw, registry):
            return broken
        if (occurred_at := parse_rfc3339(raw["occurred_at"])) is None:
            return broken
        door.observed[raw["event_id"].lower()] = broken.faults
    # NOTE: tuple.__new__ in place of Event(…): half the time, for every event that arrives.
    return _new(
        Event,
        (
            get("tenant_id") or door.tenant_id,
            raw["event_id"].lower(),
            name,
            occurred_at + door.skew,
            get("site_id") or "",
            get("session_id") or "",
            get("user_id") or "",
            raw["source"],
            schema.id,
            attributes,
            get("context") or {},
        ),
    )


def check_tenant(event: Event, door: Door) -> Verdict:
    """Refuses an event that names another tenant than the credential's."""
    if event.tenant_id == door.tenant_id:
        return event
    if event.tenant_id.lower() == door.tenant_id:
        return event._replace(tenant_id=door.tenant_id)
    text = "`tenant_id` must be the tenant of the credential: leave it out, or use that tenant's key."
    return _rejected(event, Reason.TENANT, "/tenant_id", "tenant", text)


def drop_without_consent(event: Event, door: Door) -> Verdict:
    """Drops an event whose `context.consent.analytics` is false, as early as its tenant is known; notes each word."""
    consent = event.context.get("consent")
    analytics = consent.get("analytics") if consent else None
    if analytics is None:
        return event
    _note(event, analytics, door)
    return event if analytics else Dropped(Reason.NO_CONSENT, event.event_id)


def drop_unwanted(event: Event, door: Door) -> Verdict:
    """Drops an event whose name the tenant denies, or does not allow."""
    return event if is_wanted(event.event_name, door.options) else Dropped(Reason.FILTERED, event.event_id)


def put_pseudonym(event: Event, door: Door) -> Verdict:
    """The event with a pseudonym for its user, where the tenant asks for it."""
    named = pseudonym(event.user_id, door.options)
    return event if named is event.user_id else event._replace(user_id=named)


def drop_unagreed(event: Event, door: Door) -> Verdict:
    """Drops an event whose person said neither yes nor no, where the tenant keeps only those that agreed."""
    # NOTE: a no goes on, to be noted by `drop_without_consent`.
    if door.options.consent is Consent.OPT_OUT or (event.context.get("consent") or {}).get("analytics") is not None:
        return event
    return Dropped(Reason.NO_CONSENT, event.event_id)


def check_size(event: Event, door: Door) -> Verdict:
    """Refuses an event of more than `max_event_bytes`: its attributes and context as JSON.

    NOTE: stands before the steps that walk through an event: 480 KB of empty objects held them up for 0.4 s.
    """
    if door.longest is not None and door.longest <= door.max_event_bytes:
        return event
    try:
        size = len(orjson.dumps(event.attributes)) + len(orjson.dumps(event.context))
    except orjson.JSONEncodeError:  # deeper than can be written, as the next step will find
        return event
    if size > door.max_event_bytes:
        text = f"An event must have at most {door.max_event_bytes} bytes of JSON: shorten it, or split it."
        return _rejected(event, Reason.TOO_LARGE, "", "max_event_bytes", text)
    return event


def check_nesting(event: Event, door: Door) -> Verdict:
    """Refuses attributes or a context of more than `max_nesting` levels; the object itself is the first."""
    attributes, context = event.attributes, event.context
    if not _NESTED.isdisjoint(map(type, attributes.values())) and not _fits(attributes, door.max_nesting):
        return _too_deep(event.event_id, event.event_name, "/attributes", door)
    if context and not _fits(context, door.max_nesting):
        return _too_deep(event.event_id, event.event_name, "/context", door)
    return event


def check_attributes(event: Event, door: Door) -> Verdict:
    """Refuses more than `max_attributes` keys, at all levels together, and keys of more than `MAX_KEY` characters."""
    attributes = event.attributes
    keys, longest = len(attributes), len("".join(attributes))
    # NOTE: joined, no key is longer than all together; that is one call, and enough for nearly every event.
    if longest > MAX_KEY or not _NESTED.isdisjoint(map(type, attributes.values())):
        keys, longest = _keys(attributes)
    if keys > door.max_attributes:
        text = f"An event must have at most {door.max_attributes} attribute keys, nested ones included: send fewer."
        return _rejected(event, Reason.TOO_MANY_ATTRIBUTES, "/attributes", "max_attributes", text)
    if longest > MAX_KEY:
        text = f"An attribute's key must have at most {MAX_KEY} characters: shorten it."
        return _rejected(event, Reason.TOO_LARGE, "/attributes", "max_key", text)
    return event


def check_clock(event: Event, door: Door) -> Verdict:
    """Refuses an event from too long ago, unless the credential may backfill, and one from the future."""
    if door.oldest <= event.occurred_at <= door.newest:
        return event
    if event.occurred_at > door.newest:
        text = f"`occurred_at` must not be after {format_rfc3339(door.newest)}: set the clock, or add `sent_at`."
        return _rejected(event, Reason.IN_THE_FUTURE, "/occurred_at", "future_tolerance", text)
    text = f"`occurred_at` must not be before {format_rfc3339(door.oldest)}: use a key with the scope events:backfill."
    return _rejected(event, Reason.TOO_OLD, "/occurred_at", "clock_skew", text)


def check_name(event: Event, door: Door) -> Verdict:
    """Refuses a name without a schema, where `AURICLE_UNKNOWN_EVENTS` is `reject`."""
    if event.schema_id or not door.reject_unknown:
        return event
    text = "`event_name` must have a schema here: use a name of the catalogue, or set AURICLE_UNKNOWN_EVENTS=accept."
    return _rejected(event, Reason.UNKNOWN_EVENT, "/event_name", "known", text)


STEPS: tuple[Callable[[Event, Door], Verdict], ...] = (
    check_tenant,
    drop_without_consent,
    check_size,
    check_nesting,
    check_attributes,
    check_clock,
    check_name,
)
"""What an event goes through after `read_envelope`, in this order; then `redact_content` looks at all at once."""
WISHES: tuple[Callable[[Event, Door], Verdict], ...] = (drop_unwanted, put_pseudonym, drop_unagreed)
"""What stands before them where the tenant has options of its own."""


def redact_content(verdicts: list[Verdict], door: Door) -> list[Verdict]:
    """The events without persons and secrets in their attributes and context; see `docs/privacy.md`."""
    if not door.sanitise:
        return verdicts
    # NOTE: all at once: a look at each event alone took twice as long (`bench checks`).
    events = [(index, verdict) for index, verdict in enumerate(verdicts) if verdict.__class__ is Event]
    for number in unclean([event[-2:] for _, event in events]):  # attributes and context
        index, event = events[number]
        attributes, context = redact(event.attributes, door.wanted), redact(event.context, door.wanted)
        if attributes is not event.attributes or context is not event.context:
            verdicts[index] = event._replace(attributes=attributes, context=context)
    return verdicts


def run(raws: Sequence[Any], door: Door, timings: dict[str, float] | None = None) -> list[Verdict]:
    """One verdict for each raw event, in order. What is `Rejected` or `Dropped` already is its own verdict.

    The seconds that each step took for all of them are added to `timings` under the step's name.
    """
    moments = [perf_counter()]
    verdicts: list[Verdict] = [
        raw if raw.__class__ is Rejected or raw.__class__ is Dropped else read_envelope(raw, door) for raw in raws
    ]
    moments.append(perf_counter())
    steps = STEPS if door.options is UNASKED else (*WISHES, *STEPS)
    for step in steps:
        verdicts = [step(verdict, door) if verdict.__class__ is Event else verdict for verdict in verdicts]
        moments.append(perf_counter())
    verdicts = redact_content(verdicts, door)
    moments.append(perf_counter())
    if timings is not None:
        names = ("read_envelope", *(step.__name__ for step in steps), "redact_content")
        for name, started, ended in zip(names, moments, moments[1:], strict=False):
            timings[name] = timings.get(name, 0.0) + ended - started
    return verdicts


def _note(event: Event, analytics: bool, door: Door) -> None:
    """Notes what the user said, or the session where there is none; the latest word of a request counts."""
    if subject := event.user_id or event.session_id:
        speaker = Speaker.USER if event.user_id else Speaker.SESSION
        # NOTE: a clock that is ahead must not outlast every later word.
        said_at = min(event.occurred_at, door.received_at)
        before = door.said.get((speaker, subject))
        if before is None or before.said_at < said_at or (before.said_at == said_at and before.analytics > analytics):
            door.said[speaker, subject] = Saying(speaker, subject, analytics, said_at)


def _is_self_describing(attributes: dict[str, Any]) -> bool:
    """Whether attributes are `{"schema": "auricle:…", "data": …}` and not a payload that happens to have such keys."""
    if len(attributes) != 2 or "data" not in attributes:
        return False
    schema = attributes.get("schema")
    return isinstance(schema, str) and schema.startswith("auricle:")


def _schema_named(raw: dict[str, Any], inside: bool, registry: Registry) -> Schema | Rejected | None:
    """The schema that an event names; None leaves a name of the wrong type to the envelope's own check."""
    outer = raw.get("schema")
    name, pointer = (raw["attributes"]["schema"], "/attributes/schema") if inside else (outer, "/schema")
    if not isinstance(name, str):
        return None
    schema = registry.by_id(name)
    if schema is None:
        text = "`schema` must be the $id of a schema that is known here: register it, mend it, or leave it out."
        return _refused(raw, Reason.UNKNOWN_SCHEMA, Fault(pointer, "known", text))
    if inside and outer is not None and outer != name:
        text = "`schema` and the schema of self-describing attributes must be the same: leave one out."
        return _refused(raw, Reason.SCHEMA, Fault("/schema", "const", text))
    if schema.event_name != raw.get("event_name"):
        text = "`schema` must be one for this `event_name`: mend either of them."
        return _refused(raw, Reason.SCHEMA, Fault(pointer, "event_name", text))
    return schema


def _breaks_schema_alone(broken: Rejected, raw: dict[str, Any], registry: Registry) -> bool:
    """Whether the envelope is whole, so that only the attributes' schema stands in the way."""
    return broken.reason is Reason.SCHEMA and bool(registry.unknown.is_valid(raw))


def _broken(raw: dict[str, Any], schema: Schema, door: Door, attributes: str) -> Rejected:
    """The verdict on a raw event that its schema refuses. `attributes` is where the client put them."""
    if not _fits(raw, door.max_nesting + 1):
        deep = [name for name in ("attributes", "context") if name in raw and not _fits_value(raw[name], door)]
        pointer = "" if not deep else attributes if deep[0] == "attributes" else "/context"
        return _too_deep(_id_of(raw), _name_of(raw), pointer, door)
    # NOTE: there is always one fault at least: receipts and the failed-event inbox are sorted by the first.
    faults = door.registry.faults(raw, schema) or (Fault("", "schema", "The event must keep its schema: mend it."),)
    reason = Reason.SCHEMA
    if any(not fault.pointer.startswith("/attributes") for fault in faults):
        reason = Reason.ENVELOPE
    if attributes != "/attributes":
        moved = len("/attributes")
        faults = tuple(
            Fault(attributes + fault.pointer[moved:], fault.rule, fault.message)
            if fault.pointer.startswith("/attributes")
            else fault
            for fault in faults
        )
    return Rejected(reason, faults, _id_of(raw), _name_of(raw))


def _fits(node: Any, levels: int) -> bool:
    """Whether an object or a list has at most that many levels, itself included."""
    if levels <= 0:
        return False
    values = node.values() if node.__class__ is dict else node
    if _NESTED.isdisjoint(map(type, values)):
        return True
    for value in values:  # noqa: SIM110 - all() over a generator takes twice as long
        if type(value) in _NESTED and not _fits(value, levels - 1):
            return False
    return True


def _fits_value(value: Any, door: Door) -> bool:
    return type(value) not in _NESTED or _fits(value, door.max_nesting)


def _keys(attributes: dict[str, Any]) -> tuple[int, int]:
    """How many keys there are at all levels, and the length of the longest."""
    count = longest = 0
    waiting: list[Any] = [attributes]
    while waiting:
        node = waiting.pop()
        if node.__class__ is dict:
            count += len(node)
            longest = max(longest, max(map(len, node), default=0))
            node = node.values()
        waiting += [value for value in node if type(value) in _NESTED]
    return count, longest


def _id_of(raw: dict[str, Any]) -> str | None:
    """The id of a refused event, if it is one that may be repeated in an answer."""
    found = raw.get("event_id")
    return found.lower() if isinstance(found, str) and _UUID.fullmatch(found) else None


def _name_of(raw: dict[str, Any]) -> str | None:
    found = raw.get("event_name")
    return found if isinstance(found, str) and len(found) <= 128 and _NAME.fullmatch(found) else None


def _refused(raw: dict[str, Any], reason: Reason, fault: Fault) -> Rejected:
    return Rejected(reason, (fault,), _id_of(raw), _name_of(raw))


def _rejected(event: Event, reason: Reason, pointer: str, rule: str, message: str) -> Rejected:
    return Rejected(reason, (Fault(pointer, rule, message),), event.event_id, event.event_name)


def _too_deep(event_id: str | None, event_name: str | None, pointer: str, door: Door) -> Rejected:
    text = f"Attributes and context must have at most {door.max_nesting} levels: flatten them."
    return Rejected(Reason.TOO_DEEP, (Fault(pointer, "max_nesting", text),), event_id, event_name)


def _not_an_object() -> Rejected:
    text = "An event must be a JSON object: send its members between braces."
    return Rejected(Reason.NOT_AN_OBJECT, (Fault("", "type", text),))
