"""The events in the real engine: written once, found, read under limits, and errors told as ours."""

import asyncio
import os
import signal
import time
import uuid
from collections.abc import Iterator
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import settings as limits
from hypothesis import strategies as st

from auricle.errors import AuricleError, QueryTimeout, Unavailable
from auricle.intake.row import body_of, line_of
from auricle.model.event import Event
from auricle.model.statement import Rows, Statement
from auricle.settings import Settings
from auricle.store.events import COLUMNS, BadRows, EventStore, Known
from running import retire, wait_until

NOW = 1_780_000_000_000_000


def event(tenant: str, number: int = 0, **more: Any) -> Event:
    """An event with an id of its own."""
    plain = Event(tenant, str(uuid.uuid4()), "page_view", NOW + number, "site", "", "u1", "web", "", {"n": number}, {})
    return plain._replace(**more)


def rows_of(*events: Event, received_at: int = NOW) -> bytes:
    """Events as the indexer writes them, one microsecond apart."""
    return b"\n".join(line_of(body_of(e), e.occurred_at, received_at + n) for n, e in enumerate(events))


def read(store: EventStore, sql: str, **params: Any) -> Rows:
    return asyncio.run(store.read(Statement(sql, params)))


def count(store: EventStore, tenant: str) -> int:
    return int(read(store, "SELECT count() FROM events WHERE tenant_id = {t:String}", t=tenant).rows[0][0])


def test_columns_are_those_of_an_event() -> None:
    assert sorted(COLUMNS) == sorted((*Event._fields, "received_at"))


def test_what_is_written_is_found_whole(events: EventStore, tenant: str) -> None:
    full = event(
        tenant,
        event_name="kb.hit",
        session_id="s 'q' \\ \t",
        user_id="ü🎈",
        schema_id="auricle:auricle/kb.hit/jsonschema/1-0-0",
        attributes={"a.b": 1, "c": {"d": [1, "two", None, {"e": 2.5}]}, "": "empty", "big": 2**63},
        context={"page": {"url": "/x"}, "consent": {"analytics": True}},
    )
    bare = event(tenant, occurred_at=0)
    events.insert(rows_of(full, bare), tenant)
    asked = [(tenant, full.event_id), (tenant, bare.event_id), (tenant, str(uuid.uuid4()))]
    assert sorted(events.find(asked)) == sorted([(full, NOW), (bare, NOW + 1)])
    assert asyncio.run(events.known_async(asked[:1])) == Known([(full, NOW)], set())


def test_nothing_of_another_tenant_is_found(events: EventStore, tenant: str) -> None:
    mine = event(tenant)
    theirs = mine._replace(tenant_id=tenant + "-other")
    events.insert(rows_of(mine, theirs), tenant)
    assert events.find([(tenant, mine.event_id)]) == [(mine, NOW)]
    assert events.find([("nobody", mine.event_id)]) == []
    # Asked for both tenants at once, an id of one must not be found for the other.
    third = event(tenant + "-other")
    events.insert(rows_of(third), tenant + "3")
    assert events.find([(tenant, third.event_id), (tenant + "-other", mine.event_id)]) == [(theirs, NOW + 1)]


def test_many_ids_are_looked_up_in_parts(events: EventStore, tenant: str) -> None:
    written = [event(tenant, n) for n in range(4_500)]
    events.insert(rows_of(*written), tenant)
    found = events.find([(tenant, e.event_id) for e in written])
    assert sorted(at for _, at in found) == [NOW + n for n in range(4_500)]
    assert events.find([]) == []


def test_what_is_no_longer_kept_is_known_by_its_id(events: EventStore, tenant: str) -> None:
    kept, gone, foreign = event(tenant), event(tenant), event(f"{tenant}-other")
    events.insert(rows_of(kept, gone, foreign), tenant)
    retire(events, gone, foreign)
    retire(events, gone)  # killed and repeated
    asked = [(tenant, one.event_id) for one in (kept, gone, foreign)]
    assert events.known(asked) == Known([(kept, NOW)], {(tenant, gone.event_id)})
    assert events.retired([(tenant, foreign.event_id), ("nobody", gone.event_id)]) == set()
    assert events.known([]) == Known([], set())
    listed = b"".join(events.ids())
    ids = {listed[n : n + 8][::-1] + listed[n + 8 : n + 16][::-1] for n in range(0, len(listed), 16)}
    assert {kept.key, gone.key, foreign.key} <= ids


def test_a_token_writes_once(events: EventStore, tenant: str) -> None:
    one, other = event(tenant), event(tenant)
    for _ in range(3):
        events.insert(rows_of(one), tenant + ":1-1")
    assert count(events, tenant) == 1
    events.insert(rows_of(one), tenant + ":2-2")
    assert count(events, tenant) == 2
    events.insert(rows_of(other), tenant + ":2-2")  # the token speaks for the rows, so it must not be used for others
    assert count(events, tenant) == 2


def test_a_token_writes_once_over_several_months(events: EventStore, tenant: str) -> None:
    """Each month is a part of its own; a repetition after a crash must complete what is missing, and only that."""
    months = [event(tenant, occurred_at=NOW - n * 31 * 86_400_000_000) for n in range(6)]
    for _ in range(2):
        events.insert(rows_of(*months), tenant)
    assert count(events, tenant) == 6


