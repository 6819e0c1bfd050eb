"""The reports once more, in plain Python and from their definitions alone: no SQL, nothing shared with the builders.

Events are dicts as `Engine.tenant` takes them, in the order they arrived, with `occurred_at` in microseconds.
"""

import statistics
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

Event = dict[str, Any]
ENVELOPE = ("event_id", "event_name", "site_id", "session_id", "user_id", "source", "schema_id")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def flat(value: Any, path: str = "") -> dict[str, Any]:
    if isinstance(value, dict):
        found: dict[str, Any] = {}
        for key, each in value.items():
            for name, leaf in flat(each, f"{path}.{key}" if path else key).items():
                found.setdefault(name, leaf)
        return found
    return {path: value}


def read(event: Event, name: str) -> str | None:
    """A field as text."""
    if name in ENVELOPE:
        return event.get(name, "web" if name == "source" else "") or None
    if name == "actor":
        return event.get("user_id") or event.get("session_id") or None
    if name.startswith("context."):
        value: Any = event.get("context", {})
        for key in name.removeprefix("context.").split("."):
            value = value.get(key) if isinstance(value, dict) else None
    else:
        value = flat(event.get("attributes", {})).get(name.removeprefix("attributes."))
    if value is None:
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def number(event: Event, name: str) -> float | None:
    try:
        return float(read(event, name))  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return None


def true(event: Event, name: str) -> bool:
    return read(event, name) in ("true", "1")


def passes(event: Event, field: str, op: str, value: Any) -> bool:
    text, figure = read(event, field), number(event, field)
    if op == "exists":
        return (text is not None) is (value is not False)
    if op == "neq":
        return not passes(event, field, "eq", value)
    if op == "not_in":
        return not passes(event, field, "in", value)
    if op == "in":
        return any(passes(event, field, "eq", each) for each in value)
    if op == "contains":
        return text is not None and value in text
    if op == "eq":
        if isinstance(value, bool):
            return text in (("true", "1") if value else ("false", "0"))
        return text == value if isinstance(value, str) else figure == value
    left: Any = text if isinstance(value, str) else figure
    if left is None:
        return False
    if isinstance(value, str):
        left, value = left.encode(), value.encode()
    return bool({"gt": left > value, "gte": left >= value, "lt": left < value, "lte": left <= value}[op])


def kept(
    events: Iterable[Event], start: int, end: int, filters: Iterable[tuple[str, str, Any]], test: bool
) -> list[Event]:
    return [
        event
        for event in events
        if start <= event["occurred_at"] < end
        and (test or event.get("source") != "test")
        and all(passes(event, *each) for each in filters)
    ]


def local(micros: int, zone: str) -> datetime:
    return (EPOCH + timedelta(microseconds=micros)).astimezone(ZoneInfo(zone))


def bucket(micros: int, grain: str, zone: str) -> Any:
    """What all moments of one bucket have in common, and no others."""
    moment = local(micros, zone)
    if grain == "all":
        return "all"
    if grain == "1mo":
        return moment.year, moment.month
    if grain == "1w":
        return moment.date() - timedelta(days=moment.weekday())
    if grain == "1d":
        return moment.date()
    minutes = {"1m": 1, "5m": 5, "15m": 15, "1h": 60}[grain]
    return moment.date(), (moment.hour * 60 + moment.minute) // minutes, moment.utcoffset()


def axis(start: int, end: int, grain: str, zone: str) -> list[tuple[Any, str]]:
    """Every bucket of a range and the instant it begins, by walking the clock minute by minute."""
    if grain == "all":
        return [("all", (EPOCH + timedelta(microseconds=start)).isoformat().replace("+00:00", "Z"))]
    minute = 60_000_000
    first = bucket(start, grain, zone)
    at = start - start % minute
    while bucket(at - minute, grain, zone) == first:
        at -= minute
    found: dict[Any, str] = {}
    step = minute if grain != "1mo" else 15 * minute
    while at < end:
        name = bucket(at, grain, zone)
        if name not in found:
            found[name] = (EPOCH + timedelta(microseconds=at)).isoformat().replace("+00:00", "Z")
        at += step
    return list(found.items())


