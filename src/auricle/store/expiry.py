"""The engine's side of a sweep: which events go, their ids that stay, and the deletion.

A sweep touches one month of the event store, so that its work is bounded, and takes all tenants' events of it at once:
one deletion that writes the month's parts anew is dear, a thousand small ones are dearer. Each step may be repeated.
"""

from collections.abc import Sequence
from itertools import groupby

from auricle.model.statement import Statement
from auricle.model.sweep import Group, Share, Sweep
from auricle.store.events import EventStore
from auricle.store.purge import Progress, Purge

PAGE = 2_000
"""Groups that are noted with one statement."""
POINT = "datapoint.written"
"""The event that a data point is."""


def dataset(told_apart: bool) -> str:
    """SQL of the dataset of a row; without need it is not read, for it stands in the text of the attributes."""
    return f"if(event_name = '{POINT}', JSONExtractString(attributes, 'dataset'), '')" if told_apart else "''"


class Expiry:
    """Takes events over their days away. Every call is short but `retire`; the engine deletes by itself."""

    def __init__(self, events: EventStore) -> None:
        self._events = events
        self._purge = Purge(events)

    def stage(self, sweep: Sweep, groups: Sequence[Group]) -> None:
        """Notes the groups that a sweep takes, and nothing else."""
        self.forget(sweep)
        for start in range(0, len(groups), PAGE):
            page = groups[start : start + PAGE]
            columns = {
                "tenants": [one.tenant_id for one in page],
                "names": [one.event_name for one in page],
                "datasets": [one.dataset for one in page],
                "days": [one.day for one in page],
            }
            zipped = ", ".join(f"{{{column}:Array(String)}}" for column in columns)
            sql = (
                "INSERT INTO expiring SELECT {sweep:UUID}, one.1, one.2, one.3, toDate(one.4)"
                f" FROM (SELECT arrayJoin(arrayZip({zipped})) AS one)"
            )
            self._events.run(Statement(sql, {"sweep": sweep.id, **columns}))

    def shares(self, sweep: Sweep) -> tuple[Share, ...]:
        """What is there of the sweep's groups, by tenant and name."""
        rows = self._events.ask(
            Statement(
                f"SELECT tenant_id, event_name, count() FROM events WHERE {chosen(sweep)}"
                " GROUP BY tenant_id, event_name ORDER BY tenant_id, event_name",
                {"sweep": sweep.id},
            )
        ).rows
        by_tenant = groupby(rows, key=lambda row: str(row[0]))
        return tuple(Share(tenant, {name: events for _, name, events in found}) for tenant, found in by_tenant)

    def left(self, sweep: Sweep) -> int:
        """How many rows of the sweep's groups are still there."""
        return sum(share.events for share in self.shares(sweep))

    def retire(self, sweep: Sweep) -> bool:
        """Notes the ids of the sweep's rows; whether all of them are there now."""
        sql = (
            "INSERT INTO retired SELECT event_id, tenant_id, toStartOfMonth(received_at), toString({sweep:UUID})"
            f" FROM events WHERE {chosen(sweep)}"
        )
        self._events.run(Statement(sql, {"sweep": sweep.id}))
        known = "cityHash64(tenant_id, event_id)"
        there = f"SELECT count(), sum({known}) FROM events WHERE {chosen(sweep)}"
        # NOTE: what is noted twice is in the order of the table's key, so that this needs no memory for ids.
        noted = (
            f"SELECT count(), sum(hash) FROM (SELECT any({known}) AS hash FROM retired"
            " WHERE sweep = toString({sweep:UUID}) GROUP BY event_id, tenant_id)"
            " SETTINGS optimize_aggregation_in_order = 1"
        )
        rows, ids = (self._events.ask(Statement(text, {"sweep": sweep.id})).rows for text in (there, noted))
        return rows == ids

    def delete(self, sweep: Sweep) -> None:
        """Orders the engine to delete the sweep's rows; it goes on by itself, also after a restart."""
        sql = f"ALTER TABLE events DELETE IN PARTITION {sweep.month:d} WHERE {chosen(sweep)}"
        self._events.run(Statement(sql, {"sweep": sweep.id}))

    def progress(self, sweep: Sweep) -> Progress:
        """How the deletion stands."""
        return self._purge.progress(sweep.id)

    def forget(self, sweep: Sweep) -> None:
        """Removes the noted groups of a sweep."""
        self._events.run(Statement(f"ALTER TABLE expiring DROP PARTITION '{sweep.id}'"))


def chosen(sweep: Sweep) -> str:
    """The body of a WHERE: the rows of a sweep, `{sweep:UUID}`."""
    row = f"tenant_id, event_name, {dataset(sweep.datasets)}, toDate(received_at)"
    return (
        f"toYYYYMM(occurred_at) = {sweep.month:d} AND ({row}) IN"
        " (SELECT tenant_id, event_name, dataset, day FROM expiring WHERE sweep = {sweep:UUID})"
    )
