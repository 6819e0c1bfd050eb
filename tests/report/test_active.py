"""The report `active` on a month that can be counted by hand."""

from typing import Any

from tests.report.conftest import Engine

from auricle.model.query import Active, Query
from auricle.report.time import instant


def asked(tenant: str, start: str, end: str, **more: Any) -> Query:
    now = instant("2025-12-01T00:00:00Z", "")
    span = {"start": instant(start, ""), "end": instant(end, "")}
    return Query(report="active", tenant_id=tenant, now=now, ask=Active(), **span, **more)


def seen(day: str, **who: str) -> dict[str, Any]:
    return {"event_name": "e", "occurred_at": f"2025-{day}T12:00:00Z", **who}


def day(date: str, dau: int, wau: int, mau: int) -> dict[str, Any]:
    return {"date": date, "dau": dau, "wau": wau, "mau": mau, "stickiness": dau / mau if mau else None}


def test_weeks_and_months_end_with_their_day(engine: Engine) -> None:
    events = [
        seen("10-01", user_id="u"),
        seen("10-24", session_id="s"),
        seen("10-24", session_id="s", user_id="u"),
        seen("10-24", session_id="s", user_id="u"),
        seen("10-30", user_id="u"),
        seen("10-30"),
        seen("10-30", user_id="robot", source="test"),
    ]
    answer = engine.answer(asked(engine.tenant(events), "2025-10-29T00:00:00Z", "2025-11-01T00:00:00Z"))
    del answer["meta"]
    assert answer == {"days": [day("2025-10-29", 0, 2, 2), day("2025-10-30", 1, 2, 2), day("2025-10-31", 0, 1, 2)]}


def test_the_edges_of_a_week_and_of_a_month(engine: Engine) -> None:
    tenant = engine.tenant([seen("10-01", user_id="u")])
    answer = engine.answer(asked(tenant, "2025-10-06T00:00:00Z", "2025-11-01T00:00:00Z"))
    assert [answer["days"][at] for at in (1, 2, 24, 25)] == [
        day("2025-10-07", 0, 1, 1),
        day("2025-10-08", 0, 0, 1),
        day("2025-10-30", 0, 0, 1),
        day("2025-10-31", 0, 0, 0),
    ]


def test_a_user_and_a_session_of_one_id_are_two(engine: Engine) -> None:
    tenant = engine.tenant([seen("10-01", user_id="x"), seen("10-01", session_id="x")])
    answer = engine.answer(asked(tenant, "2025-10-01T00:00:00Z", "2025-10-02T00:00:00Z"))
    assert answer["days"] == [day("2025-10-01", 2, 2, 2)]


def test_days_are_whole_and_nothing_after_the_range_counts(engine: Engine) -> None:
    tenant = engine.tenant([seen("10-01", user_id="early"), seen("10-02", user_id="late")])
    answer = engine.answer(asked(tenant, "2025-10-01T20:00:00Z", "2025-10-02T06:00:00Z"))
    assert answer["days"] == [day("2025-10-01", 1, 1, 1), day("2025-10-02", 0, 1, 1)]


def test_a_day_that_a_zone_skips_is_no_day(engine: Engine) -> None:
    event = {"event_name": "e", "occurred_at": "2011-12-30T09:00:00Z", "user_id": "u"}
    query = asked(engine.tenant([event]), "2011-12-29T12:00:00Z", "2011-12-30T20:00:00Z", zone="Pacific/Apia")
    assert engine.answer(query)["days"] == [day("2011-12-29", 1, 1, 1), day("2011-12-31", 0, 1, 1)]


def test_a_breakdown(engine: Engine) -> None:
    tenant = engine.tenant(
        [seen("10-01", user_id="a", site_id="x"), seen("10-01", user_id="b"), seen("10-01", user_id="c")]
    )
    answer = engine.answer(asked(tenant, "2025-10-01T00:00:00Z", "2025-10-02T00:00:00Z", breakdown="site_id"))
    assert answer["series"] == [
        {"key": None, "days": [day("2025-10-01", 2, 2, 2)]},
        {"key": "x", "days": [day("2025-10-01", 1, 1, 1)]},
    ]
