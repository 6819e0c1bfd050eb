"""The segments of the rollups, in the engine: made, merged, purged of a tenant, dropped.

A segment is a partition of every rollup's table. Nothing here decides which of them count (`store/rollup.py`), so each
step may be cut off anywhere: what it leaves is not counted, and dropped later.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from auricle.model.rollup import ROLLUPS, STEP
from auricle.model.statement import Statement
from auricle.store.events import EventStore

CHUNK = 2_000_000
"""Rows of one statement, so that its memory and its time are bounded."""
DAY = 86_400_000_000
FIRST, LAST = 31_536_000_000_000, 7_258_118_400_000_000
"""What a report may ask for, 1971 to 2199 (`report/time.py`), in microseconds."""
_OURS = f"database = currentDatabase() AND table IN ({', '.join(f'{name!r}' for name in ROLLUPS)})"
_BUCKET = f"fromUnixTimestamp64Micro(intDiv(toUnixTimestamp64Micro(occurred_at), {STEP}) * {STEP}, 'UTC')"
_DAY = f"intDiv(toUnixTimestamp64Micro(occurred_at), {DAY})"


@dataclass(frozen=True, slots=True)
class Batch:
    """Events to roll up: those received after `low` and by `high`, of one tenant or of all."""

    low: int
    high: int
    tenant_id: str | None = None

    @property
    def condition(self) -> str:
        """SQL of which events these are."""
        received = (
            "received_at > fromUnixTimestamp64Micro({low:Int64}, 'UTC')"
            " AND received_at <= fromUnixTimestamp64Micro({high:Int64}, 'UTC')"
        )
        return received if self.tenant_id is None else f"tenant_id = {{tenant:String}} AND {received}"

    @property
    def params(self) -> dict[str, object]:
        """The values of it."""
        found: dict[str, object] = {"low": self.low, "high": self.high}
        return found if self.tenant_id is None else {**found, "tenant": self.tenant_id}


class SegmentStore:
    """The rows of the rollups. Every call blocks until the engine is done."""

    def __init__(self, events: EventStore) -> None:
        self._events = events

    def prepare(self) -> None:
        """Gives the events of older folders the index that finds what was received lately."""
        there = (
            "SELECT count() FROM system.data_skipping_indices"
            " WHERE database = currentDatabase() AND table = 'events' AND name = 'by_received_at'"
        )
        if not self._events.ask(Statement(there)).rows[0][0]:
            index = "by_received_at received_at TYPE minmax GRANULARITY 1"
            self._events.run(Statement(f"ALTER TABLE events ADD INDEX IF NOT EXISTS {index}"))
            self._events.run(Statement("ALTER TABLE events MATERIALIZE INDEX by_received_at"))

    def sizes(self) -> dict[int, int]:
        """Rows of every segment that the engine has, all tables together."""
        sql = f"SELECT toUInt64(partition), sum(rows) FROM system.parts WHERE active AND {_OURS} GROUP BY partition"
        return {int(segment): int(rows) for segment, rows in self._events.ask(Statement(sql)).rows}

    def build(self, segment: int, batch: Batch) -> bool:
        """Rolls events up into a segment; False when there are none."""
        days = f"SELECT {_DAY} AS day, count() FROM events WHERE {batch.condition} GROUP BY day ORDER BY day"
        found = False
        for since, until in self._ranges(Statement(days, batch.params)):
            found = True
            for name in ROLLUPS:
                select = _rolled(segment, name, "events", "count()", f"{batch.condition} AND {_in_range()}")
                self._run(select, {**batch.params, "since": since, "until": until})
        return found

    def merge(self, segment: int, merged: tuple[int, ...]) -> None:
        """Makes one segment of several."""
        among = "segment IN {segments:Array(UInt64)}"
        for name in ROLLUPS:
            days = f"SELECT {_DAY} AS day, count() FROM {name} WHERE {among} GROUP BY day ORDER BY day"
            params: dict[str, object] = {"segments": list(merged)}
            for since, until in self._ranges(Statement(days, params)):
                select = _rolled(segment, name, name, f"sum({name}.events)", f"{among} AND {_in_range()}")
                self._run(select, {**params, "since": since, "until": until})

    def purge(self, tenant_id: str) -> None:
        """Deletes every row of a tenant, those of segments that do not count too."""
        for name in ROLLUPS:
            mine = "WHERE tenant_id = {tenant:String}"
            params = {"tenant": tenant_id}
            if self._events.ask(Statement(f"SELECT count() FROM {name} {mine}", params)).rows[0][0]:
                self._events.run(Statement(f"ALTER TABLE {name} DELETE {mine} SETTINGS mutations_sync = 1", params))

    def drop(self, segment: int) -> None:
        """Removes a segment."""
        for name in ROLLUPS:
            self._events.run(Statement(f"ALTER TABLE {name} DROP PARTITION {segment:d}"))

    def _run(self, select: str, params: dict[str, object]) -> None:
        self._events.run(Statement(select, params))

    def _ranges(self, days: Statement) -> Iterator[tuple[int, int]]:
        """Ranges of `occurred_at` that hold all the rows, each about `CHUNK` of them. `days` gives (day, rows)."""
        since, held = FIRST, 0
        rows = self._events.ask(days).rows
        for day, count in rows:
            if held and held + count > CHUNK and day * DAY > since:
                yield since, day * DAY
                since, held = day * DAY, 0
            held += count
        if rows:
            yield since, LAST


def _in_range() -> str:
    return (
        "occurred_at >= fromUnixTimestamp64Micro({since:Int64}, 'UTC')"
        " AND occurred_at < fromUnixTimestamp64Micro({until:Int64}, 'UTC')"
    )


def _rolled(segment: int, name: str, source: str, events: str, condition: str) -> str:
    """SQL that puts rows of a source into a segment of a rollup, each group as one row."""
    keys = ("tenant_id", *sorted(ROLLUPS[name]))
    columns = ", ".join(keys)
    return (
        f"INSERT INTO {name} (segment, occurred_at, {columns}, events)\n"
        f"SELECT {segment:d}, bucket, {columns}, {events}\n"
        f"FROM {source} WHERE {condition}\n"
        f"GROUP BY {_BUCKET} AS bucket, {columns}"
    )
