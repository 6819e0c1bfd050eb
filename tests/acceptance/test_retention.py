"""Events over their days leave the real service, killed at random moments: nothing else goes, no id is forgotten."""

import contextlib
import hashlib
import random
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pyarrow.parquet as parquet
import pytest

from auricle.model.principal import Kind
from auricle.model.statement import Statement
from auricle.settings import Settings
from auricle.store.database import open_database
from auricle.store.events import EventStore
from auricle.store.rollup import RollupStore
from running import EVENTS, Service, event, serving, wait_until

RETENTION = "/api/v1/analytics/admin/retention"
SUBJECTS = "/api/v1/analytics/subjects"
MARK = "Xq7Zzarchivetest"
"""In every id and text of one person, and in nothing else."""


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
    # NOTE: behind the back of the service: the rollups must be told that what they counted is another now.
    database = open_database(settings)
    RollupStore(database).rebuild()
    database.dispose()


@pytest.fixture(params=["sqlite", "postgresql"])
def service(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Service]:
    with contextlib.ExitStack() as stack:
        settings = Settings(data=tmp_path / "data")
        if request.param == "postgresql":
            url = stack.enter_context(request.getfixturevalue("postgresql").database())
            settings = settings.model_copy(update={"database_url": url})
        (tmp_path / "archive").write_text("Nobody can write an archive here.")
        yield stack.enter_context(serving(settings, {"AURICLE_ARCHIVE_DIR": str(tmp_path / "archive")}))


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


def archived(folder: Path) -> list[dict[str, Any]]:
    """The rows of all files that a manifest names, whose hash must be as it says; there is no other file."""
    rows: list[dict[str, Any]] = []
    files = {path for path in folder.rglob("*") if path.is_file()}
    for manifest in folder.rglob("*.json"):
        told = orjson.loads(manifest.read_bytes())
        file = manifest.with_name(told["file"])
        assert hashlib.sha256(file.read_bytes()).hexdigest() == told["sha256"]
        found = parquet.read_table(file).to_pylist()
        assert {row["tenant_id"] for row in found} == {told["tenant"]} == {manifest.parent.parent.name}
        rows += found
        files -= {manifest, file}
    assert files == set()
    return rows


@pytest.mark.slow
def test_what_is_over_goes_whatever_kills_the_service(service: Service, tmp_path: Path) -> None:
    dice = random.Random(10)
    old = [event(event_name=name) for name in ("page_view", "button_click") for _ in range(140)]
    old += [event(user_id=MARK, session_id=f"{MARK}-session", attributes={"page": f"/{MARK}"}) for _ in range(15)]
    old += [event(session_id=f"{MARK}-session") for _ in range(5)]
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
    service.ask("POST", f"{RETENTION}/run", {}, key)
    trouble = wait_until(lambda: service.stats("acme")["retention"]["trouble"], 30, 0.1)
    assert trouble == "The archive cannot be written: Not a directory. Nothing goes meanwhile."
    assert "retention_waits" in service.log.read_text()
    assert counted(service, "acme") == 370
    (tmp_path / "archive").unlink()
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

    rows = archived(tmp_path / "archive")
    assert sorted(row["event_id"] for row in rows) == sorted(one["event_id"] for one in old)

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

    ordered = service.ask("POST", f"{SUBJECTS}/erase", {"user_id": MARK}, key).body["id"]
    service.stop(signal.SIGKILL)
    service.start()
    path = f"{SUBJECTS}/erasures/{ordered}"
    receipt = wait_until(lambda: (now := service.ask("GET", path, key=key).body)["state"] == "done" and now, 60, 0.2)
    assert (receipt["erased"]["archive"], receipt["erased"]["events"]) == (20, 0)
    rows = archived(tmp_path / "archive")
    assert sorted(row["event_id"] for row in rows) == sorted(one["event_id"] for one in old[:280])
    content = b"".join(file.read_bytes() for file in (tmp_path / "archive").rglob("*") if file.is_file())
    assert (MARK in repr(rows), MARK.encode() in content) == (False, False)
    assert MARK.encode() not in b"".join(f.read_bytes() for f in (service.settings.data / "engine").rglob("*.parquet"))
    again = service.send("acme", [old[-1], old[0]]).body["results"]
    assert [(one["status"], one.get("reason")) for one in again] == [("dropped", "erased"), ("duplicate", None)]
