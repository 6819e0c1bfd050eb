"""`auricle user`: the life of a user."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest

Run = Callable[..., Any]


def test_the_life_of_a_user(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def told(*arguments: object) -> Any:
        return orjson.loads(run("user", *arguments, "--tenant", "acme", "--data", tmp_path, "--json").out)

    made = told("create", "ada", "--role", "admin")
    again = run("user", "create", "ada", "--tenant", "acme", "--data", tmp_path)
    monkeypatch.setattr("sys.stdin", io.StringIO("a password of mine\n"))
    given = told("create", "bob", "--password", "-")
    listed = told("list")
    changed = told("password", "bob")
    removed = told("remove", "ada")
    gone = run("user", "remove", "ada", "--tenant", "acme", "--data", tmp_path)

    assert len(made.pop("password")) >= 20
    assert (made["name"], made["role"], made["tenant"]) == ("ada", "admin", "acme")
    assert (again.code, again.err) == (1, "auricle: There is a user of this name already.\n")
    assert "password" not in given
    assert [(each["name"], each["role"]) for each in listed["users"]] == [("ada", "admin"), ("bob", "read")]
    assert (changed["id"], len(changed["password"]) >= 20) == (given["id"], True)
    assert removed == {"id": made["id"], "removed": True}
    assert (gone.code, gone.err) == (1, "auricle: the tenant has no user of this name\n")


def test_a_short_password_is_refused(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("short\n"))
    refused = run("user", "create", "ada", "--tenant", "acme", "--password", "-", "--data", tmp_path)
    assert refused.code == 1
    assert "/password" in refused.err
    assert "short" not in refused.err
