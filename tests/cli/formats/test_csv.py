"""CSV: column maps, values, times, and rows that are no rows."""

import io
from typing import Any

import pytest

from auricle.cli.formats import csv
from auricle.cli.formats.csv import Columns, WrongMap
from auricle.cli.formats.entry import Entry, Ids, Malformed


def read(content: str, columns: Columns = Columns()) -> list[Entry | Malformed]:
    return list(csv.read(io.BytesIO(content.encode()), Ids(), columns))


def without_ids(content: str, columns: Columns = Columns()) -> list[Any]:
    """The entries; made ids are taken out, for `test_ids` looks at them."""
    told = read(content, columns)
    for entry in told:
        if isinstance(entry, Entry):
            entry.event.pop("event_id")
    return told


def test_columns_by_their_own_names() -> None:
    content = (
        "event_name,occurred_at,user_id,context.page.url,attributes.kb.query,price\n"
        "kb.search,2026-01-02T03:04:05Z,u1,/a,decaf,2.5\n"
    )

    assert without_ids(content) == [
        Entry(
            2,
            {
                "source": "server",
                "attributes": {"kb.query": "decaf", "price": 2.5},
                "event_name": "kb.search",
                "occurred_at": "2026-01-02T03:04:05Z",
                "user_id": "u1",
                "context": {"page": {"url": "/a"}},
            },
        )
    ]


def test_a_column_map() -> None:
    targets = csv.targets_of(["occurred_at=ts,user_id=uid", "attributes.price=amount, event_id=id"])
    columns = Columns(targets, frozenset({"amount"}), "purchase", ";")

    assert read("uid;ts;amount;id;more\nu1;2026-01-02;007;X;unused\n", columns) == [
        Entry(
            2,
            {
                "source": "server",
                "attributes": {"price": "007"},
                "event_name": "purchase",
                "occurred_at": "2026-01-02T00:00:00Z",
                "user_id": "u1",
                "event_id": "X",
            },
        )
    ]


@pytest.mark.parametrize(
    ("maps", "why"),
    [
        pytest.param(["occurred_at"], "'occurred_at' is not of the form target=column", id="no column"),
        pytest.param(["occurred_at="], "'occurred_at=' is not of the form target=column", id="empty column"),
        pytest.param(["user_id=a", "user_id=b"], "'user_id' is mapped twice", id="twice"),
        pytest.param(
            ["price=a"],
            "'price' is no target: take event_id, event_name, occurred_at, site_id, session_id, user_id, source, "
            "schema, attributes.NAME or context.PATH",
            id="unknown target",
        ),
    ],
)
def test_wrong_maps(maps: list[str], why: str) -> None:
    with pytest.raises(WrongMap) as told:
        csv.targets_of(maps)

    assert str(told.value) == why


@pytest.mark.parametrize(
    ("content", "columns", "why"),
    [
        pytest.param(
            "a,b\n", Columns({"occurred_at": "ts", "event_name": "b"}), "the header has no column 'ts'", id="map"
        ),
        pytest.param(
            "ts\n", Columns({"occurred_at": "ts"}, frozenset({"x"}), "e"), "the header has no column 'x'", id="text"
        ),
        pytest.param("a,a\n", Columns(), "the header names a column twice", id="header"),
        pytest.param("", Columns(), "no column tells the time: map one with occurred_at=COLUMN", id="empty file"),
        pytest.param(
            "occurred_at\n",
            Columns(),
            "no column tells the event's name: map one with event_name=COLUMN, or give a name for all",
            id="no name",
        ),
    ],
)
def test_maps_that_do_not_fit_the_file(content: str, columns: Columns, why: str) -> None:
    with pytest.raises(WrongMap) as told:
        read(content, columns)

    assert str(told.value) == why


