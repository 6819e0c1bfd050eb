"""The event doors over real HTTP, on both databases: whole answers."""

import gzip
import uuid
import zlib
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import brotli
import orjson
import pytest

from auricle.model.principal import Kind
from running import BATCH, EVENTS, PROBLEM, Answer, Service, ago, event

try:
    from compression import zstd  # type: ignore[import-not-found]
except ImportError:
    from backports import zstd

TOO_OLD = "use a key with the scope events:backfill."


def problem(status: int, code: str, title: str, detail: str, *faults: tuple[str, str], transient: bool = False) -> Any:
    """A problem document; of its faults pointer and rule."""
    return status, code, title, detail, transient, list(faults)


def told(answer: Answer) -> Any:
    """The same, of an answer; the parts that every problem has are checked."""
    body = dict(answer.body)
    assert answer.headers["content-type"] == PROBLEM
    assert answer.headers["cache-control"] == "no-store"
    assert body.pop("type") == "urn:auricle:problem:" + body["code"].replace("_", "-")
    assert body["status"] == answer.status
    faults = [(fault["pointer"], fault["rule"]) for fault in body.pop("errors", [])]
    assert body.keys() == {"title", "status", "detail", "code", "transient"}
    return answer.status, body["code"], body["title"], body["detail"], body["transient"], faults


REJECTED = "The event was rejected and does not count."
FORBIDDEN = "This credential may not do that"


def test_one_event_is_stored_once(either_service: Service, tenant: str) -> None:
    service, key = either_service, either_service.key(tenant)
    one = event()
    receipt = {"event_id": one["event_id"], "status": "stored"}
    again = {"event_id": one["event_id"], "status": "duplicate"}
    assert service.ask("POST", EVENTS, one, key).told == (202, receipt)
    assert service.ask("POST", EVENTS, one, key).told == (200, again)
    other = one | {"attributes": {"page": "/other"}}
    assert service.ask("POST", EVENTS, other, key).told == (200, again | {"conflict": True})
    quiet = event(context={"consent": {"analytics": False}})
    dropped = {"event_id": quiet["event_id"], "status": "dropped", "reason": "no_consent"}
    assert service.ask("POST", EVENTS, quiet, key).told == (202, dropped)
    expected = {"received": 4, "stored": 1, "duplicate": 2, "rejected": 0, "dropped": 1, "waiting": 0}
    assert service.drained(tenant) == expected


def test_an_id_is_told_in_lower_case(service: Service, tenant: str) -> None:
    one = event(event_id=str(uuid.uuid4()).upper())
    answer = service.ask("POST", EVENTS, one, service.key(tenant))
    assert answer.told == (202, {"event_id": one["event_id"].lower(), "status": "stored"})


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        pytest.param(
            event(source="pigeon"),
            problem(422, "invalid", "A rule is broken", REJECTED, ("/source", "enum")),
            id="a rule",
        ),
        pytest.param(
            event(tenant_id="somebody-else"),
            problem(403, "forbidden", FORBIDDEN, REJECTED, ("/tenant_id", "tenant")),
            id="another tenant",
        ),
        pytest.param(
            event(occurred_at=ago(days=2)),
            problem(422, "invalid", "A rule is broken", REJECTED, ("/occurred_at", "clock_skew")),
            id="too old",
        ),
        pytest.param([event()], problem(422, "invalid", "A rule is broken", REJECTED, ("", "type")), id="a list"),
        pytest.param(
            {"event_name": "page_view"},
            problem(
                422,
                "invalid",
                "A rule is broken",
                REJECTED,
                ("/event_id", "required"),
                ("/occurred_at", "required"),
                ("/source", "required"),
            ),
            id="nothing but a name",
        ),
        pytest.param(
            b"x" * 65_537,
            problem(413, "too_large", "Over a limit", "The body may have at most 65536 bytes; send less at once."),
            id="too large",
        ),
        pytest.param(
            event(attributes={"k" * 257: 1}),
            problem(413, "too_large", "Over a limit", REJECTED, ("/attributes", "max_key")),
            id="a key too long",
        ),
        pytest.param(
            b"", problem(400, "bad_request", "The request cannot be read", "The body is empty: send JSON."), id="empty"
        ),
    ],
)
def test_one_event_that_is_refused(either_service: Service, body: Any, expected: Any) -> None:
    answer = either_service.ask("POST", EVENTS, body, either_service.key("refused"))
    assert told(answer) == expected


