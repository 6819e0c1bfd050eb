"""`auricle tenant`: the life of a tenant."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson

Run = Callable[..., Any]


def test_the_life_of_a_tenant(run: Run, tmp_path: Path) -> None:
    def told(*arguments: object) -> Any:
        return orjson.loads(run(*arguments, "--data", tmp_path, "--json").out)

    made = told("tenant", "create", "acme")
    run("key", "create", "--tenant", "acme", "--kind", "read", "--data", tmp_path)
    again = run("tenant", "create", "acme", "--data", tmp_path)
    off = [told("tenant", "disable", "acme") for _ in range(2)]
    on = told("tenant", "enable", "acme")
    listed = told("tenant", "list")

    active = {"id": "acme", "state": "active", "created_at": made["created_at"], "disabled_at": None}
    assert made == {**active, "keys": 0}
    assert (again.code, again.err) == (1, "auricle: there is a tenant of this name already\n")
    assert [each["state"] for each in off] == ["disabled", "disabled"]
    assert off[0]["disabled_at"] == off[1]["disabled_at"] is not None
    assert on == {**active, "keys": 1}
    assert listed == {"tenants": [on]}


def test_a_tenant_is_told_to_people(run: Run, tmp_path: Path) -> None:
    made = run("tenant", "create", "acme", "--data", tmp_path)
    listed = run("tenant", "list", "--data", tmp_path)
    assert (made.code, made.out) == (0, "acme is active\n")
    assert "acme" in listed.out


def test_who_is_not_there_cannot_be_disabled(run: Run, tmp_path: Path) -> None:
    for verb in ("disable", "enable"):
        ran = run("tenant", verb, "nobody", "--data", tmp_path)
        assert (ran.code, ran.err) == (1, "auricle: There is no tenant of this name.\n")


def test_a_name_is_checked(run: Run, tmp_path: Path) -> None:
    ran = run("tenant", "create", "A b", "--data", tmp_path)
    assert (ran.code, "/tenant" in ran.err) == (1, True)


def test_options_are_shown_and_changed(run: Run, tmp_path: Path) -> None:
    def told(*arguments: object) -> Any:
        return orjson.loads(run("tenant", "options", "acme", *arguments, "--data", tmp_path, "--json").out)

    run("tenant", "create", "acme", "--data", tmp_path)
    usual = told()
    asked = ("--sanitise", "off", "--kinds", "phone, email", "--ips", "redact", "--user-ids", "hmac-sha256")
    first = told(*asked, "--consent", "opt-in", "--allow", "shop.*,page_view", "--deny", "shop.secret")
    second = told("--sanitise", "default", "--kinds", "all", "--allow", "all", "--deny", "none")
    table = run("tenant", "options", "acme", "--data", tmp_path).out
    wrong = run("tenant", "options", "acme", "--sanitise", "maybe", "--data", tmp_path)
    broken = run("tenant", "options", "acme", "--deny", "No Name", "--data", tmp_path)
    nobody = run("tenant", "options", "nobody", "--data", tmp_path)

    lists: dict[str, Any] = {"allow_events": [], "deny_events": []}
    plain = {"ips": "cut", "user_ids": "plain", "consent": "opt-out"}
    chosen = {"ips": "redact", "user_ids": "hmac-sha256", "consent": "opt-in"}
    named = {"allow_events": ["shop.*", "page_view"], "deny_events": ["shop.secret"]}
    days = {"retention": {"events": None, "by_event": {}, "by_dataset": {}}}
    assert usual == {"tenant": "acme", "revision": 0, "sanitise": None, "kinds": None, **plain, **lists, **days}
    kinds = ["email", "phone"]
    assert first == {"tenant": "acme", "revision": 1, "sanitise": False, "kinds": kinds, **chosen, **named, **days}
    assert second == {"tenant": "acme", "revision": 2, "sanitise": None, "kinds": None, **chosen, **lists, **days}
    assert ("hmac-sha256" in table, "default" in table) == (True, True)
    assert (wrong.code, wrong.err) == (2, "auricle: --sanitise takes on, off or default\n")
    assert (broken.code, "/deny_events/0" in broken.err, "No Name" in broken.err) == (1, True, False)
    assert (nobody.code, nobody.err) == (1, "auricle: There is no tenant of this name.\n")
