"""Events over their days leave the real service, killed at random moments: nothing else goes, no id is forgotten."""

import contextlib
import random
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from auricle.model.principal import Kind
from auricle.model.statement import Statement
from auricle.settings import Settings
from auricle.store.events import EventStore
from running import EVENTS, Service, event, serving, wait_until

RETENTION = "/api/v1/analytics/admin/retention"


def age(settings: Settings, condition: str, days: int) -> None:
    """Has stored events of a stopped service been received, and occurred, so many days earlier."""
    with EventStore(settings) as store:
        wait_until(store.ready, 60.0)
        columns = (
            "event_id, tenant_id, event_name, site_id, session_id, user_id, source, schema_id, attributes, context"
        )
        moved = f"occurred_at - INTERVAL {days} DAY, received_at - INTERVAL {days} DAY"
        store.run(
            Statement(
                f"INSERT INTO events ({columns}, occurred_at, received_at) SELECT {columns}, {moved}"
                f" FROM events WHERE {condition} AND received_at > now() - INTERVAL 1 DAY"
            )
        )
        recent = "received_at > now() - INTERVAL 1 DAY"
        store.run(Statement(f"ALTER TABLE events DELETE WHERE {condition} AND {recent} SETTINGS mutations_sync = 1"))


@pytest.fixture(params=["sqlite", "postgresql"])
def service(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Service]:
    with contextlib.ExitStack() as stack:
        settings = Settings(data=tmp_path / "data")
        if request.param == "postgresql":
            url = stack.enter_context(request.getfixturevalue("postgresql").database())
            settings = settings.model_copy(update={"database_url": url})
        yield stack.enter_context(serving(settings))


def told(service: Service, tenant: str) -> dict[str, Any]:
    answer = service.ask("GET", RETENTION, key=service.key(tenant, Kind.ADMIN))
    assert answer.status == 200, answer
    return dict(answer.body)


def counted(service: Service, tenant: str) -> int:
    """How many events reports count, over all time."""
    body = {"field": "event_name", "from": "2020-01-01T00:00:00Z", "to": "2040-01-01T00:00:00Z", "include_test": True}
    answer = service.ask("POST", "/api/v1/analytics/reports/top", body, service.key(tenant, Kind.READ))
    assert answer.status == 200, answer
    return int(answer.body["total"])


@pytest.mark.slow
def test_what_is_over_goes_whatever_kills_the_service(service: Service) -> None:
    dice = random.Random(10)
    old = [event(event_name=name) for name in ("page_view", "button_click") for _ in range(150)]
    young = [event(event_name="page_view", session_id="young") for _ in range(50)]
    kept = [event(event_name="video_play") for _ in range(20)]
    theirs = [event() for _ in range(30)]
    for part in (old[:200], old[200:] + young, kept):
        assert service.send("acme", part).body["rejected"] == 0
    assert service.send("other", theirs).status == 202
    before = {tenant: service.drained(tenant) for tenant in ("acme", "other")}
    options = {"retention": {"events": 90, "by_event": {"video_play": 0}}}
    key = service.key("acme", Kind.ADMIN)
    assert service.ask("PATCH", "/api/v1/analytics/admin/options", options, key).status == 200
    assert service.stop() == 0
    age(service.settings, "session_id != 'young' AND tenant_id = 'acme'", 120)
    service.start()
    for _ in range(4):
        time.sleep(dice.uniform(0.3, 2.0))
        service.stop(signal.SIGKILL)
        service.start()
    service.ask("POST", f"{RETENTION}/run", {}, key)
    standing = wait_until(lambda: (now := told(service, "acme"))["up_to_date"] and now, 60, 0.2)

    assert counted(service, "acme") == 70
    assert counted(service, "other") == 30
    assert standing["trouble"] is None
    assert sum(sweep["events"] for sweep in standing["sweeps"]) == 300
    assert {sweep["state"] for sweep in standing["sweeps"]} == {"done"}
    assert told(service, "other")["sweeps"] == []
    stats = service.stats("acme")
    assert (stats["events"], stats["expired"]) == (before["acme"], 300)
    entries = service.ask("GET", "/api/v1/analytics/admin/audit?action=retention.sweep", key=key).body["entries"]
    assert sum(entry["detail"]["events"] for entry in entries) == 300

    again = service.send("acme", [*old[:100], *young[:5], event()]).body
    assert (again["accepted"], again["duplicates"]) == (1, 105)
    fate = service.ask("GET", f"{EVENTS}/{old[0]['event_id']}/fate", key=key).body
    assert fate == {"event_id": old[0]["event_id"], "fate": "expired", "visible": False}
    assert service.send("other", old[:1]).body["accepted"] == 1  # of another tenant it is an event of its own
    service.stop(signal.SIGKILL)
    service.start()
    again = service.send("acme", old[:200]).body
    assert (again["accepted"], again["duplicates"]) == (0, 200)
    service.drained("acme")
    assert counted(service, "acme") == 71
