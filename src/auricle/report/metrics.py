"""The metrics: every named number, as data.

A metric is either an aggregation over the events of some names, or a match: how many of the things that met one event
also met another. Percentiles are exact, interpolated linearly between the two nearest values (type 7 of Hyndman and
Fan, the default of NumPy and of spreadsheets). Sums of fractions are compensated (Kahan).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from auricle.model.query import Aggregation, Filter, OwnMetric, Query
from auricle.report.fields import ENVELOPE, Field, attribute, field


class Unit(StrEnum):
    """What a metric's value counts."""

    COUNT = "count"
    RATE = "rate"
    MILLISECONDS = "ms"
    USD = "usd"
    TOKENS = "tokens"
    SCORE = "score"
    STEPS = "steps"
    NUMBER = "number"


@dataclass(frozen=True, slots=True)
class Match:
    """A rate over things instead of events: which of those that met `first` also met `then`."""

    by: Field
    first: str
    then: str


@dataclass(frozen=True, slots=True)
class Metric:
    """One named number."""

    name: str
    definition: str
    unit: Unit
    events: tuple[str, ...]
    """Names of the events it looks at; all when empty."""
    value: str
    """SQL of the value over those events. For a match, over one row a thing, which has `done`."""
    empty: int | None
    """The value where nothing happened: 0 for counts and sums, else nothing."""
    match: Match | None = None
    rolled: str | None = None
    """SQL of the value over rows that are several `events` each (`report.rollup`), where that gives the same."""
    apart: frozenset[str] = frozenset()
    """Columns that such rows must keep apart."""
    filters: tuple[Filter, ...] = ()
    """What its events must meet besides."""
    ratio: "tuple[Metric, Metric] | None" = None
    """The metrics above and below the line, for one that is the ratio of two."""
    priced: bool = False
    """Whether its value is made of the tenant's prices (`report.pricing`), and `value` is none."""

    @property
    def weight(self) -> str:
        """SQL by which the values of a breakdown are ranked: the value of counts and sums, else the events."""
        return self.value if self.empty == 0 else "count()"

    def shaped(self, value: Any) -> int | float | None:
        """A value of the engine as it stands in answers."""
        if value is None:
            return self.empty
        return int(value) if self.unit in (Unit.COUNT, Unit.TOKENS) else value

    def as_json(self) -> dict[str, Any]:
        """The metric as it stands in the catalogue."""
        return {
            "name": self.name,
            "definition": self.definition,
            "unit": self.unit,
            "events": list(self.events),
            "empty": self.empty,
        }


def _number(path: str) -> str:
    return attribute(path).number


def _true(path: str) -> str:
    """SQL of whether an attribute is `true` or 1."""
    return f"ifNull({attribute(path).text} IN ('true', '1'), 0)"


def _rate(part: str, whole: str = "count()") -> str:
    return f"if({whole} = 0, NULL, countIf({part}) / {whole})"


def _percentile(name: str, event: str, path: str, percent: int, what: str) -> Metric:
    definition = f"Percentile {percent} of `{path}` ({what}) over `{event}` events that carry it."
    value = f"quantileExactInclusive({percent / 100})({_number(path)})"
    return Metric(f"{name}.p{percent}", definition, Unit.MILLISECONDS, (event,), value, None)


def _average(name: str, event: str, path: str, unit: Unit, what: str) -> Metric:
    definition = f"Mean of `{path}` ({what}) over `{event}` events that carry it."
    return Metric(name, definition, unit, (event,), f"avg({_number(path)})", None)


def _count(name: str, event: str, what: str) -> Metric:
    definition = f"Number of `{event}` events: {what}."
    return Metric(name, definition, Unit.COUNT, (event,), "count()", 0, rolled="sum(events)")


def _distinct(name: str, column: str, definition: str) -> Metric:
    value = f"uniqExactIf({column}, {column} != '')"
    return Metric(name, definition, Unit.COUNT, (), value, 0, rolled=value, apart=frozenset({column}))


SPENDING = ("voice.outcome", "voice.evaluated", "ai.usage")
"""The names of events that use tokens."""
_TOKENS = (
    f"coalesce({_number('gen_ai.usage.total_tokens')}, "
    f"ifNull({_number('gen_ai.usage.input_tokens')}, 0) + ifNull({_number('gen_ai.usage.output_tokens')}, 0))"
)
_FAILED = (
    "event_name = 'error_occurred'"
    f" OR (event_name = 'voice.outcome' AND {_true('error.flag')})"
    f" OR (event_name = 'http.request' AND ifNull({_number('http.response.status_code')} >= 500, 0))"
)

