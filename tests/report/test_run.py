"""What every answer says of itself, and the period before."""

from tests.report.conftest import Engine

from auricle.model.query import Filter, Grain, Op, Query, Timeseries, Top
from auricle.report.metrics import METRICS
from auricle.report.time import instant

NOW = instant("2025-10-03T12:00:00Z", "")
EVENTS = [
    {"event_name": "e", "occurred_at": "2025-10-01T11:59:59Z", "attributes": {"k": "a"}},
    {"event_name": "e", "occurred_at": "2025-10-01T12:00:00Z", "attributes": {"k": "b"}},
    {"event_name": "e", "occurred_at": "2025-10-02T12:00:00Z", "attributes": {"k": "it's `{p0:String}` \\ "}},
    {"event_name": "e", "occurred_at": "2025-10-03T12:00:00Z", "attributes": {"k": "c"}},
    {"event_name": "e", "occurred_at": "2025-10-02T12:00:00Z", "source": "test"},
]


def test_the_meta_of_a_rolling_period(engine: Engine) -> None:
    tenant = engine.tenant(EVENTS)
    query = Query(
        report="timeseries",
        tenant_id=tenant,
        now=NOW,
        ask=Timeseries("events.count", Grain.DAY),
        start=instant("2025-10-02T12:00:00Z", ""),
        filters=(Filter("k", Op.NEQ, "it's `{p0:String}` \\ x"), Filter("{p0:String}`'\\", Op.NEQ, "x")),
    )
    meta = engine.answer(query)["meta"]
    sql = meta.pop("sql")
    assert meta == {
        "from": "2025-10-02T12:00:00Z",
        "to": "2025-10-03T12:00:00Z",
        "as_of": "2025-10-03T12:00:00Z",
        "exact": True,
        "source": "raw",
        "rows_read": meta["rows_read"],
        "excluded": {"test": 1},
    }
    assert meta["rows_read"] > 0
    assert engine.text(sql) == "[20363, 1]\n", "the statement runs as it is printed"


def test_the_previous_period_has_the_same_length_and_the_same_keys(engine: Engine) -> None:
    tenant = engine.tenant(EVENTS)
    ask = Timeseries("events.count", Grain.WEEK)
    start = instant("2025-10-02T12:00:00Z", "")
    answer = engine.answer(
        Query(report="timeseries", tenant_id=tenant, now=NOW, ask=ask, start=start, compare=True, breakdown="k")
    )
    previous = answer["previous"]
    week = "2025-09-29T00:00:00Z"
    assert (previous["meta"]["from"], previous["meta"]["to"]) == ("2025-10-01T12:00:00Z", "2025-10-02T12:00:00Z")
    assert answer["series"] == [{"key": "it's `{p0:String}` \\ ", "points": [{"t": week, "value": 1}]}]
    assert previous["series"] == [
        {"key": "it's `{p0:String}` \\ ", "points": [{"t": week, "value": 0}]},
        {"key": "other", "points": [{"t": week, "value": 1}]},
    ]


def test_another_tenant_sees_nothing(engine: Engine) -> None:
    engine.tenant(EVENTS)
    query = Query(report="top", tenant_id=engine.tenant([]), now=NOW, ask=Top("event_name", 10, False))
    assert engine.answer(query)["total"] == 0


def test_every_metric_can_be_asked_with_and_without_a_breakdown(engine: Engine) -> None:
    tenant = engine.tenant([])
    for metric in METRICS:
        for breakdown in (None, "site_id"):
            ask = Timeseries(metric.name, Grain.MONTH)
            query = Query(report="timeseries", tenant_id=tenant, now=NOW, ask=ask, breakdown=breakdown)
            assert engine.answer(query)["metric"] == metric.name
