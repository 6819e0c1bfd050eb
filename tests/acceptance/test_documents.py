"""The clients of documents 000, 002 and 004, with their own credentials and settings, against one real process."""

import time
import uuid
from collections.abc import Iterator
from typing import Any

import jwt
import pytest

from auricle.model.principal import Kind
from auricle.settings import Settings
from running import BATCH, EVENTS, Answer, Service, ago, serving

SECRET = "Zr4u7x!A%D*G-KaPdSgVkYp3s6v9y$B&"
REPORTS = "/api/v1/analytics/reports"
LIST = "/api/analytics/ingest"


@pytest.fixture(scope="module")
def documented(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """The service with the settings that the documents print, and strangers let in."""
    more = {"JWT_SECRET_KEY": SECRET, "MAX_BATCH_SIZE": "1000", "AURICLE_ANONYMOUS_TENANT": "aura"}
    with serving(Settings(data=tmp_path_factory.mktemp("documents")), more) as service:
        yield service


def bearer(tenant: str, scope: str) -> dict[str, str]:
    """What a client with a token of the tenant sends."""
    claims = {"tenant_id": tenant, "scope": scope, "exp": int(time.time()) + 600}
    return {"Authorization": f"Bearer {jwt.encode(claims, SECRET, algorithm='HS256')}"}


def voice(service: Service, kind: str, query_id: str, seconds: float, **more: Any) -> None:
    """One event of document 000 of so many seconds ago, as its client sends it: without a key, and without an id."""
    told: dict[str, Any] = {"event_type": kind, "timestamp": ago(seconds=seconds), "query_id": query_id, **more}
    answer = service.ask("POST", "/ingest", told)
    assert (answer.status, answer.body["status"]) == (202, "stored"), answer


def asked(service: Service, query_id: str, seconds: float) -> None:
    """A query."""
    more = {"store_id": "store_456", "session_id": "session_789", "query_source": "voice"}
    voice(service, "voice_query", query_id, seconds, query_text=f"shoes of {query_id}", **more)


def answered(service: Service, query_id: str, seconds: float, text: str = "Here they are.") -> None:
    """An outcome."""
    voice(service, "voice_outcome", query_id, seconds, answer_text=text, latency_ms=850, action_success=1)


def test_an_outcome_comes_first_late_twice_or_never(documented: Service) -> None:
    answered(documented, "first", 899)
    asked(documented, "first", 900)
    asked(documented, "late", 800)
    answered(documented, "late", 700)
    asked(documented, "twice", 600)
    answered(documented, "twice", 599)
    answered(documented, "twice", 590, "Or these.")
    asked(documented, "never", 500)
    asked(documented, "new", 1)
    answered(documented, "nobody", 400)
    documented.drained("aura")
    body = {"period": "24h"}
    report = documented.ask("POST", f"{REPORTS}/interactions", body, documented.key("aura", Kind.READ)).body
    told = {one["query_id"]: (one["state"], one["reason"], one["outcomes"]) for one in report["interactions"]}
    assert told == {
        "first": ("answered", None, 1),
        "late": ("unanswered", "late_outcome", 1),
        "twice": ("answered", None, 2),
        "never": ("unanswered", "no_outcome", 0),
        "new": ("pending", None, 0),
    }
    texts = {one["query_id"]: one["answer_text"] for one in report["interactions"]}
    assert texts["twice"] == "Here they are."
    assert report["orphan_outcomes"] == 1


def items(*types: str) -> list[dict[str, Any]]:
    """Items of document 004, of the first of January 2024 as it prints them."""
    return [
        {"ts": "2024-01-01T12:00:00Z", "user_id": "user-123", "type": kind, "src": "web_app", "payload": {"page": "/"}}
        for kind in types
    ]


def test_the_list_with_a_token(documented: Service, tenant: str) -> None:
    writer = bearer(tenant, "events:write events:backfill")
    documented.key(tenant)  # makes the tenant

    def send(told: list[dict[str, Any]], headers: dict[str, str] = writer) -> Answer:
        return documented.ask("POST", LIST, told, headers=headers)

    assert send(items("page_view", "button_click")).body["ingested"] == 2
    assert send(items("page_view"), {}).status == 401
    assert send(items("page_view"), bearer(tenant, "reports:read")).status == 403
    assert send(items("page_view"), bearer(tenant, "events:write")).body["rejected"] == 1  # too old without backfill
    over = send(items(*["page_view"] * 1_001))
    assert (over.status, over.body["detail"]) == (413, "batch too large")
    assert documented.drained(tenant)["stored"] == 2


def test_types_that_a_tenant_filters_are_dropped_at_every_door(documented: Service, tenant: str) -> None:
    admin = documented.key(tenant, Kind.ADMIN)
    denied = {"deny_events": ["button_click", "voice.*", "datapoint.written"]}
    assert documented.ask("PATCH", "/api/v1/analytics/admin/options", denied, admin).status == 200
    answer = documented.ask("POST", LIST, items("page_view", "button_click"), admin)
    (dropped,) = answer.body.pop("results")
    assert answer.told == (200, {"ingested": 1, "duplicates": 0, "rejected": 0, "dropped": 1})
    assert (dropped["index"], dropped["status"], dropped["reason"]) == (1, "dropped", "filtered")
    outcome = {"event_type": "voice_outcome", "query_id": "q", "answer_text": "", "latency_ms": 1}
    for path, told in (("/ingest", outcome), ("/api/v1/analytics/datapoints/d", {"blobs": ["x"]})):
        answer = documented.ask("POST", path, told, admin)
        assert (answer.status, answer.body["status"], answer.body["reason"]) == (202, "dropped", "filtered")
    counts = documented.drained(tenant)
    assert (counts["stored"], counts["dropped"]) == (1, 3)


def test_the_events_of_document_002_and_its_reports(documented: Service, tenant: str) -> None:
    documented.key(tenant)
    headers = bearer(tenant, "events:write events:backfill reports:read")
    moment, day = "2025-01-15T10:30:00.123Z", {"from": "2025-01-15T00:00:00Z", "to": "2025-01-15T23:59:59Z"}

    def told(name: str, attributes: dict[str, Any]) -> dict[str, Any]:
        common = {"occurred_at": moment, "tenant_id": tenant, "site_id": "site-uuid", "source": "voice_ws"}
        return {"event_id": str(uuid.uuid4()), "event_name": name, **common, "attributes": attributes}

    single = told("voice.turn_started", {"voice.session_id": "session-uuid"})
    assert [documented.ask("POST", EVENTS, single, headers=headers).status for _ in range(2)] == [202, 200]
    first = told("voice.first_response", {"voice.first_response_ms": 412})
    batch = {"events": [first, {**told("commerce.view", {}), "session_id": "s"}], "batch_id": "batch-uuid"}
    answer = documented.ask("POST", BATCH, batch, headers=headers)
    assert (answer.status, answer.body["batch_id"], answer.body["accepted"]) == (202, "batch-uuid", 2)
    documented.drained(tenant)
    series = {"tenantId": tenant, "metric": "voice.first_response_ms.p95", "grain": "1h", **day}
    points = documented.ask("POST", f"{REPORTS}/timeseries", series, headers=headers).body["points"]
    assert [point["value"] for point in points if point["value"] is not None] == [412]
    steps = ["commerce.view", "commerce.add_to_cart", "commerce.checkout"]
    funnel = documented.ask("POST", f"{REPORTS}/funnel", {"tenantId": tenant, "steps": steps, **day}, headers=headers)
    assert [step["count"] for step in funnel.body["steps"]] == [1, 0, 0]
