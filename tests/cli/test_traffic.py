"""The demo's day: the same for the same seed, within a day, and known to the catalogue."""

from collections import Counter
from datetime import UTC, datetime, timedelta

from auricle.cli.traffic import a_day, faulty

NOW = datetime(2026, 1, 2, 12, tzinfo=UTC)


def test_the_same_seed_makes_the_same_day() -> None:
    assert a_day(NOW) == a_day(NOW)
    assert a_day(NOW, seed=1) != a_day(NOW, seed=2)


def test_the_day() -> None:
    day = a_day(NOW)
    names = Counter(event["event_name"] for event in day)
    times = [datetime.fromisoformat(event["occurred_at"]) for event in day]

    assert len(day) == len({event["event_id"] for event in day}) > 5_000
    assert NOW - timedelta(hours=23) <= min(times)
    assert max(times) <= NOW
    assert times == sorted(times)
    assert names["commerce.view"] > names["commerce.add_to_cart"] > names["commerce.checkout"] > 0
    assert names["voice.query"] > names["voice.outcome"] > 0
    assert names["ai.tool_call_started"] == names["ai.tool_call_completed"] > 0
    assert names["booking.slot_hold"] > names["booking.confirmed"] > 0


def test_faulty_events_are_few() -> None:
    assert [event["event_name"] for event in faulty(NOW)] == ["kb.search", "Not A Name", "cost.recorded", "page_view"]
