"""Deleting rows of the event store so that no file holds them any more.

A `DELETE` of ClickHouse writes the parts anew without the rows, and leaves the old ones on the disk for a while. Its
text stays on the disk too (`mutation_N.txt`), so it may name no value: the ids to delete stand in a table of their
own, `erasing`, by job. Each step may be repeated.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID

import structlog

from auricle.model.rollup import ROLLUPS
from auricle.model.statement import Statement
from auricle.store.events import EventStore

log = structlog.get_logger(__name__)

PAGE = 50_000
# NOTE: the engine keeps old parts because what a merge writes is not synced; so that comes first.
_HURRY = (
    "min_rows_to_fsync_after_merge = 1, old_parts_lifetime = 1, cleanup_delay_period = 3,"
    " cleanup_delay_period_random_add = 0, max_cleanup_delay_period = 6"
)
_TABLE = (
    "CREATE TABLE IF NOT EXISTS erasing (job UUID, tenant_id LowCardinality(String), event_id UUID,"
    " kind LowCardinality(String)) ENGINE = MergeTree PARTITION BY job ORDER BY event_id"
    f" SETTINGS fsync_after_insert = 1, fsync_part_directory = 1, {_HURRY}"
)
_STAGED = "event_id IN (SELECT event_id FROM erasing WHERE job = {job:UUID})"
_MINE = "table = 'events' AND database = currentDatabase()"
_ALL = f"table IN ({', '.join(f'{name!r}' for name in ('events', *ROLLUPS))}) AND database = currentDatabase()"


@dataclass(frozen=True, slots=True)
class Progress:
    """How a deletion stands: whether one is under way, and why it fails if it does."""

    running: bool
    failed: bool


class Purge:
    """Deletes rows of the event store for good. Every call is short; the engine works on by itself."""

    def __init__(self, events: EventStore) -> None:
        self._events = events

    def stage(self, statement: Statement) -> None:
        """Notes the rows that a statement of `auricle.report.subject.stage` chooses."""
        self._events.run(Statement(_TABLE))
        self._events.run(statement)

    def staged(self, job: str) -> Iterator[list[tuple[bytes, str]]]:
        """The ids that were noted, 16 bytes each, with the kind of each, in pages."""
        last, sign = str(UUID(int=0)), ">="
        while True:
            sql = (
                f"SELECT toString(event_id), any(kind) FROM erasing WHERE job = {{job:UUID}}"
                f" AND event_id {sign} {{last:UUID}} GROUP BY event_id ORDER BY event_id LIMIT {PAGE}"
            )
            rows = self._events.ask(Statement(sql, {"job": job, "last": last})).rows
            if not rows:
                return
            yield [(UUID(event_id).bytes, kind) for event_id, kind in rows]
            last, sign = rows[-1][0], ">"

    def left(self, job: str, tenant_id: str) -> int:
        """How many of the noted rows are still there."""
        sql = f"SELECT count() FROM events WHERE tenant_id = {{tenant:String}} AND {_STAGED}"
        return int(self._events.ask(Statement(sql, {"job": job, "tenant": tenant_id})).rows[0][0])

    def delete(self, job: str, tenant_id: str) -> None:
        """Orders the engine to delete the noted rows; it goes on by itself, also after a restart."""
        sql = f"ALTER TABLE events DELETE WHERE tenant_id = {{tenant:String}} AND {_STAGED}"
        self._events.run(Statement(sql, {"job": job, "tenant": tenant_id}))

    def progress(self, job: str) -> Progress:
        """How the deletion of a job stands."""
        sql = (
            "SELECT countIf(NOT is_done), countIf(NOT is_done AND latest_fail_reason != '') FROM system.mutations"
            f" WHERE {_MINE} AND position(command, {{job:String}}) > 0"
        )
        running, failed = self._events.ask(Statement(sql, {"job": job})).rows[0]
        return Progress(bool(running), bool(failed))

    def old_parts(self) -> frozenset[str]:
        """The parts that are on the disk and count no longer."""
        sql = f"SELECT path FROM system.parts WHERE {_ALL} AND NOT active"
        return frozenset(str(path) for (path,) in self._events.ask(Statement(sql)).rows)

    def hurry(self) -> None:
        """Has old parts removed soon: tables made before this was asked of them, and servers, keep them for minutes."""
        self._events.run(Statement(f"ALTER TABLE events MODIFY SETTING {_HURRY}"))

    def drop_detached(self) -> None:
        """Removes the parts that the engine set aside because they were broken: nobody can say whose rows they hold."""
        sql = f"SELECT table, name FROM system.detached_parts WHERE {_ALL}"
        for table, name in self._events.ask(Statement(sql)).rows:
            log.warning("detached_part_dropped", part=name)
            quoted = name.replace("\\", "\\\\").replace("'", "\\'")
            drop = f"ALTER TABLE {table} DROP DETACHED PART '{quoted}' SETTINGS allow_drop_detached = 1"
            self._events.run(Statement(drop))

    def forget(self, job: str) -> None:
        """Removes the noted ids of a job."""
        self._events.run(Statement(_TABLE))
        self._events.run(Statement(f"ALTER TABLE erasing DROP PARTITION '{UUID(job)}'"))
