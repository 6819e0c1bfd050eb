"""The matrix: every route, by every method, with every kind of credential, of two tenants.

Nothing of a tenant is shown to another, or even confirmed to exist, and no route is without its check.
`tests/architecture/test_access.py` sees to it that no route is missing here. All attempts run against the whole
application, in this process.
"""

import asyncio
import base64
import hashlib
import hmac
import re
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import jwt
import orjson
import pytest
from pydantic import SecretStr
from sqlalchemy import Engine
from starlette.routing import compile_path

from access import API, OWN_PAGE, PASSWORD, PUBLIC, ROWS, Asked, Row, Things, declared, filled
from auricle import app as composition
from auricle.model.key import KeyRules
from auricle.model.principal import SCOPES, Kind, Scope
from auricle.model.query import OwnMetric
from auricle.settings import Settings
from auricle.store.annotation import AnnotationStore
from auricle.store.control import ControlStore
from auricle.store.dashboard import DashboardStore
from auricle.store.database import open_database
from auricle.store.link import LinkStore
from auricle.store.metric import MetricStore
from auricle.store.session import SessionStore
from auricle.store.token import TokenStore
from auricle.store.user import UserStore
from inside import ask, living, open_socket
from running import Answer, event

SECRET = "Zr4u7x!A%D*G-KaPdSgVkYp3s6v9y$B&"
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
NOBODY = 401
ELSEWHERE = 403
TENANTS = ("mine", "theirs")


@dataclass(frozen=True)
class Credential:
    """A kind of credential, and what it is good for."""

    name: str
    headers: Callable[[bytes], dict[str, str]]
    """The headers of a request with this body."""
    scopes: frozenset[Scope]
    refused: int | None = None
    """How every request with it is refused; None when it is a good one."""


@dataclass
class World:
    """The application, two tenants with everything they have, and what came of every attempt."""

    app: Any
    engine: Engine
    control: ControlStore
    revoked: TokenStore
    things: dict[str, Things] = field(default_factory=dict)
    credentials: dict[str, list[Credential]] = field(default_factory=dict)
    attempts: list["Attempt"] = field(default_factory=list)
    crossed: dict[str, Answer] = field(default_factory=dict)
    """What was answered to the other tenant's administrator who said that it is mine, by path."""
    before: dict[str, Any] = field(default_factory=dict)
    after: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Attempt:
    """One request, and what came of it."""

    method: str
    path: str
    tenant: str
    """Whose credential it came with; what it names is always mine."""
    credential: Credential
    row: Row | None
    """None when the path knows no such method."""
    status: int
    body: bytes
    named: bytes
    """Path, query and body of the request, which the answer may repeat."""
    unknown: tuple[int, bytes] | None = None
    """What was answered to the same about what does not exist."""

    def told(self) -> str:
        return (
            f"{self.method} {self.path} by {self.credential.name} of {self.tenant}: {self.status} {self.body[:300]!r}"
        )


def token(tenant: str, scopes: str, *, key: str = SECRET, **more: Any) -> str:
    claims = {"tenant_id": tenant, "scope": scopes, "exp": int(time.time()) + 600, "sub": "matrix", **more}
    return jwt.encode(claims, key, "HS256")


def bearer(text: str) -> Callable[[bytes], dict[str, str]]:
    return lambda _: {"Authorization": f"Bearer {text}"}


def keyed(key: str, **more: str) -> Callable[[bytes], dict[str, str]]:
    return lambda _: {"X-API-Key": key, **more}


def signing(key: str, secret: str, clock: Iterator[int]) -> Callable[[bytes], dict[str, str]]:
    """Signs each request, each at a second of its own: a signature is good once."""

    def headers(body: bytes) -> dict[str, str]:
        moment = next(clock)
        mac = hmac.new(secret.encode(), f"{moment}.".encode() + body, hashlib.sha256).hexdigest()
        return {"X-API-Key": key, "X-Signature": f"t={moment},v1={mac}"}

    return headers


def seconds() -> Iterator[int]:
    """Seconds within the tolerance of signatures, each once."""
    now = int(time.time())
    yield from (now + offset for offset in range(-150, 291))


def forged_none(tenant: str) -> str:
    _, claims, _ = token(tenant, "admin").split(".")
    none = base64.urlsafe_b64encode(b'{"alg":"none","typ":"JWT"}').rstrip(b"=").decode()
    return f"{none}.{claims}."


