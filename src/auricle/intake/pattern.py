"""The pattern: a regular expression over UTF-8 bytes whose time is linear in the text, whatever a client sends."""

from typing import Protocol, cast

import re2


class Match(Protocol):
    """One place where a pattern was found; positions are bytes."""

    @property
    def string(self) -> bytes:
        """The text that was searched."""
        ...

    def group(self, number: int = 0, /) -> bytes:
        """What was found, or a part of it."""
        ...

    def start(self) -> int:
        """Where it begins."""
        ...

    def end(self) -> int:
        """Where it ends."""
        ...


class Replacement(Protocol):
    """Gives the bytes that take the place of a match."""

    def __call__(self, match: Match, /) -> bytes:
        """The replacement."""
        ...


class Pattern(Protocol):
    """A compiled pattern."""

    def search(self, text: bytes, start: int = 0, /) -> Match | None:
        """The first match from `start` on."""
        ...

    def sub(self, replacement: Replacement, text: bytes, /) -> bytes:
        """The text with every match replaced."""
        ...


def compiled(pattern: str) -> Pattern:
    """The pattern, compiled; `\\x80` to `\\xff` stand for the bytes of UTF-8."""
    return cast(Pattern, re2.compile(pattern.encode("latin-1"), options=_options()))


class PatternSet:
    """Several patterns that are looked for in one pass."""

    def __init__(self, patterns: list[str]) -> None:
        self._set = re2.Set.SearchSet(_options())
        for pattern in patterns:
            self._set.Add(pattern.encode("latin-1"))
        self._set.Compile()

    def found(self, text: bytes) -> list[int]:
        """The numbers of those that are in the text."""
        return cast(list[int], self._set.Match(text))


def _options() -> re2.Options:
    options = re2.Options()
    options.encoding = re2.Options.Encoding.LATIN1
    options.log_errors = False
    return options
