"""The command as a whole: version, wrong use, failures and pipes."""

import subprocess
from collections.abc import Callable
from typing import Any

import pytest

from auricle import __version__

Run = Callable[..., Any]


def test_version(run: Run) -> None:
    ran = run("--version")

    assert (ran.code, ran.out, ran.err) == (0, f"auricle {__version__}\n", "")


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param([], id="no command"),
        pytest.param(["nonsense"], id="unknown command"),
        pytest.param(["serve", "--nonsense"], id="unknown option"),
        pytest.param(["serve", "--port", "70000"], id="value out of range"),
        pytest.param(["key", "create", "--tenant", "acme"], id="missing option"),
        pytest.param(["key", "create", "--tenant", "acme", "--kind", "root"], id="value that is no choice"),
        pytest.param(["import", "no-such-file", "--format", "csv"], id="no such file"),
        pytest.param(["report", "funnel", "--steps", "one"], id="one step"),
        pytest.param(["report", "top", "--field", "x", "--filter", "x"], id="half a filter"),
    ],
)
def test_wrong_use_exits_2(run: Run, arguments: list[str]) -> None:
    assert run(*arguments).code == 2


def test_errors_of_auricle_exit_1_in_words(run: Run, tmp_path: object) -> None:
    ran = run("key", "create", "--tenant", "Not A Slug", "--kind", "read", "--data", tmp_path)

    assert (ran.code, ran.out) == (1, "")
    assert ran.err.startswith("auricle: The tenant has no valid name: /tenant: ")


def test_failures_are_json_where_json_was_asked(run: Run, tmp_path: object) -> None:
    ran = run("key", "revoke", "no-such-key", "--data", tmp_path, "--json")

    assert (ran.code, ran.out) == (1, "")
    assert ran.err == '{"error":"no key that is alive has this id","exit_code":1}\n'


def test_a_reader_that_goes_away_is_no_failure(command: list[str]) -> None:
    child = subprocess.Popen([*command, "--help"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert child.stdout is not None
    assert child.stderr is not None
    child.stdout.close()
    told = child.stderr.read()
    child.stderr.close()

    assert (child.wait(60) in (0, 1), b"Traceback" in told) == (True, False)
