"""The archive on the real engine: written, read back, and readable by others; nothing half."""

import errno
import hashlib
import json
import os
import uuid
from pathlib import Path
from typing import Any

import pyarrow.parquet as parquet
import pytest

from auricle import clock
from auricle.errors import Unavailable
from auricle.intake.row import body_of, line_of
from auricle.model.event import Event
from auricle.model.statement import Statement
from auricle.model.sweep import Group, Share, Sweep, SweepState
from auricle.store import archive as module
from auricle.store.archive import Archive
from auricle.store.events import COLUMNS, EventStore
from auricle.store.expiry import Expiry
from auricle.store.purge import Purge

NOW = 1_780_000_000_000_000
DAY = "2026-05-28"
HOSTILE = 'it\'s \\ "{p0:String}"\n\t\u2028ü🎈 \u0000'


class Rig:
    """An archive, and a sweep of some events of one tenant."""

    def __init__(self, events: EventStore, folder: Path, tenant: str) -> None:
        self.events, self.folder, self.tenant = events, folder, tenant
        self.archive = Archive(folder, events)
        shares = (Share(tenant, {"page_view": 1}),)
        self.sweep = Sweep(clock.new_id(), 202605, SweepState.ARCHIVING, False, True, NOW, shares=shares)
        Expiry(events).stage(self.sweep, [Group(tenant, "page_view", "", DAY, 1)])

    def write(self, *more: dict[str, Any]) -> list[Event]:
        plain = Event(self.tenant, "", "page_view", NOW, "", "", "", "web", "", {}, {})
        told = [
            plain._replace(event_id=str(uuid.uuid4()), occurred_at=NOW + n)._replace(**one)
            for n, one in enumerate(more)
        ]
        lines = [line_of(body_of(one), one.occurred_at, NOW + n) for n, one in enumerate(told)]
        self.events.insert(b"\n".join(lines), str(uuid.uuid4()))
        return told

    @property
    def files(self) -> list[str]:
        return sorted(path.relative_to(self.folder).as_posix() for path in self.folder.rglob("*") if path.is_file())

    @property
    def manifest(self) -> dict[str, Any]:
        return dict(json.loads((self.place / f"{self.sweep.id}.json").read_bytes()))

    @property
    def place(self) -> Path:
        return self.folder / self.tenant / "2026-05"

    def rows(self) -> list[dict[str, Any]]:
        """The archived rows, read by another library."""
        found = parquet.read_table(self.place / self.manifest["file"]).to_pylist()
        return sorted(found, key=lambda row: str(row["occurred_at"]))

    def stage(self, *told: Event) -> str:
        """Notes events to be erased; gives the job."""
        job = clock.new_id()
        ids = [one.event_id for one in told]
        sql = "INSERT INTO erasing SELECT {job:UUID}, '', arrayJoin({ids:Array(UUID)}), 'archive'"
        Purge(self.events).stage(Statement(sql, {"job": job, "ids": ids}))
        return job


@pytest.fixture
def rig(events: EventStore, tmp_path: Path, tenant: str) -> Rig:
    return Rig(events, tmp_path / "a place, of + @ its_own" / "archive", tenant)


def test_what_goes_is_written_whole_and_others_can_read_it(rig: Rig) -> None:
    told = rig.write(
        {"user_id": HOSTILE, "session_id": HOSTILE, "attributes": {HOSTILE: [HOSTILE, 2**63, 1.5, None]}},
        {"site_id": "shop", "context": {"page": {"url": "/x"}}},
    )
    assert not rig.archive.holds(rig.sweep, rig.tenant)
    rig.archive.write(rig.sweep, rig.tenant)
    assert rig.archive.holds(rig.sweep, rig.tenant)

    assert rig.files == [f"{rig.tenant}/2026-05/{rig.sweep.id}{end}" for end in (".json", ".parquet")]
    rows = rig.rows()
    assert list(rows[0]) == list(COLUMNS)
    assert [(row["event_id"], row["user_id"], json.loads(row["attributes"])) for row in rows] == [
        (one.event_id, one.user_id, dict(one.attributes)) for one in told
    ]
    assert [int(row["occurred_at"].timestamp() * 1_000_000) for row in rows] == [NOW, NOW + 1]
    content = (rig.place / rig.manifest["file"]).read_bytes()
    manifest = rig.manifest
    assert manifest.pop("written_at") > "2026"
    assert manifest == {
        "file": f"{rig.sweep.id}.parquet",
        "tenant": rig.tenant,
        "sweep": rig.sweep.id,
        "month": "2026-05",
        "sha256": hashlib.sha256(content).hexdigest(),
        "bytes": len(content),
        "events": 2,
        "names": {"page_view": 2},
        "received_at": {"first": "2026-05-28T20:26:40Z", "last": "2026-05-28T20:26:40.000001Z"},
        "occurred_at": {"first": "2026-05-28T20:26:40Z", "last": "2026-05-28T20:26:40.000001Z"},
        "columns": list(COLUMNS),
    }
    assert {path.stat().st_mode & 0o777 for path in rig.place.iterdir()} == {0o600}
    assert rig.place.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("hurt", ["gone", "cut", "other", "another row", "no manifest"])
