"""The whole: in through the doors, out through the reports; started, stopped, killed, and started again."""

import signal
from pathlib import Path
from typing import Any

import orjson
import psutil
import pytest
from starlette.routing import Route

from auricle import app
from auricle.model.principal import Kind
from auricle.settings import Settings
from running import EVENTS, Service, event, serving, wait_until

REPORTS = "/api/v1/analytics/reports"


def count(service: Service, tenant: str, **more: Any) -> int:
    """Events of the last day, as a report counts them."""
    body = {"metric": "events.count", "grain": "1h", "period": "24h", **more}
    answer = service.ask("POST", f"{REPORTS}/timeseries", body, service.key(tenant, Kind.READ))
    assert answer.status == 200, answer
    return sum(int(point["value"] or 0) for point in answer.body["points"])


def test_what_goes_in_comes_out(either_service: Service, tenant: str) -> None:
    service = either_service
    pages = [event(user_id=f"u{n % 3}", attributes={"page": f"/{n % 2}"}) for n in range(12)]
    tests = [event(source="test") for _ in range(5)]
    service.send(tenant, pages + tests)
    service.send(tenant, pages)
    service.send(tenant + "-2", [event()])
    service.drained(tenant)
    assert (count(service, tenant), count(service, tenant, include_test=True)) == (12, 17)
    assert count(service, tenant, filters=[{"field": "page", "op": "eq", "value": "/1"}]) == 6
    top = service.ask("POST", f"{REPORTS}/top", {"field": "user_id", "period": "24h"}, service.key(tenant, Kind.READ))
    rows = sorted((row["value"], row["count"]) for row in top.body["rows"])
    assert (rows, top.body["total"]) == ([("u0", 4), ("u1", 4), ("u2", 4)], 12)


def test_an_event_is_visible_soon(either_service: Service, tenant: str) -> None:
    for expected in range(1, 4):
        either_service.ask("POST", EVENTS, event(), either_service.key(tenant))
        wait_until(lambda expected=expected: count(either_service, tenant) == expected, 5.0)


def test_as_of_is_never_ahead_of_what_waits(service: Service, tenant: str) -> None:
    body = {"metric": "events.count", "grain": "1h", "period": "24h"}
    key = service.key(tenant, Kind.READ)
    for _ in range(5):
        one = event()
        service.ask("POST", EVENTS, one, service.key(tenant))
        answer = service.ask("POST", f"{REPORTS}/timeseries", body, key)
        fate = service.ask("GET", f"{EVENTS}/{one['event_id']}/fate", key=key)
        wait_until(lambda path=f"{EVENTS}/{one['event_id']}/fate": service.ask("GET", path, key=key).body["visible"])
        received_at = service.ask("GET", f"{EVENTS}/{one['event_id']}/fate", key=key).body["received_at"]
        if fate.body["fate"] == "waiting":
            assert answer.body["meta"]["as_of"] < received_at


@pytest.mark.slow
@pytest.mark.parametrize("database_settings", ["sqlite", "postgresql"], indirect=True)
def test_it_is_killed_and_stopped_and_forgets_nothing(database_settings: Settings) -> None:
    sent: list[dict[str, Any]] = []
    with serving(database_settings) as service:
        note = orjson.loads((database_settings.data / "service.json").read_bytes())
        assert service.process is not None
        assert (note["url"], note["pid"]) == (service.url, service.process.pid)
        for sign in (signal.SIGKILL, signal.SIGTERM):
            sent += [event() for _ in range(100)]
            assert service.send("acme", sent[-100:]).body["accepted"] == 100
            engines = psutil.Process(service.process.pid).children(recursive=True)
            assert service.stop(sign) == (-signal.SIGKILL if sign is signal.SIGKILL else 0)
            _, alive = psutil.wait_procs(engines, timeout=10)
            assert alive == []
            assert (database_settings.data / "service.json").exists() is (sign is signal.SIGKILL)
            service.start()
            assert service.send("acme", sent).body["duplicates"] == len(sent)
        counts = service.drained("acme")
        assert counts["stored"] == len(sent) == count(service, "acme")
        assert "Traceback" not in service.log.read_text()


def test_building_opens_nothing_but_the_relational_database(tmp_path: Path) -> None:
    before = {each.path for each in psutil.Process().open_files()}
    children = psutil.Process().children(recursive=True)
    built = app.build(Settings(data=tmp_path / "data"))
    opened = {each.path for each in psutil.Process().open_files()} - before
    assert {Path(path).name for path in opened} <= {"control.db", "control.db-wal", "control.db-shm"}
    assert psutil.Process().children(recursive=True) == children
    assert callable(built)


def test_hot_doors_are_routes_too(tmp_path: Path) -> None:
    """What the front takes past the application must be what the application would have done."""
    front = app.build(Settings(data=tmp_path / "data"))
    known = [route for route in front._behind.routes if isinstance(route, Route)]  # type: ignore[attr-defined]
    routes = {(method, route.path) for route in known for method in route.methods or ()}
    assert front._hot.keys() <= routes  # type: ignore[attr-defined]
