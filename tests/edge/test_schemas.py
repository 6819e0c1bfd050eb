"""The doors of the schemas over real HTTP, on both databases."""

import uuid
from typing import Any

import pytest

from auricle.model.principal import Kind
from running import EVENTS, Answer, Service, event

SCHEMAS = "/api/v1/analytics/schemas"
NUMBER = {"type": "number"}


def document(version: str = "1-0-0", name: str = "shop.sold", **more: Any) -> dict[str, Any]:
    told = {"$id": f"auricle:acme/{name}/jsonschema/{version}", "type": "object", "properties": {"price": NUMBER}}
    return {**told, **more}


def ask(service: Service, tenant: str, method: str, path: str = "", body: Any = None) -> Answer:
    return service.ask(method, SCHEMAS + path, body, service.key(tenant, Kind.ADMIN))


def sold(price: Any, **more: Any) -> dict[str, Any]:
    return event(event_name="shop.sold", attributes={"price": price}, **more)


def faults(answer: Answer, member: str = "errors") -> list[tuple[str, str]]:
    return [(fault["pointer"], fault["rule"]) for fault in answer.body[member]]


def test_a_schema_is_registered_and_holds_at_once(either_service: Service, tenant: str) -> None:
    service = either_service
    assert service.send(tenant, [sold("much")]).body["accepted"] == 1
    made = ask(service, tenant, "POST", body={"schema": document()})
    assert made.status == 201, made.body
    assert (made.body["id"], made.body["registered"], made.body["raises"]) == (document()["$id"], True, None)
    refused = service.ask("POST", EVENTS, sold("hunter2"), service.key(tenant))
    assert (refused.status, faults(refused)) == (422, [("/attributes/price", "type")])
    assert b"hunter2" not in repr(refused.body).encode()
    assert service.ask("POST", EVENTS, sold(5), service.key(tenant)).status == 202
    named = sold("x", schema=document()["$id"])
    inside = event(event_name="shop.sold", attributes={"schema": document()["$id"], "data": {"price": "x"}})
    assert [faults(service.ask("POST", EVENTS, one, service.key(tenant))) for one in (named, inside)] == [
        [("/attributes/price", "type")],
        [("/attributes/data/price", "type")],
    ]
    # Another tenant knows nothing of it.
    other = f"t{uuid.uuid4().hex}"
    assert service.send(other, [sold("much")]).body["accepted"] == 1
    unknown = service.ask("POST", EVENTS, named | {"event_id": str(uuid.uuid4())}, service.key(other))
    assert (unknown.status, faults(unknown)) == (422, [("/schema", "known")])
    assert ask(service, other, "GET", "/shop.sold").status == 404
    assert ask(service, other, "GET", "/shop.sold/1-0-0").status == 404


def test_how_many_stored_events_would_fail_is_told(either_service: Service, tenant: str) -> None:
    service = either_service
    service.send(tenant, [sold(number) for number in range(7)] + [sold("much")] * 1 + [event()])
    service.drained(tenant)
    tried = ask(service, tenant, "POST", body={"schema": document(), "dry_run": True})
    stored = {"checked": 8, "failed": 1, "rules": [{"pointer": "/attributes/price", "rule": "type", "events": 1}]}
    assert (tried.status, tried.body["registered"], tried.body["stored_events"]) == (200, False, stored)
    assert ask(service, tenant, "GET", "/shop.sold").status == 404
    assert ask(service, tenant, "POST", body={"schema": document()}).status == 201
    again = ask(service, tenant, "POST", body={"schema": document()})
    assert (again.status, again.body["registered"]) == (200, True)
    tighter = document("1-0-1", properties={"price": {**NUMBER, "maximum": 3}})
    refused = ask(service, tenant, "POST", body={"schema": tighter})
    assert (refused.status, faults(refused)) == (
        409,
        [("/schema/$id", "version"), ("/schema/properties/price/maximum", "revision")],
    )
    assert "1-1-0" in refused.body["errors"][0]["message"]


def test_the_catalogue_tells_both_kinds(either_service: Service, tenant: str) -> None:
    service = either_service
    ask(service, tenant, "POST", body={"schema": document(title="Sold")})
    ask(service, tenant, "POST", body={"schema": document("1-0-1", title="Sold it")})
    told = {one["event_name"]: one for one in ask(service, tenant, "GET").body["schemas"]}
    assert len(told) == 30
    mine = told["shop.sold"]
    assert [version.pop("created_at")[:2] for version in mine["versions"]] == ["20", "20"]
    assert mine == {
        "event_name": "shop.sold",
        "id": "auricle:acme/shop.sold/jsonschema/1-0-1",
        "version": "1-0-1",
        "origin": "tenant",
        "mode": "quarantine",
        "title": "Sold it",
        "description": None,
        "versions": [{"id": f"auricle:acme/shop.sold/jsonschema/{v}", "version": v} for v in ("1-0-0", "1-0-1")],
    }
    assert (told["page_view"]["origin"], told["page_view"]["version"]) == ("built-in", "1-0-0")
    assert ask(service, tenant, "GET", "/shop.sold").body["schema"]["title"] == "Sold it"
    assert ask(service, tenant, "GET", "/shop.sold/1-0-0").body == document(title="Sold")
    assert ask(service, tenant, "GET", "/page_view/1-0-0").body["$id"] == "auricle:auricle/page_view/jsonschema/1-0-0"
    assert [ask(service, tenant, "GET", path).status for path in ("/nothing", "/shop.sold/9-0-0", "/shop.sold/x")] == [
        404,
        404,
        404,
    ]


