"""The journal's table: all or nothing, in order, never a number twice, and counts that add up."""

import threading
import uuid
from collections.abc import Iterator

import pytest
from hypothesis import example, given
from hypothesis import settings as limits
from hypothesis import strategies as st
from sqlalchemy import Engine, func, select, text

from auricle.errors import StorageFull, Unavailable
from auricle.settings import Settings
from auricle.store.database import open_database
from auricle.store.inbox import InboxStore
from auricle.store.journal import LOCK, Block, Entry, FailedEvent, JournalStore, Settlement, Waiting
from auricle.store.tables import failed_events, journal, tallies

ID = "123e4567-e89b-12d3-a456-426614174000"


@pytest.fixture
def store(database: Engine) -> JournalStore:
    return JournalStore(database)


def entry(tenant: str = "acme", events: int = 1, received_at: int = 1_000, size: int = 8, **tally: int) -> Entry:
    """An entry of so many events, each row `size` bytes long."""
    keys = b"".join(uuid.uuid4().bytes for _ in range(events))
    rows = b"\n".join([b"r" * size] * events)
    return Entry(tenant, received_at, events, keys, rows, {"received": events, **tally})


def failure(tenant: str = "acme", event_id: str = ID, received_at: int = 5, **more: str) -> FailedEvent:
    told = {"event_name": "kb.hit", "status": "rejected", "reason": "schema", "pointer": "/a", "rule": "type"}
    return FailedEvent(tenant, event_id, **(told | {"message": "must be text"} | more), received_at=received_at)


def counted(database: Engine) -> tuple[int, int, int]:
    """Rows of the journal, of the tallies, and of the failed events."""
    with database.connect() as connection:
        queries = (select(func.count()).select_from(table) for table in (journal, tallies, failed_events))
        first, second, third = (connection.execute(query).scalar_one() for query in queries)
        return first, second, third


def test_an_entry_comes_back_as_a_block(store: JournalStore) -> None:
    written = entry(events=2, received_at=77)
    store.commit([written])
    (block,) = store.blocks(10, 1_000)
    assert block == Block(block.id, "acme", 77, 2, written.keys, written.rows)
    assert store.counts("acme") == {"received": 2, "waiting": 2}
    assert store.waiting() == Waiting(2, 77)


def test_a_commit_makes_one_block_a_tenant(store: JournalStore) -> None:
    one, other, more = entry("a", 2, 10), entry("b", 1, 11), entry("a", 3, 12)
    store.commit([one, other, more])
    told = [(b.tenant_id, b.received_at, b.events, b.keys, b.rows) for b in store.blocks(100, 10_000)]
    assert told == [
        ("a", 10, 5, one.keys + more.keys, one.rows + b"\n" + more.rows),
        ("b", 11, 1, other.keys, other.rows),
    ]


def test_a_block_bears_the_earliest_time_of_its_rows(store: JournalStore) -> None:
    """An entry may overtake another on its way to the journal; what is told of a block must hold for all its rows."""
    store.commit([entry(received_at=20), entry(received_at=10)])
    assert [block.received_at for block in store.blocks(100, 10_000)] == [10]
    assert store.waiting() == Waiting(2, 10)


def test_nothing_is_waiting_at_first(store: JournalStore) -> None:
    assert (store.waiting(), store.blocks(10, 10), store.counts("acme")) == (Waiting(0, None), [], {"waiting": 0})


def test_an_entry_without_events_leaves_its_counts_alone(store: JournalStore, database: Engine) -> None:
    store.commit([Entry("acme", 1, 0, b"", b"", {"received": 3, "duplicate": 3, "stored": 0})])
    store.commit([])
    assert counted(database) == (0, 2, 0)
    assert store.counts("acme") == {"received": 3, "duplicate": 3, "waiting": 0}


@pytest.mark.parametrize(
    "bad",
    [
        pytest.param(Entry("acme", 1, 1, b"k" * 16, b"r", {"received": None}), id="a count that is none"),  # type: ignore[dict-item]
        pytest.param(
            Entry("acme", 1, 1, b"k" * 16, b"r", {"received": 1}, (failure(message=None),)),  # type: ignore[arg-type]
            id="a failed event without its message",
        ),
        pytest.param(Entry("late", None, 1, b"k" * 16, b"r", {"received": 1}), id="no time"),  # type: ignore[arg-type]
    ],
)
def test_a_commit_is_all_or_nothing(store: JournalStore, database: Engine, bad: Entry) -> None:
    store.commit([entry(events=3)])
    (block,) = store.blocks(10, 1_000)
    settlement = Settlement((block.id,), {("acme", "stored"): 3})
    before = counted(database), store.counts("acme")
    with pytest.raises((Unavailable, TypeError)):
        store.commit([entry(), bad, entry("other")], [settlement])
    assert (counted(database), store.counts("acme")) == before
    assert store.counts("other") == {"waiting": 0}


