"""The doors of administrators over real HTTP: a key's life, its rules at work, and no sight of another tenant."""

import time
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from auricle.model.principal import Kind
from auricle.store.audit import AuditStore
from auricle.store.control import ControlStore
from auricle.store.database import open_database
from running import EVENTS, STATS, Answer, Service, ago, event

ADMIN = "/api/v1/analytics/admin"
KEYS = ADMIN + "/keys"
REPORT = "/api/v1/analytics/reports/active"


def ask(service: Service, tenant: str, method: str, path: str, body: Any = None) -> Answer:
    return service.ask(method, path, body, service.key(tenant, Kind.ADMIN))


def made(service: Service, tenant: str, **rules: Any) -> dict[str, Any]:
    answer = ask(service, tenant, "POST", KEYS, {"kind": "ingest", **rules})
    assert answer.status == 201, answer
    return dict(answer.body)


def send(service: Service, key: str, **headers: str) -> int:
    return service.ask("POST", EVENTS, event(), key, headers).status


def test_the_life_of_a_key(either_service: Service, tenant: str) -> None:
    service = either_service
    key = made(service, tenant, label="till 3", expires_at="2999-01-01T00:00:00Z")
    text = key.pop("key")
    assert text.startswith("ak_")
    assert key == {
        "id": key["id"],
        "tenant": tenant,
        "kind": "ingest",
        "state": "alive",
        "label": "till 3",
        "scopes": ["events:write"],
        "created_at": key["created_at"],
        "expires_at": "2999-01-01T00:00:00+00:00",
        "last_used_at": None,
        "revoked_at": None,
        "ips": None,
        "origins": None,
        "rate_limit": None,
        "signed": False,
        "replaces": None,
    }
    assert send(service, text) == 202
    one = f"{KEYS}/{key['id']}"
    assert ask(service, tenant, "GET", one).told == (200, key)
    listed = ask(service, tenant, "GET", KEYS).body["keys"]
    assert [(each["id"], each["kind"]) for each in listed][1:] == [(key["id"], "ingest")]
    assert text not in repr(listed)
    changed = ask(service, tenant, "PATCH", one, {"label": "till 4", "rate_limit": 100, "expires_at": None})
    assert changed.told == (200, {**key, "label": "till 4", "rate_limit": 100, "expires_at": None})
    assert ask(service, tenant, "DELETE", one).told == (200, {"id": key["id"], "revoked": True})
    assert [ask(service, tenant, method, one, {}).status for method in ("DELETE", "PATCH")] == [404, 404]
    assert ask(service, tenant, "GET", one).body["state"] == "revoked"
    time.sleep(1.2)
    assert send(service, text) == 401


def test_a_key_rotates_with_an_overlap(either_service: Service, tenant: str) -> None:
    service = either_service
    old = made(service, tenant, label="shop", ips=["127.0.0.0/8"], scopes=["events:write", "events:backfill"])
    new = ask(service, tenant, "POST", f"{KEYS}/{old['id']}/rotate", {"overlap_hours": 48})
    assert new.status == 201
    assert [send(service, each["key"]) for each in (old, new.body)] == [202, 202]
    differs = {"id", "key", "created_at", "replaces"}
    assert {name: value for name, value in new.body.items() if name not in differs} == {
        name: value for name, value in old.items() if name not in differs
    }
    assert new.body["replaces"] == old["id"]
    end = datetime.fromisoformat(ask(service, tenant, "GET", f"{KEYS}/{old['id']}").body["expires_at"])
    assert abs(end - datetime.now(UTC) - timedelta(hours=48)) < timedelta(minutes=1)
    again = ask(service, tenant, "POST", f"{KEYS}/{old['id']}/rotate")
    assert (again.status, again.body["code"]) == (409, "conflict")
    last = ask(service, tenant, "POST", f"{KEYS}/{new.body['id']}/rotate", {"overlap_hours": 0})
    assert last.status == 201
    time.sleep(1.2)
    assert [send(service, each["key"]) for each in (old, new.body, last.body)] == [202, 401, 202]
    ended = ask(service, tenant, "POST", f"{KEYS}/{new.body['id']}/rotate")
    assert (ended.status, ended.body["code"]) == (409, "conflict")


