"""The report `timeseries`: one metric over time, every bucket present."""

from typing import Any, cast

from auricle.model.query import Query, Timeseries
from auricle.model.statement import Rows, Statement
from auricle.report import breakdown, pricing, rollup, time
from auricle.report.binding import Binding
from auricle.report.filters import joined, where
from auricle.report.measure import conditions, measured
from auricle.report.metrics import Match, Metric, named


def names(query: Query) -> tuple[str, ...]:
    """The event names the metric looks at; all when empty."""
    return _metric(query).events


def needs(query: Query) -> rollup.Need | None:
    """What a rollup must be able to do to answer; None when none can."""
    metric = _metric(query)
    if metric.rolled is None:
        return None
    return rollup.Need(_apart(metric), query.span, _ask(query).grain)


def rank(query: Query) -> Statement:
    """SQL of the values a breakdown keeps, the greatest first."""
    binding = Binding()
    metric = _metric(query)
    key = breakdown.encoded(query)
    if metric.match is not None:
        inner = _things(query, metric.match, binding, key)
        return binding.statement(
            f"SELECT key FROM ({inner})\nGROUP BY key ORDER BY count() DESC, key LIMIT {breakdown.TOP}"
        )
    if metric.ratio is not None:
        # A ratio is ranked by what stands below its line.
        metric = metric.ratio[1]
    weight = metric.weight if query.rollup is None else metric.rolled
    return binding.statement(
        f"SELECT {key} AS key FROM {_source(query, binding, metric)}\n"
        f"GROUP BY key ORDER BY {weight} DESC, key LIMIT {breakdown.TOP}"
    )


def build(query: Query) -> Statement:
    """SQL of (bucket, value), or of (bucket, value, slice) with a breakdown. Empty buckets have no row."""
    binding = Binding()
    metric, grain = _metric(query), _ask(query).grain
    if metric.match is not None:
        bucket = time.bucket_sql(grain, query.zone, query.span, "at")
        slice_ = breakdown.kept(query, binding, "key")
        source = f"({_things(query, metric.match, binding, breakdown.encoded(query) if query.breakdown else None)})"
    else:
        bucket = time.bucket_sql(grain, query.zone, query.span)
        slice_ = breakdown.kept(query, binding, breakdown.encoded(query)) if query.breakdown else ""
        if metric.ratio is not None:
            groups = {"bucket": bucket} | ({"slice": slice_} if query.breakdown else {})
            rows = measured(query, binding, metric, groups)
            return binding.statement(f"SELECT bucket, value{', slice' if query.breakdown else ''} FROM (\n{rows}\n)")
        source = _source(query, binding, metric)
    value = pricing.value(metric, query, binding) if query.rollup is None else metric.rolled
    if query.breakdown is None:
        return binding.statement(f"SELECT {bucket} AS bucket, {value} AS value\nFROM {source}\nGROUP BY bucket")
    return binding.statement(
        f"SELECT {bucket} AS bucket, {value} AS value, {slice_} AS slice\nFROM {source}\nGROUP BY bucket, slice"
    )


def shape(query: Query, rows: Rows) -> dict[str, Any]:
    """`{metric, grain, points: [{t, value}]}`, or `series: [{key, points}]` with a breakdown."""
    metric, ask = _metric(query), _ask(query)
    axis = time.buckets(ask.grain, query.zone, query.span)
    head = {"metric": metric.name, "grain": ask.grain.value}
    if query.breakdown is None:
        return {**head, "points": _points(metric, axis, {row[0]: row[1] for row in rows.rows})}
    slices: dict[str, dict[int, Any]] = {}
    for bucket, value, key in rows.rows:
        slices.setdefault(key, {})[bucket] = value
    series = [
        {"key": breakdown.decoded(key), "points": _points(metric, axis, slices.get(key, {}))}
        for key in breakdown.ordered(query, slices)
    ]
    return {**head, "series": series}


def _ask(query: Query) -> Timeseries:
    return cast(Timeseries, query.ask)


def _metric(query: Query) -> Metric:
    found = named(query, _ask(query).metric)
    if found is None:
        raise ValueError("the metric of this query was not checked yet")
    return found


def _apart(metric: Metric) -> frozenset[str]:
    return metric.apart | ({"event_name"} if metric.events else set())


def _source(query: Query, binding: Binding, metric: Metric) -> str:
    if query.rollup is None:
        return f"events\nWHERE {conditions(query, binding, metric)}"
    return rollup.source(query, binding, query.span, _apart(metric), metric.events)


def _points(metric: Metric, axis: tuple[time.Bucket, ...], values: dict[int, Any]) -> list[dict[str, Any]]:
    return [{"t": time.written(each.start), "value": metric.shaped(values.get(each.key))} for each in axis]


def _things(query: Query, match: Match, binding: Binding, key: str | None) -> str:
    """SQL of one row a thing that met the first event: when it did so first, whether it is done, and its key then."""
    first = f"event_name = {binding.text(match.first)}"
    conditions = joined(where(query, binding, query.span, (match.first, match.then)))
    by = f"ifNull({match.by.text}, '')"
    key_column = "" if key is None else f",\n    argMinIf({key}, (occurred_at, received_at), {first}) AS key"
    return (
        f"SELECT {time.MICROS.replace('occurred_at', f'minIf(occurred_at, {first})')} AS at,"
        f" countIf(event_name = {binding.text(match.then)}) > 0 AS done{key_column}\n"
        f"  FROM events WHERE {conditions}\n"
        f"  GROUP BY {by} AS thing HAVING thing != '' AND countIf({first}) > 0"
    )