def test_a_file_that_is_not_what_it_was_is_written_again(rig: Rig, hurt: str) -> None:
    rig.write({}, {})
    rig.archive.write(rig.sweep, rig.tenant)
    file = rig.place / rig.manifest["file"]
    if hurt == "gone":
        file.unlink()
    elif hurt == "cut":
        file.write_bytes(file.read_bytes()[:-9])
    elif hurt == "other":
        other = Rig(rig.events, rig.folder, f"{rig.tenant}2")
        other.write({}, {})
        other.archive.write(other.sweep, other.tenant)
        file.write_bytes((other.place / other.manifest["file"]).read_bytes())
    elif hurt == "another row":
        rig.write({})
    else:
        (rig.place / f"{rig.sweep.id}.json").unlink()
    assert not rig.archive.holds(rig.sweep, rig.tenant)
    rig.archive.write(rig.sweep, rig.tenant)
    assert rig.archive.holds(rig.sweep, rig.tenant)
    assert len(rig.rows()) == (3 if hurt == "another row" else 2)
    assert len([name for name in rig.files if rig.sweep.id in name]) == 2


def test_what_reads_back_otherwise_is_no_archive(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    rig.write({}, {})
    other = Rig(rig.events, rig.folder / "b", f"{rig.tenant}2")
    other.write({})
    other.archive.write(other.sweep, other.tenant)
    wrong = (other.place / other.manifest["file"]).read_bytes()
    monkeypatch.setattr(EventStore, "stream", lambda *_: iter([wrong]))
    with pytest.raises(Unavailable, match="reads back otherwise"):
        rig.archive.write(rig.sweep, rig.tenant)
    assert [name for name in rig.files if rig.sweep.id in name] == []


@pytest.mark.parametrize("call", ["fsync", "rename"])
def test_a_full_disk_leaves_nothing_that_counts(rig: Rig, monkeypatch: pytest.MonkeyPatch, call: str) -> None:
    rig.write({})

    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(rig.folder))

    with monkeypatch.context() as patch:
        patch.setattr(module.os if call == "fsync" else Path, call, full)
        with pytest.raises(Unavailable) as told:
            rig.archive.write(rig.sweep, rig.tenant)
    assert told.value.detail == "The archive cannot be written: No space left on device. Nothing goes meanwhile."
    assert not rig.archive.holds(rig.sweep, rig.tenant)
    rig.archive.write(rig.sweep, rig.tenant)
    assert rig.archive.holds(rig.sweep, rig.tenant)


def test_erased_events_leave_every_file(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    told = rig.write({"user_id": "u"}, {"user_id": "v"}, {"user_id": "u"})
    rig.archive.write(rig.sweep, rig.tenant)
    alone = Rig(rig.events, rig.folder, rig.tenant)
    rig.place.joinpath("left-by-a-kill.parquet.tmp").write_bytes(b"x")
    hers = alone.write({"user_id": "u", "event_name": "click"})
    Expiry(rig.events).stage(alone.sweep, [Group(rig.tenant, "click", "", DAY, 1)])
    alone.archive.write(alone.sweep, rig.tenant)
    job = rig.stage(told[0], told[2], *hers)
    source = rig.archive.source(rig.tenant)
    assert source is not None
    assert sorted(rig.archive.holding(job, source).values()) == [1, 2]
    rig.archive.erase(job, rig.tenant, source)
    again = rig.archive.source(rig.tenant)
    assert again is not None
    assert rig.archive.holding(job, again) == {}
    assert [row["user_id"] for row in rig.rows()] == ["v"]
    assert (rig.manifest["file"], rig.manifest["events"]) == (f"{rig.sweep.id}.1.parquet", 1)
    assert rig.files == [f"{rig.tenant}/2026-05/{rig.sweep.id}{end}" for end in (".1.parquet", ".json")]
    rig.archive.erase(rig.stage(told[1]), rig.tenant, again)
    assert (rig.files, rig.archive.source(rig.tenant)) == ([], None)


def test_what_a_killed_rewriting_left_is_no_file(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed between the new file and the manifest that names it: the old one counts, and all is done again."""
    told = rig.write({"user_id": "u"}, {"user_id": "v"})
    rig.archive.write(rig.sweep, rig.tenant)
    job, source = rig.stage(told[0]), rig.archive.source(rig.tenant)
    assert source is not None
    real = Path.rename

    def killed(path: Path, to: Path) -> Path:
        if path.name.endswith(".json.tmp"):
            raise KeyboardInterrupt
        return real(path, to)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", killed)
        with pytest.raises(KeyboardInterrupt):
            rig.archive.erase(job, rig.tenant, source)
    assert rig.manifest["events"] == 2
    source = rig.archive.source(rig.tenant)
    assert source is not None
    assert list(rig.archive.holding(job, source)) == [rig.place / f"{rig.sweep.id}.parquet"]
    rig.archive.erase(job, rig.tenant, source)
    assert [row["user_id"] for row in rig.rows()] == ["v"]


@pytest.mark.parametrize("name", ["..", ".", "../../etc", "a/b", "", "a\0b", "%2E", "a*b{c}'", "ü" * 20])
def test_no_tenant_leads_out_of_the_folder(events: EventStore, tmp_path: Path, name: str) -> None:
    place = Archive(tmp_path, events)._of(name)
    assert place.parent == tmp_path or name == ""
    assert tmp_path in place.resolve().parents or name == ""
    assert not set("*{}'\\\0") & set(place.name)
    assert len({Archive(tmp_path, events)._of(other) for other in (name, "%252E", "acme")}) == 3


def test_a_sweep_that_takes_nothing_leaves_nothing(rig: Rig) -> None:
    rig.write({})
    rig.archive.write(rig.sweep, rig.tenant)
    rig.archive.discard(rig.sweep)
    assert (rig.files, rig.archive.source(rig.tenant)) == ([], None)
    rig.archive.discard(rig.sweep)
