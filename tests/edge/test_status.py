"""Health, readiness and statistics."""

import pytest

from running import STATS, Service, event


@pytest.mark.parametrize("path", ["/healthz", "/health", "/api/v1/analytics/health"])
def test_it_says_that_it_lives_to_anybody(either_service: Service, path: str) -> None:
    assert either_service.ask("GET", path).told == (200, {"status": "healthy", "worker": "analytics"})


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
            "engine": {"starts": 1, "trouble": None},
        },
    )


def test_statistics_of_a_tenant_without_events(service: Service, tenant: str) -> None:
    names = ("received", "stored", "duplicate", "rejected", "dropped", "waiting")
    assert service.stats(tenant)["events"] == dict.fromkeys(names, 0)
