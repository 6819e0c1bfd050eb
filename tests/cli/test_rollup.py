"""`auricle rollup`: what it tells, and what it asks of the service."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson

from auricle.settings import Settings
from auricle.store.database import open_database
from auricle.store.rollup import RollupStore

Run = Callable[..., Any]
NOTHING = {"state": "to be made", "upto": None, "segments": 0, "rows": 0, "tenants_waiting": 0}


def test_rollups_are_shown_dropped_and_asked_for(run: Run, tmp_path: Path) -> None:
    def told(*arguments: object) -> Any:
        return orjson.loads(run("rollup", *arguments, "--data", tmp_path, "--json").out)

    assert told("status") == NOTHING
    store = RollupStore(open_database(Settings(data=tmp_path)))
    assert store.land(store.begin(), 7, None, 1_756_700_000_000_000)
    store.hold("acme", "job")
    kept = {"state": "kept", "upto": "2025-09-01T04:13:20Z", "segments": 1, "rows": 7, "tenants_waiting": 1}
    assert told("status") == kept
    assert told("drop") == {**NOTHING, "state": "dropped", "tenants_waiting": 1}
    assert told("rebuild") == {**NOTHING, "tenants_waiting": 1}
    assert "state: to be made" in run("rollup", "status", "--data", tmp_path).out


def test_waiting_for_a_service_that_does_not_run_fails(run: Run, tmp_path: Path) -> None:
    ran = run("rollup", "rebuild", "--wait", "0.2", "--data", tmp_path)
    told = "auricle: the rollups were not made within 0.2 s; does the service run?\n"
    assert (ran.code, ran.err) == (1, told)
