"""Compatibility: which part of the version a changed schema has to raise, and why.

| part | when |
| --- | --- |
| addition | Whatever kept the old schema keeps the new one, but for a new optional attribute. |
| revision | Some of what kept the old schema may break the new one: a limit was tightened, an option taken away. |
| model | The two describe other things: a new required attribute, another type, an attribute that is no longer known. |

Where the comparison cannot tell, it says `revision`: how many stored events would fail is counted besides.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from auricle.intake.registration import NOTES
from auricle.model.schema import Part

_ORDER = tuple(Part)
_LOWER = frozenset({"minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties", "minContains"})
_UPPER = frozenset({"maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties", "maxContains"})
_EVERY = frozenset({"null", "boolean", "object", "array", "number", "string", "integer"})


@dataclass(frozen=True, slots=True)
class Change:
    """One difference between two versions of a schema."""

    pointer: str
    """Where in the new schema."""
    part: Part
    message: str

    def as_json(self) -> dict[str, str]:
        """The change as it stands in answers."""
        return {"pointer": self.pointer, "part": self.part, "message": self.message}


def compare(old: Any, new: Any) -> list[Change]:
    """The differences of two documents whose references are written out; empty when they check the same."""
    return list(_changes(old, new, ""))


def same(one: Any, other: Any) -> bool:
    """Whether two JSON values are the same; unlike `==`, which takes `true` for 1."""
    return orjson.dumps(one, option=orjson.OPT_SORT_KEYS) == orjson.dumps(other, option=orjson.OPT_SORT_KEYS)


def part_of(changes: list[Change]) -> Part:
    """The part that all of them together raise."""
    return max((change.part for change in changes), key=_ORDER.index, default=Part.ADDITION)


def rises_enough(part: Part, needed: Part) -> bool:
    """Whether raising `part` tells as much as raising `needed`."""
    return _ORDER.index(part) >= _ORDER.index(needed)


def _changes(old: Any, new: Any, at: str) -> Iterator[Change]:
    if same(old, new):
        return
    if isinstance(old, bool) or isinstance(new, bool):
        if new is True:
            yield Change(at, Part.ADDITION, "Everything is taken here now.")
        else:
            yield Change(at, Part.REVISION, "Less is taken here than before.")
        return
    for keyword in sorted((old.keys() | new.keys()) - {"$id"}):
        before, after = old.get(keyword), new.get(keyword)
        if (keyword in old) == (keyword in new) and same(before, after):
            continue
        place = f"{at}/{keyword}"
        if keyword in NOTES:
            yield Change(place, Part.ADDITION, "A note was changed.")
        elif keyword in _KEYWORDS:
            yield from _KEYWORDS[keyword](old, new, at)
        elif keyword in _LOWER | _UPPER:
            yield _limit(keyword, before, after, place)
        elif keyword not in new:
            yield Change(place, Part.ADDITION, "A rule was taken away.")
        else:
            yield Change(place, Part.REVISION, "A rule was added or changed, which stored events may break.")


def _types(old: Mapping[str, Any], new: Mapping[str, Any], at: str) -> Iterator[Change]:
    before, after = _typed(old), _typed(new)
    place = f"{at}/type"
    if before <= after:
        yield Change(place, Part.ADDITION, "More types are taken.")
    elif before & after - {"null"}:
        yield Change(place, Part.REVISION, "A type is taken no more.")
    else:
        yield Change(place, Part.MODEL, "The type is another one.")


def _typed(node: Mapping[str, Any]) -> frozenset[str]:
    told = node.get("type")
    found = _EVERY if told is None else frozenset({told}) if isinstance(told, str) else frozenset(told)
    return found | {"integer"} if "number" in found else found


def _options(old: Mapping[str, Any], new: Mapping[str, Any], at: str) -> Iterator[Change]:
    place = f"{at}/enum"
    if "enum" not in new:
        yield Change(place, Part.ADDITION, "Every value is taken.")
    elif "enum" in old and _told(old["enum"]) <= _told(new["enum"]):
        yield Change(place, Part.ADDITION, "More values are taken.")
    else:
        yield Change(place, Part.REVISION, "Some values are taken no more.")


def _told(options: list[Any]) -> set[bytes]:
    return {orjson.dumps(option, option=orjson.OPT_SORT_KEYS) for option in options}


def _required(old: Mapping[str, Any], new: Mapping[str, Any], at: str) -> Iterator[Change]:
    before, after = set(old.get("required", ())), set(new.get("required", ()))
    place = f"{at}/required"
    if after - before:
        yield Change(place, Part.MODEL, "A member is required that was not.")
    elif before - after:
        yield Change(place, Part.ADDITION, "A member is required no more.")


def _properties(old: Mapping[str, Any], new: Mapping[str, Any], at: str) -> Iterator[Change]:
    before, after = old.get("properties", {}), new.get("properties", {})
    place = f"{at}/properties"
    for name in sorted(before.keys() | after.keys()):
        member = f"{place}/{name.replace('~', '~0').replace('/', '~1')}"
        if name not in after:
            closed = new.get("additionalProperties", True) is not True
            text = "The member is known no more" + (", and no other is taken." if closed else ".")
            yield Change(member, Part.MODEL, text)
        elif name not in before:
            # A member that nobody was asked for until now: SchemaVer's addition. The count of stored events that
            # already carry one of another kind is told besides.
            yield Change(member, Part.ADDITION, "A member was added.")
        else:
            yield from _changes(before[name], after[name], member)


def _additional(old: Mapping[str, Any], new: Mapping[str, Any], at: str) -> Iterator[Change]:
    before, after = old.get("additionalProperties", True), new.get("additionalProperties", True)
    yield from _changes(before, after, f"{at}/additionalProperties")


def _items(old: Mapping[str, Any], new: Mapping[str, Any], at: str) -> Iterator[Change]:
    yield from _changes(old.get("items", True), new.get("items", True), f"{at}/items")


def _limit(keyword: str, before: Any, after: Any, place: str) -> Change:
    if after is None:
        return Change(place, Part.ADDITION, "A limit was taken away.")
    wider = before is not None and (after <= before if keyword in _LOWER else after >= before)
    if wider:
        return Change(place, Part.ADDITION, "A limit was widened.")
    return Change(place, Part.REVISION, "A limit was tightened.")


_KEYWORDS: dict[str, Callable[[Mapping[str, Any], Mapping[str, Any], str], Iterator[Change]]] = {
    "type": _types,
    "enum": _options,
    "required": _required,
    "properties": _properties,
    "additionalProperties": _additional,
    "items": _items,
}