METRICS: tuple[Metric, ...] = (
    Metric("events.count", "Number of events of any name.", Unit.COUNT, (), "count()", 0, rolled="sum(events)"),
    _distinct("users.count", "user_id", "Number of distinct `user_id`; events without one do not count."),
    _distinct("sessions.count", "session_id", "Number of distinct `session_id`; events without one do not count."),
    *(
        _percentile(
            "voice.first_response_ms", "voice.first_response", "voice.first_response_ms", each, "from the end of speech"
        )
        for each in (50, 95, 99)
    ),
    _count("voice.barge_in_count", "voice.barge_in", "the user spoke into an answer"),
    _percentile(
        "voice.asr_partial_latency_ms",
        "voice.asr_partial",
        "voice.asr_partial_latency_ms",
        95,
        "of a partial transcript",
    ),
    _count("ai.tool_calls.count", "ai.tool_call_completed", "tool calls that ended, well or badly"),
    Metric(
        "ai.tool_calls.success_rate",
        "`ai.tool_call_completed` events whose `ai.tool.success` is true, over all of them.",
        Unit.RATE,
        ("ai.tool_call_completed",),
        _rate(_true("ai.tool.success")),
        None,
    ),
    Metric(
        "ai.navigation_optimism_rate",
        "Of the `ai.tool_call_completed` events whose `ai.navigation.optimistic` is true, those whose "
        "`ai.navigation.confirmed` is true.",
        Unit.RATE,
        ("ai.tool_call_completed",),
        _rate(
            f"{_true('ai.navigation.optimistic')} AND {_true('ai.navigation.confirmed')}",
            f"countIf({_true('ai.navigation.optimistic')})",
        ),
        None,
    ),
    _average(
        "ai.tool_chain_length.avg", "ai.tool_chain_completed", "ai.tool_chain.length", Unit.STEPS, "calls in a chain"
    ),
    Metric(
        "kb.hit_rate",
        "`kb.search` events whose `kb.results_count` is above 0, over all of them.",
        Unit.RATE,
        ("kb.search",),
        _rate(f"ifNull({_number('kb.results_count')} > 0, 0)"),
        None,
    ),
    _percentile("kb.search_latency_ms", "kb.search", "kb.search_latency_ms", 95, "of a search"),
    _average("kb.relevance_score.avg", "kb.search", "kb.top_score", Unit.SCORE, "the best score of a search"),
    Metric(
        "commerce.conversion_rate",
        "Sessions with a `commerce.view` that also have a `commerce.checkout`, over the sessions with a "
        "`commerce.view`. A session counts in the bucket of its first view in the range; its checkout may lie anywhere "
        "in the range.",
        Unit.RATE,
        ("commerce.view", "commerce.checkout"),
        "if(count() = 0, NULL, countIf(done) / count())",
        None,
        Match(ENVELOPE["session_id"], "commerce.view", "commerce.checkout"),
    ),
    Metric(
        "booking.hold_to_confirm_rate",
        "Slots (`booking.slot_id`) with a `booking.slot_hold` that also have a `booking.confirmed`, over the slots "
        "held. A slot counts in the bucket of its first hold in the range; its confirmation may lie anywhere in the "
        "range.",
        Unit.RATE,
        ("booking.slot_hold", "booking.confirmed"),
        "if(count() = 0, NULL, countIf(done) / count())",
        None,
        Match(attribute("booking.slot_id"), "booking.slot_hold", "booking.confirmed"),
    ),
    Metric(
        "system.error_rate",
        "`error_occurred` events, `voice.outcome` events whose `error.flag` is true and `http.request` events whose "
        "`http.response.status_code` is 500 or more, over all events of these three names.",
        Unit.RATE,
        ("error_occurred", "voice.outcome", "http.request"),
        _rate(_FAILED),
        None,
    ),
    Metric(
        "cost.usd.sum",
        "Sum of `cost.amount_usd` of `cost.recorded` events and of `gen_ai.usage.cost_usd` of `voice.outcome`, "
        "`voice.evaluated` and `ai.usage` events, in US dollars. A call that reports its cost in two events counts "
        "twice: report it in one.",
        Unit.USD,
        ("cost.recorded", *SPENDING),
        f"sumKahan(ifNull(if(event_name = 'cost.recorded', {_number('cost.amount_usd')}, "
        f"{_number('gen_ai.usage.cost_usd')}), 0))",
        0,
    ),
    Metric(
        "cost.repriced_usd.sum",
        "What the tokens of `voice.outcome`, `voice.evaluated` and `ai.usage` events cost by the tenant's price list, "
        "each at the price that was valid when it occurred, in US dollars. Usage without a price is left out and "
        "counted in `meta.excluded.unpriced`; nothing where none has a price.",
        Unit.USD,
        SPENDING,
        "",
        None,
        priced=True,
    ),
    Metric(
        "tokens.sum",
        "Sum of `gen_ai.usage.total_tokens` of `voice.outcome`, `voice.evaluated` and `ai.usage` events; where an "
        "event does not carry it, of its `gen_ai.usage.input_tokens` and `gen_ai.usage.output_tokens`.",
        Unit.TOKENS,
        SPENDING,
        f"sum({_TOKENS})",
        0,
    ),
    _count("requests.count", "http.request", "requests a server answered"),
    _percentile("requests.duration_ms", "http.request", "http.server.duration_ms", 95, "of a request"),
    _average("requests.duration_ms.avg", "http.request", "http.server.duration_ms", Unit.MILLISECONDS, "of a request"),
    Metric(
        "requests.errors.count",
        "Number of `http.request` events whose `http.response.status_code` is 500 or more.",
        Unit.COUNT,
        ("http.request",),
        f"countIf(ifNull({_number('http.response.status_code')} >= 500, 0))",
        0,
    ),
    _average(
        "evaluation.score.avg", "voice.evaluated", "gen_ai.evaluation.score.value", Unit.SCORE, "verdicts with a score"
    ),
)
"""The catalogue, in the order it is shown."""

