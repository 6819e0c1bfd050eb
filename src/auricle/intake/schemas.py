"""The schemas that events are checked against, and what to tell a client whose event breaks one.

A schema describes the attributes of one event name and is self-describing: its `$id` is
`auricle:<vendor>/<event name>/jsonschema/<model>-<revision>-<addition>`. Envelope and attributes are compiled into
one validator for each event, so that checking an event is a single call.

Validators are jsonschema-rs: JSON Schema 2020-12, no retrieval of remote references, formats enforced, patterns on
the engine whose time is linear, values masked.
"""

import copy
import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from itertools import islice
from types import MappingProxyType
from typing import Any, Protocol, Self

import jsonschema_rs

from auricle.intake.registration import written_out
from auricle.intake.times import parse_rfc3339
from auricle.model.options import UNASKED, TenantOptions
from auricle.model.receipt import Fault, pointer_of
from auricle.model.schema import DEFAULT_MODE, Mode, TenantSchemas

MAX_FAULTS = 10
"""Faults told of one event."""

MAX_POINTER = 256
"""Characters of a pointer; a longer one is cut and ends in `…`."""

MAX_EXPLAINED = 128
"""Members and items, at every level, of the largest event that is told all its faults."""

PATTERN_SIZE = 131_072
"""Bytes of one compiled pattern; a larger one is refused."""

_ID = re.compile(r"auricle:[a-z0-9_.-]+/([a-z0-9_.]+)/jsonschema/[0-9]+-[0-9]+-[0-9]+")
_MASK = "[hidden]"
_MAX_MEANING = 200
_NESTED = (dict, list)
_TYPES = {
    "array": "a list",
    "boolean": "true or false",
    "integer": "a whole number",
    "null": "null",
    "number": "a number",
    "object": "an object",
    "string": "a string",
}
_FORMATS = {
    "date-time": "an RFC 3339 time with a zone, such as 2026-01-15T10:30:00.123Z",
    "uuid": "a UUID, such as 123e4567-e89b-12d3-a456-426614174000",
}

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Schema:
    """One schema, compiled together with the envelope."""

    id: str
    """Its `$id`; `""` for the envelope alone, which checks events of unknown names."""
    event_name: str
    document: Json
    """The JSON Schema of the attributes, or of the envelope."""
    is_valid: Callable[[Any], bool]
    """Whether a whole event keeps every rule, but for `occurred_at`, which `parse_rfc3339` decides.

    NOTE: give it an event whose `attributes` are present; `read_envelope` sees to that.
    """
    explain: jsonschema_rs.Draft202012Validator
    """The same with `occurred_at` checked as well; slower, for `Registry.faults`."""
    composed: Json
    """The document behind `explain`: the envelope with the attributes' schema inside."""


class Registries(Protocol):
    """Where the registry and the options of a tenant are found."""

    def for_tenant(self, tenant_id: str) -> "Registry":
        """The schemas that hold for a tenant."""

    def options_of(self, tenant_id: str) -> TenantOptions:
        """What the tenant asks to be done to its events."""


