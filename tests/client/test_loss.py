"""Nothing is lost: through a restart of the service, through kill -9 of it, and with the outbox of the program too."""

import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from auricle.client import Client
from auricle.model.principal import Kind
from auricle.settings import Settings
from running import Service, serving, wait_until

SQL = "/api/v1/analytics/sql"
PROGRAM = """
import os, sys, time
from auricle.client import Client
url, key, folder, told = sys.argv[1:]
client = Client(url, key, outbox=folder, interval=0.05, pause=0.1)
out = os.open(told, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
while True:
    found = client.track("page_view", {"page": "/"})
    os.write(out, found.encode() + b"\\n")
    time.sleep(0.001)
"""


@pytest.fixture(scope="module")
def fixed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service at an address that outlives it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with serving(Settings(data=tmp_path_factory.mktemp("loss"))) as service:
        service.stop()
        service.port = port
        service.start()
        yield service


def ids(service: Service, tenant: str) -> Counter[str]:
    """How often each event of a tenant is in the store."""
    service.drained(tenant)
    asked = b"SELECT event_id FROM events FORMAT TabSeparated"
    return Counter(service.ask("POST", SQL, asked, service.key(tenant, Kind.READ)).body.decode().split())


@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGKILL], ids=["restart", "kill -9"])
def test_nothing_is_lost_when_the_service_is_away(fixed: Service, tenant: str, sign: int) -> None:
    told = []
    with Client(fixed.url, fixed.key(tenant), interval=0.02, pause=0.1, sigterm=False) as client:
        began = time.monotonic()
        ended = False
        while time.monotonic() - began < 2.0:
            told.append(client.track("page_view", {"page": "/"}))
            time.sleep(0.002)
            if not ended and time.monotonic() - began > 0.7:
                fixed.stop(sign)
                ended = True
        fixed.start()
        assert client.flush(30)
        counts = client.counts
        assert (counts.settled, counts.dropped, counts.waiting) == (len(told), {}, 0)
    assert ids(fixed, tenant) == Counter(told)


def test_nothing_is_lost_when_both_are_killed(fixed: Service, tenant: str, tmp_path: Path) -> None:
    key, folder, told = fixed.key(tenant), tmp_path / "outbox", tmp_path / "told"
    command = [sys.executable, "-c", PROGRAM, fixed.url, key, str(folder), str(told)]
    for round in range(4):
        program = subprocess.Popen(command)
        try:
            wait_until(lambda: told.exists() and told.stat().st_size > 37 * 200 * (round + 1), 30)  # noqa: B023
            if round % 2:
                fixed.stop(signal.SIGKILL)
                time.sleep(0.2)
        finally:
            program.kill()
            program.wait()
        if round % 2:
            fixed.start()
    with Client(fixed.url, key, outbox=folder, pause=0.1, sigterm=False) as client:
        wait_until(lambda: client.counts.tracked, 10)
        assert client.flush(30)
    wanted = set(told.read_text().split())
    assert len(wanted) > 800
    found = ids(fixed, tenant)
    assert wanted - set(found) == set()
    # A program may have been killed between an event and the note that it was told; never twice the same.
    assert len(set(found) - wanted) <= 4
    assert set(found.values()) == {1}
    assert list(folder.iterdir()) == []
