"""Types in TypeScript: the compiler takes an event exactly when its types are right."""

import re
from pathlib import Path

from hypothesis import given
from hypothesis import settings as limits
from hypothesis import strategies as st
from trial import REGISTRY, document, everything, order

from auricle.cli.typed.frame import frame_of
from auricle.cli.typed.typescript import typescript_of
from node import node

USE = """
import type { AnyEvent, KbHit, ShopOrder } from "./events";

const hit: KbHit = {
  event_id: "123e4567-e89b-12d3-a456-426614174000",
  event_name: "kb.hit",
  occurred_at: "2026-01-15T10:30:00Z",
  source: "web",
  attributes: { "kb.document_id": "d", "kb.rank": 1, mine: [1] },
};
const envelope = { event_id: "e", occurred_at: "t", source: "server", context: null } as const;
const attributes: ShopOrder["attributes"] = {
  total: 5, currency: null, items: [{ sku: "s", more: 1 }], labels: { a: "b" }, address: { city: "c" }, flag: true,
  note: ["a"],
};
const every: AnyEvent[] = [hit, { ...envelope, event_name: "shop.order", attributes }];
for (const one of every) if (one.event_name === "shop.order") one.attributes.total.toFixed();
// @ts-expect-error a text
attributes.total = "5";
// @ts-expect-error no such option
attributes.currency = "GBP";
// @ts-expect-error a member is missing
attributes.items = [{}];
// @ts-expect-error a number
attributes.labels = { a: 1 };
// @ts-expect-error closed
attributes.nothing = 1;
// @ts-expect-error no such source
hit.source = "pigeon";
// @ts-expect-error required by the tenant's own schema
hit.attributes = { "kb.document_id": "d" };
"""


def test_one_schema_is_written_so() -> None:
    code = typescript_of(order())
    assert (
        code[code.index("export interface ShopOrderAttributesItemsItem") :]
        == """export interface ShopOrderAttributesItemsItem {
  "sku": string;
  [name: string]: unknown;
}

export interface ShopOrderAttributesAddress {
  "city"?: string;
  [name: string]: unknown;
}

/** An order. */
export interface ShopOrderAttributes {
  /** What was paid. */
  "total": number;
  "currency"?: "EUR" | "USD" | null;
  "items": Array<ShopOrderAttributesItemsItem>;
  "labels"?: Record<string, string>;
  "address"?: ShopOrderAttributesAddress;
  "flag"?: 0 | 1 | true | false;
  "note"?: string | Array<string>;
}

/** An order. */
export interface ShopOrder extends Envelope {
  event_name: "shop.order";
  schema?: "auricle:acme/shop.order/jsonschema/1-0-0";
  attributes: ShopOrderAttributes;
}

export type AnyEvent = ShopOrder;
"""
    )


def test_the_compiler_takes_right_events_alone(tmp_path: Path) -> None:
    (tmp_path / "events.ts").write_text(typescript_of(everything()), "utf-8")
    (tmp_path / "use.ts").write_text(USE)
    options = ["--strict", "--noEmit", "--target", "es2022", "--module", "esnext", "--moduleResolution", "bundler"]
    done = node(tmp_path, "tsc", *options, "use.ts")
    assert (done.returncode, done.stdout) == (0, "")


LINE = re.compile(
    r"""\s* ( /\*\*(?:(?!\*/).)*\*/                              # a comment, ended once
            | export\ interface\ \w+(\ extends\ Envelope)?\ \{ | \}
            | ("(?:[^"\\]|\\.)*"|\w+)\??:\ [^;"]*("(?:[^"\\]|\\.)*"[^;"]*)*;
            | \[name:\ string\]:\ unknown;
            | export\ type\ AnyEvent\ =\ \w+; )?""",
    re.VERBOSE | re.ASCII,
)
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)


@limits(max_examples=60)
@given(name=TEXT, meaning=TEXT, option=TEXT)
def test_no_text_of_a_schema_becomes_code(name: str, meaning: str, option: str) -> None:
    """Every line is one of the forms that the writer knows; texts are closed on the line where they begin."""
    properties = {name: {"enum": [option], "description": meaning}}
    made = document("shop.order", description=meaning, properties=properties)
    code = typescript_of(frame_of(REGISTRY.unknown.document, [("shop.order", (made,))]))
    head, *lines = code.split("\n")
    assert head.startswith("// ")
    assert [line for line in lines if not LINE.fullmatch(line)] == []