@pytest.mark.parametrize(
    ("method", "path", "headers", "expected"),
    [
        pytest.param(
            "POST",
            EVENTS,
            {"Content-Type": "application/x-ndjson"},
            problem(
                415,
                "unsupported_media",
                "Unsupported encoding or content type",
                "One event is sent as JSON; send NDJSON to /batch.",
            ),
            id="NDJSON for one",
        ),
        pytest.param(
            "PUT",
            EVENTS,
            {},
            problem(405, "method_not_allowed", "Method not allowed", "Another method is spoken here."),
            id="another method",
        ),
        pytest.param(
            "GET",
            "/api/v1/nothing",
            {},
            problem(404, "not_found", "Not found", "There is nothing here."),
            id="no such page",
        ),
        pytest.param(
            "GET",
            EVENTS + "/7/fate",
            {},
            problem(404, "not_found", "Not found", "No event bears this id; an event id is a UUID."),
            id="the fate of no UUID",
        ),
        pytest.param(
            "GET",
            f"{EVENTS}/{uuid.UUID(int=1)}/fate",
            {},
            problem(404, "not_found", "Not found", "Nothing is known of an event with this id."),
            id="the fate of an unknown event",
        ),
    ],
)
def test_a_request_that_is_refused(
    service: Service, method: str, path: str, headers: dict[str, str], expected: Any
) -> None:
    body = None if method == "GET" else event()
    assert told(service.ask(method, path, body, service.key("refused"), headers)) == expected


def test_a_batch_tells_what_was_not_plainly_stored(either_service: Service, tenant: str) -> None:
    service = either_service
    known, fresh, wrong = event(), event(), event(source="pigeon")
    service.send(tenant, [known])
    quiet = event(context={"consent": {"analytics": False}})
    answer = service.ask(
        "POST", BATCH, {"batch_id": "b-7", "events": [fresh, known, wrong, quiet, 3]}, service.key(tenant)
    )
    faults = [result.pop("errors", None) for result in answer.body["results"]]
    assert answer.told == (
        202,
        {
            "batch_id": "b-7",
            "accepted": 1,
            "duplicates": 1,
            "rejected": 2,
            "dropped": 1,
            "results": [
                {"index": 1, "event_id": known["event_id"], "status": "duplicate"},
                {"index": 2, "event_id": wrong["event_id"], "status": "rejected", "reason": "envelope"},
                {"index": 3, "event_id": quiet["event_id"], "status": "dropped", "reason": "no_consent"},
                {"index": 4, "event_id": None, "status": "rejected", "reason": "not_an_object"},
            ],
        },
    )
    assert [fault and fault[0]["pointer"] for fault in faults] == [None, "/source", None, ""]
    expected = {"received": 6, "stored": 2, "duplicate": 1, "rejected": 2, "dropped": 1, "waiting": 0}
    assert service.drained(tenant) == expected


def test_a_batch_tells_all_when_asked(service: Service, tenant: str) -> None:
    events = [event(), event(source="pigeon"), event()]
    answer = service.ask("POST", BATCH + "?results=all", {"events": events}, service.key(tenant))
    told_of = [(each["index"], each["event_id"], each["status"]) for each in answer.body["results"]]
    ids = [each["event_id"] for each in events]
    assert (answer.status, told_of) == (202, [(0, ids[0], "stored"), (1, ids[1], "rejected"), (2, ids[2], "stored")])
    assert uuid.UUID(answer.body["batch_id"]).version == 4


