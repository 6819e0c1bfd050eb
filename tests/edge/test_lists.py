"""The list door: the requests that document 004 prints, sent as printed, and what becomes of each item."""

import json
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import settings as limits
from hypothesis import strategies as st

from anything import like, parsed
from auricle.edge.lists import MEMBERS, NAMES, event_of
from auricle.intake.door import Door
from auricle.intake.schemas import Registry
from auricle.intake.steps import run
from auricle.model.event import Event
from auricle.model.principal import Kind
from auricle.model.receipt import Dropped, Rejected
from auricle.settings import Settings
from running import PROBLEM, Service, serving

INGEST = "/api/analytics/ingest"
PRINTED: dict[str, Any] = {
    "ts": "2024-01-01T12:00:00Z",
    "user_id": "user-123",
    "type": "page_view",
    "src": "web_app",
    "payload": {"page": "/dashboard", "referrer": "/login", "session_id": "sess-456"},
}
"""The event that the document prints."""
BATCH: list[dict[str, Any]] = [
    {**PRINTED, "payload": {"page": "/dashboard"}},
    {
        "ts": "2024-01-01T12:01:00Z",
        "user_id": "user-123",
        "type": "button_click",
        "src": "web_app",
        "payload": {"button_id": "save_profile"},
    },
]
"""The body of the curl command that it prints."""


def item(**more: Any) -> dict[str, Any]:
    """A good item of just now; `...` takes a member away."""
    told = {**PRINTED, "ts": datetime.now(UTC).isoformat(), **more}
    return {name: value for name, value in told.items() if value is not ...}


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


def test_the_printed_event_word_for_word() -> None:
    raw = event_of(PRINTED | {"event_id": str(uuid.UUID(int=4))})
    assert raw == {
        "event_id": str(uuid.UUID(int=4)),
        "event_name": "page_view",
        "occurred_at": "2024-01-01T12:00:00Z",
        "session_id": "sess-456",
        "user_id": "user-123",
        "source": "web",
        "attributes": {"page": "/dashboard", "referrer": "/login", "src": "web_app"},
    }


@pytest.mark.parametrize(
    ("told", "source", "attributes"),
    [
        pytest.param({"src": "server"}, "server", {}, id="one of ours"),
        pytest.param({"src": "test"}, "test", {}, id="a test"),
        pytest.param({"src": "kiosk"}, "web", {"src": "kiosk"}, id="another"),
        pytest.param({"src": None}, "web", {}, id="null"),
        pytest.param({"src": ...}, "web", {}, id="absent"),
        pytest.param({"src": ""}, "web", {}, id="empty"),
        pytest.param({"src": "kiosk", "payload": {"src": "own"}}, "web", {"src": "own"}, id="the payload's own"),
    ],
)
def test_where_it_comes_from(told: dict[str, Any], source: str, attributes: dict[str, Any]) -> None:
    raw = event_of(item(**{"payload": None, **told}))
    assert isinstance(raw, dict)
    assert (raw["source"], raw["attributes"]) == (source, attributes)


@pytest.mark.parametrize(
    ("told", "session", "attributes"),
    [
        pytest.param({"payload": {"session_id": "s"}}, "s", {}, id="of the payload"),
        pytest.param({"session_id": "e", "payload": {"session_id": "s"}}, "e", {"session_id": "s"}, id="of the item"),
        pytest.param({"payload": {"session_id": 7}}, None, {"session_id": 7}, id="a number"),
        pytest.param({"payload": {"session_id": "s" * 129}}, None, {"session_id": "s" * 129}, id="too long"),
    ],
)
def test_which_session_it_is_of(told: dict[str, Any], session: str | None, attributes: dict[str, Any]) -> None:
    raw = event_of(item(src="web", **told))
    assert isinstance(raw, dict)
    assert (raw.get("session_id"), raw["attributes"]) == (session, attributes)


