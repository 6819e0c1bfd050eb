"""Logging in at the dashboard over real HTTP on both databases: by key and by password, and what a cookie may do."""

import uuid
from http.cookies import SimpleCookie

import pytest

from auricle.model.principal import Kind
from auricle.store.control import ControlStore
from running import Answer, Service, wait_until

PATH = "/api/v1/analytics/session"
USERS = "/api/v1/analytics/admin/users"
REPORT = "/api/v1/analytics/reports/active"
PAGE = {"X-Auricle-Page": "1"}
PASSWORD = "correct horse battery"


def log_in(service: Service, **told: str) -> Answer:
    try:
        return service.ask("POST", PATH, told, headers=PAGE)
    finally:
        # NOTE: the client is shared, and keeps cookies as a browser does: every test after this one would be logged in.
        service.client.cookies.clear()


def cookie(answer: Answer) -> dict[str, str]:
    """The header fields of a page that keeps the cookie of this answer."""
    found = SimpleCookie(answer.headers["set-cookie"])["auricle_session"]
    return {"Cookie": f"auricle_session={found.value}", **PAGE}


def person(service: Service, tenant: str, role: Kind = Kind.READ) -> tuple[str, str]:
    """A user made over the API: id and name."""
    name = f"ada {uuid.uuid4().hex}"
    told = {"name": name, "password": PASSWORD, "role": role}
    made = service.ask("POST", USERS, told, service.key(tenant, Kind.ADMIN))
    assert (made.status, made.body["name"], made.body["role"]) == (201, name, role)
    return made.body["id"], name


def test_a_user_logs_in_asks_and_logs_out(either_service: Service, tenant: str) -> None:
    service = either_service
    _, name = person(service, tenant)
    answer = log_in(service, tenant=tenant, name=name, password=PASSWORD)
    page = cookie(answer)
    assert (answer.status, answer.body) == (200, {"logged_in": True})
    assert {"httponly", "samesite=strict", "path=/"} <= set(answer.headers["set-cookie"].lower().split("; "))
    told = service.ask("GET", PATH, headers=page)
    assert told.body == {"tenant": tenant, "kind": "user", "scopes": ["export:read", "reports:read", "sql:read"]}
    assert service.ask("POST", REPORT, {}, headers=page).status == 200
    assert service.ask("GET", USERS, headers=page).status == 403
    assert service.ask("DELETE", PATH, headers=page).body == {"logged_out": True}
    assert service.ask("GET", PATH, headers=page).status == 401


def test_a_key_logs_in_and_its_session_ends_with_it(either_service: Service, tenant: str) -> None:
    service = either_service
    control = ControlStore.open(service.settings)
    made = control.create_key(tenant, Kind.ADMIN)
    page = cookie(log_in(service, key=made.key))
    assert service.ask("GET", USERS, headers=page).status == 200
    control.revoke_key(made.id)
    control.close()
    wait_until(lambda: service.ask("GET", USERS, headers=page).status == 401, seconds=3)


@pytest.mark.parametrize(
    ("told", "status"),
    [
        pytest.param({"key": "ak_" + "A" * 43}, 401, id="an unknown key"),
        pytest.param({"key": "as_" + "A" * 43}, 401, id="a session"),
        pytest.param({"tenant": "nobody", "name": "ada", "password": PASSWORD}, 401, id="no tenant"),
        pytest.param({"tenant": "nobody", "name": "x' OR 1=1 --", "password": PASSWORD}, 401, id="SQL"),
        pytest.param({"tenant": "nobody", "name": "ada"}, 422, id="half"),
        pytest.param({"key": 7}, 422, id="a number"),
        pytest.param({"key": "x" * 300}, 422, id="a long one"),
        pytest.param({}, 422, id="nothing"),
    ],
)
def test_whoever_is_unknown_does_not_come_in(service: Service, told: dict[str, str], status: int) -> None:
    answer = log_in(service, **told)
    assert (answer.status, "set-cookie" in answer.headers) == (status, False)


def test_a_wrong_password_and_a_wrong_name_are_told_alike(service: Service, tenant: str) -> None:
    _, name = person(service, tenant)
    wrong = log_in(service, tenant=tenant, name=name, password="another password")
    unknown = log_in(service, tenant=tenant, name="nobody", password=PASSWORD)
    elsewhere = log_in(service, tenant=f"not-{tenant}", name=name, password=PASSWORD)
    assert wrong.status == 401
    assert wrong.body == unknown.body == elsewhere.body


def test_keys_that_only_send_do_not_log_in(service: Service, tenant: str) -> None:
    assert log_in(service, key=service.key(tenant, Kind.INGEST)).status == 403


