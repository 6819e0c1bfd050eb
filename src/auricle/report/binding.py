"""The binding: values on their way to the engine, each under a name, never inside the text."""

import re
from typing import Any

from auricle.model.query import instant_of
from auricle.model.statement import Statement
from auricle.report.literal import TOKEN


class Binding:
    """Collects the parameters of one statement while its text is written.

    Each method takes a value and gives the placeholder that stands for it, `{p0:String}`.
    """

    def __init__(self) -> None:
        self._params: dict[str, Any] = {}

    def text(self, value: str) -> str:
        """A placeholder for a string."""
        return self._add("String", value)

    def texts(self, values: tuple[str, ...]) -> str:
        """A placeholder for a list of strings."""
        return self._add("Array(String)", list(values))

    def number(self, value: float) -> str:
        """A placeholder for a number."""
        return self._add("Float64", float(value))

    def numbers(self, values: tuple[float, ...]) -> str:
        """A placeholder for a list of numbers."""
        return self._add("Array(Float64)", [float(value) for value in values])

    def integer(self, value: int) -> str:
        """A placeholder for an integer."""
        return self._add("Int64", value)

    def integers(self, values: tuple[int, ...]) -> str:
        """A placeholder for a list of integers above 0."""
        return self._add("Array(UInt64)", list(values))

    def wholes(self, values: tuple[int, ...]) -> str:
        """A placeholder for a list of integers of either sign."""
        return self._add("Array(Int64)", list(values))

    def instant(self, micros: int) -> str:
        """A placeholder for an instant, written as text so that the statement can be read."""
        written = instant_of(micros).replace(tzinfo=None).isoformat(" ", "microseconds")
        return self._add("DateTime64(6, 'UTC')", written)

    def instants(self, micros: tuple[int, ...]) -> str:
        """Placeholders for several instants, in the brackets of a list."""
        return f"({', '.join(self.instant(each) for each in micros)})"

    def nested(self, statement: Statement) -> str:
        """Another statement within this one, its values bound here."""

        def rebound(match: re.Match[str]) -> str:
            return match[0] if match[1] is None else self._add(match[2], statement.params[match[1]])

        return TOKEN.sub(rebound, statement.sql)

    def statement(self, sql: str) -> Statement:
        """The finished statement."""
        return Statement(sql, dict(self._params))

    def _add(self, kind: str, value: object) -> str:
        name = f"p{len(self._params)}"
        self._params[name] = value
        return f"{{{name}:{kind}}}"
