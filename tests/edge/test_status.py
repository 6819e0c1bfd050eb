"""Health, readiness and statistics."""

import os
from pathlib import Path

import pytest

from auricle.settings import Settings
from running import STATS, Service, event


@pytest.mark.parametrize("path", ["/healthz", "/health", "/api/v1/analytics/health", "/api/analytics/healthz"])
def test_it_says_that_it_lives_to_anybody(either_service: Service, path: str) -> None:
    assert either_service.ask("GET", path).told == (200, {"status": "healthy", "worker": "analytics"})


def test_it_says_that_it_takes_events(either_service: Service) -> None:
    answer = either_service.ask("GET", "/api/v1/analytics/events/health")
    assert (answer.status, answer.body["status"], answer.body["worker"]) == (200, "healthy", "analytics")


def test_on_a_full_disk_it_is_alive_and_takes_nothing(tmp_path: Path) -> None:
    service = Service(Settings(data=tmp_path), {**os.environ, "AURICLE_MIN_FREE_DISK": str(2**60)})
    service.start(ready=False)
    try:
        answers = {path: service.ask("GET", path) for path in ("/health", "/api/v1/analytics/events/health", "/readyz")}
    finally:
        service.client.close()
        service.stop()
    assert [answer.status for answer in answers.values()] == [200, 507, 503]
    assert answers["/api/v1/analytics/events/health"].body["code"] == "storage_full"
    assert answers["/readyz"].body["parts"]["journal"] == "storage_full"


def test_it_says_that_it_is_ready(either_service: Service) -> None:
    answer = either_service.ask("GET", "/readyz")
    assert answer.status == 200
    assert (answer.body["status"], answer.body["parts"]) == ("ready", {"engine": "ok", "journal": "ok"})


def test_statistics_add_up(either_service: Service, tenant: str) -> None:
    one = event()
    either_service.send(tenant, [one, one, event(source="pigeon"), event(context={"consent": {"analytics": False}})])
    either_service.drained(tenant)
    answer = either_service.ask("GET", STATS, key=either_service.key(tenant))
    counts = {"received": 4, "stored": 1, "duplicate": 1, "rejected": 1, "dropped": 1, "waiting": 0}
    assert answer.told == (
        200,
        {
            "tenant": tenant,
            "events": counts,
            "conserved": True,
            "waiting": 0,
            "observed": 0,
            "unkept": 0,
            "evaluations": {
                "waiting": 0,
                "scored": 0,
                "unscored": 0,
                "skipped": 0,
                "success_rate": None,
                "latency_ms": None,
                "reasons": {},
            },
            "expired": 0,
            "retention": {"trouble": None},
            "engine": {"starts": 1, "trouble": None},
        },
    )


def test_statistics_of_a_tenant_without_events(service: Service, tenant: str) -> None:
    names = ("received", "stored", "duplicate", "rejected", "dropped", "waiting")
    assert service.stats(tenant)["events"] == dict.fromkeys(names, 0)
