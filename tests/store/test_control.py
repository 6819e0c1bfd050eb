"""The control plane: keys are made, shown once, kept as hashes, and end."""

import hashlib
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, select

from auricle.errors import Conflict, Invalid, NotFound, Unauthorized
from auricle.model.key import KeyRow, KeyRules, Tenant
from auricle.model.principal import SCOPES, Kind, Principal
from auricle.model.receipt import Fault
from auricle.settings import Settings
from auricle.store.control import ControlStore
from auricle.store.tables import api_keys, tenants

LATER = datetime(2999, 1, 1, tzinfo=UTC)


@pytest.fixture
def control(database: Engine) -> Iterator[ControlStore]:
    store = ControlStore(database)
    yield store
    store.close()


@pytest.mark.parametrize("kind", list(Kind))
def test_a_key_opens_its_tenant_with_the_scopes_of_its_kind(control: ControlStore, kind: Kind) -> None:
    made = control.create_key("acme", kind, label="till 3", expires_at=LATER)
    assert made.key.startswith("ak_")
    assert (made.tenant, made.kind) == ("acme", kind)
    assert control.principal(made.key) == Principal("acme", made.id, SCOPES[kind])
    (row,) = control.list_keys()
    assert row == KeyRow(made.id, "acme", kind, "till 3", row.created_at, LATER, None, None)
    assert timedelta() <= datetime.now(UTC) - row.created_at < timedelta(minutes=1)


def test_no_two_keys_are_alike(control: ControlStore) -> None:
    keys = [control.create_key("acme", Kind.INGEST) for _ in range(20)]
    assert len({made.key for made in keys}) == len({made.id for made in keys}) == 20


def test_only_the_hash_is_kept(control: ControlStore, database: Engine) -> None:
    made = control.create_key("acme", Kind.ADMIN)
    with database.connect() as connection:
        (row,) = connection.execute(select(api_keys)).all()
    assert made.key not in repr(row)
    assert bytes(row.hash) == hashlib.sha256(made.key.encode()).digest()


def test_the_text_of_a_key_is_in_no_file(settings: Settings) -> None:
    control = ControlStore.open(settings)
    keys = [control.create_key("acme", kind).key for kind in Kind]
    control.principal(keys[0])

    def kept() -> bytes:
        return b"".join(path.read_bytes() for path in sorted(settings.data.rglob("*")) if path.is_file())

    beside = kept()
    control.close()
    after = kept()
    for content in (beside, after):
        assert b"acme" in content
        assert [key for key in keys if key.encode() in content or key[3:].encode() in content] == []


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        pytest.param(lambda control, key: None, "This API key is not known here.", id="unknown"),
        pytest.param(
            lambda control, key: control.create_key("acme", Kind.READ, expires_at=datetime.now(UTC)).key,
            "This API key has expired.",
            id="expired",
        ),
        pytest.param(
            lambda control, key: control.revoke_key(control.list_keys()[0].id) and key,
            "This API key was revoked.",
            id="revoked",
        ),
        pytest.param(lambda control, key: key.upper(), "This API key is not known here.", id="other case"),
        pytest.param(lambda control, key: key + " ", "This API key is not known here.", id="a space more"),
        pytest.param(lambda control, key: "\udcff\x00", "This API key is not known here.", id="no text at all"),
    ],
)
def test_a_key_that_does_not_open(control: ControlStore, spoil: object, why: str) -> None:
    key = control.create_key("acme", Kind.INGEST).key
    with pytest.raises(Unauthorized) as refused:
        control.principal(spoil(control, key) or "ak_unknown")  # type: ignore[operator]
    assert refused.value.detail == why


def test_a_key_expires_at_its_moment_in_any_zone(control: ControlStore) -> None:
    from_tokyo = datetime.fromisoformat("2999-01-01T09:00:00+09:00")
    made = control.create_key("acme", Kind.READ, expires_at=from_tokyo)
    assert control.principal(made.key).tenant_id == "acme"
    assert control.list_keys()[0].expires_at == LATER


def test_revoking_ends_one_key_once(control: ControlStore) -> None:
    first, second = (control.create_key("acme", Kind.INGEST) for _ in range(2))
    assert [control.revoke_key(key_id) for key_id in (first.id, first.id, "nobody")] == [True, False, False]
    assert control.principal(second.key).key_id == second.id
    assert [row.revoked_at is None for row in control.list_keys("acme")] == [False, True]


def test_keys_are_listed_by_tenant_the_oldest_first(control: ControlStore) -> None:
    made = [control.create_key(tenant, Kind.READ).id for tenant in ("b", "a", "b")]
    assert [row.id for row in control.list_keys()] == made
    assert [row.id for row in control.list_keys("b")] == [made[0], made[2]]
    assert control.list_keys("c") == []


def test_use_is_noted(control: ControlStore) -> None:
    made, other = (control.create_key("acme", Kind.READ) for _ in range(2))
    at = datetime(2026, 5, 1, 12, tzinfo=UTC)
    control.used({made.id: at, "nobody": at})
    assert {row.id: row.last_used_at for row in control.list_keys()} == {made.id: at, other.id: None}


@pytest.mark.parametrize(
    "tenant",
    [
        pytest.param("a", id="one character"),
        pytest.param("0" * 64, id="64 characters"),
        pytest.param("shop_7-west", id="all that is allowed"),
        pytest.param("123e4567-e89b-12d3-a456-426614174000", id="a UUID"),
    ],
)
def test_a_tenant_with_a_good_name_is_made_once(control: ControlStore, database: Engine, tenant: str) -> None:
    for _ in range(2):
        control.create_key(tenant, Kind.INGEST)
    with database.connect() as connection:
        assert connection.execute(select(tenants.c.id)).scalars().all() == [tenant]