def test_every_id_is_listed(events: EventStore, tenant: str) -> None:
    written = [event(tenant, n) for n in range(1_000)]
    events.insert(rows_of(*written), tenant)
    listed = b"".join(events.ids())
    ids = {listed[n : n + 8][::-1] + listed[n + 8 : n + 16][::-1] for n in range(0, len(listed), 16)}
    assert {e.key for e in written} <= ids
    assert all(len(piece) % 16 == 0 for piece in events.ids())


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(lambda row: [*row[:1], "no uuid", *row[2:]], id="no UUID"),
        pytest.param(lambda row: [*row[:-2], "yesterday", row[-1]], id="no time"),
        pytest.param(lambda row: row[:5], id="too few columns"),
        pytest.param(lambda row: [*row, "more"], id="too many columns"),
        pytest.param(lambda row: {"tenant_id": "x"}, id="an object"),
    ],
)
def test_rows_that_cannot_be_read_are_told_apart(events: EventStore, tenant: str, spoil: Any) -> None:
    good = rows_of(event(tenant))
    bad = orjson.dumps(spoil(orjson.loads(rows_of(event(tenant)))))
    with pytest.raises(BadRows):
        events.insert(good + b"\n" + bad, tenant)
    assert count(events, tenant) == 0
    events.insert(good, tenant)
    assert count(events, tenant) == 1


KEYS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12) | st.sampled_from(
    ["", ".", "..", "a.", ".a", "a..b", "`", "'", '"', "\\", "\0", "__proto__", "a b", "a[]", "[0]", "%2E", "a.b", "a"]
)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
    | st.sampled_from(["2026-01-01", "2026-01-01T00:00:00Z", "1e999", "NaN", "123", "true"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)


@limits(max_examples=120)
@given(attributes=st.dictionaries(KEYS, VALUES, max_size=6))
def test_whatever_attributes_are_accepted_the_engine_takes(events: EventStore, attributes: dict[str, Any]) -> None:
    """An event that was accepted must never turn out to be one the engine cannot read."""
    told = event("hostile-attributes", attributes=orjson.loads(orjson.dumps(attributes)))
    events.insert(rows_of(told), told.event_id)
    assert events.find([(told.tenant_id, told.event_id)]) == [(told, NOW)]


def test_rows_come_with_their_names_and_types(events: EventStore) -> None:
    sql = (
        "SELECT toUInt64(18446744073709551615) AS big, {t:String} AS text, CAST(NULL AS Nullable(Int8)) AS nothing,"
        " toDateTime64(0, 6) AS time, [1, 2] AS list FROM numbers(2)"
    )
    rows = read(events, sql, t="it's")
    assert rows.columns == ("big", "text", "nothing", "time", "list")
    assert rows.rows == [[2**64 - 1, "it's", None, "1970-01-01 00:00:00.000000", [1, 2]]] * 2
    assert (rows.rows_read, rows.seconds >= 0) == (2, True)


def test_a_read_cannot_write(events: EventStore) -> None:
    with pytest.raises(Unavailable):
        read(events, "INSERT INTO events (tenant_id) SELECT 'x'")


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EventStore]:
    """A store with the least limits."""
    settings = Settings(data=tmp_path_factory.mktemp("strict"), query_seconds=0.3, query_memory=50_000_000)
    with EventStore(settings) as store:
        wait_until(store.ready, 60.0)
        yield store


@pytest.mark.parametrize(
    "sql",
    [
        pytest.param("SELECT sum(sleepEachRow(0.05)) FROM numbers(100) SETTINGS max_block_size = 1", id="time"),
        pytest.param("SELECT groupArray(number) FROM numbers(100000000)", id="memory"),
        pytest.param("SELECT number FROM numbers(200001)", id="rows"),
    ],
)
def test_a_limit_is_told_as_one(strict: EventStore, sql: str) -> None:
    with pytest.raises(QueryTimeout) as refused:
        read(strict, sql)
    assert (refused.value.status, refused.value.transient) == (504, False)
    assert read(strict, "SELECT 1").rows == [[1]]


def test_wrong_sql_of_ours_is_unavailable_and_says_nothing(events: EventStore) -> None:
    with pytest.raises(Unavailable) as refused:
        read(events, "SELECT hunter2_marker")
    assert "hunter2" not in refused.value.detail


def test_it_is_unavailable_until_the_engine_runs_and_after_it_stops(settings: Settings) -> None:
    store = EventStore(settings)
    told = []
    for ask in (
        lambda: store.find([("t", str(uuid.uuid4()))]),
        lambda: store.insert(b"", "t"),
        lambda: list(store.ids()),
    ):
        with pytest.raises(Unavailable) as refused:
            ask()  # type: ignore[no-untyped-call]
        told.append((refused.value.status, refused.value.retry_after))
    assert (told, store.ready()) == ([(503, 2)] * 3, False)
    with store:
        wait_until(store.ready, 60.0)
    assert store.ready() is False


def test_after_a_crash_it_is_back_and_knows_all(settings: Settings) -> None:
    written = [event("t", n) for n in range(50)]
    with EventStore(settings) as store:
        wait_until(store.ready, 60.0)
        store.insert(rows_of(*written), "1")
        assert store.engine is not None
        assert store.engine.pid is not None
        os.kill(store.engine.pid, signal.SIGKILL)
        began = time.monotonic()
        with pytest.raises(AuricleError):  # noqa: PT012
            while time.monotonic() - began < 10:
                count(store, "t")
        wait_until(store.ready, 20.0)
        store.insert(rows_of(*written), "1")  # the token is known to the new process too
        assert count(store, "t") == 50
