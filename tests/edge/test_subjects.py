"""The doors of data subjects: who may use them, what they refuse, and that no tenant reaches another's persons."""

import uuid
from typing import Any

import pytest

from auricle.model.principal import Kind
from running import PROBLEM, Answer, Service, event

SUBJECTS = "/api/v1/analytics/subjects"
ROUTES = [
    ("POST", "/find"),
    ("POST", "/export"),
    ("POST", "/erase"),
    ("GET", "/erasures"),
    ("GET", f"/erasures/{uuid.UUID(int=1)}"),
    ("GET", "/suppressions"),
    ("DELETE", f"/suppressions/{uuid.UUID(int=1)}"),
]


def ask(service: Service, tenant: str, method: str, path: str, body: Any = None) -> Answer:
    return service.ask(method, SUBJECTS + path, body, service.key(tenant, Kind.ADMIN))


@pytest.mark.parametrize(("method", "path"), ROUTES, ids=[" ".join(route) for route in ROUTES])
def test_administrators_only(service: Service, tenant: str, method: str, path: str) -> None:
    body = {"user_id": "u"} if method == "POST" else None
    assert service.ask(method, SUBJECTS + path, body).status == 401
    for kind in (Kind.INGEST, Kind.READ):
        assert service.ask(method, SUBJECTS + path, body, service.key(tenant, kind)).status == 403


@pytest.mark.parametrize("path", ["/find", "/export", "/erase"])
@pytest.mark.parametrize(
    ("body", "pointers"),
    [
        pytest.param({}, [""], id="nobody"),
        pytest.param({"filters": []}, [""], id="no filter"),
        pytest.param({"user_id": ""}, ["/user_id"], id="empty"),
        pytest.param({"user_id": "x" * 129}, ["/user_id"], id="too long"),
        pytest.param({"user_id": 7}, ["/user_id"], id="a number"),
        pytest.param({"user_id": "u", "tenant_id": "other"}, ["/tenant_id"], id="unknown member"),
        pytest.param({"from": "yesterday"}, ["/from"], id="no time"),
        pytest.param({"filters": [{"field": "a", "op": "like", "value": "x"}]}, ["/filters/0/op"], id="no such op"),
        pytest.param({"filters": [{"field": "a", "op": "gt", "value": True}]}, ["/filters/0/value"], id="no value"),
        pytest.param(b"[]", [""], id="a list"),
        pytest.param(b"{", [""], id="no JSON"),
        pytest.param(b'{"user_id": "\xff"}', [""], id="no UTF-8"),
    ],
)
def test_a_broken_subject_is_refused(service: Service, tenant: str, path: str, body: Any, pointers: list[str]) -> None:
    answer = ask(service, tenant, "POST", path, body)
    assert (answer.status, answer.headers["content-type"]) == (422, PROBLEM)
    assert [fault["pointer"] for fault in answer.body["errors"]] == pointers
    assert "yesterday" not in str(answer.body)


def test_a_subject_too_large(service: Service, tenant: str) -> None:
    assert ask(service, tenant, "POST", "/find", {"user_id": "x" * 70_000}).status == 413


def test_found_and_exported_as_it_was_sent(service: Service, tenant: str) -> None:
    hers = event(
        user_id="u'--\\", session_id="ß", context={"page": {"title": "t"}}, attributes={"a": {"b": [1, None, "\n\"'"]}}
    )
    assert service.send(tenant, [hers, event(user_id="v")]).body["accepted"] == 2
    service.drained(tenant)
    found = ask(service, tenant, "POST", "/find", {"user_id": hers["user_id"]}).body
    first = found["names"][0].pop("first")
    assert first == found["names"][0].pop("last")
    assert first[:19] == hers["occurred_at"][:19]
    assert found == {
        "conditions": ["user_id"],
        "events": 1,
        "names": [{"event_name": "page_view", "events": 1, "sessions": 1}],
    }
    (told,) = ask(service, tenant, "POST", "/export", {"user_id": hers["user_id"]}).body["events"]
    kept = ("event_id", "event_name", "user_id", "session_id", "source", "attributes", "context")
    assert {name: told[name] for name in kept} == {name: hers[name] for name in kept}
    assert set(told) == {*kept, "occurred_at", "received_at", "schema_id"}


def test_nobody_is_an_empty_answer(service: Service, tenant: str) -> None:
    body = {"user_id": "nobody"}
    assert ask(service, tenant, "POST", "/find", body).body == {"conditions": ["user_id"], "events": 0, "names": []}
    assert ask(service, tenant, "POST", "/export", body).body["events"] == []


def test_tenants_are_apart(service: Service, tenant: str) -> None:
    other = f"{tenant}-other"
    told = event(user_id="u")
    assert service.send(tenant, [told]).body["accepted"] == 1
    service.drained(tenant)
    assert ask(service, other, "POST", "/find", {"user_id": "u"}).body["events"] == 0
    assert ask(service, other, "POST", "/find", {"from": "2000-01-01T00:00:00Z"}).body["events"] == 0
    assert ask(service, other, "POST", "/export", {"user_id": "u"}).body["events"] == []
    erasure = ask(service, tenant, "POST", "/erase", {"session_id": "nobodys"})
    path = f"/erasures/{erasure.body['id']}"
    assert erasure.headers["location"] == SUBJECTS + path
    assert ask(service, tenant, "GET", path).body["id"] == erasure.body["id"]
    assert [ask(service, other, method, there).status for method, there in (
        ("GET", path), ("DELETE", path.replace("erasures", "suppressions")),
    )] == [404, 404]  # fmt: skip
    assert ask(service, other, "GET", "/erasures").body == {"erasures": []}
    assert ask(service, other, "GET", "/suppressions").body == {"suppressions": []}
    (entry,) = ask(service, tenant, "GET", "/suppressions").body["suppressions"]
    assert (entry["mark"], entry["erasure_id"]) == ("session", erasure.body["id"])
    # What one tenant suppresses comes in for the other.
    assert service.send(tenant, [event(session_id="nobodys")]).body["dropped"] == 1
    assert service.send(other, [event(session_id="nobodys")]).body["accepted"] == 1
    lifted = ask(service, tenant, "DELETE", path.replace("erasures", "suppressions"))
    assert lifted.told == (200, {"erasure_id": erasure.body["id"], "lifted": 1})
    assert service.send(tenant, [event(session_id="nobodys")]).body["accepted"] == 1
