"""`auricle subject`: a person found, exported and erased through the running service."""

import io
import stat
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import pytest

from running import wait_until

Run = Callable[..., Any]


@pytest.fixture
def tenant(run: Run, service: Path, tmp_path: Path) -> str:
    """A tenant with three events of `u` and one of `v`."""
    name = f"t{uuid.uuid4().hex}"
    told = [
        {
            "event_id": str(uuid.uuid4()),
            "event_name": "page_view",
            "occurred_at": datetime.now(UTC).isoformat(),
            "source": "web",
            "user_id": user,
        }
        for user in "uuuv"
    ]
    lines = tmp_path / "events.jsonl"
    lines.write_bytes(b"\n".join(map(orjson.dumps, told)))
    assert run("import", lines, "--format", "jsonl", "--tenant", name, "--data", service).code == 0
    wait_until(lambda: found(run, service, name, "--user", "u") == 3)  # visible
    return name


def found(run: Run, service: Path, tenant: str, *whom: str) -> int:
    ran = run("subject", "find", *whom, "--tenant", tenant, "--data", service, "--json")
    assert ran.code == 0, ran
    return int(orjson.loads(ran.out)["events"])


def test_a_person_is_found_exported_and_erased(run: Run, service: Path, tenant: str, tmp_path: Path) -> None:
    target = ("--tenant", tenant, "--data", service)
    assert found(run, service, tenant, "--user", "u") == 3
    assert found(run, service, tenant, "--filter", "user_id eq v") == 1
    shown = run("subject", "find", "--user", "u", *target)
    assert (shown.code, "page_view" in shown.out, "3 events" in shown.out) == (0, True, True)

    file = tmp_path / "u.json"
    assert run("subject", "export", "--user", "u", "--out", file, *target).code == 0
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    told = orjson.loads(file.read_bytes())
    assert orjson.loads(run("subject", "export", "--user", "u", *target, "--json").out)["events"] == told["events"]
    assert [one["user_id"] for one in told["events"]] == ["u"] * 3

    erased = run("subject", "erase", "--user", "u", "--yes", *target, "--json")
    assert erased.code == 0, erased
    receipt = orjson.loads(erased.out)
    assert (receipt["state"], receipt["erased"]["events"]) == ("done", 3)
    assert (found(run, service, tenant, "--user", "u"), found(run, service, tenant, "--user", "v")) == (0, 1)
    again = run("subject", "receipt", receipt["id"], *target, "--json")
    assert orjson.loads(again.out) == receipt
    assert "done" in run("subject", "receipt", receipt["id"], *target).out


@pytest.mark.parametrize("answer", ["", "n\n"])
def test_it_asks_before_it_erases(
    run: Run, service: Path, tenant: str, monkeypatch: pytest.MonkeyPatch, answer: str
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(answer))
    ran = run("subject", "erase", "--user", "u", "--tenant", tenant, "--data", service)
    assert (ran.code, "Erase 3 events for good?" in ran.err) == (1, True)
    assert found(run, service, tenant, "--user", "u") == 3


@pytest.mark.parametrize("command", ["find", "export", "erase"])
def test_nobody_is_wrong_use(run: Run, service: Path, command: str) -> None:
    ran = run("subject", command, "--data", service)
    assert (ran.code, "--user" in ran.err) == (2, True)


def test_an_unknown_receipt(run: Run, service: Path, tenant: str) -> None:
    assert run("subject", "receipt", "nothing", "--tenant", tenant, "--data", service).code == 1
