"""The export: the events themselves, in order of time, as SQL for each format.

What an attribute holds is the client's, and a spreadsheet takes text that begins with `=` for a formula. So in CSV such
text gets an apostrophe before it, and in XLSX it is told to be text.
"""

from typing import cast

from auricle.model.query import Export, Format, Query
from auricle.model.statement import Statement
from auricle.report.binding import Binding
from auricle.report.filters import joined, where

COLUMNS = (
    "event_id",
    "event_name",
    "occurred_at",
    "received_at",
    "site_id",
    "session_id",
    "user_id",
    "source",
    "schema_id",
    "attributes",
    "context",
)
"""The columns of tables, in order; attributes and context are JSON."""
HEADING = (",".join(f'"{column}"' for column in COLUMNS) + "\n").encode()
"""The first line of a CSV file."""
TYPES = {
    Format.CSV: ("CSV", "text/csv; charset=utf-8"),
    Format.JSONL: ("TSVRaw", "application/x-ndjson"),
    Format.XLSX: ("JSONCompactEachRow", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    Format.PARQUET: ("Parquet", "application/vnd.apache.parquet"),
}
"""The engine's name of what it shall send for each format, and the media type of the file."""

_TIMES = ("occurred_at", "received_at")
_DOCUMENTS = ("attributes", "context")
_RISKY = "'^[=+\\\\-@\\\\t\\\\r\\\\n]'"
"""Text that some spreadsheet takes for a formula begins like this."""


def build(query: Query) -> Statement:
    """SQL of the events, in order of `occurred_at`, ties by arrival; a row an event, a column each of `COLUMNS`.

    For JSON lines it is one column: the line.
    """
    binding = Binding()
    ask = cast(Export, query.ask)
    conditions = joined(where(query, binding, query.span, ask.names))
    return binding.statement(
        f"SELECT {_selected(ask.format)}\nFROM events\nWHERE {conditions}\nORDER BY occurred_at, events.received_at"
    )


def count(query: Query) -> Statement:
    """SQL of how many events there are to export."""
    binding = Binding()
    conditions = joined(where(query, binding, query.span, cast(Export, query.ask).names))
    return binding.statement(f"SELECT count() FROM events\nWHERE {conditions}")


def _selected(form: Format) -> str:
    if form is Format.JSONL:
        members = ", ',', ".join(f"'\"{name}\":', {_json(name)}" for name in COLUMNS)
        return f"concat('{{', {members}, '}}') AS line"
    if form is Format.PARQUET:
        return ", ".join(name if name in _TIMES else f"CAST({name}, 'String') AS {name}" for name in COLUMNS)
    risky = form is Format.CSV
    return ", ".join(
        f"{_safe(_text(name)) if risky else _text(name)} AS c{place}" for place, name in enumerate(COLUMNS)
    )


def _text(name: str) -> str:
    if name in _TIMES:
        return f"formatDateTime({name}, '%Y-%m-%dT%H:%i:%S.%fZ')"
    return f"CAST({name}, 'String')"


def _json(name: str) -> str:
    if name in _DOCUMENTS:
        return name
    return f"if({_text(name)} = '', 'null', toJSONString({_text(name)}))"


def _safe(text: str) -> str:
    return f"if(match({text}, {_RISKY}), concat('\\'', {text}), {text})"
