"""`auricle inbox`: refused events, through the service that runs."""

import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest

from auricle import clock
from auricle.intake.times import format_rfc3339

Run = Callable[..., Any]


@pytest.fixture
def target(run: Run, service: Path, tmp_path: Path) -> tuple[object, ...]:
    """The options that lead to a new tenant with refused events: three of one group, one of another."""
    target = ("--tenant", f"t{uuid.uuid4().hex}", "--data", service)
    wrong = [sold("5"), sold("6"), sold("7"), sold(8, source="pigeon")]
    register(run, target, tmp_path, "number", "1-0-0")
    file = tmp_path / "events.jsonl"
    file.write_bytes(b"\n".join(map(orjson.dumps, [*wrong, sold(9)])))
    told = orjson.loads(run("import", file, "--format", "jsonl", *target, "--json").out)
    assert (told["stored"], told["rejected"]) == (1, 4)
    return target


def sold(price: Any, **more: Any) -> dict[str, Any]:
    told = {"event_name": "shop.sold", "occurred_at": format_rfc3339(clock.micros()), "source": "web"}
    return told | {"attributes": {"price": price, "mail": "jane@example.com"}} | more


def register(run: Run, target: tuple[object, ...], folder: Path, kind: str, version: str) -> None:
    run("key", "create", "--kind", "admin", *target)
    file = folder / "schema.json"
    document = {"$id": f"auricle:acme/shop.sold/jsonschema/{version}", "type": "object"}
    file.write_bytes(orjson.dumps(document | {"properties": {"price": {"type": kind}}}))
    assert run("schema", "register", file, *target).code == 0


def groups(run: Run, target: tuple[object, ...]) -> list[tuple[str, int]]:
    told = orjson.loads(run("inbox", "list", *target, "--json").out)["groups"]
    return [(one["pointer"], one["events"]) for one in told]


def test_the_life_of_refused_events(run: Run, target: tuple[object, ...], tmp_path: Path) -> None:
    assert groups(run, target) == [("/attributes/price", 3), ("/source", 1)]
    assert "/attributes/price" in run("inbox", "list", *target).out
    shown = run("inbox", "show", "--reason", "schema", "--limit", "1", *target)
    assert (shown.code, "[redacted:email]" in shown.out, "jane" in shown.out) == (0, True, False)
    samples = orjson.loads(run("inbox", "show", "--pointer", "/source", *target, "--json").out)["events"]
    assert [one["event"]["source"] for one in samples] == ["pigeon"]
    assert run("inbox", "show", "--event", "", *target).out == "nothing\n"

    vain = orjson.loads(run("inbox", "replay", "--all", *target, "--json").out)
    assert vain == {"stored": 0, "duplicates": 0, "dropped": 0, "failed": 4, "retry": 0}
    register(run, target, tmp_path, "string", "2-0-0")
    done = orjson.loads(run("inbox", "replay", "--event", "shop.sold", "--reason", "schema", *target, "--json").out)
    assert (done["stored"], done["failed"]) == (3, 0)
    assert "failed" in run("inbox", "replay", "--all", *target).out
    assert groups(run, target) == [("/attributes/price", 1)]
    assert run("inbox", "discard", "--all", *target).out == "1 discarded\n"
    assert groups(run, target) == []


@pytest.mark.parametrize("command", ["replay", "discard"])
def test_what_is_meant_must_be_said(run: Run, service: Path, command: str) -> None:
    for more in ((), ("--all", "--reason", "schema")):
        refused = run("inbox", command, *more, "--tenant", "acme", "--data", service)
        assert (refused.code, "--all" in refused.err) == (2, True)
