"""Typed events as TypeScript: interfaces, for JSON that is sent as it is."""

import json
from typing import Any

from auricle.cli.typed.frame import ENVELOPE, UNION, Frame, TypedEvent
from auricle.cli.typed.shape import Either, Items, Kind, Literals, Member, Record, Scalar, Shape, Table

HEAD = "// Events of Auricle, typed. Made by `auricle schema types`: make it again instead of changing it.\n"
_KINDS = {
    Kind.ANY: "unknown",
    Kind.BOOLEAN: "boolean",
    Kind.INTEGER: "number",
    Kind.NULL: "null",
    Kind.NUMBER: "number",
    Kind.STRING: "string",
}


def typescript_of(frame: Frame) -> str:
    """A module with an interface for the attributes and the whole of each event, and `AnyEvent` for all."""
    blocks = [HEAD, *map(_record, frame.records), *map(_event, frame.events)]
    if frame.events:
        blocks.append(f"export type {UNION} = {' | '.join(event.class_name for event in frame.events)};\n")
    return "\n".join(blocks)


def _record(record: Record) -> str:
    lines = [*_comment(record.meaning, ""), f"export interface {record.name} {{"]
    for member in record.members:
        lines += _comment(member.meaning, "  ")
        lines.append(f"  {_text(member.name)}{_mark(member)}: {_type(member.shape)};")
    if record.is_open:
        lines.append("  [name: string]: unknown;")
    return "\n".join([*lines, "}", ""])


def _mark(member: Member) -> str:
    return "" if member.required else "?"


def _event(event: TypedEvent) -> str:
    mark = "" if any(member.required for member in event.attributes.members) else "?"
    lines = [
        *_comment(event.meaning, ""),
        f"export interface {event.class_name} extends {ENVELOPE} {{",
        f"  event_name: {_text(event.event_name)};",
        f"  schema?: {_text(event.schema_id)};",
        f"  attributes{mark}: {event.attributes.name};",
    ]
    return "\n".join([*lines, "}", ""])


def _type(shape: Shape) -> str:
    match shape:
        case Scalar():
            return _KINDS[shape.kind]
        case Literals():
            return " | ".join(dict.fromkeys(map(_text, shape.values)))
        case Items():
            return f"Array<{_type(shape.item)}>"
        case Record():
            return shape.name
        case Table():
            return f"Record<string, {_type(shape.value)}>"
        case Either():
            return " | ".join(dict.fromkeys(map(_type, shape.options)))


def _text(value: Any) -> str:
    """A value as a literal; in ASCII, so that nothing in it can end the text."""
    return json.dumps(value, ensure_ascii=True)


def _comment(text: str, indent: str) -> list[str]:
    # NOTE: a description is a client's own text: one that ends the comment would go on as code.
    told = "".join(letter if letter.isprintable() else " " for letter in text).replace("*/", "* /")
    return [f"{indent}/** {' '.join(told.split())} */"] if told.strip() else []
