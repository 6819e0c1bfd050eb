"""Options: what is taken, and what the doors know."""

from typing import Any

import pytest
from sqlalchemy import Engine

from auricle.errors import Conflict, Invalid
from auricle.intake.options import KINDS, MAX_NAMES, MEMBERS, Options, changed, is_wanted, wanted_of
from auricle.intake.sensitive import EVERYTHING, Kind, Wanted
from auricle.model.days import MAX_DAYS, Days
from auricle.model.options import UNASKED, Consent, Ips, TenantOptions, UserIds
from auricle.store.options import OptionsStore


@pytest.mark.parametrize(
    ("asked", "made"),
    [
        ({}, {}),
        ({"sanitise": False}, {"sanitise": False}),
        ({"kinds": ["phone", "email", "phone"]}, {"kinds": ("email", "phone")}),
        ({"kinds": []}, {"kinds": ()}),
        ({"ips": "redact"}, {"ips": Ips.REDACT}),
        ({"user_ids": "hmac-sha256"}, {"user_ids": UserIds.HMAC}),
        ({"consent": "opt-in"}, {"consent": Consent.OPT_IN}),
        ({"allow_events": ["a", "a.*", "a"]}, {"allow_events": ("a", "a.*")}),
        ({"deny_events": []}, {"deny_events": ()}),
        ({"retention": {}}, {}),
        ({"retention": {"events": 0}}, {"retention": Days(0)}),
        (
            {"retention": {"events": None, "by_event": {"a": 1, "a.*": 36_500}}},
            {"retention": Days(None, {"a": 1, "a.*": 36_500})},
        ),
        ({"retention": {"by_dataset": {"Clicks_1": 7}}}, {"retention": Days(by_dataset={"Clicks_1": 7})}),
    ],
)
def test_what_is_named_changes_and_null_restores(asked: dict[str, Any], made: dict[str, Any]) -> None:
    assert changed(UNASKED, asked) == TenantOptions(**made)
    assert changed(changed(UNASKED, asked), dict.fromkeys(asked)) == UNASKED


MARK = "hunter2-marker"


@pytest.mark.parametrize(
    ("asked", "pointer", "rule"),
    [
        ({"sanitise": MARK}, "/sanitise", "type"),
        ({"sanitise": 1}, "/sanitise", "type"),
        ({"kinds": MARK}, "/kinds", "enum"),
        ({"kinds": [MARK]}, "/kinds", "enum"),
        ({"kinds": ["depth"]}, "/kinds", "enum"),
        ({"kinds": [["email"]]}, "/kinds", "enum"),
        ({"ips": MARK}, "/ips", "enum"),
        ({"ips": ["cut"]}, "/ips", "enum"),
        ({"user_ids": {}}, "/user_ids", "enum"),
        ({"consent": True}, "/consent", "enum"),
        ({"allow_events": MARK}, "/allow_events", "type"),
        ({"allow_events": ["a"] * (MAX_NAMES + 1)}, "/allow_events", "type"),
        ({"deny_events": ["a", MARK.upper()]}, "/deny_events/1", "pattern"),
        ({"deny_events": ["*"]}, "/deny_events/0", "pattern"),
        ({"deny_events": ["a.*.b"]}, "/deny_events/0", "pattern"),
        ({"deny_events": ["a" * 129]}, "/deny_events/0", "pattern"),
        ({"deny_events": [None]}, "/deny_events/0", "pattern"),
        ({"retention": MARK}, "/retention", "type"),
        ({"retention": {MARK: 1}}, "/retention", "type"),
        ({"retention": {"events": MARK}}, "/retention/events", "range"),
        ({"retention": {"events": -1}}, "/retention/events", "range"),
        ({"retention": {"events": True}}, "/retention/events", "range"),
        ({"retention": {"events": 1.5}}, "/retention/events", "range"),
        ({"retention": {"events": MAX_DAYS + 1}}, "/retention/events", "range"),
        ({"retention": {"by_event": [MARK]}}, "/retention/by_event", "type"),
        ({"retention": {"by_event": {MARK.upper(): 1}}}, "/retention/by_event", "propertyNames"),
        ({"retention": {"by_event": {"a" * 129: 1}}}, "/retention/by_event", "propertyNames"),
        ({"retention": {"by_event": {"a.b": MARK}}}, "/retention/by_event/a.b", "range"),
        ({"retention": {"by_event": {"a.b": None}}}, "/retention/by_event/a.b", "range"),
        (
            {"retention": {"by_event": dict.fromkeys(map("a{}".format, range(MAX_NAMES + 1)), 1)}},
            "/retention/by_event",
            "type",
        ),
        ({"retention": {"by_dataset": {"a.b": 1}}}, "/retention/by_dataset", "propertyNames"),
        ({"retention": {"by_dataset": {"a": []}}}, "/retention/by_dataset/a", "range"),
        ({"revision": "1"}, "/revision", "type"),
        ({"revision": True}, "/revision", "type"),
    ],
)
def test_what_breaks_a_rule_is_named_and_not_repeated(asked: dict[str, Any], pointer: str, rule: str) -> None:
    with pytest.raises(Invalid) as refused:
        changed(UNASKED, asked)
    assert [(fault.pointer, fault.rule) for fault in refused.value.faults] == [(pointer, rule)]
    assert MARK not in repr(refused.value.faults).lower()


