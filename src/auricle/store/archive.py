"""The archive: what retention takes away, as Parquet, written, synced and read back before any of it goes.

    <folder>/<tenant>/<month of occurrence>/<sweep>.parquet, and beside it <sweep>.json, the manifest

A file without a manifest that names it is none: it was left by a process that was killed, and is removed. So a file is
changed by writing another beside it and letting the manifest name that one, which happens at once or not at all.
"""

import hashlib
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

import orjson
import structlog

from auricle import clock
from auricle.errors import Unavailable
from auricle.model.query import instant_of
from auricle.model.statement import Statement
from auricle.model.sweep import Sweep
from auricle.store.events import COLUMNS, EventStore
from auricle.store.expiry import chosen

log = structlog.get_logger(__name__)

_TIME = "DateTime64(6, 'UTC')"
STRUCTURE = ", ".join(f"{name} {_TIME if name.endswith('_at') else 'String'}" for name in COLUMNS)
"""The columns of a file: those of an event, its id as text, which every reader of Parquet knows."""
_WRITTEN = ", ".join("toString(event_id) AS event_id" if name == "event_id" else name for name in COLUMNS)
_ERASED = "toUUID(event_id) IN (SELECT event_id FROM erasing WHERE job = {job:UUID})"


class Part(NamedTuple):
    """What some rows of one event name are. Times are microseconds."""

    event_name: str
    events: int
    hashes: int
    """The sum of a hash of all columns."""
    first_received: int
    last_received: int
    first_occurred: int
    last_occurred: int


@dataclass(frozen=True, slots=True)
class Summary:
    """What some rows are; two that are equal are of the same rows."""

    parts: tuple[Part, ...]

    @property
    def events(self) -> int:
        """The number of rows."""
        return sum(part.events for part in self.parts)

    def as_json(self) -> dict[str, Any]:
        """The part of a manifest that tells of the rows; there is at least one."""
        received = [(part.first_received, part.last_received) for part in self.parts]
        occurred = [(part.first_occurred, part.last_occurred) for part in self.parts]
        return {
            "events": self.events,
            "names": {part.event_name: part.events for part in self.parts},
            "received_at": _ends(received),
            "occurred_at": _ends(occurred),
        }


class Archive:
    """The files of one folder, written and read by the engine. For the one thread that takes events away."""

    def __init__(self, folder: Path, events: EventStore) -> None:
        self._folder = folder
        self._events = events

    def holds(self, sweep: Sweep, tenant_id: str) -> bool:
        """Whether what a sweep takes of a tenant is in a file, as the event store has it now; read back, all of it."""
        live = self._live(sweep, tenant_id)
        with _told():
            file = _named(self._place(sweep, tenant_id))
        return live.events == 0 or (file is not None and self._read(file) == live)

    def write(self, sweep: Sweep, tenant_id: str) -> None:
        """Archives what a sweep takes of a tenant.

        Raises:
            Unavailable: it cannot be written, or reads back otherwise; nothing may go.
        """
        live = self._live(sweep, tenant_id)
        sql = f"SELECT {_WRITTEN} FROM events WHERE {_mine(sweep)}"
        rows = Statement(sql, {"sweep": sweep.id, "tenant": tenant_id})
        self._put(self._place(sweep, tenant_id), rows, live, f"{sweep.id}.parquet", tenant_id, sweep.id)

    def discard(self, sweep: Sweep) -> None:
        """Removes the files of a sweep that took nothing after all."""
        for share in sweep.shares:
            with _told():
                _remove(self._place(sweep, share.tenant_id))

    def source(self, tenant_id: str) -> str | None:
        """SQL of a table of all archived events of a tenant; None when there are none."""
        with _told():
            files = _tidied(self._of(tenant_id))
        return _file(self._of(tenant_id) / "*" / "*.parquet") if files else None

    def holding(self, job: str, source: str) -> dict[Path, int]:
        """The files of a `source` that hold events noted under a job (`auricle.store.purge`), with their number."""
        sql = f"SELECT _path, count() FROM {source} WHERE {_ERASED} GROUP BY _path ORDER BY _path"
        return {Path(path): events for path, events in self._events.ask(Statement(sql, {"job": job})).rows}

    def erase(self, job: str, tenant_id: str, source: str) -> None:
        """Writes the files of a `source` that hold events noted under a job anew, without those."""
        for path in self.holding(job, source):
            manifest = _manifest_of(path)
            where = f"{_file(path)} WHERE NOT ({_ERASED})"
            left = self._summary(where, {"job": job}, "event_id")
            with _told():
                if not left.events:
                    _remove(manifest)
                    continue
            rows = Statement(f"SELECT {', '.join(COLUMNS)} FROM {where}", {"job": job})
            sweep_id, _, number = path.stem.partition(".")
            name = f"{sweep_id}.{int(number or 0) + 1}.parquet"
            self._put(manifest, rows, left, name, tenant_id, sweep_id)

    def _put(
        self, manifest: Path, rows: Statement, expected: Summary, name: str, tenant_id: str, sweep_id: str
    ) -> None:
        """Writes a file of rows that must be as `expected`, and then the manifest that names it."""
        folder = manifest.parent
        target = folder / name
        with _told():
            _make(folder)
            draft = target.with_name(target.name + ".tmp")
            digest, size = _write(draft, self._events.stream(rows, "Parquet"))
            if self._read(draft) != expected:
                draft.unlink()
                raise Unavailable("What was written to the archive reads back otherwise; nothing of it goes.")
            draft.rename(target)
            _sync(folder)
            told = {
                "file": name,
                "tenant": tenant_id,
                "sweep": sweep_id,
                "month": folder.name,
                "sha256": digest,
                "bytes": size,
                **expected.as_json(),
                "columns": list(COLUMNS),
                "written_at": _moment(clock.micros()),
            }
            draft = manifest.with_name(manifest.name + ".tmp")
            _write(draft, [orjson.dumps(told, option=orjson.OPT_INDENT_2)])
            before = _named(manifest)
            draft.rename(manifest)
            _sync(folder)
            if before is not None and before != target:
                before.unlink()
                _sync(folder)
        log.info("archived", tenant=tenant_id, sweep=sweep_id, events=expected.events, bytes=size)

    def _live(self, sweep: Sweep, tenant_id: str) -> Summary:
        where = f"events WHERE {_mine(sweep)}"
        return self._summary(where, {"sweep": sweep.id, "tenant": tenant_id}, "toString(event_id)")

    def _read(self, file: Path) -> Summary:
        return self._summary(_file(file), {}, "event_id")

    def _summary(self, source: str, params: dict[str, Any], event_id: str) -> Summary:
        hashed = ", ".join(event_id if name == "event_id" else f"toString({name})" for name in COLUMNS)
        ends = [
            f"toUnixTimestamp64Micro({end}({name}))"
            for name in ("received_at", "occurred_at")
            for end in ("min", "max")
        ]
        sql = (
            f"SELECT toString(event_name) AS name, count(), sum(cityHash64({hashed})), {', '.join(ends)}"
            f" FROM {source} GROUP BY name ORDER BY name"
        )
        return Summary(tuple(Part(*row) for row in self._events.ask(Statement(sql, params)).rows))

    def _of(self, tenant_id: str) -> Path:
        # NOTE: whatever a tenant may be called one day, it is one folder in this one. A leading dot would hide it, and
        # two of them would lead out.
        return self._folder / quote(tenant_id, safe="").replace(".", "%2E")

    def _place(self, sweep: Sweep, tenant_id: str) -> Path:
        return self._of(tenant_id) / sweep.folder / f"{sweep.id}.json"


