"""The catalogue of events as a page in Markdown: a section for each schema, a row for each attribute."""

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from auricle.intake.registration import written_out

Json = Mapping[str, Any]

HEAD = "# Events\n\n<!-- Made by `auricle schema page`: make it again instead of changing it. -->\n"
_NAMES = {"array": "list", "integer": "whole number", "string": "text"}
_MARKUP = str.maketrans({letter: f"\\{letter}" for letter in "\\|<>[]*"})


def page_of(schemas: Iterable[tuple[str, Json]]) -> str:
    """The page of event names with the schemas of their attributes."""
    return "\n".join([HEAD, *(section_of(name, document) for name, document in schemas)])


def section_of(name: str, document: Json) -> str:
    """One event: what it means, and its attributes."""
    meaning = _plain(document.get("description") or document.get("title") or "")
    head = [f"### `{name}`", "", *([meaning, ""] if meaning else [])]
    rows = list(_rows(written_out(document), ""))
    if not rows:
        return "\n".join(head)
    return "\n".join([*head, "| attribute | required | takes | meaning |", "| --- | --- | --- | --- |", *rows, ""])


def _rows(schema: Json, prefix: str) -> Iterator[str]:
    """A row for each member of an object, and below it those of the objects in it."""
    required = schema.get("required", ())
    for name, part in schema.get("properties", {}).items():
        place, whole = f"{prefix}{name}", part if isinstance(part, Mapping) else {}
        cells = (_code(place), "yes" if name in required else "no", _takes(whole), _plain(whole.get("description", "")))
        yield f"| {' | '.join(cells)} |"
        yield from _rows(whole, f"{place}.")
        if isinstance(whole.get("items"), Mapping):
            yield from _rows(whole["items"], f"{place}[].")


def _takes(part: Json) -> str:
    """What a value may be, in words."""
    options = [part["const"]] if "const" in part else part.get("enum")
    if options is not None:
        return " · ".join(_code(_option(one)) for one in options if one is not None)
    kinds = part.get("type", ())
    kinds = [kind for kind in ([kinds] if isinstance(kinds, str) else kinds) if kind != "null"]
    words = [" or ".join(_NAMES.get(kind, kind) for kind in kinds) or "any"]
    items = part.get("items")
    if "array" in kinds and isinstance(items, Mapping):
        words = [f"list of {_takes({'type': items.get('type', ())})}"]
    return ", ".join([*words, *_limits(part)])


def _limits(part: Json) -> Iterator[str]:
    if "format" in part:
        yield str(part["format"])
    yield from _range(part, "minimum", "maximum", "")
    if part.get("minLength") == 1 and "maxLength" not in part:
        yield "not empty"
    else:
        yield from _range(part, "minLength", "maxLength", " characters", 0)
    if "pattern" in part:
        yield f"like {_code(part['pattern'])}"
    if "maxItems" in part:
        yield f"at most {part['maxItems']}"


def _range(part: Json, least: str, most: str, unit: str, floor: int | None = None) -> Iterator[str]:
    low, high = part.get(least, floor), part.get(most)
    if high is not None:
        yield f"{low} to {high}{unit}" if low is not None else f"≤ {high}{unit}"
    elif part.get(least) is not None:
        yield f"≥ {low}{unit}"


def _option(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _one_line(text: str) -> str:
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())


def _plain(text: Any) -> str:
    """A text of the schema, with nothing in it that Markdown reads as more than text."""
    return _one_line(str(text)).translate(_MARKUP)


def _code(text: str) -> str:
    """A text of the schema as code; a bar would end the cell, also within code."""
    told = _one_line(text).replace("|", "\\|")
    return f"`{told}`" if "`" not in told else f"`` {told} ``" if "``" not in told else _plain(text)