@pytest.mark.parametrize(
    ("row", "entry"),
    [
        pytest.param("e,2026-01-02T00:00:00Z", Malformed(2, "the row has 2 cells and the header 3"), id="too few"),
        pytest.param("e,2026-01-02T00:00:00Z,1,2", Malformed(2, "the row has 4 cells and the header 3"), id="too many"),
        pytest.param("e,yesterday,1", Malformed(2, "the time cannot be read"), id="no time"),
        pytest.param("e,,1", Malformed(2, "the row tells no occurred_at"), id="empty time"),
        pytest.param(",2026-01-02T00:00:00Z,1", Malformed(2, "the row tells no event_name"), id="empty name"),
        pytest.param("e,2026-01-02T00:00:00Z," + "x" * 200_000, Malformed(2, "not CSV"), id="a huge cell"),
        pytest.param("x" * 1_000_001, Malformed(2, "the line is longer than 1,000,000 bytes"), id="a huge line"),
    ],
)
def test_malformed_rows_cost_the_others_nothing(row: str, entry: Malformed) -> None:
    content = f"event_name,occurred_at,n\n{row}\n\ne,2026-01-02T00:00:00Z,1\n"
    event = {"source": "server", "attributes": {"n": 1}, "event_name": "e", "occurred_at": "2026-01-02T00:00:00Z"}

    assert without_ids(content) == [entry, Entry(4, event)]


def test_a_cell_of_many_lines() -> None:
    content = 'event_name,occurred_at,note\ne,2026-01-02,"one\n""two"""\ne,2026-01-02,three\n'

    assert [(entry.line, entry.event["attributes"]) for entry in read(content) if isinstance(entry, Entry)] == [
        (2, {"note": 'one\n"two"'}),
        (4, {"note": "three"}),
    ]


def test_ids() -> None:
    content = "event_name,occurred_at\na,2026-01-02\na,2026-01-02\nb,2026-01-02\n"

    first, second = ([entry.event["event_id"] for entry in read(content) if isinstance(entry, Entry)] for _ in "12")

    assert first == second
    assert len(set(first)) == 3


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        pytest.param("12", 12, id="integer"),
        pytest.param("-3", -3, id="negative"),
        pytest.param("2.50", 2.5, id="decimal"),
        pytest.param("1e3", 1000.0, id="exponent"),
        pytest.param("1e999", "1e999", id="beyond floats"),
        pytest.param("007", "007", id="leading zeros"),
        pytest.param("+49", "+49", id="plus"),
        pytest.param("1,5", "1,5", id="comma"),
        pytest.param("9" * 18, int("9" * 18), id="18 digits"),
        pytest.param("9" * 19, "9" * 19, id="19 digits"),
        pytest.param("٣", "٣", id="digits of another script"),
        pytest.param("True", True, id="true"),
        pytest.param("FALSE", False, id="false"),
        pytest.param("nan", "nan", id="nan"),
        pytest.param("text", "text", id="text"),
    ],
)
def test_values(cell: str, value: Any) -> None:
    told = csv.value_of(cell)

    assert (type(told), told) == (type(value), value)


@pytest.mark.parametrize(
    ("cell", "time"),
    [
        pytest.param("2026-01-02T03:04:05Z", "2026-01-02T03:04:05Z", id="RFC 3339"),
        pytest.param("2026-01-02T03:04:05.123456+02:00", "2026-01-02T01:04:05.123456Z", id="zone and microseconds"),
        pytest.param("2026-01-02 03:04:05", "2026-01-02T03:04:05Z", id="no zone is UTC"),
        pytest.param("2026-01-02", "2026-01-02T00:00:00Z", id="a day"),
        pytest.param("1767323045", "2026-01-02T03:04:05Z", id="Unix seconds"),
        pytest.param("1767323045.25", "2026-01-02T03:04:05.250000Z", id="Unix seconds with a fraction"),
        pytest.param("1767323045123", "2026-01-02T03:04:05.123000Z", id="Unix milliseconds"),
        pytest.param("1767323045123456", "2026-01-02T03:04:05.123456Z", id="Unix microseconds"),
        pytest.param("0001-01-01T00:00:00+14:00", None, id="before the first year"),
        pytest.param("02/01/2026", None, id="ambiguous"),
        pytest.param("soon", None, id="words"),
    ],
)
def test_times(cell: str, time: str | None) -> None:
    assert csv.time_of(cell) == time