def test_the_printed_requests_as_printed(either_service: Service, tenant: str) -> None:
    service = either_service
    key = service.key(tenant, Kind.ADMIN)  # may backfill, which the document's date of 2024 needs
    for body, count in (([PRINTED], 1), (BATCH, 2)):
        answer = service.ask("POST", INGEST, body, headers=bearer(key))
        expected = {"ingested": count, "duplicates": 0, "rejected": 0, "dropped": 0, "results": []}
        assert answer.told == (200, expected)
    assert service.drained(tenant)["stored"] == 3
    asked = {"field": "event_name", "from": "2024-01-01T00:00:00Z", "to": "2024-01-02T00:00:00Z"}
    top = service.ask("POST", "/api/v1/analytics/reports/top", asked, key).body["rows"]
    assert top == [{"value": "page_view", "count": 2}, {"value": "button_click", "count": 1}]


def test_what_the_printed_client_tracks(service: Service, tenant: str) -> None:
    tracked = [
        ("page_view", {"page": "/dashboard"}),
        ("button_click", {"button_id": "save_profile"}),
        ("course_complete", {"course_id": "course-123", "completion_time": 3600, "score": 85}),
        ("form_submit", {}),
        ("video_play", {"at": 3}),
        ("search_query", {"q": "shoes"}),
        ("error_occurred", {"error_type": "TypeError"}),
    ]
    told = [item(type=kind, payload=payload, user_id=None) for kind, payload in tracked]
    answer = service.ask("POST", INGEST, orjson.dumps(told), service.key(tenant), {"Content-Type": "text/plain"})
    assert (answer.status, answer.body["ingested"]) == (200, 7)


def test_one_bad_item_costs_no_other(either_service: Service, tenant: str) -> None:
    service, key = either_service, either_service.key(tenant)
    known = item(event_id=str(uuid.uuid4()))
    assert service.ask("POST", INGEST, [known], key).body["ingested"] == 1
    quiet = item(event_id=str(uuid.uuid4()), context={"consent": {"analytics": False}})
    told = [
        item(),
        known,
        quiet,
        item(type="Page View"),
        item(ts=...),
        item(ts="2024-01-01T12:00:00"),
        item(type=None),
        item(src=7),
        item(payload=[1]),
        item(type="error_occurred"),
        item(user_id=7),
        item(colour="red"),
        3,
        item(type="acme.own_event"),
        item(type="datapoint.written", payload={"dataset": "d", "blob21": "x"}, src="web"),
    ]
    answer = service.ask("POST", INGEST, told, key)
    assert answer.status == 200
    results = answer.body.pop("results")
    assert answer.body == {"ingested": 2, "duplicates": 1, "rejected": 11, "dropped": 1}
    assert [(result["index"], result["status"]) for result in results[:2]] == [(1, "duplicate"), (2, "dropped")]
    faults = {result["index"]: [(f["pointer"], f["rule"]) for f in result["errors"]] for result in results[2:]}
    assert faults == {
        3: [("/type", "pattern")],
        4: [("/ts", "required")],
        5: [("/ts", "format")],
        6: [("/type", "required")],
        7: [("/src", "type")],
        8: [("/payload", "type")],
        9: [("/payload", "anyOf")],
        10: [("/user_id", "type")],
        11: [("/colour", "additionalProperties")],
        12: [("", "type")],
        14: [("/payload/blob21", "additionalProperties")],
    }
    expected = {"received": 16, "stored": 3, "duplicate": 1, "rejected": 11, "dropped": 1, "waiting": 0}
    assert service.drained(tenant) == expected


def test_all_bad_and_none_at_all(service: Service, tenant: str) -> None:
    bad = service.ask("POST", INGEST, [3, {}], service.key(tenant))
    assert (bad.status, bad.body["ingested"], bad.body["rejected"]) == (422, 0, 2)
    empty = {"ingested": 0, "duplicates": 0, "rejected": 0, "dropped": 0, "results": []}
    assert service.ask("POST", INGEST, [], service.key(tenant)).told == (200, empty)


def test_an_observed_item_is_stored_and_told_of_in_the_words_of_the_door(service: Service, tenant: str) -> None:
    mode = service.ask(
        "PATCH",
        "/api/v1/analytics/schemas/error_occurred",
        {"mode": "observe"},
        service.key(tenant, Kind.ADMIN),
    )
    assert mode.status == 200, mode
    told = item(type="error_occurred", event_id=str(uuid.uuid4()))
    answer = service.ask("POST", INGEST, [told], service.key(tenant))
    (result,) = answer.body.pop("results")
    assert answer.told == (200, {"ingested": 1, "duplicates": 0, "rejected": 0, "dropped": 0})
    assert (result["status"], [fault["pointer"] for fault in result["warnings"]]) == ("stored", ["/payload"])


