"""Typed events as Python: `TypedDict`s, for JSON that is sent as it is."""

from auricle.cli.typed.frame import UNION, Frame, TypedEvent
from auricle.cli.typed.shape import Either, Items, Kind, Literals, Member, Record, Scalar, Shape, Table

HEAD = '''"""Events of Auricle, typed. Made by `auricle schema types`: make it again instead of changing it."""

from typing import Any, Literal, NotRequired, TypedDict
'''
_KINDS = {
    Kind.ANY: "Any",
    Kind.BOOLEAN: "bool",
    Kind.INTEGER: "int",
    Kind.NULL: "None",
    Kind.NUMBER: "float",
    Kind.STRING: "str",
}


def python_of(frame: Frame) -> str:
    """A module with a type for the attributes and the whole of each event, and `AnyEvent` for all."""
    blocks = [HEAD, *map(_record, frame.records), *map(_event, frame.events)]
    if frame.events:
        blocks.append(f"{UNION} = {' | '.join(event.class_name for event in frame.events)}\n")
    return "\n\n".join(blocks)


def _record(record: Record) -> str:
    """An object; by the functional form, because members may have dots in their names."""
    lines = [*_comments(record.meaning, ""), f'{record.name} = TypedDict("{record.name}", {{']
    for member in record.members:
        lines += _comments(member.meaning, "    ")
        lines.append(f"    {member.name!r}: {_member(member)},")
    return "\n".join([*lines, "})", ""])


def _member(member: Member) -> str:
    told = _type(member.shape)
    return told if member.required else f"NotRequired[{told}]"


def _event(event: TypedEvent) -> str:
    lines = [f"class {event.class_name}(Envelope):"]
    lines += _comments(event.meaning, "    ")
    lines.append(f"    event_name: Literal[{event.event_name!r}]")
    lines.append(f"    schema: NotRequired[Literal[{event.schema_id!r}]]")
    required = any(member.required for member in event.attributes.members)
    told = event.attributes.name
    lines.append(f"    attributes: {told if required else f'NotRequired[{told}]'}")
    return "\n".join([*lines, ""])


def _type(shape: Shape) -> str:
    match shape:
        case Scalar():
            return _KINDS[shape.kind]
        case Literals():
            return f"Literal[{', '.join(map(repr, shape.values))}]"
        case Items():
            return f"list[{_type(shape.item)}]"
        case Record():
            return shape.name
        case Table():
            return f"dict[str, {_type(shape.value)}]"
        case Either():
            return " | ".join(map(_type, shape.options))


def _comments(text: str, indent: str) -> list[str]:
    # NOTE: a description is a client's own text: one that breaks the line would go on as code.
    told = "".join(letter if letter.isprintable() else " " for letter in text)
    return [f"{indent}# {' '.join(told.split())}"] if told.strip() else []
