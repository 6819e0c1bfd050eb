"""The phone number in text: told from order numbers, times and measures.

With a `+` (or `00`) any possible number of a real country counts. Without one it must have the shape of a national
number and be valid somewhere, or a word such as `call` or `tel` must stand before it: bare runs of digits are ids.
"""

import re
from functools import lru_cache

import phonenumbers

from auricle.intake.pattern import Match, compiled
from auricle.intake.sensitive import Kind

MAX_CHECKS = 50
"""Numbers of one text that are looked up; what has the shape beyond it is redacted unseen, so that time is bounded."""
_REGIONS = ("DE", "GB", "FR", "IT", "ES", "AT", "CH", "NL", "BE", "AU", "JP", "IN")

_GROUPS = r"(?:[ .\-/]?\(?[0-9]{1,14}\)?){1,7}"
_INTERNATIONAL = compiled(rf"(?:\+|\b00) ?\(?[1-9]{_GROUPS}")
_NORTH_AMERICAN = compiled(
    r"(?:\b1[ .\-])?(?:\([2-9][0-9]{2}\) ?[2-9][0-9]{2}[ .\-]?[0-9]{4}"
    r"|\b[2-9][0-9]{2}(?:-[2-9][0-9]{2}-|\.[2-9][0-9]{2}\.)[0-9]{4})\b"
)
_NATIONAL = compiled(r"(?:\b|\()0[1-9][0-9]{0,4}(?:\)|\b)(?:[ \-./]{1,2}[0-9]{2,9}){1,5}\b")
_CUED = compiled(
    r"(?i)(\b(?:phone|telephone|telefon|tel|mobile|cell|handy|mobil|call|whatsapp|sms|fax|dial)\b"
    r"(?: ?(?:number|no|nr|me|us|him|her|is|at|on|back|under|unter|to)\b){0,4}[ .:=#\-]{0,4})"
    r"(\+?\(?[0-9](?:[ .\-/()]{0,2}[0-9]){6,14})\b"
)
_DATE = re.compile(rb"\d{1,2}[./\-]\d{1,2}[./\-](?:19|20)?\d\d\b")
_OUTSIDE = frozenset(b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_-+/#.,$=")


def redact_phones(text: bytes) -> bytes:
    """The text with every phone number replaced."""
    left = MAX_CHECKS
    mark = Kind.PHONE.mark.encode()

    def international(match: Match) -> bytes:
        nonlocal left
        found = match.group()
        if _joined(match) and found.startswith(b"00"):
            return found
        left -= 1
        return mark if left < 0 or _is_international(found) else found

    def north_american(match: Match) -> bytes:
        return match.group() if _joined(match) else mark

    def national(match: Match) -> bytes:
        nonlocal left
        found = match.group()
        digits = sum(48 <= byte <= 57 for byte in found)
        if _joined(match) or not 9 <= digits <= 12 or _DATE.match(found.lstrip(b"(")):
            return found
        left -= 1
        return mark if left < 0 or _is_valid_somewhere(found) else found

    text = _INTERNATIONAL.sub(international, text)
    text = _CUED.sub(lambda match: match.group(1) + mark, text)
    text = _NORTH_AMERICAN.sub(north_american, text)
    return _NATIONAL.sub(national, text)


@lru_cache(maxsize=4_096)
def _is_international(text: bytes) -> bool:
    """Whether this is a possible number of a country, its code before it."""
    digits = re.sub(rb"\D", b"", text)
    if not text.startswith(b"+"):
        digits = digits.removeprefix(b"00")
    # NOTE: `+49 (0) 171 …`: the zero in brackets is not dialled from abroad.
    if b"(0)" in text:
        digits = digits.replace(b"0", b"", 1) if digits[2:3] == b"0" or digits[1:2] == b"0" else digits
    if not 8 <= len(digits) <= 15:
        return False
    try:
        return phonenumbers.is_possible_number(phonenumbers.parse("+" + digits.decode()))
    except phonenumbers.NumberParseException:
        return False


@lru_cache(maxsize=4_096)
def _is_valid_somewhere(text: bytes) -> bool:
    written = text.decode("latin-1")
    for region in _REGIONS:
        try:
            if phonenumbers.is_valid_number(phonenumbers.parse(written, region)):
                return True
        except phonenumbers.NumberParseException:
            continue
    return False


def _joined(match: Match) -> bool:
    """Whether what was found goes on before or behind: part of an id, a date, a price."""
    start, end = match.start(), match.end()
    before, after = match.string[max(0, start - 1) : start], match.string[end : end + 2]
    return (bool(before) and before[0] in _OUTSIDE) or (
        bool(after) and (after[0] in b"-_/" or (after[0] in b".," and after[1:2].isdigit()))
    )