@dataclass(frozen=True, slots=True)
class Registry:
    """Every schema that is known, by event name and by `$id`. Immutable, and safe to share between threads."""

    known: Mapping[str, Schema]
    """The schema an event of this name is checked against when it names none."""
    ids: Mapping[str, Schema]
    unknown: Schema
    """The envelope alone, for names without a schema."""
    modes: Mapping[str, Mode] = field(default_factory=dict)
    """What becomes of events that break their schema, by event name; `DEFAULT_MODE` where none is told."""

    def for_tenant(self, tenant_id: str) -> "Registry":  # noqa: ARG002 - the same for all
        """This very registry: without a catalogue every tenant has the built-in schemas."""
        return self

    def options_of(self, tenant_id: str) -> TenantOptions:  # noqa: ARG002 - the same for all
        """The options of a tenant that never changed any."""
        return UNASKED

    def mode_of(self, event_name: str) -> Mode:
        """What becomes of events of that name that break their schema."""
        return self.modes.get(event_name, DEFAULT_MODE)

    def extended(self, told: TenantSchemas) -> "Registry":
        """This registry with a tenant's schemas over it; the newest of an event name is the one events get unasked.

        A tenant's schema for a built-in name is checked together with the built-in one, so it can only be stricter.

        Raises ValueError for a document that does not compile.
        """
        known, ids = dict(self.known), dict(self.ids)
        for one in told.schemas:
            built_in = self.known.get(one.event_name)
            document = dict(written_out(one.document))
            if built_in is not None:
                below = {name: value for name, value in built_in.document.items() if name not in ("$id", "$schema")}
                above = {name: value for name, value in document.items() if name != "$id"}
                document = {"$id": one.id, "allOf": [below, above]}
            schema = _compiled(self.unknown.document, document)
            ids[one.id] = known[one.event_name] = schema
        return Registry(
            MappingProxyType(known), MappingProxyType(ids), self.unknown, MappingProxyType(dict(told.modes))
        )

    @classmethod
    def load(cls) -> Self:
        """The built-in schemas, read from the package."""
        folder = files("auricle.schemas")
        documents = [json.loads(file.read_text("utf-8")) for file in folder.iterdir() if file.name.endswith(".json")]
        documents.sort(key=lambda document: str(document["$id"]))
        envelope = next(document for document in documents if _name_of(document) == "envelope")
        return cls.of(envelope, [document for document in documents if document is not envelope])

    @classmethod
    def of(cls, envelope: Json, documents: Iterable[Json]) -> Self:
        """A registry of these schemas; of several for one event name, the first is the one events get unasked.

        Raises ValueError for a document whose `$id` is not self-describing, or that is no JSON Schema 2020-12.
        """
        known: dict[str, Schema] = {}
        ids: dict[str, Schema] = {}
        for document in documents:
            schema = _compiled(envelope, document)
            ids[schema.id] = schema
            known.setdefault(schema.event_name, schema)
        return cls(MappingProxyType(known), MappingProxyType(ids), _compiled(envelope, None))

    def names(self) -> tuple[str, ...]:
        """The event names that have a schema, in alphabetical order."""
        return tuple(sorted(self.known))

    def by_id(self, schema_id: str) -> Schema | None:
        """The schema of that `$id`."""
        return self.ids.get(schema_id)

    def schema_id_of(self, event_name: str) -> str:
        """The `$id` an event of that name is checked against, `""` for an unknown name."""
        return self.known.get(event_name, self.unknown).id

    def faults(self, event: object, schema: Schema | None = None) -> tuple[Fault, ...]:
        """What is wrong with an event, at most `MAX_FAULTS` broken rules; empty for a valid event.

        An event of more than `MAX_EXPLAINED` values is told the first one. Checked is `schema`, else the one of the
        event's name, else the envelope. Pointers lead to the member that is wrong, missing or too much. Messages are
        made from the schema alone and hold nothing the client sent.
        """
        if not isinstance(event, dict):
            return (Fault("", "type", "The event must be a JSON object: send its members between braces."),)
        if schema is None:
            name = event.get("event_name")
            schema = self.known.get(name, self.unknown) if isinstance(name, str) else self.unknown
        if event.get("attributes") is None:
            event = {**event, "attributes": {}}
        try:
            if _is_small(event):
                errors = list(schema.explain.iter_errors(event))
            else:
                schema.explain.validate(event)
                errors = []
        except jsonschema_rs.ValidationError as error:
            # NOTE: its traceback holds this frame, which holds the error: a circle around an event of any size, that
            # nobody breaks up before the next full collection. A client could fill the memory with these.
            errors = [error.with_traceback(None)]
        except ValueError:  # deeper than the validator can walk to explain
            return (Fault("", "nesting", "The event is nested too deeply: flatten it."),)
        found = {fault for error in errors for fault in _faults(error, schema.composed)}
        return tuple(sorted(found, key=lambda fault: (fault.pointer, fault.rule))[:MAX_FAULTS])


def _name_of(document: Json) -> str:
    """The event name in a document's `$id`; ValueError when it has no self-describing one."""
    found = _ID.fullmatch(str(document.get("$id", "")))
    if found is None:
        raise ValueError("A schema's $id must read auricle:<vendor>/<event name>/jsonschema/<n>-<n>-<n>.")
    return found[1]


def _compiled(envelope: Json, document: Json | None) -> Schema:
    """The schema of a document and the envelope, or of the envelope alone."""
    composed = copy.deepcopy(dict(envelope))
    composed.pop("$id", None)
    if document is not None:
        name = _name_of(document)
        composed["properties"]["attributes"] = document
        composed["properties"]["event_name"] = {"const": name}
    quick = copy.deepcopy(composed)
    del quick["properties"]["occurred_at"]["format"]  # parsing decides, and has to be done anyway
    if document is not None:
        quick["properties"]["event_name"] = True  # the schema was found by the name
    return Schema(
        id="" if document is None else str(document["$id"]),
        event_name="" if document is None else name,
        document=document or envelope,
        is_valid=_validator(quick).is_valid,
        explain=_validator(composed),
        composed=composed,
    )


def _validator(document: Json) -> jsonschema_rs.Draft202012Validator:
    return jsonschema_rs.Draft202012Validator(
        dict(document),
        formats={"date-time": _is_time},
        validate_formats=True,
        ignore_unknown_formats=False,
        pattern_options=jsonschema_rs.RegexOptions(size_limit=PATTERN_SIZE),
        mask=_MASK,
        offline=True,
    )


def _is_time(text: str) -> bool:
    return parse_rfc3339(text) is not None


