"""The bare engine: chDB in this very process, opened the way the service's engine is.

NOTE: one process a folder, and the memory it takes stays with the process: what uses this runs as a child of the bench.
"""

import os
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import orjson
from chdb._chdb import connect  # type: ignore[attr-defined]

INSERT_SETTINGS = {
    "type_json_skip_duplicated_paths": 1,
    "input_format_try_infer_dates": 0,
    "input_format_try_infer_datetimes": 0,
    "input_format_json_read_objects_as_strings": 1,
    "date_time_input_format": "'best_effort'",
}
"""How rows of JSONCompactEachRow are read."""


def events_ddl(table: str = "events") -> str:
    """The statement that makes the service's own `events` table, under another name if wanted."""
    ddl = files("auricle.store").joinpath("sql", "events.sql").read_text()
    return ddl.replace("CREATE TABLE IF NOT EXISTS events", f"CREATE TABLE IF NOT EXISTS {table}", 1)


class Engine:
    """One folder of engine data."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._connection = connect(f"{folder}?log-level=none")
        self.run("SET " + ", ".join(f"{name} = {value}" for name, value in INSERT_SETTINGS.items()))

    def run(self, statement: str) -> None:
        """Carries out a statement that answers nothing."""
        self._connection.query(statement, "CSV")

    def rows(self, query: str) -> list[list[Any]]:
        """The rows of a query; 64-bit integers come as text unless cast."""
        return list(orjson.loads(self._connection.query(query, "JSONCompact").bytes())["data"])

    def value(self, query: str) -> Any:
        """The one value of a query."""
        return self.rows(query)[0][0]

    def insert(self, table: str, rows: bytes, token: str = "") -> None:
        """Inserts one block of JSONCompactEachRow, with the deduplication token that the indexer would give."""
        self.run(f"SET insert_deduplication_token = '{token}'")
        handle = self._connection.send_insert(f"INSERT INTO {table}", "JSONCompactEachRow")
        self._connection.insert_append(handle, rows)
        self._connection.insert_done(handle)

    def close(self) -> None:
        """Closes the folder."""
        self._connection.close()


def encode(rows: list[list[Any]]) -> bytes:
    """Rows as one block of JSONCompactEachRow; the engine takes the commas between them."""
    return orjson.dumps(rows)[1:-1]


def blocks(rows: Iterator[list[Any]], size: int) -> Iterator[bytes]:
    """Rows as blocks of `size`."""
    held: list[list[Any]] = []
    for row in rows:
        held.append(row)
        if len(held) == size:
            yield encode(held)
            held = []
    if held:
        yield encode(held)


def cpu_seconds() -> float:
    """User and system seconds of this process so far, engine threads and all."""
    used = os.times()
    return used.user + used.system
