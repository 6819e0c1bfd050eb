"""The door of user SQL, on the running service: both bodies, both addresses, four formats, limits, and who may ask."""

import hashlib
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import quote

import orjson
import pytest

from auricle.model.principal import Kind
from auricle.settings import Settings
from running import Service, event, serving, wait_until

PATH = "/api/v1/analytics/sql"
CLOUDFLARE = "/client/v4/accounts/0123456789abcdef/analytics_engine/sql"


def point(dataset: str, **values: Any) -> dict[str, Any]:
    return event(event_name="datapoint.written", source="server", attributes={"dataset": dataset, **values})


@pytest.fixture
def filled(service: Service, tenant: str) -> str:
    """The read key of a tenant with two points and a page view, while another has some too."""
    other = f"other-{tenant[:20]}"
    mine = [point("requests", blob1="GET", double1=5), point("requests", blob1="POST", double1=7), event()]
    service.send(tenant, mine)
    service.send(other, [point("requests", blob1="SECRET", double1=1), point("theirs", blob1="SECRET")])
    service.drained(tenant)
    service.drained(other)
    return service.key(tenant, Kind.READ)


@pytest.mark.parametrize("path", [PATH, CLOUDFLARE])
@pytest.mark.parametrize("kind", ["application/json", "text/plain", "application/x-www-form-urlencoded", None])
@pytest.mark.parametrize("form", ["raw", "json"])
def test_both_bodies_at_both_addresses(service: Service, filled: str, path: str, kind: str | None, form: str) -> None:
    text = "SELECT blob1 AS method, SUM(double1) AS ms FROM requests GROUP BY method ORDER BY method"
    body = text.encode() if form == "raw" else orjson.dumps({"query": text})
    answer = service.ask("POST", path, body, headers={"Authorization": f"Bearer {filled}", "Content-Type": kind or ""})

    assert answer.status == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.body["data"] == [{"method": "GET", "ms": 5}, {"method": "POST", "ms": 7}]
    assert answer.body["rows"] == 2


@pytest.mark.parametrize(
    ("form", "kind", "body"),
    [
        ("CSV", "text/csv; charset=utf-8", b'"GET",1\n'),
        ("TabSeparated", "text/tab-separated-values; charset=utf-8", b"GET\t1\n"),
        ("JSONEachRow", "application/x-ndjson", b'{"m":"GET","n":1}\n'),
    ],
)
def test_formats_have_their_content_types(service: Service, filled: str, form: str, kind: str, body: bytes) -> None:
    text = f"SELECT blob1 AS m, count() AS n FROM requests WHERE blob1 = 'GET' GROUP BY m FORMAT {form}"
    told = service.client.post(service.url + PATH, content=text, headers={"X-API-Key": filled})
    assert (told.status_code, told.headers["content-type"], told.content) == (200, kind, body)


def test_tables_are_the_tenants(service: Service, filled: str) -> None:
    told = service.ask("POST", PATH, b"SHOW TABLES", filled).body
    assert [row["name"] for row in told["data"]] == ["events", "interactions", "requests", "scores"]
    refused = service.ask("POST", PATH, b"SELECT * FROM theirs", filled)
    assert (refused.status, refused.body["errors"][0]["rule"]) == (422, "sql.table")


@pytest.mark.parametrize(("kind", "status"), [(Kind.INGEST, 403), (Kind.READ, 200), (Kind.ADMIN, 200), (None, 401)])
def test_a_scope_is_needed(service: Service, tenant: str, kind: Kind | None, status: int) -> None:
    for path in (PATH, CLOUDFLARE):
        assert service.ask("POST", path, b"SELECT 1", service.key(tenant, kind) if kind else None).status == status


BAD = {
    b"": (422, "/query"),
    b"   \n": (422, "/query"),
    b"{": (400, None),
    b"{}": (422, "/query"),
    b'{"query": 1}': (422, "/query"),
    b'{"query": ""}': (422, "/query"),
    b'{"query": "SELECT 1", "database": "system"}': (422, "/query"),
    b"SELECT '\xff'": (400, None),
    b"SELECT nosuch FROM events": (422, "/query"),
    b"SELECT '" + b"x" * 30_000 + b"'": (422, "/query"),
    b"SELECT '" + b"x" * 200_000 + b"'": (413, None),
}


@pytest.mark.parametrize("body", BAD, ids=lambda body: repr(body[:30]))
def test_a_wrong_body_is_told_so(service: Service, filled: str, body: bytes) -> None:
    answer = service.ask("POST", PATH, body, filled)
    faults = answer.body.get("errors") or [{"pointer": None}]
    assert (answer.status, faults[0]["pointer"]) == BAD[body]
    assert "nosuch" not in str(answer.body)


def test_only_post_is_spoken(service: Service, filled: str) -> None:
    assert service.ask("GET", PATH, key=filled).status == 405
    assert service.ask("GET", f"{PATH}?query={quote('SELECT 1')}", key=filled).status == 405


def test_settings_of_the_address_reach_nothing(service: Service, filled: str) -> None:
    """ClickHouse takes settings and parameters there; this door does not."""
    path = f"{PATH}?readonly=0&additional_table_filters=%7B%7D&query=SELECT+1&database=system&param_x=1"
    answer = service.ask("POST", path, b"SELECT count() AS n FROM events", filled)
    assert answer.body["data"] == [{"n": 3}]


