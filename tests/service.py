"""The real service as a process that may be stopped, killed and started again, and a client that sees all of it.

Needs nothing of pytest, so that `bench/crash.py` drives the same thing. Every process is ended by its own id.
"""

import contextlib
import http.client
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from auricle.model.principal import Kind
from auricle.settings import Settings
from auricle.store.control import ControlStore

ROOT = Path(__file__).resolve().parent.parent
API = "/api/v1/analytics"
EVENTS = API + "/events"
BATCH = EVENTS + "/batch"
REPORTS = API + "/reports"
STATS = API + "/stats"
START_SECONDS = 90.0
VERDICTS = ("received", "stored", "duplicate", "rejected", "dropped", "waiting")

T = TypeVar("T")


class Away(Exception):
    """The service gave no answer: nobody knows what became of the request."""


def wait_for(told: Callable[[], T | None], seconds: float, pause: float = 0.02) -> T:
    """The first answer that is true."""
    deadline = time.monotonic() + seconds
    while True:
        answer = told()
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {seconds} s: {told}")
        time.sleep(pause)


def environment(**more: str) -> dict[str, str]:
    """The environment without a setting of the machine, and with bytecode kept: the service is started very often."""
    foreign = {name for each in Settings.model_fields.values() for name in each.validation_alias.choices}  # type: ignore[union-attr]
    kept = {name: value for name, value in os.environ.items() if name not in foreign}
    if kept.pop("PYTHONDONTWRITEBYTECODE", None):
        kept["PYTHONPYCACHEPREFIX"] = str(Path(tempfile.gettempdir()) / f"auricle-test-bytecode-{os.getuid()}")
    return kept | more


def run(
    *arguments: object, prefix: Sequence[str] = (), check: bool = False, seconds: float = 120.0
) -> subprocess.CompletedProcess[bytes]:
    """Runs `auricle` with these arguments, as a process of its own."""
    return subprocess.run(
        [*prefix, sys.executable, "-m", "auricle.cli", *map(str, arguments)],
        cwd=ROOT,
        env=environment(),
        capture_output=True,
        stdin=subprocess.DEVNULL,
        timeout=seconds,
        check=check,
    )


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: Any
    """The JSON of the body, or its bytes when it is none."""


