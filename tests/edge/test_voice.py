"""The voice door: each request that document 000 prints, sent as printed, and what it becomes; anonymous clients."""

import json
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import settings as limits
from pydantic import ValidationError

from anything import like, parsed
from auricle.edge.voice import ATTRIBUTES, NAMES, event_of
from auricle.intake.door import Door
from auricle.intake.schemas import Registry
from auricle.intake.steps import run
from auricle.model.event import Event
from auricle.model.principal import Kind
from auricle.model.receipt import Dropped, Fault, Rejected
from auricle.settings import Settings
from auricle.store.control import ControlStore
from running import BATCH, EVENTS, STATS, Answer, Service, ago, event, serving, wait_until

INGEST = "/ingest"
NOW = "2026-01-15T10:30:00Z"
REGISTRY = Registry.load()
QUERY: dict[str, Any] = {
    "event_type": "voice_query",
    "timestamp": "2025-07-25T12:00:00.000Z",
    "query_id": "query_123",
    "store_id": "store_456",
    "session_id": "session_789",
    "user_id": "user_abc",
    "query_text": "search for red shoes",
    "query_source": "voice",
}
"""The request that the document prints."""
OUTCOME: dict[str, Any] = {
    "event_type": "voice_outcome",
    "timestamp": "2025-07-25T12:00:01.000Z",
    "query_id": "query_123",
    "answer_text": "Here are red shoes.",
    "latency_ms": 850,
    "action_taken": True,
    "action_success": 1,
    "tools_used": ["search", "navigate"],
    "cost_usd": 0.002,
    "tokens_used": 420,
    "error_flag": False,
    "error_message": "",
}
"""Every member that the document gives an outcome."""


def fresh(told: dict[str, Any], **more: Any) -> dict[str, Any]:
    """The same of just now, with an id of its own; `...` takes a member away."""
    changed = {**told, "timestamp": datetime.now(UTC).isoformat(), "event_id": str(uuid.uuid4()), **more}
    return {name: value for name, value in changed.items() if value is not ...}


def kept(service: Service, tenant: str) -> list[dict[str, Any]]:
    """How many events of each name the store has of a tenant."""
    service.drained(tenant)
    body = {"field": "event_name", "period": "24h", "include_test": True}
    key = service.key(tenant, Kind.READ)
    answer = service.ask("POST", "/api/v1/analytics/reports/top", body, key)
    assert answer.status == 200, answer
    return sorted(answer.body["rows"], key=lambda row: str(row["value"]))


def top(service: Service, tenant: str, field: str) -> list[Any]:
    """The values of a field, as a report tells them."""
    body = {"field": field, "period": "24h", "include_test": True}
    answer = service.ask("POST", "/api/v1/analytics/reports/top", body, service.key(tenant, Kind.READ))
    assert answer.status == 200, answer
    return sorted(str(row["value"]) for row in answer.body["rows"] if row["value"] is not None)


def test_the_printed_query_is_an_event_word_for_word() -> None:
    raw = event_of(QUERY | {"event_id": str(uuid.UUID(int=7)), "audio_duration_ms": 1200}, NOW)
    assert raw == {
        "event_id": str(uuid.UUID(int=7)),
        "event_name": "voice.query",
        "occurred_at": "2025-07-25T12:00:00.000Z",
        "site_id": "store_456",
        "session_id": "session_789",
        "user_id": "user_abc",
        "source": "voice",
        "attributes": {
            "voice.query_id": "query_123",
            "voice.query_text": "search for red shoes",
            "voice.query_source": "voice",
            "voice.audio_duration_ms": 1200,
        },
    }


def test_every_member_of_an_outcome_is_an_attribute_word_for_word() -> None:
    raw = event_of(OUTCOME | {"event_id": str(uuid.UUID(int=7))}, NOW)
    assert raw == {
        "event_id": str(uuid.UUID(int=7)),
        "event_name": "voice.outcome",
        "occurred_at": "2025-07-25T12:00:01.000Z",
        "source": "voice",
        "attributes": {
            "voice.query_id": "query_123",
            "voice.answer_text": "Here are red shoes.",
            "voice.latency_ms": 850,
            "voice.action_taken": True,
            "voice.action_success": 1,
            "voice.tools_used": ["search", "navigate"],
            "gen_ai.usage.cost_usd": 0.002,
            "gen_ai.usage.total_tokens": 420,
            "error.flag": False,
            "error.message": "",
        },
    }


def test_what_is_absent_is_filled_in() -> None:
    told = {name: value for name, value in QUERY.items() if name not in ("timestamp", "store_id")}
    raw = event_of(told | {"query_source": "test", "mood": "calm"}, NOW)
    assert isinstance(raw, dict)
    assert (raw["occurred_at"], raw["source"], raw["attributes"]["mood"]) == (NOW, "test", "calm")
    assert uuid.UUID(raw["event_id"]).version == 4
    assert "site_id" not in raw