def test_a_statement_is_in_the_audit_log_by_its_hash(service: Service, tenant: str, filled: str) -> None:
    text = b"SELECT count() FROM requests WHERE blob1 = 'a person'"
    service.ask("POST", PATH, text, filled)
    told = service.ask("GET", "/api/v1/analytics/admin/audit?action=sql.query", key=service.key(tenant, Kind.ADMIN))
    (entry,) = told.body["entries"]
    assert entry["detail"] == {"sha256": hashlib.sha256(text).hexdigest(), "tables": "requests"}
    assert "a person" not in str(told.body)


def test_no_log_line_holds_a_statement(service: Service, filled: str) -> None:
    for text in (b"SELECT a_marked_name FROM events", b"SELECT 'a-marked-text' + 1", b"EXPLAIN a_marked_name"):
        assert service.ask("POST", PATH, text, filled).status == 422
    assert "marked" not in service.log.read_text()


PAIRS = "events a, events b"
TRIPLES = f"{PAIRS}, events c"
GROWN = ", ".join(f"concat(t{n}, t{n}, t{n}, t{n}) AS t{n + 1}" for n in range(12))
LONG = "".join(f", '{old}', '{new * 30}')" for old, new in (("", "x"), ("x", "y"), ("y", "z"), ("z", "q")))
HEAVY = {
    "cross join": f"SELECT count() FROM {TRIPLES}, events d, events e WHERE a.user_id != b.site_id",
    "huge group": f"SELECT count() FROM {TRIPLES} GROUP BY a.event_id, b.event_id, c.event_id",
    "huge list": f"SELECT groupArray(concat(a.attributes, b.attributes, c.attributes)) FROM {TRIPLES}",
    "regex": f"SELECT count() FROM {TRIPLES} WHERE match(concat(a.attributes, b.attributes), '(.*a)*(.*b)*(.*c)*!')",
    "sort": f"SELECT concat(a.attributes, toString(b.event_id)) AS x FROM {TRIPLES} ORDER BY x LIMIT 1",
    "window": f"SELECT sum(length(a.attributes)) OVER (ORDER BY b.event_id, a.event_id) AS x FROM {TRIPLES}",
    "distinct": f"SELECT DISTINCT a.event_id, b.event_id, c.event_id FROM {TRIPLES}",
    "values": f"SELECT (SELECT count() FROM {TRIPLES}, events d), (SELECT max(a.user_id) FROM {TRIPLES}, events d)",
    "rows": f"SELECT a.event_id FROM {TRIPLES}",
    "growing texts": f"WITH 'xxxxxxxxxxxxxxxx' AS t0, {GROWN} SELECT length(t12)",
    "replaced texts": f"SELECT length({'replaceAll(' * 4}attributes{LONG}) FROM events",
}
SECONDS = 2.0


@pytest.mark.slow
def test_heavy_statements_end_at_their_limit_while_ingest_goes_on(tmp_path_factory: pytest.TempPathFactory) -> None:
    settings = Settings(data=tmp_path_factory.mktemp("heavy"))
    limits = {"AURICLE_SQL_SECONDS": str(SECONDS), "AURICLE_SQL_MEMORY": "200000000", "AURICLE_SQL_ROWS": "5000"}
    with serving(settings, limits) as service:
        for _ in range(6):
            service.send("acme", [event(attributes={"page": "/" + "x" * 300}) for _ in range(500)])
        service.drained("acme")
        key = service.key("acme", Kind.READ)
        calm = [_sent(service) for _ in range(100)]

        def ask(text: str) -> tuple[float, int, Any]:
            began = time.monotonic()
            answer = service.ask("POST", PATH, text.encode(), key)
            return time.monotonic() - began, answer.status, answer.body

        with ThreadPoolExecutor(2) as threads:
            running = {name: threads.submit(ask, text) for name, text in HEAVY.items()}
            busy = []
            while not all(one.done() for one in running.values()):
                busy.append(_sent(service))
                time.sleep(0.01)
        told = {name: one.result() for name, one in running.items()}

        # A heavy statement is refused at a limit, or is not so heavy after all; none outlives its time.
        assert {name: status for name, (_, status, _) in told.items() if status not in (200, 422, 504)} == {}
        assert sum(status == 504 for _, status, _ in told.values()) >= 8, told
        assert max(seconds for seconds, _, _ in told.values()) < SECONDS + 1, told
        assert _p95(busy) < max(10 * _p95(calm), 0.25)
        # The engine is whole, and everything that was taken meanwhile is there.
        count = b"SELECT count() AS n FROM events"
        wait_until(lambda: service.stats("acme")["waiting"] == 0, 30.0)
        answer = service.ask("POST", PATH, count, key)
        assert answer.body["data"] == [{"n": 3_000 + len(calm) + len(busy)}]


def _sent(service: Service) -> float:
    began = time.monotonic()
    answer = service.ask("POST", "/api/v1/analytics/events", event(), service.key("acme"))
    assert answer.status == 202, answer
    return time.monotonic() - began


def _p95(seconds: list[float]) -> float:
    return sorted(seconds)[int(len(seconds) * 0.95)]


def test_a_tenant_waits_for_its_own_turn_alone(service: Service, filled: str, tenant: str) -> None:
    """Many at once are all answered or told to come back; another tenant is not held up."""
    with ThreadPoolExecutor(30) as threads:
        asked = [threads.submit(service.ask, "POST", PATH, b"SELECT count() FROM events", filled) for _ in range(30)]
        other = service.ask("POST", PATH, b"SELECT 1", service.key(f"b-{tenant[:20]}", Kind.READ))
        told = [one.result() for one in asked]
    assert other.status == 200
    assert {one.status for one in told} <= {200, 429}
    assert sum(one.status == 200 for one in told) >= 16
    assert all("retry-after" in one.headers for one in told if one.status == 429)
