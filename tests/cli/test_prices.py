"""`auricle prices`: a list goes in as CSV or JSON, and comes out."""

import io
import sys
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest

Run = Callable[..., Any]


@pytest.fixture
def target(run: Run, service: Path) -> tuple[object, ...]:
    """The options that lead to a new tenant."""
    tenant = f"t{uuid.uuid4().hex}"
    assert run("key", "create", "--tenant", tenant, "--kind", "read", "--data", service).code == 0
    return ("--tenant", tenant, "--data", service)


def test_a_list_is_loaded_and_shown(
    run: Run, target: tuple[object, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "prices.csv"
    file.write_text("model,from,input,output\nlarge*,2026-01-01,2.5,10\n")
    loaded = run("prices", "load", file, *target, "--json")
    price = {
        "model": "large*",
        "from": "2026-01-01T00:00:00Z",
        "to": None,
        "input": "2.5",
        "output": "10",
        "source": "",
    }
    assert (loaded.code, orjson.loads(loaded.out)) == (0, {"prices": [price]})
    assert "large*" in run("prices", "show", *target).out
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b'{"prices": [{"model": "small", "output": "1"}]}')))
    assert run("prices", "load", "-", *target).code == 0
    assert [one["model"] for one in orjson.loads(run("prices", "show", *target, "--json").out)["prices"]] == ["small"]


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("prices.csv", "model,input\nlarge*,-1\n", "/prices/0/input"),
        ("prices.csv", "input\n1\n", "names the columns"),
        ("prices.json", "model,input", "neither CSV named so nor JSON"),
        ("prices.json", None, "cannot be read"),
    ],
)
def test_a_wrong_file_changes_nothing(
    run: Run, target: tuple[object, ...], tmp_path: Path, name: str, text: str | None, told: str
) -> None:
    if text is not None:
        (tmp_path / name).write_text(text)
    refused = run("prices", "load", tmp_path / name, *target)
    assert (refused.code, told in refused.err) == (1, True)
    assert orjson.loads(run("prices", "show", *target, "--json").out) == {"prices": []}