def test_a_batch_of_which_nothing_is_kept_is_422(service: Service, tenant: str) -> None:
    answer = service.send(tenant, [event(source="pigeon"), event(event_name="No")])
    counts = {name: answer.body[name] for name in ("accepted", "duplicates", "rejected", "dropped")}
    assert (answer.status, counts) == (422, {"accepted": 0, "duplicates": 0, "rejected": 2, "dropped": 0})
    assert service.send(tenant, [(one := event()), one]).status == 202
    assert service.send(tenant, [one, one]).told[1]["duplicates"] == 2


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        pytest.param({"events": []}, (422, "invalid", [("/events", "minItems")]), id="empty"),
        pytest.param({"events": {}}, (422, "invalid", [("/events", "type")]), id="no list"),
        pytest.param({}, (422, "invalid", [("/events", "required")]), id="no events"),
        pytest.param([event()], (422, "invalid", [("", "type")]), id="a bare list"),
        pytest.param({"events": [1], "more": 1}, (422, "invalid", [("", "additionalProperties")]), id="more members"),
        pytest.param({"events": [1], "batch_id": 7}, (422, "invalid", [("/batch_id", "maxLength")]), id="batch_id"),
        pytest.param({"events": [1], "sent_at": "now"}, (422, "invalid", [("/sent_at", "format")]), id="sent_at"),
        pytest.param({"events": [{}] * 501}, (413, "too_large", [("/events", "maxItems")]), id="501 events"),
        pytest.param(b'{"events": [', (400, "bad_request", [("", "json")]), id="half a body"),
        pytest.param(b" " * 500_001, (413, "too_large", []), id="500,001 bytes"),
        pytest.param("{}".encode("utf-16"), (400, "bad_encoding", []), id="UTF-16"),
    ],
)
def test_a_batch_that_is_refused(service: Service, body: Any, expected: Any) -> None:
    status, code, _, _, _, faults = told(service.ask("POST", BATCH, body, service.key("refused")))
    assert (status, code, faults) == expected


def test_a_batch_of_500_is_taken(service: Service, tenant: str) -> None:
    answer = service.send(tenant, [event() for _ in range(500)])
    assert (answer.status, answer.body["accepted"], answer.body["results"]) == (202, 500, [])


def test_lines_are_taken_and_a_bad_one_costs_no_other(either_service: Service, tenant: str) -> None:
    events = [event(attributes={"n": n}) for n in range(4_500)]
    lines = [orjson.dumps(each) for each in events]
    lines[2_222] = b"{half a line"
    lines[4_400] = orjson.dumps(events[4_399])
    content = b"\r\n".join(lines) + b"\n\n"
    answer = either_service.ask(
        "POST", BATCH, content, either_service.key(tenant), {"Content-Type": "application/x-ndjson"}
    )
    results = [(each["index"], each["status"]) for each in answer.body["results"]]
    counts = {name: answer.body[name] for name in ("accepted", "duplicates", "rejected", "dropped")}
    assert answer.status == 202
    assert results == [(2_222, "rejected"), (4_400, "duplicate")]
    assert counts == {"accepted": 4_498, "duplicates": 1, "rejected": 1, "dropped": 0}
    expected = {"received": 4_500, "stored": 4_498, "duplicate": 1, "rejected": 1, "dropped": 0, "waiting": 0}
    assert either_service.drained(tenant) == expected


