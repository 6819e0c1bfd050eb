"""The project's own Node, with its npm packages; a test that needs them says so where they cannot be had."""

import subprocess
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SCRIPT = ROOT / "scripts/node.sh"


@cache
def ready() -> None:
    """Installs the packages when they are not there; skips where npm is out of reach."""
    ran = subprocess.run([SCRIPT], capture_output=True, text=True, check=False)
    if ran.returncode:
        pytest.skip(f"no npm packages here: {ran.stderr.splitlines()[-1]}")


def node(folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """What a command says in a folder."""
    ready()
    there = [SCRIPT, "bash", "-c", 'cd -- "$1" && shift && exec "$@"', "bash", folder, *command]
    return subprocess.run(there, capture_output=True, text=True, check=False, timeout=120)
