"""Tenants' own metrics, on both databases."""

from sqlalchemy import Engine

from auricle.model.query import Aggregation, Filter, Op, OwnMetric
from auricle.store.metric import MetricStore

AMONG, THERE = Filter("a", Op.IN, (1, "x", True)), Filter("b", Op.EXISTS, None)
SLOW = OwnMetric(
    "slow",
    "Slow ones.",
    "http.request",
    Aggregation.P99,
    "ms",
    (AMONG, THERE),
)
RATIO = OwnMetric("ratio", numerator="slow", denominator="events.count")


def test_what_is_kept_is_read(database: Engine) -> None:
    store = MetricStore(database)
    assert [store.keep("a", one, actor="me") for one in (SLOW, RATIO, SLOW)] == [True, True, False]
    assert store.of("a") == (RATIO, SLOW)
    assert store.of("b") == ()
    assert (store.remove("b", "slow", actor="me"), store.remove("a", "slow", actor="me")) == (False, True)
    assert store.of("a") == (RATIO,)
