"""The tenant of one test, and what arrived there."""

import json
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from auricle import clock
from auricle.client import Client
from auricle.testing.running import Running

PATIENCE_SECONDS = 10.0
PAUSE_SECONDS = 0.02
API = "/api/v1/analytics"
COLUMNS = "event_id, event_name, occurred_at, site_id, session_id, user_id, source, attributes, context"


@dataclass(frozen=True, slots=True)
class Event:
    """An event as the service has it: cleaned, and with None for what it does not have."""

    event_id: str
    event_name: str
    occurred_at: datetime
    site_id: str | None
    session_id: str | None
    user_id: str | None
    source: str
    attributes: dict[str, Any]
    context: dict[str, Any]


class Tenant:
    """A tenant that nothing else knows of."""

    def __init__(self, running: Running) -> None:
        self.name = "t" + clock.new_id().replace("-", "")
        self.url = running.url
        self.key = running.token(self.name)
        """A credential that may do everything there; clients take it for a key."""
        self.client = Client(self.url, self.key, interval=0.02, pause=0.05, sigterm=False)
        self.events = Events(running, self)

    def close(self) -> None:
        """Lets go of the client."""
        self.client.close()


class Events:
    """What arrived in a tenant. Every question waits until all that was sent is visible."""

    def __init__(self, running: Running, tenant: Tenant) -> None:
        self._running = running
        self._tenant = tenant
        self._expected = False

    def of(self, event_name: str, at_least: int = 0, seconds: float = PATIENCE_SECONDS) -> list[Event]:
        """The events of a name, in the order in which they happened.

        Events of the client of this test are waited for by themselves; for those of another process say how many
        there will be `at_least`, and for how many `seconds` to wait for them.
        """
        return self._wait_for(lambda event: event.event_name == event_name, at_least, seconds)

    def all(self, at_least: int = 0, seconds: float = PATIENCE_SECONDS) -> list[Event]:
        """Every event; see `of`."""
        return self._wait_for(lambda _: True, at_least, seconds)

    def rejected(self) -> list[dict[str, Any]]:
        """The events that broke a rule, by name, rule and pointer. Who asks expects some: the test does not fail."""
        self._expected = True
        return self._rejected()

    def assert_valid(self) -> None:
        """Fails when an event broke a rule, and tells which field and how to mend it; done at the end of each test."""
        if self._expected:
            return
        told = [f"{one['event_name']} {one['pointer']}: {one['message']}" for one in self._rejected()]
        lost = self._tenant.client.counts.dropped
        if told or lost:
            raise AssertionError("events were not valid:\n  " + "\n  ".join(told or [f"the client dropped {lost}"]))

    def _rejected(self) -> list[dict[str, Any]]:
        stats = self._settled()
        if not stats["events"]["rejected"]:
            return []
        return list(json.loads(self._running.ask(f"{API}/inbox", self._tenant.key))["groups"])

    def _wait_for(self, wanted: Any, at_least: int, seconds: float) -> list[Event]:
        deadline = time.monotonic() + seconds
        while True:
            self._settled()
            found = [event for event in self._read() if wanted(event)]
            if len(found) >= at_least or time.monotonic() > deadline:
                return found
            time.sleep(PAUSE_SECONDS)

    def _settled(self) -> dict[str, Any]:
        """The statistics of the tenant, once nothing of it is on its way to reports any more.

        Raises:
            TimeoutError: something still is.
        """
        deadline = time.monotonic() + PATIENCE_SECONDS
        self._tenant.client.flush(PATIENCE_SECONDS)
        while True:
            stats: dict[str, Any] = json.loads(self._running.ask(f"{API}/stats", self._tenant.key))
            if not stats["events"]["waiting"]:
                return stats
            if time.monotonic() > deadline:
                raise TimeoutError(f"events still wait after {PATIENCE_SECONDS:g} s: {stats['events']}")
            time.sleep(PAUSE_SECONDS)

    def _read(self) -> list[Event]:
        order = "ORDER BY occurred_at, received_at, event_id"
        asked = f"SELECT {COLUMNS} FROM events {order} FORMAT JSONEachRow"
        body = self._running.ask(f"{API}/sql", self._tenant.key, asked.encode())
        return [_event(json.loads(line)) for line in body.splitlines() if line]


def _event(row: dict[str, Any]) -> Event:
    row["occurred_at"] = datetime.fromisoformat(row["occurred_at"]).replace(tzinfo=UTC)
    for name in ("site_id", "session_id", "user_id"):
        row[name] = row[name] or None
    for name in ("attributes", "context"):
        row[name] = json.loads(row[name] or "{}")
    return Event(**row)
