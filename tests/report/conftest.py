"""The real engine, in this process, for the tests of the reports."""

import asyncio
import itertools
import uuid
from collections.abc import Iterable
from importlib import resources
from pathlib import Path
from typing import Any

import orjson
import pytest
from chdb._chdb import connect
from clickhouse_connect.driver.binding import format_bind_value

from auricle.model.query import Query, micros_of
from auricle.model.statement import Rows, Statement
from auricle.report.run import ReportRunner
from auricle.report.time import instant

INSERT_SETTINGS = (
    "type_json_skip_duplicated_paths = 1, input_format_try_infer_dates = 0, input_format_try_infer_datetimes = 0"
)
COLUMNS = (
    "tenant_id, event_id, event_name, occurred_at, received_at, site_id, session_id, user_id, source, schema_id,"
    " attributes, context"
)
AS_OF = micros_of(instant("2025-12-01T00:00:00Z", ""))


def at(text: str) -> int:
    """An RFC 3339 text in microseconds."""
    return micros_of(instant(text, ""))


class Engine:
    """A `Reader` over chDB in this process, and a way to put events in."""

    def __init__(self, folder: Path) -> None:
        self._connection = connect(f"{folder}?log-level=none")
        self._tenants = itertools.count(1)
        self._arrivals = itertools.count(at("2025-12-01T00:00:00Z"))
        self._connection.query(resources.files("auricle.store").joinpath("sql/events.sql").read_text(), "CSV")

    @property
    def as_of(self) -> int:
        return AS_OF

    async def read(self, statement: Statement) -> Rows:
        params = {name: format_bind_value(value) for name, value in statement.params.items()}
        settings = "output_format_json_quote_64bit_integers = 0, max_threads = 2"
        answer = self._connection.query(f"{statement.sql}\nSETTINGS {settings}", "JSONCompact", params=params)
        body = orjson.loads(answer.bytes())
        columns = tuple(column["name"] for column in body["meta"])
        return Rows(columns, body["data"], body["statistics"]["rows_read"], body["statistics"]["elapsed"])

    def text(self, sql: str) -> str:
        return self._connection.query(sql, "JSONCompactEachRow").bytes().decode()

    def tenant(self, events: Iterable[dict[str, Any]]) -> str:
        """A new tenant that has just these events, arrived in this order. Times are RFC 3339 or microseconds."""
        tenant = f"tenant-{next(self._tenants)}"
        rows = []
        for event in events:
            moment = event["occurred_at"]
            rows.append(
                [
                    tenant,
                    event.get("event_id", str(uuid.UUID(int=next(self._arrivals)))),
                    event["event_name"],
                    _text(at(moment) if isinstance(moment, str) else moment),
                    _text(next(self._arrivals)),
                    event.get("site_id", ""),
                    event.get("session_id", ""),
                    event.get("user_id", ""),
                    event.get("source", "web"),
                    event.get("schema_id", ""),
                    orjson.dumps(event.get("attributes", {})).decode(),
                    orjson.dumps(event.get("context", {})).decode(),
                ]
            )
        if rows:
            lines = "\n".join(orjson.dumps(row).decode() for row in rows)
            head = f"INSERT INTO events ({COLUMNS}) SETTINGS {INSERT_SETTINGS} FORMAT JSONCompactEachRow"
            self._connection.query(f"{head}\n{lines}", "CSV")
        return tenant

    def answer(self, query: Query, max_points: int = 10_000) -> dict[str, Any]:
        """The whole answer to a query, as a client would get it."""
        result = asyncio.run(ReportRunner(self, max_points).run(query)).as_json()
        return orjson.loads(orjson.dumps(result))


def _text(micros: int) -> str:
    return f"{micros // 1_000_000}.{micros % 1_000_000:06d}"


@pytest.fixture(scope="session")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Engine:
    """The engine, opened once: chDB allows one folder a process."""
    return Engine(tmp_path_factory.mktemp("chdb"))
