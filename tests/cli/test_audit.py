"""`auricle audit`: reading the log and proving it."""

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest

Run = Callable[..., Any]


@pytest.fixture
def folder(run: Run, tmp_path: Path) -> Path:
    """A data folder whose audit log has three entries."""
    for tenant in ("acme", "other", "acme"):
        assert run("key", "create", "--tenant", tenant, "--kind", "read", "--data", tmp_path).code == 0
    return tmp_path


def entries(run: Run, folder: Path, *more: object) -> list[dict[str, Any]]:
    return list(orjson.loads(run("audit", "list", "--data", folder, "--json", *more).out)["entries"])


def test_entries_are_listed(run: Run, folder: Path) -> None:
    listed = entries(run, folder)
    assert [(one["id"], one["tenant"], one["actor"], one["action"]) for one in listed] == [
        (3, "acme", "cli", "key.create"),
        (2, "other", "cli", "key.create"),
        (1, "acme", "cli", "key.create"),
    ]
    assert entries(run, folder, "--tenant", "acme", "--limit", 1) == listed[:1]
    assert entries(run, folder, "--before", 2) == listed[2:]
    assert entries(run, folder, "--action", "key.revoke") == []
    shown = run("audit", "list", "--data", folder)
    assert (shown.code, "key.create" in shown.out, listed[0]["target"] in shown.out) == (0, True, True)


def test_a_whole_log_is_proved(run: Run, folder: Path) -> None:
    listed = entries(run, folder)
    told = orjson.loads(run("audit", "verify", "--data", folder, "--json").out)
    assert told == {"whole": True, "entries": 3, "head": listed[0]["hash"], "broken_at": None, "head_found": None}
    shown = run("audit", "verify", "--data", folder, "--head", listed[1]["hash"])
    assert (shown.code, shown.out) == (0, f"the audit log is whole: 3 entries, head {listed[0]['hash']}\n")


def test_a_changed_log_fails(run: Run, folder: Path) -> None:
    base = sqlite3.connect(folder / "control.db")
    base.execute("DROP TRIGGER audit_keeps_update")
    base.execute("UPDATE audit SET actor = 'somebody' WHERE id = 2")
    base.commit()
    base.close()
    ran = run("audit", "verify", "--data", folder, "--json")
    told = orjson.loads(ran.out)
    assert (ran.code, told["whole"], told["entries"], told["broken_at"]) == (1, False, 1, 2)
    assert "entry 2 is not as it was written" in run("audit", "verify", "--data", folder).err


def test_a_cut_log_fails_with_its_head(run: Run, folder: Path) -> None:
    head = entries(run, folder)[0]["hash"]
    base = sqlite3.connect(folder / "control.db")
    base.execute("DROP TRIGGER audit_keeps_delete")
    base.execute("DELETE FROM audit WHERE id = 3")
    base.commit()
    base.close()
    ran = run("audit", "verify", "--data", folder, "--head", head, "--json")
    assert (ran.code, orjson.loads(ran.out)["head_found"]) == (1, False)
    assert "its end was cut off" in run("audit", "verify", "--data", folder, "--head", head).err
    assert run("audit", "verify", "--data", folder).code == 0


@pytest.mark.parametrize("head", ["", "00", "zz" * 32, "00" * 33])
def test_what_is_no_hash_is_wrong_use(run: Run, folder: Path, head: str) -> None:
    assert run("audit", "verify", "--data", folder, "--head", head).code == 2
