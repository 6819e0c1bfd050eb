"""Times on the wire: RFC 3339 text to microseconds since 1970-01-01 UTC, and back."""

import re
import sys
from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - naive on purpose: the offset is taken off by hand, 3 times as fast
_DAY, _SECOND, _MINUTE = 86_400_000_000, 1_000_000, 60_000_000

LATEST = 10_413_792_000_000_000
"""The first microsecond that is not spoken here: 2300-01-01T00:00:00Z, where the engine's DateTime64 ends."""

MAX_DIGITS = 30
"""Digits of the longest fraction of a second that is read."""

_OFFSET = re.compile(r"([+-])([01][0-9]|2[0-3]):([0-5][0-9])")
_READS_24 = sys.version_info >= (3, 14)  # fromisoformat takes 24:00 for the next midnight


def parse_rfc3339(text: str) -> int | None:
    """Microseconds since 1970-01-01 UTC of an RFC 3339 time, or None when the text is none.

    A zone is needed: `Z`, `z` or `±hh:mm`. Date and time are parted by `T`, `t` or a space (RFC 3339, section 5.6).
    Any number of fractional digits is read, those past microseconds are cut off. The years are 1970 to 2299.
    A leap second (`:60`, only at 23:59 UTC) is the last microsecond before it, so that it stays in its day.
    """
    # NOTE: fromisoformat also takes week dates, commas, missing separators and other parts of ISO 8601 that RFC 3339
    # leaves out, so the separators are checked here. That digits are digits, and in range, it checks itself.
    try:
        if text[-1] in "Zz":
            body, shift = text[:-1], 0
        else:
            body, shift = text[:-6], _offset(text[-6:])
        if body[4] != "-" or body[7] != "-" or body[10] not in "Tt " or body[13] != ":" or body[16] != ":":
            return None
        if len(body) != 19 and body[19] != ".":
            return None
        if len(body) > 26:
            body = _cut(body)
        if _READS_24 and body[11:13] == "24":
            return None
        since = datetime.fromisoformat(body) - _EPOCH
        micros = (since.days * 86_400 + since.seconds) * _SECOND + since.microseconds - shift
    except ValueError:
        return _leap_second(body, shift) if body[17:19] == "60" else None
    except (IndexError, TypeError):  # too short; or a second zone before the first, so that the time is aware
        return None
    return micros if 0 <= micros < LATEST else None


def format_rfc3339(micros: int) -> str:
    """The RFC 3339 text, in UTC with `Z`, of microseconds since 1970-01-01: no fraction, or 3 or 6 digits of it."""
    moment = datetime.fromtimestamp(0, UTC) + timedelta(microseconds=micros)
    fraction = micros % _SECOND
    spec = "seconds" if fraction == 0 else "milliseconds" if fraction % 1000 == 0 else "microseconds"
    return moment.isoformat(timespec=spec)[:-6] + "Z"


def _offset(text: str) -> int:
    """Microseconds east of UTC of `±hh:mm`; IndexError when the text is not exactly that."""
    found = _OFFSET.fullmatch(text)
    if found is None:
        raise IndexError
    east = (int(found[2]) * 60 + int(found[3])) * _MINUTE
    return -east if found[1] == "-" else east


def _cut(body: str) -> str:
    """A time without the digits past microseconds; IndexError when they are not digits, or very many."""
    digits = body[20:]
    if not (digits.isascii() and digits.isdigit()) or len(digits) > MAX_DIGITS:
        raise IndexError
    return body[:26]


def _leap_second(body: str, shift: int) -> int | None:
    """The last microsecond before a leap second, or None where no leap second can be."""
    micros = parse_rfc3339(f"{body[:17]}59{body[19:]}Z")
    if micros is None:
        return None
    micros += _SECOND - 1 - micros % _SECOND - shift
    return micros if micros % _DAY == _DAY - 1 and 0 <= micros < LATEST else None