class Client:
    """One connection with one key. For one thread at a time."""

    def __init__(self, address: tuple[str, int], key: str, timeout: float = 60.0) -> None:
        self.key = key
        self._address = address
        self._timeout = timeout
        self._connection: http.client.HTTPConnection | None = None

    def ask(self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None) -> Answer:
        """The answer to one request, sent once; a body that is not bytes is sent as JSON.

        Raises:
            Away: there was no answer, or not a whole one.
        """
        sent = {"X-API-Key": self.key} if self.key else {}
        if body is not None:
            sent["Content-Type"] = "application/json"
        content = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        connection = self._connection or http.client.HTTPConnection(*self._address, timeout=self._timeout)
        self._connection = connection
        try:
            connection.request(method, path, content, sent | dict(headers or {}))
            answer = connection.getresponse()
            text = answer.read()
        except (OSError, http.client.HTTPException) as error:
            self.close()
            raise Away(repr(error)) from error
        told = {name.lower(): value for name, value in answer.getheaders()}
        if "close" in told.get("connection", ""):
            self.close()
        return Answer(answer.status, told, json.loads(text) if "json" in told.get("content-type", "") else text)

    def get(self, path: str) -> Any:
        """The body of a request that must succeed."""
        return self._good(self.ask("GET", path), path)

    def post(self, path: str, body: Any) -> Any:
        """The body of a request that must succeed."""
        return self._good(self.ask("POST", path, body), path)

    def report(self, name: str, **asked: Any) -> dict[str, Any]:
        """A report without its `meta`. Waits while the event store is away; `from_` stands for `from`."""
        body = {name.rstrip("_"): value for name, value in asked.items()}
        deadline = time.monotonic() + 30
        while (answer := self.ask("POST", f"{REPORTS}/{name}", body)).status == 503 and time.monotonic() < deadline:
            time.sleep(0.1)
        told = dict(self._good(answer, name))
        meta = told.pop("meta")
        if meta["exact"] is not True:
            raise AssertionError(f"{name} is not exact: {meta['exact']}")
        told.get("previous", {}).pop("meta", None)
        return told

    @staticmethod
    def _good(answer: Answer, path: str) -> Any:
        if not 200 <= answer.status < 300:
            raise AssertionError(f"{path}: {answer.status} {answer.body}")
        return answer.body

    def close(self) -> None:
        """Gives the connection back."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None


@dataclass(slots=True)
class Service:
    """The service on one data folder, alive or not."""

    data: Path
    more: Mapping[str, str] = field(default_factory=dict)
    """Settings, as the environment names them."""
    prefix: Sequence[str] = ()
    """What stands before every command, such as what enters another view of the disks."""
    view: Path | None = None
    """The data folder as it is seen from here, when the process has another view of the disks."""
    log: Path = Path()
    """Where it writes its log: beside the folder, for a full disk must not take the log away."""
    process: subprocess.Popen[bytes] | None = None
    address: tuple[str, int] = ("127.0.0.1", 0)
    starts: int = 0
    start_seconds: list[float] = field(default_factory=list)
    _keys: dict[tuple[str, Kind], str] = field(default_factory=dict)
    _clients: dict[tuple[str, Kind], Client] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.log == Path():
            self.log = self.data.with_name(self.data.name + ".log")

    @property
    def folder(self) -> Path:
        """The data folder as it is seen from here."""
        return self.view or self.data

    @property
    def note(self) -> Path:
        """Where the service tells its address."""
        return self.folder / "service.json"

    def launch(self) -> "Service":
        """Starts the process, and returns at once."""
        self.note.unlink(missing_ok=True)
        command = [*self.prefix, sys.executable, "-m", "auricle.cli", "serve", "--port", "0", "--data", str(self.data)]
        with self.log.open("ab") as out:
            self.process = subprocess.Popen(
                command,
                cwd=ROOT,
                env=environment(**self.more),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,
            )
        self.starts += 1
        return self

    def start(self) -> "Service":
        """Starts the process; returns when it takes requests."""
        began = time.monotonic()
        self.launch()
        url = wait_for(self._told, START_SECONDS, 0.01)["url"]
        self.address = ("127.0.0.1", int(url.rpartition(":")[2]))
        self.start_seconds.append(time.monotonic() - began)
        for client in self._clients.values():
            client.close()
        self._clients.clear()
        return self

    def _told(self) -> dict[str, Any] | None:
        if self.process is None or self.process.poll() is not None:
            raise AssertionError(f"the service ended at its start:\n{self.tail()}")
        try:
            told = json.loads(self.note.read_bytes())
        except (OSError, ValueError):
            return None
        return dict(told) if told["pid"] == self.process.pid else None

    def stop(self, seconds: float = 60.0) -> int:
        """Ends it by SIGTERM, as an operator would; gives its exit status."""
        if self.process is None:
            raise AssertionError("nothing runs")
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(seconds)
        finally:
            self.kill()

    def kill(self) -> None:
        """Ends the service by SIGKILL. Its engine, a process of its own, may live on for a moment."""
        if self.process is not None:
            if self.process.poll() is None:
                self.process.kill()
            self.process.wait()
            self.process = None

    @property
    def engine_pid(self) -> int | None:
        """The process id of the engine, as the folder tells it."""
        try:
            return int((self.folder / "engine.pid").read_text())
        except (OSError, ValueError):
            return None

    def signal_engine(self, sign: int) -> int | None:
        """Sends a signal to the engine alone; gives its process id, or None when there is none."""
        pid = self.engine_pid
        if pid is not None and self._is_engine(pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, sign)
                return pid
        return None

    def _is_engine(self, pid: int) -> bool:
        try:
            words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        except OSError:
            return False
        return b"auricle.store.engine_process" in words and str(self.data / "engine").encode() in words

    def end(self) -> None:
        """Ends everything this object started, whatever state it is in."""
        for client in self._clients.values():
            client.close()
        self.kill()
        self.signal_engine(signal.SIGKILL)

    def key(self, tenant: str, kind: Kind = Kind.ADMIN, expires_at: datetime | None = None) -> str:
        """A key of a tenant; the same one each time unless it expires."""
        if expires_at is None and (tenant, kind) in self._keys:
            return self._keys[tenant, kind]
        key = self._made_inside(tenant, kind) if self.prefix else self._made(tenant, kind, expires_at)
        if expires_at is None:
            self._keys[tenant, kind] = key
        return key

    def _made(self, tenant: str, kind: Kind, expires_at: datetime | None) -> str:
        control = ControlStore.open(Settings(data=self.data))  # type: ignore[call-arg]
        try:
            return control.create_key(tenant, kind, expires_at=expires_at).key
        finally:
            control.close()

    def _made_inside(self, tenant: str, kind: Kind) -> str:
        command = ("key", "create", "--tenant", tenant, "--kind", kind, "--data", self.data, "--json")
        return str(json.loads(run(*command, prefix=self.prefix, check=True).stdout)["key"])

    def client(self, tenant: str, kind: Kind = Kind.ADMIN, timeout: float = 60.0) -> Client:
        """A new connection of a tenant."""
        return Client(self.address, self.key(tenant, kind), timeout)

    def of(self, tenant: str) -> Client:
        """The connection of a tenant that this object keeps."""
        found = self._clients.get((tenant, Kind.ADMIN))
        if found is None:
            found = self._clients[tenant, Kind.ADMIN] = self.client(tenant)
        return found

    def counts(self, tenant: str) -> dict[str, int]:
        """What became of a tenant's events: `VERDICTS`; they add up, or it raises."""
        return assert_conserved(self.of(tenant).get(STATS)["events"])

    def drained(self, tenant: str, seconds: float = 120.0) -> dict[str, int]:
        """`counts`, once nothing waits for the engine."""
        return wait_for(lambda: ((told := self.counts(tenant))["waiting"] == 0 and told) or None, seconds, 0.05)

    def wait_until_ready(self, seconds: float = 60.0) -> float:
        """Returns when reports are answered too; gives the seconds it took."""
        began = time.monotonic()
        probe = Client(self.address, "")
        try:
            wait_for(lambda: probe.ask("GET", "/readyz").status == 200, seconds, 0.05)
        finally:
            probe.close()
        return time.monotonic() - began

    def tail(self, letters: int = 4000) -> str:
        """The end of its log."""
        return self.log.read_text(errors="replace")[-letters:] if self.log.exists() else ""

    def errors(self) -> list[dict[str, Any]]:
        """The lines of its log that tell of a fault of ours."""
        lines = self.log.read_text(errors="replace").splitlines() if self.log.exists() else []
        told = [json.loads(line) for line in lines if line.startswith("{") and line.endswith("}")]
        return [line for line in told if line.get("event") in ("bug", "indexer_failed", "journal_failed")]


