"""The literal: a statement written out for people, its parameters in their places."""

import re
from typing import Any

from auricle.model.statement import Statement

TOKEN = re.compile(r"'(?:[^'\\]|\\.)*'|`(?:[^`\\]|\\.)*`|\{(\w+):((?:[^{}']|'[^']*')+)\}", re.DOTALL)
"""Quoted text, a quoted identifier, or a placeholder: an attribute may be called `{p0:String}`."""

_ESCAPES = {"\\": "\\\\", "'": "\\'", "\n": "\\n", "\t": "\\t", "\r": "\\r", "\0": "\\0"}


def quoted(text: str) -> str:
    """Text as a ClickHouse string literal."""
    return f"'{''.join(_ESCAPES.get(letter, letter) for letter in text)}'"


def written(value: Any, kind: str) -> str:
    """A parameter's value as a ClickHouse literal of its type."""
    if isinstance(value, list):
        return f"[{', '.join(written(each, kind) for each in value)}]"
    if kind.startswith("DateTime64"):
        return f"toDateTime64({quoted(str(value))}, 6, 'UTC')"
    return quoted(value) if isinstance(value, str) else repr(value)


def rendered(statement: Statement) -> str:
    """The statement with its parameters written in, ready to be pasted into a ClickHouse client."""

    def replace(match: re.Match[str]) -> str:
        if match[1] is None:
            return match[0]
        return written(statement.params[match[1]], match[2])

    return TOKEN.sub(replace, statement.sql)