def bad_ones(control: ControlStore, revoked: TokenStore, tenant: str) -> list[Credential]:
    def make(name: str, headers: Callable[[bytes], dict[str, str]], refused: int = NOBODY) -> Credential:
        return Credential(name, headers, frozenset(Scope), refused)

    expired = control.create_key(tenant, Kind.ADMIN, expires_at=datetime.now(UTC) - timedelta(seconds=1))
    ended = control.create_key(tenant, Kind.ADMIN)
    control.revoke_key(ended.id)
    rotated = control.create_key(tenant, Kind.ADMIN)
    control.rotate_key(rotated.id, timedelta())
    unsigned = control.create_key(tenant, Kind.ADMIN, signed=True)
    shut = control.create_key(f"shut-{tenant}", Kind.ADMIN)
    control.disable_tenant(f"shut-{tenant}", disabled=True)
    away = control.create_key(tenant, Kind.ADMIN, rules=KeyRules(networks=(ip_network("203.0.113.0/24"),)))
    page = control.create_key(tenant, Kind.ADMIN, rules=KeyRules(origins=frozenset({"https://shop.example"})))
    jti = uuid.uuid4().hex
    revoked.revoke(tenant, jti)
    every = " ".join(Scope)
    return [
        make("no credential", lambda _: {}),
        make("an empty key", keyed("")),
        make("an unknown key", keyed("ak_" + "A" * 43)),
        make("a key by Basic", lambda _: {"Authorization": "Basic YTpi"}),
        make("an expired key", keyed(expired.key)),
        make("a revoked key", keyed(ended.key)),
        make("a rotated key", keyed(rotated.key)),
        make("a key of a disabled tenant", keyed(shut.key)),
        make("a key that must sign", keyed(unsigned.key)),
        make("a key that signs badly", keyed(unsigned.key, **{"X-Signature": f"t={int(time.time())},v1=" + "0" * 64})),
        make("a key of another network", keyed(away.key, **{"X-Forwarded-For": "203.0.113.5"}), ELSEWHERE),
        make("a key of another page", keyed(page.key, Origin="https://evil.example"), ELSEWHERE),
        make("a forged token", bearer(token(tenant, every, key=SECRET[::-1]))),
        make("a token without a signature", bearer(forged_none(tenant))),
        make("an expired token", bearer(token(tenant, every, exp=1))),
        make("a revoked token", bearer(token(tenant, every, jti=jti))),
        make("a token of a disabled tenant", bearer(token(f"shut-{tenant}", every))),
        make("a token of no tenant", bearer(token("", every))),
    ]


def cookie(session: str) -> Callable[[bytes], dict[str, str]]:
    return lambda _: {"Cookie": f"auricle_session={session}", **OWN_PAGE}


def session_of(sessions: SessionStore, tenant: str, **whose: str) -> Callable[[bytes], dict[str, str]]:
    """A session for each request, for some requests end theirs."""
    return lambda body: cookie(sessions.open(tenant, **whose).text)(body)


def browsers(engine: Engine, tenant: str, dashboard_id: str) -> list[Credential]:
    """Sessions of people and of keys, good and ended, and a link to another dashboard of the tenant."""
    sessions, users, control = SessionStore(engine, 24), UserStore(engine), ControlStore(engine)
    made = []
    for role in (Kind.READ, Kind.ADMIN):
        user = users.create(tenant, f"{role} {uuid.uuid4().hex}", PASSWORD, role, actor="test")
        headers = session_of(sessions, tenant, user_id=user.id)
        made.append(Credential(f"session of a user who is {role}", headers, SCOPES[role]))
        gone = users.create(tenant, f"gone {uuid.uuid4().hex}", PASSWORD, role, actor="test")
        old = sessions.open(tenant, user_id=gone.id)
        users.remove(tenant, gone.id, actor="test")
        made.append(Credential(f"session of a removed {role}", cookie(old.text), frozenset(Scope), NOBODY))
    key, spent = control.create_key(tenant, Kind.ADMIN), control.create_key(tenant, Kind.ADMIN)
    opened = sessions.open(tenant, key_id=spent.id)
    control.revoke_key(spent.id)
    late = SessionStore(engine, -1).open(tenant, key_id=key.id)
    live = sessions.open(tenant, key_id=key.id)
    _, link = LinkStore(engine).create(tenant, dashboard_id, datetime.now(UTC) + timedelta(days=1), actor="test")
    return [
        *made,
        Credential("session of a key", session_of(sessions, tenant, key_id=key.id), frozenset(Scope)),
        Credential("session of a revoked key", cookie(opened.text), frozenset(Scope), NOBODY),
        Credential("session that has ended", cookie(late.text), frozenset(Scope), NOBODY),
        Credential("session sent as a key", keyed(live.text), frozenset(Scope), NOBODY),
        Credential("session that nobody has", cookie("as_" + "A" * 43), frozenset(Scope), NOBODY),
        Credential("link to another dashboard", bearer(link), frozenset()),
    ]


