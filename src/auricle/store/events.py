"""The events in ClickHouse: embedded or by URL, through one client and one dialect."""

import asyncio
import re
import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import resources
from typing import Any, Self

import clickhouse_connect
import orjson
import structlog
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError, DatabaseError
from urllib3.exceptions import HTTPError

from auricle.errors import AuricleError, QueryTimeout, Unavailable
from auricle.model.event import Event
from auricle.model.rollup import ROLLUPS
from auricle.model.statement import Rows, Statement
from auricle.settings import Settings
from auricle.store.engine import Address, EmbeddedEngine

log = structlog.get_logger(__name__)

COLUMNS = (*(name for name in Event._fields if name != "occurred_at"), "occurred_at", "received_at")
"""The columns of a row on its way in."""
INSERT_SETTINGS = {
    "async_insert": "0",
    "insert_deduplicate": "1",
    "max_partitions_per_insert_block": "0",
    "input_format_json_read_objects_as_strings": "1",
    # NOTE: parallel parsing starts threads for every insert, and on two cores they take from the door.
    "input_format_parallel_parsing": "0",
}
UNREADABLE = frozenset({6, 26, 27, 33, 38, 41, 53, 69, 70, 72, 117, 130, 131, 321, 349, 376, 407, 691})
"""Error codes that speak of the rows: they cannot be parsed, converted or held. Any other passes: a full disk does."""
EXPORT_SECONDS = 3_600
PIECE = 1 << 18
"""Bytes of an export that are read at a time."""
_ERROR_NAME = re.compile(r"\(([A-Z][A-Z_0-9]+)\)")
TABLES = ("events", "retired", "expiring", *ROLLUPS)
"""The tables of the engine, each in `sql/`; made where they are not there yet."""
FIND_IDS = 2_000
"""Ids of one look-up."""


@dataclass(frozen=True, slots=True)
class Known:
    """What the store knows of some ids."""

    kept: list[tuple[Event, int]]
    """The events, each with its `received_at` in microseconds."""
    retired: set[tuple[str, str]]
    """(tenant id, event id) of those that were stored once and are no longer kept."""


class BadRows(Exception):
    """The engine cannot read what it was given; a retry would fail again."""


class Refused(Exception):
    """The engine refuses a statement; `code` is its own."""

    def __init__(self, code: int) -> None:
        super().__init__(f"code {code}")
        self.code = code


