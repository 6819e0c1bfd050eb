"""CORS: which pages may ask, which may read the answer, and that no cookie and no administrator's route is among it."""

from collections.abc import Iterator
from typing import Any

import pytest

from auricle.edge.cors import EXPOSED, HEADERS, METHODS, Cors
from auricle.edge.exchange import Exchange
from auricle.edge.guard import _check_origin
from auricle.errors import Forbidden
from auricle.model.principal import SCOPES, Kind, Principal
from auricle.settings import Settings
from running import EVENTS, STATS, Answer, Service, event, serving, wait_until

HERE, THERE = "https://shop.example", "https://evil.example"
ADMIN = "/api/v1/analytics/admin/audit"


def allowed(
    settings: tuple[str, ...], own: frozenset[str] | None, origin: str | None, path: str = EVENTS
) -> str | None:
    """The origin that may read the answer of a request with a key that has this list of its own."""
    principal = Principal("acme", "k", SCOPES[Kind.INGEST], origins=own)
    headers = dict(Cors(settings).headers(Exchange("c", origin, principal), path))
    assert (headers.get(b"vary") == b"Origin") is (origin is not None)
    told = headers.get(b"access-control-allow-origin")
    return None if told is None else told.decode()


@pytest.mark.parametrize(
    ("settings", "own", "origin", "expected"),
    [
        pytest.param((), None, HERE, None, id="nobody is allowed"),
        pytest.param((HERE,), None, HERE, HERE, id="the settings allow it"),
        pytest.param((HERE,), None, THERE, None, id="the settings allow another"),
        pytest.param((HERE,), None, "null", None, id="a page without origin"),
        pytest.param((HERE,), None, HERE + ".evil.example", None, id="one that begins like it"),
        pytest.param(("*",), None, THERE, "*", id="the settings allow any"),
        pytest.param((), frozenset({HERE}), HERE, HERE, id="the key allows it"),
        pytest.param((), frozenset({HERE}), HERE.upper(), HERE.upper(), id="the key allows it in another case"),
        pytest.param((HERE,), frozenset({THERE}), HERE, None, id="the key allows less"),
        pytest.param(("*",), frozenset({HERE}), THERE, None, id="the key allows less than any"),
        pytest.param(("*",), frozenset(), HERE, None, id="the key allows nobody"),
        pytest.param(("*",), None, None, None, id="no page asks"),
    ],
)
def test_who_may_read_an_answer(settings: Any, own: Any, origin: str | None, expected: str | None) -> None:
    assert allowed(settings, own, origin) == expected
    assert allowed(settings, own, origin, ADMIN) is None


@pytest.mark.parametrize(
    ("own", "origin", "refused"),
    [
        pytest.param(None, THERE, False, id="no list"),
        pytest.param(frozenset({HERE}), HERE, False, id="on the list"),
        pytest.param(frozenset({HERE}), THERE, True, id="not on the list"),
        pytest.param(frozenset({HERE}), None, False, id="no page"),
    ],
)
def test_a_key_is_of_use_to_its_own_pages_alone(own: Any, origin: str | None, refused: bool) -> None:
    try:
        _check_origin(Principal("acme", "k", SCOPES[Kind.INGEST], origins=own), origin)
    except Forbidden:
        assert refused
    else:
        assert not refused


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """The service with one origin allowed."""
    more = {"AURICLE_ALLOWED_ORIGINS": f"{HERE}, http://localhost:3000"}
    with serving(Settings(data=tmp_path_factory.mktemp("cors")), more) as service:
        yield service


def preflight(service: Service, path: str, origin: str) -> Answer:
    asked = {"Origin": origin, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "x-api-key"}
    return service.ask("OPTIONS", path, headers=asked)


def cors_of(answer: Answer) -> dict[str, str]:
    """The header fields that are for browsers."""
    return {name: value for name, value in answer.headers.items() if name.startswith("access-control-")}


