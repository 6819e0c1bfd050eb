"""The result: what a report answers, and how far it may be trusted."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Meta:
    """What every answer says of itself."""

    start: str
    """First instant of the range, RFC 3339 UTC."""
    end: str
    """First instant after the range, RFC 3339 UTC."""
    as_of: str
    """The watermark: events received up to here are surely counted, RFC 3339 UTC."""
    rows_read: int
    excluded: Mapping[str, int]
    """How many events of the range were left out, by reason."""
    sql: str
    """The main statement, with its parameters written in: it runs as it stands in a ClickHouse client."""
    exact: bool | str = True
    """`True`, or the stated error."""
    source: str = "raw"

    def as_json(self) -> dict[str, Any]:
        """The meta as it stands in answers."""
        return {
            "from": self.start,
            "to": self.end,
            "as_of": self.as_of,
            "exact": self.exact,
            "source": self.source,
            "rows_read": self.rows_read,
            "excluded": dict(self.excluded),
            "sql": self.sql,
        }


@dataclass(frozen=True, slots=True)
class Result:
    """The answer of one report."""

    body: Mapping[str, Any]
    """The report's own members, ready for JSON."""
    meta: Meta
    previous: "Result | None" = None
    """The answer for the range just before, where it was asked for."""
    keys: tuple[str, ...] = field(default=())
    """The encoded values of the breakdown, in order, without `other`."""

    def as_json(self) -> dict[str, Any]:
        """The answer as the client gets it."""
        answer = {**self.body, "meta": self.meta.as_json()}
        if self.previous is not None:
            answer["previous"] = self.previous.as_json()
        return answer