def test_no_page_of_another_origin_can_write_with_the_cookie(service: Service, tenant: str) -> None:
    page = cookie(log_in(service, key=service.key(tenant, Kind.ADMIN)))
    bare = {"Cookie": page["Cookie"]}
    told = {"name": f"u {uuid.uuid4().hex}", "password": PASSWORD, "role": "admin"}
    tries = [bare, {**bare, "Content-Type": "text/plain"}, {**page, "Origin": "https://evil.example"}]
    assert [service.ask("POST", USERS, told, headers=one).status for one in tries] == [403, 403, 403]
    assert service.ask("POST", PATH, {"key": service.key(tenant, Kind.ADMIN)}).status == 403
    assert service.ask("POST", USERS, told, headers={**page, "Origin": service.url}).status == 201
    assert service.ask("GET", USERS, headers=bare).status == 200


def test_a_session_is_no_key(service: Service, tenant: str) -> None:
    text = cookie(log_in(service, key=service.key(tenant, Kind.ADMIN)))["Cookie"].partition("=")[2]
    assert service.ask("GET", PATH, headers={"Cookie": f"auricle_session={text}"}).status == 200
    for headers in ({"X-API-Key": text}, {"Authorization": f"Bearer {text}"}):
        assert service.ask("GET", PATH, headers=headers).status == 401


def test_renewing_changes_the_text_and_ends_the_old_one(either_service: Service, tenant: str) -> None:
    service = either_service
    old = cookie(log_in(service, key=service.key(tenant, Kind.READ)))
    renewed = service.ask("POST", f"{PATH}/renew", headers=old)
    service.client.cookies.clear()
    new = cookie(renewed)
    assert renewed.body == {"renewed": True}
    assert old["Cookie"] != new["Cookie"]
    assert [service.ask("GET", PATH, headers=one).status for one in (old, new)] == [401, 200]


def test_another_password_and_a_removal_end_the_sessions(either_service: Service, tenant: str) -> None:
    service, admin = either_service, either_service.key(tenant, Kind.ADMIN)
    user_id, name = person(service, tenant)
    first = cookie(log_in(service, tenant=tenant, name=name, password=PASSWORD))
    change = {"password": "another long password"}
    assert service.ask("PATCH", f"{USERS}/{user_id}", change, admin).status == 200
    assert service.ask("GET", PATH, headers=first).status == 401
    assert log_in(service, tenant=tenant, name=name, password=PASSWORD).status == 401
    second = cookie(log_in(service, tenant=tenant, name=name, **change))
    assert service.ask("DELETE", f"{USERS}/{user_id}", key=admin).status == 200
    assert service.ask("GET", PATH, headers=second).status == 401
    assert service.ask("DELETE", f"{USERS}/{user_id}", key=admin).status == 404


@pytest.mark.parametrize(
    ("wrong", "pointer"),
    [
        pytest.param({"password": "short"}, "/password", id="a short password"),
        pytest.param({"password": "x" * 257}, "/password", id="a long one"),
        pytest.param({"name": " ada"}, "/name", id="a blank before the name"),
        pytest.param({"name": "a\nb"}, "/name", id="two lines"),
        pytest.param({"role": "ingest"}, "/role", id="another role"),
        pytest.param({"role": ["admin"]}, "/role", id="a list"),
    ],
)
def test_a_user_that_breaks_a_rule(service: Service, tenant: str, wrong: dict[str, str], pointer: str) -> None:
    told = {"name": "ada", "password": PASSWORD, "role": "read", **wrong}
    answer = service.ask("POST", USERS, told, service.key(tenant, Kind.ADMIN))
    assert (answer.status, [fault["pointer"] for fault in answer.body["errors"]]) == (422, [pointer])


def test_names_are_each_tenants_own(service: Service, tenant: str) -> None:
    told = {"name": "ada", "password": PASSWORD, "role": "read"}
    keys = [service.key(one, Kind.ADMIN) for one in (tenant, f"o{tenant}", tenant)]
    assert [service.ask("POST", USERS, told, key).status for key in keys] == [201, 201, 409]


def test_only_hashes_are_kept(service: Service, tenant: str) -> None:
    """Neither the text of a session nor a password stands anywhere in the database."""
    _, name = person(service, tenant)
    text = cookie(log_in(service, tenant=tenant, name=name, password=PASSWORD))["Cookie"].partition("=")[2]
    kept = b"".join(path.read_bytes() for path in service.settings.data.glob("control.db*"))
    assert (text.encode() in kept, PASSWORD.encode() in kept) == (False, False)
    assert b"$argon2id$" in kept