def test_the_rules_of_a_key_hold(service: Service, tenant: str) -> None:
    here = made(service, tenant, ips=["127.0.0.1"])["key"]
    elsewhere = made(service, tenant, ips=["203.0.113.0/24", "::1"])["key"]
    assert [send(service, key) for key in (here, elsewhere)] == [202, 403]
    # No proxy is trusted here, so nobody's word on the address is taken.
    assert send(service, elsewhere, **{"X-Forwarded-For": "203.0.113.5"}) == 403
    page = made(service, tenant, origins=["https://shop.example"])["key"]
    told = [send(service, page, **headers) for headers in ({}, {"Origin": "https://shop.example"}, {"Origin": "null"})]
    assert told == [202, 202, 403]
    narrow = ask(service, tenant, "POST", KEYS, {"kind": "read", "scopes": ["sql:read"]}).body["key"]
    assert service.ask("POST", REPORT, {}, narrow).status == 403
    slow = made(service, tenant, rate_limit=2)["key"]
    assert sorted(send(service, slow) for _ in range(3)) == [202, 202, 429]
    old = event(occurred_at=ago(days=9))
    plain, backfill = made(service, tenant)["key"], made(service, tenant, scopes=["events:write", "events:backfill"])
    assert [service.ask("POST", EVENTS, old, key).status for key in (plain, backfill["key"])] == [422, 202]


def test_a_changed_list_holds_within_two_seconds(service: Service, tenant: str) -> None:
    key = made(service, tenant)
    assert send(service, key["key"]) == 202
    ask(service, tenant, "PATCH", f"{KEYS}/{key['id']}", {"ips": ["203.0.113.9"]})
    time.sleep(1.2)
    assert send(service, key["key"]) == 403


