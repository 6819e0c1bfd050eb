"""Saved dashboards, shared links and annotations over real HTTP on both databases."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from auricle.model.principal import Kind
from running import Answer, Service, event, wait_until

PATH = "/api/v1/analytics/dashboards"
NOTES = "/api/v1/analytics/annotations"
COUNT = {"title": "Events", "chart": "line", "report": "timeseries", "ask": {"metric": "events.count", "grain": "all"}}
NAMES = {"title": "Names", "chart": "table", "report": "top", "ask": {"field": "event_name"}}


def save(service: Service, tenant: str, *widgets: dict[str, Any]) -> str:
    body = {"name": "Shop", "widgets": list(widgets)}
    made = service.ask("POST", PATH, body, service.key(tenant, Kind.ADMIN))
    assert made.status == 201, made
    return str(made.body["id"])


def share(service: Service, tenant: str, dashboard_id: str, **told: Any) -> Answer:
    return service.ask("POST", f"{PATH}/{dashboard_id}/links", told, service.key(tenant, Kind.ADMIN))


def test_a_dashboard_is_saved_changed_and_removed(either_service: Service, tenant: str) -> None:
    service, admin = either_service, either_service.key(tenant, Kind.ADMIN)
    read = service.key(tenant, Kind.READ)
    one = save(service, tenant, COUNT, NAMES)
    (listed,) = service.ask("GET", PATH, key=read).body["dashboards"]
    assert (listed["id"], listed["name"], listed["widgets"]) == (one, "Shop", [COUNT, NAMES])
    changed = service.ask("PUT", f"{PATH}/{one}", {"name": "Café", "widgets": [NAMES]}, admin)
    assert changed.body == service.ask("GET", f"{PATH}/{one}", key=read).body
    assert (changed.body["name"], changed.body["widgets"]) == ("Café", [NAMES])
    assert service.ask("DELETE", f"{PATH}/{one}", key=admin).body == {"id": one, "removed": True}
    assert [service.ask(method, f"{PATH}/{one}", key=admin).status for method in ("GET", "DELETE")] == [404, 404]


def test_a_widget_answers_as_its_report(service: Service, tenant: str) -> None:
    service.send(tenant, [event(), event(event_name="shop.sold")])
    service.drained(tenant)
    one = save(service, tenant, COUNT, NAMES)
    read = service.key(tenant, Kind.READ)
    answers = [service.ask("GET", f"{PATH}/{one}/widgets/{number}", key=read) for number in (0, 1)]
    assert answers[0].body["points"][0]["value"] == 2
    assert {row["value"] for row in answers[1].body["rows"]} == {"page_view", "shop.sold"}
    for number in ("2", "-1", "00001", "x", "١"):
        assert service.ask("GET", f"{PATH}/{one}/widgets/{number}".replace("١", "%D9%A1"), key=read).status == 404


@pytest.mark.parametrize(
    ("wrong", "pointer"),
    [
        pytest.param({"chart": "pie"}, "/widgets/0/chart", id="a chart"),
        pytest.param({"report": "secrets"}, "/widgets/0/report", id="a report"),
        pytest.param({"ask": {"metric": "events.count", "more": 1}}, "/widgets/0/ask/more", id="another member"),
        pytest.param({"ask": {"metric": "events.count", "tenant_id": "t"}}, "/widgets/0/ask", id="a tenant"),
        pytest.param({"ask": []}, "/widgets/0/ask", id="no object"),
        pytest.param({"title": " "}, "/widgets/0/title", id="no title"),
        pytest.param({"more": 1}, "/widgets/0", id="a member"),
    ],
)
def test_a_widget_that_breaks_a_rule(service: Service, tenant: str, wrong: dict[str, Any], pointer: str) -> None:
    body = {"name": "Shop", "widgets": [{**COUNT, **wrong}]}
    answer = service.ask("POST", PATH, body, service.key(tenant, Kind.ADMIN))
    assert (answer.status, [fault["pointer"] for fault in answer.body["errors"]]) == (422, [pointer])


def test_dashboards_are_bounded(service: Service, tenant: str) -> None:
    admin = service.key(tenant, Kind.ADMIN)
    many = {"name": "Shop", "widgets": [COUNT] * 25}
    large = {"name": "Shop", "widgets": [{**NAMES, "ask": {"field": "x" * 140_000}}]}
    assert [service.ask("POST", PATH, body, admin).status for body in (many, large)] == [422, 413]


def test_a_link_opens_its_dashboard_and_nothing_else(either_service: Service, tenant: str) -> None:
    service = either_service
    service.send(tenant, [event()])
    service.drained(tenant)
    mine, other = save(service, tenant, COUNT), save(service, tenant, NAMES)
    made = share(service, tenant, mine)
    assert made.body["path"] == f"/#/shared/{mine}/{made.body['link']}"
    link = {"Authorization": f"Bearer {made.body['link']}"}

    def status(method: str, path: str, body: Any = None) -> int:
        return service.ask(method, path, body, headers=link).status

    shown = service.ask("GET", f"{PATH}/{mine}/widgets/0", headers=link)
    assert (shown.status, shown.body["points"][0]["value"], "sql" in shown.body["meta"]) == (200, 1, False)
    assert status("GET", f"{PATH}/{mine}") == 200
    elsewhere = f"{PATH}/{other}", f"{PATH}/{other}/widgets/0", f"{PATH}/{mine}/links", PATH, NOTES
    assert [status("GET", path) for path in elsewhere] == [403] * 5
    assert status("POST", "/api/v1/analytics/reports/top", {"field": "event_name"}) == 403
    assert status("POST", "/api/v1/analytics/sql", {"query": "SELECT 1 FROM events"}) == 403
    assert status("PUT", f"{PATH}/{mine}", {"name": "x", "widgets": []}) == 403
    assert status("POST", f"{PATH}/{mine}/links", {}) == 403
    assert status("POST", "/api/v1/analytics/events", event()) == 403
    assert service.ask("GET", f"{PATH}/{mine}?period=365d", headers=link).body["widgets"] == [COUNT]


def test_a_link_ends(either_service: Service, tenant: str) -> None:
    service, admin = either_service, either_service.key(tenant, Kind.ADMIN)
    one = save(service, tenant, COUNT)
    made, kept = share(service, tenant, one), share(service, tenant, one)
    links = service.ask("GET", f"{PATH}/{one}/links", key=admin).body["links"]
    assert [link["id"] for link in links] == [made.body["id"], kept.body["id"]]
    assert "link" not in links[0]
    headers = {"Authorization": f"Bearer {made.body['link']}"}
    assert service.ask("GET", f"{PATH}/{one}", headers=headers).status == 200
    assert service.ask("DELETE", f"{PATH}/{one}/links/{made.body['id']}", key=admin).status == 200
    wait_until(lambda: service.ask("GET", f"{PATH}/{one}", headers=headers).status == 401, seconds=3)
    assert service.ask("DELETE", f"{PATH}/{one}", key=admin).status == 200
    gone = {"Authorization": f"Bearer {kept.body['link']}"}
    assert service.ask("GET", f"{PATH}/{one}", headers=gone).status == 401


@pytest.mark.parametrize("days", [-1, 400])
def test_a_link_lives_a_year_at_most(service: Service, tenant: str, days: int) -> None:
    ends = (datetime.now(UTC) + timedelta(days=days)).isoformat()
    assert share(service, tenant, save(service, tenant), expires_at=ends).status == 422


def test_nobody_shares_what_is_anothers(service: Service, tenant: str) -> None:
    one = save(service, f"o{tenant}", COUNT)
    assert share(service, tenant, one).status == share(service, tenant, str(uuid.uuid4())).status == 404


def test_annotations_are_told_and_taken_back(either_service: Service, tenant: str) -> None:
    service, admin = either_service, either_service.key(tenant, Kind.ADMIN)
    told = {"at": "2026-06-01T09:00:00+02:00", "text": "version 2 <script>"}
    made = service.ask("POST", NOTES, told, admin)
    assert (made.status, made.body["text"]) == (201, told["text"])
    assert datetime.fromisoformat(made.body["at"]) == datetime.fromisoformat(told["at"])
    assert service.ask("GET", NOTES, key=service.key(tenant, Kind.READ)).body == {"annotations": [made.body]}
    assert service.ask("GET", NOTES, key=service.key(f"o{tenant}", Kind.READ)).body == {"annotations": []}
    assert service.ask("DELETE", f"{NOTES}/{made.body['id']}", key=admin).status == 200
    assert service.ask("GET", NOTES, key=admin).body == {"annotations": []}


@pytest.mark.parametrize(
    "wrong", [{"at": "yesterday"}, {"at": None}, {"text": ""}, {"text": "x" * 257}, {"text": 7}], ids=str
)
def test_an_annotation_that_breaks_a_rule(service: Service, tenant: str, wrong: dict[str, Any]) -> None:
    told = {"at": "2026-06-01T09:00:00Z", "text": "x", **wrong}
    assert service.ask("POST", NOTES, told, service.key(tenant, Kind.ADMIN)).status == 422
