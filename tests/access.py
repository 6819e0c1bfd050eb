"""Who may use each route: one row for every method and path of the application, and how to ask there.

Whoever adds a route adds its row: `tests/architecture/test_access.py` fails without, and `tests/edge/test_matrix.py`
tries the route with every kind of credential of two tenants.
"""

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from starlette.routing import Route, WebSocketRoute

from auricle.model.principal import Scope
from running import event

API = "/api/v1/analytics"
PASSWORD = "long enough for all"
OWN_PAGE = {"X-Auricle-Page": "1"}
PUBLIC: frozenset[Scope] = frozenset()
WRITE, BACKFILL, READ, SQL, EXPORT, SCHEMAS, PRIVACY, ADMIN = Scope


@dataclass(frozen=True)
class Things:
    """What a tenant has, to be named in paths, queries and bodies."""

    tenant: str
    event_id: str
    event_name: str
    key_id: str
    failed_id: int
    jti: str
    session: str
    user: str
    erasure_id: str
    export_id: str
    user_id: str
    """One who logs in by a password."""
    dashboard_id: str
    link_id: str
    annotation_id: str
    job_id: str

    @property
    def marks(self) -> tuple[str, ...]:
        """Texts that stand in nothing but what belongs to this tenant."""
        return (
            self.tenant,
            self.event_id,
            self.event_name,
            self.key_id,
            self.session,
            self.user,
            self.erasure_id,
            self.export_id,
            self.user_id,
            self.dashboard_id,
            self.link_id,
            self.annotation_id,
            self.job_id,
        )


@dataclass(frozen=True)
class Row:
    """Who may use a method of a path, and a request that succeeds there."""

    scopes: frozenset[Scope]
    """One of them is needed; none at all for what is open to everybody."""
    body: Callable[[Things], Any] | None = None
    """The body of a request; a fresh one each time it is called."""
    query: Callable[[Things], str] = lambda _: ""
    status: int = 200
    """What an administrator of the tenant is answered."""
    names: bool = False
    """Whether its body names something of the tenant; that a path does can be seen."""
    spends: bool = False
    """Whether it uses up what it names, so that each attempt that may succeed needs a fresh one."""
    headers: Mapping[str, str] = field(default_factory=dict)


def _any(*scopes: Scope) -> frozenset[Scope]:
    return frozenset(scopes)


def _view() -> dict[str, Any]:
    return event(session_id="s-attempt", attributes={"page": "/attempt"})


def _voice(_: Things) -> dict[str, Any]:
    return {
        "event_type": "voice_query",
        "timestamp": event()["occurred_at"],
        "store_id": "shop",
        "session_id": "s-attempt",
        "query_id": str(uuid.uuid4()),
        "query_text": "where is the milk",
        "query_source": "voice",
    }


def _item(_: Things) -> list[dict[str, Any]]:
    told = {"ts": event()["occurred_at"], "user_id": "u", "type": "page_view", "src": "web", "payload": {"page": "/x"}}
    return [told]


def _schema(_: Things) -> dict[str, Any]:
    return {"dry_run": True, "schema": {"$id": "auricle:acme/attempt.made/jsonschema/1-0-0", "type": "object"}}


def _report(**asked: Any) -> Row:
    return Row(_any(READ), lambda _: {"period": "24h", **asked})


def _asked(query: str) -> Row:
    return Row(_any(READ), query=lambda _: "?period=24h" + query)


def _dashboard(_: Things) -> dict[str, Any]:
    widget = {"title": "Events", "chart": "line", "report": "timeseries", "ask": {"metric": "events.count"}}
    return {"name": "attempt", "widgets": [widget]}


def _annotation(_: Things) -> dict[str, Any]:
    return {"at": event()["occurred_at"], "text": "attempt"}


def _person(_: Things) -> dict[str, Any]:
    return {"name": f"attempt {uuid.uuid4().hex}", "password": PASSWORD, "role": "read"}


