"""Credentials over real HTTP: who comes in, and who is told why not."""

import asyncio
import contextlib
import time
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from typing import Any

import pytest
from starlette.requests import Request

from auricle.edge.guard import open_guard
from auricle.edge.limit import Limiter
from auricle.errors import Forbidden
from auricle.model.key import KeyRules
from auricle.model.principal import Kind
from auricle.settings import Settings
from auricle.store.control import ControlStore
from auricle.store.database import open_database
from running import BATCH, EVENTS, STATS, Service, event

REPORT = "/api/v1/analytics/reports/active"
NEEDED = "Send an API key as X-API-Key, or as Authorization: Bearer."
UNKNOWN = "This API key is not known here."


@pytest.mark.parametrize(
    ("headers", "detail"),
    [
        pytest.param({}, NEEDED, id="none"),
        pytest.param({"X-API-Key": ""}, NEEDED, id="an empty one"),
        pytest.param({"Authorization": "Basic YTpi"}, NEEDED, id="another scheme"),
        pytest.param({"Authorization": "Bearer"}, NEEDED, id="a scheme without a key"),
        pytest.param({"X-API-Key": "ak_" + "A" * 43}, UNKNOWN, id="an unknown one"),
        pytest.param({"X-API-Key": "k" * 5_000}, UNKNOWN, id="a long one"),
        pytest.param({"Authorization": "Bearer ' OR 1=1 --"}, UNKNOWN, id="SQL"),
        pytest.param({"X-API-Key": "ü\xff".encode("latin-1")}, UNKNOWN, id="bytes beyond ASCII"),
    ],
)
@pytest.mark.parametrize(("method", "path"), [("POST", EVENTS), ("POST", BATCH), ("GET", STATS), ("POST", REPORT)])
def test_without_a_good_key_nobody_comes_in(
    service: Service, method: str, path: str, headers: Any, detail: str
) -> None:
    answer = service.ask(method, path, {} if method == "POST" else None, headers=headers)
    assert (answer.status, answer.body["code"], answer.body["detail"]) == (401, "unauthorized", detail)
    assert answer.headers["www-authenticate"] == 'Bearer realm="auricle"'


def test_both_headers_are_understood(service: Service, tenant: str) -> None:
    key = service.key(tenant)
    for headers in ({"X-API-Key": key}, {"Authorization": f"Bearer {key}"}, {"authorization": f"bearer  {key}"}):
        assert service.ask("POST", EVENTS, event(), headers=headers).status == 202


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        pytest.param(Kind.INGEST, {EVENTS: 202, BATCH: 202, STATS: 200, REPORT: 403}, id="ingest"),
        pytest.param(Kind.READ, {EVENTS: 403, BATCH: 403, STATS: 200, REPORT: 200}, id="read"),
        pytest.param(Kind.ADMIN, {EVENTS: 202, BATCH: 202, STATS: 200, REPORT: 200}, id="admin"),
    ],
)
def test_each_kind_opens_its_own_doors(either_service: Service, tenant: str, kind: Kind, expected: Any) -> None:
    key = either_service.key(tenant, kind)
    asks = {
        EVENTS: ("POST", event()),
        BATCH: ("POST", {"events": [event()]}),
        STATS: ("GET", None),
        REPORT: ("POST", {}),
    }
    told = {path: either_service.ask(method, path, body, key).status for path, (method, body) in asks.items()}
    assert told == expected


def test_a_key_made_beside_the_service_works_at_once_and_ends_within_two_seconds(
    either_service: Service, tenant: str
) -> None:
    service = either_service
    expiring = service.key(tenant, expires_at=datetime.now(UTC) + timedelta(seconds=1))
    revoked = service.key(tenant)
    assert [service.ask("POST", EVENTS, event(), key).status for key in (expiring, revoked)] == [202, 202]
    control = ControlStore.open(service.settings)
    (held,) = [row for row in control.list_keys(tenant) if row.expires_at is None]
    control.revoke_key(held.id)
    time.sleep(2)
    answers = [service.ask("POST", EVENTS, event(), key) for key in (expiring, revoked)]
    control.close()
    assert [(answer.status, answer.body["detail"]) for answer in answers] == [
        (401, "This API key has expired."),
        (401, "This API key was revoked."),
    ]


def test_the_answer_never_repeats_a_key(service: Service) -> None:
    answer = service.ask("POST", EVENTS, event(), "ak_hunter2marker")
    assert b"hunter2" not in repr((answer.body, dict(answer.headers))).encode()
    assert "hunter2" not in service.log.read_text()


@pytest.mark.parametrize(
    ("peer", "noted"),
    [
        pytest.param("203.0.113.9", [], id="its own network"),
        pytest.param("198.51.100.7", ["198.51.100.7"], id="another"),
    ],
)
def test_a_key_in_a_wrong_place_is_told_as_a_failed_log_in(settings: Settings, peer: str, noted: bool) -> None:
    engine, told = open_database(settings), list[tuple[str, tuple[str, str]]]()
    control = ControlStore(engine)
    rules = KeyRules(networks=(ip_network("203.0.113.0/24"),))
    made = control.create_key("acme", Kind.READ, rules=rules)
    limiter = Limiter(settings, note=lambda *note: told.append(note))
    guard = open_guard(settings, limiter, engine)
    request = Request({"type": "http", "headers": [(b"x-api-key", made.key.encode())], "client": (peer, 5)})
    with contextlib.suppress(Forbidden):
        asyncio.run(guard.principal(request))
    engine.dispose()
    assert told == ([(peer, ("acme", made.id))] if noted else [])