def test_an_observed_event_is_stored_with_warnings(either_service: Service, tenant: str) -> None:
    service, key = either_service, either_service.key(tenant)
    ask(service, tenant, "POST", body={"schema": document()})
    told = ask(service, tenant, "PATCH", "/shop.sold", {"mode": "observe"})
    assert told.told == (200, {"event_name": "shop.sold", "mode": "observe"})
    one = sold("much")
    taken = service.ask("POST", EVENTS, one, key)
    assert (taken.status, taken.body["status"], faults(taken, "warnings")) == (
        202,
        "stored",
        [("/attributes/price", "type")],
    )
    batch = service.send(tenant, [sold("much"), sold(1), one, sold("much", source="nowhere")])
    assert {name: batch.body[name] for name in ("accepted", "duplicates", "rejected")} == {
        "accepted": 2,
        "duplicates": 1,
        "rejected": 1,
    }
    assert [(each["index"], each["status"], "warnings" in each) for each in batch.body["results"]] == [
        (0, "stored", True),
        (2, "duplicate", False),
        (3, "rejected", False),
    ]
    expected = {"received": 5, "stored": 3, "duplicate": 1, "rejected": 1, "dropped": 0, "waiting": 0}
    assert service.drained(tenant) == expected


def test_what_observed_events_break_is_told(either_service: Service, tenant: str) -> None:
    service = either_service
    ask(service, tenant, "POST", body={"schema": document()})
    ask(service, tenant, "PATCH", "/shop.sold", {"mode": "observe"})
    service.send(tenant, [sold("much"), sold(1), sold("x"), event()])
    service.drained(tenant)
    rules = [{"pointer": "/attributes/price", "rule": "type", "events": 2}]
    told = {"event_name": "shop.sold", "id": document()["$id"]}
    tried = ask(service, tenant, "POST", "/shop.sold/trial")
    assert tried.told == (200, told | {"stored_events": {"checked": 3, "failed": 2, "rules": rules}})
    assert service.stats(tenant)["observed"] == 2
    other = f"t{uuid.uuid4().hex}"
    assert ask(service, other, "POST", "/shop.sold/trial").status == 404
    assert ask(service, other, "POST", "/page_view/trial").body["stored_events"]["checked"] == 0


def test_the_catalogue_tells_its_documents(service: Service, tenant: str) -> None:
    ask(service, tenant, "POST", body={"schema": document()})
    told = {one["event_name"]: one for one in ask(service, tenant, "GET", "?documents=true").body["schemas"]}
    assert told["shop.sold"]["schema"] == document()
    assert told["page_view"]["schema"]["$id"] == "auricle:auricle/page_view/jsonschema/1-0-0"
    assert ask(service, tenant, "GET", "?documents=all").status == 422


def test_an_event_is_checked_without_being_kept(either_service: Service, tenant: str) -> None:
    service = either_service
    ask(service, tenant, "POST", body={"schema": document()})
    good, bad = (ask(service, tenant, "POST", "/validate", sold(price)) for price in (1, "x"))
    quiet = ask(service, tenant, "POST", "/validate", sold(1, context={"consent": {"analytics": False}}))
    assert good.told == (200, {"valid": True, "status": "stored", "schema": document()["$id"]})
    assert quiet.told == (200, {"valid": True, "status": "dropped", "reason": "no_consent"})
    assert (bad.status, bad.body["valid"], bad.body["status"], bad.body["reason"]) == (
        200,
        False,
        "rejected",
        "schema",
    )
    assert faults(bad) == [("/attributes/price", "type")]
    assert service.stats(tenant)["events"] == dict.fromkeys(service.stats(tenant)["events"], 0)


BAD_BODIES: dict[str, tuple[Any, int]] = {
    "no JSON": (b"{", 400),
    "a list": ([], 422),
    "no schema": ({}, 422),
    "an unknown member": ({"schema": document(), "force": True}, 422),
    "a dry run that is text": ({"schema": document(), "dry_run": "yes"}, 422),
    "another's vendor": ({"schema": {"$id": "auricle:auricle/a/jsonschema/1-0-0", "type": "object"}}, 422),
    "a foreign reference": ({"schema": document(properties={"a": {"$ref": "http://127.0.0.1:1/"}})}, 422),
    "a large one": ({"schema": document(description="x" * 40_000)}, 413),
    "a huge one": (b'{"schema": "' + b"x" * 100_000 + b'"}', 413),
    "a deep one": (b'{"schema": ' + b'{"not":' * 900 + b"true" + b"}" * 901, 422),
}


@pytest.mark.parametrize("case", BAD_BODIES)
def test_a_bad_body_is_refused(service: Service, tenant: str, case: str) -> None:
    body, status = BAD_BODIES[case]
    answer = ask(service, tenant, "POST", body=body)
    assert answer.status == status, answer.body


@pytest.mark.parametrize("body", [{}, {"mode": "loud"}, {"mode": ["observe"]}, {"mode": None}])
def test_a_mode_is_one_of_three(service: Service, tenant: str, body: Any) -> None:
    assert ask(service, tenant, "PATCH", "/page_view", body).status == 422


def test_who_may_do_what(service: Service, tenant: str) -> None:
    def status(kind: Kind, method: str, path: str = "", body: Any = None) -> int:
        return service.ask(method, SCHEMAS + path, body, service.key(tenant, kind)).status

    for kind in (Kind.INGEST, Kind.READ):
        assert status(kind, "GET") == 200
        assert status(kind, "POST", "/validate", event()) == 200
        assert status(kind, "POST", body={"schema": document()}) == 403
        assert status(kind, "PATCH", "/page_view", {"mode": "observe"}) == 403
    assert [status(kind, "POST", "/page_view/trial") for kind in Kind] == [403, 200, 200]
    assert service.ask("GET", SCHEMAS).status == 401
