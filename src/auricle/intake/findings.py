"""The findings in one text: e-mail addresses, phone numbers, cards, IBANs, IPs, secrets, URLs.

Everything works on UTF-8 bytes with RE2, whose time is linear in the text whatever a client sends. Before looking,
digits and `@` of other scripts become ASCII and invisible characters go; text in which nothing is found stays as it
was.
"""

import ipaddress
import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache

from stdnum import iban, luhn
from stdnum.exceptions import ValidationError

from auricle.intake.pattern import Match, PatternSet, compiled
from auricle.intake.phone import redact_phones
from auricle.intake.sensitive import EVERYTHING, KeyRule, Kind, Wanted, key_pattern

MAX_QUERY = 500
"""Characters kept of the text of a query."""

_SHORTEST = 13
"""Letters and digits alone that are fewer hold nothing: a card has 13 digits at least, an IBAN 15 signs, a key 16."""

_SECRET_SHAPES = "|".join(
    (
        r"ak_[A-Za-z0-9_\-]{16,}",
        r"gh[pousr]_[A-Za-z0-9]{20,}|github_pat_[A-Za-z0-9_]{20,}|glpat-[A-Za-z0-9_\-]{16,}|npm_[A-Za-z0-9]{30,}",
        r"(?:AKIA|ASIA|AIDA|AROA)[A-Z0-9]{16}",
        r"xox[abeoprs]-[A-Za-z0-9\-]{10,}|xapp-[A-Za-z0-9\-]{10,}",
        r"(?:sk|rk|pk)_(?:live|test)_[A-Za-z0-9]{10,}|whsec_[A-Za-z0-9+/=]{16,}",
        r"sk-[A-Za-z0-9_\-]{20,}",
        r"AIza[A-Za-z0-9_\-]{30,}|ya29\.[A-Za-z0-9_\-]{20,}|GOCSPX-[A-Za-z0-9_\-]{20,}",
        r"SG\.[A-Za-z0-9_\-]{16,}\.[A-Za-z0-9_\-]{16,}",
        r"eyJ[A-Za-z0-9_\-]{8,}\.[A-Za-z0-9_\-]{4,}(?:\.[A-Za-z0-9_\-]*){0,3}",
    )
)
_NAMED = (
    r"(?:pass(?:word|wd|phrase|code)?|pwd|secret|client_secret|(?:access|refresh|id|auth)?_?token|jwt"
    r"|api[_\-]?key|apikey|access[_\-]?key|sig|signature|auth)"
)
_SAID = r"\b(?:password|passwd|secret|api[ _\-]?key)(?: is)?: ?"
_CUES = r"\b(?:phone|telephone|telefon|tel|mobile|cell|handy|mobil|call|whatsapp|sms|fax|dial)\b"
# NOTE: what goes on behind the digits is a UUID or another id. Without this one UUID in seventy would be looked at.
_RUN = r"[0-9][0-9 ().\-/]{7,}[0-9](?:[^0-9A-Za-z_/\-]|$)"
_TRIGGERS = {
    "email": r"@|%40",
    "secret": rf"\b(?:{_SECRET_SHAPES})|-----BEGIN"
    rf"|(?i:\b(?:bearer|basic) +[A-Za-z0-9._~+/=\-]{{16}}|{_NAMED}=|{_SAID}\S)",
    "url": r'://|"/[^" ]*[?#]',
    "ip": r"(?:[^A-Za-z0-9/._]|//|%2[Ff])[0-9]{1,3}(?:\.[0-9]{1,3}){3}"
    r"|[0-9A-Fa-f]{1,4}(?::[0-9A-Fa-f]{0,4}){3}|::[0-9A-Fa-f]",
    "digits": rf'["\s(=;,>#\[][(]?{_RUN}|[^"0-9]:{_RUN}|\+ ?\(?[0-9]|[0-9]{{13}}'
    r"|[^0-9._\-][2-6][0-9]{3}[ \-][0-9]{4,6}[ \-][0-9]{4}|\b00[1-9][0-9 ().\-/]{7}",
    "cue": rf'(?i:{_CUES}[^0-9"]{{0,24}}[0-9(][0-9 ().\-/]{{5}})',
    "iban": r"(?i:(?:^|[^0-9a-z\-_])[a-z]{2}[0-9]{2} ?[a-z0-9]{4} ?[a-z0-9]{4} ?[a-z0-9]{3})",
    # Digits and signs of other scripts, and invisible characters: they are looked at in ASCII.
    "odd": r"\xef\xbc[\x85\x8b\x8e-\x99\xa0]|\xe2\x80[\x8a-\x92\xaa-\xae\xaf]|\xe2\x81[\xa0-\xa9]|\xef\xbb\xbf"
    r"|\xc2[\xa0\xad]|\xd9[\xa0-\xa9]|\xdb[\xb0-\xb9]|\xe0[\xa5-\xb5][\xa6-\xaf]|\xef\xb9\xab|\xf0\x9d\x9f",
}
_SUSPECT = compiled("|".join((*_TRIGGERS.values(), f"(?i:{key_pattern()})")))
_WHICH = PatternSet(list(_TRIGGERS.values()))
_EMAIL, _SECRET, _URL, _IP, _DIGITS, _CUE, _IBAN, _ODD = range(8)

