"""The page about the Python client: its snippets run as they are printed, and it tells every option."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from auricle.client import Client, Options
from running import Service

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "sdk" / "python.md").read_text()
EVERY = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
SNIPPETS = [code for code in EVERY if not code.startswith("def test_")]


@pytest.mark.parametrize("number", range(len(SNIPPETS)))
def test_a_snippet_does_what_it_says(service: Service, tenant: str, number: int) -> None:
    code = SNIPPETS[number].replace("http://127.0.0.1:8000", service.url).replace("ak_…", service.key(tenant))
    with Client(service.url, service.key(tenant), sigterm=False) as analytics:
        space = {"__name__": "__main__", "analytics": analytics}
        exec(compile(code, "python.md", "exec"), space)
        made = space["analytics"]
        assert isinstance(made, Client)
        made.close()
        assert made.counts.dropped == {}
    counts = service.drained(tenant)
    assert counts["stored"] == counts["received"] > 0


def test_every_option_is_told_as_it_is() -> None:
    rows = re.findall(r"^\| `(\w+)` \| ([^|]+) \|", PAGE, re.MULTILINE)
    told = {name: default.strip().strip("`").replace(",", "") for name, default in rows}
    words = {"None": "none", "True": "true"}
    options = {name: str(field.default) for name, field in Options.__dataclass_fields__.items()}
    assert told == {name: words.get(default, default) for name, default in options.items()}


def test_the_test_is_one(tmp_path: Path) -> None:
    (test,) = [code for code in EVERY if code.startswith("def test_")]
    (tmp_path / "test_it.py").write_text(test)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
    assert "1 passed" in done.stdout, done.stdout