def assert_conserved(events: Mapping[str, int]) -> dict[str, int]:
    """The counts, when received = stored + duplicate + rejected + dropped + waiting, and none is negative."""
    counts = {verdict: events[verdict] for verdict in VERDICTS}
    if counts["received"] != sum(counts[verdict] for verdict in VERDICTS[1:]) or min(counts.values()) < 0:
        raise AssertionError(f"the counts do not add up: {counts}")
    return counts


READ_STORE = """
import os
import sys
from chdb._chdb import connect
sql = "SELECT tenant_id, event_id, event_name, user_id FROM events"
sys.stdout.buffer.write(connect(sys.argv[1] + "?log-level=none").query(sql, "JSONCompactEachRow").bytes())
sys.stdout.flush()
os._exit(0)
"""


def rows_of(data: Path) -> list[tuple[str, str, str, str]]:
    """(tenant, event id, name, user) of every row of a stopped service's folder, read by the bare engine; sorted."""
    command = [sys.executable, "-c", READ_STORE, str(data / "engine")]
    done = subprocess.run(command, env=environment(), capture_output=True, timeout=120, check=True)
    return sorted(tuple(json.loads(line)) for line in done.stdout.splitlines())


@contextlib.contextmanager
def serving(data: Path, **more: str) -> Iterator[Service]:
    """The service on a folder, running; ended with everything of it. `more` are settings such as `AURICLE_…`."""
    data.mkdir(parents=True, exist_ok=True)
    service = Service(data, more)
    try:
        yield service.start()
    finally:
        service.end()


@contextlib.contextmanager
def folder() -> Iterator[Path]:
    """A data folder that is gone afterwards."""
    place = Path(tempfile.mkdtemp(prefix="auricle-acceptance-"))
    try:
        yield place / "data"
    finally:
        shutil.rmtree(place, ignore_errors=True)
