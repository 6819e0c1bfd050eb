"""`auricle key`: the life of a key."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
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


def test_a_key_is_bound_and_rotated(run: Run, tmp_path: Path) -> None:
    bounds = ("--scope", "sql:read", "--ip", "10.1.2.3/8", "--ip", "::1", "--origin", "https://A.example")
    made = orjson.loads(
        run(
            *("key", "create", "--tenant", "acme", "--kind", "read", "--rate-limit", 9, *bounds),
            *("--expires", "30d", "--data", tmp_path, "--json"),
        ).out
    )
    new = orjson.loads(run("key", "rotate", made["id"], "--overlap", "2d", "--data", tmp_path, "--json").out)
    again = run("key", "rotate", made["id"], "--data", tmp_path)
    keys = orjson.loads(run("key", "list", "--data", tmp_path, "--json").out)["keys"]

    assert list(new) == ["key", "id", "tenant", "kind"]
    assert (again.code, "rotated already" in again.err) == (1, True)
    assert [(key["id"], key["replaces"], key["state"]) for key in keys] == [
        (made["id"], None, "alive"),
        (new["id"], made["id"], "alive"),
    ]
    for key in keys:
        assert (key["scopes"], key["ips"], key["origins"], key["rate_limit"]) == (
            ["sql:read"],
            ["10.0.0.0/8", "::1/128"],
            ["https://a.example"],
            9,
        )
    ends = [datetime.fromisoformat(key["expires_at"]) - datetime.now(UTC) for key in keys]
    assert [round(end / timedelta(days=1), 2) for end in ends] == [2, 30]


def test_a_key_without_overlap_ends_at_once(run: Run, tmp_path: Path) -> None:
    arguments = ("--tenant", "acme", "--kind", "read", "--data", tmp_path, "--json")
    made = orjson.loads(run("key", "create", *arguments).out)
    run("key", "rotate", made["id"], "--overlap", "0h", "--data", tmp_path)
    keys = orjson.loads(run("key", "list", "--data", tmp_path, "--json").out)["keys"]
    assert [key["state"] for key in keys] == ["revoked", "alive"]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        pytest.param(("create", "--tenant", "a", "--kind", "read", "--ip", "here"), 1, id="no network"),
        pytest.param(("create", "--tenant", "a", "--kind", "read", "--scope", "admin"), 1, id="another kind's scope"),
        pytest.param(("create", "--tenant", "a", "--kind", "read", "--scope", "all"), 2, id="an unknown scope"),
        pytest.param(("rotate", "nobody"), 1, id="an unknown key"),
        pytest.param(("rotate", "nobody", "--overlap", "soon"), 2, id="an overlap of words"),
        pytest.param(("rotate", "nobody", "--overlap", "91d"), 2, id="a long overlap"),
        pytest.param(("rotate", "nobody", "--overlap", "-1h"), 2, id="an overlap before now"),
        pytest.param(("rotate", "nobody", "--overlap", "nanh"), 2, id="an overlap that is no number"),
    ],
)
def test_what_is_wrong_makes_no_key(run: Run, tmp_path: Path, arguments: tuple[str, ...], code: int) -> None:
    assert run("key", *arguments, "--data", tmp_path).code == code
    assert orjson.loads(run("key", "list", "--data", tmp_path, "--json").out) == {"keys": []}


def test_a_key_whose_requests_are_signed_comes_with_a_secret(run: Run, tmp_path: Path) -> None:
    arguments = ("--tenant", "acme", "--kind", "read", "--signed", "--data", tmp_path)
    made = orjson.loads(run("key", "create", *arguments, "--json").out)
    new = orjson.loads(run("key", "rotate", made["id"], "--data", tmp_path, "--json").out)
    shown = run("key", "create", *arguments).out.splitlines()
    listed = run("key", "list", "--data", tmp_path, "--json").out

    assert list(made) == list(new) == ["key", "id", "tenant", "kind", "secret"]
    assert len({made["secret"], new["secret"]}) == 2
    assert [line[:3] for line in shown[:2]] == ["ak_", "sk_"]
    assert [key["signed"] for key in orjson.loads(listed)["keys"]] == [True] * 3
    assert "sk_" not in listed
