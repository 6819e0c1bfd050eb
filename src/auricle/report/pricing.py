"""Pricing: what token usage would cost by the tenant's price list, event by event, in whole numbers.

Prices are millionths of a dollar for a million tokens, so tokens times price is a whole number of 10^-12 dollars; these
are added up in 128 bits. Only the sum becomes a fraction, once.
"""

from auricle.model.price import PARTS, Kind, Price
from auricle.model.query import Query, SessionMetric, Span, Timeseries
from auricle.model.statement import Statement
from auricle.report import time
from auricle.report.binding import Binding
from auricle.report.fields import attribute
from auricle.report.filters import joined, where
from auricle.report.metrics import SPENDING, Metric, named

_ABSENT = -1
"""A price that there is not, a number of tokens that is none, a cost that cannot be told."""
_UNIT = 10**12
_EXACT = 2**53
_FOREVER = 2**62
_MODEL = f"coalesce({attribute('gen_ai.response.model').text}, {attribute('gen_ai.request.model').text}, '')"


def asked(query: Query) -> bool:
    """Whether a query needs the tenant's prices."""
    names = [each.metric for each in query.sessions if isinstance(each, SessionMetric)]
    names += [query.ask.metric] if isinstance(query.ask, Timeseries) else []
    return any(_is_priced(named(query, name)) for name in names)


def value(metric: Metric, query: Query, binding: Binding) -> str:
    """SQL of a metric's value; of one that is priced, by the query's prices: nothing where no usage has a price."""
    if not metric.priced:
        return metric.value
    # NOTE: the cost is written once here, for the engine would work out as often what a lambda is in.
    return f"toFloat64(sum(nullIf({_cost(query, binding)}, {_ABSENT}))) / {_UNIT}"


def unpriced(query: Query) -> Statement:
    """SQL of how many events of the range used tokens that the price list has no price for."""
    binding = Binding()
    conditions = joined(where(query, binding, query.span, SPENDING))
    cost = _cost(query, binding)
    return binding.statement(f"SELECT countIf({_used()} AND {cost} < 0) FROM events\nWHERE {conditions}")


def ordered(prices: tuple[Price, ...]) -> tuple[Price, ...]:
    """The prices as they are looked through: whole names first, then the patterns that tell most of a name."""
    return tuple(sorted(prices, key=lambda each: (not each.whole, -len(each.begin), each.begin, each.start or 0)))


def _is_priced(metric: Metric | None) -> bool:
    if metric is None:
        return False
    return metric.priced or (metric.ratio is not None and any(map(_is_priced, metric.ratio)))


def _tokens(kind: Kind) -> str:
    """SQL of an event's tokens of a kind: 0 without any, `_ABSENT` for what is no number of tokens."""
    return _whole(attribute(kind.attribute).number)


def _whole(number: str) -> str:
    told = f"{number} >= 0 AND {number} = floor({number}) AND {number} < {_EXACT}"
    return f"toInt128(multiIf(isNull({number}), 0, ifNull({told}, 0), assumeNotNull({number}), {_ABSENT}))"


def _used() -> str:
    """SQL of whether an event used tokens."""
    counted = [*(attribute(kind.attribute).number for kind in Kind), attribute("gen_ai.usage.total_tokens").number]
    return "(" + " OR ".join(f"ifNull({number} != 0, 0)" for number in counted) + ")"


def _cost(query: Query, binding: Binding) -> str:
    """SQL of an event's cost in 10^-12 dollars, or `_ABSENT` where there is none: it used nothing, or has no price."""
    listed = ordered(tuple(each for each in query.prices if _holds(each, query.span)))
    names = binding.texts(tuple(each.begin for each in listed))
    wholes = binding.wholes(tuple(int(each.whole) for each in listed))
    starts = binding.wholes(tuple(-_FOREVER if each.start is None else each.start for each in listed))
    ends = binding.wholes(tuple(_FOREVER if each.end is None else each.end for each in listed))
    columns = {kind: binding.wholes(tuple(_price(each, kind) for each in listed)) for kind in Kind}
    fits = "if(whole = 1, model = name, startsWith(model, name)) AND at >= since AND at < until"
    # NOTE: the arrays of one element hold what is computed once an event, whatever the length of the list.
    place = (
        f"arrayMap((model, at) -> arrayFirstIndex((name, whole, since, until) -> {fits},"
        f" {names}, {wholes}, {starts}, {ends}), [{_MODEL}], [{time.MICROS}])[1]"
    )
    letters = ", ".join(kind.value for kind in Kind)
    tokens = ", ".join(f"[{_tokens(kind)}]" for kind in Kind)
    parts = [_side(kind, columns) for kind in PARTS]
    numbers = (f"{kind.value} >= 0" for kind in Kind)
    priced = (f"({rest} = 0 OR {own} >= 0)" for rest, own, _ in parts)
    some = f"{' + '.join(kind.value for kind in Kind)} > 0"  # else but a total is told, and nobody knows of what
    told = " AND ".join(("place > 0", some, *numbers, *priced))
    cost = " + ".join(f"{rest} * greatest({own}, 0) + {more}" for rest, own, more in parts)
    return f"arrayMap((place, {letters}) -> if({told}, {cost}, toInt128({_ABSENT})), [{place}], {tokens})[1]"


def _holds(price: Price, span: Span) -> bool:
    """Whether a price is valid at some moment of a range."""
    return (price.start is None or price.start < span.end) and (price.end is None or price.end > span.start)


def _price(price: Price, kind: Kind) -> int:
    own = price.of(kind)
    return _ABSENT if own is None else own


def _side(whole: Kind, columns: dict[Kind, str]) -> tuple[str, str, str]:
    """SQL of the tokens of input or output that cost its own price, of that price, and of what its parts cost."""
    prices = {kind: f"toInt128(arrayElement({columns[kind]}, place))" for kind in (whole, *PARTS[whole])}
    parts = " + ".join(kind.value for kind in PARTS[whole])
    apart = " + ".join(f"if({prices[kind]} >= 0, {kind.value}, 0)" for kind in PARTS[whole])
    more = " + ".join(f"if({prices[kind]} >= 0, {kind.value} * {prices[kind]}, 0)" for kind in PARTS[whole])
    return f"(greatest({whole.value}, {parts}) - ({apart}))", prices[whole], more