def test_every_attribute_is_one_of_the_catalogue() -> None:
    known = {name for kind in ("voice.query", "voice.outcome") for name in REGISTRY.known[kind].document["properties"]}
    assert set(ATTRIBUTES.values()) == known


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        pytest.param(fresh(QUERY, event_type="voice_guess"), ("/event_type", "enum"), id="another type"),
        pytest.param(fresh(QUERY, event_type=...), ("/event_type", "required"), id="no type"),
        pytest.param(fresh(QUERY, event_type=["voice_query"]), ("/event_type", "enum"), id="a list for a type"),
        pytest.param(fresh(QUERY, query_text=...), ("/query_text", "required"), id="no text"),
        pytest.param(fresh(QUERY, query_source="pigeon"), ("/query_source", "enum"), id="another source"),
        pytest.param(fresh(QUERY, transcription_confidence=2), ("/transcription_confidence", "maximum"), id="too sure"),
        pytest.param(fresh(QUERY, store_id=""), ("/store_id", "minLength"), id="an empty store"),
        pytest.param(fresh(QUERY, timestamp="noon"), ("/timestamp", "format"), id="no time"),
        pytest.param(fresh(QUERY, timestamp=ago(days=2)), ("/timestamp", "clock_skew"), id="too old"),
        pytest.param(fresh(OUTCOME, action_success=2), ("/action_success", "enum"), id="success of two"),
        pytest.param(fresh(OUTCOME, latency_ms="850"), ("/latency_ms", "type"), id="text for a number"),
        pytest.param(fresh(OUTCOME, tools_used=[1]), ("/tools_used/0", "type"), id="a number for a tool"),
        pytest.param(fresh(OUTCOME, event_id="7"), ("/event_id", "format"), id="no UUID"),
        pytest.param([QUERY], ("", "type"), id="a list"),
    ],
)
def test_a_fault_points_into_what_was_sent(service: Service, told: Any, expected: tuple[str, str]) -> None:
    answer = service.ask("POST", INGEST, told, service.key("voice-refused"))
    assert (answer.status, answer.body["code"]) == (422, "invalid")
    assert [(fault["pointer"], fault["rule"]) for fault in answer.body["errors"]] == [expected]
    assert "voice." not in answer.body["errors"][0]["message"].partition("Its meaning")[0]


def test_a_fault_is_retold_in_the_words_of_the_door() -> None:
    fault = Fault("/attributes/voice.query_text", "required", "`voice.query_text` is required: add it.")
    assert NAMES.retell(fault) == Fault("/query_text", "required", "`query_text` is required: add it.")
    assert NAMES.retell(Fault("/attributes/mood/x", "type", "no")) == Fault("/mood/x", "type", "no")


def test_the_printed_requests_as_printed(either_service: Service, tenant: str) -> None:
    service = either_service
    admin = service.key(tenant, Kind.ADMIN)  # may backfill, which the document's date of 2025 needs
    answers = [service.ask("POST", INGEST, told, admin) for told in (QUERY, OUTCOME)]
    assert [(answer.status, answer.body["status"]) for answer in answers] == [(202, "stored")] * 2
    too_old = service.ask("POST", INGEST, QUERY, service.key(tenant))
    assert (too_old.status, too_old.body["errors"][0]["pointer"]) == (422, "/timestamp")
    assert service.drained(tenant)["stored"] == 2


def test_an_outcome_comes_first_late_twice_or_never(either_service: Service, tenant: str) -> None:
    service, key = either_service, either_service.key(tenant)
    first, query, late = fresh(OUTCOME), fresh(QUERY), fresh(OUTCOME, timestamp=ago(hours=20))
    alone = fresh(QUERY, query_id="query_124", query_source="text")
    for told in (first, query, late, alone):
        receipt = {"event_id": told["event_id"], "status": "stored"}
        assert service.ask("POST", INGEST, told, key).told == (202, receipt)
    again = {"event_id": first["event_id"], "status": "duplicate"}
    assert service.ask("POST", INGEST, first, key).told == (200, again)
    expected = [{"value": "voice.outcome", "count": 2}, {"value": "voice.query", "count": 2}]
    assert kept(service, tenant) == expected
    assert top(service, tenant, "site_id") == ["store_456"]
    assert top(service, tenant, "source") == ["text", "voice"]


@pytest.mark.parametrize("kind", ["text/plain;charset=UTF-8", "application/x-www-form-urlencoded"])
def test_a_beacon_is_taken(service: Service, tenant: str, kind: str) -> None:
    body = orjson.dumps(fresh(QUERY))
    answer = service.ask("POST", INGEST, body, service.key(tenant), {"Content-Type": kind})
    assert (answer.status, answer.body["status"]) == (202, "stored")


