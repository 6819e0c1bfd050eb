"""The row: what the journal keeps of an event, and what is read back."""

import uuid

import orjson
import pytest
from hypothesis import given
from hypothesis import settings as limits
from hypothesis import strategies as st

from auricle.intake.row import body_of, conflicts, fingerprint_of, fingerprint_of_line, line_of, received_at_of
from auricle.model.event import Event
from auricle.store.events import COLUMNS

ID = "123e4567-e89b-12d3-a456-426614174000"
EVENT = Event("acme", ID, "kb.hit", 1_736_937_000_000_007, "s", "v", "u", "web", "id", {"a": 1}, {"locale": "de"})
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
JSON = st.dictionaries(
    TEXT, st.recursive(st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | TEXT, st.lists, max_leaves=4)
)
TEN_DIGITS = 10**16
"""The first microsecond whose seconds have eleven digits, in the year 2286: a row has no room for it."""
MICROS = st.integers(0, TEN_DIGITS - 1)


def test_a_line_has_the_columns_of_the_store() -> None:
    line = line_of(body_of(EVENT), EVENT.occurred_at, 5)
    told = dict(zip(COLUMNS, orjson.loads(line), strict=True))
    assert told == EVENT._asdict() | {"occurred_at": "1736937000.000007", "received_at": "0000000000.000005"}
    assert line == (
        b'["acme","123e4567-e89b-12d3-a456-426614174000","kb.hit","s","v","u","web","id",{"a":1},{"locale":"de"},'
        b'"1736937000.000007","0000000000.000005"]'
    )


@limits(max_examples=60)
@given(st.builds(Event, TEXT, st.uuids().map(str), TEXT, MICROS, TEXT, TEXT, TEXT, TEXT, TEXT, JSON, JSON), MICROS)
def test_a_line_is_one_line_and_comes_back(event: Event, received_at: int) -> None:
    line = line_of(body_of(event), event.occurred_at, received_at)
    assert b"\n" not in line
    *told, _, _ = orjson.loads(line)
    assert told == [value for name, value in event._asdict().items() if name != "occurred_at"]
    assert received_at_of(line) == received_at
    assert fingerprint_of_line(line) == fingerprint_of(body_of(event), event.occurred_at)


def test_the_key_of_an_event_is_its_id() -> None:
    assert EVENT.key == uuid.UUID(ID).bytes


@pytest.mark.parametrize(
    ("changed", "skewed", "expected"),
    [
        pytest.param({}, False, False, id="the same"),
        pytest.param({}, True, False, id="the same, its time corrected"),
        pytest.param({"occurred_at": 7}, False, True, id="another time"),
        pytest.param({"occurred_at": 7}, True, False, id="another time, corrected"),
        pytest.param({"user_id": "x"}, False, True, id="another person"),
        pytest.param({"attributes": {"a": 2}}, True, True, id="other attributes, its time corrected"),
        pytest.param({"attributes": {"a": 1.0}}, False, True, id="a number written otherwise"),
    ],
)
def test_what_is_a_conflict(changed: dict[str, object], skewed: bool, expected: bool) -> None:
    other = EVENT._replace(**changed)
    first, second = (fingerprint_of(body_of(event), event.occurred_at) for event in (EVENT, other))
    assert conflicts(first, second, skewed) is conflicts(second, first, skewed) is expected
