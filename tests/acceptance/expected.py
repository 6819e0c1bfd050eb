"""What the reports must say, counted in plain Python from the events that the clients remember."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from acceptance.crowd import NAMES, Fact
from service import Service

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
HOUR = 3_600_000_000
FUNNEL = NAMES[:3]
WINDOW = 20


def moment(micros: int) -> str:
    """RFC 3339 text, as reports write it."""
    return (EPOCH + timedelta(microseconds=micros)).isoformat().replace("+00:00", "Z")


def answers(facts: Sequence[Fact], start: int, end: int) -> dict[str, Any]:
    """Every report on these events; `start` and `end` are microseconds at full hours."""
    hours = range(start, end, HOUR)
    by_hour = Counter(fact.at // HOUR * HOUR for fact in facts)
    by_name: dict[str, Counter[int]] = defaultdict(Counter)
    for fact in facts:
        by_name[fact.name][fact.at // HOUR * HOUR] += 1
    ranked = sorted(by_name, key=lambda name: (-by_name[name].total(), name))
    users_by_hour = defaultdict(set)
    for fact in facts:
        users_by_hour[fact.at // HOUR * HOUR].add(fact.user)

    def line(counts: dict[int, int]) -> list[dict[str, Any]]:
        return [{"t": moment(hour), "value": counts.get(hour, 0)} for hour in hours]

    return {
        "count": {"metric": "events.count", "grain": "1h", "points": line(by_hour)},
        "sessions": {"metric": "sessions.count", "grain": "1h", "points": line(by_hour)},
        "users": {
            "metric": "users.count",
            "grain": "1h",
            "points": line({hour: len(users) for hour, users in users_by_hour.items()}),
        },
        "names": {
            "metric": "events.count",
            "grain": "1h",
            "series": [{"key": name, "points": line(by_name[name])} for name in ranked],
        },
        "top": {
            "rows": [{"value": name, "count": by_name[name].total()} for name in ranked],
            "other": 0,
            "total": len(facts),
        },
        "active": {"days": _days(facts, start, end)},
        "funnel": _funnel(facts),
    }


def reports(service: Service, tenant: str, start: int, end: int) -> dict[str, Any]:
    """The same reports as the service answers them."""
    client = service.of(tenant)
    span = {"from_": moment(start), "to": moment(end)}
    funnel = client.report("funnel", **span, steps=list(FUNNEL), window=WINDOW)
    return {
        "count": client.report("timeseries", **span, metric="events.count", grain="1h"),
        "sessions": client.report("timeseries", **span, metric="sessions.count", grain="1h"),
        "users": client.report("timeseries", **span, metric="users.count", grain="1h"),
        "names": client.report("timeseries", **span, metric="events.count", grain="1h", breakdown="event_name"),
        "top": client.report("top", **span, field="event_name"),
        "active": client.report("active", **span),
        "funnel": [(step["event"], step["count"]) for step in funnel["steps"]],
    }


def check(service: Service, facts: Iterable[Fact], tenants: Iterable[str], start: int, end: int) -> None:
    """Nothing waits, the counts add up, and every report of every tenant says what the clients remember."""
    kept = list(facts)
    for tenant in tenants:
        mine = [fact for fact in kept if fact.tenant == tenant]
        counts = service.drained(tenant)
        if counts["stored"] != len(mine):
            found = sum(point["value"] for point in reports(service, tenant, start, end)["count"]["points"])
            raise AssertionError(f"{tenant}: {len(mine)} were acknowledged, {counts} told, {found} found")
        wanted, told = answers(mine, start, end), reports(service, tenant, start, end)
        for name, answer in wanted.items():
            if told[name] != answer:
                raise AssertionError(f"{tenant} {name}: expected {answer}, was told {told[name]}")


def _days(facts: Sequence[Fact], start: int, end: int) -> list[dict[str, Any]]:
    actors: dict[int, set[str]] = defaultdict(set)
    for fact in facts:
        actors[fact.at // (24 * HOUR)].add(fact.user)
    found = []
    for day in range(start // (24 * HOUR), (end - 1) // (24 * HOUR) + 1):
        dau = len(actors[day])
        wau = len(set().union(*(actors[each] for each in range(day - 6, day + 1))))
        mau = len(set().union(*(actors[each] for each in range(day - 29, day + 1))))
        date = (EPOCH + timedelta(days=day)).date().isoformat()
        found.append({"date": date, "dau": dau, "wau": wau, "mau": mau, "stickiness": dau / mau if mau else None})
    return found


def _funnel(facts: Sequence[Fact]) -> list[tuple[str, int]]:
    """How many users came how far: from each first step, the earliest next one, and so on."""
    walks: dict[str, list[Fact]] = defaultdict(list)
    for fact in facts:
        walks[fact.user].append(fact)
    reached = Counter(depth for walk in walks.values() for depth in range(1, _depth(walk) + 1))
    return [(name, reached[depth]) for depth, name in enumerate(FUNNEL, 1)]


def _depth(walk: list[Fact]) -> int:
    ordered = sorted(walk, key=lambda fact: fact.at)
    best = 0
    for place, first in enumerate(ordered):
        if first.name != FUNNEL[0]:
            continue
        depth = 1
        for fact in ordered[place + 1 :]:
            if fact.at - first.at > WINDOW * 1_000_000 or depth == len(FUNNEL):
                break
            depth += fact.name == FUNNEL[depth]
        best = max(best, depth)
    return best