def raw_deflate(content: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(content) + packer.flush()


CUT = gzip.compress(b"{}" * 999)[:-9]
ENCODINGS = [
    pytest.param("identity", lambda content: content, id="identity"),
    pytest.param("gzip", gzip.compress, id="gzip"),
    pytest.param("GZIP", gzip.compress, id="in capitals"),
    pytest.param("deflate", zlib.compress, id="deflate"),
    pytest.param("deflate", raw_deflate, id="raw deflate"),
    pytest.param("br", brotli.compress, id="br"),
    pytest.param("zstd", zstd.compress, id="zstd"),
]


@pytest.mark.parametrize(("name", "pack"), ENCODINGS)
@pytest.mark.parametrize("path", [EVENTS, BATCH])
def test_bodies_may_be_compressed(
    service: Service, tenant: str, path: str, name: str, pack: Callable[[bytes], bytes]
) -> None:
    one = event()
    content = pack(orjson.dumps(one if path == EVENTS else {"events": [one]}))
    answer = service.ask("POST", path, content, service.key(tenant), {"Content-Encoding": name})
    assert answer.status == 202
    assert service.drained(tenant)["stored"] == 1


@pytest.mark.parametrize(("name", "pack"), ENCODINGS)
def test_limits_count_what_comes_out(service: Service, name: str, pack: Callable[[bytes], bytes]) -> None:
    key = service.key("bombs")
    exactly = pack(orjson.dumps({"events": [event()]}).ljust(500_000))
    bomb = pack(b" " * 500_001)
    statuses = [
        service.ask("POST", BATCH, content, key, {"Content-Encoding": name}).status for content in (exactly, bomb)
    ]
    assert statuses == [202, 413]


@pytest.mark.parametrize(
    ("headers", "content", "expected"),
    [
        pytest.param({"Content-Encoding": "gzip"}, b"no gzip", (400, "bad_encoding"), id="no gzip"),
        pytest.param({"Content-Encoding": "gzip"}, CUT, (400, "bad_encoding"), id="cut off"),
        pytest.param({"Content-Encoding": "br"}, b"\xff" * 9, (400, "bad_encoding"), id="no brotli"),
        pytest.param({"Content-Encoding": "zstd"}, b"\x28\xb5\x2f\xfd", (400, "bad_encoding"), id="half a zstd frame"),
        pytest.param({"Content-Encoding": "lzma"}, b"{}", (415, "unsupported_media"), id="lzma"),
        pytest.param({"Content-Encoding": "gzip, br"}, b"{}", (415, "unsupported_media"), id="twice"),
        pytest.param({"Content-Type": "application/xml"}, b"<a/>", (415, "unsupported_media"), id="XML"),
        pytest.param({"Content-Type": "text/plain; charset=latin1"}, b"{}", (415, "unsupported_media"), id="latin1"),
    ],
)
@pytest.mark.parametrize("path", [EVENTS, BATCH])
def test_what_cannot_be_decoded(
    service: Service, path: str, headers: dict[str, str], content: bytes, expected: tuple[int, str]
) -> None:
    answer = service.ask("POST", path, content, service.key("refused"), headers)
    assert told(answer)[:2] == expected


@pytest.mark.parametrize("kind", ["text/plain", "text/plain;charset=UTF-8", "application/x-www-form-urlencoded", ""])
def test_beacons_are_understood(service: Service, tenant: str, kind: str) -> None:
    assert service.ask("POST", EVENTS, event(), service.key(tenant), {"Content-Type": kind}).status == 202


def test_an_older_event_needs_the_scope(service: Service, tenant: str) -> None:
    old = event(occurred_at="1999-12-31T23:59:59.999999Z")
    answer = service.ask("POST", EVENTS, old, service.key(tenant))
    assert answer.status == 422
    assert answer.body["errors"][0]["message"].endswith(TOO_OLD)
    assert service.ask("POST", EVENTS, old, service.key(tenant, Kind.ADMIN)).status == 202
    assert service.drained(tenant)["stored"] == 1


def test_the_fate_of_events(either_service: Service, tenant: str) -> None:
    service = either_service
    one, wrong = event(occurred_at="2026-01-02T03:04:05.000006Z"), event(source="pigeon")
    service.ask("POST", BATCH, {"events": [one, wrong]}, service.key(tenant, Kind.ADMIN))
    service.drained(tenant)
    read = service.key(tenant, Kind.READ)
    path = f"{EVENTS}/{one['event_id'].upper()}/fate"
    stored = service.ask("GET", path, key=read)
    received_at = datetime.fromisoformat(stored.body.pop("received_at"))
    assert abs((datetime.now(UTC) - received_at).total_seconds()) < 60
    assert stored.told == (
        200,
        {
            "event_id": one["event_id"],
            "fate": "stored",
            "visible": True,
            "event_name": "page_view",
            "occurred_at": "2026-01-02T03:04:05.000006Z",
        },
    )
    rejected = service.ask("GET", f"{EVENTS}/{wrong['event_id']}/fate", key=read)
    assert (rejected.status, rejected.body["fate"], rejected.body["reason"]) == (200, "rejected", "envelope")
    assert [each["pointer"] for each in rejected.body["errors"]] == ["/source"]
    assert service.ask("GET", path, key=service.key(tenant + "-2", Kind.READ)).status == 404


def test_the_same_id_of_two_tenants_is_two_events(either_service: Service, tenant: str) -> None:
    one = event()
    for name in (tenant, tenant + "-2"):
        assert either_service.send(name, [one]).body["accepted"] == 1
    for name in (tenant, tenant + "-2"):
        assert either_service.drained(name)["stored"] == 1
