"""The doors of retention over real HTTP: days are told, and nothing of another tenant."""

import pytest

from auricle.model.principal import Kind
from running import Service, wait_until

PATH = "/api/v1/analytics/admin/retention"
OPTIONS = "/api/v1/analytics/admin/options"


def test_the_days_that_hold_are_told(either_service: Service, tenant: str) -> None:
    service, key = either_service, either_service.key(tenant, Kind.ADMIN)
    told = service.ask("GET", PATH, key=key)
    assert (told.status, told.body["days"], told.body["sweeps"], told.body["trouble"]) == (
        200, {"events": 90, "by_event": {}, "by_dataset": {}}, [], None,
    )  # fmt: skip
    days = {"events": 7, "by_event": {"shop.*": 0}, "by_dataset": {"clicks": 30}}
    assert service.ask("PATCH", OPTIONS, {"retention": days}, key).body["retention"] == days
    assert service.ask("GET", PATH, key=key).body["days"] == days
    assert service.ask("PATCH", OPTIONS, {"retention": {"events": None}}, key).status == 200
    assert service.ask("GET", PATH, key=key).body["days"] == {**days, "events": 90}
    assert service.ask("PATCH", OPTIONS, {"retention": {"events": "soon"}}, key).status == 422


def test_it_looks_when_it_is_asked_to(either_service: Service, tenant: str) -> None:
    service, key = either_service, either_service.key(tenant, Kind.ADMIN)
    asked = service.ask("POST", f"{PATH}/run", {}, key)
    assert (asked.status, asked.body["sweeps"]) == (202, [])
    wait_until(lambda: service.ask("GET", PATH, key=key).body["up_to_date"], 30)
    assert service.ask("GET", f"{PATH}/preview", key=key).told == (200, {"events": 0, "names": []})


@pytest.mark.parametrize("kind", [Kind.INGEST, Kind.READ])
@pytest.mark.parametrize(("method", "path"), [("GET", PATH), ("GET", f"{PATH}/preview"), ("POST", f"{PATH}/run")])
def test_only_administrators_may(service: Service, tenant: str, kind: Kind, method: str, path: str) -> None:
    body = {} if method == "POST" else None
    assert service.ask(method, path, body, service.key(tenant, kind)).status == 403
