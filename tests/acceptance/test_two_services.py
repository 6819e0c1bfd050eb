"""One folder, one service; and keys that are made, revoked and expire beside it."""

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from auricle.model.principal import Kind
from service import STATS, Client, Service, folder, run, serving, wait_for


@pytest.fixture(scope="module")
def running() -> Iterator[Service]:
    with folder() as data, serving(data) as service:
        yield service


def test_a_second_service_on_the_folder_ends_and_says_why(running: Service) -> None:
    note = running.note.read_bytes()
    second = run("serve", "--port", "0", "--data", running.data, seconds=60)
    message = f"auricle: Another process serves {running.data}. Stop it, or choose another folder with --data.\n"
    assert (second.returncode, second.stdout, second.stderr.decode()) == (1, b"", message)
    assert running.note.read_bytes() == note
    assert running.of("ada").ask("GET", STATS).status == 200


def test_a_taken_port_is_told_and_leaves_nothing_behind(running: Service) -> None:
    port = running.address[1]
    with folder() as data:
        second = run("serve", "--port", port, "--data", data, seconds=60)
        message = f"auricle: port {port} of 127.0.0.1 is taken: choose another with --port\n"
        assert (second.returncode, second.stdout, second.stderr.decode()) == (1, b"", message)
        assert not (data / "service.json").exists()


def test_keys_are_made_and_revoked_beside_the_service(running: Service) -> None:
    made = run("key", "create", "--tenant", "late", "--kind", "read", "--data", running.data, "--json")
    assert made.returncode == 0, made.stderr
    key = json.loads(made.stdout)
    client = Client(running.address, key["key"])
    assert client.ask("GET", STATS).status == 200
    revoked = run("key", "revoke", key["id"], "--data", running.data, "--json")
    assert (revoked.returncode, json.loads(revoked.stdout)) == (0, {"id": key["id"], "revoked": True})
    began = time.monotonic()
    answer = wait_for(lambda: ((told := client.ask("GET", STATS)).status != 200 and told) or None, 5)
    assert time.monotonic() - began < 2
    assert _told(answer) == (401, "unauthorized", "This API key was revoked.")
    client.close()


def test_a_key_ends_when_it_expires(running: Service) -> None:
    expires = datetime.now(UTC) + timedelta(seconds=1.5)
    client = Client(running.address, running.key("short", Kind.READ, expires))
    assert client.ask("GET", STATS).status == 200
    answer = wait_for(lambda: ((told := client.ask("GET", STATS)).status != 200 and told) or None, 5)
    late = (datetime.now(UTC) - expires).total_seconds()
    assert _told(answer) == (401, "unauthorized", "This API key has expired.")
    assert 0 <= late < 2
    client.close()


@pytest.mark.parametrize(
    ("key", "detail"),
    [
        pytest.param("", "Send an API key as X-API-Key, or as Authorization: Bearer.", id="none"),
        pytest.param("ak_" + "x" * 43, "This API key is not known here.", id="unknown"),
    ],
)
def test_without_a_good_key_nothing_is_told(running: Service, key: str, detail: str) -> None:
    client = Client(running.address, key)
    answer = client.ask("GET", STATS)
    client.close()
    assert _told(answer) == (401, "unauthorized", detail)
    assert answer.headers["www-authenticate"] == 'Bearer realm="auricle"'


def _told(answer: object) -> tuple[int, str, str]:
    return answer.status, answer.body["code"], answer.body["detail"]  # type: ignore[attr-defined]
