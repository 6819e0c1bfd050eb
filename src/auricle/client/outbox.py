"""The outbox: events that wait on disk, so that the end of the process, however sudden, loses none.

A folder that processes share. Each writes files of its own, `<mark>-<number>.events`, a line an event, and holds a lock
on `<mark>.lock` for as long as it lives. Files whose mark nobody holds are left by a process that is no more, and
whoever comes next takes them over: gets the lock, then renames them to its own mark. So a file has one owner at any
moment; were an event sent twice for a crash between the answer and the removal, the service would count it once.

A file is the unit of sending: it is sealed when a batch is wanted, and removed when all its events are settled.
An event that was put is safe from the end of the process at once, and from the end of the machine after `sync`, which
the sender calls every second.
"""

import contextlib
import os
import sys
import threading
from collections import deque
from dataclasses import dataclass
from pathlib import Path

from auricle import clock

if sys.platform != "win32":
    import fcntl

SEALED_EVENTS = 500
SEALED_BYTES = 400_000
"""A file is sealed when it holds this much, whether a batch is wanted or not."""


@dataclass(slots=True)
class Segment:
    """One file."""

    path: Path
    events: int = 0
    size: int = 0


class Outbox:
    """Events in a folder, of a bounded size."""

    lasting = True

    def __init__(self, folder: Path, size: int) -> None:
        """Raises OSError when the folder cannot be made or written, and where files cannot be locked."""
        if sys.platform == "win32":
            raise OSError("an outbox needs flock, which Windows has not")
        self._folder = folder
        self._most_bytes = size
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._mark, self._held = _claim(folder)
        self._lock = threading.RLock()  # re-entrant for the same reason as that of `Queue`
        self._sealed: deque[Segment] = deque()
        self._open: Segment | None = None
        self._file = -1
        self._out: Segment | None = None
        self._made = 0
        self._bytes = 0
        self._events = 0
        self._dirty = False
        self._closed = False

    @property
    def count(self) -> int:
        """See `Waiting`."""
        return self._events

    def put(self, line: bytes) -> bool:
        """See `Waiting`; False too when the disk takes no more."""
        with self._lock:
            if self._closed or self._bytes + len(line) + 1 > self._most_bytes:
                return False
            if self._open is not None and (self._open.events >= SEALED_EVENTS or self._open.size >= SEALED_BYTES):
                self._seal()
            try:
                segment = self._open or self._begin()
                written = os.write(self._file, line + b"\n")
            except OSError:
                written = 0
            if written <= len(line):
                self._cut()
                return False
            segment.events += 1
            segment.size += written
            self._events += 1
            self._bytes += written
            self._dirty = True
            return True

    def make_room(self) -> int:
        """See `Waiting`: the events of the oldest file that is not out."""
        with self._lock:
            if not self._sealed:
                self._seal()
            if not self._sealed:
                return 0
            segment = self._sealed.popleft()
            self._remove(segment)
            return segment.events

    def take(self, events: int, size: int) -> list[bytes]:  # noqa: ARG002 - a file is what it is
        """See `Waiting`: the events of the oldest file, which may be more or less than what is wanted."""
        with self._lock:
            if self._out is None:
                if not self._sealed:
                    self._seal()
                self._out = self._sealed.popleft() if self._sealed else None
            segment = self._out
        if segment is None:
            return []
        lines = _lines(segment.path)
        with self._lock:
            self._events += len(lines) - segment.events
            segment.events = len(lines)
        if not lines:
            self.settle([])
        return lines

    def settle(self, kept: list[bytes]) -> None:
        """See `Waiting`."""
        with self._lock:
            segment, self._out = self._out, None
        if segment is None:
            return
        rest = segment
        if 0 < len(kept) < segment.events:
            made = Segment(self._name(), len(kept), sum(len(line) + 1 for line in kept))
            # NOTE: on a full disk the old file stays; what was settled of it is sent again, and counts for nothing.
            rest = made if _write(made.path, kept) else segment
        with self._lock:
            if kept:
                self._sealed.appendleft(rest)
            if rest is not segment:
                self._bytes += rest.size
                self._events += rest.events
            if rest is not segment or not kept:
                self._remove(segment)

    def sync(self) -> None:
        """See `Waiting`."""
        with self._lock:
            if not self._dirty or self._file < 0:
                return
            self._dirty = False
            copy = os.dup(self._file)
        try:
            # NOTE: not under the lock: a disk may take its time, and `put` must not.
            with contextlib.suppress(OSError):
                os.fsync(copy)
        finally:
            os.close(copy)

    def adopt(self) -> int:
        """See `Waiting`."""
        if self._closed:
            return 0
        return sum(self._adopt_of(lock) for lock in sorted(self._folder.glob("*.lock")) if lock.stem != self._mark)

    def close(self) -> None:
        """See `Waiting`. The lock goes too, so that others may take over what is left."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            self.sync()
            if self._file >= 0:
                os.close(self._file)
                self._file = -1
            if not self._events:
                if self._open is not None:
                    self._remove(self._open)
                with contextlib.suppress(OSError):
                    (self._folder / f"{self._mark}.lock").unlink()
            os.close(self._held)

    def abandon(self) -> None:
        """Lets go of the files in a process that was forked off: they are its parent's."""
        # NOTE: no unlocking: the lock is of the open file, which both share, and goes when both have closed it.
        self._closed = True
        for file in (self._held, self._file):
            if file >= 0:
                with contextlib.suppress(OSError):
                    os.close(file)
        self._file = -1

    def _adopt_of(self, lock: Path) -> int:
        found = 0
        try:
            file = os.open(lock, os.O_RDWR | os.O_CLOEXEC)
        except OSError:  # somebody else was faster
            return 0
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            for path in sorted(self._folder.glob(f"{lock.stem}-*.events")):
                mine = Segment(self._name())
                path.rename(mine.path)
                mine.size, mine.events = mine.path.stat().st_size, len(_lines(mine.path))
                found += mine.events
                with self._lock:
                    self._sealed.append(mine)
                    self._bytes += mine.size
                    self._events += mine.events
            lock.unlink(missing_ok=True)
        except OSError:  # its owner lives, or the disk does not do what it is asked to
            return found
        finally:
            os.close(file)
        return found

    def _name(self) -> Path:
        with self._lock:
            self._made += 1
            return self._folder / f"{self._mark}-{self._made:012d}.events"

    def _begin(self) -> Segment:
        path = self._name()
        self._file = _open(path, os.O_APPEND | os.O_EXCL)
        self._open = Segment(path)
        return self._open

    def _seal(self) -> None:
        if self._open is not None and self._open.events:
            self.sync()
            os.close(self._file)
            self._sealed.append(self._open)
            self._open, self._file = None, -1

    def _cut(self) -> None:
        """Takes half a line away, as a full disk leaves it."""
        if self._open is not None and self._file >= 0:
            with contextlib.suppress(OSError):
                os.ftruncate(self._file, self._open.size)

    def _remove(self, segment: Segment) -> None:
        self._bytes -= segment.size
        self._events -= segment.events
        with contextlib.suppress(OSError):
            segment.path.unlink()


def _claim(folder: Path) -> tuple[str, int]:
    """A mark that is nobody else's, and its lock, held."""
    while True:
        mark = clock.new_id()  # NOTE: no `new_mark`: a fork would make the same ones
        path = folder / f"{mark}.lock"
        file = _open(path)
        # NOTE: whoever looks for files that are left may have the lock before us, and take its file away.
        with contextlib.suppress(OSError):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if path.stat().st_ino == os.fstat(file).st_ino:
                return mark, file
        os.close(file)


def _open(path: Path, more: int = 0) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | more, 0o600)


def _lines(path: Path) -> list[bytes]:
    """The whole lines of a file: of the last one, a crash may have left half."""
    try:
        body = path.read_bytes()
    except OSError:
        return []
    return [line for line in body.split(b"\n")[:-1] if line]


def _write(path: Path, lines: list[bytes]) -> bool:
    """Whether the lines are in a file of this name, all of them or none."""
    try:
        file = _open(path, os.O_EXCL)
        with os.fdopen(file, "wb") as out:
            out.write(b"".join(line + b"\n" for line in lines))
            out.flush()
            os.fsync(out.fileno())
    except OSError:
        with contextlib.suppress(OSError):
            path.unlink()
        return False
    return True
