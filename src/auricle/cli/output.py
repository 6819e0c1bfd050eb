"""The output: tables for people, JSON for programs, and the exit codes 0 (done), 1 (failed) and 2 (wrong use)."""

import sys
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import orjson
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

FAILED = 1
WRONG_USE = 2


class Failure(Exception):
    """What a command could not do, in words for the person at the terminal; `main` prints it and exits with `code`."""

    def __init__(self, message: str, code: int = FAILED) -> None:
        super().__init__(message)
        self.code = code


def stdout() -> Console:
    """The console of results. Wide where nobody looks, so that files and pipes hold whole values."""
    return Console(highlight=False, width=None if sys.stdout.isatty() else 160)


def stderr() -> Console:
    """The console of progress and notes; it never mixes with results."""
    return Console(stderr=True, highlight=False)


def print_json(value: Any) -> None:
    """Prints a value as JSON in UTF-8, whatever the terminal's encoding."""
    text = orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE, default=str)
    sys.stdout.flush()
    sys.stdout.buffer.write(text)
    sys.stdout.buffer.flush()


def print_failure(failure: Failure, as_json: bool) -> None:
    """Prints why a command failed to standard error."""
    if as_json:
        sys.stderr.write(orjson.dumps({"error": str(failure), "exit_code": failure.code}).decode() + "\n")
    else:
        sys.stderr.write(f"auricle: {failure}\n")


def print_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[Any]], note: str = "") -> None:
    """Prints rows under a title and a note below. Columns whose every value is a number stand to the right."""
    kept = [list(row) for row in rows]
    table = Table(title=escape(title), title_justify="left", title_style="bold", box=SIMPLE_HEAD)
    for place, name in enumerate(columns):
        numbers = [row[place] for row in kept if row[place] is not None]
        right = bool(numbers) and all(isinstance(value, int | float) for value in numbers)
        table.add_column(name, justify="right" if right else "left", overflow="fold")
    for row in kept:
        table.add_row(*(cell(value) for value in row))
    console = stdout()
    if kept:
        console.print(table)
    else:
        console.print(f"[bold]{escape(title)}[/]\n  [dim]nothing[/]")
    if note:
        console.print(f"  {escape(note)}\n", style="dim", soft_wrap=True)


def cell(value: Any) -> str:
    """A value as it stands in a table; absent ones are a dash."""
    match value:
        case None | "":
            return "–"
        case bool():
            return "yes" if value else "no"
        case int():
            return f"{value:,}"
        case float():
            return f"{value:,.4f}".rstrip("0").rstrip(".") if abs(value) < 1000 else f"{value:,.1f}"
        case datetime():
            return value.strftime("%Y-%m-%d %H:%M:%S")
        case list() | tuple():
            return ", ".join(cell(one) for one in value)
        case _:
            return escape(str(value))


def bar(share: float | None, width: int = 24) -> str:
    """A bar of blocks for a share of 0 to 1."""
    filled = round(max(0.0, min(share or 0.0, 1.0)) * width)
    full, empty = ("█", "░") if (sys.stdout.encoding or "").lower().startswith("utf") else ("#", ".")
    return full * filled + empty * (width - filled)


def percent(share: float | None) -> str:
    """A share of 0 to 1 as per cent."""
    return "–" if share is None else f"{share:.1%}"
