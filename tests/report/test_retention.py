"""The report `retention` on three weeks that can be counted by hand."""

from typing import Any

from tests.report.conftest import Engine

from auricle.model.query import By, Grain, Query, Retention, Step
from auricle.report.time import instant


def came(day: str, user: str, name: str = "visit", clock: str = "12:00:00") -> dict[str, Any]:
    return {"event_name": name, "occurred_at": f"2025-09-{day}T{clock}Z", "user_id": user}


def told(period: int, count: int | None, size: int, complete: bool) -> dict[str, Any]:
    return {"period": period, "count": count, "rate": None if count is None else count / size, "complete": complete}


EVENTS = [
    came("01", "ann"),
    came("01", "bob"),
    came("02", "ann", "buy"),
    came("03", "bob", "buy"),
    came("03", "ann", "buy"),
    came("02", "cay", "buy", "11:00:00"),
    came("02", "cay"),
    came("02", "cay", "buy", "13:00:00"),
    came("02", "old"),
    {"event_name": "visit", "occurred_at": "2024-01-01T00:00:00Z", "user_id": "old"},
]


def test_cohorts_by_the_first_visit_of_all_history(engine: Engine) -> None:
    ask = Retention(Step("visit"), Step("buy"), Grain.DAY, 2, By.USER)
    span = {"start": instant("2025-09-01T00:00:00Z", ""), "end": instant("2025-09-03T00:00:00Z", "")}
    now = instant("2025-09-03T18:00:00Z", "")
    query = Query(report="retention", tenant_id=engine.tenant(EVENTS), now=now, ask=ask, **span)
    answer = engine.answer(query)
    del answer["meta"]
    first = [told(0, 0, 2, True), told(1, 1, 2, True), told(2, 2, 2, False)]
    second = [told(0, 1, 1, True), told(1, 0, 1, False), told(2, None, 1, False)]
    assert answer == {
        "cohorts": [
            {"t": "2025-09-01T00:00:00Z", "size": 2, "periods": first},
            {"t": "2025-09-02T00:00:00Z", "size": 1, "periods": second},
        ]
    }


def test_a_breakdown_by_the_first_event(engine: Engine) -> None:
    events = [{**event, "site_id": "s1" if event["user_id"] == "ann" else "s2"} for event in EVENTS]
    ask = Retention(Step("visit"), Step("buy"), Grain.DAY, 1, By.USER)
    span = {"start": instant("2025-09-01T00:00:00Z", ""), "end": instant("2025-09-02T00:00:00Z", "")}
    now = instant("2025-09-10T00:00:00Z", "")
    query = Query(report="retention", tenant_id=engine.tenant(events), now=now, ask=ask, breakdown="site_id", **span)
    series = engine.answer(query)["series"]
    assert [(one["key"], [each["count"] for each in one["cohorts"][0]["periods"]]) for one in series] == [
        ("s1", [0, 1]),
        ("s2", [0, 0]),
    ]
