"""Debug mode: the log tells how events were judged and how reports were read, and no value of anybody's."""

from collections.abc import Iterator
from typing import Any

import orjson
import pytest

from auricle.model.principal import Kind
from auricle.report.explain import outline
from auricle.settings import Settings
from running import Service, event, serving

TOP = "/api/v1/analytics/reports/top"


@pytest.fixture(scope="module")
def debugged(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """The service in debug mode, by the name that document 002 gives it."""
    more = {"ANALYTICS_DEBUG_MODE": "true", "LOG_LEVEL": "error"}
    with serving(Settings(data=tmp_path_factory.mktemp("debugged")), more) as service:
        yield service


def lines(service: Service, correlation: str, name: str) -> list[dict[str, Any]]:
    """The lines of the log of that name about a request."""
    told = [orjson.loads(line) for line in service.log.read_bytes().splitlines() if line.startswith(b"{")]
    return [line for line in told if (line.get("correlation_id"), line["event"]) == (correlation, name)]


def test_how_events_were_judged_is_told(debugged: Service, tenant: str) -> None:
    one = event()
    debugged.send(tenant, [one])
    bad = event(source="hunter2", attributes={"password": "hunter3"})
    batch = {"events": [one, event(), bad, bad | {"source": "hunter4"}, "hunter5"]}
    path, key = "/api/v1/analytics/events/batch", debugged.key(tenant)
    debugged.ask("POST", path, batch, key, {"X-Correlation-ID": f"b-{tenant}"})
    (line,) = lines(debugged, f"b-{tenant}", "taken")
    assert {name: line[name] for name in ("events", "new", "known", "put_off", "refused", "faults", "level")} == {
        "events": 5,
        "new": 1,
        "known": {"window": 1},
        "put_off": 0,
        "refused": {"envelope": 2, "not_an_object": 1},
        "faults": [["envelope", "/source", "enum", 2], ["not_an_object", "", "type", 1]],
        "level": "debug",
    }
    assert all(0 <= spent < 1_000 for spent in line["step_ms"].values())
    assert "read_envelope" in line["step_ms"]
    twice = event()
    debugged.ask("POST", path, {"events": [twice, twice]}, key, {"X-Correlation-ID": f"t-{tenant}"})
    assert lines(debugged, f"t-{tenant}", "taken")[0]["known"] == {"request": 1}
    assert b"hunter" not in debugged.log.read_bytes()


def test_how_a_report_was_read_is_told(debugged: Service, tenant: str) -> None:
    debugged.send(tenant, [event(user_id="somebody") for _ in range(3)])
    debugged.drained(tenant)
    asked = {
        "field": "event_name",
        "period": "24h",
        "filters": [{"field": "user_id", "op": "in", "value": ["somebody", "hunter6"]}],
    }
    key = debugged.key(tenant, Kind.READ)
    answer = debugged.ask("POST", TOP, asked, key, {"X-Correlation-ID": f"r-{tenant}"})
    assert answer.body["total"] == 3
    told = lines(debugged, f"r-{tenant}", "statement")
    assert len(told) == 2  # the report, and what is left out as test traffic
    for line in told:
        assert line["sql"].lstrip().startswith(("SELECT", "WITH"))
        assert any(step.startswith("ReadFrom") for step in line["plan"]), line["plan"]
        assert line["ms"] > 0
    assert "hunter6" not in repr(told)
    assert "somebody" not in repr(told)


def test_without_it_nothing_of_this_is_told(service: Service, tenant: str) -> None:
    service.send(tenant, [event()])
    key = service.key(tenant, Kind.READ)
    service.ask("POST", TOP, {"field": "event_name", "period": "24h"}, key, {"X-Correlation-ID": tenant})
    assert (lines(service, tenant, "taken"), lines(service, tenant, "statement")) == ([], [])


def test_of_a_plan_only_what_holds_no_value_is_kept() -> None:
    plan = [
        "Output: hunter2",
        "Expression ((Projection + hunter2))",
        "│  Limit 3",
        "└──Filter",
        "   │  Filter column: user_id = 'hunter2'",
        "   └──ReadFromMergeTree (auricle.events)",
        "    Indexes:",
        "      PrimaryKey",
        "        Keys:",
        "          tenant_id",
        "        Condition: (tenant_id in ['hunter2', 'hunter2'])",
        "        Parts: 1/3",
        "        Granules: 2/100",
        "      Skip",
        "        Name: by_id",
        "        Description: bloom_filter GRANULARITY 1",
        "Hunter2 x",
    ]
    assert list(outline(plan)) == [
        "Expression",
        "Filter",
        "ReadFromMergeTree",
        "PrimaryKey",
        "Parts: 1/3",
        "Granules: 2/100",
        "Skip",
        "Name: by_id",
    ]
