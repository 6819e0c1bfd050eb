"""Which events are over their days, as SQL: by tenant, name and dataset, counted from the day of receipt.

An event received on a day is kept for the rest of that day and so many days more, in UTC: whole days, so that what a
sweep takes is named by a few groups, and looked for once a day.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from auricle.model.days import FOR_EVER, UNTOLD, Days
from auricle.model.statement import Statement
from auricle.model.sweep import Sweep
from auricle.report.binding import Binding
from auricle.store.expiry import POINT, chosen, dataset

DAY = 86_400_000_000
"""Microseconds of a day."""


@dataclass(frozen=True, slots=True)
class Rules:
    """How long events are kept, of whom, as of a day."""

    server: int
    """The days of tenants without their own."""
    tenants: Mapping[str, Days]
    """Those that have their own."""
    today: int
    """Days since 1970-01-01."""
    tolerance: int
    """Microseconds that an event may have been ahead of its receipt."""

    def days_of(self, tenant_id: str) -> Days:
        """The days of a tenant, the server's filled in."""
        own = self.tenants.get(tenant_id, UNTOLD)
        return own if own.events is not None else Days(self.server, own.by_event, own.by_dataset)

    def cut(self, days: int) -> int:
        """The first moment of receipt that is kept; 1970 when all are."""
        return 0 if days == FOR_EVER else max(0, (self.today - days) * DAY)

    @property
    def datasets(self) -> bool:
        """Whether any tenant has days for a dataset."""
        return any(days.by_dataset for days in self.tenants.values())

    @property
    def latest(self) -> int:
        """The last of all cuts: nothing received after it goes."""
        every = [self.server]
        for days in map(self.days_of, self.tenants):
            every += [days.events or FOR_EVER, *days.by_event.values(), *days.by_dataset.values()]
        return max(map(self.cut, every))


def groups(rules: Rules, limit: int) -> Statement:
    """What is over its days, the oldest first: month of occurrence, tenant, name, dataset, day of receipt, number."""
    binding = Binding()
    return binding.statement(
        f"SELECT toYYYYMM(occurred_at) AS month, tenant_id, event_name, {dataset(rules.datasets)} AS dataset,"
        f" toString(toDate(received_at)) AS day, count() AS events\nFROM events\nWHERE {over(rules, binding)}\n"
        f"GROUP BY month, tenant_id, event_name, dataset, day\nORDER BY month, day, tenant_id, event_name, dataset\n"
        f"LIMIT {limit:d}"
    )


def preview(rules: Rules, tenant_id: str) -> Statement:
    """What of a tenant is over its days, by name and dataset: number, first and last moment of receipt."""
    binding = Binding()
    mine = binding.text(tenant_id)
    return binding.statement(
        f"SELECT event_name, {dataset(rules.datasets)} AS dataset, count() AS events,"
        f" toUnixTimestamp64Micro(min(received_at)), toUnixTimestamp64Micro(max(received_at))\n"
        f"FROM events\nWHERE tenant_id = {mine} AND {over(rules, binding)}\n"
        f"GROUP BY event_name, dataset\nORDER BY events DESC, event_name, dataset\nLIMIT 1000"
    )


def kept(rules: Rules, sweep: Sweep) -> Statement:
    """How many of the rows that a sweep would take are not over their days."""
    binding = Binding()
    sql = f"SELECT count() FROM events WHERE {chosen(sweep)} AND NOT ({over(rules, binding)})"
    made = binding.statement(sql)
    return Statement(made.sql, {**made.params, "sweep": sweep.id})


def over(rules: Rules, binding: Binding) -> str:
    """The body of a WHERE: events that are over their days."""
    others = f" AND tenant_id NOT IN {binding.texts(tuple(rules.tenants))}" if rules.tenants else ""
    each = [f"(received_at < {binding.instant(rules.cut(rules.server))}{others})"]
    each += [
        f"(tenant_id = {binding.text(tenant)} AND received_at < {_cut(rules, rules.days_of(tenant), binding)})"
        for tenant in sorted(rules.tenants)
    ]
    # NOTE: the months of occurrence are what the engine can pass over; what was received by then occurred before, or
    # ran so far ahead as it was allowed to.
    bound = binding.instant(rules.latest + rules.tolerance)
    return f"occurred_at < {bound} AND ({' OR '.join(each)})"


def _cut(rules: Rules, days: Days, binding: Binding) -> str:
    """SQL of the first moment of receipt that is kept of a row, the narrowest rule first."""
    cases = [
        (f"event_name = '{POINT}' AND {dataset(True)} = {binding.text(name)}", kept)
        for name, kept in days.by_dataset.items()
    ]
    whole = {name: kept for name, kept in days.by_event.items() if not name.endswith(".*")}
    cases += [(f"event_name = {binding.text(name)}", kept) for name, kept in whole.items()]
    beginnings = sorted(days.by_event.keys() - whole.keys(), key=len, reverse=True)
    cases += [(f"startsWith(event_name, {binding.text(name[:-1])})", days.by_event[name]) for name in beginnings]
    rest = binding.instant(rules.cut(days.events or FOR_EVER))
    if not cases:
        return rest
    told = ", ".join(f"{condition}, {binding.instant(rules.cut(kept))}" for condition, kept in cases)
    return f"multiIf({told}, {rest})"