@pytest.mark.parametrize(
    "tenant",
    [
        pytest.param("", id="empty"),
        pytest.param("a" * 65, id="65 characters"),
        pytest.param("Acme", id="upper case"),
        pytest.param("-acme", id="begins with a dash"),
        pytest.param("acme\n", id="a line break"),
        pytest.param("acmé", id="beyond ASCII"),
        pytest.param("a/b", id="a slash"),
        pytest.param("a' OR 1=1", id="SQL"),
    ],
)
def test_a_tenant_with_a_bad_name_is_refused(control: ControlStore, tenant: str) -> None:
    with pytest.raises(Invalid) as refused:
        control.create_key(tenant, Kind.INGEST)
    rule = "1 to 64 characters: a-z, 0-9, _ and -, beginning with a letter or a digit; a UUID is welcome"
    assert refused.value.faults == (Fault("/tenant", "pattern", rule),)
    assert control.list_keys() == []


def test_an_expiry_without_a_zone_is_refused(control: ControlStore) -> None:
    with pytest.raises(Invalid) as refused:
        control.create_key("acme", Kind.READ, expires_at=datetime(2999, 1, 1))  # noqa: DTZ001
    assert refused.value.faults == (Fault("/expires_at", "format", "RFC 3339 with a zone"),)


def test_keys_may_be_made_beside_each_other(control: ControlStore) -> None:
    errors: list[Exception] = []

    def make() -> None:
        try:
            for _ in range(5):
                control.create_key("acme", Kind.INGEST)
        except Exception as error:  # noqa: BLE001
            errors.append(error)

    threads = [threading.Thread(target=make) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert len(control.list_keys("acme")) == 20


def test_another_process_sees_a_key_at_once(settings: Settings, tmp_path: Path) -> None:
    first, second = ControlStore.open(settings), ControlStore.open(settings)
    key = first.create_key("acme", Kind.READ).key
    assert second.principal(key).tenant_id == "acme"
    first.close()
    second.close()


def test_a_rotated_key_takes_the_rules_and_the_time_of_the_old_one(control: ControlStore) -> None:
    rules = KeyRules(rate_limit=7)
    old = control.create_key(
        "acme", Kind.READ, label="x", expires_at=datetime.now(UTC) + timedelta(days=3), rules=rules
    )
    new = control.rotate_key(old.id, timedelta(days=9))
    rows = {row.id: row for row in control.list_keys()}
    assert (rows[new.id].rules, rows[new.id].label, rows[new.id].replaces) == (rules, "x", old.id)
    # The old key lives no longer for being rotated.
    for row in rows.values():
        assert row.expires_at is not None
        assert abs(row.expires_at - datetime.now(UTC) - timedelta(days=3)) < timedelta(minutes=1)
    assert [control.principal(key).key_id for key in (old.key, new.key)] == [old.id, new.id]


def test_of_many_rotations_at_once_one_succeeds(control: ControlStore) -> None:
    old = control.create_key("acme", Kind.READ)
    outcomes: list[str] = []

    def rotate() -> None:
        try:
            outcomes.append(control.rotate_key(old.id, timedelta(hours=1)).tenant)
        except Conflict:
            outcomes.append("refused")

    threads = [threading.Thread(target=rotate) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["acme"] + ["refused"] * 5
    assert len(control.list_keys()) == 2


def test_a_key_is_another_tenants_own_affair(control: ControlStore) -> None:
    theirs = control.create_key("other", Kind.READ)
    with pytest.raises(NotFound):
        control.key("acme", theirs.id)
    with pytest.raises(NotFound):
        control.rotate_key(theirs.id, timedelta(), tenant="acme")
    assert control.revoke_key(theirs.id, tenant="acme") is False
    assert control.principal(theirs.key).tenant_id == "other"


def test_tenants_are_told_with_their_living_keys(control: ControlStore) -> None:
    assert [control.ensure_tenant("acme") for _ in range(2)] == [True, False]
    control.create_key("acme", Kind.READ, expires_at=datetime.now(UTC))
    control.revoke_key(control.create_key("acme", Kind.READ).id)
    control.create_key("acme", Kind.READ, expires_at=LATER)
    control.create_key("b", Kind.READ)
    told = control.list_tenants()
    assert told == [Tenant("acme", told[0].created_at, None, 1), Tenant("b", told[1].created_at, None, 1)]


def test_a_disabled_tenants_keys_do_not_open(control: ControlStore) -> None:
    key = control.create_key("acme", Kind.READ).key
    assert [control.disable_tenant("acme", disabled=True) for _ in range(2)] == [True, False]
    with pytest.raises(Unauthorized) as refused:
        control.principal(key)
    assert refused.value.detail == "The tenant of this API key is disabled."
    assert control.disable_tenant("acme", disabled=False)
    assert control.principal(key).tenant_id == "acme"
    assert control.disable_tenant("nobody", disabled=True) is False


def test_the_origins_of_keys_that_are_alive(control: ControlStore) -> None:
    past = datetime(2001, 1, 1, tzinfo=UTC)
    assert control.origins() == frozenset()
    for origins, ends in (({"https://a.example", "http://b.example"}, LATER), ({"https://old.example"}, past)):
        control.create_key("acme", Kind.INGEST, expires_at=ends, rules=KeyRules(origins=frozenset(origins)))
    revoked = control.create_key("acme", Kind.INGEST, rules=KeyRules(origins=frozenset({"https://gone.example"})))
    control.revoke_key(revoked.id)
    control.create_key("other", Kind.INGEST, rules=KeyRules(origins=frozenset({"http://b.example"})))
    assert control.origins() == {"https://a.example", "http://b.example"}
