"""The doors of consent over real HTTP, on both databases."""

import uuid
from typing import Any

import pytest

from auricle.model.principal import Kind
from running import Answer, Service, event

PATH = "/api/v1/analytics/consents"


def find(service: Service, tenant: str, body: Any, kind: Kind = Kind.ADMIN) -> Answer:
    return service.ask("POST", PATH + "/find", body, service.key(tenant, kind))


def counts(service: Service, tenant: str) -> dict[str, int]:
    return dict(service.ask("GET", PATH, None, service.key(tenant, Kind.READ)).body)


def said(analytics: bool, **more: Any) -> dict[str, Any]:
    return event(context={"consent": {"analytics": analytics}}, **more)


def test_a_refusal_is_kept_and_can_be_taken_back(either_service: Service, tenant: str) -> None:
    service, other = either_service, f"t{uuid.uuid4().hex}"
    answer = service.send(tenant, [said(False, user_id="ada"), said(False, session_id="s-1"), said(False)]).body
    assert (answer["accepted"], answer["dropped"]) == (0, 3)
    told = find(service, tenant, {"user_id": "ada"})
    assert (told.status, told.body["user_id"], told.body["analytics"]) == (200, "ada", False)
    assert find(service, tenant, {"session_id": "s-1"}).body["analytics"] is False
    unknown = {"analytics": None, "said_at": None, "received_at": None}
    assert find(service, tenant, {"session_id": "ada"}).body == {"session_id": "ada", **unknown}
    assert find(service, other, {"user_id": "ada"}).body == {"user_id": "ada", **unknown}
    assert counts(service, tenant) == {"refused": 2, "agreed_again": 0}
    assert service.send(tenant, [said(True, user_id="ada"), said(True, user_id="bob")]).body["accepted"] == 2
    assert find(service, tenant, {"user_id": "ada"}).body["analytics"] is True
    assert find(service, tenant, {"user_id": "bob"}).body == {"user_id": "bob", **unknown}
    assert (counts(service, tenant), counts(service, other)) == (
        {"refused": 1, "agreed_again": 1},
        {"refused": 0, "agreed_again": 0},
    )
    assert service.drained(tenant)["dropped"] == 3


def test_a_person_is_kept_and_found_under_the_pseudonym(service: Service, tenant: str) -> None:
    changed = service.ask(
        "PATCH", "/api/v1/analytics/admin/options", {"user_ids": "hmac-sha256"}, service.key(tenant, Kind.ADMIN)
    )
    assert changed.status == 200
    service.send(tenant, [said(False, user_id="ada@example.org")])
    told = find(service, tenant, {"user_id": "ada@example.org"}).body
    assert (told["user_id"][:5], told["analytics"]) == ("hmac_", False)
    assert find(service, tenant, {"user_id": told["user_id"]}).body == told


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, ""),
        ({"user_id": "a", "session_id": "b"}, ""),
        ({"user_id": 7}, "/user_id"),
        ({"user_id": ""}, "/user_id"),
        ({"session_id": "x" * 129}, "/session_id"),
        ({"name": "a"}, ""),
    ],
)
def test_what_cannot_be_asked_is_refused(service: Service, tenant: str, body: Any, pointer: str) -> None:
    answer = find(service, tenant, body)
    assert (answer.status, [fault["pointer"] for fault in answer.body["errors"]]) == (422, [pointer])


@pytest.mark.parametrize("kind", [Kind.INGEST, Kind.READ])
def test_only_who_may_see_persons_may_ask(service: Service, tenant: str, kind: Kind) -> None:
    assert find(service, tenant, {"user_id": "ada"}, kind).status == 403
