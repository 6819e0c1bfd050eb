"""The report `sessions` on a morning that can be counted by hand."""

from tests.report.conftest import Engine

from auricle.model.query import Grain, Query, Sessions
from auricle.report.time import instant


def test_a_pause_longer_than_the_gap_begins_a_session(engine: Engine) -> None:
    moments = {
        "ann": ("07:50:00", "08:10:00", "08:40:00", "09:10:01", "09:20:01"),  # the first run begins before the range
        "bob": ("08:00:00",),
        "cay": ("08:59:00", "09:01:00", "10:30:00"),  # the last is after the range
    }
    events = [
        {"event_name": "e", "occurred_at": f"2025-09-01T{clock}Z", "user_id": user}
        for user, clocks in moments.items()
        for clock in clocks
    ]
    span = {"start": instant("2025-09-01T08:00:00Z", ""), "end": instant("2025-09-01T10:00:00Z", "")}
    ask = Sessions(Grain.HOUR, 1_800_000_000)
    now = instant("2025-12-01T00:00:00Z", "")
    answer = engine.answer(Query(report="sessions", tenant_id=engine.tenant(events), now=now, ask=ask, **span))
    del answer["meta"]
    at_eight = {"sessions": 2, "median_seconds": 60.0, "bounce_rate": 0.5, "events_per_session": 1.5}
    at_nine = {"sessions": 1, "median_seconds": 600.0, "bounce_rate": 0.0, "events_per_session": 2.0}
    assert answer == {
        "sessions": 3,
        "median_seconds": 120.0,
        "bounce_rate": 1 / 3,
        "events_per_session": 5 / 3,
        "points": [{"t": "2025-09-01T08:00:00Z", **at_eight}, {"t": "2025-09-01T09:00:00Z", **at_nine}],
    }


def test_nothing(engine: Engine) -> None:
    span = {"start": instant("2025-09-01T08:00:00Z", ""), "end": instant("2025-09-01T09:00:00Z", "")}
    now = instant("2025-12-01T00:00:00Z", "")
    ask = Sessions(Grain.HOUR, 1_800_000_000)
    answer = engine.answer(Query(report="sessions", tenant_id=engine.tenant([]), now=now, ask=ask, **span))
    del answer["meta"]
    none = {"sessions": 0, "median_seconds": None, "bounce_rate": None, "events_per_session": None}
    assert answer == {**none, "points": [{"t": "2025-09-01T08:00:00Z", **none}]}
