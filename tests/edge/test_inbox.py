"""The doors of the failed-event inbox over real HTTP, on both databases."""

import uuid
from typing import Any

import pytest

from auricle.model.principal import Kind
from running import Answer, Service, event

INBOX = "/api/v1/analytics/inbox"
SCHEMAS = "/api/v1/analytics/schemas"


def document(kind: str, version: str) -> dict[str, Any]:
    properties = {"price": {"type": kind}}
    return {"$id": f"auricle:acme/shop.sold/jsonschema/{version}", "type": "object", "properties": properties}


def ask(service: Service, tenant: str, method: str, path: str = "", body: Any = None) -> Answer:
    return service.ask(method, INBOX + path, body, service.key(tenant, Kind.ADMIN))


def register(service: Service, tenant: str, kind: str, version: str) -> None:
    made = service.ask("POST", SCHEMAS, {"schema": document(kind, version)}, service.key(tenant, Kind.ADMIN))
    assert made.status == 201, made.body


def sold(price: Any, **more: Any) -> dict[str, Any]:
    return event(event_name="shop.sold", attributes={"price": price, "mail": "jane@example.com"}, **more)


def groups(service: Service, tenant: str) -> list[tuple[str | None, str, str, int, int]]:
    told = ask(service, tenant, "GET").body["groups"]
    return [(one["event_name"], one["reason"], one["pointer"], one["events"], one["replayable"]) for one in told]


def test_refused_events_are_kept_mended_and_replayed(either_service: Service, tenant: str) -> None:
    service = either_service
    register(service, tenant, "number", "1-0-0")
    raws = [sold("5"), sold("6"), sold(7)]
    told = service.send(tenant, [*raws, sold("8", source="x"), "no event"])
    assert told.body["rejected"] == 4
    assert groups(service, tenant) == [
        ("shop.sold", "schema", "/attributes/price", 2, 2),
        (None, "not_an_object", "", 1, 0),
        ("shop.sold", "envelope", "/attributes/price", 1, 1),
    ]
    narrow = "/events?event_name=shop.sold&reason=schema&pointer=/attributes/price&limit=1"
    first = ask(service, tenant, "GET", narrow).body
    (sample,) = first["events"]
    kept = raws[1] | {"attributes": {"price": "6", "mail": "[redacted:email]"}}
    assert (sample["event"], sample["event_id"], sample["rule"]) == (kept, raws[1]["event_id"], "type")
    (older,) = ask(service, tenant, "GET", f"{narrow}&before={first['next']}").body["events"]
    assert older["event_id"] == raws[0]["event_id"]
    vain = ask(service, tenant, "POST", "/replay", {"all": True})
    assert vain.told == (200, {"stored": 0, "duplicates": 0, "dropped": 0, "failed": 3, "retry": 0, "next": None})

    register(service, tenant, "string", "2-0-0")
    done = ask(service, tenant, "POST", "/replay", {"event_name": "shop.sold", "reason": "schema"})
    assert (done.status, done.body["stored"], done.body["failed"]) == (200, 2, 0)
    again = ask(service, tenant, "POST", "/replay", {"event_name": "shop.sold", "reason": "schema"})
    assert again.body == dict.fromkeys(("stored", "duplicates", "dropped", "failed", "retry"), 0) | {"next": None}
    counts = service.drained(tenant)
    assert (counts["stored"], counts["duplicate"], counts["rejected"]) == (3, 0, 4)
    # The client sends them once more, late: each is counted once.
    assert service.send(tenant, [raws[0], raws[1]]).body["duplicates"] == 2
    fates = [
        service.ask("GET", f"/api/v1/analytics/events/{one['event_id']}/fate", None, service.key(tenant))
        for one in raws
    ]
    assert [fate.body["fate"] for fate in fates] == ["stored"] * 3


