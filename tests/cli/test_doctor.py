"""`auricle doctor`: what it sees in a folder without a service, and beside one."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest

from auricle.cli import doctor

Run = Callable[..., Any]


def verdicts(ran: Any) -> dict[str, str]:
    return {check["name"]: check["verdict"] for check in orjson.loads(ran.out)["checks"]}


def test_without_a_folder(run: Run, tmp_path: Path) -> None:
    ran = run("doctor", "--data", tmp_path / "none", "--json")

    assert (ran.code, verdicts(ran)) == (
        1,
        {"python": "ok", "libraries": "ok", "data folder": "warn", "service": "fail"},
    )
    assert not (tmp_path / "none").exists()


def test_a_service_that_left_its_note_behind(run: Run, tmp_path: Path) -> None:
    (tmp_path / "service.json").write_text('{"url": "http://127.0.0.1:9", "pid": 4194304, "started_at": ""}')

    ran = run("doctor", "--data", tmp_path)

    assert ran.code == 1
    assert "its process 4194304 is gone" in " ".join(ran.out.split())


def test_beside_a_service(run: Run, service: Path) -> None:
    run("key", "create", "--tenant", "doctor-tenant", "--kind", "read", "--data", service)

    ran = run("doctor", "--data", service, "--tenant", "doctor-tenant", "--json")

    assert (ran.code, orjson.loads(ran.out)["verdict"], verdicts(ran)) == (
        0,
        "ok",
        {
            "python": "ok",
            "libraries": "ok",
            "data folder": "ok",
            "disk": "ok",
            "control database": "ok",
            "service": "ok",
            "engine": "ok",
            "backlog": "ok",
            "counts of doctor-tenant": "ok",
        },
    )


def test_with_a_key_that_is_wrong(run: Run, service: Path) -> None:
    ran = run("doctor", "--data", service, "--key", "ak_wrong", "--json")

    (check,) = [check for check in orjson.loads(ran.out)["checks"] if check["name"].startswith("counts")]
    assert (ran.code, check["verdict"], "401" in check["told"]) == (1, "fail", True)


@pytest.mark.parametrize(
    ("free", "verdict"),
    [
        pytest.param(10**6, "fail", id="full"),
        pytest.param(10**8, "warn", id="nearly full"),
        pytest.param(10**10, "ok", id="roomy"),
    ],
)
def test_disk(free: int, verdict: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    total, used, _ = doctor.shutil.disk_usage(tmp_path)
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda _: doctor.shutil._ntuple_diskusage(total, used, free))

    assert doctor._disk(tmp_path, 64_000_000).verdict == verdict


def test_backlog() -> None:
    assert [doctor._backlog(waiting).verdict for waiting in (0, 50_000, 50_001)] == ["ok", "ok", "warn"]
