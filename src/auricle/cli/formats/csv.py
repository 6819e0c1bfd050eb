"""CSV with a header row: a column map tells which column is which part of the event.

    occurred_at=ts,event_name=type,user_id=uid,attributes.price=amount

Without a map, columns that bear the name of an envelope field stand for it, `context.…` columns for the context, and
every other column is the attribute of its own name.
"""

import csv
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, BinaryIO

from auricle.cli.formats.entry import TOO_LONG, Entry, Ids, Malformed, lines_of

FIELDS = ("event_id", "event_name", "occurred_at", "site_id", "session_id", "user_id", "source", "schema")
"""The envelope fields that a column may stand for; the others are `attributes.NAME` and `context.PATH`."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_INTEGER = re.compile(r"-?(?:0|[1-9]\d{0,17})", re.ASCII)
_DECIMAL = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d{1,3})?", re.ASCII)
_UNIX = re.compile(r"\d{9,16}(?:\.\d+)?", re.ASCII)


class WrongMap(ValueError):
    """The column map does not fit: it cannot be read, or names a column that the file has not."""


@dataclass(frozen=True, slots=True)
class Columns:
    """How the columns of a file become events."""

    targets: Mapping[str, str] | None = None
    """Target to column; `None` maps the columns by their own names."""
    text: frozenset[str] = frozenset()
    """Columns whose values stay text where they look like numbers, such as article numbers."""
    event_name: str | None = None
    """The name of events of rows that tell none."""
    delimiter: str = ","


def targets_of(maps: Iterable[str]) -> dict[str, str] | None:
    """Target to column, as `target=column,…` texts tell it; `None` when they are empty.

    Raises:
        WrongMap: a text is not of that form, or a target is unknown or given twice.
    """
    targets: dict[str, str] = {}
    for pair in (part for one in maps for part in one.split(",") if part.strip()):
        target, equals, column = (part.strip() for part in pair.partition("="))
        if not equals or not column:
            raise WrongMap(f"{pair.strip()!r} is not of the form target=column")
        if target in targets:
            raise WrongMap(f"{target!r} is mapped twice")
        if target not in FIELDS and not re.fullmatch(r"(?:attributes|context)\..+", target):
            raise WrongMap(f"{target!r} is no target: take {', '.join(FIELDS)}, attributes.NAME or context.PATH")
        targets[target] = column
    return targets or None


def read(stream: BinaryIO, ids: Ids, columns: Columns) -> Iterator[Entry | Malformed]:
    """An event a row. Empty cells are absent; in attributes numbers and `true`, `false` are taken as such.

    Raises:
        WrongMap: the map names a column that the header has not, or there is no way to the time of an event.
    """
    lines = _Lines(stream)
    rows = csv.reader(lines, delimiter=columns.delimiter)
    header = [name.strip() for name in next(rows, [])]
    positions = _positions(header, columns)
    while True:
        start = lines.number + 1
        try:
            row = next(rows)
        except StopIteration:
            return
        except csv.Error:
            yield Malformed(start, TOO_LONG if lines.overlong else "not CSV")
            lines.overlong = False
            continue
        if lines.overlong:
            lines.overlong = False
            yield Malformed(start, TOO_LONG)
        elif len(row) != len(header):
            if row:
                yield Malformed(start, f"the row has {len(row)} cells and the header {len(header)}")
        else:
            event = _event(row, header, positions, columns)
            if isinstance(event, str):
                yield Malformed(start, event)
            else:
                event.setdefault("event_id", ids.of(event["event_name"], "\x1f".join(row).encode(errors="replace")))
                yield Entry(start, event)


class _Lines:
    """The text lines of a stream for the CSV reader, counted."""

    def __init__(self, stream: BinaryIO) -> None:
        self._lines = lines_of(stream)
        self.number = 0
        self.overlong = False

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> str:
        self.number, line = next(self._lines)
        self.overlong = self.overlong or line is None
        return (line or b"").decode(errors="replace").replace("\0", "�") + "\n"


def _positions(header: list[str], columns: Columns) -> list[tuple[str, int]]:
    """Target and position of the column, for every mapped column."""
    if len(set(header)) != len(header):
        raise WrongMap("the header names a column twice")
    if columns.targets is None:
        known = ("attributes.", "context.")
        positions = [
            (name if name in FIELDS or name.startswith(known) else f"attributes.{name}", position)
            for position, name in enumerate(header)
            if name
        ]
    else:
        missing = sorted(set(columns.targets.values()) - set(header))
        if missing:
            raise WrongMap(f"the header has no column {', '.join(map(repr, missing))}")
        positions = [(target, header.index(column)) for target, column in columns.targets.items()]
    unknown = sorted(columns.text - set(header))
    if unknown:
        raise WrongMap(f"the header has no column {', '.join(map(repr, unknown))}")
    targets = {target for target, _ in positions}
    if "occurred_at" not in targets:
        raise WrongMap("no column tells the time: map one with occurred_at=COLUMN")
    if "event_name" not in targets and columns.event_name is None:
        raise WrongMap("no column tells the event's name: map one with event_name=COLUMN, or give a name for all")
    return positions


def _event(
    row: list[str], header: list[str], positions: list[tuple[str, int]], columns: Columns
) -> dict[str, Any] | str:
    """The event of a row, without an id where the row tells none, or why there is none."""
    event: dict[str, Any] = {"source": "server", "attributes": {}}
    if columns.event_name is not None:
        event["event_name"] = columns.event_name
    for target, position in positions:
        cell = row[position].strip()
        if not cell:
            continue
        place, _, path = target.partition(".")
        if target == "occurred_at":
            time = time_of(cell)
            if time is None:
                return "the time cannot be read"
            event["occurred_at"] = time
        elif place == "attributes" and path:
            event["attributes"][path] = row[position] if header[position] in columns.text else value_of(cell)
        elif place == "context" and path:
            if not _put(event.setdefault("context", {}), path.split("."), cell):
                return f"{target!r} lies inside a value"
        else:
            event[target] = cell
    for needed in ("occurred_at", "event_name"):
        if needed not in event:
            return f"the row tells no {needed}"
    return event


def _put(context: dict[str, Any], path: list[str], value: str) -> bool:
    for key in path[:-1]:
        inner = context.setdefault(key, {})
        if not isinstance(inner, dict):
            return False
        context = inner
    context[path[-1]] = value_of(value)
    return True


def value_of(cell: str) -> str | int | float | bool:
    """The value of an attribute's cell: an integer, a decimal, `true` or `false`, else the text.

    Numbers with leading zeros and integers over 18 digits stay text, for they are numbers in name only.
    """
    if _INTEGER.fullmatch(cell):
        return int(cell)
    if _DECIMAL.fullmatch(cell) and not re.fullmatch(r"-?\d{19,}", cell):
        number = float(cell)
        return number if abs(number) != float("inf") else cell
    return {"true": True, "false": False}.get(cell.lower(), cell)


def time_of(cell: str) -> str | None:
    """A time as RFC 3339 in UTC: ISO 8601 (UTC where it tells no zone), or Unix seconds, milli- or microseconds."""
    try:
        if _UNIX.fullmatch(cell):
            digits = len(cell.partition(".")[0])
            unit = 1_000_000 if digits <= 11 else 1_000 if digits <= 14 else 1
            time = _EPOCH + timedelta(microseconds=int(Decimal(cell) * unit))
        else:
            time = datetime.fromisoformat(cell)
    except (ValueError, OverflowError):
        return None
    if time.tzinfo is None:
        time = time.replace(tzinfo=UTC)
    try:
        return time.astimezone(UTC).isoformat().replace("+00:00", "Z")
    except OverflowError:
        return None