def percentile(values: list[float], percent: int) -> float | None:
    if len(values) < 2:
        return values[0] if values else None
    return statistics.quantiles(values, n=100, method="inclusive")[percent - 1]


def mean(values: list[float]) -> float | None:
    return statistics.fmean(values) if values else None


def rate(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def named(events: list[Event], *names: str) -> list[Event]:
    return [event for event in events if event["event_name"] in names]


def figures(events: list[Event], name: str, path: str) -> list[float]:
    return [value for event in named(events, name) if (value := number(event, path)) is not None]


def spent(event: Event) -> float:
    return number(event, "cost.amount_usd" if event["event_name"] == "cost.recorded" else "gen_ai.usage.cost_usd") or 0


def tokens(event: Event) -> float:
    total = number(event, "gen_ai.usage.total_tokens")
    if total is not None:
        return total
    return (number(event, "gen_ai.usage.input_tokens") or 0) + (number(event, "gen_ai.usage.output_tokens") or 0)


def failed(event: Event) -> bool:
    if event["event_name"] == "voice.outcome":
        return true(event, "error.flag")
    return event["event_name"] == "error_occurred" or (number(event, "http.response.status_code") or 0) >= 500


SPENDING = ("voice.outcome", "voice.evaluated", "ai.usage")
OPTIMISTIC, CONFIRMED = "ai.navigation.optimistic", "ai.navigation.confirmed"
VALUES: dict[str, Callable[[list[Event]], Any]] = {
    "events.count": len,
    "users.count": lambda es: len({e["user_id"] for e in es if e.get("user_id")}),
    "sessions.count": lambda es: len({e["session_id"] for e in es if e.get("session_id")}),
    "voice.first_response_ms.p50": lambda es: percentile(
        figures(es, "voice.first_response", "voice.first_response_ms"), 50
    ),
    "voice.first_response_ms.p95": lambda es: percentile(
        figures(es, "voice.first_response", "voice.first_response_ms"), 95
    ),
    "voice.first_response_ms.p99": lambda es: percentile(
        figures(es, "voice.first_response", "voice.first_response_ms"), 99
    ),
    "voice.barge_in_count": lambda es: len(named(es, "voice.barge_in")),
    "voice.asr_partial_latency_ms.p95": lambda es: percentile(
        figures(es, "voice.asr_partial", "voice.asr_partial_latency_ms"), 95
    ),
    "ai.tool_calls.count": lambda es: len(named(es, "ai.tool_call_completed")),
    "ai.tool_calls.success_rate": lambda es: rate(
        sum(true(e, "ai.tool.success") for e in named(es, "ai.tool_call_completed")),
        len(named(es, "ai.tool_call_completed")),
    ),
    "ai.navigation_optimism_rate": lambda es: rate(
        sum(true(e, OPTIMISTIC) and true(e, CONFIRMED) for e in named(es, "ai.tool_call_completed")),
        sum(true(e, OPTIMISTIC) for e in named(es, "ai.tool_call_completed")),
    ),
    "ai.tool_chain_length.avg": lambda es: mean(figures(es, "ai.tool_chain_completed", "ai.tool_chain.length")),
    "kb.hit_rate": lambda es: rate(
        sum((number(e, "kb.results_count") or 0) > 0 for e in named(es, "kb.search")), len(named(es, "kb.search"))
    ),
    "kb.search_latency_ms.p95": lambda es: percentile(figures(es, "kb.search", "kb.search_latency_ms"), 95),
    "kb.relevance_score.avg": lambda es: mean(figures(es, "kb.search", "kb.top_score")),
    "system.error_rate": lambda es: rate(
        sum(failed(e) for e in named(es, "error_occurred", "voice.outcome", "http.request")),
        len(named(es, "error_occurred", "voice.outcome", "http.request")),
    ),
    "cost.usd.sum": lambda es: sum(spent(e) for e in named(es, "cost.recorded", *SPENDING)),
    "cost.repriced_usd.sum": lambda _: None,  # without a price list; `repriced` is with one
    "tokens.sum": lambda es: int(sum(tokens(e) for e in named(es, *SPENDING))),
    "requests.count": lambda es: len(named(es, "http.request")),
    "requests.duration_ms.p95": lambda es: percentile(figures(es, "http.request", "http.server.duration_ms"), 95),
    "requests.duration_ms.avg": lambda es: mean(figures(es, "http.request", "http.server.duration_ms")),
    "requests.errors.count": lambda es: sum(s >= 500 for s in figures(es, "http.request", "http.response.status_code")),
    "evaluation.score.avg": lambda es: mean(figures(es, "voice.evaluated", "gen_ai.evaluation.score.value")),
}
MATCHES = {
    "commerce.conversion_rate": ("session_id", "commerce.view", "commerce.checkout"),
    "booking.hold_to_confirm_rate": ("booking.slot_id", "booking.slot_hold", "booking.confirmed"),
}
"""Metrics of things: the thing, what it meets first, and what it should meet too."""


def series(events: list[Event], metric: str, start: int, end: int, grain: str, zone: str) -> list[dict[str, Any]]:
    """The points of one metric; `events` are those of the range already."""
    points = axis(start, end, grain, zone)
    if metric in MATCHES:
        by, first, then = MATCHES[metric]
        met = {read(e, by) for e in events if e["event_name"] == then}
        begun: dict[str, Any] = {}
        for event in sorted(events, key=lambda e: e["occurred_at"]):
            thing = read(event, by)
            if event["event_name"] == first and thing:
                begun.setdefault(thing, bucket(event["occurred_at"], grain, zone))
        counts = Counter(begun.values())
        done = Counter(each for thing, each in begun.items() if thing in met)
        return [{"t": t, "value": rate(done[name], counts[name])} for name, t in points]
    groups: dict[Any, list[Event]] = defaultdict(list)
    for event in events:
        groups[bucket(event["occurred_at"], grain, zone)].append(event)
    return [{"t": t, "value": VALUES[metric](groups[name])} for name, t in points]


def touched(events: list[Event], metric: str, field: str) -> dict[str | None, list[Event]]:
    """The things of a match by the field of the event they first met: that event, and one that says it is done."""
    by, first, then = MATCHES[metric]
    met = {read(e, by) for e in events if e["event_name"] == then}
    begun: dict[str, Event] = {}
    for event in sorted(events, key=lambda e: e["occurred_at"]):
        thing = read(event, by)
        if event["event_name"] == first and thing:
            begun.setdefault(thing, event)
    groups: dict[str | None, list[Event]] = defaultdict(list)
    for thing, event in begun.items():
        groups[read(event, field)].append(event)
        if thing in met:
            groups[read(event, field)].append({**event, "event_name": then})
    return groups


def actor(event: Event) -> tuple[str, str] | None:
    if event.get("user_id"):
        return "user", event["user_id"]
    return ("session", event["session_id"]) if event.get("session_id") else None


def active(events: list[Event], start: int, end: int, zone: str) -> list[dict[str, Any]]:
    """DAU, WAU and MAU by looking at every day anew; `events` may begin long before the range."""
    seen: dict[date, set[Any]] = defaultdict(set)
    for event in events:
        if event["occurred_at"] < end and actor(event):
            seen[local(event["occurred_at"], zone).date()].add(actor(event))
    day, last, found = local(start, zone).date(), local(end - 1, zone).date(), []
    while day <= last:
        counts = [len(set().union(*(seen[day - timedelta(days=back)] for back in range(days)))) for days in (1, 7, 30)]
        dau, wau, mau = counts
        found.append(
            {"date": day.isoformat(), "dau": dau, "wau": wau, "mau": mau, "stickiness": dau / mau if mau else None}
        )
        day += timedelta(days=1)
    return found


def top(events: list[Event], field: str, limit: int, fold: bool) -> dict[str, Any]:
    values = [value for event in events if (value := read(event, field)) is not None]
    if fold:
        values = [" ".join(value.lower().split()) for value in values]
    counts = sorted(Counter(values).items(), key=lambda pair: (-pair[1], pair[0].encode()))
    rows = [{"value": value, "count": count} for value, count in counts[:limit]]
    return {"rows": rows, "other": len(values) - sum(row["count"] for row in rows), "total": len(values)}


Steps = list[tuple[str, list[tuple[str, str, Any]]]]


def fills(event: Event, step: tuple[str, list[tuple[str, str, Any]]]) -> bool:
    return event["event_name"] == step[0] and all(passes(event, *each) for each in step[1])


def reached_in_order(walk: list[Event], steps: Steps, end: int, window: int, strict: bool) -> list[float | None]:
    """For each step the seconds from the step before when it was first reached, or None.

    Every way to pick one event a step is tried: a later event each, all within the window of the first.
    """
    best: list[tuple[int, int, int] | None] = [None] * len(steps)  # (index reached, -index began, -index before)

    def go(level: int, began: int, at: int) -> None:
        if level == len(steps):
            return
        following = range(at + 1, at + 2) if strict else range(at + 1, len(walk))
        for index in following:
            if index >= len(walk) or walk[index]["occurred_at"] - walk[began]["occurred_at"] > window:
                break
            if fills(walk[index], steps[level]):
                found = (index, -began, -at)
                current = best[level]
                if current is None or found < current:
                    best[level] = found
                go(level + 1, began, index)

    for index, event in enumerate(walk):
        if event["occurred_at"] < end and fills(event, steps[0]):
            best[0] = best[0] or (index, -index, -index)
            go(1, index, index)
    return [
        None if each is None else (walk[each[0]]["occurred_at"] - walk[-each[2]]["occurred_at"]) / 1e6 for each in best
    ]


def reached_in_any_order(walk: list[Event], steps: Steps, end: int, window: int) -> list[float | None]:
    best: list[tuple[int, int] | None] = [None] * len(
        steps
    )  # (moment the rank was reached, microseconds since the last)
    for index in range(len(walk) - 1, -1, -1):
        if walk[index]["occurred_at"] >= end:
            continue
        open_steps, moments = list(steps), []
        for event in walk[index:]:
            if event["occurred_at"] - walk[index]["occurred_at"] > window:
                break
            first = next((step for step in steps if fills(event, step)), None)
            if first is not None and first in open_steps:
                open_steps.remove(first)
                moments.append(event["occurred_at"])
        if not moments or moments[0] != walk[index]["occurred_at"]:
            continue
        for rank, moment in enumerate(moments):
            current = best[rank]
            if current is None or moment < current[0]:
                best[rank] = (moment, moment - moments[rank - 1] if rank else 0)
    return [None if each is None else each[1] / 1e6 for each in best]


def funnel(
    events: list[Event],
    steps: Steps,
    start: int,
    end: int,
    window: int,
    order: str,
    by: str,
    breakdown: str | None = None,
) -> dict[str | None, list[dict[str, Any]]]:
    """The steps of each slice, `None` alone without a breakdown; `events` reach up to the end plus the window."""
    walks: dict[Any, list[Event]] = defaultdict(list)
    for event in sorted(events, key=lambda each: each["occurred_at"]):
        who = actor(event) if by == "user" else event.get("session_id") or None
        if who is not None and start <= event["occurred_at"] < end + window:
            walks[who].append(event)
    results: dict[str | None, list[list[float | None]]] = defaultdict(list)
    for walk in walks.values():
        if order == "any":
            gaps = reached_in_any_order(walk, steps, end, window)
        else:
            gaps = reached_in_order(walk, steps, end, window, order == "strict")
        if gaps[0] is None:
            continue
        entries = steps if order == "any" else steps[:1]
        touch = next(e for e in walk if e["occurred_at"] < end and any(fills(e, step) for step in entries))
        results[read(touch, breakdown) if breakdown else None].append(gaps)
    if not results and breakdown is None:
        results[None] = []
    return {key: shaped(steps, found) for key, found in results.items()}


def shaped(steps: Steps, found: list[list[float | None]]) -> list[dict[str, Any]]:
    counts = [sum(gaps[level] is not None for gaps in found) for level in range(len(steps))]
    answer = []
    for level, step in enumerate(steps):
        gaps = [each[level] for each in found if each[level] is not None]
        answer.append(
            {
                "event": step[0],
                "count": counts[level],
                "from_first": rate(counts[level], counts[0]),
                "from_previous": rate(counts[level], counts[level - 1]) if level else None,
                "median_seconds": statistics.median(gaps) if level and gaps else None,  # type: ignore[type-var]
            }
        )
    return answer
