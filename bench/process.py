"""Processes that the bench starts, and what a tree of them costs."""

import contextlib
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil  # type: ignore[import-untyped]

ROOT = Path(__file__).resolve().parent.parent


class Tree:
    """One process and all its descendants: their processor time and memory, also of those that have ended since.

    NOTE: processor time is remembered by process id at each look, so a child that ends between two looks loses only
    what it used since the last one.
    """

    def __init__(self, *pids: int) -> None:
        self._roots = [psutil.Process(pid) for pid in pids]
        self._seen: dict[tuple[int, float], float] = {}

    def _alive(self) -> list[psutil.Process]:
        found: dict[int, psutil.Process] = {}
        for root in self._roots:
            with contextlib.suppress(psutil.NoSuchProcess):
                for process in (root, *root.children(recursive=True)):
                    found[process.pid] = process
        return list(found.values())

    def cpu_seconds(self) -> float:
        """User and system seconds so far."""
        for process in self._alive():
            with contextlib.suppress(psutil.NoSuchProcess):
                times = process.cpu_times()
                self._seen[process.pid, process.create_time()] = times.user + times.system
        return sum(self._seen.values())

    def memory_mb(self) -> float:
        """Proportional set size in MB: memory that processes share is counted once."""
        total = 0
        for process in self._alive():
            with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
                full = process.memory_full_info()
                total += getattr(full, "pss", full.rss)
        return round(total / 1e6, 1)

    def resident_mb(self) -> dict[str, float]:
        """Resident MB of each process, by its short name and id."""
        held: dict[str, float] = {}
        for process in self._alive():
            with contextlib.suppress(psutil.NoSuchProcess):
                held[f"{process.name()} {process.pid}"] = round(process.memory_info().rss / 1e6, 1)
        return held


@dataclass(slots=True)
class Running:
    """A started process with its log in a file. Use as a context: it is stopped at the end."""

    process: subprocess.Popen[bytes]
    log: Path

    def __enter__(self) -> "Running":
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self, patience: float = 30.0) -> float:
        """Asks the process to end, kills its tree when it will not; gives the seconds it took."""
        started = time.perf_counter()
        if self.process.poll() is None:
            children = psutil.Process(self.process.pid).children(recursive=True)
            self.process.terminate()
            try:
                self.process.wait(patience)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
            _, alive = psutil.wait_procs(children, timeout=5)
            for child in alive:
                with contextlib.suppress(psutil.NoSuchProcess):
                    child.kill()
        return time.perf_counter() - started

    def tail(self, lines: int = 20) -> str:
        """The last lines it wrote."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    def wait_until(self, ready: Callable[[], bool], seconds: float, pause: float = 0.02) -> float:
        """Waits for `ready`; gives the seconds it took. Raises with the end of the log when the process ends first."""
        started = time.perf_counter()
        while not ready():
            if self.process.poll() is not None:
                raise RuntimeError(f"{self.process.args!r} ended with {self.process.returncode}:\n{self.tail()}")
            if time.perf_counter() - started > seconds:
                raise TimeoutError(f"{self.process.args!r} was not ready in {seconds} s:\n{self.tail()}")
            time.sleep(pause)
        return time.perf_counter() - started


def start(arguments: list[str], log: Path, **options: Any) -> Running:
    """Starts a program from the repository root with its output in `log`."""
    with log.open("ab") as out:
        process = subprocess.Popen(
            arguments, cwd=ROOT, stdout=out, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, **options
        )
    return Running(process, log)


def python(module: str, *arguments: str) -> list[str]:
    """The command of one of our modules under this interpreter."""
    return [sys.executable, "-m", module, *arguments]


def free_port() -> int:
    """A port of loopback that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def listens(port: int) -> bool:
    """Whether something accepts connections on the port of loopback."""
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex(("127.0.0.1", port)) == 0
