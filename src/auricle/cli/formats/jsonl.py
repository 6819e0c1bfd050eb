"""JSON Lines: one event a line, as the envelope has it."""

from collections.abc import Iterator
from typing import BinaryIO

import orjson

from auricle.cli.formats.entry import TOO_LONG, Entry, Ids, Malformed, lines_of


def read(stream: BinaryIO, ids: Ids) -> Iterator[Entry | Malformed]:
    """The events as they stand; one without an `event_id` gets the lasting id of its line. Empty lines are left out."""
    for number, line in lines_of(stream):
        if line is None:
            yield Malformed(number, TOO_LONG)
            continue
        if not line.strip():
            continue
        try:
            event = orjson.loads(line)
        except orjson.JSONDecodeError:
            yield Malformed(number, "not JSON")
            continue
        if not isinstance(event, dict):
            yield Malformed(number, "not a JSON object")
            continue
        if event.get("event_id") is None:
            event["event_id"] = ids.of(str(event.get("event_name")), line.strip())
        yield Entry(number, event)
