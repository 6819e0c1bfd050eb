"""Auricle itself: the real process, started by its own command, spoken to over HTTP."""

import contextlib
import http.client
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Any

from bench.process import ROOT, Running, Tree, free_port, start

COMMAND = Path(sys.executable).with_name("auricle")
EVENTS = "/api/v1/analytics/events"
BATCH = "/api/v1/analytics/events/batch"
REPORTS = "/api/v1/analytics/reports"
TENANT = "bench"
NOTHING: Mapping[str, str] = MappingProxyType({})
JUDGE: Mapping[str, str] = MappingProxyType({"AURICLE_JUDGE": "off"})
"""Scores are events, which what is measured does not count; `bench.judge` turns it on."""


def environment() -> dict[str, str]:
    """The environment without anything that would set Auricle up otherwise than by default."""
    foreign = ("DATABASE_URL", "CLICKHOUSE_URL", "REDIS_URL", "LOG_LEVEL")
    return {
        name: value for name, value in os.environ.items() if not name.startswith("AURICLE_") and name not in foreign
    }


def make_key(data: Path, kind: str = "admin", tenant: str = TENANT) -> str:
    """A fresh key of a tenant in the data folder."""
    arguments = [str(COMMAND), "key", "create", "--tenant", tenant, "--kind", kind, "--data", str(data), "--json"]
    done = subprocess.run(arguments, cwd=ROOT, capture_output=True, env=environment(), check=False)
    if done.returncode:
        raise RuntimeError(done.stderr.decode(errors="replace")[-2000:])
    return str(json.loads(done.stdout)["key"])


@dataclass(slots=True)
class Service:
    """The service while it runs."""

    data: Path
    port: int
    key: str
    running: Running
    ready_seconds: float = 0.0
    """From the start of the process to the first 200 of `/readyz`."""
    _connection: http.client.HTTPConnection | None = field(default=None, repr=False)

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def headers(self) -> dict[str, str]:
        """What every request must carry."""
        return {"X-API-Key": self.key}

    @property
    def tree(self) -> Tree:
        """The process and its engine."""
        return Tree(self.running.process.pid)

    def ask(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """Status and JSON of one request; status 0 when nothing answers."""
        data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        headers = {**self.headers, "Content-Type": "application/json"}
        for attempt in (1, 2):
            connection = self._connection or http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
            try:
                connection.request(method, path, data, headers)
                answer = connection.getresponse()
                text = answer.read()
            except (OSError, http.client.HTTPException):
                connection.close()
                reused, self._connection = self._connection is not None, None
                if reused and attempt == 1:
                    continue  # a kept-alive connection that the server has closed meanwhile
                return 0, None
            self._connection = connection
            kind = answer.getheader("Content-Type") or ""
            return answer.status, json.loads(text) if "json" in kind and text else text.decode(errors="replace")
        return 0, None

    def report(self, name: str, body: dict[str, Any]) -> dict[str, Any]:
        """The answer of a report; raises when it is refused."""
        status, answer = self.ask("POST", f"{REPORTS}/{name}", body)
        if status != 200:
            raise RuntimeError(f"report {name} {body}: {status} {answer}")
        return dict(answer)

    def stats(self) -> dict[str, Any]:
        """The statistics of the service."""
        status, answer = self.ask("GET", "/api/v1/analytics/stats")
        if status != 200:
            raise RuntimeError(f"stats: {status} {answer}")
        return dict(answer)

    def drain(self, seconds: float = 300.0) -> float:
        """Waits until no accepted event waits for the engine any more; gives the seconds it took."""
        started = time.perf_counter()
        while self.stats()["waiting"]:
            if time.perf_counter() - started > seconds:
                raise TimeoutError(f"still waiting after {seconds} s: {self.stats()}")
            time.sleep(0.05)
        return time.perf_counter() - started

    def count(self) -> int:
        """Events of the last two days, as the report `timeseries` counts them."""
        now = datetime.now(UTC)
        span = {"from": _text(now - timedelta(days=2)), "to": _text(now + timedelta(hours=1))}
        answer = self.report("timeseries", {**span, "metric": "events.count", "grain": "1h", "include_test": True})
        return sum(int(point["value"] or 0) for point in answer["points"])


def _text(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")


@contextlib.contextmanager
def folder() -> Iterator[Path]:
    """A data folder that is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="auricle-bench-", ignore_cleanup_errors=True) as path:
        yield Path(path)


def launch(
    data: Path, key: str, *, command: Sequence[str] = (str(COMMAND),), more: Mapping[str, str] = NOTHING
) -> Service:
    """Starts the service on the data folder, with `more` in its environment; gives it at once, ready or not."""
    port = free_port()
    arguments = [*command, "serve", "--data", str(data), "--port", str(port)]
    return Service(
        data, port, key, start(arguments, data / "bench-service.log", env={**environment(), **JUDGE, **more})
    )


@contextlib.contextmanager
def serving(
    data: Path, *, command: Sequence[str] = (str(COMMAND),), more: Mapping[str, str] = NOTHING
) -> Iterator[Service]:
    """The service, ready, with an admin key; stopped afterwards. See `launch` for the arguments."""
    service = launch(data, make_key(data), command=command, more=more)
    with service.running:
        service.ready_seconds = service.running.wait_until(lambda: service.ask("GET", "/readyz")[0] == 200, 60)
        yield service
