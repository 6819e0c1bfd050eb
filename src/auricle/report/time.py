"""Time: zones, ranges and buckets. The only place of the reports that knows what a local day is.

A bucket is cut where the zone's clock shows a whole multiple of the grain, and where the zone's offset changes; so a
day has 23 or 25 hours when the clocks change, and the hour that happens twice is two buckets. Weeks begin on Monday.

The engine never sees a zone: offsets are worked out here and written into the statement as arithmetic, so the answer
does not depend on the engine's own table of zones.
"""

import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from auricle.errors import Invalid
from auricle.model.query import Grain, Span, instant_of, micros_of
from auricle.model.receipt import Fault

SECOND = 1_000_000
HOUR = 3_600 * SECOND
DAY = 24 * HOUR

EARLIEST, LATEST = 31_536_000 * SECOND, 7_258_118_400 * SECOND
"""The instants a range may hold: 1971-01-01 to 2200-01-01."""

MICROS = "toUnixTimestamp64Micro(occurred_at)"
"""SQL of the moment of an event, in microseconds."""

_SHORT = {
    Grain.MINUTE: 60 * SECOND,
    Grain.FIVE_MINUTES: 300 * SECOND,
    Grain.QUARTER: 900 * SECOND,
    Grain.HOUR: HOUR,
}
_LONG = {Grain.DAY: DAY, Grain.WEEK: 7 * DAY, Grain.MONTH: 28 * DAY}
_RFC3339 = re.compile(r"(\d{4}-\d{2}-\d{2})[Tt ](\d{2}:\d{2}:\d{2})(?:\.(\d{1,6})\d*)?([Zz]|[+-]\d{2}:\d{2})", re.ASCII)
_PERIOD = re.compile(r"(\d{1,5})([hd])", re.ASCII)


class Offset(NamedTuple):
    """From when on a zone has which offset from UTC, both in microseconds."""

    since: int
    offset: int


@dataclass(frozen=True, slots=True)
class Bucket:
    """One bucket of a time axis: the integer the engine knows it by, and the instant it begins."""

    key: int
    start: int


def written(micros: int) -> str:
    """An instant as RFC 3339 in UTC, with a fraction only where it has one."""
    return instant_of(micros).isoformat().replace("+00:00", "Z")


def instant(text: str, pointer: str) -> datetime:
    """The instant of an RFC 3339 text, aware; digits beyond the microsecond are cut. `Invalid` at `pointer`."""
    match = _RFC3339.fullmatch(text)
    if match is not None:
        day, clock, fraction, offset = match.groups()
        offset = "+00:00" if offset in "Zz" else offset
        try:
            return datetime.fromisoformat(f"{day}T{clock}.{(fraction or '0').ljust(6, '0')}{offset}")
        except ValueError:
            pass
    message = "Expected a time in RFC 3339 with its offset, such as 2025-09-01T00:00:00Z."
    raise Invalid("A time cannot be read.", (Fault(pointer, "date-time", message),))


def period(text: str, pointer: str) -> timedelta:
    """The length that `24h` or `7d` stands for. `Invalid` at `pointer`."""
    match = _PERIOD.fullmatch(text)
    if match is None or int(match[1]) == 0:
        message = "Expected a whole number of hours or days, such as 24h, 7d or 30d."
        raise Invalid("A period cannot be read.", (Fault(pointer, "period", message),))
    return timedelta(hours=int(match[1])) if match[2] == "h" else timedelta(days=int(match[1]))


