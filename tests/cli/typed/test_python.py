"""Types in Python: mypy takes them, and takes an event exactly when its types are right."""

import subprocess
import sys
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import settings as limits
from hypothesis import strategies as st
from trial import REGISTRY, document, everything, order

from auricle.cli.typed.frame import frame_of
from auricle.cli.typed.python import python_of

USE = """
from events import AnyEvent, KbHit, ShopOrder, VoiceOutcome

hit: KbHit = {
    "event_id": "123e4567-e89b-12d3-a456-426614174000",
    "event_name": "kb.hit",
    "occurred_at": "2026-01-15T10:30:00Z",
    "source": "web",
    "attributes": {"kb.document_id": "d", "kb.rank": 1},
}
every: list[AnyEvent] = [hit]
order: ShopOrder = {
    "event_id": "e", "event_name": "shop.order", "occurred_at": "t", "source": "server", "context": None,
    "attributes": {
        "total": 5, "currency": None, "items": [{"sku": "s"}], "labels": {"a": "b"}, "address": {"city": "c"},
        "flag": True, "note": ["a"],
    },
}
if every[0]["event_name"] == "shop.order":
    print(every[0]["attributes"]["total"] + 1)
order["attributes"]["total"] = "5"  # type: ignore[typeddict-item]
order["attributes"]["currency"] = "GBP"  # type: ignore[typeddict-item]
order["attributes"]["items"] = [{}]  # type: ignore[typeddict-item]
order["attributes"]["labels"] = {"a": 1}  # type: ignore[dict-item]
order["attributes"]["nothing"] = 1  # type: ignore[typeddict-unknown-key]
order["source"] = "pigeon"  # type: ignore[typeddict-item]
order["event_name"] = "kb.hit"  # type: ignore[typeddict-item]
hit["attributes"] = {"kb.document_id": "d"}  # type: ignore[typeddict-item]
"""


def test_one_schema_is_written_so() -> None:
    code = python_of(order())
    assert (
        code[code.index("ShopOrderAttributesItemsItem") :]
        == """ShopOrderAttributesItemsItem = TypedDict("ShopOrderAttributesItemsItem", {
    'sku': str,
})


ShopOrderAttributesAddress = TypedDict("ShopOrderAttributesAddress", {
    'city': NotRequired[str],
})


# An order.
ShopOrderAttributes = TypedDict("ShopOrderAttributes", {
    # What was paid.
    'total': float,
    'currency': NotRequired[Literal['EUR', 'USD'] | None],
    'items': list[ShopOrderAttributesItemsItem],
    'labels': NotRequired[dict[str, str]],
    'address': NotRequired[ShopOrderAttributesAddress],
    'flag': NotRequired[Literal[0, 1, True, False]],
    'note': NotRequired[str | list[str]],
})


class ShopOrder(Envelope):
    # An order.
    event_name: Literal['shop.order']
    schema: NotRequired[Literal['auricle:acme/shop.order/jsonschema/1-0-0']]
    attributes: ShopOrderAttributes


AnyEvent = ShopOrder
"""
    )


def test_mypy_takes_right_events_alone(tmp_path: Path) -> None:
    (tmp_path / "events.py").write_text(python_of(everything()), "utf-8")
    (tmp_path / "use.py").write_text(USE)
    command = [
        sys.executable,
        "-m",
        "mypy",
        "--strict",
        "--config-file=",
        f"--cache-dir={tmp_path / 'cache'}",
        "use.py",
    ]
    done = subprocess.run([*command, "events.py"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "Success: no issues found in 2 source files\n"), done.stderr


def test_the_module_runs() -> None:
    space: dict[str, Any] = {"__name__": "events"}
    exec(compile(python_of(everything()), "events.py", "exec"), space)
    assert space["KbHitAttributes"].__required_keys__ == {"kb.document_id", "kb.rank"}
    assert "os" not in space


TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)


@limits(max_examples=60)
@given(name=TEXT, meaning=TEXT, option=TEXT)
def test_no_text_of_a_schema_becomes_code(name: str, meaning: str, option: str) -> None:
    properties = {name: {"enum": [option], "description": meaning}}
    made = document("shop.order", description=meaning, properties=properties)
    space: dict[str, Any] = {"__name__": "events"}
    exec(compile(python_of(frame_of(REGISTRY.unknown.document, [("shop.order", (made,))])), "events.py", "exec"), space)
    assert set(space["ShopOrderAttributes"].__annotations__) == {name}
    assert {key for key in space if key[0].islower()} == set()