def good_ones(control: ControlStore, tenant: str) -> list[Credential]:
    made = [Credential(f"{kind} key", keyed(control.create_key(tenant, kind).key), SCOPES[kind]) for kind in Kind]
    narrow = control.create_key(tenant, Kind.READ, rules=KeyRules(scopes=frozenset({Scope.SQL_READ})))
    wide = frozenset({Scope.EVENTS_WRITE, Scope.EVENTS_BACKFILL})
    backfill = control.create_key(tenant, Kind.INGEST, rules=KeyRules(scopes=wide))
    signed = control.create_key(tenant, Kind.ADMIN, signed=True)
    assert signed.secret is not None
    made += [
        Credential("key of one scope", keyed(narrow.key), frozenset({Scope.SQL_READ})),
        Credential("key that backfills", bearer(backfill.key), wide),
        Credential("key that signs", signing(signed.key, signed.secret, seconds()), frozenset(Scope)),
        Credential("token of all scopes", bearer(token(tenant, " ".join(Scope))), frozenset(Scope)),
    ]
    made += [Credential(f"token of {scope}", bearer(token(tenant, scope)), frozenset({scope})) for scope in Scope]
    return made


async def prepare(world: World, name: str) -> None:
    """Gives a tenant one of everything."""
    tenant = f"{name}{uuid.uuid4().hex[:12]}"
    admin = keyed(world.control.create_key(tenant, Kind.ADMIN).key)
    event_name, session, user = f"{name}.sold", f"s-{name}-{uuid.uuid4().hex}", f"u-{name}-{uuid.uuid4().hex}"
    sent = event(event_name="page_view", session_id=session, user_id=user, attributes={"page": f"/{session}"})
    broken = event(event_name=event_name, session_id=session, attributes={"price": "much"})
    schema = {
        "$id": f"auricle:acme/{event_name}/jsonschema/1-0-0",
        "type": "object",
        "properties": {"price": {"type": "number"}},
    }
    kept = world.control.create_key(tenant, Kind.READ, label=f"kept of {name}")

    async def good(method: str, path: str, body: Any, status: int) -> None:
        answer = await ask(world.app, Asked(method, path, "", body, admin(b"")))
        assert answer.status == status, answer

    await good("POST", f"{API}/schemas", {"schema": schema}, 201)
    await good("POST", f"{API}/events", sent, 202)
    await good("POST", f"{API}/events", event(user_id=user, context={"consent": {"analytics": False}}), 202)
    await good("POST", f"{API}/events", broken, 422)
    listed = await ask(world.app, Asked("GET", f"{API}/inbox/events", headers=admin(b"")))
    (failed,) = orjson.loads(listed.body)["events"]
    body = {"session_id": f"s-{name}-gone"}
    gone = await ask(world.app, Asked("POST", f"{API}/subjects/erase", "", body, admin(b"")))
    made = await ask(world.app, Asked("GET", "/export/training-data", headers=admin(b"")))
    await good("PUT", f"{API}/metrics/attempt.ak_{name[:4]}", {"event": event_name}, 201)
    person = UserStore(world.engine).create(tenant, "kept", PASSWORD, Kind.READ, actor="test")
    widget = {"title": session, "chart": "line", "report": "timeseries", "ask": {"metric": "events.count"}}
    shown, other = (DashboardStore(world.engine).create(tenant, f"of {name}", [widget], actor="test") for _ in range(2))
    link, _ = LinkStore(world.engine).create(tenant, shown.id, datetime.now(UTC) + timedelta(days=1), actor="test")
    note = AnnotationStore(world.engine).create(tenant, datetime.now(UTC), f"of {name}", actor="test")
    ordered = await ask(world.app, Asked("POST", f"{API}/exports", "", {"period": "24h"}, admin(b"")))
    job = orjson.loads(ordered.body)["id"]
    await good("DELETE", f"{API}/exports/{job}", None, 200)
    world.things[name] = Things(
        tenant,
        sent["event_id"],
        event_name,
        kept.id,
        failed["id"],
        f"jti-{name}",
        session,
        user,
        orjson.loads(gone.body)["id"],
        made.headers["x-export-id"],
        person.id,
        shown.id,
        link.id,
        note.id,
        job,
    )
    world.credentials[name] = [
        *bad_ones(world.control, world.revoked, tenant),
        *good_ones(world.control, tenant),
        *browsers(world.engine, tenant, other.id),
    ]