def test_every_receipt_when_asked_for(service: Service, tenant: str) -> None:
    answer = service.ask("POST", INGEST + "?results=all", [item(), 3], service.key(tenant))
    stored, bad = answer.body["results"]
    assert (stored["index"], stored["status"], bad["index"], bad["status"]) == (0, "stored", 1, "rejected")
    fate = service.ask("GET", f"/api/v1/analytics/events/{stored['event_id']}/fate", key=service.key(tenant))
    assert fate.body["fate"] in ("waiting", "stored")


def test_a_batch_that_is_too_large(service: Service, tenant: str) -> None:
    answer = service.ask("POST", INGEST, [item()] * 1_001, service.key(tenant))
    assert (answer.status, answer.headers["content-type"], answer.body["detail"]) == (413, PROBLEM, "batch too large")
    assert [(fault["pointer"], fault["rule"]) for fault in answer.body["errors"]] == [("", "maxItems")]
    wide = service.ask("POST", INGEST, b" " * 1_000_001, service.key(tenant))
    assert (wide.status, wide.body["detail"]) == (413, "batch too large")
    assert [(fault["pointer"], fault["rule"]) for fault in wide.body["errors"]] == [("", "max_list_bytes")]
    assert service.stats(tenant)["events"]["received"] == 0
    assert service.ask("POST", INGEST, [item()] * 1_000, service.key(tenant)).body["ingested"] == 1_000


@pytest.fixture(scope="module")
def small_service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service whose lists are short, by the name that document 004 gives the setting."""
    with serving(Settings(data=tmp_path_factory.mktemp("small")), {"MAX_BATCH_SIZE": "2"}) as running:
        yield running


def test_the_limit_goes_by_the_name_of_the_document(small_service: Service, tenant: str) -> None:
    key = small_service.key(tenant)
    assert [small_service.ask("POST", INGEST, [item()] * n, key).status for n in (2, 3)] == [200, 413]


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        pytest.param(b'{"ts": 1}', {}, 422, id="an object"),
        pytest.param(b"[NaN]", {}, 400, id="NaN"),
        pytest.param(b"", {}, 400, id="empty"),
        pytest.param(b"[" * 5_000, {}, 400, id="deep"),
        pytest.param(b"[]", {"Content-Type": "application/x-ndjson"}, 415, id="lines"),
        pytest.param(b"[]", {"Content-Encoding": "gzip"}, 400, id="not compressed"),
    ],
)
def test_a_body_that_is_refused(service: Service, body: bytes, headers: dict[str, str], status: int) -> None:
    assert service.ask("POST", INGEST, body, service.key("list-refused"), headers).status == status


def test_who_may_not(service: Service, tenant: str) -> None:
    assert service.ask("POST", INGEST, []).status == 401
    assert service.ask("POST", INGEST, [], service.key(tenant, Kind.READ)).status == 403


ANY = like(MEMBERS, item())
DOOR = Door(Registry.load(), "t", 0, lambda: str(uuid.uuid4()))


@given(ANY)
def test_any_json_is_an_event_or_a_clear_no(told: Any) -> None:
    (verdict,) = run([event_of(parsed(told))], DOOR)
    assert isinstance(verdict, Event | Dropped) or (isinstance(verdict, Rejected) and verdict.faults)
    json.dumps([NAMES.retell(fault).as_json() for fault in getattr(verdict, "faults", ())])


@limits(max_examples=60)
@given(st.lists(ANY, max_size=4))
def test_any_json_costs_no_neighbour(service: Service, told: list[Any]) -> None:
    good = item(event_id=str(uuid.uuid4()))
    answer = service.ask("POST", INGEST, json.dumps([*told, good]).encode(), service.key("list-any"))
    assert answer.status in (200, 400), answer
    if answer.status == 200:
        assert good["event_id"] not in [result["event_id"] for result in answer.body["results"]]
        assert sum(answer.body[name] for name in ("ingested", "duplicates", "rejected", "dropped")) == len(told) + 1