def test_everything_that_is_told_can_be_changed() -> None:
    assert {*TenantOptions.__slots__} - {"secret"} == MEMBERS
    assert set(KINDS) == set(Kind) - {Kind.DEPTH}


@pytest.mark.parametrize(
    ("allow", "deny", "kept"),
    [
        ((), (), "shop shop.sold shop.sold.twice shopping page_view"),
        (("shop.*",), (), "shop.sold shop.sold.twice"),
        (("shop",), (), "shop"),
        ((), ("shop.*",), "shop shopping page_view"),
        (("shop.*", "page_view"), ("shop.sold",), "shop.sold.twice page_view"),
        (("shop",), ("shop",), ""),
    ],
)
def test_which_events_are_kept(allow: tuple[str, ...], deny: tuple[str, ...], kept: str) -> None:
    options = TenantOptions(allow_events=allow, deny_events=deny)
    names = ["shop", "shop.sold", "shop.sold.twice", "shopping", "page_view"]
    assert [name for name in names if is_wanted(name, options)] == kept.split()


def test_days_are_changed_member_by_member(database: Engine) -> None:
    options = Options(OptionsStore(database))
    options.change("acme", {"retention": {"events": 30, "by_event": {"a": 1, "b": 2}}}, actor="cli")
    options.change("acme", {"retention": {"by_event": {"c": 3}}}, actor="cli")
    options.change("acme", {"ips": "redact"}, actor="cli")
    options.change("other", {"ips": "redact"}, actor="cli")
    other = Options(OptionsStore(database))
    other.refresh()
    assert options.days() == other.days() == {"acme": Days(30, {"c": 3})}


def test_what_redaction_is_to_look_for() -> None:
    assert wanted_of(UNASKED) is EVERYTHING
    assert wanted_of(TenantOptions(kinds=("email",))) == Wanted(frozenset({Kind.EMAIL, Kind.DEPTH}))
    assert wanted_of(TenantOptions(ips=Ips.REDACT)) == Wanted(hide_ips=True)


def test_the_doors_know_a_change_at_once_and_that_of_others_after_a_refresh(database: Engine) -> None:
    here, there = Options(OptionsStore(database)), Options(OptionsStore(database))
    assert here.for_tenant("acme") is UNASKED
    made = here.change("acme", {"ips": "redact"}, actor="cli")
    assert here.for_tenant("acme") == made == TenantOptions(revision=1, ips=Ips.REDACT, secret=made.secret)
    assert there.for_tenant("acme") is UNASKED
    there.refresh()
    assert (there.for_tenant("acme"), there.for_tenant("other")) == (made, UNASKED)
    later = there.change("acme", {"ips": "cut", "revision": 1}, actor="cli")
    with pytest.raises(Conflict):
        here.change("acme", {"ips": "redact", "revision": 1}, actor="cli")
    assert (here.read("acme"), later.revision) == (later, 2)