def test_settling_frees_blocks_and_counts(store: JournalStore) -> None:
    store.commit([entry("a", 3)])
    store.commit([entry("b", 2)])
    store.commit([entry("a", 1)])
    first, second, _ = store.blocks(10, 1_000)
    tally = {("a", "stored"): 2, ("a", "duplicate"): 1, ("b", "stored"): 2}
    store.commit([], [Settlement((first.id, second.id), tally)])
    assert store.counts("a") == {"received": 4, "stored": 2, "duplicate": 1, "waiting": 1}
    assert store.counts("b") == {"received": 2, "stored": 2, "waiting": 0}
    assert [block.events for block in store.blocks(10, 1_000)] == [1]


def test_numbers_are_never_given_twice(store: JournalStore) -> None:
    """The engine would take a new block with an old number for a repetition."""
    seen: list[int] = []
    for _ in range(4):
        store.commit([entry()])
        (block,) = store.blocks(10, 1_000)
        seen.append(block.id)
        store.commit([], [Settlement((block.id,), {("acme", "stored"): 1})])
    assert seen == sorted(set(seen))


def test_numbers_go_on_after_a_restart(database_settings: Settings) -> None:
    numbers = []
    identities = set()
    for _ in range(3):
        engine = open_database(database_settings)
        store = JournalStore(engine)
        identities.add(store.identity)
        store.commit([entry()])
        (block,) = store.blocks(10, 1_000)
        numbers.append(block.id)
        store.commit([], [Settlement((block.id,), {})])
        engine.dispose()
    assert numbers == sorted(set(numbers))
    assert len(identities) == 1


@pytest.mark.parametrize(
    ("max_events", "max_bytes", "expected"),
    [
        pytest.param(1_000, 1_000_000, [10, 20, 30, 40], id="all fit"),
        pytest.param(60, 1_000_000, [10, 20, 30], id="events, exactly"),
        pytest.param(59, 1_000_000, [10, 20], id="events, one too few"),
        pytest.param(1_000, 10 * 9 - 1 + 20 * 9 - 1, [10, 20], id="bytes, exactly"),
        pytest.param(1_000, 10 * 9 - 1 + 20 * 9 - 2, [10], id="bytes, one too few"),
        pytest.param(1, 1, [10], id="one at least"),
    ],
)
def test_blocks_keep_to_the_limits(store: JournalStore, max_events: int, max_bytes: int, expected: list[int]) -> None:
    for events in (10, 20, 30, 40):
        store.commit([entry(events=events)])
    assert [block.events for block in store.blocks(max_events, max_bytes)] == expected


def test_poison_is_left_out_and_still_waits(store: JournalStore) -> None:
    store.commit([entry("a", 3, 10)])
    (block,) = store.blocks(10, 1_000)
    bad = Block(0, "a", 11, 1, b"p" * 16, b"poison")
    store.commit([], [Settlement((block.id,), {("a", "stored"): 2}, ((bad, "Code: 27."),))])
    assert store.blocks(10, 1_000) == []
    assert store.counts("a") == {"received": 3, "stored": 2, "waiting": 1}
    assert list(store.every_key()) == [("a", b"p" * 16, b"poison")]
    store.commit([entry("a", 1, 12)])
    assert [found.events for found in store.blocks(10, 1_000)] == [1]


def test_every_key_gives_all_that_waits_in_order(store: JournalStore) -> None:
    written = [entry("t", n + 1) for n in range(120)]
    for one in written:
        store.commit([one])
    assert list(store.every_key()) == [("t", one.keys, one.rows) for one in written]


HOSTILE = st.text(max_size=40)


