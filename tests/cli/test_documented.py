"""`docs/cli.md` tells of every command and option, and of none that is not there."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer.main

from auricle.cli import app

PAGE = (Path(__file__).parents[2] / "docs" / "cli.md").read_text()


def commands(group: object, path: str = "auricle") -> Iterator[tuple[str, set[str]]]:
    """Every command with its options."""
    children = getattr(group, "commands", None)
    if children is None:
        options = {name for one in group.params for name in one.opts if name.startswith("--")}  # type: ignore[attr-defined]
        yield path, options - {"--help"}
    else:
        for name, child in children.items():
            yield from commands(child, f"{path} {name}")


COMMANDS = dict(commands(typer.main.get_command(app)))


def section(path: str) -> str:
    """What the page says of a command, with what it says of its group."""
    found = re.search(rf"^#+ `{path}`\n(.*?)(?=^#+ `|\Z)", PAGE, re.DOTALL | re.MULTILINE)
    group = path.rpartition(" ")[0]
    return (found[1] if found else "") + (section(group) if group != "auricle" else "")


@pytest.mark.parametrize("path", COMMANDS)
def test_every_option_is_documented(path: str) -> None:
    told = set(re.findall(r"`(--[a-z-]+)`", section(path)))

    assert COMMANDS[path] - told == set()


def test_no_command_or_option_is_made_up() -> None:
    headed = set(re.findall(r"^#+ `(auricle[a-z -]*)`$", PAGE, re.MULTILINE))
    groups = {path.rpartition(" ")[0] for path in COMMANDS} - {"auricle"}
    told = set(re.findall(r"`(--[a-z-]+)`", PAGE))

    assert headed == set(COMMANDS) | groups
    assert told - {"--help"} == set().union(*COMMANDS.values())


def test_every_command_takes_json() -> None:
    assert [path for path, options in COMMANDS.items() if "--json" not in options] == []
