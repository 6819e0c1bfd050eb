"""The doors of a tenant's own metrics, and reports that ask for them and for some sessions."""

from typing import Any

import pytest

from auricle.model.principal import Kind
from auricle.store.metric import MAX_METRICS
from running import Service, event

METRICS = "/api/v1/analytics/metrics"
TIMESERIES = "/api/v1/analytics/reports/timeseries"


@pytest.fixture
def admin(service: Service, tenant: str) -> str:
    return service.key(tenant, Kind.ADMIN)


def test_a_metric_of_ones_own_is_asked_for_by_name(service: Service, tenant: str, admin: str) -> None:
    def paid(session: str, amount: float) -> dict[str, Any]:
        told = {"cost.type": "ai", "cost.amount_usd": amount}
        return event(event_name="cost.recorded", session_id=session, attributes=told)

    def booked(session: str) -> dict[str, Any]:
        return event(event_name="booking.confirmed", session_id=session, attributes={"booking.slot_id": "1"})

    service.send(tenant, [paid("a", 3), paid("b", 10), booked("a"), booked("a"), booked("b")])
    service.drained(tenant)
    made = service.ask("PUT", f"{METRICS}/bookings", {"event": "booking.confirmed", "description": "All."}, admin)
    definition = {
        "name": "bookings",
        "description": "All.",
        "event": "booking.confirmed",
        "aggregation": "count",
        "field": None,
        "filters": [],
    }
    assert (made.status, made.body) == (201, definition)
    ratio = {"numerator": "cost.usd.sum", "denominator": "bookings"}
    assert service.ask("PUT", f"{METRICS}/cost_per_booking", ratio, admin).status == 201
    assert service.ask("PUT", f"{METRICS}/cost_per_booking", ratio, admin).status == 200
    asked = {"metric": "cost_per_booking", "grain": "all", "period": "24h"}
    answers = [
        service.ask("POST", TIMESERIES, {**asked, "sessions": sessions}, admin)
        for sessions in (
            [],
            [{"metric": "bookings", "op": "gte", "value": 2}],
            [{"funnel": {"steps": ["cost.recorded", "booking.confirmed"]}, "completed": False}],
        )
    ]
    assert [answer.body["points"][0]["value"] for answer in answers] == [pytest.approx(13 / 3), 1.5, None]
    other = service.key(f"{tenant}-2", Kind.ADMIN)
    assert service.ask("POST", TIMESERIES, asked, other).status == 422
    assert service.ask("GET", METRICS, key=other).body == {"metrics": []}
    catalogue = service.ask("GET", "/api/v1/analytics/reports/metrics", key=admin).body
    assert [one["name"] for one in catalogue["own"]] == ["bookings", "cost_per_booking"]
    assert service.ask("DELETE", f"{METRICS}/bookings", key=admin).status == 409
    assert service.ask("DELETE", f"{METRICS}/cost_per_booking", key=admin).status == 200
    assert service.ask("DELETE", f"{METRICS}/cost_per_booking", key=admin).status == 404
    assert service.ask("POST", TIMESERIES, asked, admin).body["errors"][0]["pointer"] == "/metric"
    actions = [one["action"] for one in service.ask("GET", "/api/v1/analytics/admin/audit", key=admin).body["entries"]]
    assert {"metric.set", "metric.remove"} <= set(actions)


@pytest.mark.parametrize(
    ("name", "body", "pointer"),
    [
        ("Bad", {}, "/name"),
        ("events.count", {}, "/name"),
        ("score", {}, "/name"),
        ("x", {"aggregation": "sum"}, "/field"),
        ("x", {"field": "a"}, "/field"),
        ("x", {"aggregation": "sum", "field": ""}, "/field"),
        ("x", {"aggregation": "median", "field": "a"}, "/aggregation"),
        ("x", {"filters": [{"field": "a", "op": "gt", "value": True}]}, "/filters/0/value"),
        ("x", {"numerator": "events.count"}, "/denominator"),
        ("x", {"numerator": "events.count", "denominator": "nothing"}, "/denominator"),
        ("x", {"numerator": "commerce.conversion_rate", "denominator": "events.count"}, "/numerator"),
        ("x", {"numerator": "events.count", "denominator": "events.count", "event": "a"}, "/numerator"),
        ("x", {"color": "red"}, "/color"),
    ],
)
def test_what_is_no_metric(service: Service, admin: str, name: str, body: dict[str, Any], pointer: str) -> None:
    answer = service.ask("PUT", f"{METRICS}/{name}", body, admin)
    assert (answer.status, answer.body["errors"][0]["pointer"]) == (422, pointer)


@pytest.mark.parametrize(
    ("asked", "pointer"),
    [
        ({}, "/sessions/0"),
        ({"metric": "events.count"}, "/sessions/0"),
        ({"metric": "events.count", "op": "in", "value": 1}, "/sessions/0/op"),
        ({"metric": "events.count", "op": "lt", "value": "x"}, "/sessions/0/value"),
        ({"metric": "nothing", "op": "lt", "value": 1}, "/sessions/0/metric"),
        ({"event": "a", "metric": "events.count", "op": "lt", "value": 1}, "/sessions/0"),
        ({"event": {"event": "a", "filters": [{"field": "a", "op": "in", "value": 1}]}}, None),
    ],
)
def test_what_cannot_be_asked_of_sessions(service: Service, admin: str, asked: Any, pointer: str | None) -> None:
    body = {"metric": "events.count", "period": "24h", "sessions": [asked]}
    answer = service.ask("POST", TIMESERIES, body, admin)
    assert answer.status == 422, answer
    assert pointer is None or answer.body["errors"][0]["pointer"] == pointer


def test_a_tenant_has_so_many_and_no_more(service: Service, tenant: str, admin: str) -> None:
    for number in range(MAX_METRICS):
        assert service.ask("PUT", f"{METRICS}/m{number}", {}, admin).status == 201
    assert service.ask("PUT", f"{METRICS}/one_more", {}, admin).status == 409
    assert service.ask("PUT", f"{METRICS}/m1", {"event": "a"}, admin).status == 200
    assert len(service.ask("GET", METRICS, key=admin).body["metrics"]) == MAX_METRICS
