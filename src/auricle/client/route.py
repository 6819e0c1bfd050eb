"""The route: what a request is counted under, so that `/users/17` and `/users/18` are one path, and no id is sent."""

import re
from collections.abc import Mapping
from typing import Any

LONGEST = 1_024
_AN_ID = re.compile(
    r"[0-9]+|[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}|(?=[^/]*[0-9])[0-9A-Za-z_-]{20,}|[^/]*@[^/]*"
)
"""Parts of a path that name one thing of many: numbers, UUIDs, long marks, addresses."""


def template(path: str, parameters: Mapping[str, Any] | None = None) -> str:
    """The path with `{name}` in place of what its router took for parameters, and `{id}` of what looks like an id."""
    path = path[:LONGEST]
    if parameters:
        for name, value in parameters.items():
            text = str(value)
            if text:
                path = _put(path, text, "{" + name + "}")
    if not _MAY_HOLD_ONE.search(path):
        return path or "/"
    return "/".join("{id}" if _AN_ID.fullmatch(part) else part for part in path.split("/"))


_MAY_HOLD_ONE = re.compile("[0-9@]")


def _put(path: str, text: str, name: str) -> str:
    """The path with the last place of a text, from one `/` to another, taken by a name."""
    at = path.rfind("/" + text)
    while at >= 0:
        end = at + 1 + len(text)
        if end == len(path) or path[end] == "/":
            return path[: at + 1] + name + path[end:]
        at = path.rfind("/" + text, 0, at)
    return path