def _health() -> Row:
    return Row(PUBLIC)


ROWS: Mapping[tuple[str, str], Row] = {
    ("POST", f"{API}/events"): Row(_any(WRITE), lambda _: _view(), status=202),
    ("POST", f"{API}/events/batch"): Row(_any(WRITE), lambda _: {"events": [_view(), _view()]}, status=202),
    ("GET", f"{API}/events/{{event_id}}/fate"): Row(_any(WRITE, READ)),
    ("POST", "/ingest"): Row(_any(WRITE), _voice, status=202),
    ("POST", "/api/analytics/ingest"): Row(_any(WRITE), _item),
    ("POST", f"{API}/datapoints/{{dataset}}"): Row(_any(WRITE), lambda _: {"blobs": ["x"], "doubles": [1]}, status=202),
    ("POST", "/v1/traces"): Row(_any(WRITE), lambda _: {"resourceSpans": []}),
    ("POST", "/v1/logs"): Row(_any(WRITE), lambda _: {"resourceLogs": []}),
    ("WEBSOCKET", f"{API}/events/stream"): Row(_any(WRITE)),
    ("GET", f"{API}/schemas"): Row(_any(WRITE, READ, SCHEMAS)),
    ("POST", f"{API}/schemas"): Row(_any(SCHEMAS), _schema),
    ("POST", f"{API}/schemas/validate"): Row(_any(WRITE, READ, SCHEMAS), lambda _: _view()),
    ("GET", f"{API}/schemas/{{event_name}}"): Row(_any(WRITE, READ, SCHEMAS)),
    ("PATCH", f"{API}/schemas/{{event_name}}"): Row(_any(SCHEMAS), lambda _: {"mode": "observe"}),
    ("GET", f"{API}/schemas/{{event_name}}/{{version}}"): Row(_any(WRITE, READ, SCHEMAS)),
    ("POST", f"{API}/schemas/{{event_name}}/trial"): Row(_any(READ, SCHEMAS)),
    ("GET", f"{API}/inbox"): Row(_any(READ, SCHEMAS)),
    ("GET", f"{API}/inbox/events"): Row(_any(READ, SCHEMAS)),
    ("POST", f"{API}/inbox/replay"): Row(_any(SCHEMAS), lambda of: {"ids": [of.failed_id]}, names=True),
    ("POST", f"{API}/inbox/discard"): Row(_any(SCHEMAS), lambda of: {"ids": [of.failed_id]}, names=True),
    ("GET", f"{API}/admin/keys"): Row(_any(ADMIN)),
    ("POST", f"{API}/admin/keys"): Row(_any(ADMIN), lambda _: {"kind": "ingest", "label": "attempt"}, status=201),
    ("GET", f"{API}/admin/keys/{{key_id}}"): Row(_any(ADMIN)),
    ("PATCH", f"{API}/admin/keys/{{key_id}}"): Row(_any(ADMIN), lambda _: {"label": "attempt"}, spends=True),
    ("DELETE", f"{API}/admin/keys/{{key_id}}"): Row(_any(ADMIN), spends=True),
    ("POST", f"{API}/admin/keys/{{key_id}}/rotate"): Row(_any(ADMIN), lambda _: {}, status=201, spends=True),
    ("POST", f"{API}/admin/tokens/revoke"): Row(_any(ADMIN), lambda of: {"jti": of.jti}, names=True),
    ("GET", f"{API}/admin/tenants"): Row(_any(ADMIN)),
    ("GET", f"{API}/admin/tenants/{{tenant}}"): Row(_any(ADMIN)),
    ("GET", f"{API}/admin/audit"): Row(_any(ADMIN)),
    ("GET", f"{API}/admin/users"): Row(_any(ADMIN)),
    ("POST", f"{API}/admin/users"): Row(_any(ADMIN), _person, status=201),
    ("PATCH", f"{API}/admin/users/{{user_id}}"): Row(_any(ADMIN), lambda _: {"password": PASSWORD}),
    ("DELETE", f"{API}/admin/users/{{user_id}}"): Row(_any(ADMIN), spends=True),
    ("POST", f"{API}/session"): Row(
        PUBLIC, lambda of: {"tenant": of.tenant, "name": "kept", "password": PASSWORD}, headers=OWN_PAGE
    ),
    ("GET", f"{API}/session"): Row(_any(*Scope)),
    ("POST", f"{API}/session/renew"): Row(_any(*Scope)),
    ("DELETE", f"{API}/session"): Row(_any(*Scope)),
    ("GET", f"{API}/dashboards"): Row(_any(READ)),
    ("POST", f"{API}/dashboards"): Row(_any(ADMIN), _dashboard, status=201, spends=True),
    ("GET", f"{API}/dashboards/{{dashboard_id}}"): Row(_any(READ)),
    ("PUT", f"{API}/dashboards/{{dashboard_id}}"): Row(_any(ADMIN), _dashboard, spends=True),
    ("DELETE", f"{API}/dashboards/{{dashboard_id}}"): Row(_any(ADMIN), spends=True),
    ("GET", f"{API}/dashboards/{{dashboard_id}}/widgets/{{number}}"): Row(_any(READ)),
    ("GET", f"{API}/dashboards/{{dashboard_id}}/links"): Row(_any(ADMIN)),
    ("POST", f"{API}/dashboards/{{dashboard_id}}/links"): Row(_any(ADMIN), lambda _: {}, status=201),
    ("DELETE", f"{API}/dashboards/{{dashboard_id}}/links/{{link_id}}"): Row(_any(ADMIN), spends=True),
    ("GET", f"{API}/annotations"): Row(_any(READ)),
    ("POST", f"{API}/annotations"): Row(_any(ADMIN), _annotation, status=201),
    ("DELETE", f"{API}/annotations/{{annotation_id}}"): Row(_any(ADMIN), spends=True),
    ("GET", f"{API}/consents"): Row(_any(PRIVACY, READ)),
    ("POST", f"{API}/consents/find"): Row(_any(PRIVACY), lambda of: {"user_id": of.user}, names=True),
    ("GET", f"{API}/admin/options"): Row(_any(ADMIN)),
    ("PATCH", f"{API}/admin/options"): Row(_any(ADMIN), lambda _: {"deny_events": ["nothing.of_it"]}),
    ("GET", f"{API}/admin/retention"): Row(_any(ADMIN)),
    ("GET", f"{API}/admin/retention/preview"): Row(_any(ADMIN)),
    ("POST", f"{API}/admin/retention/run"): Row(_any(ADMIN), lambda _: {}, status=202),
    ("POST", f"{API}/subjects/find"): Row(_any(PRIVACY), lambda of: {"user_id": of.user}, names=True),
    ("POST", f"{API}/subjects/export"): Row(_any(PRIVACY), lambda of: {"user_id": of.user}, names=True),
    ("POST", f"{API}/subjects/erase"): Row(_any(PRIVACY), lambda _: {"session_id": "s-nobodys"}, status=202),
    ("GET", f"{API}/subjects/erasures"): Row(_any(PRIVACY)),
    ("GET", f"{API}/subjects/erasures/{{erasure_id}}"): Row(_any(PRIVACY)),
    ("GET", f"{API}/subjects/suppressions"): Row(_any(PRIVACY)),
    ("DELETE", f"{API}/subjects/suppressions/{{erasure_id}}"): Row(_any(PRIVACY)),
    ("GET", f"{API}/evaluations"): Row(_any(READ, ADMIN)),
    ("GET", f"{API}/prices"): Row(_any(READ, SCHEMAS)),
    ("PUT", f"{API}/prices"): Row(_any(SCHEMAS), lambda _: {"prices": [{"model": "m*", "input": "0.25"}]}),
    ("POST", f"{API}/evaluations/preview"): Row(_any(ADMIN), lambda _: {"period": "24h"}),
    ("POST", f"{API}/evaluations/backfill"): Row(_any(ADMIN), lambda _: {"period": "24h"}),
    ("GET", f"{API}/evaluations/rubrics"): Row(_any(READ, ADMIN)),
    ("POST", f"{API}/evaluations/rubrics"): Row(_any(ADMIN), lambda _: {"name": "polite", "question": "?"}),
    ("GET", f"{API}/evaluations/next"): Row(_any(ADMIN), query=lambda _: "?who=anna"),
    ("POST", f"{API}/evaluations/skip"): Row(_any(ADMIN), lambda _: {"query_id": "q-nobodys", "who": "anna"}),
    ("POST", f"{API}/evaluations/scores"): Row(
        _any(ADMIN), lambda _: {"query_id": "q-nobodys", "who": "anna", "scores": {"overall": 3}}, status=404
    ),
    ("POST", f"{API}/evaluations/agreement"): Row(_any(READ), lambda _: {"period": "24h"}),
    ("POST", f"{API}/evaluations/run"): Row(_any(ADMIN)),
    ("POST", f"{API}/evaluations/resume"): Row(_any(ADMIN)),
    ("GET", f"{API}/stats"): Row(_any(WRITE, READ, ADMIN)),
    ("GET", "/metrics"): Row(_any(READ, ADMIN)),
    ("GET", f"{API}/reports/metrics"): Row(_any(READ)),
    ("GET", f"{API}/metrics"): Row(_any(READ, SCHEMAS)),
    ("PUT", f"{API}/metrics/{{name}}"): Row(_any(SCHEMAS), lambda _: {"event": "page_view"}, spends=True),
    ("DELETE", f"{API}/metrics/{{name}}"): Row(_any(SCHEMAS), spends=True),
    ("POST", f"{API}/reports/timeseries"): _report(metric="events.count", grain="1h", breakdown="event_name"),
    ("GET", f"{API}/reports/timeseries"): _asked("&metric=events.count&grain=1h"),
    ("POST", f"{API}/reports/funnel"): _report(steps=["page_view", "button_click"], by="session"),
    ("POST", f"{API}/reports/retention"): _report(cohort="page_view", grain="1d", periods=2, **{"return": "page_view"}),
    ("POST", f"{API}/reports/active"): _report(),
    ("GET", f"{API}/reports/active"): _asked(""),
    ("POST", f"{API}/reports/top"): _report(field="session_id", limit=50),
    ("GET", f"{API}/reports/top"): _asked("&field=user_id"),
    ("GET", f"{API}/reports/daily"): Row(_any(READ)),
    ("POST", f"{API}/reports/sessions"): _report(grain="1d"),
    ("GET", f"{API}/reports/sessions"): _asked("&grain=1d"),
    ("POST", f"{API}/reports/paths"): _report(event="page_view", direction="after", depth=2),
    ("POST", f"{API}/reports/interactions"): _report(),
    ("GET", f"{API}/reports/interactions"): _asked(""),
    ("GET", "/stats/summary"): _asked(""),
    ("GET", "/stats/top-queries"): _asked("&limit=50"),
    ("GET", "/stats/unanswered"): _asked("&limit=50"),
    ("GET", "/stats/hourly"): _asked(""),
    ("GET", "/metrics/realtime"): Row(_any(READ)),
    ("GET", "/metrics/costs"): Row(_any(READ)),
    ("GET", "/api/analytics/reports/dau"): Row(_any(READ)),
    ("POST", f"{API}/exports"): Row(_any(EXPORT), lambda _: {"period": "24h", "format": "jsonl"}, status=202),
    ("GET", f"{API}/exports"): Row(_any(EXPORT)),
    ("GET", f"{API}/exports/{{job_id}}"): Row(_any(EXPORT)),
    ("DELETE", f"{API}/exports/{{job_id}}"): Row(_any(EXPORT)),
    ("GET", f"{API}/exports/{{job_id}}/file"): Row(_any(EXPORT), status=404),  # the job is cancelled
    ("GET", f"{API}/exports/events"): Row(_any(EXPORT), query=lambda _: "?period=24h&format=jsonl"),
    ("GET", "/export/training-data"): Row(_any(EXPORT), query=lambda _: "?period=24h"),
    ("GET", f"{API}/exports/training-data"): Row(_any(EXPORT), query=lambda _: "?period=24h&format=gemini"),
    ("GET", f"{API}/exports/training"): Row(_any(EXPORT)),
    ("GET", f"{API}/exports/training/{{export_id}}"): Row(_any(EXPORT)),
    ("GET", "/api/analytics/reports/events"): Row(_any(EXPORT), query=lambda _: "?period=24h&format=csv"),
    ("POST", f"{API}/sql"): Row(_any(SQL), lambda _: {"query": "SELECT * FROM events"}),
    ("POST", "/client/v4/accounts/{account}/analytics_engine/sql"): Row(
        _any(SQL), lambda _: {"query": "SHOW TABLES FORMAT CSV"}
    ),
    ("GET", "/"): _health(),
    ("GET", "/sdk/auricle.js"): _health(),
    ("GET", "/assets/{part}"): _health(),
    ("GET", "/healthz"): _health(),
    ("GET", "/health"): _health(),
    ("GET", f"{API}/health"): _health(),
    ("GET", "/api/analytics/healthz"): _health(),
    ("GET", f"{API}/events/health"): _health(),
    ("GET", "/readyz"): _health(),
    ("GET", "/openapi.json"): _health(),
    ("GET", "/api/analytics/openapi.json"): _health(),
    ("GET", "/docs"): _health(),
    ("GET", "/api/analytics/docs"): _health(),
    ("GET", "/docs/{asset}"): _health(),
    ("GET", "/api/analytics/docs/{asset}"): _health(),
}
"""Every route there is."""


