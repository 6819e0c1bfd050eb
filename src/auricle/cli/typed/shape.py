"""The shape of a schema: what a type can say of it.

A type is never stricter than its schema: what no type can say (limits, patterns, conditions, `not`) is left out.
Schemas come in written out, without `$ref` (`auricle.intake.registration.written_out`).
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import reduce
from typing import Any

Json = Mapping[str, Any]


class Kind(StrEnum):
    """A type without parts."""

    ANY = "any"
    BOOLEAN = "boolean"
    INTEGER = "integer"
    NULL = "null"
    NUMBER = "number"
    STRING = "string"


@dataclass(frozen=True, slots=True)
class Scalar:
    """A value of one kind."""

    kind: Kind


@dataclass(frozen=True, slots=True)
class Literals:
    """One of these values: texts, numbers, true and false; there is at least one."""

    values: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Items:
    """A list."""

    item: "Shape"


@dataclass(frozen=True, slots=True)
class Member:
    """One member of an object."""

    name: str
    shape: "Shape"
    required: bool
    meaning: str


@dataclass(frozen=True, slots=True)
class Record:
    """An object with known members."""

    name: str
    members: tuple[Member, ...]
    is_open: bool
    """Whether it may have other members too."""
    meaning: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """An object whose members all look alike."""

    value: "Shape"


@dataclass(frozen=True, slots=True)
class Either:
    """One of these."""

    options: tuple["Shape", ...]


Shape = Scalar | Literals | Items | Record | Table | Either

ANY = Scalar(Kind.ANY)
_WORDS = re.compile(r"[A-Za-z0-9]+")


@dataclass(slots=True)
class Names:
    """Gives every object a name of its own. Begins with those that the languages or the frame have taken."""

    taken: set[str] = field(default_factory=set)

    def new(self, *parts: str) -> str:
        """A name in capitals made of these parts."""
        words = "".join(word[0].upper() + word[1:] for part in parts for word in _WORDS.findall(part))
        wanted = words if words[:1].isalpha() else f"N{words}"
        name, number = wanted, 1
        while name in self.taken:
            number += 1
            name = f"{wanted}{number}"
        self.taken.add(name)
        return name


def shape_of(schema: Any, names: Names, *path: str) -> Shape:
    """The shape of a schema; objects in it are named after the path that leads there."""
    if not isinstance(schema, Mapping):
        return ANY  # `true`; and `false`, which nothing can be, is left to the validator
    shapes = [_own(schema, names, path)]
    shapes += [shape_of(part, names, *path) for part in schema.get("allOf", ())]
    for keyword in ("anyOf", "oneOf"):
        if keyword in schema:
            shapes.append(either(shape_of(part, names, *path) for part in schema[keyword]))
    return reduce(meet, shapes)


def either(shapes: Iterable[Shape]) -> Shape:
    """One of these; alternatives that are the same count once, and one that may be anything makes all so."""
    options: list[Shape] = []
    for shape in shapes:
        options += shape.options if isinstance(shape, Either) else [shape]
    values = tuple(dict.fromkeys(_key(value) for one in options if isinstance(one, Literals) for value in one.values))
    others = list(dict.fromkeys(one for one in options if not isinstance(one, Literals)))
    if ANY in others:
        return ANY
    found = ([Literals(tuple(value for _, value in values))] if values else []) + others
    return found[0] if len(found) == 1 else Either(tuple(found))


def meet(one: Shape, other: Shape) -> Shape:
    """What is of both shapes, as far as a type can say; else the one that says more."""
    if isinstance(one, Record) and isinstance(other, Record):
        return _merged(one, other)
    if isinstance(one, Either) and isinstance(other, Scalar | Either):
        one, other = other, one
    if isinstance(one, Either):
        kept = tuple(option for option in one.options if type(option) is type(other))
        if kept and not isinstance(other, Scalar):
            return either(meet(option, other) for option in kept)
    return one if _RANK[type(one)] >= _RANK[type(other)] and one != ANY else other


_RANK = {Scalar: 2, Either: 1, Table: 3, Items: 3, Record: 4, Literals: 5}


def _own(schema: Json, names: Names, path: tuple[str, ...]) -> Shape:
    """What a schema says by itself, without the schemas that it puts together."""
    if "const" in schema or "enum" in schema:
        return _literals([schema["const"]] if "const" in schema else schema["enum"])
    kinds = schema.get("type", _implied(schema))
    if kinds is None:
        return ANY
    return either(_typed(kind, schema, names, path) for kind in ([kinds] if isinstance(kinds, str) else kinds))


def _implied(schema: Json) -> str | None:
    """The type of a schema that tells none: members are of objects, whatever else the value may be."""
    return "object" if "properties" in schema else None


def _literals(values: Any) -> Shape:
    plain = [value for value in values if isinstance(value, str | bool | int)]
    shapes: list[Shape] = [Literals(tuple(plain))] if plain else []
    if None in values:
        shapes.append(Scalar(Kind.NULL))
    if any(isinstance(value, float) for value in values):
        shapes.append(Scalar(Kind.NUMBER))
    if any(isinstance(value, list | dict) for value in values):
        shapes.append(ANY)
    return either(shapes) if shapes else ANY


def _typed(kind: str, schema: Json, names: Names, path: tuple[str, ...]) -> Shape:
    if kind == "array":
        parts = [shape_of(part, names, *path, "item") for part in schema.get("prefixItems", ())]
        if not parts or schema.get("items") is not False:
            parts.append(shape_of(schema.get("items", True), names, *path, "item"))
        return Items(either(parts))
    if kind != "object":
        return Scalar(Kind(kind))
    required = frozenset(schema.get("required", ()))
    more = schema.get("additionalProperties", True)
    properties = schema.get("properties", {})
    if not properties and not required:
        return Table(shape_of(more, names, *path, "value"))
    name = names.new(*path)
    members = [
        Member(member, shape_of(part, names, *path, member), member in required, _meaning(part))
        for member, part in properties.items()
    ]
    members += [Member(member, ANY, True, "") for member in sorted(required - properties.keys())]
    is_open = more is not False or "patternProperties" in schema
    return Record(name, tuple(members), is_open, _meaning(schema))


def _merged(one: Record, other: Record) -> Record:
    """An object that keeps both; the name is the first one's."""
    members = {member.name: member for member in one.members}
    for member in other.members:
        known = members.get(member.name)
        if known is None:
            members[member.name] = member
        else:
            members[member.name] = Member(
                member.name,
                meet(known.shape, member.shape),
                known.required or member.required,
                member.meaning or known.meaning,
            )
    return Record(one.name, tuple(members.values()), one.is_open and other.is_open, other.meaning or one.meaning)


def renamed(shape: Record, name: str) -> Record:
    """The same object under another name."""
    return replace(shape, name=name)


def records(shape: Shape) -> list[Record]:
    """Every object in a shape, inner ones first."""
    match shape:
        case Record():
            inner = [found for member in shape.members for found in records(member.shape)]
            return [*inner, shape]
        case Items():
            return records(shape.item)
        case Table():
            return records(shape.value)
        case Either():
            return [found for option in shape.options for found in records(option)]
    return []


def _meaning(schema: Any) -> str:
    told = schema.get("description") or schema.get("title") if isinstance(schema, Mapping) else None
    return told if isinstance(told, str) else ""


def _key(value: Any) -> tuple[str, Any]:
    """A literal that is told apart from its equals: `1` and `true` are the same to Python."""
    return type(value).__name__, value