class EventStore:
    """Reads and writes the table `events`. Thread-safe; async reads run on threads of its own."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._engine = (
            None if settings.clickhouse_url else EmbeddedEngine(settings.data / "engine", settings.engine_memory)
        )
        self._client: tuple[object, Client] | None = None
        self._lock = threading.Lock()
        # Look-ups of ids have threads of their own: slow reports must not hold up the door.
        self._reports = ThreadPoolExecutor(8, thread_name_prefix="report")
        self._lookups = ThreadPoolExecutor(2, thread_name_prefix="lookup")
        # One more than a tenant may have running: none holds up all others, and two cores have room for ingest.
        self._statements = ThreadPoolExecutor(3, thread_name_prefix="sql")

    def __enter__(self) -> Self:
        if self._engine:
            self._engine.start()
        return self

    def __exit__(self, *_: object) -> None:
        for threads in (self._reports, self._lookups, self._statements):
            threads.shutdown(wait=False, cancel_futures=True)
        if self._client:
            self._client[1].close()
        if self._engine:
            self._engine.stop()

    @property
    def engine(self) -> EmbeddedEngine | None:
        """The embedded engine, or None when a server is used."""
        return self._engine

    def insert(self, rows: bytes, token: str) -> None:
        """Writes rows, JSONCompactEachRow text in the order of `COLUMNS`; returns when they are on disk.

        The same token twice writes once.

        Raises:
            BadRows: the engine cannot read them.
            Unavailable: anything else; nothing is known about what was written.
        """
        try:
            with self._told() as client:
                client.raw_insert(
                    "events",
                    list(COLUMNS),
                    rows,
                    fmt="JSONCompactEachRow",
                    settings={**INSERT_SETTINGS, "insert_deduplication_token": token},
                )
        except AuricleError as error:
            cause = error.__cause__
            if isinstance(cause, DatabaseError) and cause.code in UNREADABLE:
                raise BadRows(str(cause)) from error
            raise

    def find(self, ids: Sequence[tuple[str, str]]) -> list[tuple[Event, int]]:
        """The stored events among (tenant id, event id), each with its `received_at` in microseconds."""
        found: list[tuple[Event, int]] = []
        for start in range(0, len(ids), FIND_IDS):
            part = ids[start : start + FIND_IDS]
            sql = (
                f"SELECT {', '.join(_as_micros(column) for column in COLUMNS)} FROM events"
                " WHERE event_id IN {ids:Array(UUID)} AND tenant_id IN {tenants:Array(String)}"
            )
            params = {"ids": [event_id for _, event_id in part], "tenants": sorted({tenant for tenant, _ in part})}
            wanted = set(part)
            for row in self._read(Statement(sql, params)).rows:
                *fields, attributes, context, occurred_at, received_at = row
                parts = (*fields[:3], occurred_at, *fields[3:], orjson.loads(attributes), orjson.loads(context))
                event = Event(*parts)
                if (event.tenant_id, event.event_id) in wanted:
                    found.append((event, received_at))
        return found

    def retired(self, ids: Sequence[tuple[str, str]]) -> set[tuple[str, str]]:
        """Those of (tenant id, event id) that were stored once and are no longer kept."""
        found: set[tuple[str, str]] = set()
        for start in range(0, len(ids), FIND_IDS):
            part = ids[start : start + FIND_IDS]
            sql = "SELECT tenant_id, toString(event_id) FROM retired WHERE event_id IN {ids:Array(UUID)}"
            rows = self._read(Statement(sql, {"ids": [event_id for _, event_id in part]})).rows
            found |= {(tenant_id, event_id) for tenant_id, event_id in rows} & set(part)
        return found

    def known(self, ids: Sequence[tuple[str, str]]) -> Known:
        """What is known of (tenant id, event id): the events that are kept, and the ids of those that no longer are."""
        # NOTE: the events first. An id is noted before its row goes, so it cannot slip through between the two.
        kept = self.find(ids)
        there = {(event.tenant_id, event.event_id) for event, _ in kept}
        return Known(kept, self.retired([one for one in ids if one not in there]))

    async def known_async(self, ids: Sequence[tuple[str, str]]) -> Known:
        """`known`, without holding the event loop."""
        return await asyncio.get_running_loop().run_in_executor(self._lookups, self.known, ids)

    def ids(self) -> Iterator[bytes]:
        """Every event id that was ever stored, in pieces of whole ids.

        An id is 16 bytes: two little-endian halves, the high one first.
        """
        for table in ("events", "retired"):
            yield from self._ids(table)

    def _ids(self, table: str) -> Iterator[bytes]:
        with self._told() as client:
            stream: Any = client.raw_stream(f"SELECT event_id FROM {table}", fmt="RowBinary")
            rest = b""
            while piece := stream.read(1 << 20):
                piece = rest + piece
                whole = len(piece) // 16 * 16
                rest = piece[whole:]
                yield piece[:whole]

    def stream(self, statement: Statement, form: str) -> Iterator[bytes]:
        """The rows of a SELECT in a format of the engine, in pieces as they come. Blocks: belongs in a thread.

        Memory does not grow with the rows.

        Raises:
            Unavailable: the engine is away, at any time; QueryTimeout: a limit was reached.
        """
        limits = {
            "max_execution_time": str(EXPORT_SECONDS),
            "max_memory_usage": str(self._settings.query_memory),
            "max_bytes_before_external_sort": str(self._settings.query_memory // 2),
            "session_timezone": "UTC",
            "output_format_json_quote_64bit_integers": "0",
        }
        if form != "Parquet":  # the embedded engine writes it to a file first, which is no reading
            limits["readonly"] = "2"
        with self._told() as client:
            stream: Any = client.raw_stream(statement.sql, dict(statement.params), settings=limits, fmt=form)
            try:
                while piece := stream.read(PIECE):
                    yield piece
            finally:
                stream.close()

    async def read(self, statement: Statement) -> Rows:
        """Runs a report's SELECT under the limits of the settings.

        Raises:
            Unavailable: the engine is away.
            QueryTimeout: a limit was reached.
        """
        return await asyncio.get_running_loop().run_in_executor(self._reports, self._read, statement)

    def ask(self, statement: Statement) -> Rows:
        """`read`, on the caller's thread."""
        return self._read(statement)

    def run(self, statement: Statement) -> None:
        """Runs a statement that changes something and gives no rows.

        Raises:
            Unavailable: the engine is away, or refuses.
        """
        with self._told() as client:
            client.raw_query(statement.sql, dict(statement.params))

    def lines(self, statement: Statement) -> Iterator[bytes]:
        """The rows of a SELECT as lines of JSON lists, as they come: for answers of any length."""
        with self._told() as client:
            stream: Any = client.raw_stream(statement.sql, dict(statement.params), fmt="JSONCompactEachRow")
            rest = b""
            while piece := stream.read(1 << 20):
                *whole, rest = (rest + piece).split(b"\n")
                yield from whole
            if rest:
                yield rest

    def _read(self, statement: Statement) -> Rows:
        limits = {
            "readonly": "2",
            "max_execution_time": str(self._settings.query_seconds),
            "max_memory_usage": str(self._settings.query_memory),
            "max_result_rows": "200000",
            "output_format_json_quote_64bit_integers": "0",
            "session_timezone": "UTC",
        }
        with self._told() as client:
            text = client.raw_query(statement.sql, dict(statement.params), settings=limits, fmt="JSONCompact")
        answer = orjson.loads(text)
        statistics = answer["statistics"]
        return Rows(
            tuple(column["name"] for column in answer["meta"]),
            answer["data"],
            statistics["rows_read"],
            statistics["elapsed"],
        )

    def answer(self, sql: str, settings: Mapping[str, str], form: str) -> Future[bytes]:
        """What the engine answers to a statement under these settings and no others, written in a format.

        The future ends when the engine has, even if that is long after its limit. It raises `Refused`, or
        `Unavailable` when the engine is away.
        """
        return self._statements.submit(self._answer, sql, dict(settings), form)

    def _answer(self, sql: str, settings: dict[str, str], form: str) -> bytes:
        with self._told() as client:
            try:
                return bytes(client.raw_query(sql, settings=settings | {"wait_end_of_query": "1"}, fmt=form))
            except DatabaseError as error:
                if error.code:
                    # NOTE: not chained and not logged: the engine's words repeat the statement.
                    raise Refused(error.code) from None
                raise

    @property
    def database(self) -> str:
        """The database of the engine that holds the table."""
        return str(self._connected().database or "default")

    def ready(self) -> bool:
        """Whether the engine answers and has its table."""
        try:
            with self._told() as client:
                client.raw_query("SELECT 1 FROM events LIMIT 0")
        except AuricleError:
            return False
        return True

    @contextmanager
    def _told(self) -> Iterator[Client]:
        """The client, with the engine's errors told as ours."""
        try:
            yield self._connected()
        except DatabaseError as error:
            if error.code in (159, 160, 241, 396):
                raise QueryTimeout("The query reached a limit of time, memory or rows; narrow its range.") from error
            if error.code:
                # NOTE: not the engine's words: they quote values, and a log may hold nothing that an erasure must find.
                log.warning("engine_error", code=error.code, name=_name_of(error))
            raise Unavailable("The event store refused; events are accepted meanwhile.", retry_after=2) from error
        except (ClickHouseError, HTTPError, OSError) as error:
            raise Unavailable("The event store is away; events are accepted meanwhile.", retry_after=2) from error

    def _connected(self) -> Client:
        place = self._engine.address() if self._engine else self._settings.clickhouse_url
        with self._lock:
            if self._client is None or self._client[0] != place:
                # NOTE: a new process means a new port and secret; the old client is left to its running requests.
                self._client = (place, self._connect(place))
            return self._client[1]

    def _connect(self, place: Address | str | None) -> Client:
        options: dict[str, Any] = {
            "compress": False,
            "autogenerate_session_id": False,
            "query_limit": 0,
            "query_retries": 0,
        }
        options["send_receive_timeout"] = max(60.0, self._settings.query_seconds + 10)
        if isinstance(place, Address):
            options |= {"host": place.host, "port": place.port, "username": "default", "password": place.secret}
        else:
            options["dsn"] = place
        client = clickhouse_connect.get_client(**options)
        for table in TABLES:
            client.command(resources.files("auricle.store").joinpath(f"sql/{table}.sql").read_text())
        return client


def _name_of(error: Exception) -> str:
    """The engine's name of an error, `MEMORY_LIMIT_EXCEEDED`."""
    names = _ERROR_NAME.findall(str(error))
    return names[-1] if names else ""


def _as_micros(column: str) -> str:
    return f"toUnixTimestamp64Micro({column})" if column.endswith("_at") else column