@pytest.mark.parametrize("path", [EVENTS, EVENTS + "/batch", STATS, "/nowhere"])
@pytest.mark.parametrize("origin", [HERE, "http://localhost:3000"])
def test_a_preflight_of_an_allowed_origin(opened: Service, path: str, origin: str) -> None:
    answer = preflight(opened, path, origin)
    assert (answer.status, answer.body) == (204, b"")
    assert cors_of(answer) == {
        "access-control-allow-origin": origin,
        "access-control-allow-methods": METHODS,
        "access-control-allow-headers": HEADERS,
        "access-control-max-age": "600",
    }
    assert answer.headers["vary"].startswith("Origin, ")


@pytest.mark.parametrize(("path", "origin"), [(EVENTS, THERE), (EVENTS, "null"), (ADMIN, HERE), (ADMIN, THERE)])
def test_a_preflight_of_any_other(opened: Service, path: str, origin: str) -> None:
    answer = preflight(opened, path, origin)
    assert (answer.status, answer.body["code"], cors_of(answer)) == (403, "forbidden", {})
    assert answer.headers["vary"].startswith("Origin, ")


def test_a_preflight_of_a_page_that_has_a_key_of_its_own(opened: Service, tenant: str) -> None:
    mine, admin = "https://Mine.example:8443", opened.key(tenant, Kind.ADMIN)
    made = opened.ask("POST", "/api/v1/analytics/admin/keys", {"kind": "ingest", "origins": [mine]}, admin).body
    answer = wait_until(lambda: (told := preflight(opened, EVENTS, mine)).status == 204 and told)
    assert answer.headers["access-control-allow-origin"] == mine
    assert preflight(opened, ADMIN, mine).status == 403
    assert preflight(opened, EVENTS, "https://mine.example").status == 403
    taken = opened.ask("POST", EVENTS, event(), made["key"], {"Origin": mine})
    assert (taken.status, taken.headers["access-control-allow-origin"]) == (202, mine)
    # Whoever may ask by a preflight is told nothing with a key that has no such list, or another one.
    other = opened.ask("POST", EVENTS, event(), opened.key(tenant), {"Origin": mine})
    assert (other.status, cors_of(other)) == (202, {})
    foreign = opened.ask("POST", EVENTS, event(), made["key"], {"Origin": HERE})
    assert (foreign.status, cors_of(foreign)) == (403, {})
    assert opened.ask("DELETE", f"/api/v1/analytics/admin/keys/{made['id']}", key=admin).status == 200
    wait_until(lambda: preflight(opened, EVENTS, mine).status == 403)


@pytest.mark.parametrize("path", [EVENTS, STATS])
def test_no_preflight_without_a_page(opened: Service, path: str) -> None:
    assert opened.ask("OPTIONS", path).status == 405
    assert opened.ask("OPTIONS", path, headers={"Origin": HERE}).status == 405


@pytest.mark.parametrize(
    ("body", "status"), [(event(), 202), (event(source="pigeon"), 422), (b"{", 400)], ids=["good", "rejected", "broken"]
)
def test_the_page_may_read_whatever_is_answered(opened: Service, tenant: str, body: Any, status: int) -> None:
    key = opened.key(tenant)
    told = {"access-control-allow-origin": HERE, "access-control-expose-headers": EXPOSED.decode()}
    for origin, expected in ((HERE, told), (THERE, {})):
        answer = opened.ask("POST", EVENTS, body, key, {"Origin": origin})
        assert (answer.status in (status, 200), cors_of(answer)) == (True, expected)
        assert answer.headers["vary"] == "Origin"


def test_a_page_may_read_that_its_key_is_not_good(opened: Service) -> None:
    answer = opened.ask("POST", EVENTS, event(), "ak_x", {"Origin": HERE})
    assert (answer.status, answer.headers["access-control-allow-origin"]) == (401, HERE)


def test_without_the_setting_no_page_may_read(service: Service, tenant: str) -> None:
    # An origin of this test's own: the service is shared, and other tests let theirs in by the rules of a key.
    origin = "https://in-no-list.example"
    answer = service.ask("POST", EVENTS, event(), service.key(tenant), {"Origin": origin})
    assert (answer.status, cors_of(answer), answer.headers["vary"]) == (202, {}, "Origin")
    assert preflight(service, EVENTS, origin).status == 403
    assert "vary" not in service.ask("POST", EVENTS, event(), service.key(tenant)).headers
