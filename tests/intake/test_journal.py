"""Group commit: requests of one moment share a commit, and each learns its own outcome."""

import asyncio
import threading
import time
import uuid
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, text

from auricle.errors import AuricleError, StorageFull, Unavailable
from auricle.intake.journal import Journal
from auricle.settings import Settings
from auricle.store.database import open_database
from auricle.store.journal import Block, Entry, JournalStore, Settlement


class Watched(JournalStore):
    """The real store, which notes its commits and can be held up before one."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine)
        self.commits: list[int] = []
        self.gate = threading.Event()
        self.gate.set()

    def commit(self, entries: Sequence[Entry], settlements: Sequence[Settlement] = ()) -> None:
        self.gate.wait(20)
        self.commits.append(len(entries) + len(settlements))
        super().commit(entries, settlements)


@pytest.fixture
def store(database: Engine) -> Watched:
    return Watched(database)


def entry(tenant: str = "t", events: int = 1, received_at: int = 1_000, row: bytes = b"row") -> Entry:
    keys = b"".join(uuid.uuid4().bytes for _ in range(events))
    return Entry(tenant, received_at, events, keys, b"\n".join([row] * events), {"received": events})


def journal_of(store: JournalStore, disk: Path, min_free_disk: int = 0, max_waiting: int = 1_000_000) -> Journal:
    return Journal(store, disk, min_free_disk, max_waiting)


def run(journal: Journal, act: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
    """Opens the journal, does something in its loop, and closes it."""

    async def inside() -> Any:
        journal.open(asyncio.get_running_loop())
        try:
            return await act()
        finally:
            await asyncio.to_thread(journal.close)

    return asyncio.run(inside())


async def outcome(waiting: Coroutine[Any, Any, None]) -> str:
    """The code of the error that a request met, or `ok`."""
    try:
        await waiting
    except AuricleError as error:
        return error.code
    return "ok"


def test_what_was_appended_is_on_disk(store: Watched, tmp_path: Path) -> None:
    journal = journal_of(store, tmp_path)
    written = entry(events=3)

    async def act() -> None:
        await journal.append(written)
        assert [block.keys for block in store.blocks(10, 1_000)] == [written.keys]

    run(journal, act)
    assert (journal.waiting, journal.oldest, journal.written.is_set()) == (3, 1_000, True)


def test_requests_of_one_moment_share_a_commit(store: Watched, tmp_path: Path) -> None:
    journal = journal_of(store, tmp_path)

    async def act() -> list[str]:
        store.gate.clear()
        first = asyncio.create_task(outcome(journal.append(entry())))
        await asyncio.sleep(0.1)  # the first commit is on its way
        others = [asyncio.create_task(outcome(journal.append(entry()))) for _ in range(50)]
        await asyncio.sleep(0.1)
        assert not any(task.done() for task in (first, *others))
        store.gate.set()
        return list(await asyncio.gather(first, *others))

    assert run(journal, act) == ["ok"] * 51
    assert store.commits == [1, 50]
    assert store.counts("t") == {"received": 51, "waiting": 51}


def test_a_commit_takes_only_so_many_bytes(store: Watched, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("auricle.intake.journal.GROUP_BYTES", 2_500)
    journal = journal_of(store, tmp_path)

    async def act() -> None:
        store.gate.clear()
        tasks = [asyncio.create_task(journal.append(entry(row=b"r" * 1_000)))]
        await asyncio.sleep(0.1)
        tasks += [asyncio.create_task(journal.append(entry(row=b"r" * 1_000))) for _ in range(7)]
        await asyncio.sleep(0.1)
        store.gate.set()
        await asyncio.gather(*tasks)

    run(journal, act)
    assert store.commits == [1, 3, 3, 1]


def test_a_commit_that_fails_fails_exactly_its_own(store: Watched, database: Engine, tmp_path: Path) -> None:
    journal = journal_of(store, tmp_path)

    async def act() -> list[list[str]]:
        told = [[await outcome(journal.append(entry()))]]
        with database.begin() as connection:
            connection.execute(text("ALTER TABLE tallies RENAME TO away"))
        store.gate.clear()
        tasks = [asyncio.create_task(outcome(journal.append(entry()))) for _ in range(5)]
        await asyncio.sleep(0.1)
        store.gate.set()
        told.append(list(await asyncio.gather(*tasks)))
        with database.begin() as connection:
            connection.execute(text("ALTER TABLE away RENAME TO tallies"))
        told.append([await outcome(journal.append(entry()))])
        return told

    assert run(journal, act) == [["ok"], ["unavailable"] * 5, ["ok"]]
    assert store.counts("t") == {"received": 2, "waiting": 2}
    assert journal.waiting == 2


def test_the_writer_outlives_whatever_one_group_holds(store: Watched, tmp_path: Path) -> None:
    journal = journal_of(store, tmp_path)
    broken = Entry("t", 1, 1, b"k" * 16, b"r", {"received": object()})  # type: ignore[dict-item]

    async def act() -> list[str]:
        return [await outcome(journal.append(each)) for each in (broken, entry())]

    assert run(journal, act) == ["unavailable", "ok"]
    assert store.counts("t") == {"received": 1, "waiting": 1}


def test_a_full_database_refuses_and_heals(settings: Settings, tmp_path: Path) -> None:
    engine = open_database(settings)
    store = Watched(engine)
    journal = journal_of(store, tmp_path)

    def limit(pages: int) -> None:
        with engine.connect() as connection:
            connection.exec_driver_sql(f"PRAGMA max_page_count={pages}")
            connection.commit()

    async def act() -> list[str]:
        told = [await outcome(journal.append(entry()))]
        with engine.connect() as connection:
            pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        limit(pages + 1)
        told.append(await outcome(journal.append(entry(row=b"r" * 200_000))))
        limit(1_000_000)
        told.append(await outcome(journal.append(entry(row=b"r" * 200_000))))
        return told

    assert run(journal, act) == ["ok", "storage_full", "ok"]
    assert store.counts("t") == {"received": 2, "waiting": 2}
    engine.dispose()


def test_a_disk_that_is_nearly_full_takes_no_events(store: Watched, tmp_path: Path) -> None:
    journal = journal_of(store, tmp_path, min_free_disk=1 << 60)

    async def act() -> StorageFull:
        await journal.append(Entry("t", 1, 0, b"", b"", {"received": 1, "rejected": 1}))  # counts are always written
        with pytest.raises(StorageFull) as refused:
            await journal.append(entry())
        return refused.value

    told = run(journal, act)
    assert (told.status, told.transient, told.retry_after) == (507, True, 10)
    assert store.counts("t") == {"received": 1, "rejected": 1, "waiting": 0}


def test_only_so_many_may_wait(store: Watched, tmp_path: Path) -> None:
    journal = journal_of(store, tmp_path, max_waiting=1_000)

    async def act() -> list[str]:
        return [await outcome(journal.append(entry(events=events))) for events in (600, 401, 400, 1)]

    assert run(journal, act) == ["ok", "unavailable", "ok", "unavailable"]
    assert store.counts("t") == {"received": 1_000, "waiting": 1_000}
    assert journal_of(store, tmp_path).waiting == 1_000


def test_closing_writes_what_is_queued(store: Watched, tmp_path: Path) -> None:
    journal = journal_of(store, tmp_path)

    async def act() -> list[str]:
        journal.open(asyncio.get_running_loop())
        store.gate.clear()
        tasks = [asyncio.create_task(outcome(journal.append(entry()))) for _ in range(20)]
        await asyncio.sleep(0.1)
        closing = asyncio.create_task(asyncio.to_thread(journal.close))
        await asyncio.sleep(0.1)
        assert await outcome(journal.append(entry())) == "unavailable"
        store.gate.set()
        await closing
        return list(await asyncio.gather(*tasks))

    assert asyncio.run(act()) == ["ok"] * 20
    assert store.counts("t") == {"received": 20, "waiting": 20}


def test_before_it_is_open_nothing_is_taken(store: Watched, tmp_path: Path) -> None:
    with pytest.raises(Unavailable):
        asyncio.run(journal_of(store, tmp_path).append(entry()))
    assert store.commits == []


def test_a_request_that_goes_away_takes_nothing_along(store: Watched, tmp_path: Path) -> None:
    journal = journal_of(store, tmp_path)

    async def act() -> str:
        store.gate.clear()
        gone = asyncio.create_task(journal.append(entry()))
        await asyncio.sleep(0.05)
        stays = asyncio.create_task(outcome(journal.append(entry())))
        await asyncio.sleep(0.05)
        gone.cancel()
        with pytest.raises(asyncio.CancelledError):
            await gone
        store.gate.set()
        return await stays

    assert run(journal, act) == "ok"
    assert store.counts("t") == {"received": 2, "waiting": 2}


def settle(journal: Journal, blocks: Sequence[Block], poison: tuple[tuple[Block, str], ...] = ()) -> None:
    tally: dict[tuple[str, str], int] = {}
    for block in blocks:
        tally[block.tenant_id, "stored"] = tally.get((block.tenant_id, "stored"), 0) + block.events
    for block, _ in poison:
        tally[block.tenant_id, "stored"] -= block.events
    journal.settle(Settlement(tuple(block.id for block in blocks), tally, poison))


def test_settling_takes_from_what_waits(store: Watched, tmp_path: Path) -> None:
    journal = journal_of(store, tmp_path)

    async def act() -> list[tuple[int, int | None]]:
        told = []
        for number in (1, 2, 3):
            await journal.append(entry(events=number, received_at=number * 10))
        for _ in range(3):
            told.append((journal.waiting, journal.oldest))
            await asyncio.to_thread(settle, journal, store.blocks(1, 1))
        return [*told, (journal.waiting, journal.oldest)]

    assert run(journal, act) == [(6, 10), (5, 20), (3, 30), (0, None)]


def test_the_oldest_is_the_oldest_of_all_that_wait(store: Watched, tmp_path: Path) -> None:
    """Blocks are a tenant's, so settling some of a commit's blocks does not settle its first entries."""
    journal = journal_of(store, tmp_path)

    async def act() -> list[int | None]:
        store.gate.clear()
        tasks = [asyncio.create_task(journal.append(entry("z", received_at=5)))]
        await asyncio.sleep(0.05)
        for tenant, received_at in (("a", 10), ("b", 20), ("a", 30)):
            tasks.append(asyncio.create_task(journal.append(entry(tenant, received_at=received_at))))
            await asyncio.sleep(0)
        store.gate.set()
        await asyncio.gather(*tasks)
        told = [journal.oldest]
        for _ in range(3):
            await asyncio.to_thread(settle, journal, store.blocks(1, 1))
            told.append(journal.oldest)
        return told

    told = run(journal, act)
    assert [store.waiting().events, told[0], told[1]] == [0, 5, 10]
    assert told[2] is not None
    assert told[2] <= 20, "b, received at 20, still waits"
    assert told[3] is None


def test_one_that_overtakes_does_not_hide_an_older_one(store: Watched, tmp_path: Path) -> None:
    journal = journal_of(store, tmp_path)

    async def act() -> None:
        await journal.append(entry(received_at=20))
        await journal.append(entry(received_at=10))

    run(journal, act)
    assert journal.oldest == 10


def test_poison_no_longer_counts_as_on_its_way(store: Watched, tmp_path: Path) -> None:
    journal = journal_of(store, tmp_path)

    async def act() -> list[tuple[int, int | None]]:
        await journal.append(entry(events=3, received_at=10))
        (block,) = store.blocks(10, 1_000)
        bad = Block(0, "t", 11, 1, b"p" * 16, b"poison")
        await asyncio.to_thread(settle, journal, [block], ((bad, "why"),))
        await journal.append(entry(events=1, received_at=20))
        now = (journal.waiting, journal.oldest)
        later = journal_of(store, tmp_path)
        return [now, (later.waiting, later.oldest)]

    assert run(journal, act) == [(1, 20), (1, 20)]
    assert store.counts("t") == {"received": 4, "stored": 2, "waiting": 2}


def test_a_settlement_that_fails_says_so(store: Watched, database: Engine, tmp_path: Path) -> None:
    journal = journal_of(store, tmp_path)

    async def act() -> None:
        await journal.append(entry())
        blocks = store.blocks(10, 1_000)
        with database.begin() as connection:
            connection.execute(text("ALTER TABLE tallies RENAME TO away"))
        with pytest.raises(Unavailable):
            await asyncio.to_thread(settle, journal, blocks)
        with database.begin() as connection:
            connection.execute(text("ALTER TABLE away RENAME TO tallies"))
        assert (journal.waiting, store.blocks(10, 1_000)) == (1, blocks)
        await asyncio.to_thread(settle, journal, blocks)

    run(journal, act)
    assert (journal.waiting, store.counts("t")) == (0, {"received": 1, "stored": 1, "waiting": 0})


def test_an_idle_journal_commits_at_once(store: Watched, tmp_path: Path) -> None:
    journal = journal_of(store, tmp_path)

    async def act() -> float:
        await journal.append(entry())
        began = time.perf_counter()
        await journal.append(entry())
        return time.perf_counter() - began

    assert run(journal, act) < 0.2