@dataclass(frozen=True)
class Asked:
    """A request for an in-process application."""

    method: str
    path: str
    query: str = ""
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)


def filled(path: str, of: Things) -> str:
    """A path with the things of a tenant in its places."""
    places = {
        "event_id": of.event_id,
        "event_name": of.event_name,
        "key_id": of.key_id,
        "erasure_id": of.erasure_id,
        "export_id": of.export_id,
        "job_id": of.job_id,
        "tenant": of.tenant,
        "dataset": "clicks",
        "version": "1-0-0",
        "asset": "start.js",
        "account": of.tenant,
        "user_id": of.user_id,
        "dashboard_id": of.dashboard_id,
        "link_id": of.link_id,
        "annotation_id": of.annotation_id,
        "name": f"attempt.ak_{of.event_name[:4]}",
        "number": "0",
        "part": "plain.css",
    }
    return path.format_map(places)


def declared(app: Any) -> set[tuple[str, str]]:
    """Method and path of every route of the application, those of included routers and of the front too."""
    found = {tuple(way) for way in app._hot}
    waiting = list(app._behind.routes)
    while waiting:
        route = waiting.pop()
        if isinstance(route, WebSocketRoute):
            found.add(("WEBSOCKET", route.path))
        elif isinstance(route, Route):
            # NOTE: a route without methods answers any.
            assert route.methods, route.path
            found |= {
                (method, route.path) for method in route.methods if method != "HEAD" or "GET" not in route.methods
            }
        else:
            inner = getattr(route, "original_router", None) or getattr(route, "app", None)
            more = getattr(inner, "routes", None)
            assert more is not None, f"a kind of route that this test cannot look into: {route!r}"
            waiting += more
    return found
