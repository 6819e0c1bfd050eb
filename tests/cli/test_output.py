"""Cells, bars and tables."""

from datetime import UTC, datetime
from typing import Any

import pytest

from auricle.cli.output import bar, cell, percent, print_json, print_table


@pytest.mark.parametrize(
    ("value", "text"),
    [
        pytest.param(None, "–", id="absent"),
        pytest.param("", "–", id="empty"),
        pytest.param(True, "yes", id="true"),
        pytest.param(0, "0", id="zero"),
        pytest.param(1234567, "1,234,567", id="integer"),
        pytest.param(0.25, "0.25", id="fraction"),
        pytest.param(1.0, "1", id="whole fraction"),
        pytest.param(12345.678, "12,345.7", id="large fraction"),
        pytest.param(datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=UTC), "2026-01-02 03:04:05", id="time"),
        pytest.param(["a", 2], "a, 2", id="list"),
        pytest.param("[bold]x[/bold]", "\\[bold]x\\[/bold]", id="markup is text"),
    ],
)
def test_cell(value: Any, text: str) -> None:
    assert cell(value) == text


@pytest.mark.parametrize(
    ("share", "filled"),
    [
        pytest.param(None, 0, id="absent"),
        pytest.param(0.0, 0, id="none"),
        pytest.param(0.5, 4, id="half"),
        pytest.param(1.0, 8, id="all"),
        pytest.param(1.7, 8, id="too much"),
        pytest.param(-1.0, 0, id="too little"),
    ],
)
def test_bar(share: float | None, filled: int) -> None:
    told = bar(share, width=8)

    assert (len(told), len(told.rstrip("░."))) == (8, filled)


def test_percent() -> None:
    assert [percent(0.1234), percent(None), percent(1)] == ["12.3%", "–", "100.0%"]


def test_tables_hold_whole_values(capsys: pytest.CaptureFixture[str]) -> None:
    print_table("Title [x]", ("name", "count"), [["a" * 60, 1], ["b", 1234]], "a note")

    lines = [line.split() for line in capsys.readouterr().out.splitlines() if line.strip()]
    assert lines[:2] + lines[3:] == [
        ["Title", "[x]"],
        ["name", "count"],
        ["a" * 60, "1"],
        ["b", "1,234"],
        ["a", "note"],
    ]


def test_json_is_utf_8_whatever_the_terminal(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    print_json({"a": "ä", "at": datetime(2026, 1, 2, tzinfo=UTC)})

    assert capfdbinary.readouterr().out == '{\n  "a": "ä",\n  "at": "2026-01-02T00:00:00+00:00"\n}\n'.encode()
