"""Retention, sessions and paths once more, in plain Python and from their definitions alone."""

import statistics
from collections import Counter, defaultdict
from datetime import date, timedelta
from typing import Any

from tests.report.oracle import EPOCH, Event, Steps, actor, axis, bucket, fills, read


def walks(events: list[Event], by: str) -> dict[Any, list[Event]]:
    """Every actor's events in order of time; the sort is stable, so ties stay in order of arrival."""
    found: dict[Any, list[Event]] = defaultdict(list)
    for event in sorted(events, key=lambda each: each["occurred_at"]):
        who = actor(event) if by == "user" else event.get("session_id") or None
        if who is not None:
            found[who].append(event)
    return found


def _after(name: Any, grain: str, count: int) -> Any:
    """The name of the bucket so many grains later, as `oracle.bucket` names it."""
    if grain == "1mo":
        months = name[0] * 12 + name[1] - 1 + count
        return months // 12, months % 12 + 1
    return name + timedelta(days=count * (7 if grain == "1w" else 1))


def _begin(name: Any, zone: str) -> int:
    """The first microsecond of a bucket, by walking towards it in steps of 15 minutes."""
    first = date(name[0], name[1], 1) if isinstance(name, tuple) else name
    quarter = 900_000_000
    at = (first.toordinal() - EPOCH.date().toordinal() - 2) * 86_400_000_000
    while bucket(at, "1d", zone) < first:
        at += quarter
    return at


def retention(
    events: list[Event], steps: Steps, start: int, end: int, grain: str, periods: int, by: str, zone: str, now: int
) -> list[dict[str, Any]]:
    cohort, back = steps
    sizes: Counter[Any] = Counter()
    returned: Counter[Any] = Counter()
    for walk in walks(events, by).values():
        first = next((index for index, event in enumerate(walk) if fills(event, cohort)), None)
        if first is None or not start <= walk[first]["occurred_at"] < end:
            continue
        home = bucket(walk[first]["occurred_at"], grain, zone)
        sizes[home] += 1
        for name in {bucket(event["occurred_at"], grain, zone) for event in walk[first + 1 :] if fills(event, back)}:
            returned[home, name] += 1
    found = []
    for home, t in axis(start, end, grain, zone):
        told = []
        for period in range(periods + 1):
            name, following = _after(home, grain, period), _after(home, grain, period + 1)
            count = returned[home, name] if _begin(name, zone) < now else None
            rate = None if count is None or not sizes[home] else count / sizes[home]
            told.append({"period": period, "count": count, "rate": rate, "complete": _begin(following, zone) <= now})
        found.append({"t": t, "size": sizes[home], "periods": told})
    return found


def _figures(runs: list[list[Event]]) -> dict[str, Any]:
    lengths = [(run[-1]["occurred_at"] - run[0]["occurred_at"]) / 1e6 for run in runs]
    return {
        "sessions": len(runs),
        "median_seconds": statistics.median(lengths) if runs else None,
        "bounce_rate": sum(len(run) == 1 for run in runs) / len(runs) if runs else None,
        "events_per_session": sum(map(len, runs)) / len(runs) if runs else None,
    }


def sessions(
    events: list[Event], start: int, end: int, gap: int, grain: str, zone: str, field: str | None = None
) -> dict[Any, dict[str, Any]]:
    """The whole answer for each value of a field of the first event, `None` for all without a field."""
    groups: dict[Any, list[list[Event]]] = defaultdict(list)
    for walk in walks([event for event in events if event["occurred_at"] < end], "user").values():
        runs: list[list[Event]] = []
        for event in walk:
            if runs and event["occurred_at"] - runs[-1][-1]["occurred_at"] <= gap:
                runs[-1].append(event)
            else:
                runs.append([event])
        for run in runs:
            if run[0]["occurred_at"] >= start:
                groups[read(run[0], field) if field else None].append(run)
    if field is None:
        groups.setdefault(None, [])
    answers = {}
    for key, runs in groups.items():
        by_bucket: dict[Any, list[list[Event]]] = defaultdict(list)
        for run in runs:
            by_bucket[bucket(run[0]["occurred_at"], grain, zone)].append(run)
        points = [{"t": t, **_figures(by_bucket[name])} for name, t in axis(start, end, grain, zone)]
        answers[key] = {**_figures(runs), "points": points}
    return answers


def paths(
    events: list[Event], step: Any, start: int, end: int, direction: str, depth: int, window: int, by: str
) -> Counter[tuple[str, ...]]:
    """How often each path was walked."""
    found: Counter[tuple[str, ...]] = Counter()
    for walk in walks(events, by).values():
        for index, event in enumerate(walk):
            if not (start <= event["occurred_at"] < end and fills(event, step)):
                continue
            others = walk[index + 1 :] if direction == "after" else walk[:index][::-1]
            near = [each for each in others if abs(each["occurred_at"] - event["occurred_at"]) <= window]
            found[tuple(each["event_name"] for each in near[:depth])] += 1
    return found
