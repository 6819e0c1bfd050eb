"""The filters: which events a report looks at, as SQL."""

import math

from auricle.errors import Invalid
from auricle.model.query import Filter, Op, Query, Scalar, Span, micros_of
from auricle.model.receipt import Fault
from auricle.report import time
from auricle.report.binding import Binding
from auricle.report.fields import Field, field

MAX_FILTERS = 50
MAX_VALUES = 1_000
MAX_TEXT = 65_536
_EXACT = 2**53
"""Above it a Float64 no longer tells neighbouring integers apart."""
_FIRST_INSTANT, _LAST_INSTANT = -2_208_988_800_000_000, 10_413_791_999_000_000

_COMPARISONS = {Op.GT: ">", Op.GTE: ">=", Op.LT: "<", Op.LTE: "<="}
_NEGATIONS = {Op.NEQ: Op.EQ, Op.NOT_IN: Op.IN}


def where(
    query: Query, binding: Binding, span: Span, names: tuple[str, ...] = (), test: bool | None = None
) -> tuple[str, ...]:
    """The conditions every event of a report meets: tenant, names (all when empty), range, site, test, filters …

    `test` is `True` for test traffic alone, `False` for all but test traffic; by default the query decides.
    """
    parts = [f"tenant_id = {binding.text(query.tenant_id)}"]
    if len(names) == 1:
        parts.append(f"event_name = {binding.text(names[0])}")
    elif names:
        parts.append(f"event_name IN {binding.texts(names)}")
    parts.append(f"occurred_at >= {binding.instant(span.start)}")
    parts.append(f"occurred_at < {binding.instant(span.end)}")
    if query.site_id is not None:
        parts.append(f"site_id = {binding.text(query.site_id)}")
    if test is True:
        parts.append("source = 'test'")
    elif test is False or not query.include_test:
        parts.append("source != 'test'")
    parts.extend(condition(each, binding) for each in query.filters)
    for each in query.within:
        parts.append(f"session_id {'IN' if each.inside else 'NOT IN'} (\n{binding.nested(each.sessions)}\n)")
    if query.within:
        parts.append("session_id != ''")
    return tuple(parts)


def joined(parts: tuple[str, ...]) -> str:
    """Conditions as the body of a WHERE."""
    return "\n  AND ".join(parts)


def condition(filter_: Filter, binding: Binding) -> str:
    """One filter as SQL that is 0 or 1, never NULL. `Invalid` where the value does not fit the operation."""
    found = field(filter_.field, f"{filter_.pointer}/field")
    op, value = filter_.op, filter_.value
    if op is Op.EXISTS:
        present = f"isNotNull({found.text})"
        return present if value is not False else f"NOT {present}"
    if op in _NEGATIONS:
        positive = Filter(filter_.field, _NEGATIONS[op], value, filter_.pointer)
        return f"NOT ({condition(positive, binding)})"
    if op is Op.IN:
        return _among(found, value if isinstance(value, tuple) else (), binding, filter_.pointer)
    scalar = _scalar(value, filter_.pointer)
    if op is Op.EQ:
        return _among(found, (scalar,), binding, filter_.pointer)
    if op is Op.CONTAINS:
        if not isinstance(scalar, str) or found.time:
            raise _wrong(filter_.pointer, "`contains` takes text, of a field that is no time")
        return f"ifNull(position({found.text}, {binding.text(scalar)}) > 0, 0)"
    return _compared(found, _COMPARISONS[op], scalar, binding, filter_.pointer)


def check(filter_: Filter) -> Filter:
    """The filter, when it can be turned into SQL; else `Invalid`."""
    condition(filter_, Binding())
    return filter_


def _compared(found: Field, sign: str, value: Scalar, binding: Binding, pointer: str) -> str:
    if isinstance(value, bool):
        raise _wrong(pointer, "gt, gte, lt and lte take a number or text")
    if found.time:
        return f"{found.column} {sign} {binding.instant(_instant(value, pointer))}"
    if isinstance(value, str):
        return f"ifNull({found.text} {sign} {binding.text(value)}, 0)"
    return f"ifNull({found.number} {sign} {binding.number(value)}, 0)"


def _among(found: Field, values: tuple[Scalar, ...], binding: Binding, pointer: str) -> str:
    """Whether the field equals one of the values: text as text, numbers as numbers, `true` also as 1."""
    if not values or len(values) > MAX_VALUES:
        raise _wrong(pointer, f"a list of 1 to {MAX_VALUES} values")
    for value in values:
        _scalar(value, pointer)
    if found.time:
        return f"{found.column} IN {binding.instants(tuple(_instant(value, pointer) for value in values))}"
    texts, numbers = _spellings(values)
    parts = []
    if texts and found.column is not None and "" not in texts:
        parts.append(_listed(found.column, texts, binding))
    elif texts:
        parts.append(f"ifNull({_listed(found.text, texts, binding)}, 0)")
    if numbers:
        parts.append(f"ifNull({found.number} IN {binding.numbers(numbers)}, 0)")
    return parts[0] if len(parts) == 1 else f"({' OR '.join(parts)})"


def _listed(sql: str, texts: tuple[str, ...], binding: Binding) -> str:
    return f"{sql} = {binding.text(texts[0])}" if len(texts) == 1 else f"{sql} IN {binding.texts(texts)}"


def _spellings(values: tuple[Scalar, ...]) -> tuple[tuple[str, ...], tuple[float, ...]]:
    """The texts and the numbers that the values stand for."""
    texts: list[str] = []
    numbers: list[float] = []
    for value in values:
        if isinstance(value, bool):
            texts.extend(("true", "1") if value else ("false", "0"))
        elif isinstance(value, str):
            texts.append(value)
        elif isinstance(value, int) and abs(value) > _EXACT:
            texts.append(str(value))
        else:
            numbers.append(value)
    return tuple(texts), tuple(numbers)


def _scalar(value: object, pointer: str) -> Scalar:
    if isinstance(value, str):
        if len(value) > MAX_TEXT:
            raise _wrong(pointer, f"text of at most {MAX_TEXT} letters")
        return value
    if isinstance(value, bool):
        return value
    if isinstance(value, int | float) and abs(value) < 2**64 and math.isfinite(value):
        return value
    raise _wrong(pointer, "text, a finite number below 2^64, true or false; ask for absent values with `exists`")


def _instant(value: object, pointer: str) -> int:
    if not isinstance(value, str):
        raise _wrong(pointer, "a time in RFC 3339 with its offset")
    # The column holds 1900 to 2299, and no event lies outside: beyond it the nearest end compares the same.
    return min(max(micros_of(time.instant(value, f"{pointer}/value")), _FIRST_INSTANT), _LAST_INSTANT)


def _wrong(pointer: str, message: str) -> Invalid:
    return Invalid("A filter cannot be used.", (Fault(f"{pointer}/value", "filter", f"Expected {message}."),))
