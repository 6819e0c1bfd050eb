"""Which part of a version a change raises."""

from typing import Any

import pytest

from auricle.intake.compatibility import compare, part_of, rises_enough
from auricle.model.schema import Part, Version

ADDITION, REVISION, MODEL = Part.ADDITION, Part.REVISION, Part.MODEL


def of(**members: Any) -> dict[str, Any]:
    return {"type": "object", "properties": members}


NUMBER = {"type": "number"}

CASES: dict[str, tuple[dict[str, Any], dict[str, Any], Part, str]] = {
    "a note": (of(a=NUMBER), of(a={**NUMBER, "description": "A."}), ADDITION, "/properties/a/description"),
    "a new optional member": (of(a=NUMBER), of(a=NUMBER, b=NUMBER), ADDITION, "/properties/b"),
    "more types": (of(a=NUMBER), of(a={"type": ["number", "null"]}), ADDITION, "/properties/a/type"),
    "integers become numbers": (of(a={"type": "integer"}), of(a=NUMBER), ADDITION, "/properties/a/type"),
    "numbers become integers": (of(a=NUMBER), of(a={"type": "integer"}), REVISION, "/properties/a/type"),
    "null no more": (of(a={"type": ["number", "null"]}), of(a=NUMBER), REVISION, "/properties/a/type"),
    "another type": (of(a=NUMBER), of(a={"type": "string"}), MODEL, "/properties/a/type"),
    "more options": (of(a={"enum": [1]}), of(a={"enum": [1, 2]}), ADDITION, "/properties/a/enum"),
    "fewer options": (of(a={"enum": [1, 2]}), of(a={"enum": [1]}), REVISION, "/properties/a/enum"),
    "true is not 1": (of(a={"enum": [1]}), of(a={"enum": [True]}), REVISION, "/properties/a/enum"),
    "options where all went": (of(a={}), of(a={"enum": [1]}), REVISION, "/properties/a/enum"),
    "a wider limit": (of(a={"maximum": 5}), of(a={"maximum": 6}), ADDITION, "/properties/a/maximum"),
    "a tighter limit": (of(a={"minLength": 1}), of(a={"minLength": 2}), REVISION, "/properties/a/minLength"),
    "a new limit": (of(a={}), of(a={"maxItems": 2}), REVISION, "/properties/a/maxItems"),
    "a limit taken away": (of(a={"maxItems": 2}), of(a={}), ADDITION, "/properties/a/maxItems"),
    "another pattern": (of(a={"pattern": "a"}), of(a={"pattern": "b"}), REVISION, "/properties/a/pattern"),
    "no pattern": (of(a={"pattern": "a"}), of(a={}), ADDITION, "/properties/a/pattern"),
    "required": (of(a=NUMBER), {**of(a=NUMBER), "required": ["a"]}, MODEL, "/required"),
    "required no more": ({**of(a=NUMBER), "required": ["a"]}, of(a=NUMBER), ADDITION, "/required"),
    "a member gone": (of(a=NUMBER, b=NUMBER), of(a=NUMBER), MODEL, "/properties/b"),
    "closed": (of(a=NUMBER), {**of(a=NUMBER), "additionalProperties": False}, REVISION, "/additionalProperties"),
    "opened": ({**of(a=NUMBER), "additionalProperties": False}, of(a=NUMBER), ADDITION, "/additionalProperties"),
    "items": (
        of(a={"items": NUMBER}),
        of(a={"items": {"type": "string"}}),
        MODEL,
        "/properties/a/items/type",
    ),
    "a name to be escaped": (of(**{"a/b": NUMBER}), of(), MODEL, "/properties/a~1b"),
}


@pytest.mark.parametrize("case", CASES)
def test_a_change_raises(case: str) -> None:
    old, new, part, pointer = CASES[case]
    assert [(change.part, change.pointer) for change in compare(old, new)] == [(part, pointer)]


def test_the_gravest_change_decides() -> None:
    changes = compare(of(a=NUMBER, b={"maximum": 5}), of(a={"type": "string"}, b={"maximum": 4}, c=NUMBER))
    assert part_of(changes) is MODEL
    assert {change.part for change in changes} == {ADDITION, REVISION, MODEL}


def test_the_same_is_no_change() -> None:
    assert compare(of(a=NUMBER), of(a=NUMBER)) == []
    assert part_of([]) is ADDITION


def test_the_next_versions() -> None:
    version = Version(2, 3, 4)
    assert [str(version.next(part)) for part in Part] == ["2-3-5", "2-4-0", "3-0-0"]
    assert [rises_enough(part, REVISION) for part in Part] == [False, True, True]
    assert Version.read("2-3-4") == version
    assert Version.read("2-3") is Version.read("02-3-4") is None
