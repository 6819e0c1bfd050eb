"""Access logs: whole lines to whole events."""

import gzip
import io
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from auricle.cli.formats import access_log
from auricle.cli.formats.entry import Entry, Ids, Malformed

AGENT = "Mozilla/5.0 (X11; Linux x86_64)"
COMMON = '203.0.113.9 - - [17/May/2015:10:05:03 +0000] "GET /a/b.html HTTP/1.1" 200 1234'
COMBINED = f'{COMMON} "https://example.org/from" "{AGENT}"'
SHARED = Path(__file__).resolve().parents[4] / "shared" / "data" / "web" / "apache_logs.gz"


def expected(agent: str = AGENT, host: str = "203.0.113.9", **changes: Any) -> dict[str, Any]:
    """The event of `COMBINED`; `None` takes a part away."""
    attributes = {
        "http.request.method": "GET",
        "url.path": "/a/b.html",
        "http.response.status_code": 200,
        "http.response.size_bytes": 1234,
        "user_agent.original": agent,
        **changes.pop("attributes", {}),
    }
    event = {
        "event_name": "http.request",
        "occurred_at": "2015-05-17T10:05:03Z",
        "session_id": access_log.session_of(host, agent, "acme"),
        "source": "server",
        "attributes": {name: value for name, value in attributes.items() if value not in (None, "")},
        "context": {"page": {"referrer": "https://example.org/from"}},
        **changes,
    }
    return {name: value for name, value in event.items() if value is not None}


@pytest.mark.parametrize(
    ("line", "event"),
    [
        pytest.param(COMBINED, expected(), id="combined"),
        pytest.param(COMMON, expected(agent="", context=None), id="common"),
        pytest.param(
            f'{COMMON} "-" "-"',
            expected(agent="-", context=None, attributes={"user_agent.original": None}),
            id="dashes",
        ),
        pytest.param(
            COMBINED.replace("1234", "-"), expected(attributes={"http.response.size_bytes": None}), id="no size"
        ),
        pytest.param(COMBINED.replace("/a/b.html", "/a/b.html?q=secret#f"), expected(), id="query is left out"),
        pytest.param(COMBINED.replace("/a/b.html", "http://example.org/a/b.html"), expected(), id="absolute form"),
        pytest.param(
            COMBINED.replace("/a/b.html", "http://example.org"), expected(attributes={"url.path": "/"}), id="host only"
        ),
        pytest.param(
            COMBINED.replace("/a/b.html", "/a b"), expected(attributes={"url.path": "/a b"}), id="space in path"
        ),
        pytest.param(COMBINED.replace("GET /a/b.html HTTP/1.1", "GET /a/b.html"), expected(), id="HTTP 0.9"),
        pytest.param(
            COMBINED.replace("GET /a/b.html", "OPTIONS *"),
            expected(attributes={"http.request.method": "OPTIONS", "url.path": "*"}),
            id="options",
        ),
        pytest.param(COMBINED.replace("10:05:03 +0000", "12:35:03 +0230"), expected(), id="zone east"),
        pytest.param(
            COMBINED.replace("17/May/2015:10:05:03 +0000", "16/May/2015:22:05:03 -1200"), expected(), id="zone west"
        ),
        pytest.param(COMBINED.replace("203.0.113.9", "2001:db8::1"), expected(host="2001:db8::1"), id="IPv6"),
        pytest.param(COMBINED.replace("- - [", '- "jo e" ['), expected(), id="a user with a space"),
        pytest.param(
            f'{COMMON} "https://example.org/from" "say \\"hi\\" \\\\ \\xe4"',
            expected(agent='say "hi" \\ \\xe4'),
            id="escapes",
        ),
        pytest.param(COMBINED[:-1], expected(), id="last quote cut off"),
        pytest.param(COMBINED + " ", expected(), id="space at the end"),
    ],
)
def test_lines_that_are_read(line: str, event: dict[str, Any]) -> None:
    (entry,) = access_log.read(io.BytesIO(line.encode() + b"\n"), Ids(), "acme")

    assert entry == Entry(1, {"event_id": Ids().of("http.request", line.encode()), **event})


@pytest.mark.parametrize(
    ("line", "why"),
    [
        pytest.param("hello", "not in the common or combined format", id="prose"),
        pytest.param(
            COMMON.replace(" 200 ", " 2000 "), "not in the common or combined format", id="status of 4 digits"
        ),
        pytest.param(COMMON + " extra", "not in the common or combined format", id="something after it"),
        pytest.param(COMMON.replace("May", "Mai"), "the time cannot be read", id="a month of another language"),
        pytest.param(COMMON.replace("17/May", "31/Feb"), "the time cannot be read", id="no such day"),
        pytest.param(COMMON.replace("+0000", "+9900"), "the time cannot be read", id="no such zone"),
        pytest.param(
            COMMON.replace("GET /a/b.html HTTP/1.1", "-"), "the request has no method and path", id="no request"
        ),
        pytest.param(
            COMMON.replace("GET /a/b.html HTTP/1.1", "\\x16\\x03 x"),
            "the request has no method and path",
            id="TLS bytes",
        ),
        pytest.param(COMMON.replace("1234", "1" * 19), "not in the common or combined format", id="a size no disk has"),
    ],
)
def test_lines_that_are_malformed(line: str, why: str) -> None:
    assert list(access_log.read(io.BytesIO(line.encode()), Ids(), "acme")) == [Malformed(1, why)]


def test_bad_lines_and_empty_ones_cost_the_others_nothing() -> None:
    content = f"{COMMON}\n\n\xff\n{COMMON}\n".encode("latin-1")

    told = [(type(entry), entry.line) for entry in access_log.read(io.BytesIO(content), Ids(), "acme")]

    assert told == [(Entry, 1), (Malformed, 3), (Entry, 4)]


def test_the_address_is_nowhere_in_the_event() -> None:
    (entry,) = access_log.read(io.BytesIO(COMBINED.encode()), Ids(), "acme")

    assert "203.0.113" not in repr(entry)


def test_pseudonyms_tell_visitors_and_tenants_apart_and_last() -> None:
    told = [
        access_log.session_of("192.0.2.1", AGENT, "acme"),
        access_log.session_of("192.0.2.2", AGENT, "acme"),
        access_log.session_of("192.0.2.1", "curl/8", "acme"),
        access_log.session_of("192.0.2.1", AGENT, "other"),
    ]

    assert len(set(told)) == 4
    assert told[0] == "b75b67069944f4bd"


@pytest.mark.skipif(not SHARED.is_file(), reason="needs ../shared/data/web/apache_logs.gz beside the repository")
def test_ten_thousand_real_requests() -> None:
    lines = gzip.decompress(SHARED.read_bytes()).decode().splitlines()

    with gzip.open(SHARED) as stream:
        entries = list(access_log.read(stream, Ids(), "acme"))  # type: ignore[arg-type]

    events = [entry.event for entry in entries if isinstance(entry, Entry)]
    assert len(events) == len(entries) == len(lines) == 10_000
    assert len({event["event_id"] for event in events}) == 10_000
    statuses = Counter(int(line.split('" ', 1)[1].split(" ")[0]) for line in lines)
    assert Counter(event["attributes"]["http.response.status_code"] for event in events) == statuses
    visitors = {(line.split(" ")[0], (line + '"').split('"')[5]) for line in lines}
    assert len({event["session_id"] for event in events}) == len(visitors)
