"""Which events are over their days: each rule, at the edge of its day, on the real engine."""

import uuid
from collections.abc import Mapping
from typing import Any

import pytest

from auricle.intake.row import body_of, line_of
from auricle.model.days import Days
from auricle.model.event import Event
from auricle.report.expiry import DAY, Rules, groups, preview
from auricle.store.events import EventStore

TODAY = 20_700
NOON = DAY // 2
HOSTILE = "it's `{p0:String}` \\ \n"


def rules(server: int = 0, today: int = TODAY, **tenants: Days) -> Rules:
    return Rules(server, tenants, today, 300_000_000)


def write(events: EventStore, tenant: str, *told: tuple[str, int, Mapping[str, Any]]) -> None:
    """Events by name, moment of receipt and attributes."""
    lines = []
    for name, received, attributes in told:
        event = Event(tenant, str(uuid.uuid4()), name, received - 1_000, "", "", "", "web", "", dict(attributes), {})
        lines.append(line_of(body_of(event), event.occurred_at, received))
    events.insert(b"\n".join(lines), str(uuid.uuid4()))


def gone(events: EventStore, tenant: str, told: Rules) -> dict[str, int]:
    """How many would go, by name and dataset; both statements must agree."""
    shown = {(name, dataset): count for name, dataset, count, *_ in events.ask(preview(told, tenant)).rows}
    found: dict[tuple[str, str], int] = {}
    for _, whose, name, dataset, _, count in events.ask(groups(told, 10_000)).rows:
        if whose == tenant:
            found[name, dataset] = found.get((name, dataset), 0) + count
    assert found == shown
    return {f"{name}/{dataset}".rstrip("/"): count for (name, dataset), count in found.items()}


def ago(days: int, moment: int = NOON) -> int:
    return (TODAY - days) * DAY + moment


CASES = [
    pytest.param(Days(), {}, id="none of its own, and the server keeps all"),
    pytest.param(Days(0), {}, id="for ever"),
    pytest.param(Days(10), {"page_view": 1, "shop.sold": 1, "shop.sold.twice": 1, "shopping": 1}, id="all"),
    pytest.param(Days(9), {"page_view": 2, "shop.sold": 1, "shop.sold.twice": 1, "shopping": 1}, id="a day less"),
    pytest.param(Days(10, {"page_view": 0}), {"shop.sold": 1, "shop.sold.twice": 1, "shopping": 1}, id="but one"),
    pytest.param(Days(None, {"shop.*": 10}), {"shop.sold": 1, "shop.sold.twice": 1}, id="a beginning"),
    pytest.param(Days(0, {"shop.*": 10, "shop.sold.*": 0}), {"shop.sold": 1}, id="the longest beginning wins"),
    pytest.param(Days(0, {"shop.*": 0, "shop.sold": 10}), {"shop.sold": 1}, id="a name wins over a beginning"),
    pytest.param(Days(1, {"datapoint.written": 0}, {"clicks": 5}), {"datapoint.written/clicks": 1}, id="a dataset"),
    pytest.param(Days(0, {}, {"clicks": 6, HOSTILE: 5}), {f"datapoint.written/{HOSTILE}": 1}, id="a hostile dataset"),
]


@pytest.mark.parametrize(("days", "expected"), CASES)
def test_each_rule(events: EventStore, tenant: str, days: Days, expected: dict[str, int]) -> None:
    old = [("page_view", ago(11), {}), ("shop.sold", ago(11), {}), ("shop.sold.twice", ago(11), {})]
    points = [("datapoint.written", ago(6), {"dataset": name, "blob1": "clicks"}) for name in ("clicks", HOSTILE, "x")]
    kept = [("page_view", ago(10), {}), ("page_view", ago(0), {})]
    if days.by_dataset:
        write(events, tenant, *points)
    if not days.by_dataset:
        write(events, tenant, *old, ("shopping", ago(11), {}), *kept)
    write(events, f"{tenant}-other", *old)
    assert gone(events, tenant, rules(**{tenant: days})) == expected
    assert gone(events, f"{tenant}-other", rules(**{tenant: days})) == {}


def test_a_day_is_kept_to_its_end(events: EventStore, tenant: str) -> None:
    write(
        events, tenant, ("a", ago(8, 0) - 1, {}), ("b", ago(8, 0), {}), ("c", ago(8, DAY - 1), {}), ("d", ago(7, 0), {})
    )
    told = {days: gone(events, tenant, rules(**{tenant: Days(days)})) for days in (8, 7, 6)}
    assert told == {8: {"a": 1}, 7: {"a": 1, "b": 1, "c": 1}, 6: {"a": 1, "b": 1, "c": 1, "d": 1}}


def test_what_occurred_ahead_of_its_receipt_is_found(events: EventStore, tenant: str) -> None:
    """An event may claim to be some minutes younger than its receipt: it must not escape by that."""
    ahead = Event(tenant, str(uuid.uuid4()), "a", ago(8, DAY - 1) + 299_000_000, "", "", "", "web", "", {}, {})
    events.insert(line_of(body_of(ahead), ahead.occurred_at, ago(8, DAY - 1)), tenant)
    assert gone(events, tenant, rules(**{tenant: Days(7)})) == {"a": 1}


def test_backfilled_history_goes_by_its_receipt(events: EventStore, tenant: str) -> None:
    old = Event(tenant, str(uuid.uuid4()), "a", ago(900), "", "", "", "web", "", {}, {})
    events.insert(line_of(body_of(old), old.occurred_at, ago(1)), tenant)
    assert gone(events, tenant, rules(**{tenant: Days(7)})) == {}
    assert gone(events, tenant, rules(today=TODAY + 7, **{tenant: Days(7)})) == {"a": 1}


def test_the_servers_days_hold_for_those_without_their_own() -> None:
    told = rules(90, acme=Days(None, {"a": 1}), other=Days(0))
    assert [told.days_of(tenant).events for tenant in ("acme", "other", "nobody")] == [90, 0, 90]
    assert told.days_of("acme").by_event == {"a": 1}
    assert (told.latest, rules(90).latest, rules(0).latest) == ((TODAY - 1) * DAY, (TODAY - 90) * DAY, 0)
    assert rules(30_000).latest == 0  # longer than there has been a clock
