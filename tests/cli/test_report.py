"""`auricle report`: what is asked, and what is printed."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest

from auricle.cli.output import Failure
from auricle.cli.report import Range, duration, filter_of

Run = Callable[..., Any]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        pytest.param("user_id eq u1", {"field": "user_id", "op": "eq", "value": "u1"}, id="text"),
        pytest.param("price gte 2.5", {"field": "price", "op": "gte", "value": 2.5}, id="number"),
        pytest.param(
            'user_id eq "7"', {"field": "user_id", "op": "eq", "value": "7"}, id="text that looks like a number"
        ),
        pytest.param("q contains two words", {"field": "q", "op": "contains", "value": "two words"}, id="spaces"),
        pytest.param("a in x, y", {"field": "a", "op": "in", "value": ["x", "y"]}, id="list"),
        pytest.param("a not_in [1, 2]", {"field": "a", "op": "not_in", "value": [1, 2]}, id="JSON list"),
        pytest.param("a exists", {"field": "a", "op": "exists", "value": True}, id="exists"),
        pytest.param("a exists false", {"field": "a", "op": "exists", "value": False}, id="does not exist"),
    ],
)
def test_filter_of(text: str, found: dict[str, Any]) -> None:
    assert filter_of(text) == found


def test_half_a_filter() -> None:
    with pytest.raises(Failure, match="is not of the form 'FIELD OP VALUE'"):
        filter_of("user_id")


@pytest.mark.parametrize(
    ("range", "body"),
    [
        pytest.param(Range(), {"period": "7d"}, id="bare"),
        pytest.param(Range(period="24h", include_test=True), {"period": "24h", "include_test": True}, id="period"),
        pytest.param(
            Range("2026-01-01T00:00:00Z", tz="Europe/Berlin", site="s", filters=["a eq 1"]),
            {
                "from": "2026-01-01T00:00:00Z",
                "tz": "Europe/Berlin",
                "site_id": "s",
                "filters": [{"field": "a", "op": "eq", "value": 1}],
            },
            id="range",
        ),
    ],
)
def test_range(range: Range, body: dict[str, Any]) -> None:
    assert {name: value for name, value in range.as_body().items() if value is not None} == body


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        pytest.param(None, "–", id="absent"),
        pytest.param(0.25, "250 ms", id="ms"),
        pytest.param(59.96, "60.0 s", id="s"),
        pytest.param(90, "1.5 min", id="min"),
        pytest.param(7200, "2.0 h", id="h"),
        pytest.param(172_800, "2.0 d", id="d"),
    ],
)
def test_duration(seconds: float | None, text: str) -> None:
    assert duration(seconds) == text


EVENTS = (
    ("a", "commerce.view", 0, {"commerce.product_id": "kettle"}),
    ("a", "commerce.add_to_cart", 10, {"commerce.product_id": "kettle"}),
    ("a", "commerce.checkout", 30, {"commerce.order_id": "1"}),
    ("b", "commerce.view", 5, {"commerce.product_id": "kettle"}),
    ("b", "commerce.add_to_cart", 65, {"commerce.product_id": "kettle"}),
    ("c", "commerce.view", 7, {"commerce.product_id": "grinder"}),
)
DAY = datetime(2026, 3, 4, 12, tzinfo=UTC)
SPAN = ("--from", "2026-03-04T00:00:00Z", "--to", "2026-03-05T00:00:00Z")


@pytest.fixture
def shop(run: Run, service: Path, tmp_path: Path) -> tuple[object, ...]:
    """The options that ask about a tenant with six events of one day."""
    file = tmp_path / "shop.jsonl"
    lines = [
        {
            "event_name": name,
            "occurred_at": (DAY + timedelta(seconds=second)).isoformat(),
            "user_id": user,
            "source": "web",
            "attributes": attributes,
        }
        for user, name, second, attributes in EVENTS
    ]
    file.write_bytes(b"\n".join(map(orjson.dumps, lines)))
    target = ("--tenant", "report-shop", "--data", service)
    assert run("import", file, "--format", "jsonl", *target).code == 0
    for _ in range(100):
        told = run("report", "timeseries", "--metric", "events.count", *target, *SPAN, "--json")
        if orjson.loads(told.out)["points"][0]["value"] == len(EVENTS):
            return target
    raise AssertionError("the events are not visible")


def test_reports_as_json(run: Run, shop: tuple[object, ...]) -> None:
    funnel = orjson.loads(
        run(
            "report",
            "funnel",
            "--steps",
            "commerce.view,commerce.add_to_cart,commerce.checkout",
            *shop,
            *SPAN,
            "--json",
        ).out
    )
    top = orjson.loads(
        run("report", "top", "--field", "commerce.product_id", "--event", "commerce.view", *shop, *SPAN, "--json").out
    )
    active = orjson.loads(run("report", "active", *shop, *SPAN, "--json").out)
    metrics = orjson.loads(run("report", "metrics", *shop, "--json").out)

    assert [(step["event"], step["count"], step["median_seconds"]) for step in funnel["steps"]] == [
        ("commerce.view", 3, None),
        ("commerce.add_to_cart", 2, 35.0),
        ("commerce.checkout", 1, 20.0),
    ]
    assert (top["rows"], top["total"]) == ([{"value": "kettle", "count": 2}, {"value": "grinder", "count": 1}], 3)
    assert [(day["date"], day["dau"]) for day in active["days"]] == [("2026-03-04", 3)]
    assert "commerce.conversion_rate" in {metric["name"] for metric in metrics["metrics"]}


@pytest.mark.parametrize(
    ("arguments", "row"),
    [
        pytest.param(("timeseries", "--metric", "events.count"), ["2026-03-04", "00:00", "6"], id="timeseries"),
        pytest.param(
            ("timeseries", "--metric", "events.count", "--compare"), ["2026-03-04", "00:00", "6", "0"], id="compared"
        ),
        pytest.param(
            ("timeseries", "--metric", "events.count", "--breakdown", "user_id"), ["a", "3"], id="broken down"
        ),
        pytest.param(("funnel", "--steps", "commerce.view,commerce.checkout"), ["commerce.checkout", "1"], id="funnel"),
        pytest.param(
            ("funnel", "--steps", "commerce.view,commerce.checkout", "--filter", "user_id eq b"),
            ["commerce.view", "1"],
            id="filtered",
        ),
        pytest.param(
            ("retention", "--cohort", "commerce.view", "--return", "commerce.checkout", "--periods", "1"),
            ["2026-03-04", "3", "33.3%", "0.0%"],
            id="retention",
        ),
        pytest.param(("sessions", "--gap-minutes", "5"), ["all", "3", "30.0", "s", "33.3%"], id="sessions"),
        pytest.param(("interactions", "--state", "error"), ["unanswered", "0"], id="interactions"),
        pytest.param(
            ("paths", "--event", "commerce.view", "--depth", "1"),
            ["commerce.view", "→", "commerce.add_to_cart", "2"],
            id="paths",
        ),
        pytest.param(("active",), ["2026-03-04", "3", "3", "3"], id="active"),
        pytest.param(("top", "--field", "event_name", "--limit", "1"), ["(other)", "3"], id="top"),
    ],
)
def test_reports_as_tables(run: Run, shop: tuple[object, ...], arguments: tuple[str, ...], row: list[str]) -> None:
    ran = run("report", *arguments, *shop, *SPAN)

    assert ran.code == 0, ran.err
    assert row in [line.split()[: len(row)] for line in ran.out.splitlines()]


def test_a_catalogue_for_people(run: Run, shop: tuple[object, ...]) -> None:
    ran = run("report", "metrics", *shop)

    assert (ran.code, "kb.hit_rate" in ran.out) == (0, True)


def test_a_report_that_cannot_be_made(run: Run, shop: tuple[object, ...]) -> None:
    ran = run("report", "timeseries", "--metric", "nonsense", *shop)

    assert (ran.code, ran.err.startswith("auricle: the service answered 422: ")) == (1, True)
