"""`auricle schema`: the life of a schema through the service that runs, and types without one."""

import io
import sys
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest

Run = Callable[..., Any]
DOCUMENT = {
    "$id": "auricle:acme/shop.sold/jsonschema/1-0-0",
    "title": "Sold",
    "type": "object",
    "required": ["price"],
    "properties": {"price": {"type": "number"}},
}


@pytest.fixture
def target(run: Run, service: Path) -> tuple[object, ...]:
    """The options that lead to a new tenant."""
    tenant = f"t{uuid.uuid4().hex}"
    assert run("key", "create", "--tenant", tenant, "--kind", "read", "--data", service).code == 0
    return ("--tenant", tenant, "--data", service)


def written(path: Path, value: Any) -> Path:
    path.write_bytes(orjson.dumps(value))
    return path


def test_the_life_of_a_schema(run: Run, target: tuple[object, ...], tmp_path: Path) -> None:
    file = written(tmp_path / "sold.json", DOCUMENT)
    tried = run("schema", "register", file, "--dry-run", *target)
    assert (tried.code, tried.out.splitlines()[0]) == (0, f"would register {DOCUMENT['$id']}")
    made = orjson.loads(run("schema", "register", file, *target, "--json").out)
    assert (made["id"], made["registered"]) == (DOCUMENT["$id"], True)
    tighter = DOCUMENT | {"properties": {"price": {"type": "number", "minimum": 1}}}
    refused = run("schema", "register", written(tmp_path / "no.json", tighter), *target)
    assert (refused.code, "1-0-0" in refused.err) == (1, True)
    second = tighter | {"$id": "auricle:acme/shop.sold/jsonschema/1-1-0"}
    told = run("schema", "register", written(tmp_path / "b.json", second), *target)
    assert (told.code, "revision: /properties/price/minimum" in told.out) == (0, True)

    listed = orjson.loads(run("schema", "list", *target, "--json").out)["schemas"]
    assert [one["version"] for one in listed if one["event_name"] == "shop.sold"] == ["1-1-0"]
    assert "shop.sold" in run("schema", "list", *target).out
    assert orjson.loads(run("schema", "show", "shop.sold", "--version", "1-0-0", *target).out) == DOCUMENT
    head, _, text = run("schema", "show", "shop.sold", *target).out.partition("\n")
    assert (head, orjson.loads(text)) == (f"{second['$id']}  tenant, mode quarantine", second)
    assert run("schema", "mode", "shop.sold", "observe", *target).out == "shop.sold: observe\n"
    assert run("schema", "mode", "shop.sold", "loud", *target).code == 2
    assert [run("schema", "show", name, *target).code for name in ("nothing", "../events")] == [1, 1]

    code = run("schema", "types", "shop.sold", "kb.hit", "--lang", "python", *target).out
    assert ("class ShopSold(Envelope):" in code, "AnyEvent = KbHit | ShopSold" in code) == (True, True)
    assert run("schema", "types", "shop.lost", *target).code == 1
    page = run("schema", "page", "shop.sold", *target).out
    assert "| `price` | yes | number, ≥ 1 |  |" in page
    tried = run("schema", "trial", "shop.sold", *target)
    assert (tried.code, "0 of the last 0 stored events would fail" in tried.out) == (0, True)


def test_events_are_checked(
    run: Run, target: tuple[object, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = {
        "event_id": str(uuid.uuid4()),
        "event_name": "page_view",
        "occurred_at": "2026-01-15T10:30:00Z",
        "source": "web",
    }
    validate = ("schema", "validate", *target, "--json")
    lines = tmp_path / "events.jsonl"
    lines.write_bytes(orjson.dumps(good) + b"\n\n" + orjson.dumps(good | {"source": "x"}) + b"\n")
    for file, told in (
        (lines, ["too_old", "envelope"]),
        (written(tmp_path / "list.json", [good, good | {"source": "x"}]), ["too_old", "envelope"]),
        (written(tmp_path / "one.json", good), ["too_old"]),
    ):
        checked = run(*validate, file)
        assert (checked.code, [one["reason"] for one in orjson.loads(checked.out)["events"]]) == (1, told)
    assert "/source" in run("schema", "validate", lines, *target).out
    ill = tmp_path / "ill"
    ill.write_bytes(b"{")
    assert [run(*validate, file).code for file in (ill, tmp_path / "absent")] == [2, 2]
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(orjson.dumps([]))))
    empty = run(*validate, "-")
    assert (empty.code, orjson.loads(empty.out)) == (0, {"checked": 0, "invalid": 0, "events": []})


def test_types_need_no_service(run: Run, tmp_path: Path) -> None:
    file = written(tmp_path / "sold.json", DOCUMENT)
    made = run("schema", "types", "--file", file)
    assert (made.code, "export interface ShopSold extends Envelope {" in made.out) == (0, True)
    told = orjson.loads(run("schema", "types", "page_view", "--built-in", "--lang", "python", "--json").out)
    assert (told["lang"], told["events"], "class PageView(Envelope):" in told["code"]) == (
        "python",
        ["page_view"],
        True,
    )
    ill = written(tmp_path / "ill.json", DOCUMENT | {"$ref": "http://127.0.0.1/"})
    assert [run("schema", "types", *more).code for more in (("--file", ill), ("nothing", "--built-in"))] == [2, 1]


def test_calls_are_made_in_python(run: Run) -> None:
    made = run("schema", "types", "kb.hit", "--built-in", "--lang", "python", "--calls")
    assert (made.code, "def kb_hit(self, attributes: KbHitAttributes, " in made.out) == (0, True)
    assert run("schema", "types", "kb.hit", "--built-in", "--calls").code == 2
