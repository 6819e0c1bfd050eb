"""What may be registered as a schema, and what a hostile client sends instead."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auricle.errors import AuricleError, Invalid, TooLarge
from auricle.intake.catalogue import Catalogue
from auricle.intake.registration import (
    MAX_LEVELS,
    MAX_OPTIONS,
    MAX_PARTS,
    MAX_PATTERNS,
    TAKEN,
    read_document,
    written_out,
)
from auricle.intake.schemas import Registry
from auricle.model.schema import TenantSchemas
from auricle.store.schema import SchemaStore

SECRET = "hunter2-marker"
REGISTRY = Registry.load()


def document(**more: Any) -> dict[str, Any]:
    """A schema that may be registered, with some members other than they were; `...` takes one away."""
    told = {"$id": "auricle:acme/shop.sold/jsonschema/1-0-0", "type": "object", **more}
    return {name: value for name, value in told.items() if value is not ...}


def deep(levels: int) -> Any:
    node: Any = {}
    for _ in range(levels):
        node = {"properties": {"a": node}}
    return node


LAUGHS = {"a0": {"type": "string"}} | {
    f"a{n}": {"allOf": [{"$ref": f"#/$defs/a{n - 1}"}, {"$ref": f"#/$defs/a{n - 1}"}]} for n in range(1, 20)
}

REFUSED: dict[str, tuple[Any, str, str]] = {
    "no object": ([], "", "type"),
    "no id": (document(**{"$id": ...}), "/$id", "pattern"),
    "an id that is no text": (document(**{"$id": 7}), "/$id", "pattern"),
    "an id of another kind": (document(**{"$id": "https://example.org/x"}), "/$id", "pattern"),
    "a version with a leading zero": (document(**{"$id": "auricle:acme/a/jsonschema/01-0-0"}), "/$id", "pattern"),
    "a name with an empty part": (document(**{"$id": "auricle:acme/a..b/jsonschema/1-0-0"}), "/$id", "pattern"),
    "our own vendor": (document(**{"$id": "auricle:auricle/page_view/jsonschema/1-0-1"}), "/$id", "vendor"),
    "the envelope": (document(**{"$id": "auricle:acme/envelope/jsonschema/1-0-0"}), "/$id", "name"),
    "another dialect": (document(**{"$schema": "http://json-schema.org/draft-07/schema#"}), "/$schema", "const"),
    "no object inside": (document(type="array"), "/type", "const"),
    "no type": (document(type=...), "/type", "const"),
    "a foreign reference": (document(properties={"a": {"$ref": "http://127.0.0.1/x"}}), "/properties/a/$ref", "ref"),
    "a file": (document(properties={"a": {"$ref": "file:///etc/passwd"}}), "/properties/a/$ref", "ref"),
    "itself": (document(properties={"a": {"$ref": "#"}}), "/properties/a/$ref", "ref"),
    "nowhere": (document(properties={"a": {"$ref": "#/$defs/b"}}), "/properties/a/$ref", "ref"),
    "a circle": (document(**{"$defs": {"b": {"$ref": "#/$defs/b"}}}), "/$defs/b/$ref", "ref"),
    "a reference that is no text": (document(properties={"a": {"$ref": {}}}), "/properties/a/$ref", "ref"),
    "a billion laughs": (document(**{"$defs": LAUGHS}), "", "max_parts"),
    "an unknown keyword": (document(**{"x-secret": SECRET}), "/x-secret", "keyword"),
    "an inner id": (document(properties={"a": {"$id": "auricle:x"}}), "/properties/a/$id", "keyword"),
    "an anchor": (document(**{"$dynamicAnchor": "a"}), "/$dynamicAnchor", "keyword"),
    "many patterns": (
        document(properties={f"a{n}": {"pattern": "a"} for n in range(MAX_PATTERNS + 1)}),
        f"/properties/a{MAX_PATTERNS}/pattern",
        "max_patterns",
    ),
    "a long pattern": (document(pattern="a" * 513), "/pattern", "max_pattern"),
    "a pattern that is no text": (document(pattern=7), "/pattern", "max_pattern"),
    "an unknown format": (document(format=SECRET), "/format", "format"),
    "too many options": (document(enum=list(range(MAX_OPTIONS + 1))), "/enum", "maxItems"),
    "a long property": (document(properties={"a" * 257: {}}), "/properties", "max_key"),
    "too deep": (document(**deep(MAX_LEVELS)), "", "max_levels"),
    "very deep": (document(**deep(5_000)), "", "max_levels"),
    "an empty list of schemas": (document(allOf=[]), "/allOf", "type"),
    "a list where a schema should be": (document(items=[]), "/items", "type"),
    "properties that are a list": (document(properties=[]), "/properties", "type"),
    "definitions that are a list": (document(**{"$defs": []}), "/$defs", "type"),
    "a schema that is a number": (document(properties={"a/~": 5}), "/properties/a~1~0", "type"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_it_is_refused(case: str) -> None:
    told, pointer, rule = REFUSED[case]
    with pytest.raises(Invalid) as refusal:
        read_document(told)
    (fault,) = refusal.value.faults
    assert fault.rule == rule
    assert fault.pointer == pointer or (not pointer and fault.rule.startswith("max_"))
    assert SECRET not in fault.message + refusal.value.detail


def test_a_large_one_is_refused() -> None:
    with pytest.raises(TooLarge):
        read_document(document(description="a" * 40_000))


def test_the_parts_are_those_of_every_reference_written_out() -> None:
    few = {f"a{n}": {"$ref": "#/$defs/b"} for n in range(MAX_PARTS // 2 - 10)}
    assert read_document(document(**{"$defs": {"b": {"type": "string"}}}, properties=few))


def test_references_are_written_out() -> None:
    money = {"type": "number", "minimum": 0, "description": "Money."}
    told = document(
        **{"$defs": {"money": money, "alias": {"$ref": "#/$defs/money"}}},
        properties={
            "price": {"$ref": "#/$defs/alias", "description": "The price."},
            "tax": {"$ref": "#/$defs/money", "maximum": 5},
        },
    )
    assert written_out(told) == {
        "$id": told["$id"],
        "type": "object",
        "properties": {
            "price": {**money, "description": "The price."},
            "tax": {"maximum": 5, "allOf": [money]},
        },
    }


def test_every_built_in_schema_might_be_a_tenants() -> None:
    for schema in REGISTRY.known.values():
        mine = {**schema.document, "$id": schema.id.replace("auricle:auricle/", "auricle:acme/")}
        assert read_document(mine).id == mine["$id"]


KEYWORDS = st.sampled_from(
    sorted(TAKEN | {"$id", "$schema", "$defs", "$anchor", "$dynamicRef", "unevaluatedProperties", "x"})
)
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(["string", "object", "#/$defs/a", "#", "(a{9}){9}", "[", "(?=a)", "date-time", "uuid", "é\0"])
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYWORDS | st.text(max_size=3), inner, max_size=5),
)


@given(st.dictionaries(KEYWORDS, VALUES, max_size=6))
def test_whatever_is_sent_is_taken_or_refused_with_a_reason(told: dict[str, Any]) -> None:
    refusal, taken = outcome({**told, "$id": "auricle:acme/shop.sold/jsonschema/1-0-0", "type": "object"})
    assert (refusal is None) != (taken is None)
    if refusal is not None:
        assert refusal.status in (413, 422)
        assert refusal.faults
    if taken is not None:
        assert isinstance(taken.known["shop.sold"].is_valid({"attributes": {}}), bool)


def outcome(told: Any) -> tuple[AuricleError | None, Registry | None]:
    """The refusal of a document, or the registry with it."""
    try:
        return None, CATALOGUE.judge("acme", read_document(told)).registry
    except AuricleError as error:
        return error, None


class Nothing(SchemaStore):
    """A tenant without schemas."""

    def __init__(self) -> None:
        pass

    def read(self, tenant_id: str) -> TenantSchemas:
        return TenantSchemas(0)


CATALOGUE = Catalogue(Nothing(), REGISTRY, 500)
