"""The breakdown: one answer for each of the ten greatest values of a field, and one for all `other` values.

A report with a breakdown is read in two steps: `rank` finds the values to keep, then `build` gets them as
`query.keys`. The previous period keeps the same values as the one it is compared with.

In the engine a value is encoded in one letter more: `=text` is the value `text`, nothing at all is an event without the
field, and `~` is all the rest. So neither an absent value nor one called "other" can be mistaken for anything else.
"""

from collections.abc import Iterable

from auricle.model.query import Query
from auricle.report.binding import Binding
from auricle.report.fields import field

TOP = 10
"""How many values of a breakdown are kept apart."""

OTHER = "~"
"""The encoded value that stands for all the rest."""


def encoded(query: Query) -> str:
    """SQL of the encoded value of the breakdown's field, of one event."""
    return f"ifNull(concat('=', {field(query.breakdown or '', '/breakdown').text}), '')"


def kept(query: Query, binding: Binding, key: str) -> str:
    """SQL of the encoded value, or of `OTHER` where it is not one of those kept. `key` is SQL of the encoded value."""
    if not query.keys:
        return f"'{OTHER}'"
    return f"if({key} IN {binding.texts(query.keys)}, {key}, '{OTHER}')"


def decoded(key: str) -> str | None:
    """The value as it stands in answers; `None` for events without the field."""
    if key == OTHER:
        return "other"
    return key[1:] if key else None


def ordered(query: Query, found: Iterable[str]) -> tuple[str, ...]:
    """The encoded values in the order of the answer: those kept, then `OTHER` if anything fell there."""
    return (*(query.keys or ()), *([OTHER] if OTHER in set(found) else []))
