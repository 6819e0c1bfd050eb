"""`auricle metric`, through the service that runs."""

import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson

Run = Callable[..., Any]


def test_metrics_are_made_listed_and_removed(run: Run, service: Path) -> None:
    target = ("--tenant", f"t{uuid.uuid4().hex}", "--data", service)
    run("key", "create", "--kind", "admin", *target)
    condition = '{"field": "site_id", "op": "eq", "value": "a"}'
    made = run("metric", "set", "bookings", "--event", "booking.confirmed", "--filter", condition, *target)
    assert (made.code, made.out.strip()) == (0, "bookings: count over booking.confirmed with 1 filters")
    assert run("metric", "set", "rate", "--ratio", "bookings / sessions.count", *target).code == 0
    told = orjson.loads(run("metric", "list", *target, "--json").out)["metrics"]
    assert [one["name"] for one in told] == ["bookings", "rate"]
    assert "bookings / sessions.count" in run("metric", "list", *target).out
    assert run("metric", "set", "bookings", "--filter", "{", *target).code == 2
    assert run("metric", "remove", "bookings", *target).code == 1
    assert run("metric", "remove", "rate", *target).code == 0
