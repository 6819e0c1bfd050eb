"""The run of user SQL: the only file of it that waits for the engine."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Protocol

import structlog

from auricle.errors import AuricleError, TooManyRequests
from auricle.report.literal import quoted
from auricle.report.sql.refusal import Limits, refusal, too_slow
from auricle.report.sql.statement import Format, Ready
from auricle.report.sql.table import SOURCE, known_sql, unknown_table
from auricle.report.sql.tree import check_tree
from auricle.settings import Settings
from auricle.store.events import Refused

log = structlog.get_logger(__name__)

AT_ONCE = 2
"""Statements of one tenant that run at once."""
WAITING = 16
"""Statements of one tenant that may wait for their turn."""
GRACE = 0.5
"""Seconds that the engine has after the limit to end a statement before the client is told without it."""
REMEMBERED = 10_000
FIXED = {
    "max_threads": "1",
    "max_block_size": "8192",
    "os_threads_nice_value_query": "19",
    "result_overflow_mode": "throw",
    "timeout_overflow_mode": "throw",
    "max_result_bytes": "50000000",
    "max_subquery_depth": "50",
    "max_ast_depth": "500",
    "max_ast_elements": "20000",
    "max_expanded_ast_elements": "100000",
    "max_query_size": "4000000",
    # NOTE: nothing goes to the disk: what does not fit into the memory of a statement is not run.
    "max_bytes_ratio_before_external_group_by": "0",
    "max_bytes_ratio_before_external_sort": "0",
    "max_bytes_ratio_before_external_distinct": "0",
    "max_bytes_ratio_before_external_join": "0",
    "join_algorithm": "hash",
    "allow_ddl": "0",
    "allow_introspection_functions": "0",
    "log_queries": "0",
    "session_timezone": "UTC",
    "output_format_json_quote_64bit_integers": "0",
}
"""Settings of every statement. User SQL yields to ingest: one thread, at a low priority where the system allows it."""


class Engine(Protocol):
    """The part of the event store that user SQL needs."""

    @property
    def database(self) -> str:
        """The database that holds the events."""

    def answer(self, sql: str, settings: Mapping[str, str], form: str) -> Future[bytes]:
        """What the engine answers; the future raises `Refused` or `Unavailable`."""


@dataclass(slots=True)
class _Turns:
    """The statements of one tenant."""

    free: asyncio.Semaphore
    asked: int = 0


class SqlRunner:
    """Runs statements that were made ready. Belongs to the event loop."""

    def __init__(self, engine: Engine, limits: Limits) -> None:
        self._engine = engine
        self.limits = limits
        self._turns: dict[str, _Turns] = {}
        self._known: OrderedDict[tuple[str, str], None] = OrderedDict()

    async def run(self, ready: Ready, tenant_id: str) -> bytes:
        """The answer, in the format of the statement; at most half a second after the limit.

        Raises:
            Invalid: the engine refuses it, or finds in it what is not allowed.
            QueryTimeout: it reached a limit of time, memory or size.
            TooManyRequests: the tenant has too many under way.
            Unavailable: the engine is away.
        """
        deadline = time.monotonic() + self.limits.seconds
        turns = self._turns.setdefault(tenant_id, _Turns(asyncio.Semaphore(AT_ONCE)))
        if turns.asked >= AT_ONCE + WAITING:
            raise _busy()
        turns.asked += 1
        try:
            return await self._in_turn(turns, ready, tenant_id, deadline)
        finally:
            turns.asked -= 1
            if not turns.asked and not turns.free.locked():
                self._forget(tenant_id, turns)

    def _forget(self, tenant_id: str, turns: _Turns) -> None:
        # NOTE: a statement that outlives its request still holds its turn; then the turns are kept.
        if turns.free._value == AT_ONCE:
            self._turns.pop(tenant_id, None)

    async def _in_turn(self, turns: _Turns, ready: Ready, tenant_id: str, deadline: float) -> bytes:
        for name in ready.datasets:
            if (tenant_id, name) not in self._known:
                await self._find(turns, tenant_id, name, deadline)
        if not ready.own:
            explained = await self._ask(turns, f"EXPLAIN QUERY TREE {ready.sql}", tenant_id, deadline, "TabSeparated")
            database = await asyncio.to_thread(lambda: self._engine.database)
            check_tree(explained.decode(), database)
        return await self._ask(turns, ready.sql, tenant_id, deadline, ready.form)

    async def _find(self, turns: _Turns, tenant_id: str, name: str, deadline: float) -> None:
        """Makes sure that a tenant has a dataset."""
        if not await self._ask(turns, known_sql(tenant_id, name), tenant_id, deadline, Format.CSV):
            raise unknown_table()
        self._known[tenant_id, name] = None
        if len(self._known) > REMEMBERED:
            self._known.popitem(last=False)

    async def _ask(self, turns: _Turns, sql: str, tenant_id: str, deadline: float, form: str) -> bytes:
        try:
            async with asyncio.timeout(max(deadline - time.monotonic(), 0)):
                await turns.free.acquire()
        except TimeoutError:
            raise _busy() from None
        left = max(deadline - time.monotonic(), 0.05)
        loop = asyncio.get_running_loop()
        future = self._engine.answer(sql, settings_of(tenant_id, self.limits, left), form)
        # NOTE: the turn is free when the engine has ended, not when the client was told: what the engine cannot stop
        # must not be started again and again.
        future.add_done_callback(lambda _: loop.call_soon_threadsafe(turns.free.release))
        answer = asyncio.wrap_future(future)
        # NOTE: what comes after the client was told is heard by nobody, and asyncio would log it as lost.
        answer.add_done_callback(lambda late: late.cancelled() or late.exception())
        try:
            async with asyncio.timeout(left + GRACE):
                return await asyncio.shield(answer)
        except TimeoutError:
            if future.cancel():
                # It never began: other tenants' statements held all threads.
                raise _busy() from None
            log.warning("sql_overruns", tenant=tenant_id, seconds=self.limits.seconds)
            raise too_slow(self.limits) from None
        except Refused as error:
            raise self._refusal(error.code) from None

    def _refusal(self, code: int) -> AuricleError:
        return refusal(code, self.limits)


def limits_of(settings: Settings) -> Limits:
    """The limits that the operator set."""
    return Limits(settings.sql_seconds, settings.sql_memory, settings.sql_rows)


def settings_of(tenant_id: str, limits: Limits, seconds: float) -> dict[str, str]:
    """The engine's settings for a statement of a tenant that may run for so many seconds more."""
    condition = quoted(f"tenant_id = {quoted(tenant_id)}")
    return FIXED | {
        "readonly": "1",
        "additional_table_filters": f"{{'{SOURCE}': {condition}}}",
        "max_execution_time": f"{seconds:.3f}",
        "max_memory_usage": str(limits.memory),
        "max_result_rows": str(limits.rows),
    }


def _busy() -> TooManyRequests:
    return TooManyRequests("Too many statements are under way: wait until some have ended.", retry_after=1)