BY_NAME: Mapping[str, Metric] = MappingProxyType({metric.name: metric for metric in METRICS})
"""The catalogue, by name."""

_OF_NUMBERS = {
    Aggregation.SUM: "sumKahan(ifNull({}, 0))",
    Aggregation.AVG: "avg({})",
    Aggregation.MIN: "min({})",
    Aggregation.MAX: "max({})",
    **{one: f"quantileExactInclusive({int(one[1:]) / 100})({{}})" for one in Aggregation if one.startswith("p")},
}


def named(query: Query, name: str) -> Metric | None:
    """The metric of a name: of the catalogue, or one that the query's tenant has made; None when there is none."""
    own = {one.name: one for one in query.own_metrics}
    return BY_NAME.get(name) or (_made(own[name], own) if name in own else None)


def _made(of: OwnMetric, own: Mapping[str, OwnMetric]) -> Metric | None:
    """A tenant's metric, ready to be measured; None when one that it is made of is gone."""
    if of.numerator is not None and of.denominator is not None:
        parts = [BY_NAME.get(name) or _plain(own.get(name)) for name in (of.numerator, of.denominator)]
        above, below = parts
        if above is None or below is None:
            return None
        text = of.description or f"`{of.numerator}` over `{of.denominator}`."
        return Metric(of.name, text, Unit.RATE, _union(above, below), "", None, ratio=(above, below))
    return _plain(of)


def _plain(of: OwnMetric | None) -> Metric | None:
    """A tenant's metric that is no ratio."""
    if of is None or of.is_ratio:
        return None
    events = () if of.event is None else (of.event,)
    what = f"`{of.aggregation}`" + (f" of `{of.field}`" if of.field else "")
    text = of.description or f"{what} over " + (f"`{of.event}` events." if of.event else "all events.")
    if of.field is None:
        return Metric(of.name, text, Unit.COUNT, events, "count()", 0, filters=of.filters)
    found = field(of.field)
    if of.aggregation is Aggregation.UNIQUE:
        return Metric(of.name, text, Unit.COUNT, events, f"uniqExact({found.text})", 0, filters=of.filters)
    value = _OF_NUMBERS[of.aggregation].format(found.number)
    empty = 0 if of.aggregation is Aggregation.SUM else None
    return Metric(of.name, text, Unit.NUMBER, events, value, empty, filters=of.filters)


def _union(above: Metric, below: Metric) -> tuple[str, ...]:
    """The event names of two metrics; all when one of them looks at all."""
    return tuple(dict.fromkeys((*above.events, *below.events))) if above.events and below.events else ()