def test_no_consent_and_another_tenant(service: Service, tenant: str) -> None:
    quiet = fresh(QUERY, context={"consent": {"analytics": False}})
    answer = service.ask("POST", INGEST, quiet, service.key(tenant))
    assert answer.told == (202, {"event_id": quiet["event_id"], "status": "dropped", "reason": "no_consent"})
    assert service.ask("POST", INGEST, fresh(QUERY, tenant_id="other"), service.key(tenant)).status == 403


def test_lines_are_not_taken(service: Service) -> None:
    answer = service.ask("POST", INGEST, b"{}", service.key("voice-refused"), {"Content-Type": "application/x-ndjson"})
    assert answer.status == 415


def test_without_the_setting_nobody_gets_in_unknown(service: Service) -> None:
    assert service.ask("POST", INGEST, fresh(QUERY)).status == 401


@pytest.fixture(scope="module")
def open_service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service that lets the clients of document 000 in without a key."""
    settings = Settings(data=tmp_path_factory.mktemp("anonymous"))
    with serving(settings, {"AURICLE_ANONYMOUS_TENANT": "aura"}) as running:
        yield running


def test_a_client_without_a_key_is_let_in_at_this_door_alone(open_service: Service) -> None:
    assert open_service.ask("POST", INGEST, fresh(QUERY)).status == 202
    assert open_service.ask("POST", INGEST, fresh(QUERY, timestamp=ago(days=2))).status == 422
    assert open_service.ask("POST", INGEST, fresh(QUERY, tenant_id="other")).status == 403
    assert kept(open_service, "aura") == [{"value": "voice.query", "count": 1}]
    closed: list[tuple[str, str, Any]] = [
        ("POST", EVENTS, event()),
        ("POST", BATCH, {"events": [event()]}),
        ("POST", "/api/analytics/ingest", []),
        ("POST", "/api/v1/analytics/datapoints/requests", {}),
        ("GET", f"{EVENTS}/{uuid.uuid4()}/fate", None),
        ("GET", STATS, None),
        ("POST", "/api/v1/analytics/reports/top", {"field": "event_name", "period": "24h"}),
    ]
    assert {path: open_service.ask(method, path, body).status for method, path, body in closed} == {
        path: 401 for _, path, _ in closed
    }


@pytest.mark.parametrize(
    "headers",
    [
        {"X-API-Key": "ak_wrong"},
        {"Authorization": "Bearer ak_wrong"},
        {"Authorization": "Basic eDp5"},
        {"X-API-Key": ""},
        {"X-Signature": "t=1,v1=00"},
    ],
    ids=str,
)
def test_a_wrong_credential_is_not_taken_for_none(open_service: Service, headers: dict[str, str]) -> None:
    assert open_service.ask("POST", INGEST, fresh(QUERY), headers=headers).status == 401


def test_a_key_goes_before_the_anonymous_tenant(open_service: Service, tenant: str) -> None:
    assert open_service.ask("POST", INGEST, fresh(QUERY), open_service.key(tenant)).status == 202
    assert open_service.drained(tenant)["stored"] == 1


def test_a_disabled_tenant_lets_no_stranger_in(open_service: Service) -> None:
    control = ControlStore.open(open_service.settings)
    try:
        assert control.disable_tenant("aura", disabled=True)
        wait_until(lambda: open_service.ask("POST", INGEST, fresh(QUERY)).status == 401, 5.0)
        assert control.disable_tenant("aura", disabled=False)
        assert open_service.ask("POST", INGEST, fresh(QUERY)).status == 202
    finally:
        control.close()


@pytest.mark.parametrize("name", ["Aura", "a b", "", "x" * 65, "../etc", "aura\n"])
def test_the_name_of_the_anonymous_tenant_is_checked_at_the_start(name: str, tmp_path: Path) -> None:
    with pytest.raises(ValidationError):
        Settings(data=tmp_path, anonymous_tenant=name)


ANY = like({*QUERY, *OUTCOME, "event_id", "context", "schema", "source", "tenant_id", "sent_at"}, fresh(QUERY))


@given(ANY)
def test_any_json_is_an_event_or_a_clear_no(told: Any) -> None:
    door = Door(REGISTRY, "t", 0, lambda: str(uuid.uuid4()))
    (verdict,) = run([event_of(parsed(told), NOW)], door)
    assert isinstance(verdict, Event | Dropped) or (isinstance(verdict, Rejected) and verdict.faults)
    json.dumps([NAMES.retell(fault).as_json() for fault in getattr(verdict, "faults", ())])


@limits(max_examples=60)
@given(ANY)
def test_any_json_through_the_real_door(service: Service, told: Any) -> None:
    answer: Answer = service.ask("POST", INGEST, json.dumps(told).encode(), service.key("voice-any"))
    assert answer.status in (200, 202) or 400 <= answer.status < 500, answer
    assert answer.body["status"] in ("stored", "duplicate", "dropped") or answer.body["detail"]
