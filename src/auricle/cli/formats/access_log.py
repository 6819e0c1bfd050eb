r"""Access logs in the common and the combined format, as Apache and nginx write them: each line is an `http.request`.

    host ident user [17/May/2015:10:05:03 +0000] "GET /path?query HTTP/1.1" 200 1234 "referrer" "user agent"

The path is taken without its query and the address of the visitor is not sent. The session is a keyed hash of address
and user agent: a pseudonym, the same in every file of a tenant. `\"` and `\\` inside quotes are read as Apache writes
them; a last quote that was cut off is forgiven.
"""

import hashlib
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, BinaryIO

from auricle.cli.formats.entry import TOO_LONG, Entry, Ids, Malformed, lines_of

EVENT_NAME = "http.request"

_QUOTED = r'"((?:[^"\\]|\\.)*)"'
_LINE = re.compile(
    r"(?P<host>\S+) \S+ .*?\[(?P<time>[^\]]{20,32})\] "
    + _QUOTED.replace("(", "(?P<request>", 1)
    + r" (?P<status>\d{3}) (?P<size>\d{1,18}|-)"
    + r"(?: "
    + _QUOTED.replace("(", "(?P<referrer>", 1)
    + r' "(?P<agent>(?:[^"\\]|\\.)*)"?)?\s*',
    re.ASCII,
)
_TIME = re.compile(r"(\d\d)/([A-Z][a-z]{2})/(\d{4}):(\d\d):(\d\d):(\d\d) ([+-])(\d\d)(\d\d)", re.ASCII)
# NOTE: strptime's %b reads the names of the machine's language; logs are always in English.
_MONTHS = {
    name: number
    for number, name in enumerate(
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"], start=1
    )
}
_PROTOCOL = re.compile(r" +HTTP/[\d.]+$", re.ASCII)
_METHOD = re.compile(r"[A-Z][A-Z_-]{1,30}")


def read(stream: BinaryIO, ids: Ids, tenant: str) -> Iterator[Entry | Malformed]:
    """An `http.request` a line. Empty lines are left out."""
    for number, line in lines_of(stream):
        if line is None:
            yield Malformed(number, TOO_LONG)
        elif line.strip():
            event = _event(line, tenant)
            if isinstance(event, str):
                yield Malformed(number, event)
            else:
                yield Entry(number, {"event_id": ids.of(EVENT_NAME, line), **event})


def session_of(host: str, agent: str, tenant: str) -> str:
    """The pseudonym of a visitor: 16 hexadecimal digits of a hash of address and user agent, keyed by the tenant."""
    return hashlib.blake2b(f"{host}\0{agent}".encode(), key=tenant.encode()[:64], digest_size=8).hexdigest()


def _event(line: bytes, tenant: str) -> dict[str, Any] | str:
    """The event of a line without its id, or why there is none."""
    match = _LINE.fullmatch(line.decode(errors="replace"))
    if match is None:
        return "not in the common or combined format"
    occurred_at = _time(match["time"])
    if occurred_at is None:
        return "the time cannot be read"
    method, _, target = _unescaped(match["request"]).partition(" ")
    target = _PROTOCOL.sub("", target)
    if not target or not _METHOD.fullmatch(method):
        return "the request has no method and path"
    agent = _unescaped(match["agent"] or "")
    attributes: dict[str, Any] = {
        "http.request.method": method,
        "url.path": _path(target),
        "http.response.status_code": int(match["status"]),
    }
    if match["size"] != "-":
        attributes["http.response.size_bytes"] = int(match["size"])
    if agent not in ("", "-"):
        attributes["user_agent.original"] = agent
    event: dict[str, Any] = {
        "event_name": EVENT_NAME,
        "occurred_at": occurred_at,
        "session_id": session_of(match["host"], agent, tenant),
        "source": "server",
        "attributes": attributes,
    }
    referrer = _unescaped(match["referrer"] or "")
    if referrer not in ("", "-"):
        event["context"] = {"page": {"referrer": referrer}}
    return event


def _time(text: str) -> str | None:
    """`17/May/2015:10:05:03 +0200` as RFC 3339 in UTC."""
    match = _TIME.fullmatch(text)
    if match is None or match[2] not in _MONTHS:
        return None
    day, month, year, hour, minute, second, sign, zone_hours, zone_minutes = match.groups()
    offset = timedelta(hours=int(zone_hours), minutes=int(zone_minutes)) * (-1 if sign == "-" else 1)
    try:
        there = datetime(
            int(year), _MONTHS[month], int(day), int(hour), int(minute), min(int(second), 59), tzinfo=timezone(offset)
        )
        return there.astimezone(UTC).isoformat().replace("+00:00", "Z")
    except (ValueError, OverflowError):
        return None


def _path(target: str) -> str:
    """The path of a request's target: no query, no fragment, no host."""
    path = target.partition("?")[0].partition("#")[0]
    if "://" in path:  # a proxy's absolute form
        path = "/" + path.partition("://")[2].partition("/")[2]
    return path or "/"


def _unescaped(text: str) -> str:
    return re.sub(r'\\(["\\])', r"\1", text)
