"""The shape of a schema: what a type says of it, and never more than the schema does."""

from typing import Any

import pytest

from auricle.cli.typed.shape import (
    ANY,
    Either,
    Items,
    Kind,
    Literals,
    Member,
    Names,
    Record,
    Scalar,
    Shape,
    Table,
    shape_of,
)

TEXT, NUMBER, NULL = Scalar(Kind.STRING), Scalar(Kind.NUMBER), Scalar(Kind.NULL)
A_TEXT = {"type": "object", "properties": {"a": {"type": "string"}}}
B_NUMBER = {"type": "object", "properties": {"b": {"type": "number"}}, "required": ["b"]}


def record(*members: Member, is_open: bool = True, name: str = "X") -> Record:
    return Record(name, members, is_open)


def member(name: str, shape: Shape, required: bool = False) -> Member:
    return Member(name, shape, required, "")


CASES: dict[str, tuple[Any, Shape]] = {
    "anything": (True, ANY),
    "nothing said": ({"description": "x"}, ANY),
    "a text": ({"type": "string", "maxLength": 3}, TEXT),
    "one of two types": ({"type": ["number", "null"]}, Either((NUMBER, NULL))),
    "a constant": ({"const": "a"}, Literals(("a",))),
    "options": ({"type": "string", "enum": ["a", "b"]}, Literals(("a", "b"))),
    "options of many types": ({"enum": [0, 1, True, False, None]}, Either((Literals((0, 1, True, False)), NULL))),
    "options with a decimal number": ({"enum": ["a", 0.5]}, Either((Literals(("a",)), NUMBER))),
    "options with a list": ({"enum": ["a", []]}, ANY),
    "a list": ({"type": "array", "items": {"type": "string"}}, Items(TEXT)),
    "a list of anything": ({"type": "array"}, Items(ANY)),
    "a tuple": (
        {"type": "array", "prefixItems": [{"type": "string"}, {"type": "number"}], "items": False},
        Items(Either((TEXT, NUMBER))),
    ),
    "an open tuple": ({"type": "array", "prefixItems": [{"type": "string"}]}, Items(ANY)),
    "a table": ({"type": "object", "additionalProperties": {"type": "number"}}, Table(NUMBER)),
    "an object of anything": ({"type": "object"}, Table(ANY)),
    "an object": (A_TEXT, record(member("a", TEXT))),
    "an object without a type": ({"properties": {"a": {"type": "string"}}}, record(member("a", TEXT))),
    "a closed object": (A_TEXT | {"additionalProperties": False}, record(member("a", TEXT), is_open=False)),
    "an object closed but for a pattern": (
        A_TEXT | {"additionalProperties": False, "patternProperties": {"^x": True}},
        record(member("a", TEXT)),
    ),
    "a required member without a schema": (
        {"type": "object", "required": ["z"]},
        record(member("z", ANY, required=True)),
    ),
    "alternatives": ({"anyOf": [{"type": "string"}, {"type": "number"}]}, Either((TEXT, NUMBER))),
    "alternatives that are the same": ({"oneOf": [{"type": "string"}, {"type": "string", "maxLength": 1}]}, TEXT),
    "alternatives of which one is anything": ({"type": "string", "anyOf": [{"minLength": 1}, {"const": "a"}]}, TEXT),
    "a conjunction": ({"allOf": [{"type": "string"}, {"minLength": 3}]}, TEXT),
    "a conjunction of objects": (
        {"allOf": [A_TEXT, B_NUMBER]},
        record(member("a", TEXT), member("b", NUMBER, required=True)),
    ),
    "a conjunction that narrows a member": (
        {"allOf": [A_TEXT, {"type": "object", "properties": {"a": {"enum": ["x"]}}, "required": ["a"]}]},
        record(member("a", Literals(("x",)), required=True)),
    ),
    "what no type can say": ({"type": "number", "not": {"const": 1}, "if": {"minimum": 2}, "then": False}, NUMBER),
}


@pytest.mark.parametrize("case", CASES)
def test_shape_of(case: str) -> None:
    schema, expected = CASES[case]
    assert shape_of(schema, Names(), "x") == expected


def test_names_are_each_ones_own() -> None:
    names = Names({"Any"})
    given = [
        names.new(*parts) for parts in (("kb.hit",), ("kb", "hit"), ("any",), ("9.lives",), ("",), ("日本",), ("a_b",))
    ]
    assert given == ["KbHit", "KbHit2", "Any2", "N9Lives", "N", "N2", "AB"]
