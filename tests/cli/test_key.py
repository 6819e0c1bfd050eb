"""`auricle key`: the life of a key."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest

Run = Callable[..., Any]


def test_the_life_of_a_key(run: Run, tmp_path: Path) -> None:
    made = orjson.loads(
        run(
            "key", "create", "--tenant", "acme", "--kind", "ingest", "--data", tmp_path, "--label", "shop", "--json"
        ).out
    )
    listed = orjson.loads(run("key", "list", "--data", tmp_path, "--json").out)["keys"]
    revoked = run("key", "revoke", made["id"], "--data", tmp_path, "--json")
    again = run("key", "revoke", made["id"], "--data", tmp_path)
    after = orjson.loads(run("key", "list", "--tenant", "acme", "--data", tmp_path, "--json").out)["keys"]

    assert {name: made[name] for name in ("tenant", "kind")} == {"tenant": "acme", "kind": "ingest"}
    assert list(made) == ["key", "id", "tenant", "kind"]
    assert made["key"].startswith("ak_")
    assert [(key["id"], key["label"], key["state"]) for key in listed] == [(made["id"], "shop", "alive")]
    assert (revoked.code, orjson.loads(revoked.out)) == (0, {"id": made["id"], "revoked": True})
    assert (again.code, again.err) == (1, "auricle: no key that is alive has this id\n")
    assert [(key["id"], key["state"]) for key in after] == [(made["id"], "revoked")]


def test_a_key_is_shown_whole_and_only_once(run: Run, tmp_path: Path) -> None:
    ran = run("key", "create", "--tenant", "acme", "--kind", "read", "--data", tmp_path)
    listed = run("key", "list", "--data", tmp_path)

    key = ran.out.splitlines()[0]
    assert key.startswith("ak_")
    assert (listed.code, key in listed.out, "acme" in listed.out) == (0, False, True)


def test_other_tenants_keys_are_not_listed(run: Run, tmp_path: Path) -> None:
    run("key", "create", "--tenant", "acme", "--kind", "read", "--data", tmp_path)

    assert orjson.loads(run("key", "list", "--tenant", "other", "--data", tmp_path, "--json").out) == {"keys": []}


@pytest.mark.parametrize(
    ("when", "outcome"),
    [
        pytest.param("30d", "alive", id="days"),
        pytest.param("2999-01-01T00:00:00Z", "alive", id="time"),
        pytest.param("2001-01-01T00:00:00Z", "expired", id="past"),
        pytest.param("2030-01-01T00:00:00", 2, id="no zone"),
        pytest.param("soon", 2, id="words"),
    ],
)
def test_expiry(run: Run, tmp_path: Path, when: str, outcome: Any) -> None:
    arguments = ("--tenant", "acme", "--kind", "read", "--data", tmp_path, "--json")
    ran = run("key", "create", *arguments, "--expires", when)
    keys = orjson.loads(run("key", "list", "--data", tmp_path, "--json").out)["keys"]

    assert (ran.code or [key["state"] for key in keys]) == (outcome if outcome == 2 else [outcome])
