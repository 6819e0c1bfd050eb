"""The report `timeseries` on events few enough to count by hand."""

from typing import Any

import pytest
from tests.report.conftest import Engine

from auricle.model.query import Filter, Grain, Op, Query, Timeseries
from auricle.report.time import instant

NOW = instant("2025-10-28T00:00:00Z", "")
EVENTS: list[dict[str, Any]] = [
    {"event_name": "page_view", "occurred_at": "2025-10-24T21:59:59.999999Z", "user_id": "u1", "session_id": "s1"},
    {"event_name": "page_view", "occurred_at": "2025-10-24T22:00:00Z", "user_id": "u1", "session_id": "s1"},
    {"event_name": "kb.search", "occurred_at": "2025-10-25T10:00:00Z", "user_id": "u2", "attributes": {
        "kb.results_count": 3, "kb.search_latency_ms": 10, "kb.top_score": 0.5, "plan": "pro"}},
    {"event_name": "kb.search", "occurred_at": "2025-10-25T11:00:00Z", "user_id": "u2", "attributes": {
        "kb.results_count": 0, "kb.search_latency_ms": 30, "plan": "free"}},
    {"event_name": "kb.search", "occurred_at": "2025-10-26T00:30:00Z", "site_id": "shop", "attributes": {
        "kb.results_count": 1, "kb.search_latency_ms": 20, "plan": "pro"}},
    {"event_name": "kb.search", "occurred_at": "2025-10-26T01:30:00Z", "source": "test", "attributes": {
        "kb.results_count": 1, "kb.search_latency_ms": 999}},
    {"event_name": "page_view", "occurred_at": "2025-10-26T23:00:00Z", "session_id": "s2"},
]  # fmt: skip


def asked(tenant: str, metric: str, grain: Grain, **more: Any) -> Query:
    defaults = {"start": instant("2025-10-24T22:00:00Z", ""), "end": instant("2025-10-27T00:00:00Z", "")}
    return Query(report="timeseries", tenant_id=tenant, now=NOW, ask=Timeseries(metric, grain), **(defaults | more))


def points(*pairs: tuple[str, float | None]) -> list[dict[str, Any]]:
    return [{"t": t, "value": value} for t, value in pairs]


@pytest.mark.parametrize(
    ("metric", "more", "expected"),
    [
        pytest.param("events.count", {}, (3, 1, 1), id="a day of 24 hours, one of 25, a piece of one"),
        pytest.param("events.count", {"include_test": True}, (3, 2, 1), id="with test traffic"),
        pytest.param("events.count", {"site_id": "shop"}, (0, 1, 0), id="one site"),
        pytest.param("users.count", {}, (2, 0, 0), id="users"),
        pytest.param("sessions.count", {}, (1, 0, 1), id="sessions"),
        pytest.param("kb.hit_rate", {}, (0.5, 1, None), id="a rate"),
        pytest.param("kb.search_latency_ms.p95", {}, (29, 20, None), id="a percentile between two values"),
        pytest.param("kb.relevance_score.avg", {}, (0.5, None, None), id="a mean of what is there"),
        pytest.param("cost.usd.sum", {}, (0, 0, 0), id="a sum of nothing"),
        pytest.param(
            "events.count", {"filters": (Filter("plan", Op.NEQ, "pro"),)}, (2, 0, 1), id="a filter that absence passes"
        ),
    ],
)
def test_days_of_berlin_when_the_clocks_go_back(
    engine: Engine, metric: str, more: dict[str, Any], expected: tuple[float | None, ...]
) -> None:
    starts = ("2025-10-24T22:00:00Z", "2025-10-25T22:00:00Z", "2025-10-26T23:00:00Z")
    answer = engine.answer(asked(engine.tenant(EVENTS), metric, Grain.DAY, zone="Europe/Berlin", **more))
    del answer["meta"]
    assert answer == {"metric": metric, "grain": "1d", "points": points(*zip(starts, expected, strict=True))}


def test_a_breakdown_keeps_the_greatest_ten_apart(engine: Engine) -> None:
    events = [
        {"event_name": "e", "occurred_at": "2025-10-25T10:00:00Z", "attributes": {"letter": letter} if letter else {}}
        for count, letter in enumerate(["", "other", *"abcdefghijkl"], 1)
        for _ in range(count)
    ]
    query = asked(engine.tenant(events), "events.count", Grain.WEEK, breakdown="letter")
    answer = engine.answer(query)
    expected = {letter: count for count, letter in zip(range(14, 4, -1), "lkjihgfedc", strict=True)}
    assert [(each["key"], each["points"]) for each in answer["series"]] == [
        *((key, points(("2025-10-20T00:00:00Z", count))) for key, count in expected.items()),
        ("other", points(("2025-10-20T00:00:00Z", 1 + 2 + 3 + 4))),
    ]


def test_absent_values_and_the_word_other_are_values_of_their_own(engine: Engine) -> None:
    events = [
        {"event_name": "e", "occurred_at": "2025-10-25T10:00:00Z", "attributes": attributes}
        for attributes in ({}, {"k": None}, {"k": "other"}, {"k": ""})
    ]
    answer = engine.answer(asked(engine.tenant(events), "events.count", Grain.MONTH, breakdown="k"))
    assert [(each["key"], each["points"][0]["value"]) for each in answer["series"]] == [
        (None, 2),
        ("", 1),
        ("other", 1),
    ]


@pytest.mark.parametrize(
    ("metric", "first", "then", "by"),
    [
        pytest.param("commerce.conversion_rate", "commerce.view", "commerce.checkout", "session_id", id="sessions"),
        pytest.param("booking.hold_to_confirm_rate", "booking.slot_hold", "booking.confirmed", "", id="slots"),
    ],
)
def test_a_match_counts_a_thing_where_it_was_first_met(
    engine: Engine, metric: str, first: str, then: str, by: str
) -> None:
    def event(name: str, moment: str, thing: str) -> dict[str, Any]:
        base: dict[str, Any] = {"event_name": name, "occurred_at": f"2025-10-{moment}Z"}
        return base | ({by: thing} if by else {"attributes": {"booking.slot_id": thing} if thing else {}})

    events = [
        event(first, "25T10:00:00", "met on the first day, done on the second"),
        event(first, "26T10:00:00", "met on the first day, done on the second"),
        event(then, "26T11:00:00", "met on the first day, done on the second"),
        event(first, "25T12:00:00", "never done"),
        event(first, "26T12:00:00", "done before it is met"),
        event(then, "25T12:00:00", "done before it is met"),
        event(then, "26T12:00:00", "never met"),
        event(first, "26T12:00:00", ""),
    ]
    answer = engine.answer(asked(engine.tenant(events), metric, Grain.DAY))
    assert answer["points"] == points(
        ("2025-10-24T00:00:00Z", None), ("2025-10-25T00:00:00Z", 0.5), ("2025-10-26T00:00:00Z", 1)
    )


@pytest.mark.parametrize("metric", ["events.count", "sessions.count", "kb.hit_rate", "commerce.conversion_rate"])
def test_a_range_without_events_has_its_gaps_filled(engine: Engine, metric: str) -> None:
    empty = 0 if metric.endswith("count") else None
    answer = engine.answer(asked(engine.tenant([]), metric, Grain.DAY))
    days = ("2025-10-24T00:00:00Z", "2025-10-25T00:00:00Z", "2025-10-26T00:00:00Z")
    assert answer["points"] == points(*((day, empty) for day in days))
