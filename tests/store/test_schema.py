"""Schemas of tenants, on both databases."""

from sqlalchemy import Engine

from auricle.model.schema import Mode, TenantSchema, TenantSchemas, Version
from auricle.store.schema import SchemaStore


def schema(name: str = "shop.sold", version: Version = Version(1, 0, 0)) -> TenantSchema:
    return TenantSchema("acme", name, version, {"type": "object", "title": "é"}, 1_700_000_000_000_001)


def test_what_is_added_is_read(database: Engine) -> None:
    store = SchemaStore(database)
    late, early = schema(version=Version(1, 10, 0)), schema(version=Version(1, 9, 0))
    assert store.read("acme") == TenantSchemas(0)
    assert [store.add("acme", one, judged) for judged, one in enumerate((late, early, schema("a")))] == [True] * 3
    assert store.set_mode("acme", "a", Mode.OBSERVE, 3, 1)
    assert store.set_mode("acme", "a", Mode.REJECT, 4, 2)
    assert store.read("acme") == TenantSchemas(5, (schema("a"), early, late), (("a", Mode.REJECT),))
    assert store.read("other") == TenantSchemas(0)
    assert store.revisions() == {"acme": 5}


def test_a_change_that_was_judged_against_an_older_state_is_refused(database: Engine) -> None:
    store = SchemaStore(database)
    assert store.add("acme", schema(), 0)
    assert not store.add("acme", schema(version=Version(1, 0, 1)), 0)
    assert not store.set_mode("acme", "shop.sold", Mode.OBSERVE, 0, 1)
    assert store.read("acme") == TenantSchemas(1, (schema(),))
