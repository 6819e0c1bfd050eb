"""The statement and its rows: what goes to the engine, and what comes back."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Statement:
    """One SELECT with server-side parameters: `{name:Type}` in the text, values in `params`, never spliced."""

    sql: str
    params: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Rows:
    """The rows of a statement. 64-bit integers are `int`, times are text in UTC, absent values `None`."""

    columns: tuple[str, ...]
    rows: list[list[Any]]
    rows_read: int
    seconds: float
