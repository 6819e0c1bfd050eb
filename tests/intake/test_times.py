"""Times on the wire."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auricle.intake.times import LATEST, format_rfc3339, parse_rfc3339

HALF_PAST_TEN = 1_736_937_000_000_000  # 2025-01-15T10:30:00Z, counted by `date -d … +%s`


@pytest.mark.parametrize(
    ("text", "micros"),
    [
        pytest.param("2025-01-15T10:30:00Z", HALF_PAST_TEN, id="whole seconds"),
        pytest.param("2025-01-15t10:30:00z", HALF_PAST_TEN, id="small letters"),
        pytest.param("2025-01-15 10:30:00Z", HALF_PAST_TEN, id="a space between date and time"),
        pytest.param("2025-01-15T10:30:00.5Z", HALF_PAST_TEN + 500_000, id="one digit"),
        pytest.param("2025-01-15T10:30:00.123Z", HALF_PAST_TEN + 123_000, id="milliseconds"),
        pytest.param("2025-01-15T10:30:00.123456Z", HALF_PAST_TEN + 123_456, id="microseconds"),
        pytest.param("2025-01-15T10:30:00.123456789Z", HALF_PAST_TEN + 123_456, id="nanoseconds are cut off"),
        pytest.param(f"2025-01-15T10:30:00.{'9' * 30}Z", HALF_PAST_TEN + 999_999, id="30 digits"),
        pytest.param("2025-01-15T11:30:00+01:00", HALF_PAST_TEN, id="east"),
        pytest.param("2025-01-15T05:00:00-05:30", HALF_PAST_TEN, id="west"),
        pytest.param("2025-01-15T10:30:00-00:00", HALF_PAST_TEN, id="unknown local offset"),
        pytest.param("2025-01-15T11:30:00.123456789+01:00", HALF_PAST_TEN + 123_456, id="nanoseconds with an offset"),
        pytest.param("2024-02-29T00:00:00Z", 1_709_164_800_000_000, id="leap day"),
        pytest.param("2016-12-31T23:59:60Z", 1_483_228_799_999_999, id="leap second"),
        pytest.param("2016-12-31T23:59:60.25Z", 1_483_228_799_999_999, id="leap second with a fraction"),
        pytest.param("2017-01-01T00:59:60+01:00", 1_483_228_799_999_999, id="leap second with an offset"),
        pytest.param("1970-01-01T00:00:00Z", 0, id="the first"),
        pytest.param("2299-12-31T23:59:59.999999Z", LATEST - 1, id="the last"),
    ],
)
def test_parse_reads_every_rfc_3339_time(text: str, micros: int) -> None:
    assert parse_rfc3339(text) == micros


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="empty"),
        pytest.param("Z", id="only a zone"),
        pytest.param("now", id="a word"),
        pytest.param("1736937000", id="a number"),
        pytest.param("2025-01-15", id="a date"),
        pytest.param("2025-01-15T10:30:00", id="no zone"),
        pytest.param("2025-01-15T10:30Z", id="no seconds"),
        pytest.param("2025-01-15T10:30:00,5Z", id="a comma"),
        pytest.param("2025-01-15T10:30:00.Z", id="no digit in the fraction"),
        pytest.param("2025-01-15T10:30:00.12xZ", id="a letter in the fraction"),
        pytest.param("2025-01-15T10:30:00.123456xZ", id="a letter past microseconds"),
        pytest.param("2025-01-15T10:30:00.123456٣Z", id="a foreign digit past microseconds"),
        pytest.param(f"2025-01-15T10:30:00.{'9' * 31}Z", id="31 digits"),
        pytest.param("2025-01-15T10:30:00+0100", id="an offset without colon"),
        pytest.param("2025-01-15T10:30:00+01", id="an offset without minutes"),
        pytest.param("2025-01-15T10:30:00+24:00", id="an offset of a day"),
        pytest.param("2025-01-15T10:30:00+01:60", id="an offset of 60 minutes"),
        pytest.param("2025-01-15T10:30:00+01:00:30", id="an offset with seconds"),
        pytest.param("2025-01-15T10:30:00+01:00Z", id="two zones"),
        pytest.param("2025-01-15T10:30:00.5+01:00Z", id="two zones after a fraction"),
        pytest.param("2025-01-15T10:30:00Z\n", id="a line end"),
        pytest.param(" 2025-01-15T10:30:00Z", id="a space before"),
        pytest.param("2025-02-29T10:30:00Z", id="no such day"),
        pytest.param("2025-13-01T10:30:00Z", id="no such month"),
        pytest.param("2025-01-15T24:00:00Z", id="hour 24"),
        pytest.param("2025-01-15T10:60:00Z", id="minute 60"),
        pytest.param("2025-01-15T10:30:60Z", id="second 60 within the day"),
        pytest.param("2025-01-15T23:59:61Z", id="second 61"),
        pytest.param("2025-01-15T23:59:60.xZ", id="a leap second with a letter"),
        pytest.param("2025-W03-3T10:30:00Z", id="a week date"),
        pytest.param("20250115T103000Z", id="the basic form"),
        pytest.param("2025-01-15_10:30:00Z", id="another separator"),
        pytest.param("２０25-01-15T10:30:00Z", id="wide digits"),
        pytest.param("1969-12-31T23:59:59Z", id="before 1970"),
        pytest.param("1970-01-01T00:00:00+00:01", id="before 1970 by its offset"),
        pytest.param("2300-01-01T00:00:00Z", id="2300"),
        pytest.param("9999-12-31T23:59:59-23:59", id="the end of time"),
        pytest.param("0001-01-01T00:00:00+23:59", id="the beginning of time"),
        pytest.param("+2025-01-15T10:30:00Z", id="a sign"),
        pytest.param("2025-01-15T10:30:00\x00Z", id="a NUL"),
    ],
)
def test_parse_refuses_everything_else(text: str) -> None:
    assert parse_rfc3339(text) is None


@given(st.text(max_size=40))
def test_parse_takes_any_text(text: str) -> None:
    assert parse_rfc3339(text) is None or len(text) >= 20


@given(
    st.datetimes(datetime(1970, 1, 2), datetime(2299, 12, 30)),  # noqa: DTZ001
    st.integers(-1439, 1439),
    st.sampled_from(["T", "t", " "]),
)
def test_parse_agrees_with_the_standard_library(moment: datetime, offset: int, separator: str) -> None:
    aware = moment.replace(tzinfo=timezone(timedelta(minutes=offset)))
    expected = (aware - datetime.fromtimestamp(0, UTC)) // timedelta(microseconds=1)
    assert parse_rfc3339(aware.isoformat(separator)) == expected


@pytest.mark.parametrize(
    ("micros", "text"),
    [
        pytest.param(0, "1970-01-01T00:00:00Z", id="the first"),
        pytest.param(HALF_PAST_TEN, "2025-01-15T10:30:00Z", id="whole seconds"),
        pytest.param(HALF_PAST_TEN + 120_000, "2025-01-15T10:30:00.120Z", id="milliseconds"),
        pytest.param(HALF_PAST_TEN + 120_001, "2025-01-15T10:30:00.120001Z", id="microseconds"),
        pytest.param(LATEST - 1, "2299-12-31T23:59:59.999999Z", id="the last"),
    ],
)
def test_format(micros: int, text: str) -> None:
    assert format_rfc3339(micros) == text


@given(st.integers(0, LATEST - 1))
def test_what_is_formatted_reads_the_same(micros: int) -> None:
    assert parse_rfc3339(format_rfc3339(micros)) == micros
