"""The catalogue: what a tenant may register, and which registry it gets; on both databases."""

from typing import Any

import pytest
from sqlalchemy import Engine

from auricle.errors import Conflict, Invalid, NotFound, TooLarge
from auricle.intake.catalogue import Catalogue
from auricle.intake.registration import read_document
from auricle.intake.schemas import Registry
from auricle.model.schema import Mode, Part
from auricle.store.schema import SchemaStore

REGISTRY = Registry.load()
NUMBER = {"type": "number"}


def document(version: str = "1-0-0", name: str = "shop.sold", **more: Any) -> dict[str, Any]:
    told = {"$id": f"auricle:acme/{name}/jsonschema/{version}", "type": "object", "properties": {"price": NUMBER}}
    return {**told, **more}


def event(attributes: Any, name: str = "shop.sold") -> dict[str, Any]:
    return {
        "event_id": "123e4567-e89b-12d3-a456-426614174000",
        "event_name": name,
        "occurred_at": "2025-01-15T10:30:00Z",
        "source": "test",
        "attributes": attributes,
    }


@pytest.fixture
def catalogue(database: Engine) -> Catalogue:
    return Catalogue(SchemaStore(database), REGISTRY, 4)


def register(catalogue: Catalogue, told: dict[str, Any], tenant: str = "acme") -> Part | None:
    candidate = read_document(told)
    judgement = catalogue.judge(tenant, candidate)
    catalogue.register(tenant, candidate, judgement)
    return judgement.part


def test_a_tenants_schema_holds_for_that_tenant_alone(catalogue: Catalogue) -> None:
    assert register(catalogue, document()) is None
    mine, others = catalogue.for_tenant("acme"), catalogue.for_tenant("other")
    assert mine.known["shop.sold"].id == mine.ids["auricle:acme/shop.sold/jsonschema/1-0-0"].id
    assert "shop.sold" not in others.known
    assert others is REGISTRY
    faults = mine.faults(event({"price": "hunter2"}))
    assert [(fault.pointer, fault.rule, fault.message) for fault in faults] == [
        ("/attributes/price", "type", "`price` must be a number.")
    ]


def test_the_newest_version_is_asked_for_and_every_one_may_be_named(catalogue: Catalogue) -> None:
    register(catalogue, document())
    assert register(catalogue, document("1-0-1", properties={"price": NUMBER, "tax": NUMBER})) is Part.ADDITION
    registry = catalogue.for_tenant("acme")
    old = registry.ids["auricle:acme/shop.sold/jsonschema/1-0-0"]
    assert registry.known["shop.sold"].id == "auricle:acme/shop.sold/jsonschema/1-0-1"
    assert (registry.known["shop.sold"].is_valid(event({"tax": "x"})), old.is_valid(event({"tax": "x"}))) == (
        False,
        True,
    )


VERSIONS = {
    "an addition as one": ("1-0-1", {"properties": {"price": NUMBER, "tax": NUMBER}}, None),
    "an addition as a model": ("2-0-0", {"properties": {"price": NUMBER, "tax": NUMBER}}, None),
    "an addition, one too far": ("1-0-2", {"properties": {"price": NUMBER, "tax": NUMBER}}, "1-0-1"),
    "the same version": ("1-0-0", {"properties": {"price": NUMBER, "tax": NUMBER}}, "1-0-1"),
    "a revision as an addition": ("1-0-1", {"maxProperties": 3}, "1-1-0"),
    "a revision as one": ("1-1-0", {"maxProperties": 3}, None),
    "a required member as a revision": ("1-1-0", {"required": ["price"]}, "2-0-0"),
    "a required member as a model": ("2-0-0", {"required": ["price"]}, None),
}


@pytest.mark.parametrize("case", VERSIONS)
def test_the_version_must_tell_what_changed(catalogue: Catalogue, case: str) -> None:
    version, change, proposed = VERSIONS[case]
    register(catalogue, document())
    if proposed is None:
        register(catalogue, document(version, **change))
        assert catalogue.for_tenant("acme").known["shop.sold"].id.endswith(version)
        return
    with pytest.raises(Conflict) as refusal:
        register(catalogue, document(version, **change))
    assert refusal.value.faults[0].message.endswith(f"the next version is {proposed}: register it as that.")
    assert catalogue.for_tenant("acme").known["shop.sold"].id.endswith("1-0-0")