_KEYS = compiled(rf"\b(?:{_SECRET_SHAPES})")
_PRIVATE = compiled(r"(?s)-----BEGIN [A-Z0-9 ]*PRIVATE KEY.*?(?:-----END [A-Z0-9 ]*-----|$)")
_SCHEMES = compiled(r"(?i)\b((?:bearer|basic) +)([A-Za-z0-9._~+/=\-]{16,})")
_PAIRS = compiled(rf"(?i)((?:^|[^A-Za-z0-9]|[a-z]_){_NAMED}=|{_SAID})([^\s&\"',;#\[]{{3,}})")
_LINK = compiled(r"(?i)\b(https?|wss?|ftp)://(?:[^\s/?#\"'<>@]*@)?([^\s/?#\"'<>]*)([^\s?#\"'<>]*)([?#][^\s\"'<>]*)?")
_WHOLE_URL = re.compile(r"(?i)(?:[a-z][a-z0-9+.\-]{1,15}:)?//[^/?#\s]*([^?#\s]*)(?:[?#]\S*)?")
_PATH = re.compile(r"/[^?#\s]*[?#]\S*")
_EMAILS = compiled(
    r"[A-Za-z0-9._%+'\-\x80-\xff]*[A-Za-z0-9_%+\-\x80-\xff](?:@|%40)"
    r"(?:[A-Za-z0-9\x80-\xff](?:[A-Za-z0-9\-\x80-\xff]*[A-Za-z0-9\x80-\xff])?\.)+"
    r"(?:[A-Za-z\x80-\xff]{2,}|xn--[A-Za-z0-9\-]+)"
)
_IBANS = compiled(r"(?i)\b[A-Z]{2}[0-9]{2}(?:[ \-]?[A-Z0-9]{4}){2,7}(?:[ \-]?[A-Z0-9]{1,3})?\b")
_CARDS = compiled(r"[2-6][0-9]{3}(?:[ \-.]?[0-9]{2,6}){2,5}")
_CARD = re.compile(
    rb"4\d{15}(?:\d{3})?|5[1-5]\d{14}|2[2-7]\d{14}|3[47]\d{13}|3(?:0[0-5]|[689]\d)\d{11}|35\d{14}"
    rb"|6(?:011|5\d\d|4[4-9]\d|2\d\d)\d{12}(?:\d{3})?"
)
_QUADS = compiled(r"[0-9]{1,3}(?:\.[0-9]{1,3}){3}")
_COLONS = compiled(r"[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){2,7}(?:(?:\.[0-9]{1,3}){3})?")
_BEFORE_VERSION = re.compile(
    rb"(?i)(?:[a-z]/|\bv"
    rb"|\b(?:version|ver|release|build|firmware|update|upgrade|chrome|sdk|app|agent|driver|plugin)[ :=]*)$"
)
_WORD = frozenset(b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_")


class _Fold(dict[int, int | str | None]):
    """What each character is in ASCII, where it is a digit, a space, a dash or a full-width sign; None: it goes."""

    def __missing__(self, code: int) -> int | str | None:
        sign = chr(code)
        category = unicodedata.category(sign)
        if code < 128:
            return code
        if category == "Cf":
            self[code] = None
            return None
        if category in ("Nd", "Zs", "Pd"):
            self[code] = {"Nd": str(unicodedata.digit(sign, 0)), "Zs": " ", "Pd": "-"}[category]
            return self[code]
        if 0xFF01 <= code <= 0xFF5E or code in (0xFE6B, 0xFE52):
            self[code] = unicodedata.normalize("NFKC", sign)
            return self[code]
        return code


_FOLD = _Fold()


def suspects(bodies: Sequence[bytes]) -> list[int]:
    """The numbers of the JSON texts that may hold something to redact; most that do not are told so, in one pass."""
    text = b"\n".join(bodies)
    found: list[int] = []
    number, start = 0, 0
    while (match := _SUSPECT.search(text, start)) is not None:
        number += text.count(b"\n", start, match.start())
        found.append(number)
        # NOTE: on from the next text's start, not from the match's end, which may lie within the next text.
        start = text.find(b"\n", match.start()) + 1
        number += 1
        if not start:
            break
    return found


def redact_text(text: str, rule: KeyRule, wanted: Wanted = EVERYTHING) -> str:
    """One string with its findings replaced; the same object where there are none."""
    if len(text) < _SHORTEST and text.isascii() and text.isalnum():
        return text
    given = text
    if rule.query and len(text) > MAX_QUERY:
        text = text[:MAX_QUERY]
    raw = text.encode("utf-8", "surrogatepass")
    found = _WHICH.found(b'"' + raw + b'"')
    if not found:
        return text
    if _ODD in found:
        folded = text.translate(_FOLD)
        if folded != text:
            cleaned = redact_text(folded, rule, wanted)
            return given if cleaned == folded and len(text) == len(given) else cleaned if cleaned != folded else text
    if _URL in found or rule.url:
        path = path_of(text, rule)
        if path != text:
            return redact_text(path, rule, wanted)
    for each, kind, find in _FINDERS:
        if each in found and (kind is None or kind in wanted.kinds):
            raw = find(raw)
    if _IP in found and Kind.IP in wanted.kinds:
        whole = _coarse(text) if not rule.version else text
        if whole is not None:
            return Kind.IP.mark if wanted.hide_ips and not rule.version else whole
        raw = _redact_ips(raw)
    if _DIGITS in found or _CUE in found:
        raw = _CARDS.sub(_card, raw) if Kind.CARD in wanted.kinds else raw
        raw = redact_phones(raw) if Kind.PHONE in wanted.kinds else raw
    done = raw.decode("utf-8", "surrogatepass")
    return text if done == text else done


@lru_cache(maxsize=8_192)
def redact_key(key: str, wanted: Wanted = EVERYTHING) -> str:
    """A key with its findings replaced. Clients have few keys, and send them often."""
    return redact_text(key, KeyRule(), wanted)


def path_of(text: str, rule: KeyRule) -> str:
    """The path of a text that is a URL; any other text as it is."""
    match = _WHOLE_URL.fullmatch(text)
    if match and ("://" in text or rule.url):
        # NOTE: one slash: a path that begins with two would be taken for a URL again, and again.
        return "/" + match.group(1).lstrip("/")
    if _PATH.fullmatch(text):
        return text[: min(at for sign in "?#" if (at := text.find(sign)) >= 0)]
    return text


def coarse_ip(text: str) -> str | None:
    """An IP cut to /24 or /48; None for any other text."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    plain, bits = (text, 24) if address.version == 4 else (address.compressed.partition("%")[0], 48)
    return str(ipaddress.ip_network(f"{plain}/{bits}", strict=False).network_address)


def _coarse(text: str) -> str | None:
    stripped = text.strip()
    return coarse_ip(stripped) if 2 < len(stripped) <= 64 else None


def _redact_secrets(raw: bytes) -> bytes:
    mark = Kind.SECRET.mark.encode()
    raw = _PRIVATE.sub(lambda _: mark, raw)
    raw = _KEYS.sub(lambda _: mark, raw)
    raw = _SCHEMES.sub(lambda match: match.group(1) + mark if _is_random(match.group(2)) else match.group(), raw)
    return _PAIRS.sub(lambda match: match.group(1) + mark, raw)


def _is_random(word: bytes) -> bool:
    return any(48 <= byte <= 57 for byte in word) or len(word) >= 24


def _redact_links(raw: bytes) -> bytes:
    """URLs inside a text lose who asks and what they asked for: user, query and fragment."""
    return _LINK.sub(lambda match: match.group(1) + b"://" + match.group(2) + match.group(3), raw)


def _redact_emails(raw: bytes) -> bytes:
    return _EMAILS.sub(lambda _: Kind.EMAIL.mark.encode(), raw)


def _redact_ibans(raw: bytes) -> bytes:
    def judged(match: Match) -> bytes:
        text = match.group()
        # NOTE: words behind an IBAN look like its last groups, so the groups are tried from the end.
        for end in range(len(text), 14, -1):
            if (end == len(text) or not text[end - 1 : end + 1].isalnum()) and _is_iban(text[:end].decode()):
                return Kind.IBAN.mark.encode() + text[end:]
        return text

    return _IBANS.sub(judged, raw)


def _is_iban(text: str) -> bool:
    compact = re.sub(r"[ \-]", "", text).upper()
    if not 15 <= len(compact) <= 34 or int("".join(str(int(sign, 36)) for sign in compact[4:] + compact[:4])) % 97 != 1:
        return False
    try:
        # NOTE: without the banks of each country: new ones open.
        iban.validate(text, check_country=False)
    except ValidationError:
        return False
    return True


def _card(match: Match) -> bytes:
    text, before, after = match.group(), match.string[: match.start()][-1:], match.string[match.end() :][:1]
    digits = re.sub(rb"\D", b"", text)
    joined = (before and before[0] in b"0123456789.-_") or (after and after[0] in b"0123456789_")
    if joined or not _CARD.fullmatch(digits) or not luhn.is_valid(digits.decode()):
        return text
    return Kind.CARD.mark.encode()


def _redact_ips(raw: bytes) -> bytes:
    mark = Kind.IP.mark.encode()

    def four(match: Match) -> bytes:
        text = match.group()
        before, after = raw[max(0, match.start() - 24) : match.start()], raw[match.end() : match.end() + 2]
        joined = (before and (before[-1] in _WORD or before[-1] in b".-")) or (
            after and (after[0] in _WORD or after[0] in b"-" or (after[0] in b"." and after[1:2].isdigit()))
        )
        if joined or _BEFORE_VERSION.search(before) or any(int(part) > 255 for part in text.split(b".")):
            return text
        return mark

    def six(match: Match) -> bytes:
        text = match.group()
        before, after = raw[max(0, match.start() - 1) : match.start()], raw[match.end() : match.end() + 1]
        if (before and before[0] in _WORD) or (after and after[0] in _WORD) or len(text) < 4:
            return text
        end = len(text) - 1 if text.endswith(b":") and not text.endswith(b"::") else len(text)
        return mark + text[end:] if coarse_ip(text[:end].decode()) is not None else text

    raw = _COLONS.sub(six, raw) if b":" in raw else raw
    return _QUADS.sub(four, raw)


_FINDERS = (
    (_SECRET, Kind.SECRET, _redact_secrets),
    (_URL, None, _redact_links),
    (_EMAIL, Kind.EMAIL, _redact_emails),
    (_IBAN, Kind.IBAN, _redact_ibans),
)
