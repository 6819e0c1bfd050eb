"""The doors of the options, and what they do to events, over real HTTP on both databases."""

import hashlib
import uuid
from typing import Any

import pytest

from auricle.model.principal import Kind
from running import EVENTS, Answer, Service, event

PATH = "/api/v1/analytics/admin/options"
USUAL = {
    "revision": 0,
    "sanitise": None,
    "kinds": None,
    "ips": "cut",
    "user_ids": "plain",
    "consent": "opt-out",
    "allow_events": [],
    "deny_events": [],
    "retention": {"events": None, "by_event": {}, "by_dataset": {}},
}


def ask(service: Service, tenant: str, body: Any = None) -> Answer:
    return service.ask("PATCH" if body is not None else "GET", PATH, body, service.key(tenant, Kind.ADMIN))


def values(service: Service, tenant: str, field: str) -> dict[str, int]:
    """How often each value of a field is stored."""
    service.drained(tenant)
    body = {"field": field, "period": "24h", "include_test": True}
    answer = service.ask("POST", "/api/v1/analytics/reports/top", body, service.key(tenant, Kind.READ))
    return {row["value"]: row["count"] for row in answer.body["rows"]}


def test_options_are_told_and_changed_for_this_tenant_alone(either_service: Service, tenant: str) -> None:
    service, other = either_service, f"t{uuid.uuid4().hex}"
    assert ask(service, tenant).body == USUAL
    changed = ask(service, tenant, {"ips": "redact", "revision": 0})
    assert (changed.status, changed.body) == (200, {**USUAL, "revision": 1, "ips": "redact"})
    assert (ask(service, tenant).body, ask(service, other).body) == (changed.body, USUAL)
    assert ask(service, tenant, {"ips": "cut", "revision": 0}).status == 409
    assert ask(service, tenant, {"ips": "no"}).status == 422
    assert ask(service, tenant, {"secret": "x"}).status == 422
    assert ask(service, tenant, []).status == 422
    assert ask(service, tenant).body == changed.body


@pytest.mark.parametrize("kind", [Kind.INGEST, Kind.READ])
@pytest.mark.parametrize("method", ["GET", "PATCH"])
def test_only_administrators_may(service: Service, tenant: str, kind: Kind, method: str) -> None:
    assert service.ask(method, PATH, {"ips": "cut"}, service.key(tenant, kind)).status == 403
    assert ask(service, tenant).body == USUAL


def test_users_become_pseudonyms_that_no_two_tenants_share(either_service: Service, tenant: str) -> None:
    service, other = either_service, f"t{uuid.uuid4().hex}"
    found: set[str] = set()
    for each in (tenant, other):
        assert ask(service, each, {"user_ids": "hmac-sha256"}).status == 200
        service.send(each, [event(user_id="ada@example.org"), event(user_id="ada@example.org"), event()])
        ((user, count),) = ((user, count) for user, count in values(service, each, "user_id").items() if user)
        assert count == 2
        found.add(user)
    assert len({*found, "ada@example.org"}) == 3
    ask(service, tenant, {"user_ids": "sha256-16"})
    service.send(tenant, [event(user_id="u-1")])
    assert values(service, tenant, "user_id")[hashlib.sha256(b"u-1").hexdigest()[:16]] == 1


def test_the_kinds_are_the_tenants_choice(service: Service, tenant: str) -> None:
    told = {"a": "a@b.example", "b": "+49 171 1234567", "c": "203.0.113.7", "password": "x"}
    ask(service, tenant, {"kinds": ["email", "ip"], "ips": "redact"})
    service.send(tenant, [event(event_name="shop.sold", attributes=told)])
    kept = {**told, "a": "[redacted:email]", "c": "[redacted:ip]"}
    assert {name: values(service, tenant, name) for name in told} == {name: {one: 1} for name, one in kept.items()}
    ask(service, tenant, {"sanitise": False})
    service.send(tenant, [event(event_name="shop.sold", attributes=told)])
    assert all(values(service, tenant, name)[one] for name, one in told.items())


def test_events_are_filtered_counted_and_told(service: Service, tenant: str) -> None:
    ask(service, tenant, {"allow_events": ["shop.*"], "deny_events": ["shop.secret"]})
    names = ["shop.sold", "shop.secret", "other.thing"]
    given = [event(event_name=name, attributes={"note": "marker"}) for name in names]
    answer = service.send(tenant, given).body
    assert (answer["accepted"], answer["dropped"]) == (1, 2)
    assert [(one["status"], one["reason"]) for one in answer["results"]] == [("dropped", "filtered")] * 2
    fate = service.ask("GET", f"{EVENTS}/{given[1]['event_id']}/fate", None, service.key(tenant, Kind.ADMIN))
    assert (fate.body["fate"], "marker" in repr(fate.body)) == ("dropped", False)
    ask(service, tenant, {"allow_events": None, "deny_events": None})
    assert service.send(tenant, [event(event_name="other.thing", attributes={})]).body["accepted"] == 1


def test_with_opt_in_only_those_who_agreed_are_kept(service: Service, tenant: str) -> None:
    ask(service, tenant, {"consent": "opt-in"})
    said: list[dict[str, Any]] = [{}, {"consent": {"ads": True}}, {"consent": {"analytics": False}}]
    given = [event(context=context) for context in [*said, {"consent": {"analytics": True}}]]
    answer = service.send(tenant, given).body
    assert (answer["accepted"], answer["dropped"]) == (1, 3)
    assert {one["reason"] for one in answer["results"]} == {"no_consent"}


def test_a_rejected_event_is_kept_under_the_pseudonym(service: Service, tenant: str) -> None:
    ask(service, tenant, {"user_ids": "hmac-sha256", "deny_events": ["kb.search"]})
    broken = event(event_name="kb.hit", attributes={"kb.rank": -1}, user_id="ada-hunter2")
    denied = event(event_name="kb.search", attributes={"kb.query": 1})
    service.send(tenant, [broken, denied])
    inbox = service.ask("GET", "/api/v1/analytics/inbox/events", None, service.key(tenant, Kind.ADMIN)).body["events"]
    bodies = {one["event_id"]: one["event"] for one in inbox}
    assert bodies[denied["event_id"]] is None
    assert bodies[broken["event_id"]]["user_id"].startswith("hmac_")
    assert "hunter2" not in repr(inbox)
