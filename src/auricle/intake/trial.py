"""The trial: how many of the stored events of a name a schema would refuse."""

import asyncio
import time
from collections import Counter
from dataclasses import dataclass
from typing import Any

import orjson

from auricle.intake.schemas import Registry, Schema
from auricle.model.statement import Statement
from auricle.store.events import EventStore

LAST = 100_000
"""Stored events that are looked at, the latest first."""
PAGE = 2_000
SECONDS = 20.0
"""A trial ends after this; `checked` says how far it came."""
EXPLAINED = 200
"""Failing events whose rules are told."""

_SQL = (
    "SELECT attributes, toString(event_id), toUnixTimestamp64Micro(occurred_at) FROM events"
    " WHERE tenant_id = {tenant:String} AND event_name = {name:String}"
    " AND (occurred_at, event_id) < (fromUnixTimestamp64Micro({at:Int64}, 'UTC'), {id:UUID})"
    " ORDER BY occurred_at DESC, event_id DESC LIMIT {limit:UInt32}"
)
_END = (10_413_791_999_000_000, "ffffffff-ffff-ffff-ffff-ffffffffffff")
_ENVELOPE = {
    "event_id": "00000000-0000-0000-0000-000000000000",
    "occurred_at": "2000-01-01T00:00:00Z",
    "source": "test",
}


@dataclass(frozen=True, slots=True)
class Trial:
    """What a trial found."""

    checked: int
    failed: int
    rules: tuple[tuple[str, str, int], ...]
    """Pointer, rule, and how many of the failing events that were explained broke it first."""

    def as_json(self) -> dict[str, Any]:
        """The trial as it stands in answers."""
        rules = [{"pointer": pointer, "rule": rule, "events": events} for pointer, rule, events in self.rules]
        return {"checked": self.checked, "failed": self.failed, "rules": rules}


async def try_schema(events: EventStore, tenant_id: str, schema: Schema, registry: Registry) -> Trial:
    """Checks the last stored events of the schema's name against it.

    Raises:
        Unavailable: the event store is away.
    """
    deadline, place = time.monotonic() + SECONDS, _END
    checked = failed = 0
    rules: Counter[tuple[str, str]] = Counter()
    while checked < LAST and time.monotonic() < deadline:
        params = {"tenant": tenant_id, "name": schema.event_name, "at": place[0], "id": place[1]}
        rows = (await events.read(Statement(_SQL, {**params, "limit": min(PAGE, LAST - checked)}))).rows
        if not rows:
            break
        failed += await asyncio.to_thread(_failing, rows, schema, registry, rules)
        checked += len(rows)
        place = (int(rows[-1][2]), str(rows[-1][1]))
    told = tuple((pointer, rule, count) for (pointer, rule), count in rules.most_common(10))
    return Trial(checked, failed, told)


def _failing(rows: Any, schema: Schema, registry: Registry, rules: Counter[tuple[str, str]]) -> int:
    failed = 0
    for attributes, *_ in rows:
        event = {**_ENVELOPE, "event_name": schema.event_name, "attributes": orjson.loads(attributes)}
        if not schema.is_valid(event):
            failed += 1
            if rules.total() < EXPLAINED:
                fault = next(iter(registry.faults(event, schema)), None)
                rules[(fault.pointer, fault.rule) if fault else ("", "schema")] += 1
    return failed
