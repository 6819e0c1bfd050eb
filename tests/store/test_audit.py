"""The audit log: appended to from all sides, refused to be changed, and proved; on both databases."""

import threading
from collections.abc import Callable

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

from auricle.model.principal import Kind
from auricle.model.schema import Mode, TenantSchema, Version
from auricle.store.audit import FIRST, AuditRow, AuditStore, Proof
from auricle.store.control import ControlStore
from auricle.store.schema import SchemaStore

NEVER = bytes(range(32))


@pytest.fixture
def log(database: Engine) -> AuditStore:
    return AuditStore(database)


@pytest.fixture
def five(log: AuditStore) -> list[AuditRow]:
    """Five entries, the oldest first."""
    for number in range(1, 6):
        log.record("acme" if number % 2 else "other", "cli", "thing.do", f"t{number}", {"n": number})
    return log.rows(None, limit=10)[::-1]


@pytest.fixture
def tamper(database: Engine) -> Callable[..., None]:
    """Runs SQL past the triggers, as somebody can who may write the database's files."""

    def run(*statements: str) -> None:
        with database.begin() as connection:
            if database.dialect.name == "postgresql":
                connection.execute(text("ALTER TABLE audit DISABLE TRIGGER ALL"))
            else:
                for verb in ("update", "delete"):
                    connection.execute(text(f"DROP TRIGGER IF EXISTS audit_keeps_{verb}"))
            for statement in statements:
                connection.execute(text(statement))

    return run


def test_what_is_recorded_is_read_the_newest_first(log: AuditStore, five: list[AuditRow]) -> None:
    assert [(row.id, row.tenant_id, row.target) for row in five] == [
        (1, "acme", "t1"),
        (2, "other", "t2"),
        (3, "acme", "t3"),
        (4, "other", "t4"),
        (5, "acme", "t5"),
    ]
    assert log.rows("acme", limit=2) == [five[4], five[2]]
    assert log.rows("acme", limit=2, before=five[2].id) == [five[0]]
    assert log.rows(None, limit=10, action="other.thing") == log.rows("nobody", limit=10) == []
    assert five[0].as_json() == {
        "id": 1,
        "tenant": "acme",
        "actor": "cli",
        "action": "thing.do",
        "target": "t1",
        "detail": {"n": 1},
        "hash": five[0].hash.hex(),
    }


def test_a_whole_log_is_proved(log: AuditStore, monkeypatch: pytest.MonkeyPatch) -> None:
    assert log.head() == (0, FIRST)
    assert [log.verify(head) for head in (None, FIRST, NEVER)] == [
        Proof(0, FIRST, None, True),
        Proof(0, FIRST, None, True),
        Proof(0, FIRST, None, False),
    ]
    monkeypatch.setattr("auricle.store.audit.PAGE", 3)
    for number in range(7):
        log.record("acme", "cli", "thing.do", str(number))
    rows = log.rows(None, limit=10)
    assert log.head() == (7, rows[0].hash)
    assert {log.verify(row.hash) for row in rows} == {Proof(7, rows[0].hash, None, True)}
    assert log.verify(NEVER) == Proof(7, rows[0].hash, None, False)


@pytest.mark.parametrize(
    ("statements", "broken"),
    [
        pytest.param([f"UPDATE audit SET {column} = 'x' WHERE id = 3"], 3, id=f"{column} changed")
        for column in ("tenant_id", "actor", "action", "target", "detail")
    ]
    + [
        pytest.param(["UPDATE audit SET at = at + 1 WHERE id = 1"], 1, id="time changed"),
        pytest.param(["UPDATE audit SET hash = (SELECT hash FROM audit WHERE id = 2) WHERE id = 5"], 5, id="hash"),
        pytest.param(["DELETE FROM audit WHERE id = 1"], 1, id="the first taken away"),
        pytest.param(["DELETE FROM audit WHERE id = 3"], 3, id="one taken away"),
        pytest.param(
            ["DELETE FROM audit WHERE id = 3", "UPDATE audit SET id = id - 1 WHERE id > 3"], 3, id="and the gap closed"
        ),
        pytest.param(
            [
                "UPDATE audit SET id = 99 WHERE id = 2",
                "UPDATE audit SET id = 2 WHERE id = 3",
                "UPDATE audit SET id = 3 WHERE id = 99",
            ],
            2,
            id="two swapped",
        ),
        pytest.param(
            ["INSERT INTO audit SELECT 6, tenant_id, at, actor, action, target, detail, hash FROM audit WHERE id = 5"],
            6,
            id="one slipped in at the end",
        ),
        pytest.param(
            ["INSERT INTO audit SELECT 0, tenant_id, at, actor, action, target, detail, hash FROM audit WHERE id = 1"],
            1,
            id="one slipped in before",
        ),
    ],
)
@pytest.mark.usefixtures("five")
def test_tampering_shows(log: AuditStore, tamper: Callable[..., None], statements: list[str], broken: int) -> None:
    tamper(*statements)
    assert log.verify().broken == broken


