"""The cache: what counts as the same question, how long an answer holds, and what goes when it is full."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from auricle.model.query import Filter, Grain, Interactions, Op, Query, Timeseries
from auricle.report.cache import LARGEST_SHARE, OVERHEAD, Cache, Kept, key_of, seconds_of

NOW = datetime(2025, 11, 1, tzinfo=UTC)
START = NOW - timedelta(days=3)
QUERY = Query(report="timeseries", tenant_id="acme", now=NOW, ask=Timeseries("events.count", Grain.DAY))


def filtered(value: object) -> Query:
    return replace(QUERY, filters=(Filter("k", Op.EQ, value),))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(replace(QUERY, tenant_id="acme2"), id="another tenant"),
        pytest.param(replace(QUERY, period=timedelta(days=1)), id="another period"),
        pytest.param(replace(QUERY, start=START), id="another start"),
        pytest.param(replace(QUERY, zone="Europe/Berlin"), id="another zone"),
        pytest.param(replace(QUERY, site_id="s"), id="a site"),
        pytest.param(replace(QUERY, breakdown="k"), id="a breakdown"),
        pytest.param(replace(QUERY, compare=True), id="a comparison"),
        pytest.param(replace(QUERY, include_test=True), id="test traffic"),
        pytest.param(replace(QUERY, ask=Timeseries("users.count", Grain.DAY)), id="another metric"),
        pytest.param(replace(QUERY, ask=Timeseries("events.count", Grain.HOUR)), id="another grain"),
        pytest.param(filtered("x"), id="a filter"),
    ],
)
def test_another_question_has_another_key(other: Query) -> None:
    assert key_of(other) != key_of(QUERY)


def test_values_that_python_calls_equal_are_different_questions() -> None:
    values = [1, 1.0, True, "1", "True", 0, 0.0, -0.0, False, "", (1,), ("1",), ("1", "2"), ("1', '2",), "('1', '2')"]
    assert len({key_of(filtered(value)) for value in values}) == len(values)


def test_the_moment_of_the_question_is_not_in_the_key() -> None:
    assert key_of(replace(QUERY, now=NOW + timedelta(seconds=3))) == key_of(QUERY)


@pytest.mark.parametrize(
    ("query", "seconds"),
    [
        pytest.param(replace(QUERY, start=START, end=NOW), 3_600, id="a fixed range"),
        pytest.param(QUERY, 10, id="the last 30 days"),
        pytest.param(replace(QUERY, period=timedelta(hours=1)), 3.6, id="the last hour"),
        pytest.param(replace(QUERY, start=NOW - timedelta(seconds=500)), 0.5, id="an open range"),
        pytest.param(replace(QUERY, start=START, end=NOW, ask=Interactions((), 1, 3.0)), 10, id="what may be pending"),
    ],
)
def test_how_long_an_answer_holds(query: Query, seconds: float) -> None:
    assert seconds_of(query) == seconds


def kept(size: int = 100, revision: int = 1, until: float = 10.0) -> Kept:
    return Kept(revision, b"x" * size, "tag", "first", until)


def test_it_is_given_under_the_same_revision_and_in_time_only() -> None:
    cache, key = Cache(10_000), key_of(QUERY)
    cache.put(key, kept())
    assert cache.get(key, 1, 9.9) == kept()
    assert cache.get(key, 1, 10.0) is None
    cache.put(key, kept())
    assert cache.get(key, 2, 0.0) is None
    assert (cache.get(key, 1, 0.0), cache.size) == (None, 0)  # it is gone, and does not come back


def test_what_was_asked_for_longest_ago_goes_first() -> None:
    cache = Cache(10 * (100 + OVERHEAD))
    keys = [("acme", bytes([number])) for number in range(12)]
    for key in keys[:10]:
        cache.put(key, kept())
    assert cache.get(keys[0], 1, 0.0) is not None
    for key in keys[10:]:
        cache.put(key, kept())
    there = [key for key in keys if cache.get(key, 1, 0.0) is not None]
    assert there == [keys[0], *keys[3:]]
    assert cache.size == 10 * (100 + OVERHEAD)


def test_what_is_too_large_is_not_kept_and_drives_nothing_out() -> None:
    cache = Cache(LARGEST_SHARE * 1_000)
    small, large = ("acme", b"s"), ("acme", b"l")
    cache.put(small, kept())
    cache.put(large, kept(1_000))
    assert (cache.get(large, 1, 0.0), cache.get(small, 1, 0.0)) == (None, kept())
    none = Cache(0)
    none.put(small, kept(0))
    assert none.size == 0


def test_a_tenant_is_forgotten_and_no_other() -> None:
    cache = Cache(100_000)
    for tenant in ("a", "b"):
        cache.put((tenant, b"1"), kept())
        cache.put((tenant, b"2"), kept(revision=2))
    cache.forget("a", 2, 0.0)
    assert [cache.get(("a", each), revision, 0.0) is None for each, revision in ((b"1", 1), (b"2", 2))] == [True, False]
    cache.forget("a", None, 0.0)
    assert cache.tenants == {"b"}
    cache.forget("b", 1, 10.0)
    assert (cache.tenants, cache.size) == (set(), 0)
