"""The door of the reports, without an engine: what is asked, what is refused, and how."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import httpx2 as httpx
import orjson
import pytest
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

from auricle.edge.answer import Answers
from auricle.edge.reports import MAX_BODY, MAX_VALUES, PREFIX, router
from auricle.errors import AuricleError
from auricle.intake.schemas import MAX_FAULTS, MAX_POINTER
from auricle.model.principal import Principal, Scope
from auricle.model.query import (
    Active,
    By,
    Direction,
    Filter,
    Funnel,
    Grain,
    Interactions,
    Op,
    Order,
    Paths,
    Query,
    Retention,
    Sessions,
    State,
    Step,
    Timeseries,
    Top,
)
from auricle.model.result import Meta, Result
from auricle.report.cache import Cache
from auricle.report.metrics import METRICS
from auricle.report.plan import planned

NOW = datetime(2025, 11, 1, tzinfo=UTC)
META = Meta("2025-10-01T00:00:00Z", "2025-11-01T00:00:00Z", "2025-11-01T00:00:00Z", 3, {"test": 0}, "SELECT 1")


class Recorder:
    """Takes queries as a runner does, settles them, and answers with a fixed result."""

    def __init__(self) -> None:
        self.queries: list[Query] = []

    async def run(self, query: Query) -> Result:
        self.queries.append(query)
        planned(query)
        return Result({"days": []}, META)


def ask(
    method: str, path: str, scopes: frozenset[Scope] = frozenset({Scope.REPORTS_READ}), **kwargs: Any
) -> tuple[int, Any, list[Query]]:
    """Status, body and the queries that came through."""
    recorder = Recorder()

    async def principal(request: Request) -> Principal:
        return Principal("acme", "key", scopes)

    app = FastAPI()
    app.include_router(router(Answers(recorder, lambda _: None, Cache(0)), principal, lambda _: (), lambda: NOW))

    @app.exception_handler(AuricleError)
    async def told(request: Request, error: AuricleError) -> JSONResponse:
        faults = [fault.as_json() for fault in error.faults]
        return JSONResponse({"code": error.code, "errors": faults}, error.status)

    async def send() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
            return await client.request(method, PREFIX + path, **kwargs)

    answer = asyncio.run(send())
    return answer.status_code, orjson.loads(answer.content), recorder.queries


COMMON = {"report": "active", "tenant_id": "acme", "now": NOW, "ask": Active()}


@pytest.mark.parametrize(
    ("method", "path", "kwargs", "expected"),
    [
        pytest.param("POST", "/active", {"json": {}}, Query(**COMMON), id="nothing said"),
        pytest.param("GET", "/active", {}, Query(**COMMON), id="nothing said, in an address"),
        pytest.param(
            "POST",
            "/timeseries",
            {
                "json": {
                    "tenantId": "acme",
                    "metric": "events.count",
                    "grain": "1h",
                    "from": "2025-10-01T02:00:00+02:00",
                    "to": "2025-10-02T00:00:00.5Z",
                    "tz": "Europe/Berlin",
                    "site_id": "s",
                    "filters": [{"field": "a", "op": "in", "value": [1, "x"]}, {"field": "b", "op": "exists"}],
                    "breakdown": "c",
                    "compare": "previous_period",
                    "include_test": True,
                }
            },
            Query(
                report="timeseries",
                tenant_id="acme",
                now=NOW,
                ask=Timeseries("events.count", Grain.HOUR),
                start=datetime(2025, 10, 1, tzinfo=UTC),
                end=datetime(2025, 10, 2, 0, 0, 0, 500_000, tzinfo=UTC),
                zone="Europe/Berlin",
                site_id="s",
                filters=(
                    Filter("a", Op.IN, (1, "x"), "/filters/0"),
                    Filter("b", Op.EXISTS, None, "/filters/1"),
                ),
                breakdown="c",
                compare=True,
                include_test=True,
            ),
            id="everything said",
        ),
        pytest.param(
            "POST",
            "/retention",
            {"json": {"cohort": "a", "return": {"event": "b"}, "grain": "1d", "periods": 3, "by": "session"}},
            Query(
                report="retention",
                tenant_id="acme",
                now=NOW,
                ask=Retention(Step("a"), Step("b"), Grain.DAY, 3, By.SESSION),
            ),
            id="retention",
        ),
        pytest.param(
            "POST",
            "/retention",
            {"json": {"cohort": {"event": "a", "filters": [{"field": "x", "op": "exists"}]}}},
            Query(
                report="retention",
                tenant_id="acme",
                now=NOW,
                ask=Retention(
                    Step("a", (Filter("x", Op.EXISTS, None, "/cohort/filters/0"),)),
                    Step("a", (Filter("x", Op.EXISTS, None, "/cohort/filters/0"),)),
                    Grain.WEEK,
                    8,
                    By.USER,
                ),
            ),
            id="retention, the same event again",
        ),
        pytest.param(
            "GET",
            "/interactions?states=error&states=pending&limit=5",
            {},
            Query(
                report="interactions",
                tenant_id="acme",
                now=NOW,
                ask=Interactions((State.ERROR, State.PENDING), 5, 3.0),
            ),
            id="interactions",
        ),
        pytest.param(
            "GET",
            "/sessions?grain=1h&gap_minutes=1.5",
            {},
            Query(report="sessions", tenant_id="acme", now=NOW, ask=Sessions(Grain.HOUR, 90_000_000)),
            id="sessions",
        ),
        pytest.param(
            "POST",
            "/paths",
            {"json": {"event": "a", "direction": "before", "depth": 2, "limit": 5, "window": "2h", "by": "session"}},
            Query(
                report="paths",
                tenant_id="acme",
                now=NOW,
                ask=Paths(Step("a"), Direction.BEFORE, 2, 5, 7_200_000_000, By.SESSION),
            ),
            id="paths",
        ),
        pytest.param(
            "POST",
            "/funnel",
            {
                "json": {
                    "steps": ["a", {"event": "b", "filters": [{"field": "x", "op": "gt", "value": 1.5}]}],
                    "window": 90.5,
                    "order": "any",
                    "by": "session",
                }
            },
            Query(
                report="funnel",
                tenant_id="acme",
                now=NOW,
                ask=Funnel(
                    (Step("a"), Step("b", (Filter("x", Op.GT, 1.5, "/steps/1/filters/0"),))),
                    90_500_000,
                    Order.ANY,
                    By.SESSION,
                ),
            ),
            id="a funnel",
        ),
        pytest.param(
            "GET",
            "/top",
            {
                "params": {
                    "field": "url.path",
                    "limit": "3",
                    "fold": "true",
                    "filters": '[{"field":"a","op":"eq","value":"x"}]',
                }
            },
            Query(
                report="top",
                tenant_id="acme",
                now=NOW,
                ask=Top("url.path", 3, True),
                filters=(Filter("a", Op.EQ, "x", "/filters/0"),),
            ),
            id="an address with filters",
        ),
        pytest.param(
            "GET",
            "/timeseries?metric=events.count&grain=1w&filters=%7B%22field%22:%22a%22,%22op%22:%22exists%22%7D"
            "&filters=%7B%22field%22:%22b%22,%22op%22:%22exists%22%7D",
            {},
            Query(
                report="timeseries",
                tenant_id="acme",
                now=NOW,
                ask=Timeseries("events.count", Grain.WEEK),
                filters=(Filter("a", Op.EXISTS, None, "/filters/0"), Filter("b", Op.EXISTS, None, "/filters/1")),
            ),
            id="an address with a filter each",
        ),
    ],
)
def test_a_request_becomes_a_query(method: str, path: str, kwargs: dict[str, Any], expected: Query) -> None:
    status, body, queries = ask(method, path, **kwargs)
    assert (status, body, queries) == (200, {"days": [], "meta": META.as_json()}, [expected])


FUNNEL = {"steps": ["a", "b"]}
SERIES = {"metric": "events.count"}


@pytest.mark.parametrize(
    ("path", "body", "pointer", "rule"),
    [
        pytest.param("/timeseries", {}, "/metric", "missing", id="no metric"),
        pytest.param("/timeseries", {"metric": "nope"}, "/metric", "enum", id="unknown metric"),
        pytest.param("/timeseries", {**SERIES, "grain": "2h"}, "/grain", "enum", id="unknown grain"),
        pytest.param("/timeseries", {**SERIES, "grain": "1m"}, "/grain", "maxPoints", id="too many points"),
        pytest.param("/timeseries", {**SERIES, "more": 1}, "/more", "extra_forbidden", id="unknown member"),
        pytest.param("/active", {"tz": "Mars/Olympus"}, "/tz", "timezone", id="unknown zone"),
        pytest.param("/active", {"tz": "../../etc/passwd"}, "/tz", "timezone", id="a path for a zone"),
        pytest.param("/active", {"tz": "America"}, "/tz", "timezone", id="a folder for a zone"),
        pytest.param("/active", {"tz": "a\0b"}, "/tz", "timezone", id="a zero byte in a zone"),
        pytest.param("/active", {"from": "2025-10-01T00:00:00"}, "/from", "date-time", id="no offset"),
        pytest.param("/active", {"from": "2025-10-01"}, "/from", "date-time", id="a day for a time"),
        pytest.param("/active", {"from": "2025-13-01T00:00:00Z"}, "/from", "date-time", id="thirteenth month"),
        pytest.param("/active", {"from": 1759276800}, "/from", "string_type", id="a number for a time"),
        pytest.param("/active", {"to": "2025-10-01T00:00:00Z"}, "/from", "required", id="to alone"),
        pytest.param("/active", {"from": "2025-12-01T00:00:00Z"}, "/from", "range", id="from after now"),
        pytest.param(
            "/active",
            {"from": "2025-10-01T00:00:00Z", "to": "2025-10-01T00:00:00Z"},
            "/from",
            "range",
            id="an empty range",
        ),
        pytest.param("/active", {"from": "0001-01-01T00:00:00Z"}, "/from", "range", id="before the calendar"),
        pytest.param(
            "/active", {"from": "2025-10-01T00:00:00Z", "to": "9999-12-31T23:59:59-12:00"}, "/from", "range", id="far"
        ),
        pytest.param("/active", {"period": "1w"}, "/period", "period", id="unknown period"),
        pytest.param("/active", {"period": "0d"}, "/period", "period", id="no period"),
        pytest.param("/active", {"period": "99999d"}, "/from", "range", id="a period before the calendar"),
        pytest.param(
            "/active", {"period": "7d", "from": "2025-10-01T00:00:00Z"}, "/period", "period", id="period and from"
        ),
        pytest.param("/active", {"compare": "last_year"}, "/compare", "literal_error", id="unknown comparison"),
        pytest.param("/active", {"breakdown": ""}, "/breakdown", "field", id="no field"),
        pytest.param("/active", {"breakdown": "x" * 600}, "/breakdown", "field", id="a long field"),
        pytest.param("/retention", {"cohort": "a", "grain": "1h"}, "/grain", "literal_error", id="cohorts of hours"),
        pytest.param("/retention", {"cohort": "a", "periods": 61}, "/periods", "range", id="many periods"),
        pytest.param(
            "/retention", {"cohort": "a", "grain": "1d", "period": "900d"}, "/grain", "maxPoints", id="cohorts"
        ),
        pytest.param(
            "/retention",
            {"cohort": "a", "return": {"event": "b", "filters": [{"field": "", "op": "exists"}]}},
            "/return/filters/0/field",
            "field",
            id="a filter of the return event",
        ),
        pytest.param("/interactions", {"limit": 0}, "/limit", "range", id="no interactions"),
        pytest.param("/interactions", {"breakdown": "x"}, "/breakdown", "unsupported", id="interactions by a field"),
        pytest.param("/interactions", {"states": ["lost"]}, "/states/0", "enum", id="an unknown state"),
        pytest.param("/sessions", {"gap_minutes": 0}, "/gap_minutes", "range", id="no gap"),
        pytest.param("/sessions", {"gap_minutes": 1e300}, "/gap_minutes", "range", id="an endless gap"),
        pytest.param("/sessions", {"grain": "1m", "period": "30d"}, "/grain", "maxPoints", id="many sessions' points"),
        pytest.param("/paths", {"event": "a", "depth": 11}, "/depth", "range", id="a deep path"),
        pytest.param("/paths", {"event": "a", "limit": 0}, "/limit", "range", id="no paths"),
        pytest.param("/paths", {"event": "a", "window": "32d"}, "/window", "window", id="a wide window"),
        pytest.param("/paths", {"event": "a", "breakdown": "b"}, "/breakdown", "unsupported", id="paths broken down"),
        pytest.param("/active", {"filters": {}}, "/filters", "list_type", id="filters are no list"),
        pytest.param("/active", {"filters": [1]}, "/filters/0", "model_attributes_type", id="a filter is no object"),
        pytest.param(
            "/active",
            {"filters": [{"field": "a", "op": "like", "value": "x"}]},
            "/filters/0/op",
            "enum",
            id="unknown operation",
        ),
        pytest.param(
            "/active", {"filters": [{"field": "a", "op": "eq"}]}, "/filters/0/value", "type", id="nothing to compare"
        ),
        pytest.param(
            "/active",
            {"filters": [{"field": "a", "op": "in", "value": "x"}]},
            "/filters/0/value",
            "type",
            id="in is no list",
        ),
        pytest.param(
            "/active",
            {"filters": [{"field": "a", "op": "in", "value": []}]},
            "/filters/0/value",
            "filter",
            id="in of nothing",
        ),
        pytest.param(
            "/active",
            {"filters": [{"field": "a", "op": "gt", "value": True}]},
            "/filters/0/value",
            "filter",
            id="above true",
        ),
        pytest.param(
            "/active",
            {"filters": [{"field": "a", "op": "eq", "value": 10**30}]},
            "/filters/0/value",
            "filter",
            id="a huge number",
        ),
        pytest.param(
            "/active",
            {"filters": [{"field": "a", "op": "contains", "value": 1}]},
            "/filters/0/value",
            "filter",
            id="contains a number",
        ),
        pytest.param(
            "/active",
            {"filters": [{"field": "occurred_at", "op": "gt", "value": "noon"}]},
            "/filters/0/value",
            "date-time",
            id="no time",
        ),
        pytest.param(
            "/active", {"filters": [{"field": "a", "op": "exists"}] * 51}, "/filters", "maxItems", id="many filters"
        ),
        pytest.param("/funnel", {"steps": ["a"]}, "/steps", "items", id="one step"),
        pytest.param("/funnel", {"steps": ["a"] * 11}, "/steps", "items", id="eleven steps"),
        pytest.param("/funnel", {"steps": ["a", 1]}, "/steps/1", "model_attributes_type", id="a step is a number"),
        pytest.param("/funnel", {"steps": ["a", ""]}, "/steps/1/event", "string_too_short", id="a step is empty"),
        pytest.param("/funnel", {**FUNNEL, "window": 0}, "/window", "window", id="no window"),
        pytest.param("/funnel", {**FUNNEL, "window": -1}, "/window", "window", id="a window backwards"),
        pytest.param("/funnel", {**FUNNEL, "window": 1e30}, "/window", "window", id="an endless window"),
        pytest.param("/funnel", {**FUNNEL, "window": "1y"}, "/window", "period", id="unknown window"),
        pytest.param("/funnel", {**FUNNEL, "order": "random"}, "/order", "enum", id="unknown order"),
        pytest.param("/funnel", {**FUNNEL, "by": "site"}, "/by", "enum", id="unknown actor"),
        pytest.param(
            "/funnel",
            {"steps": ["a", {"event": "b", "filters": [{"field": "", "op": "exists"}]}]},
            "/steps/1/filters/0/field",
            "field",
            id="a step without a field",
        ),
        pytest.param("/top", {}, "/field", "missing", id="nothing to list"),
        pytest.param("/top", {"field": "context."}, "/field", "field", id="no path of the context"),
        pytest.param("/top", {"field": "a", "limit": 0}, "/limit", "range", id="no rows"),
        pytest.param("/top", {"field": "a", "limit": 1001}, "/limit", "range", id="many rows"),
    ],
)
def test_a_wrong_request_is_refused_by_its_pointer(path: str, body: dict[str, Any], pointer: str, rule: str) -> None:
    status, answer, _ = ask("POST", path, json=body)
    found = [(fault["pointer"], fault["rule"]) for fault in answer["errors"]]
    assert (status, answer["code"], found) == (422, "invalid", [(pointer, rule)])


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        pytest.param(b"{", (400, "bad_request"), id="broken"),
        pytest.param(b"", (422, "invalid"), id="empty"),
        pytest.param(b"[]", (422, "invalid"), id="a list"),
        pytest.param(b'{"tz": "\\ud800"}', (400, "bad_request"), id="a lone surrogate"),
        pytest.param(
            b'{"filters":[{"field":"\\ud800","op":"exists"}]}', (400, "bad_request"), id="a lone surrogate for a field"
        ),
        pytest.param(
            b'{"filters":[{"field":"a","op":"eq","value":"\\ud800"}]}', (400, "bad_request"), id="surrogate value"
        ),
        pytest.param(
            b'{"filters":[{"field":"a","op":"eq","value":NaN}]}', (400, "bad_request"), id="not a number for a value"
        ),
        pytest.param(b" " * (MAX_BODY + 1), (413, "too_large"), id="too large"),
    ],
)
def test_a_body_that_cannot_be_read_is_refused(content: bytes, expected: tuple[int, str]) -> None:
    status, answer, _ = ask("POST", "/active", content=content, headers={"content-type": "application/json"})
    assert (status, answer["code"]) == expected


@pytest.mark.parametrize(
    ("method", "path", "kwargs"),
    [
        pytest.param("POST", "/active", {"json": {"tenant_id": "other"}}, id="tenant_id"),
        pytest.param("POST", "/active", {"json": {"tenantId": "other"}}, id="tenantId"),
        pytest.param("POST", "/active", {"json": {"tenant_id": "acme", "tenantId": "other"}}, id="one of both"),
        pytest.param("GET", "/active?tenantId=other", {}, id="in an address"),
        pytest.param("POST", "/active", {"json": {}, "scopes": frozenset({Scope.EVENTS_WRITE})}, id="no scope"),
        pytest.param("GET", "/metrics", {"scopes": frozenset()}, id="no scope for the catalogue"),
    ],
)
def test_what_the_credential_may_not_do_is_forbidden(method: str, path: str, kwargs: dict[str, Any]) -> None:
    assert ask(method, path, **kwargs) == (403, {"code": "forbidden", "errors": []}, [])


@pytest.mark.parametrize(
    "more",
    [
        pytest.param({f"m{number}": 1 for number in range(MAX_VALUES + 1)}, id="members"),
        pytest.param({"filters": [{}] * (MAX_VALUES + 1)}, id="items"),
        pytest.param({"filters": [{"a": [0] * 2_000}] * 3}, id="all levels together"),
    ],
)
def test_no_more_values_are_looked_at_than_a_report_has(more: dict[str, Any]) -> None:
    status, told, queries = ask("POST", "/top", json={"field": "page", **more})
    assert (status, queries) == (422, [])
    assert [(fault["pointer"], fault["rule"]) for fault in told["errors"]] == [("", "max_values")]


def test_few_faults_are_told_and_no_long_pointer() -> None:
    wrong = {"x" * 1_000: 1, **{f"m{number}": 1 for number in range(MAX_FAULTS)}}
    _, told, _ = ask("POST", "/top", json={"field": "page", **wrong})
    assert [len(fault["pointer"]) for fault in told["errors"]] == [MAX_POINTER, *[3] * (MAX_FAULTS - 1)]


def test_the_catalogue_lists_every_metric() -> None:
    status, body, _ = ask("GET", "/metrics")
    assert (status, body) == (200, {"metrics": [metric.as_json() for metric in METRICS], "own": []})
    assert body["metrics"][0] == {
        "name": "events.count",
        "definition": "Number of events of any name.",
        "unit": "count",
        "events": [],
        "empty": 0,
    }


@pytest.mark.parametrize(
    ("content_type", "expected"),
    [
        pytest.param({}, 200, id="none"),
        pytest.param({"content-type": "application/x-www-form-urlencoded"}, 200, id="what curl -d says"),
        pytest.param({"content-type": "text/plain;charset=UTF-8"}, 200, id="what a beacon says"),
        pytest.param({"content-type": "application/xml"}, 415, id="another language"),
        pytest.param({"content-type": "application/x-ndjson"}, 415, id="many lines"),
    ],
)
def test_json_is_read_whatever_plain_clients_call_it(content_type: dict[str, str], expected: int) -> None:
    status, _, _ = ask("POST", "/active", content=b'{"period": "7d"}', headers=content_type)
    assert status == expected