def _is_small(event: dict[str, Any]) -> bool:
    """Whether every fault may be looked for; of larger events only the first is told.

    NOTE: iter_errors finds every error before it hands out the first, and takes 13 µs for each (measured here: 2.6 s
    for one list of 200,000 bad items), so what it sees has to be bounded.
    """
    waiting: list[Any] = [event]
    values = 0
    while waiting:
        node = waiting.pop()
        values += len(node)
        if values > MAX_EXPLAINED:
            return False
        waiting += [item for item in (node.values() if node.__class__ is dict else node) if item.__class__ in _NESTED]
    return True


def _faults(error: jsonschema_rs.ValidationError, composed: Json) -> list[Fault]:
    """The faults of one error of the validator: one, or one for each member that may not be there."""
    kind, path, where = error.kind, list(error.instance_path), list(error.schema_path)
    rule = kind.name
    if isinstance(kind, jsonschema_rs.ValidationErrorKind.Required):
        meaning = _meaning(_node(composed, [*where[:-1], "properties", kind.property]))
        return [_fault([*path, kind.property], rule, f"`{kind.property}` is required: add it.{meaning}")]
    if isinstance(kind, jsonschema_rs.ValidationErrorKind.AdditionalProperties):
        allowed = _node(composed, [*where[:-1], "properties"])
        text = f"There is no such member: remove it{', or put it into `attributes`' if not path else ''}."
        if isinstance(allowed, Mapping) and allowed:
            text += f" Known are {', '.join(allowed)}."
        return [_fault([*path, name], rule, text) for name in islice(kind.unexpected, MAX_FAULTS)]
    parent = _node(composed, where[:-1])
    text = f"{_subject(where)} {_expected(kind, _node(composed, where))}.{_meaning(parent)}"
    return [_fault(path, rule, text)]


def _fault(path: list[str | int], rule: str, message: str) -> Fault:
    pointer = pointer_of(path)
    if len(pointer) > MAX_POINTER:
        pointer = pointer[: MAX_POINTER - 1] + "…"
    return Fault(pointer, rule, message)


def _node(composed: Json, where: list[str | int]) -> Any:
    """The part of the schema at a path, or None: a path through `$ref` leads nowhere."""
    node: Any = composed
    for part in where:
        if isinstance(node, Mapping) and part in node:
            node = node[str(part)]
        elif isinstance(node, list) and isinstance(part, int) and part < len(node):
            node = node[part]
        else:
            return None
    return node


def _meaning(node: Any) -> str:
    """The description of a part of the schema, as a further sentence."""
    text = node.get("description") if isinstance(node, Mapping) else None
    return f" Its meaning: {text[:_MAX_MEANING]}" if isinstance(text, str) else ""


def _subject(where: list[str | int]) -> str:
    """The member that a rule is about, by the name the schema gives it."""
    if len(where) >= 3 and where[-3] == "properties":
        return f"`{where[-2]}`"
    if len(where) >= 4 and where[-2] == "items" and where[-4] == "properties":
        return f"Each item of `{where[-3]}`"
    return "The value"


def _expected(kind: Any, value: Any) -> str:
    """What a rule asks for; `kind` and `value` are of the schema, never of the event."""
    rule = kind.name
    if rule == "type":
        names = sorted(kind.types, key=lambda name: (name == "null", name))
        return f"must be {' or '.join(_TYPES[name] for name in names)}"
    if rule == "enum":
        return f"must be one of {', '.join(json.dumps(option) for option in kind.options[:30])}"
    if rule == "format":
        return f"must be {_FORMATS.get(kind.format, 'in the format ' + kind.format)}"
    if rule == "minLength" and value == 1:
        return "must not be empty: fill it, or leave it out where it is optional"
    if rule in {"anyOf", "oneOf"} and isinstance(value, list):
        names = [part["required"] for part in value if isinstance(part, Mapping) and set(part) == {"required"}]
        if len(names) == len(value):
            either = " or ".join(" with ".join(f"`{name}`" for name in group) for group in names)
            return f"must have {either}: add one"
    wording = _WORDING.get(rule)
    if wording is None or not isinstance(value, (str, int, float, bool)):
        return f"breaks the rule {rule} of the schema"
    return wording.format(value)


_WORDING = {
    "const": "must be {}",
    "exclusiveMaximum": "must be less than {}",
    "exclusiveMinimum": "must be more than {}",
    "maximum": "must be at most {}",
    "maxItems": "must have at most {} items: send fewer",
    "maxLength": "must have at most {} characters: shorten it",
    "maxProperties": "must have at most {} members: send fewer",
    "minimum": "must be at least {}",
    "minItems": "must have at least {} items",
    "minLength": "must have at least {} characters",
    "minProperties": "must have at least {} members",
    "multipleOf": "must be a multiple of {}",
    "pattern": "must match {}",
    "uniqueItems": "must not repeat an item",
}
