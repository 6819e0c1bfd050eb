"""The catalogue as a page: the documentation's own, made again, and nothing of a schema that is more than text."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import settings as limits
from hypothesis import strategies as st
from trial import ORDER, REGISTRY, document

from auricle.cli.typed.page import page_of, section_of

EVENTS = (Path(__file__).parents[3] / "docs" / "events.md").read_text("utf-8")


@pytest.mark.parametrize("name", REGISTRY.names())
def test_the_page_of_the_documentation_is_made_so(name: str) -> None:
    assert section_of(name, REGISTRY.known[name].document) in EVENTS


def test_a_section_is_written_so() -> None:
    assert (
        section_of("shop.order", ORDER)
        == """### `shop.order`

An order.

| attribute | required | takes | meaning |
| --- | --- | --- | --- |
| `total` | yes | number | What was paid. |
| `currency` | no | `EUR` · `USD` |  |
| `items` | yes | list of object |  |
| `items[].sku` | yes | text |  |
| `labels` | no | object |  |
| `address` | no | object |  |
| `address.city` | no | text |  |
| `flag` | no | `0` · `1` · `true` · `false` |  |
| `note` | no | any |  |
"""
    )


TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)


@limits(max_examples=60)
@given(name=TEXT, meaning=TEXT, option=TEXT)
def test_every_attribute_is_one_row(name: str, meaning: str, option: str) -> None:
    properties = {name: {"enum": [option], "description": meaning}}
    page = page_of([("shop.order", document("shop.order", description=meaning, properties=properties))])
    rows = [line for line in page.split("\n") if line.startswith("| ")][2:]
    assert len(rows) == 1
    bars = [at for at, letter in enumerate(rows[0]) if letter == "|" and rows[0][at - 1 : at] != "\\"]
    assert len(bars) == 5
