"""Failed log-ins: counted by network, told in the audit log, and no way to flood it."""

import asyncio
from pathlib import Path

import pytest
from sqlalchemy import Engine

from auricle.edge.failures import Failures, network_of
from auricle.errors import Unavailable
from auricle.model.principal import Kind
from auricle.settings import Settings
from auricle.store.audit import AuditStore
from running import STATS, serving

KEYS = "/api/v1/analytics/admin/keys"


def told(audit: AuditStore) -> list[tuple[str, object]]:
    """Actors and details of what belongs to nobody, the oldest first."""
    rows = [row for row in audit.rows(None, limit=1_000)[::-1] if row.tenant_id == ""]
    assert {(row.action, row.target) for row in rows} <= {("login.fail", "")}
    return [(row.actor, row.as_json()["detail"]) for row in rows]


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("203.0.113.77", "203.0.113.0/24"),
        ("::ffff:203.0.113.77", "203.0.113.0/24"),
        ("2001:db8:1:2::3", "2001:db8:1::/48"),
        ("fe80::1%eth0", "fe80::/48"),
        ("", "unknown"),
        ("somebody", "unknown"),
    ],
)
def test_the_network_of_an_address(address: str, network: str) -> None:
    assert network_of(address) == network


def test_attempts_are_counted_by_network(database: Engine) -> None:
    audit = AuditStore(database)
    failures = Failures(audit)
    for address in ("10.0.0.1", "10.0.0.2", "10.0.1.1"):
        failures.note(address)
    asyncio.run(failures.flush())
    asyncio.run(failures.flush())
    assert told(audit) == [("address:10.0.0.0/24", {"attempts": 2}), ("address:10.0.1.0/24", {"attempts": 1})]


def test_a_flood_is_a_few_lines(database: Engine) -> None:
    audit = AuditStore(database)
    failures = Failures(audit)
    for number in range(20_000):
        failures.note(f"10.{number // 250 % 250}.{number % 250}.1")
    for _ in range(5_000):
        failures.note("192.0.2.1")
    failures.note("10.0.0.9")
    assert len(failures._attempts) == 1_001
    asyncio.run(failures.flush())
    found = told(audit)
    assert len(found) == 6
    assert found[0] == ("address:10.0.0.0/24", {"attempts": 2})
    assert found[-1][0] == "address:others"
    assert sum(detail["attempts"] for _, detail in found) == 25_001  # type: ignore[index]


def test_keys_that_were_good_once_are_told_to_their_tenants(database: Engine) -> None:
    audit = AuditStore(database)
    failures = Failures(audit)
    for number in range(2_000):
        failures.note(f"10.0.{number % 200}.1")
        failures.note("192.0.2.1", ("acme", "k1"))
    failures.note("192.0.2.1", ("other", "k2"))
    for number in range(20):
        failures.note("192.0.2.1", ("third", f"k{number}"))
    asyncio.run(failures.flush())
    assert [(row.actor, row.target, row.detail) for row in audit.rows("acme", limit=9)] == [
        ("address:192.0.2.0/24", "k1", '{"attempts":2000}')
    ]
    assert [(row.target, row.detail) for row in audit.rows("other", limit=9)] == [("k2", '{"attempts":1}')]
    assert len(audit.rows("third", limit=99)) == 3
    assert told(audit)[-1] == ("address:others", {"attempts": 2_000 - 5 * 10 + 17})


def test_what_cannot_be_written_is_kept(database: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    audit = AuditStore(database)
    failures = Failures(audit)
    record, times = AuditStore.record, 0

    def fail_at_the_third(*given: object) -> None:
        nonlocal times
        times += 1
        if times == 3:
            raise Unavailable("away")
        record(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(AuditStore, "record", fail_at_the_third)
    for number in range(9):
        failures.note(f"10.0.{number}.1")
    with pytest.raises(Unavailable):
        asyncio.run(failures.flush())
    failures.note("10.0.8.1")
    asyncio.run(failures.flush())
    assert told(audit) == [
        ("address:10.0.0.0/24", {"attempts": 1}),
        ("address:10.0.1.0/24", {"attempts": 1}),
        ("address:10.0.8.0/24", {"attempts": 2}),
        ("address:10.0.2.0/24", {"attempts": 1}),
        ("address:10.0.3.0/24", {"attempts": 1}),
        ("address:10.0.4.0/24", {"attempts": 1}),
        ("address:10.0.5.0/24", {"attempts": 1}),
        ("address:others", {"attempts": 2}),
    ]


def test_the_service_tells_them_at_its_end_at_the_latest(tmp_path: Path) -> None:
    settings = Settings(data=tmp_path)
    with serving(settings) as service:
        assert [service.ask("GET", STATS, key=f"ak_{number}").status for number in range(3)] == [401] * 3
        admin, key = service.key("acme", Kind.ADMIN), service.key("acme", Kind.READ)
        (mine,) = [one for one in service.ask("GET", KEYS, key=admin).body["keys"] if one["kind"] == "read"]
        assert service.ask("DELETE", f"{KEYS}/{mine['id']}", key=admin).status == 200
        assert [service.ask("GET", STATS, key=key).status for _ in range(2)] == [401] * 2
        assert service.stop() == 0
    audit = AuditStore.open(settings)
    assert told(audit) == [("address:127.0.0.0/24", {"attempts": 3})]
    (entry,) = audit.rows("acme", limit=9, action="login.fail")
    assert (entry.actor, entry.target, entry.detail) == ("address:127.0.0.0/24", mine["id"], '{"attempts":2}')
    audit.close()