async def state(world: World, name: str) -> dict[str, Any]:
    """What a tenant has, as its own administrator sees it."""
    admin = next(one for one in world.credentials[name] if one.name == "admin key").headers(b"")
    of = world.things[name]
    paths = (
        "/stats",
        "/admin/options",
        "/consents",
        "/schemas",
        "/inbox",
        "/inbox/events",
        "/admin/keys",
        "/admin/users",
        "/dashboards",
        f"/dashboards/{of.dashboard_id}/links",
        "/annotations",
        f"/schemas/{of.event_name}",
    )
    told = {}
    for path in paths:
        answer = await ask(world.app, Asked("GET", API + path, headers=admin))
        assert answer.status == 200, answer
        told[path] = orjson.loads(answer.body)
    for key in told["/admin/keys"]["keys"]:
        key.pop("last_used_at")
    for user in told["/admin/users"]["users"]:
        user.pop("last_login_at")
    return told


async def drained(world: World, name: str) -> None:
    """Returns when all that a tenant sent is visible."""
    async with asyncio.timeout(30):
        while (await state(world, name))["/stats"]["waiting"]:
            await asyncio.sleep(0.05)


def nothing_of(mine: Things) -> Things:
    """The same places filled with what nobody has; of the same lengths, so that answers may be compared."""
    return replace(
        mine,
        tenant="nobody" + mine.tenant[6:][::-1],
        event_id=str(uuid.uuid4()),
        event_name="none" + mine.event_name[4:],
        key_id=str(uuid.uuid4()),
        erasure_id=str(uuid.uuid4()),
        export_id=str(uuid.uuid4()),
        job_id=str(uuid.uuid4()),
        failed_id=mine.failed_id + 1_000_000,
        session="s-none-" + uuid.uuid4().hex,
        user="u-none-" + uuid.uuid4().hex,
        jti="jti-none",
        user_id=str(uuid.uuid4()),
        dashboard_id=str(uuid.uuid4()),
        link_id=str(uuid.uuid4()),
        annotation_id=str(uuid.uuid4()),
    )


def plain(body: bytes, *all_things: Things) -> bytes:
    """A body with what it repeats of the request, and what is another each time, taken out."""
    for things in all_things:
        for text in (*things.marks, things.jti):
            body = body.replace(text.encode(), b"*")
    body = re.sub(rb"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", b"*", body)
    body = re.sub(rb"\d{4}-\d\d-\d\dT[0-9:.]+(Z|[+]00:00)", b"*", body)
    return re.sub(rb'ak_[\w-]+|"(rows_read|waiting|ms|as_of|hash|id)":[^,}]+', b"*", body)


async def attempt(world: World, way: tuple[str, str], row: Row | None, who: tuple[str, Credential]) -> Attempt:
    """One request that names what is mine; by the other tenant, once more with what does not exist."""
    (method, path), (name, credential), mine = way, who, world.things["mine"]

    named = b""

    async def once(of: Things) -> Answer:
        nonlocal named
        body = row.body(of) if row is not None and row.body is not None and method != "HEAD" else None
        raw = b"" if body is None else orjson.dumps(body)
        query = row.query(of) if row is not None else ""
        headers = {**(row.headers if row is not None else {}), **credential.headers(raw)}
        asked = Asked(method, filled(path, of), query, None if body is None else raw, headers)
        named = named or f"{asked.path}{query}".encode() + raw
        if method == "WEBSOCKET":
            return Answer(await open_socket(world.app, replace(asked, method="GET")), {}, b"")
        return await ask(world.app, asked)

    of = mine
    if row is not None and row.spends and name == "mine" and allowed_by(row, credential):
        of = spendable(world, mine, path)
    answer = await once(of)
    unknown = None
    naming = row is not None and (row.names or "{" in path)
    if name == "theirs" and naming and credential.refused is None:
        other = nothing_of(mine)
        told = await once(other)
        unknown = (told.status, plain(told.body, other, mine, world.things["theirs"]))
    return Attempt(method, path, name, credential, row, answer.status, answer.body, named, unknown)


