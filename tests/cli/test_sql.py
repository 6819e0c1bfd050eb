"""`auricle sql` on a running service: a table for people, JSON for programs, and the service's own formats."""

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

TENANT = ("--tenant", "sql")


@pytest.fixture
def place(service: Path, run: Callable[..., Any]) -> tuple[str, ...]:
    """Where the service is, with a tenant of its own."""
    assert run("key", "create", "--tenant", "sql", "--kind", "read", "--data", service).code == 0
    return ("--data", str(service), *TENANT)


def test_rows_are_a_table(run: Callable[..., Any], place: tuple[str, ...]) -> None:
    ran = run("sql", "SELECT 1 AS one, 'a' AS letter", *place)
    assert (ran.code, ran.err) == (0, "")
    assert "one" in ran.out
    assert "letter" in ran.out
    assert "1 rows" in ran.out


def test_json_is_the_answer(run: Callable[..., Any], place: tuple[str, ...]) -> None:
    told = json.loads(run("sql", "SELECT count() AS n FROM events", "--json", *place).out)
    assert told["data"] == [{"n": 0}]


def test_a_format_is_printed_as_it_comes(run: Callable[..., Any], place: tuple[str, ...]) -> None:
    assert run("sql", "SHOW TABLES FORMAT CSV", *place).out.splitlines()[0] == '"events","Every event"'
    ran = run("sql", "SELECT 1 FORMAT CSV", "--json", *place)
    assert (ran.code, ran.out) == (2, "")


def test_a_statement_is_read_from_standard_input(
    run: Callable[..., Any], place: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("SELECT 7 AS n FORMAT CSV"))
    assert run("sql", "-", *place).out == "7\n"


@pytest.mark.parametrize(("text", "code"), [("SELECT nosuch FROM events", 1), ("DROP TABLE events", 1), ("  ", 2)])
def test_a_refusal_tells_why(run: Callable[..., Any], place: tuple[str, ...], text: str, code: int) -> None:
    ran = run("sql", text, *place)
    assert (ran.code, ran.out) == (code, "")
    assert ran.err.startswith("auricle: ")
