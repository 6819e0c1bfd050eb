"""Registration: a document that a client sends as a schema, read with distrust.

What may stand in it is a closed list, so nothing unknown reaches the compiler. `$ref` leads to `#/$defs/…` alone and is
written out, so a compiled schema holds no reference, and what it costs to compile and to check is the number of its
parts, which is limited. Patterns run on the engine whose time is linear, in a limited size.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from auricle.errors import Invalid, TooLarge
from auricle.model.receipt import Fault, pointer_of
from auricle.model.schema import SCHEMA_ID, Version

MAX_BYTES = 32_768
MAX_LEVELS = 24
"""Levels of objects and lists in a document."""
MAX_PARTS = 2_000
"""Schemas within a schema, once every `$ref` is written out."""
MAX_PATTERNS = 50
MAX_PATTERN = 512
"""Characters of one pattern."""
MAX_OPTIONS = 1_000
"""Items of an `enum`, a `required` or the like."""
MAX_PROPERTY = 256

DIALECT = "https://json-schema.org/draft/2020-12/schema"
RESERVED = "auricle"
"""The vendor of the built-in schemas."""

_NAME = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)*")
_ONE = frozenset(
    {"additionalProperties", "propertyNames", "items", "contains", "not", "if", "then", "else"}
)  # a schema
_MANY = frozenset({"allOf", "anyOf", "oneOf", "prefixItems"})  # a list of schemas
_NAMED = frozenset({"properties", "patternProperties", "dependentSchemas"})  # schemas by name
_LIMITS = frozenset({"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"})
_SIZES = frozenset(f"{end}{what}" for end in ("min", "max") for what in ("Length", "Items", "Contains", "Properties"))
_PLAIN = _LIMITS | _SIZES | {"type", "const", "pattern", "format", "uniqueItems"}
_LISTS = frozenset({"enum", "required", "dependentRequired", "examples"})
NOTES = frozenset({"title", "description", "$comment", "default", "examples", "deprecated", "readOnly", "writeOnly"})
"""Keywords that say something and check nothing."""
_AT_ROOT = frozenset({"$schema", "$id", "$defs"})
TAKEN = _ONE | _MANY | _NAMED | _PLAIN | _LISTS | NOTES | {"$ref"}
"""The keywords that may stand in a schema; at its root also `$schema`, `$id` and `$defs`."""
FORMATS = frozenset(
    {
        "date",
        "date-time",
        "duration",
        "email",
        "hostname",
        "ipv4",
        "ipv6",
        "json-pointer",
        "regex",
        "time",
        "uri",
        "uri-reference",
        "uuid",
    }
)

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A document that may be registered, as far as it alone can tell."""

    vendor: str
    event_name: str
    version: Version
    document: Json

    @property
    def id(self) -> str:
        """Its `$id`."""
        return f"auricle:{self.vendor}/{self.event_name}/jsonschema/{self.version}"


def read_document(document: Any) -> Candidate:
    """The candidate of a document.

    Raises:
        Invalid: it breaks a rule; each fault's pointer leads into the document.
        TooLarge: it is over a limit of size.
    """
    if not isinstance(document, dict):
        raise _invalid("", "type", "A schema must be a JSON object: send the JSON Schema itself.")
    _check_levels(document)
    if len(orjson.dumps(document)) > MAX_BYTES:
        raise TooLarge("The schema is too large.", (Fault("", "max_bytes", f"Send at most {MAX_BYTES} bytes."),))
    named = SCHEMA_ID.fullmatch(document["$id"]) if isinstance(document.get("$id"), str) else None
    if named is None or not _NAME.fullmatch(named[2]):
        text = "`$id` must read auricle:<vendor>/<event name>/jsonschema/<model>-<revision>-<addition>."
        raise _invalid("/$id", "pattern", text)
    if named[1] == RESERVED:
        raise _invalid("/$id", "vendor", f"The vendor {RESERVED} is taken by the built-in schemas: use your own.")
    if named[2] == "envelope":
        raise _invalid("/$id", "name", "The envelope is the same for every event: name the schema of an event.")
    if document.get("$schema", DIALECT) != DIALECT:
        raise _invalid("/$schema", "const", f"`$schema` must be {DIALECT}, or be left out.")
    if document.get("type") != "object":
        raise _invalid("/type", "const", "`type` must be object: a schema describes the attributes of an event.")
    written_out(document)
    return Candidate(named[1], named[2], Version(*map(int, named.group(4, 5, 6))), document)


def written_out(document: Json) -> dict[str, Any]:
    """The document with every `$ref` replaced by what it leads to, and checked against the closed list.

    Raises:
        Invalid: see `read_document`.
    """
    definitions = document.get("$defs", {})
    if not isinstance(definitions, dict):
        raise _invalid("/$defs", "type", "`$defs` must be an object of schemas by name.")
    writer = _Writer(definitions)
    for name, definition in definitions.items():  # also those that nothing leads to
        writer.schema(definition, f"/$defs{pointer_of([name])}", ())
    body = {name: value for name, value in document.items() if name not in _AT_ROOT}
    writer.parts = writer.patterns = 0
    return {"$id": document.get("$id"), **writer.schema(body, "", ())}