def zone(name: str, pointer: str = "/tz") -> ZoneInfo:
    """The zone of an IANA name. `Invalid` at `pointer`."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        message = "Expected the IANA name of a time zone, such as UTC, Europe/Berlin or America/New_York."
        raise Invalid("A time zone is unknown.", (Fault(pointer, "timezone", message),)) from None


@lru_cache(maxsize=256)
def offsets(name: str, start: int, end: int) -> tuple[Offset, ...]:
    """The offsets of a zone within `[start, end)`: one entry, and one more for every change inside.

    NOTE: two changes less than a day apart that undo each other would be missed; no zone has had them since 1971.
    """
    place = zone(name)

    def offset_at(micros: int) -> int:
        delta = instant_of(micros).astimezone(place).utcoffset() or timedelta()
        return delta // timedelta(microseconds=1)

    found = [Offset(start, offset_at(start))]
    low = start
    while low < end - 1:
        high = min(low + DAY, end - 1)
        after = offset_at(high)
        if after != found[-1].offset:
            left, right = low, high
            while right - left > 1:
                middle = (left + right) // 2
                left, right = (middle, right) if offset_at(middle) == found[-1].offset else (left, middle)
            found.append(Offset(right, offset_at(right)))
            low = right
        else:
            low = high
    return tuple(found)


def buckets(grain: Grain, name: str, span: Span) -> tuple[Bucket, ...]:
    """Every bucket that meets the range, in order. The first may begin before the range does."""
    if grain is Grain.ALL:
        return (Bucket(0, span.start),)
    return _short_buckets(_SHORT[grain], name, span) if grain in _SHORT else _long_buckets(grain, zone(name), span)


def fits(grain: Grain, name: str, span: Span, limit: int) -> bool:
    """Whether the range has at most `limit` buckets of the grain."""
    if grain is Grain.ALL:
        return limit >= 1
    length = _SHORT.get(grain) or _LONG[grain]
    most = (span.end - span.start) // length
    if grain in _LONG and most > 2 * limit + 2:
        return False
    if grain in _SHORT and most > limit:
        return False
    return len(buckets(grain, name, span)) <= limit


def bucket_sql(grain: Grain, name: str, span: Span, micros: str = MICROS) -> str:
    """SQL of the key of the bucket that an instant of the range falls into; `micros` is SQL of the instant."""
    if grain is Grain.ALL:
        return "toInt64(0)"
    pieces = _pieces(name, span)
    local = f"({micros} + {_stepwise([each.offset for each in pieces], pieces, micros)})"
    if grain in _SHORT:
        floor = f"{micros} - {local} % {_SHORT[grain]}"
        if len(pieces) == 1:
            return floor
        return f"greatest({floor}, {_stepwise([each.since for each in pieces], pieces, micros)})"
    if grain is Grain.MONTH:
        return f"toYYYYMM(fromUnixTimestamp64Micro({local}, 'UTC'))"
    day = f"intDiv({local}, {DAY})"
    return day if grain is Grain.DAY else f"intDiv({day} + 3, 7)"


def day_number(day: date) -> int:
    """Days since 1970-01-01, the key of a day's bucket."""
    return day.toordinal() - date(1970, 1, 1).toordinal()


def midnight(day: date, place: ZoneInfo) -> int:
    """The first instant of a local day, in microseconds.

    Where the clocks skip midnight it is the moment they do, and where midnight comes twice it is the first one.
    """
    return micros_of(datetime(day.year, day.month, day.day, tzinfo=place))


def local_day(micros: int, place: ZoneInfo) -> date:
    """The local day an instant falls on."""
    return instant_of(micros).astimezone(place).date()


def _pieces(name: str, span: Span) -> tuple[Offset, ...]:
    # A bucket may begin before the range, so its offset is looked up from a little earlier on: an hour, the longest
    # of the grains that are cut where the offset changes.
    return offsets(name, span.start - HOUR, span.end)


def _stepwise(values: list[int], pieces: tuple[Offset, ...], micros: str) -> str:
    """SQL of the value of the piece an instant lies in."""
    if len(values) == 1:
        return str(values[0])
    arms = ", ".join(f"{micros} < {later.since}, {value}" for value, later in zip(values[:-1], pieces[1:], strict=True))
    return f"multiIf({arms}, {values[-1]})"


def _short_buckets(length: int, name: str, span: Span) -> tuple[Bucket, ...]:
    pieces = _pieces(name, span)
    ends = [*(each.since for each in pieces[1:]), span.end]
    starts: list[int] = []
    for piece, end in zip(pieces, ends, strict=True):
        first = max(piece.since, span.start)
        if first >= end:
            continue
        edge = first - (first + piece.offset) % length
        starts.append(max(edge, piece.since))
        starts.extend(range(edge + length, end, length))
    return tuple(Bucket(start, start) for start in starts)


def _long_buckets(grain: Grain, place: ZoneInfo, span: Span) -> tuple[Bucket, ...]:
    day = _floor(local_day(span.start, place), grain)
    last = local_day(span.end - 1, place)
    found: list[Bucket] = []
    while day <= last:
        following = _next(day, grain)
        start = midnight(day, place)
        # A zone that crosses the date line skips a whole day: it has no length, and no bucket.
        if midnight(following, place) > start:
            found.append(Bucket(_key(day, grain), start))
        day = following
    return tuple(found)


def _floor(day: date, grain: Grain) -> date:
    if grain is Grain.MONTH:
        return day.replace(day=1)
    return day - timedelta(days=day.weekday()) if grain is Grain.WEEK else day


def _next(day: date, grain: Grain) -> date:
    if grain is Grain.MONTH:
        return (day.replace(day=1) + timedelta(days=32)).replace(day=1)
    return day + timedelta(days=7 if grain is Grain.WEEK else 1)


def _key(day: date, grain: Grain) -> int:
    if grain is Grain.MONTH:
        return day.year * 100 + day.month
    return day_number(day) if grain is Grain.DAY else (day_number(day) + 3) // 7
