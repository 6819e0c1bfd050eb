"""The short questions of the documents, asked of the real service about events that came in by its own doors."""

from datetime import UTC, datetime
from typing import Any

import pytest

from auricle.model.principal import Kind
from running import Service, ago, event

QUESTIONS = (
    "/stats/summary",
    "/stats/top-queries",
    "/stats/unanswered",
    "/stats/hourly",
    "/metrics/realtime",
    "/metrics/costs",
    "/api/analytics/reports/dau",
)


def say(service: Service, tenant: str, **told: Any) -> None:
    answer = service.ask("POST", "/ingest", told, service.key(tenant))
    assert answer.status in (200, 202), answer


def ask(service: Service, tenant: str, path: str) -> Any:
    answer = service.ask("GET", path, key=service.key(tenant, Kind.READ))
    assert answer.status == 200, answer
    return answer.body


@pytest.fixture
def shop(service: Service, tenant: str) -> str:
    """A tenant with four queries: two answered, of which one in another store, one failed, one without an outcome."""
    asked = (("q1", "Red  shoes", "s1"), ("q2", "red shoes ", "s2"), ("q3", "Blue hats", "s1"), ("q4", "Lamps", "s1"))
    for query_id, text, store in asked:
        say(
            service,
            tenant,
            event_type="voice_query",
            timestamp=ago(minutes=10),
            query_id=query_id,
            store_id=store,
            session_id=f"session-{query_id}",
            user_id=f"user-{query_id}",
            query_text=text,
            query_source="voice",
        )
    for query_id, failed in (("q2", False), ("q1", False), ("q3", True)):
        say(
            service,
            tenant,
            event_type="voice_outcome",
            timestamp=ago(minutes=9, seconds=30),
            query_id=query_id,
            answer_text="Here they are",
            latency_ms=500,
            cost_usd=0.25,
            tokens_used=10,
            error_flag=failed,
        )
    requests = [
        event(
            event_name="http.request",
            source="server",
            occurred_at=ago(seconds=30),
            attributes={
                "http.request.method": "GET",
                "url.path": "/",
                "http.response.status_code": status,
                "http.server.duration_ms": duration,
            },
        )
        for status, duration in ((200, 10), (200, 20), (503, 60))
    ]
    paid = event(
        event_name="cost.recorded", source="server", attributes={"cost.type": "compute", "cost.amount_usd": 1.5}
    )
    assert service.send(tenant, [*requests, paid]).status == 202
    service.drained(tenant)
    return tenant


def test_summary(service: Service, shop: str) -> None:
    body = ask(service, shop, "/stats/summary?period=24h")
    assert body.pop("meta")["exact"] is True
    assert body == {
        "period": "24h",
        "store": None,
        "total_queries": 4,
        "answered": 2,
        "unanswered": 1,
        "error": 1,
        "pending": 0,
        "answer_rate": 0.5,
        "latency_ms": {"p50": 500, "p95": 500},
        "cost_usd": 0.75,
        "tokens": 30,
        "score": None,
        "orphan_outcomes": 0,
        "reasons": [{"reason": "no_outcome", "count": 1}, {"reason": "error", "count": 1}],
    }
    assert ask(service, shop, "/stats/summary?store=s2")["total_queries"] == 1


def test_top_queries(service: Service, shop: str) -> None:
    body = ask(service, shop, "/stats/top-queries?period=7d&limit=1")
    assert (body["queries"], body["other"], body["total"]) == ([{"query_text": "red shoes", "count": 2}], 2, 4)


def test_unanswered(service: Service, shop: str) -> None:
    body = ask(service, shop, "/stats/unanswered?period=24h")
    found = {each["query_id"]: (each["reason"], each["query_text"]) for each in body["queries"]}
    assert (body["total"], found) == (2, {"q3": ("error", "Blue hats"), "q4": ("no_outcome", "Lamps")})


def test_hourly(service: Service, shop: str) -> None:
    hours = ask(service, shop, "/stats/hourly?period=24h")["hours"]
    sums = [sum(hour[name] for hour in hours) for name in ("queries", "outcomes", "errors")]
    assert (sums, len(hours)) == ([4, 3, 1], 25)


def test_realtime(service: Service, shop: str) -> None:
    body = ask(service, shop, "/metrics/realtime")
    assert body.pop("from") < body.pop("to")
    assert body == {"total_requests": 3, "avg_response_time": 30.0, "p95_response_time": 56.0, "error_count": 1}


def test_costs(service: Service, shop: str) -> None:
    body = ask(service, shop, "/metrics/costs")
    by_kind = {(row["cost_type"], row["total_cost"]) for row in body["costs"]}
    assert (by_kind, body["total"]) == ({("ai", 0.75), ("compute", 1.5)}, 2.25)


def test_daily_users(service: Service, shop: str) -> None:
    body = ask(service, shop, "/api/analytics/reports/dau")
    today = datetime.now(UTC).date().isoformat()
    assert body == {"dau": 4, "date": today, "period": "24h"}


@pytest.mark.parametrize("path", QUESTIONS)
def test_nobody_else_reads_it(service: Service, shop: str, tenant: str, path: str) -> None:
    assert service.ask("GET", path).status == 401
    assert service.ask("GET", path, key=service.key(tenant)).status == 403  # a key for events alone
    told = service.ask("GET", path, key=service.key("somebody-else", Kind.READ))
    assert told.status == 200
    assert "q3" not in str(told.body)
    assert "red shoes" not in str(told.body)


@pytest.mark.parametrize(
    ("path", "pointer"),
    [
        pytest.param("/stats/summary?period=yesterday", "/period", id="a period"),
        pytest.param("/stats/summary?shop=s1", "/shop", id="an unknown member"),
        pytest.param("/stats/top-queries?limit=0", "/limit", id="no rows"),
        pytest.param("/stats/unanswered?limit=5000", "/limit", id="too many rows"),
        pytest.param("/metrics/costs?period=7d", "/period", id="a member of another question"),
    ],
)
def test_a_wrong_question_is_told(service: Service, tenant: str, path: str, pointer: str) -> None:
    answer = service.ask("GET", path, key=service.key(tenant, Kind.READ))
    assert (answer.status, [each["pointer"] for each in answer.body["errors"]]) == (422, [pointer])