def allowed_by(row: Row, credential: Credential) -> bool:
    return credential.refused is None and bool(row.scopes & credential.scopes)


def spendable(world: World, mine: Things, path: str) -> Things:
    """The same, with what the path names made for this attempt alone."""
    end = datetime.now(UTC) + timedelta(days=1)
    if "{key_id}" in path:
        return replace(mine, key_id=world.control.create_key(mine.tenant, Kind.READ, label="spent").id)
    if "{name}" in path:
        MetricStore(world.engine).keep(mine.tenant, OwnMetric("attempt.ak_mine"), actor="matrix")
    if "{user_id}" in path:
        user = UserStore(world.engine).create(mine.tenant, uuid.uuid4().hex, PASSWORD, Kind.READ, actor="test")
        return replace(mine, user_id=user.id)
    if "{annotation_id}" in path:
        note = AnnotationStore(world.engine).create(mine.tenant, datetime.now(UTC), "spent", actor="test")
        return replace(mine, annotation_id=note.id)
    if "{link_id}" in path:
        link, _ = LinkStore(world.engine).create(mine.tenant, mine.dashboard_id, end, actor="test")
        return replace(mine, link_id=link.id)
    if "{dashboard_id}" in path:
        return replace(mine, dashboard_id=DashboardStore(world.engine).create(mine.tenant, "x", [], actor="t").id)
    return mine


async def cross(world: World) -> None:
    """Their administrator sends everything that is sent, and says in it that the tenant is mine."""
    mine = world.things["mine"]
    admin = next(one for one in world.credentials["theirs"] if one.name == "admin key").headers(b"")
    claim = {"tenant_id": mine.tenant}
    for (method, path), row in ROWS.items():
        body = row.body(mine) if row.body is not None else None
        if isinstance(body, dict):
            body = {"events": [{**each, **claim} for each in body["events"]]} if "events" in body else body | claim
            asked = Asked(method, filled(path, world.things["theirs"]), row.query(mine), body, admin)
            if not row.spends:
                world.crossed[path] = await ask(world.app, asked)


async def try_everything(world: World) -> None:
    """Everything by the other tenant and by whoever must not, then by whoever may."""
    paths = sorted({path for method, path in ROWS if method != "WEBSOCKET"})
    patterns = [(method, compile_path(path)[0]) for method, path in ROWS]

    def known(method: str, path: str) -> bool:
        concrete, asked = filled(path, world.things["mine"]), "GET" if method == "HEAD" else method
        return any(each == asked and pattern.match(concrete) for each, pattern in patterns)

    ways: list[tuple[tuple[str, str], Row | None]] = list(ROWS.items())
    heads = {path for method, path in declared(world.app) if method == "HEAD"}
    ways += [(("HEAD", path), row) for (method, path), row in ROWS.items() if method == "GET" and path in heads]
    ways += [((method, path), None) for path in paths for method in METHODS if not known(method, path)]
    for name in ("theirs", "mine"):
        refused = [each for each in world.credentials[name] if each.refused is not None]
        good = [each for each in world.credentials[name] if each.refused is None]
        for credential in (*refused, *good):
            if credential.name == "key that signs":
                # Each of its requests takes a second of its own, of which there are some four hundred.
                ways_of_it = [each for each in ways if each[1] is not None and each[0][0] != "HEAD"]
            else:
                ways_of_it = ways
            if name == "mine" and credential is good[0]:
                world.after = await state(world, "mine")
            for way, row in ways_of_it:
                world.attempts.append(await attempt(world, way, row, (name, credential)))


async def play(folder: Path) -> World:
    settings = Settings(
        data=folder, jwt_secret_key=SecretStr(SECRET), failed_logins_per_minute=0, allowed_origins="https://a.example"
    )
    engine = open_database(settings)
    world = World(composition.build(settings), engine, ControlStore(engine), TokenStore(engine))
    async with living(world.app):
        for name in TENANTS:
            await prepare(world, name)
        for name in TENANTS:
            await drained(world, name)
        world.before = await state(world, "mine")
        await cross(world)
        await try_everything(world)
    engine.dispose()
    return world


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return asyncio.run(play(tmp_path_factory.mktemp("matrix")))