def test_failed_events_are_discarded(either_service: Service, tenant: str) -> None:
    service = either_service
    service.send(tenant, [event(source="x"), event(source="x"), event(event_name="A b"), event(occurred_at=1)])
    assert groups(service, tenant) == [
        ("page_view", "envelope", "/source", 2, 2),
        (None, "envelope", "/event_name", 1, 1),
        ("page_view", "envelope", "/occurred_at", 1, 1),
    ]
    found = ask(service, tenant, "GET", "/events?event_name=").body["events"]
    assert [one["pointer"] for one in found] == ["/event_name"]
    gone = [
        ask(service, tenant, "POST", "/discard", body).body
        for body in ({"event_name": None}, {"ids": [found[0]["id"]]}, {"pointer": "/source"}, {"all": True})
    ]
    assert gone == [{"discarded": number} for number in (1, 0, 2, 1)]
    assert groups(service, tenant) == []


def test_nothing_of_another_tenant_is_shown_or_touched(either_service: Service, tenant: str) -> None:
    service, other = either_service, f"t{uuid.uuid4().hex}"
    service.send(other, [event(source="x")])
    (theirs,) = ask(service, other, "GET", "/events").body["events"]
    assert groups(service, tenant) == []
    assert ask(service, tenant, "GET", "/events").body == {"events": [], "next": None}
    for path, body in (
        ("/replay", {"ids": [theirs["id"]]}),
        ("/discard", {"ids": [theirs["id"]]}),
        ("/discard", {"all": True}),
    ):
        assert not any(value for value in ask(service, tenant, "POST", path, body).body.values())
    assert ask(service, other, "GET", "/events").body["events"] == [theirs]


BAD: dict[str, tuple[str, str, Any]] = {
    "nothing selected": ("POST", "/discard", {}),
    "all and some": ("POST", "/replay", {"all": True, "reason": "schema"}),
    "not all": ("POST", "/discard", {"all": False}),
    "an unknown reason": ("POST", "/discard", {"reason": "bad"}),
    "a reason that is a list": ("POST", "/discard", {"reason": ["schema"]}),
    "a number for a name": ("POST", "/discard", {"event_name": 5}),
    "no ids": ("POST", "/discard", {"ids": []}),
    "ids that are text": ("POST", "/discard", {"ids": ["a"]}),
    "an id too large": ("POST", "/discard", {"ids": [2**63]}),
    "many ids": ("POST", "/discard", {"ids": list(range(1, 1_002))}),
    "a limit too large": ("POST", "/replay", {"all": True, "limit": 5_000}),
    "a negative place": ("POST", "/replay", {"all": True, "after": -1}),
    "an unknown member": ("POST", "/replay", {"all": True, "force": True}),
    "a list": ("POST", "/replay", []),
    "many groups": ("GET", "?limit=1001", None),
    "no number": ("GET", "/events?limit=x", None),
    "other digits": ("GET", "/events?before=%C2%B2", None),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_question_is_refused(service: Service, tenant: str, case: str) -> None:
    method, path, body = BAD[case]
    answer = ask(service, tenant, method, path, body)
    assert answer.status == 422, answer.body
    assert answer.body["errors"]


def test_hostile_text_is_only_unknown(either_service: Service, tenant: str) -> None:
    for body in ({"event_name": "a\0b"}, {"pointer": "'; DROP TABLE failed_events; --"}, {"event_name": "x" * 10_000}):
        assert ask(either_service, tenant, "POST", "/discard", body).told == (200, {"discarded": 0})
    assert ask(either_service, tenant, "GET", "/events?pointer=%00%FF&event_name=%ED%A0%80").status == 200


def test_who_may_do_what(service: Service, tenant: str) -> None:
    def status(kind: Kind, method: str, path: str = "", body: Any = None) -> int:
        return service.ask(method, INBOX + path, body, service.key(tenant, kind)).status

    asked = [
        ("GET", "", None),
        ("GET", "/events", None),
        ("POST", "/replay", {"all": True}),
        ("POST", "/discard", {"all": True}),
    ]
    told = {kind: [status(kind, *one) for one in asked] for kind in Kind}
    assert told[Kind.INGEST] == [403] * 4
    assert told[Kind.READ] == [200, 200, 403, 403]
    assert told[Kind.ADMIN] == [200] * 4
    assert [service.ask(method, INBOX + path, body).status for method, path, body in asked] == [401] * 4
