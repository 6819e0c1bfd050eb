"""The keeper of the embedded engine: starts its process, watches it, and starts it again.

A crash or a hang of the engine costs reports a few seconds and ingest nothing: events wait in the journal.
"""

import contextlib
import http.client
import json
import os
import secrets
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import structlog

from auricle.errors import Unavailable

log = structlog.get_logger(__name__)

PING_SECONDS = 0.25
"""Pause between two pings."""
PING_DEADLINE = 0.75
"""Time a ping may take; two in a row that take longer mean a frozen process."""
DEEP_DEADLINE = 15.0
"""Time a trivial query may take, asked beside the pings; longer means a hung engine."""
START_DEADLINE = 60.0


@dataclass(frozen=True, slots=True)
class Address:
    """Where the engine listens, and the secret it wants. A new one for every process."""

    host: str
    port: int
    secret: str


class EmbeddedEngine:
    """One engine process for one folder, always alive between `start` and `stop`."""

    def __init__(self, folder: Path, memory: int) -> None:
        self._folder = folder.resolve()
        self._memory = memory
        self._pid_file = folder.with_name("engine.pid")
        self._address: Address | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._stopping = threading.Event()
        self._watcher = threading.Thread(target=self._watch, name="engine-watch", daemon=True)
        self.starts = 0
        """How often a process was started."""

    def start(self) -> None:
        """Begins to keep an engine alive; returns at once."""
        self._folder.parent.mkdir(parents=True, exist_ok=True)
        self._end_stranger()
        self._watcher.start()

    def stop(self) -> None:
        """Ends the engine and the watch, and waits for both."""
        self._stopping.set()
        self._watcher.join()

    @property
    def pid(self) -> int | None:
        """The process id of the engine while one runs."""
        return self._process.pid if self._process else None

    def address(self) -> Address:
        """Where the engine listens.

        Raises:
            Unavailable: it is starting, or being started again.
        """
        address = self._address
        if address is None:
            raise Unavailable("The event store is starting; events are accepted meanwhile.", retry_after=2)
        return address

    def _watch(self) -> None:
        while not self._stopping.is_set():
            try:
                self._spawn()
            except (OSError, ValueError) as error:
                log.error("engine_start_failed", error=str(error))
                self._end()
                self._stopping.wait(1)
                continue
            self._wait_for_trouble()
            self._address = None
            self._end()

    def _spawn(self) -> None:
        secret = secrets.token_urlsafe(32)
        command = [sys.executable, "-m", "auricle.store.engine_process", str(self._folder), str(self._memory)]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True)
        self._process = process
        with contextlib.suppress(OSError):  # on a full disk; the engine's own lock still keeps a second one out
            self._pid_file.write_text(str(process.pid))
        if process.stdin is None or process.stdout is None:
            raise OSError("the engine has no pipes")
        process.stdin.write(secret.encode() + b"\n")
        process.stdin.flush()
        overdue = threading.Timer(START_DEADLINE, process.kill)
        overdue.start()
        try:
            line = process.stdout.readline()
        finally:
            overdue.cancel()
        port = json.loads(line or b"{}").get("port")
        if not port:
            raise OSError(f"the engine ended at its start, status {process.poll()}")
        self.starts += 1
        self._address = Address("127.0.0.1", port, secret)
        log.info("engine_started", pid=process.pid, port=port, starts=self.starts)

    def _wait_for_trouble(self) -> None:
        """Returns when the process has ended, does not answer, or is no longer wanted."""
        misses = 0
        address = self.address()
        deep = _DeepPing(address)
        while not self._stopping.wait(PING_SECONDS):
            if self._process is None or self._process.poll() is not None:
                log.error("engine_died", status=self._process.returncode if self._process else None)
                return
            misses = 0 if _answers(address, "/ping", PING_DEADLINE) else misses + 1
            if misses >= 2 or deep.overdue():
                log.error("engine_hangs", misses=misses)
                return

    def _end(self) -> None:
        process = self._process
        if process is None:
            return
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()
        process.kill()
        process.wait()
        self._process = None
        self._pid_file.unlink(missing_ok=True)

    def _end_stranger(self) -> None:
        """Ends an engine that outlived its parent, for instance because it was frozen: a folder serves one process."""
        try:
            pid = int(self._pid_file.read_text())
            command = Path(f"/proc/{pid}/cmdline").read_bytes()
        except (OSError, ValueError):
            return
        # NOTE: numbers are given again; only an engine of this very folder may be ended.
        if not {b"auricle.store.engine_process", os.fsencode(self._folder)} <= set(command.split(b"\0")):
            return
        log.warning("engine_left_over", pid=pid)
        with contextlib.suppress(OSError):  # it may be gone between two looks
            os.kill(pid, signal.SIGKILL)
            while b"Z" not in Path(f"/proc/{pid}/stat").read_bytes().split(b")")[-1][:3]:
                time.sleep(0.01)


class _DeepPing:
    """Asks the engine for a trivial answer, one question at a time, and knows when one is overdue."""

    def __init__(self, address: Address) -> None:
        self._address = address
        self._thread: threading.Thread | None = None
        self._asked = 0.0

    def overdue(self) -> bool:
        if self._thread is not None and self._thread.is_alive():
            return time.monotonic() - self._asked > DEEP_DEADLINE
        self._asked = time.monotonic()
        self._thread = threading.Thread(
            target=_answers, args=(self._address, "/ping?deep=1", DEEP_DEADLINE + 1), daemon=True
        )
        self._thread.start()
        return False


def _answers(address: Address, path: str, deadline: float) -> bool:
    connection = http.client.HTTPConnection(address.host, address.port, timeout=deadline)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
