"""Whatever a program hands in becomes JSON that the service can read."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from enum import Enum
from typing import Any
from uuid import UUID

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from auricle.client.event import _make_encoder, encode, now, plain, rfc3339


class Colour(Enum):
    RED = "red"


@dataclass
class Order:
    card: str = "4111 1111 1111 1111"


class Hostile:
    def __str__(self) -> str:
        raise RuntimeError

    __repr__ = __str__


class Text(str):
    def __str__(self) -> str:
        raise RuntimeError


def circle() -> list[Any]:
    made: list[Any] = []
    made.append(made)
    return made


def deep(levels: int) -> Any:
    made: Any = 1
    for _ in range(levels):
        made = {"a": made}
    return made


CASES: dict[str, tuple[Any, Any]] = {
    "what JSON has": ({"a": [1, 2.5, "x", None, True]}, {"a": [1, 2.5, "x", None, True]}),
    "no number": (math.nan, None),
    "no finite number": ([math.inf, -math.inf], [None, None]),
    "a decimal": ([Decimal("1.5"), Decimal("NaN")], [1.5, None]),
    "bytes": (b"a\xff", "a\ufffd"),
    "a moment": (datetime(2026, 1, 2, 3, tzinfo=UTC), "2026-01-02T03:00:00+00:00"),
    "a day": (date(2026, 1, 2), "2026-01-02"),
    "a span": (timedelta(minutes=1), 60.0),
    "an id": (UUID(int=1), "00000000-0000-0000-0000-000000000001"),
    "one of several": (Colour.RED, "red"),
    "a set": ({1}, [1]),
    "names that are no text": ({1: 1, None: 2, (1, 2): 3, b"k": 4}, {"1": 1, "null": 2, "(tuple)": 3, "k": 4}),
    "an object": (Order(), "(Order)"),
    "an object that fails": (Hostile(), "(Hostile)"),
    "a text of its own kind": ({"a": Text("x"), "b": b""}, {"a": "x", "b": ""}),
    "half of a pair": ("a\ud800b", "a?b"),
    "a control character": ("a\x00\nb", "a\x00\nb"),
    "a large number": (2**70, 2**70),
}


@pytest.mark.parametrize("name", list(CASES))
def test_it_becomes(name: str) -> None:
    value, expected = CASES[name]
    assert json.loads(encode({"value": value})) == {"value": expected}


def test_a_circle_ends() -> None:
    assert b"null" in encode({"value": circle()})


def test_what_is_too_deep_is_cut() -> None:
    assert encode({"value": deep(100_000)}).endswith(b"null" + b"}" * 32)


def test_a_collection_without_end_is_cut() -> None:
    class Endless(Mapping[str, int]):
        def __getitem__(self, name: str) -> int:
            return 1

        def __iter__(self) -> Any:
            return iter(str(number) for number in iter(int, 1))

        def __len__(self) -> int:
            return 1

    assert json.loads(encode({"value": Endless()})) == {"value": {"0": 1}}


def test_a_time_without_a_zone_is_local() -> None:
    naive = datetime(2026, 1, 2, 3)  # noqa: DTZ001 - that is what is tested
    assert datetime.fromisoformat(rfc3339(naive)) == naive.astimezone()
    east = datetime(2026, 1, 2, 3, tzinfo=timezone(timedelta(hours=2)))
    assert rfc3339(east) == "2026-01-02T03:00:00+02:00"


def test_the_present_is_told_as_it_is() -> None:
    for _ in range(1_000):
        before, told, after = datetime.now(UTC), datetime.fromisoformat(now()), datetime.now(UTC)
        assert before <= told <= after


def test_without_the_encoder_in_c_it_is_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(json.encoder, "c_make_encoder", None)
        assert _make_encoder()({"a": [1, "é"]}) == '{"a":[1,"é"]}'
    assert _make_encoder()({"a": [1, "é"]}) == '{"a":[1,"é"]}'


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary() | st.datetimes() | st.decimals(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(max_size=5) | st.integers() | st.binary(max_size=3), inner, max_size=4)
    ),
    max_leaves=10,
)


@given(ANYTHING)
def test_the_service_can_read_it(value: Any) -> None:
    line = encode({"value": value})
    assert b"\n" not in line
    orjson.loads(line)
    json.dumps(plain(value), allow_nan=False)
