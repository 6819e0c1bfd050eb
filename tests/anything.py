"""Any JSON at all, for the decoders of the doors."""

import json
from collections.abc import Iterable
from typing import Any

import orjson
from hypothesis import strategies as st

_LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(-5, 1 << 70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8)
)
JSON = st.recursive(_LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3))


def like(members: Iterable[str], good: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Any JSON, objects that have some of these members, and a good one with some members replaced by anything."""
    names = st.sampled_from(sorted(members))
    near = st.dictionaries(names, JSON, max_size=2).map(lambda changed: {**good, **changed})
    return JSON | st.dictionaries(names | st.text(max_size=4), JSON, max_size=6) | near


def parsed(told: Any) -> Any:
    """The value as the doors get to see it: numbers beyond 64 bits are floats by then."""
    return orjson.loads(json.dumps(told))
