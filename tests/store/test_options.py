"""Options of tenants, on both databases."""

from dataclasses import replace

import orjson
import pytest
from sqlalchemy import Engine, select, text, update

from auricle.errors import Conflict
from auricle.model.days import Days
from auricle.model.options import Consent, Ips, TenantOptions, UserIds
from auricle.store.audit import AuditStore
from auricle.store.options import OptionsStore
from auricle.store.tables import tenant_options

ASKED = TenantOptions(
    sanitise=False,
    kinds=("email", "phone"),
    ips=Ips.REDACT,
    user_ids=UserIds.HMAC,
    consent=Consent.OPT_IN,
    allow_events=("shop.*", "page_view"),
    deny_events=("shop.secret",),
    retention=Days(30, {"page_view": 0, "shop.*": 7}, {"clicks": 1}),
)


def test_what_is_changed_is_read(database: Engine) -> None:
    store = OptionsStore(database)
    assert store.read("acme") == TenantOptions()
    kept = store.change("acme", ASKED, actor="cli")
    assert kept == store.read("acme") == replace(ASKED, revision=1, secret=kept.secret)
    back = store.change("acme", TenantOptions(revision=1), actor="cli")
    assert back == store.read("acme") == TenantOptions(revision=2, secret=kept.secret)
    assert (store.read("other"), store.revisions()) == (TenantOptions(), {"acme": 2})


def test_options_of_before_there_were_days_are_read(database: Engine) -> None:
    store = OptionsStore(database)
    store.change("acme", ASKED, actor="cli")
    old = {name: value for name, value in ASKED.as_json().items() if name != "retention"}
    with database.begin() as connection:
        connection.execute(update(tenant_options).values(document=orjson.dumps(old).decode()))
    assert store.read("acme").retention == Days()


def test_every_tenant_has_a_secret_of_its_own_and_nobody_is_told(database: Engine) -> None:
    store = OptionsStore(database)
    secrets = {store.change(tenant, ASKED, actor="cli").secret for tenant in ("a", "b", "c")}
    assert {len(secret) for secret in secrets} == {32}
    assert len(secrets) == 3
    told = repr(store.read("a")) + repr(store.read("a").as_json()) + repr(AuditStore(database).rows("a", limit=10))
    assert not [secret for secret in secrets if secret.hex() in told or repr(secret)[2:-1] in told]


@pytest.mark.parametrize("revision", [0, 1, 3])
def test_a_change_of_older_or_unknown_options_is_refused_and_leaves_no_trace(database: Engine, revision: int) -> None:
    store = OptionsStore(database)
    store.change("acme", ASKED, actor="cli")
    kept = store.change("acme", replace(ASKED, revision=1), actor="cli")
    with pytest.raises(Conflict):
        store.change("acme", replace(ASKED, revision=revision, ips=Ips.CUT), actor="cli")
    assert store.read("acme") == kept
    assert len(AuditStore(database).rows("acme", limit=10)) == 2


def test_a_change_that_ends_in_the_middle_leaves_the_old_options(
    database: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = OptionsStore(database)
    kept = store.change("acme", ASKED, actor="cli")

    def die(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("auricle.store.options.append", die)
    with pytest.raises(KeyboardInterrupt):
        store.change("acme", replace(kept, ips=Ips.CUT), actor="cli")
    assert store.read("acme") == kept


def test_who_changed_what_is_told(database: Engine) -> None:
    OptionsStore(database).change("acme", ASKED, actor="key:1")
    (row,) = AuditStore(database).rows("acme", limit=10)
    assert (row.actor, row.action, row.target) == ("key:1", "options.change", "1")
    detail = row.as_json()["detail"]
    assert detail["allow_events"] == "shop.* page_view"
    assert detail["retention"] == '{"events":30,"by_event":{"page_view":0,"shop.*":7},"by_dataset":{"clicks":1}}'
    with database.connect() as connection:
        assert connection.execute(select(text("count(*)")).select_from(text("tenant_options"))).scalar_one() == 1