class _Writer:
    """Walks a document, counts its parts, and writes its references out."""

    def __init__(self, definitions: Json) -> None:
        self._definitions = definitions
        self.parts = 0
        self.patterns = 0

    def schema(self, node: Any, at: str, inside: tuple[str, ...]) -> Any:
        """The schema at a place; `inside` names the definitions that lead there."""
        self.parts += 1
        if self.parts > MAX_PARTS:
            raise _invalid(at, "max_parts", f"A schema must have at most {MAX_PARTS} parts, references written out.")
        if isinstance(node, bool):
            return node
        if not isinstance(node, dict):
            raise _invalid(at, "type", "A schema is expected here: an object, true or false.")
        made: dict[str, Any] = {}
        for keyword, value in node.items():
            place = f"{at}{pointer_of([keyword])}"
            if keyword not in TAKEN:
                text = "This keyword is not taken here: remove it. See docs/schemas.md for those that are."
                raise _invalid(place, "keyword", text)
            if keyword != "$ref":
                made[keyword] = self._value(keyword, value, place, inside)
        if "$ref" in node:
            target = self._target(node["$ref"], f"{at}/$ref", inside)
            if not made.keys() - NOTES and isinstance(target, dict):
                return {**target, **made}
            made["allOf"] = [*made.get("allOf", ()), target]
        return made

    def _value(self, keyword: str, value: Any, at: str, inside: tuple[str, ...]) -> Any:
        if keyword in _ONE:
            return self.schema(value, at, inside)
        if keyword in _MANY:
            if not isinstance(value, list) or not value:
                raise _invalid(at, "type", "A list of at least one schema is expected here.")
            return [self.schema(one, f"{at}/{index}", inside) for index, one in enumerate(value)]
        if keyword in _NAMED:
            if not isinstance(value, dict):
                raise _invalid(at, "type", "An object of schemas by name is expected here.")
            for name in value:
                if len(name) > MAX_PROPERTY:
                    raise _invalid(at, "max_key", f"A name must have at most {MAX_PROPERTY} characters: shorten it.")
                if keyword == "patternProperties":
                    self._check_pattern(name, at)
            return {name: self.schema(one, f"{at}{pointer_of([name])}", inside) for name, one in value.items()}
        if keyword == "pattern":
            self._check_pattern(value, at)
        elif keyword == "format" and (not isinstance(value, str) or value not in FORMATS):
            raise _invalid(at, "format", f"Known formats are {', '.join(sorted(FORMATS))}.")
        elif keyword in _LISTS and isinstance(value, list | dict) and len(value) > MAX_OPTIONS:
            raise _invalid(at, "maxItems", f"At most {MAX_OPTIONS} items are taken here.")
        return value

    def _check_pattern(self, value: Any, at: str) -> None:
        self.patterns += 1
        if self.patterns > MAX_PATTERNS:
            raise _invalid(at, "max_patterns", f"A schema must have at most {MAX_PATTERNS} patterns.")
        if not isinstance(value, str) or len(value) > MAX_PATTERN:
            raise _invalid(at, "max_pattern", f"A pattern must be a string of at most {MAX_PATTERN} characters.")

    def _target(self, ref: Any, at: str, inside: tuple[str, ...]) -> Any:
        name = ref.removeprefix("#/$defs/") if isinstance(ref, str) and ref.startswith("#/$defs/") else None
        if name is not None:
            name = name.replace("~1", "/").replace("~0", "~")
        if name is None or name not in self._definitions:
            raise _invalid(at, "ref", "`$ref` must lead to a definition of this schema: #/$defs/<name>.")
        if name in inside:
            raise _invalid(at, "ref", "`$ref` must not lead back to where it stands: attributes have a limited depth.")
        return self.schema(self._definitions[name], f"/$defs{pointer_of([name])}", (*inside, name))


def _check_levels(document: Json) -> None:
    """Refuses a document that is nested too deeply; without recursion, for it may be."""
    waiting: list[tuple[Any, int]] = [(document, 1)]
    while waiting:
        node, level = waiting.pop()
        if level > MAX_LEVELS:
            raise _invalid("", "max_levels", f"A schema must have at most {MAX_LEVELS} levels: flatten it.")
        inner = node.values() if isinstance(node, dict) else node
        waiting += [(value, level + 1) for value in inner if isinstance(value, dict | list)]


def _invalid(pointer: str, rule: str, message: str) -> Invalid:
    return Invalid("The schema cannot be registered.", (Fault(pointer[:256], rule, message),))
