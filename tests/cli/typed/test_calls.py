"""Typed calls: mypy takes right ones alone, each ends in `track`, and the catalogue of the client is made of them."""

import subprocess
import sys
from pathlib import Path
from typing import Any

from trial import REGISTRY, document, everything

from auricle.cli.typed.calls import with_calls
from auricle.cli.typed.frame import frame_of
from auricle.cli.typed.python import python_of

ROOT = Path(__file__).resolve().parents[3]
USE = """
from events import Calls

def track(event_name: str, attributes: object, **more: object) -> str | None:
    return event_name

calls = Calls(track)
calls.kb_hit({"kb.document_id": "d", "kb.rank": 1}, session_id="s")
calls.search_query({"anything": 1})
calls.search_query()
calls.kb_hit({"kb.rank": 1})  # type: ignore[typeddict-item]
calls.kb_hit({"kb.document_id": 7, "kb.rank": 1})  # type: ignore[typeddict-item]
calls.kb_hit()  # type: ignore[call-arg]
calls.kb_miss({})  # type: ignore[attr-defined]
"""


def test_the_catalogue_of_the_client_is_current() -> None:
    """`auricle schema types --built-in --lang python --calls > src/auricle/client/catalogue.py` makes it again."""
    frame = frame_of(REGISTRY.unknown.document, [(name, (REGISTRY.known[name].document,)) for name in REGISTRY.names()])
    made = with_calls(python_of(frame), frame)
    assert (ROOT / "src" / "auricle" / "client" / "catalogue.py").read_text().rstrip("\n") == made.rstrip("\n")


def test_mypy_takes_right_calls_alone(tmp_path: Path) -> None:
    frame = everything()
    (tmp_path / "events.py").write_text(with_calls(python_of(frame), frame), "utf-8")
    (tmp_path / "use.py").write_text(USE)
    command = [sys.executable, "-m", "mypy", "--strict", "--config-file=", f"--cache-dir={tmp_path / 'cache'}"]
    done = subprocess.run([*command, "use.py", "events.py"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "Success: no issues found in 2 source files\n"), done.stderr


def test_each_call_ends_in_track_under_a_name_of_its_own() -> None:
    names = ("a.b", "a_b", "class", "shop.order", "track", "calls")
    frame = frame_of(REGISTRY.unknown.document, [(name, (document(name),)) for name in names])
    space: dict[str, Any] = {"__name__": "events"}
    exec(compile(with_calls(python_of(frame), frame), "events.py", "exec"), space)
    seen: list[Any] = []
    calls = space["Calls"](lambda *told, **more: seen.append((told, more)))
    for method in ("a_b", "a_b_", "class_", "shop_order", "track", "calls"):
        getattr(calls, method)({"x": 1}, user_id="u")
    assert seen == [((name, {"x": 1}), {"user_id": "u"}) for name in names]