@limits(max_examples=25)
@example(name="a", pointer="/attributes/a\0", message="c")
@given(name=HOSTILE, pointer=HOSTILE, message=HOSTILE)
def test_whatever_a_refusal_names_can_be_kept(database: Engine, name: str, pointer: str, message: str) -> None:
    """Pointers and messages hold keys that clients chose; none may cost the requests that share the commit."""
    if any("\ud800" <= each <= "\udfff" for each in name + pointer + message):
        return  # the JSON parser lets none through
    store = JournalStore(database)
    kept = failure(event_id=str(uuid.uuid4()), event_name=name, pointer=pointer, message=message)
    store.commit([entry(), Entry("acme", 5, 0, b"", b"", {}, (kept,))])
    found = InboxStore(database).find("acme", kept.event_id)
    assert found is not None
    assert found.event_name.replace("\ufffd", "\0") == name.replace("\ufffd", "\0")


def test_two_journals_have_two_names(database: Engine, tmp_path_factory: pytest.TempPathFactory) -> None:
    other = open_database(Settings(data=tmp_path_factory.mktemp("other")))
    assert JournalStore(database).identity == JournalStore(database).identity != JournalStore(other).identity
    other.dispose()


def test_a_full_database_says_so_and_keeps_nothing(settings: Settings) -> None:
    engine = open_database(settings)
    store = JournalStore(engine)
    store.commit([entry(events=2)])
    with engine.connect() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
    # The pool has one connection here, so the limit holds for what follows.
    with engine.connect() as connection:
        connection.exec_driver_sql(f"PRAGMA max_page_count={pages + 2}")
        connection.commit()
    with pytest.raises(StorageFull) as refused:
        store.commit([entry(size=100_000)])
    assert (refused.value.status, refused.value.transient, refused.value.retry_after) == (507, True, 10)
    assert store.counts("acme") == {"received": 2, "waiting": 2}
    with engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA max_page_count=1000000")
        connection.commit()
    store.commit([entry(size=100_000)])
    assert store.counts("acme") == {"received": 3, "waiting": 3}
    engine.dispose()


def test_a_database_that_is_away_says_so(store: JournalStore, database: Engine) -> None:
    with database.begin() as connection:
        connection.execute(text("DROP TABLE journal"))
    told = []
    for ask in (store.waiting, lambda: store.blocks(1, 1), lambda: store.commit([entry()])):
        with pytest.raises(Unavailable) as refused:
            ask()  # type: ignore[operator]
        told.append((refused.value.status, refused.value.transient))
    assert told == [(503, True)] * 3


def test_many_threads_commit_and_nothing_is_lost(store: JournalStore) -> None:
    errors: list[Exception] = []

    def write() -> None:
        try:
            for _ in range(10):
                store.commit([entry(events=2)])
        except Exception as error:  # noqa: BLE001
            errors.append(error)

    threads = [threading.Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert store.counts("acme") == {"received": 80, "waiting": 80}
    assert sum(block.events for block in store.blocks(1_000, 100_000)) == 80


@pytest.fixture
def pair(database_settings: Settings) -> Iterator[tuple[JournalStore, JournalStore]]:
    """Two stores of one database, as two processes would have them."""
    engines = open_database(database_settings), open_database(database_settings)
    yield JournalStore(engines[0]), JournalStore(engines[1])
    for engine in engines:
        engine.dispose()


@pytest.mark.parametrize("database_settings", ["postgresql"], indirect=True)
def test_one_process_indexes_at_a_time(pair: tuple[JournalStore, JournalStore]) -> None:
    first, second = pair
    with first.indexing() as mine, second.indexing() as theirs, second.indexing() as again:
        assert (mine(), theirs(), again()) == (True, False, False)
    with second.indexing() as theirs, first.indexing() as mine:
        assert (mine(), theirs()) == (False, True)
    with pytest.raises(ZeroDivisionError), first.indexing():
        raise ZeroDivisionError
    with second.indexing() as theirs:
        assert theirs()


@pytest.mark.parametrize("database_settings", ["postgresql"], indirect=True)
def test_the_right_to_index_goes_with_its_connection(pair: tuple[JournalStore, JournalStore]) -> None:
    first, second = pair
    with first.indexing() as mine:
        assert mine()
        with second._engine.begin() as connection:
            here = "(SELECT oid FROM pg_database WHERE datname = current_database())"
            holder = f"SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND objid = :id AND database = {here}"
            pid = connection.execute(text(holder), {"id": LOCK}).scalar_one()
            connection.execute(text("SELECT pg_terminate_backend(:pid, 5000)"), {"pid": pid})
        with second.indexing() as theirs:
            assert theirs()
            with pytest.raises(Unavailable):
                mine()


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_in_sqlite_the_folder_lock_has_seen_to_it(store: JournalStore) -> None:
    with store.indexing() as mine:
        assert mine()
