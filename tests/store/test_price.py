"""The price lists of tenants, on both databases."""

from sqlalchemy import Engine

from auricle.model.price import Kind, Price
from auricle.store.audit import AuditStore
from auricle.store.price import PriceStore

LARGE = Price("large*", ((Kind.INPUT, 2_500_000), (Kind.REASONING, 1), (Kind.AUDIO_OUTPUT, 10**12)), 5, 7, "page")
SMALL = Price("small", ((Kind.OUTPUT, 0),))


def test_a_list_is_kept_exactly_for_its_tenant_alone_and_replaced_as_a_whole(database: Engine) -> None:
    store = PriceStore(database)
    assert store.of("acme") == ()
    store.put("acme", (LARGE, SMALL), actor="cli")
    assert (store.of("acme"), store.of("other")) == ((LARGE, SMALL), ())
    store.put("acme", (SMALL,), actor="cli")
    assert store.of("acme") == (SMALL,)
    store.put("acme", (), actor="cli")
    assert store.of("acme") == ()
    rows = AuditStore(database).rows("acme", limit=9)
    assert [(row.action, row.detail) for row in rows] == [
        ("prices.put", f'{{"prices":{count}}}') for count in (0, 1, 2)
    ]