WRONG: dict[str, tuple[Any, int, str]] = {
    "no JSON": (b"{", 400, ""),
    "a list": ([], 422, ""),
    "no kind": ({}, 422, "/kind"),
    "another kind": ({"kind": "root"}, 422, "/kind"),
    "a kind that is a list": ({"kind": ["ingest"]}, 422, "/kind"),
    "another tenant": ({"kind": "ingest", "tenant": "other"}, 422, ""),
    "a scope beyond the kind": ({"kind": "read", "scopes": ["admin"]}, 422, "/scopes/0"),
    "no network": ({"kind": "read", "ips": ["here"]}, 422, "/ips/0"),
    "a label of lines": ({"kind": "read", "label": "a\nb"}, 422, "/label"),
    "an expiry without zone": ({"kind": "read", "expires_at": "2999-01-01T00:00:00"}, 422, "/expires_at"),
    "signed by text": ({"kind": "read", "signed": "yes"}, 422, "/signed"),
    "much": ({"kind": "read", "label": "x" * 70_000}, 413, ""),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_is_told_and_makes_no_key(service: Service, tenant: str, case: str) -> None:
    body, status, pointer = WRONG[case]
    answer = ask(service, tenant, "POST", KEYS, body)
    assert answer.status == status, answer
    assert [fault["pointer"] for fault in answer.body.get("errors", [])] == ([pointer] if status == 422 else [])
    assert len(ask(service, tenant, "GET", KEYS).body["keys"]) == 1


@pytest.mark.parametrize("hours", [-1, 2_161, True, "24", None])
def test_an_overlap_has_its_bounds(service: Service, tenant: str, hours: Any) -> None:
    key = made(service, tenant)
    answer = ask(service, tenant, "POST", f"{KEYS}/{key['id']}/rotate", {"overlap_hours": hours})
    assert (answer.status, answer.body["errors"][0]["pointer"]) == (422, "/overlap_hours")


def test_another_tenants_keys_are_what_does_not_exist(either_service: Service, tenant: str) -> None:
    service, other = either_service, f"t{uuid.uuid4().hex}"
    foreign = made(service, other, label="theirs")
    none = str(uuid.uuid4())
    asks = [("GET", ""), ("PATCH", ""), ("DELETE", ""), ("POST", "/rotate")]
    for method, more in asks:
        told, unknown = (
            ask(service, tenant, method, f"{KEYS}/{key_id}{more}", None if method == "GET" else {})
            for key_id in (foreign["id"], none)
        )
        assert told.status == 404
        assert told.told == unknown.told
    assert foreign["id"] not in repr(ask(service, tenant, "GET", KEYS).body)
    assert send(service, foreign["key"]) == 202
    assert ask(service, other, "GET", f"{KEYS}/{foreign['id']}").body["label"] == "theirs"


def test_an_administrator_sees_its_own_tenant(service: Service, tenant: str) -> None:
    other = f"t{uuid.uuid4().hex}"
    service.key(other)
    own = ask(service, tenant, "GET", f"{ADMIN}/tenants/{tenant}")
    assert (own.status, own.body["id"], own.body["state"], own.body["keys"]) == (200, tenant, "active", 1)
    assert ask(service, tenant, "GET", ADMIN + "/tenants").body == {"tenants": [own.body]}
    told = [ask(service, tenant, "GET", f"{ADMIN}/tenants/{name}").told for name in (other, "nobody")]
    assert told[0] == told[1]
    assert told[0][0] == 404


@pytest.mark.parametrize("kind", [Kind.INGEST, Kind.READ])
def test_other_kinds_administrate_nothing(service: Service, tenant: str, kind: Kind) -> None:
    key = service.key(tenant, kind)
    for method, path in (("GET", KEYS), ("POST", KEYS), ("DELETE", f"{KEYS}/x"), ("GET", ADMIN + "/tenants")):
        assert service.ask(method, path, {} if method == "POST" else None, key).status == 403


def test_a_disabled_tenant_is_shut_out_within_two_seconds(either_service: Service, tenant: str) -> None:
    service, key = either_service, either_service.key(tenant)
    control = ControlStore.open(service.settings)
    assert send(service, key) == 202
    control.disable_tenant(tenant, disabled=True)
    time.sleep(1.2)
    answer = service.ask("GET", STATS, key=key)
    assert (answer.status, answer.body["detail"]) == (401, "The tenant of this API key is disabled.")
    control.disable_tenant(tenant, disabled=False)
    assert send(service, key) == 202
    control.close()


def test_every_change_is_in_the_audit_log(either_service: Service, tenant: str) -> None:
    service = either_service
    admin = service.key(tenant, Kind.ADMIN)
    key = made(service, tenant, ips=["10.0.0.0/8"])
    ask(service, tenant, "PATCH", f"{KEYS}/{key['id']}", {"label": "x"})
    new = ask(service, tenant, "POST", f"{KEYS}/{key['id']}/rotate").body
    ask(service, tenant, "DELETE", f"{KEYS}/{new['id']}")
    engine = open_database(service.settings)
    rows = AuditStore(engine).rows(tenant, limit=100)[::-1]
    engine.dispose()
    mine = f"key:{ask(service, tenant, 'GET', KEYS).body['keys'][0]['id']}"
    assert [(row.actor, row.action) for row in rows] == [
        ("cli", "key.create"),
        (mine, "key.create"),
        (mine, "key.change"),
        (mine, "key.rotate"),
        (mine, "key.revoke"),
    ]
    assert [row.target for row in rows[1:]] == [key["id"], key["id"], new["id"], new["id"]]
    for secret in (admin, key["key"], new["key"]):
        assert secret not in repr(rows)
