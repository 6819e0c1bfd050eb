"""The measure: any metric over events, in groups, as SQL.

Timeseries groups by bucket and slice, a condition on sessions by session; a ratio measures both of its metrics and
joins them.
"""

from collections.abc import Mapping

from auricle.model.query import Query
from auricle.report import pricing
from auricle.report.binding import Binding
from auricle.report.filters import condition, joined, where
from auricle.report.metrics import Metric


def measured(query: Query, binding: Binding, metric: Metric, groups: Mapping[str, str], more: str = "") -> str:
    """SQL of one row a group: its columns (name to SQL, in order), and `value`; `more` is one more condition.

    Groups in which nothing happened have no row. Not for a match, which is over things.
    """
    columns = ", ".join(groups)
    if metric.ratio is not None:
        above, below = (f"(\n{measured(query, binding, one, groups, more)}\n)" for one in metric.ratio)
        return (
            f"SELECT {columns}, {_or_empty('above', metric.ratio[0])}"
            f" / nullIf({_or_empty('below', metric.ratio[1])}, 0) AS value\n"
            f"FROM {above} AS above FULL JOIN {below} AS below USING ({columns})"
        )
    told = ", ".join(sql if sql == name else f"{sql} AS {name}" for name, sql in groups.items())
    besides = f"\n  AND {more}" if more else ""
    return (
        f"SELECT {told}, toNullable({pricing.value(metric, query, binding)}) AS value\nFROM events\n"
        f"WHERE {conditions(query, binding, metric)}{besides}\nGROUP BY {columns}"
    )


def conditions(query: Query, binding: Binding, metric: Metric) -> str:
    """The conditions of the events that a metric looks at."""
    own = tuple(condition(each, binding) for each in metric.filters)
    return joined((*where(query, binding, query.span, metric.events), *own))


def _or_empty(side: str, metric: Metric) -> str:
    return f"{side}.value" if metric.empty is None else f"ifNull({side}.value, {metric.empty})"