def _mine(sweep: Sweep) -> str:
    return f"tenant_id = {{tenant:String}} AND {chosen(sweep)}"


def _file(path: Path) -> str:
    # NOTE: the folder's setting holds nothing that means anything in a pattern or a literal, and we name the rest.
    structure = STRUCTURE.replace("'", "\\'")
    return f"file('{path}', 'Parquet', '{structure}')"


def _manifest_of(file: Path) -> Path:
    return file.with_name(f"{file.stem.partition('.')[0]}.json")


def _named(manifest: Path) -> Path | None:
    """The file that a manifest names; None when it is not there as a whole."""
    try:
        told = orjson.loads(manifest.read_bytes())
        file = manifest.with_name(str(told["file"]))
        return file if file.stat().st_size == told["bytes"] else None
    except FileNotFoundError:
        return None


def _remove(manifest: Path) -> None:
    """Removes all files of a sweep, their manifest first."""
    manifest.unlink(missing_ok=True)
    for file in manifest.parent.glob(f"{manifest.stem}.*"):
        file.unlink()
    if manifest.parent.is_dir():
        _sync(manifest.parent)


def _tidied(folder: Path) -> Sequence[Path]:
    """The files of a tenant that a manifest names; all others are removed."""
    kept = {file for manifest in folder.glob("*/*.json") if (file := _named(manifest)) is not None}
    for path in folder.glob("*/*"):
        if path.suffix != ".json" and path not in kept:
            path.unlink()
            _sync(path.parent)
    return sorted(kept)


def _make(folder: Path) -> None:
    if not folder.is_dir():
        _make(folder.parent)
        folder.mkdir(mode=0o700, exist_ok=True)
        _sync(folder.parent)


def _write(path: Path, pieces: Iterator[bytes] | Sequence[bytes]) -> tuple[str, int]:
    """Writes a file that its owner alone may read, and syncs it; gives its hash and size."""
    digest, size = hashlib.sha256(), 0
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        for piece in pieces:
            file.write(piece)
            digest.update(piece)
            size += len(piece)
        file.flush()
        os.fsync(file.fileno())
    return digest.hexdigest(), size


def _sync(folder: Path) -> None:
    held = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(held)
    finally:
        os.close(held)


@contextmanager
def _told() -> Iterator[None]:
    """What the system refuses, told as ours: it names no path."""
    try:
        yield
    except OSError as error:
        why = os.strerror(error.errno) if error.errno else "it is not there"
        raise Unavailable(f"The archive cannot be written: {why}. Nothing goes meanwhile.") from error


def _ends(ranges: Sequence[tuple[int, int]]) -> dict[str, str]:
    return {"first": _moment(min(first for first, _ in ranges)), "last": _moment(max(last for _, last in ranges))}


def _moment(micros: int) -> str:
    return instant_of(micros).isoformat().replace("+00:00", "Z")