def wrong(world: World, *, by: Callable[[Attempt], bool], good: Callable[[Attempt], bool]) -> list[str]:
    """The attempts of a kind that did not end as they should; there must be some of that kind."""
    chosen = [each for each in world.attempts if by(each)]
    assert chosen
    return [each.told() for each in chosen if not good(each)][:10]


def allowed(each: Attempt) -> bool:
    return each.row is not None and bool(each.row.scopes & each.credential.scopes)


def test_there_are_ten_thousand_attempts(world: World) -> None:
    assert len(world.attempts) >= 10_000
    distinct = Counter((each.method, each.path, each.tenant, each.credential.name) for each in world.attempts)
    assert max(distinct.values()) == 1


def test_a_bad_credential_opens_nothing(world: World) -> None:
    def good(each: Attempt) -> bool:
        if each.method == "WEBSOCKET":
            return each.status == 1008
        return each.status == each.credential.refused

    assert not wrong(
        world,
        by=lambda each: each.credential.refused is not None and each.row is not None and each.row.scopes != PUBLIC,
        good=good,
    )


def test_what_is_open_to_all_is_open_and_shows_no_tenant(world: World) -> None:
    marks = [mark.encode() for name in TENANTS for mark in world.things[name].marks]
    assert not wrong(
        world,
        by=lambda each: each.row is not None and each.row.scopes == PUBLIC,
        good=lambda each: each.status == 200 and not any(mark in each.body for mark in marks),
    )


def test_a_scope_that_is_lacking_opens_nothing(world: World) -> None:
    assert not wrong(
        world,
        by=lambda each: (
            each.credential.refused is None and each.row is not None and each.row.scopes != PUBLIC and not allowed(each)
        ),
        good=lambda each: each.status == (1008 if each.method == "WEBSOCKET" else 403),
    )


def test_a_scope_opens_its_routes(world: World) -> None:
    """Else the attempts that are refused would prove nothing."""

    def good(each: Attempt) -> bool:
        if each.method == "WEBSOCKET":
            # A socket is opened by what is no cookie and needs no signature.
            shut = each.credential.name == "key that signs" or each.credential.name.startswith("session")
            return each.status == (1008 if shut else 101)
        return each.row is not None and each.status == each.row.status

    assert not wrong(
        world, by=lambda each: each.tenant == "mine" and each.credential.refused is None and allowed(each), good=good
    )


def test_nothing_of_mine_is_shown_to_them(world: World) -> None:
    marks = [mark.encode() for mark in world.things["mine"].marks]

    def good(each: Attempt) -> bool:
        # What the request itself names may be repeated; nothing else of mine, and no status that tells.
        return not any(mark in each.body for mark in marks if mark not in each.named)

    assert not wrong(world, by=lambda each: each.tenant == "theirs", good=good)


def test_what_is_mine_is_for_them_what_does_not_exist(world: World) -> None:
    both = tuple(world.things.values())

    def good(each: Attempt) -> bool:
        assert each.unknown is not None
        return (each.status, plain(each.body, *both)) == each.unknown

    assert not wrong(world, by=lambda each: each.unknown is not None, good=good)


def test_nobody_is_another_tenant_by_saying_so(world: World) -> None:
    told = {path.removeprefix(API): answer for path, answer in world.crossed.items()}
    reports = [answer.status for path, answer in told.items() if path.startswith("/reports")]
    assert len(reports) >= 8
    assert set(reports) == {403}
    assert {told[path].status for path in ("/events", "/datapoints/{dataset}")} == {403}
    assert orjson.loads(told["/events/batch"].body)["accepted"] == 0
    others = [mark.encode() for mark in world.things["mine"].marks]
    assert not [path for path, answer in told.items() if any(mark in answer.body for mark in others)]


def test_nothing_of_mine_was_changed_by_them_or_without_a_right(world: World) -> None:
    assert world.after == world.before


def test_no_method_that_is_not_declared_does_anything(world: World) -> None:
    assert not wrong(
        world, by=lambda each: each.row is None, good=lambda each: each.status in (400, 401, 403, 404, 405)
    )


def test_no_attempt_is_a_fault_of_ours(world: World) -> None:
    assert not wrong(world, by=lambda each: True, good=lambda each: each.status < 500 or each.method == "WEBSOCKET")
