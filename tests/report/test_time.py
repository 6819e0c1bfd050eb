"""Zones, ranges and buckets."""

import pytest
from tests.report.conftest import at

from auricle.errors import Invalid
from auricle.model.query import Grain, Span
from auricle.report import time


@pytest.mark.parametrize(
    ("grain", "zone", "start", "end", "expected"),
    [
        pytest.param(
            Grain.HOUR,
            "America/New_York",
            "2025-11-02T05:10:00Z",
            "2025-11-02T07:00:01Z",
            ["2025-11-02T05:00:00Z", "2025-11-02T06:00:00Z", "2025-11-02T07:00:00Z"],
            id="the hour that comes twice",
        ),
        pytest.param(
            Grain.HOUR,
            "Australia/Lord_Howe",
            "2025-04-05T14:00:00Z",
            "2025-04-05T17:00:00Z",
            ["2025-04-05T14:00:00Z", "2025-04-05T15:00:00Z", "2025-04-05T15:30:00Z", "2025-04-05T16:30:00Z"],
            id="a clock that goes back by half an hour",
        ),
        pytest.param(
            Grain.HOUR,
            "Asia/Kathmandu",
            "2025-09-01T00:00:00Z",
            "2025-09-01T01:00:00Z",
            ["2025-08-31T23:15:00Z", "2025-09-01T00:15:00Z"],
            id="an offset of three quarters",
        ),
        pytest.param(
            Grain.DAY,
            "Europe/Berlin",
            "2025-03-29T12:00:00Z",
            "2025-03-31T00:00:00Z",
            ["2025-03-28T23:00:00Z", "2025-03-29T23:00:00Z", "2025-03-30T22:00:00Z"],
            id="a day of 23 hours",
        ),
        pytest.param(
            Grain.DAY,
            "America/Asuncion",
            "2023-10-01T00:00:00Z",
            "2023-10-02T12:00:00Z",
            ["2023-09-30T04:00:00Z", "2023-10-01T04:00:00Z", "2023-10-02T03:00:00Z"],
            id="a day that begins at one",
        ),
        pytest.param(
            Grain.WEEK,
            "UTC",
            "2025-01-05T23:59:59Z",
            "2025-01-06T00:00:01Z",
            ["2024-12-30T00:00:00Z", "2025-01-06T00:00:00Z"],
            id="weeks begin on Monday",
        ),
        pytest.param(
            Grain.MONTH,
            "Europe/Berlin",
            "2025-03-15T00:00:00Z",
            "2025-04-01T00:00:00Z",
            ["2025-02-28T23:00:00Z", "2025-03-31T22:00:00Z"],
            id="months of a zone",
        ),
    ],
)
def test_where_buckets_begin(grain: Grain, zone: str, start: str, end: str, expected: list[str]) -> None:
    found = time.buckets(grain, zone, Span(at(start), at(end)))
    assert [time.written(bucket.start) for bucket in found] == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("2025-10-01T00:00:00Z", "2025-10-01T00:00:00Z", id="UTC"),
        pytest.param("2025-10-01t02:30:00.25+02:30", "2025-10-01T00:00:00.250000Z", id="an offset and a fraction"),
        pytest.param("2025-10-01T00:00:00.1234567z", "2025-10-01T00:00:00.123456Z", id="digits too many"),
    ],
)
def test_times_that_can_be_read(text: str, expected: str) -> None:
    assert time.written(at(text)) == expected


@pytest.mark.parametrize(
    "text", ["", "now", "2025-10-01", "2025-10-01T00:00:00", "2025-02-30T00:00:00Z", "2025-10-01T25:00:00Z", "١-10-01"]
)
def test_times_that_cannot_be_read(text: str) -> None:
    with pytest.raises(Invalid) as caught:
        time.instant(text, "/from")
    assert [(fault.pointer, fault.rule) for fault in caught.value.faults] == [("/from", "date-time")]


def test_whether_a_range_fits() -> None:
    year = Span(at("2025-01-01T00:00:00Z"), at("2026-01-01T00:00:00Z"))
    assert [grain.value for grain in Grain if time.fits(grain, "UTC", year, 365)] == ["1d", "1w", "1mo", "all"]
    assert [grain.value for grain in Grain if time.fits(grain, "UTC", year, 8_760)] == ["1h", "1d", "1w", "1mo", "all"]
