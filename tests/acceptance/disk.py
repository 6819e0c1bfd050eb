"""A small disk: a file system of memory of a few megabytes that can be filled to the last byte."""

import contextlib
import os
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest


@dataclass(frozen=True, slots=True)
class Disk:
    """One disk. Processes that shall see it at `place` are started behind `prefix`; from here it is seen at `view`."""

    place: Path
    view: Path
    prefix: Sequence[str] = ()

    @property
    def free(self) -> int:
        """Bytes that are free."""
        told = os.statvfs(self.view)
        return told.f_bavail * told.f_frsize

    def fill(self, leave: int = 0) -> None:
        """Takes all free bytes but these, also those that come free for a moment while it does."""
        with (self.view / "ballast").open("ab", buffering=0) as file:
            while (more := self.free - leave) > 0:
                try:
                    file.write(b"\0" * min(more, 1 << 20))
                except OSError:
                    return

    def empty(self) -> None:
        """Gives the bytes back."""
        (self.view / "ballast").unlink(missing_ok=True)


@contextlib.contextmanager
def small_disk(megabytes: int) -> Iterator[Disk]:
    """A disk of this size: mounted when that is allowed, else within a namespace of one's own; else the test skips."""
    place = Path(tempfile.mkdtemp(prefix="auricle-disk-"))
    try:
        with _mounted(place, megabytes) as disk:
            yield disk
    finally:
        with contextlib.suppress(OSError):
            place.rmdir()


@contextlib.contextmanager
def _mounted(place: Path, megabytes: int) -> Iterator[Disk]:
    mount = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "auricle-test", str(place)]
    if os.geteuid() == 0 and _works(mount):
        try:
            yield Disk(place, place)
        finally:
            # A process that is just ending may hold it for a moment.
            while not _works(["umount", str(place)]):
                time.sleep(0.1)
        return
    holder = _held(mount)
    if holder is None:
        pytest.skip("a small disk can neither be mounted nor made in a user namespace here")
    try:
        prefix = ("nsenter", f"--target={holder.pid}", "--user", "--mount", "--preserve-credentials")
        yield Disk(place, Path(f"/proc/{holder.pid}/root{place}"), prefix)
    finally:
        holder.kill()
        holder.communicate()


def _works(command: list[str]) -> bool:
    try:
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def _held(mount: list[str]) -> subprocess.Popen[bytes] | None:
    """A process that keeps a namespace with the mounted disk alive, or None when that is not allowed."""
    try:
        holder = subprocess.Popen(
            [
                "unshare",
                "--user",
                "--map-root-user",
                "--mount",
                "sh",
                "-c",
                '"$@" && echo ready && exec cat',
                "-",
                *mount,
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
    except OSError:
        return None
    if holder.stdout is not None and holder.stdout.readline() == b"ready\n":
        return holder
    holder.kill()
    holder.communicate()
    return None
