"""The rules of a key: what may be asked for, what is told of what may not, and that they are kept as they are."""

from datetime import UTC, datetime
from ipaddress import ip_network
from typing import Any

import pytest

from auricle.errors import Invalid
from auricle.model.key import ANYTHING, KeyRules
from auricle.model.principal import Kind, Scope
from auricle.store.rules import kept_rules, read_expiry, read_label, read_rules, rules_row

BEFORE = KeyRules(
    frozenset({Scope.EVENTS_WRITE}), (ip_network("10.0.0.0/8"),), frozenset({"https://shop.example"}), rate_limit=5
)


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        pytest.param({}, BEFORE, id="nothing is named"),
        pytest.param(dict.fromkeys(("scopes", "ips", "origins", "rate_limit")), ANYTHING, id="all are taken away"),
        pytest.param(
            {"scopes": ["events:backfill", "events:write"], "rate_limit": 0},
            KeyRules(
                frozenset({Scope.EVENTS_WRITE, Scope.EVENTS_BACKFILL}), BEFORE.networks, BEFORE.origins, rate_limit=0
            ),
            id="two are changed",
        ),
    ],
)
def test_what_is_not_named_stays(told: dict[str, Any], expected: KeyRules) -> None:
    assert read_rules(Kind.INGEST, told, BEFORE) == expected


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        pytest.param("203.0.113.7", "203.0.113.7/32", id="an address"),
        pytest.param("203.0.113.7/24", "203.0.113.0/24", id="an address within a network"),
        pytest.param("2001:DB8::/48", "2001:db8::/48", id="IPv6"),
        pytest.param("::ffff:203.0.113.7", "203.0.113.7/32", id="IPv4 in IPv6"),
        pytest.param("::ffff:10.0.0.0/104", "10.0.0.0/8", id="a network of IPv4 in IPv6"),
        pytest.param("0.0.0.0/0", "0.0.0.0/0", id="every one of IPv4"),
    ],
)
def test_networks_are_read(told: str, expected: str) -> None:
    assert read_rules(Kind.READ, {"ips": [told]}, ANYTHING).networks == (ip_network(expected),)


def test_origins_are_kept_as_browsers_send_them() -> None:
    rules = read_rules(Kind.INGEST, {"origins": ["HTTPS://Shop.Example:8443", "http://localhost:3000"]}, ANYTHING)
    assert rules.origins == {"https://shop.example:8443", "http://localhost:3000"}


@pytest.mark.parametrize(
    ("told", "fault"),
    [
        pytest.param({"scopes": []}, ("/scopes", "type"), id="no scope at all"),
        pytest.param({"scopes": "events:write"}, ("/scopes", "type"), id="a scope that is no list"),
        pytest.param({"scopes": ["events:write", "reports:read"]}, ("/scopes/1", "format"), id="another kind's scope"),
        pytest.param({"scopes": ["everything"]}, ("/scopes/0", "format"), id="an unknown scope"),
        pytest.param({"scopes": [["admin"]]}, ("/scopes/0", "format"), id="a scope that is no text"),
        pytest.param({"ips": []}, ("/ips", "type"), id="no address at all"),
        pytest.param({"ips": ["10.0.0.0/8", "10.0.0/8"]}, ("/ips/1", "format"), id="half an address"),
        pytest.param({"ips": ["shop.example"]}, ("/ips/0", "format"), id="a name"),
        pytest.param({"ips": ["fe80::1%eth0"]}, ("/ips/0", "format"), id="an address of one interface"),
        pytest.param({"ips": [167_772_160]}, ("/ips/0", "format"), id="an address as a number"),
        pytest.param({"ips": ["10.0.0.1"] * 101}, ("/ips", "type"), id="too many"),
        pytest.param({"origins": ["shop.example"]}, ("/origins/0", "format"), id="an origin without scheme"),
        pytest.param({"origins": ["https://shop.example/x"]}, ("/origins/0", "format"), id="an origin with a path"),
        pytest.param({"origins": ["https://*.example"]}, ("/origins/0", "format"), id="a pattern"),
        pytest.param({"origins": ["https://a@b.example"]}, ("/origins/0", "format"), id="an origin with a user"),
        pytest.param({"origins": ["null"]}, ("/origins/0", "format"), id="the origin of no page"),
        pytest.param({"rate_limit": -1}, ("/rate_limit", "range"), id="below nought"),
        pytest.param({"rate_limit": True}, ("/rate_limit", "range"), id="a truth"),
        pytest.param({"rate_limit": 1.5}, ("/rate_limit", "range"), id="a broken number"),
        pytest.param({"rate_limit": 10**9}, ("/rate_limit", "range"), id="beyond all"),
    ],
)
def test_what_breaks_a_rule_is_told_by_pointer(told: dict[str, Any], fault: tuple[str, str]) -> None:
    with pytest.raises(Invalid) as refused:
        read_rules(Kind.INGEST, told, ANYTHING)
    (found,) = refused.value.faults
    assert (found.pointer, found.rule) == fault


@pytest.mark.parametrize("member", ["scopes", "ips", "origins"])
def test_what_is_wrong_is_not_repeated(member: str) -> None:
    with pytest.raises(Invalid) as refused:
        read_rules(Kind.INGEST, {member: ["hunter2"]}, ANYTHING)
    assert "hunter2" not in repr((refused.value.detail, refused.value.faults))


@pytest.mark.parametrize("rules", [ANYTHING, BEFORE], ids=["none", "all"])
def test_rules_are_kept_as_they_are(rules: KeyRules) -> None:
    assert kept_rules(rules_row(rules)) == rules


def test_a_scope_of_a_later_version_is_none() -> None:
    row = rules_row(BEFORE) | {"scopes": '["events:write", "moon:read"]'}
    assert kept_rules(row).scopes == {Scope.EVENTS_WRITE}


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        pytest.param(None, None, id="none"),
        pytest.param("2030-01-31T01:00:00+01:00", datetime(2030, 1, 31, tzinfo=UTC), id="another zone"),
        pytest.param("2030-01-31T00:00:00Z", datetime(2030, 1, 31, tzinfo=UTC), id="UTC"),
    ],
)
def test_an_expiry_is_read(told: Any, expected: Any) -> None:
    assert read_expiry(told) == expected


@pytest.mark.parametrize("told", ["2030-01-31T00:00:00", "soon", "", 5, True, ["2030-01-31T00:00:00Z"], {}])
def test_a_wrong_expiry_is_refused(told: Any) -> None:
    with pytest.raises(Invalid):
        read_expiry(told)


@pytest.mark.parametrize("told", [None, 5, "x" * 129, "a\nb", "a\x00b", "\x1b[31m"])
def test_a_wrong_label_is_refused(told: Any) -> None:
    with pytest.raises(Invalid):
        read_label(told)