def test_a_row_of_strange_types_is_broken_and_can_be_read(
    database: Engine, log: AuditStore, five: list[AuditRow]
) -> None:
    if database.dialect.name == "postgresql":
        pytest.skip("PostgreSQL keeps the type of a column.")
    with database.begin() as connection:
        connection.execute(text("DROP TRIGGER audit_keeps_update"))
        connection.execute(text("UPDATE audit SET detail = x'ff00', at = 'noon' WHERE id = 4"))
    assert log.verify() == Proof(3, five[2].hash, 4, True)
    assert log.rows("other", limit=1)[0].as_json()["detail"] == b"\xff\x00"


def test_a_cut_end_shows_to_those_who_kept_a_head(
    log: AuditStore, five: list[AuditRow], tamper: Callable[..., None]
) -> None:
    tamper("DELETE FROM audit WHERE id > 3")
    assert log.verify() == Proof(3, five[2].hash, None, True)
    assert log.verify(five[2].hash).found
    assert log.verify(five[4].hash) == Proof(3, five[2].hash, None, False)
    log.record("acme", "cli", "thing.do")
    log.record("acme", "cli", "thing.do")
    assert not log.verify(five[4].hash).found


@pytest.mark.parametrize(
    "statement",
    ["UPDATE audit SET actor = 'x'", "DELETE FROM audit", "DELETE FROM audit WHERE id = 5"],
)
@pytest.mark.usefixtures("five")
def test_the_database_refuses_changes(database: Engine, log: AuditStore, statement: str) -> None:
    with pytest.raises(DBAPIError, match="append-only"), database.begin() as connection:
        connection.execute(text(statement))
    assert log.verify().rows == 5


def test_many_may_append_at_once(database: Engine, log: AuditStore) -> None:
    control = ControlStore(database)

    def work(number: int) -> None:
        for _ in range(8):
            log.record(f"t{number}", "cli", "thing.do")
            control.create_key(f"t{number}", Kind.READ)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    proof = log.verify()
    assert (proof.rows, proof.broken) == (64, None)


def test_texts_that_no_database_takes_are_mended(log: AuditStore) -> None:
    log.record("t" * 70, "a\0b", "\ud800", "é" * 300, {"text": "\0"})
    (row,) = log.rows(None, limit=1)
    assert (row.tenant_id, row.actor, row.action, row.target) == ("t" * 64, "a\ufffdb", "?", "é" * 256)
    assert (row.as_json()["detail"], log.verify().broken) == ({"text": "\0"}, None)


def told(log: AuditStore) -> list[tuple[str, str, str, str, object]]:
    """Every entry, the oldest first."""
    rows = log.rows(None, limit=100)[::-1]
    return [(row.tenant_id, row.actor, row.action, row.target, row.as_json()["detail"]) for row in rows]


def test_the_life_of_a_key_is_told(database: Engine, log: AuditStore) -> None:
    control = ControlStore(database)
    made = control.create_key("acme", Kind.INGEST, actor="key:k1")
    assert control.revoke_key(made.id)
    assert not control.revoke_key(made.id)
    assert not control.revoke_key("nobody")
    assert told(log) == [
        ("acme", "key:k1", "key.create", made.id, {"kind": "ingest", "expires_at": None}),
        ("acme", "cli", "key.revoke", made.id, {}),
    ]
    assert made.key not in repr(log.rows(None, limit=9))


def test_what_is_done_to_schemas_is_told(database: Engine, log: AuditStore) -> None:
    store = SchemaStore(database)
    schema = TenantSchema("acme", "shop.sold", Version(1, 0, 0), {}, 1)
    assert store.add("t", schema, 0, actor="key:k1")
    assert not store.add("t", schema, 0, actor="key:k1")
    assert store.set_mode("t", "shop.sold", Mode.OBSERVE, 1, 2, actor="key:k2")
    assert not store.set_mode("t", "shop.sold", Mode.REJECT, 1, 2, actor="key:k2")
    assert told(log) == [
        ("t", "key:k1", "schema.register", "shop.sold/1-0-0", {"vendor": "acme"}),
        ("t", "key:k2", "schema.mode", "shop.sold", {"mode": "observe"}),
    ]


def test_what_is_undone_is_not_told(database: Engine, log: AuditStore, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> bytes:
        raise RuntimeError

    control = ControlStore(database)
    monkeypatch.setattr(AuditRow, "sealed", fail)
    with pytest.raises(RuntimeError):
        control.create_key("acme", Kind.INGEST)
    assert (control.list_keys(), log.rows(None, limit=1)) == ([], [])