def test_the_first_version_is_the_first(catalogue: Catalogue) -> None:
    with pytest.raises(Conflict):
        register(catalogue, document("1-0-1"))


def test_what_is_registered_already_is_known(catalogue: Catalogue) -> None:
    register(catalogue, document())
    judgement = catalogue.judge("acme", read_document(document()))
    assert judgement.known


def test_a_change_in_between_is_a_conflict(catalogue: Catalogue) -> None:
    candidate = read_document(document())
    judgement = catalogue.judge("acme", candidate)
    register(catalogue, document(name="other"))
    with pytest.raises(Conflict):
        catalogue.register("acme", candidate, judgement)


def test_a_built_in_name_can_only_be_made_stricter(catalogue: Catalogue) -> None:
    loose = document(name="kb.search", properties={"kb.query": {"maxLength": 3}, "kb.results_count": {}})
    register(catalogue, loose)
    registry = catalogue.for_tenant("acme")
    whole = {"kb.query": "abc", "kb.results_count": 1, "kb.search_latency_ms": 1}
    schema = registry.known["kb.search"]
    assert schema.id == "auricle:acme/kb.search/jsonschema/1-0-0"
    told = [
        [(fault.pointer, fault.rule) for fault in registry.faults(event({**whole, **more}, "kb.search"))]
        for more in ({}, {"kb.query": "abcd"}, {"kb.results_count": "many"})
    ]
    assert told == [[], [("/attributes/kb.query", "maxLength")], [("/attributes/kb.results_count", "type")]]


REFUSED: dict[str, tuple[dict[str, Any], type[Exception], str]] = {
    "what does not compile": (document(properties={"a": {"type": "strin"}}), Invalid, "/schema/properties/a/type"),
    "a pattern that looks around": (document(properties={"a": {"pattern": "(?=a)b"}}), Invalid, "/schema/properties/a"),
    "a pattern that grows": (document(properties={"a": {"pattern": "(a{900}){900}"}}), Invalid, "/schema/properties/a"),
    "the same of a built-in name": (
        document(name="kb.hit", properties={"a": {"minLength": -1}}),
        Invalid,
        "/schema/properties/a/minLength",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_it_is_refused(catalogue: Catalogue, case: str) -> None:
    told, error, pointer = REFUSED[case]
    with pytest.raises(error) as refusal:
        register(catalogue, told)
    assert refusal.value.faults[0].pointer.startswith(pointer)  # type: ignore[attr-defined]
    assert catalogue.for_tenant("acme") is REGISTRY


def test_another_vendor_is_refused(catalogue: Catalogue) -> None:
    register(catalogue, document())
    with pytest.raises(Invalid):
        register(catalogue, document("1-0-1", **{"$id": "auricle:rival/shop.sold/jsonschema/1-0-1"}))


def test_there_is_a_limit(catalogue: Catalogue) -> None:
    for number in range(4):
        register(catalogue, document(name=f"shop.n{number}"))
    with pytest.raises(TooLarge):
        register(catalogue, document())
    register(catalogue, document(), "other")


def test_another_process_sees_a_change_with_its_next_look(catalogue: Catalogue, database: Engine) -> None:
    other = Catalogue(SchemaStore(database), REGISTRY, 4)
    register(catalogue, document())
    catalogue.set_mode("acme", "shop.sold", Mode.OBSERVE)
    assert "shop.sold" not in other.for_tenant("acme").known
    other.refresh()
    assert other.for_tenant("acme").known["shop.sold"].id == "auricle:acme/shop.sold/jsonschema/1-0-0"
    assert [other.for_tenant("acme").mode_of(name) for name in ("shop.sold", "else")] == [
        Mode.OBSERVE,
        Mode.QUARANTINE,
    ]
    made = other.for_tenant("acme")
    other.refresh()
    assert other.for_tenant("acme") is made


def test_a_mode_needs_a_schema(catalogue: Catalogue) -> None:
    with pytest.raises(NotFound):
        catalogue.set_mode("acme", "shop.sold", Mode.OBSERVE)
    catalogue.set_mode("acme", "page_view", Mode.REJECT)
    assert catalogue.for_tenant("acme").mode_of("page_view") is Mode.REJECT
