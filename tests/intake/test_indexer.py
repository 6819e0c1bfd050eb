"""The indexer on the real engine: each event once, whatever is killed when, and a bad row costs no neighbour."""

import asyncio
import contextlib
import uuid
import zlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from sqlalchemy import Engine

from auricle.errors import StorageFull, Unavailable
from auricle.intake.dedupe import SeenFilter
from auricle.intake.indexer import Indexer
from auricle.intake.journal import Journal
from auricle.intake.row import body_of, line_of
from auricle.model.event import Event
from auricle.model.statement import Statement
from auricle.settings import Settings
from auricle.store.events import EventStore
from auricle.store.journal import Entry, JournalStore
from auricle.store.rollup import RollupStore
from running import retire, wait_until

NOW = 1_780_000_000_000_000


class Crash(BaseException):
    """The process is killed here."""


class Rig:
    """A journal, its indexer, and the real engine; the indexer may be run step by step."""

    def __init__(self, database: Engine, events: EventStore, disk: Path, tenant: str, rows: int = 50_000) -> None:
        self.database, self.events, self.disk, self.tenant, self.rows = database, events, disk, tenant, rows
        self.clock = NOW
        self.open()

    def open(self) -> None:
        """As after a start: nothing is remembered but what is on disk."""
        self.store = JournalStore(self.database)
        self.journal = Journal(self.store, self.disk, 0, 1_000_000)
        self.seen = SeenFilter()
        self.indexer = Indexer(
            self.events, self.store, self.journal, self.seen, RollupStore(self.database), 0.0, self.rows
        )
        self.journal.open(asyncio.new_event_loop())

    def close(self) -> None:
        self.journal.close()
        assert self.journal._loop is not None
        self.journal._loop.close()

    def restart(self) -> None:
        self.close()
        self.open()

    def write(self, *events: Event, spoil: Callable[[bytes], bytes] | None = None) -> None:
        """Accepts events, as one entry."""
        lines = []
        for event in events:
            self.clock += 1
            lines.append(line_of(body_of(event), event.occurred_at, self.clock))
        if spoil:
            lines = [spoil(line) for line in lines]
        keys = b"".join(event.key for event in events)
        first = self.clock - len(events) + 1
        tally = {"received": len(events)}
        self.store.commit([Entry(self.tenant, first, len(events), keys, b"\n".join(lines), tally)])

    def event(self, **more: object) -> Event:
        plain = Event(self.tenant, str(uuid.uuid4()), "page_view", NOW, "", "", "", "web", "", {}, {})
        return plain._replace(**more)  # type: ignore[arg-type]

    def step(self) -> None:
        """Fills the filter when that was not done, and drains one insert's worth."""
        self.indexer._fill_filter()
        self.indexer._step()

    @property
    def counts(self) -> dict[str, int]:
        """The counts that are not nought, which must add up."""
        told = {verdict: events for verdict, events in self.store.counts(self.tenant).items() if events}
        assert told.get("received", 0) == sum(told.values()) - told.get("received", 0), told
        return told

    @property
    def stored(self) -> list[str]:
        """The ids that reports count, as often as they do."""
        sql = "SELECT toString(event_id) FROM events WHERE tenant_id = {t:String} ORDER BY received_at"
        rows = asyncio.run(self.events.read(Statement(sql, {"t": self.tenant})))
        return [row[0] for row in rows.rows]


@pytest.fixture
def rig(database: Engine, events: EventStore, tmp_path: Path, tenant: str) -> Iterator[Rig]:
    made = Rig(database, events, tmp_path, tenant)
    yield made
    made.close()


def ids(events: Sequence[Event]) -> list[str]:
    return [event.event_id for event in events]


def test_what_was_accepted_is_stored_in_order(rig: Rig) -> None:
    told = [rig.event() for _ in range(5)]
    rig.write(*told[:3])
    rig.write(*told[3:])
    rig.step()
    assert (rig.stored, rig.counts, rig.store.blocks(10, 10)) == (ids(told), {"received": 5, "stored": 5}, [])


def test_a_repetition_in_one_merge_is_a_duplicate(rig: Rig) -> None:
    one, other = rig.event(), rig.event()
    rig.write(one)
    rig.write(other, one)
    rig.write(one._replace(attributes={"another": "body"}))
    rig.step()
    assert (rig.stored, rig.counts) == (ids([one, other]), {"received": 4, "stored": 2, "duplicate": 2})
    assert rig.events.find([(rig.tenant, one.event_id)])[0][0] == one  # the first one stands


def test_a_repetition_in_a_later_merge_is_a_duplicate(rig: Rig) -> None:
    told = [rig.event() for _ in range(3)]
    for number in range(4):
        rig.write(*told, rig.event())
        rig.step()
        assert rig.counts.get("duplicate", 0) == number * 3
    assert (len(rig.stored), len(set(rig.stored))) == (7, 7)


def test_a_repetition_after_a_restart_is_a_duplicate(rig: Rig) -> None:
    told = [rig.event() for _ in range(3)]
    rig.write(*told)
    rig.step()
    rig.restart()
    rig.write(*told)
    rig.step()
    assert (rig.stored, rig.counts) == (ids(told), {"received": 6, "stored": 3, "duplicate": 3})


def test_a_repetition_of_what_is_no_longer_kept_is_a_duplicate(rig: Rig) -> None:
    told = [rig.event() for _ in range(3)]
    rig.write(*told)
    rig.step()
    retire(rig.events, *told[:2])
    for _ in range(2):
        rig.write(*told, rig.event())
        rig.step()
        rig.restart()
    assert (len(rig.stored), rig.counts) == (3, {"received": 11, "stored": 5, "duplicate": 6})


def test_the_same_id_of_two_tenants_is_two_events(rig: Rig) -> None:
    one = rig.event()
    other = one._replace(tenant_id=rig.tenant + "-2")
    rig.write(one)
    line = line_of(body_of(other), other.occurred_at, NOW + 99)
    rig.store.commit([Entry(other.tenant_id, NOW + 99, 1, other.key, line, {"received": 1})])
    rig.step()
    assert (rig.stored, rig.counts) == (ids([one]), {"received": 1, "stored": 1})
    assert rig.events.find([(other.tenant_id, other.event_id)]) == [(other, NOW + 99)]


@pytest.mark.parametrize("after", [pytest.param(True, id="after the insert"), pytest.param(False, id="before it")])
@pytest.mark.parametrize("known", [pytest.param(0, id="all new"), pytest.param(2, id="some told before")])
def test_a_crash_repeats_nothing_and_loses_nothing(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, after: bool, known: int
) -> None:
    told = [rig.event() for _ in range(5)]
    if known:
        rig.write(*told[:known])
        rig.step()
    insert = rig.events.insert

    def crash(rows: bytes, token: str) -> None:
        if after:
            insert(rows, token)
        raise Crash

    rig.write(*told)
    for _ in range(3):  # and again at the next start
        with monkeypatch.context() as patch:
            patch.setattr(rig.events, "insert", crash)
            with contextlib.suppress(Crash):  # once the rows are there nothing is left to insert, and it settles
                rig.step()
        rig.restart()
    if rig.store.blocks(10, 10):
        rig.step()
    expected = {"received": 5 + known, "stored": 5} | ({"duplicate": known} if known else {})
    assert (sorted(rig.stored), rig.counts) == (sorted(ids(told)), expected)


def test_new_blocks_after_a_crash_do_not_make_the_old_ones_count_twice(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is merged the second time is not what was merged the first time, so no token can help."""
    first, second = [rig.event() for _ in range(3)], [rig.event() for _ in range(2)]
    rig.write(*first)
    with monkeypatch.context() as patch:
        patch.setattr(rig.journal, "settle", lambda _: (_ for _ in ()).throw(Crash))
        with pytest.raises(Crash):
            rig.step()
    rig.restart()
    rig.write(*second)
    rig.step()
    assert (sorted(rig.stored), rig.counts) == (sorted(ids(first + second)), {"received": 5, "stored": 5})


def test_a_failed_settlement_in_the_same_process_counts_once(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """The thread goes on by itself after an error; what the engine has is then in doubt."""
    told = [rig.event() for _ in range(4)]
    settle, failures = rig.journal.settle, [Unavailable("full"), Unavailable("full")]

    def fail(settlement: object) -> None:
        if failures:
            raise failures.pop()
        settle(settlement)  # type: ignore[arg-type]

    monkeypatch.setattr(rig.journal, "settle", fail)
    rig.write(*told)
    rig.indexer.start()
    wait_until(lambda: not failures and rig.counts.get("stored") == 4)
    rig.indexer.stop()
    assert (rig.stored, rig.counts, rig.indexer.trouble) == (ids(told), {"received": 4, "stored": 4}, None)


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(lambda line: line.replace(b'"1780000000.000000"', b'"yesterday"'), id="no time"),
        pytest.param(lambda line: line[:1] + b'"' + line[2:].replace(b'","', b'"', 1), id="no JSON"),
        pytest.param(lambda line: line.replace(b'"web",', b""), id="a column less"),
    ],
)
@pytest.mark.parametrize("place", [0, 3, 6])
def test_a_row_the_engine_cannot_read_is_set_aside(rig: Rig, spoil: Callable[[bytes], bytes], place: int) -> None:
    good = [rig.event() for _ in range(6)]
    bad = rig.event()
    rig.write(*good[:place]) if place else None
    rig.write(bad, spoil=spoil)
    rig.write(*good[place:]) if place < 6 else None
    rig.step()
    assert (rig.stored, rig.counts) == (ids(good), {"received": 7, "stored": 6, "waiting": 1})
    ((tenant, key, _),) = rig.store.every_key()
    assert (tenant, key, rig.store.blocks(10, 10)) == (rig.tenant, bad.key, [])
    rig.write(rig.event())
    rig.step()
    assert rig.counts == {"received": 8, "stored": 7, "waiting": 1}


def test_two_bad_rows_among_many_and_a_repetition(rig: Rig) -> None:
    good = [rig.event() for _ in range(20)]
    rig.write(*good[:7])
    rig.write(rig.event(), spoil=lambda line: line.replace(b'"web",', b""))
    rig.write(*good[7:], good[0])
    rig.write(rig.event(), spoil=lambda line: line.replace(b'"1780000000.000000"', b"[]"))
    rig.step()
    assert (rig.stored, rig.counts) == (ids(good), {"received": 23, "stored": 20, "duplicate": 1, "waiting": 2})


def test_an_insert_has_only_so_many_rows(database: Engine, events: EventStore, tmp_path: Path, tenant: str) -> None:
    rig = Rig(database, events, tmp_path, tenant, rows=4)
    told = [rig.event() for _ in range(9)]
    for number in range(0, 9, 3):
        rig.write(*told[number : number + 3])
    for expected in (3, 6, 9):
        rig.step()
        assert len(rig.stored) == expected
    rig.close()


def test_the_thread_drains_and_stops(rig: Rig) -> None:
    rig.indexer.start()
    told = [rig.event() for _ in range(30)]
    for event in told:
        rig.write(event)
        rig.journal.written.set()
    wait_until(lambda: rig.counts.get("stored") == 30)
    rig.indexer.stop()
    assert (rig.stored, rig.seen.complete) == (ids(told), True)


def test_without_an_engine_it_tells_its_trouble_and_waits(database: Engine, settings: Settings, tmp_path: Path) -> None:
    away = EventStore(settings)  # never started
    rig = Rig(database, away, tmp_path, "t")
    rig.write(rig.event())
    rig.indexer.start()
    wait_until(lambda: rig.indexer.trouble)
    rig.indexer.stop()
    assert rig.indexer.trouble == "The event store is starting; events are accepted meanwhile."
    assert rig.counts == {"received": 1, "waiting": 1}
    rig.close()


def test_on_a_nearly_full_disk_events_wait(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    told = rig.event()
    rig.write(told)
    with monkeypatch.context() as full:
        full.setattr(rig.journal, "_min_free_disk", 1 << 60)
        with pytest.raises(StorageFull):
            rig.step()
    assert (rig.stored, rig.counts) == ([], {"received": 1, "waiting": 1})
    rig.step()
    assert (rig.stored, rig.counts) == (ids([told]), {"received": 1, "stored": 1})


def test_rows_that_the_engine_takes_for_done_are_written_again(rig: Rig) -> None:
    """An insert that failed half-way may leave its token behind, and the engine then drops the repetition."""
    told = [rig.event() for _ in range(3)]
    rig.write(*told)
    (block,) = rig.store.blocks(10, 1_000_000)
    token = f"{rig.store.identity}:{block.id}-{block.id}:3:{zlib.crc32(block.rows)}"
    stranger = Event(f"{rig.tenant}-other", str(uuid.uuid4()), "page_view", NOW, "", "", "", "web", "", {}, {})
    rig.events.insert(line_of(body_of(stranger), NOW, NOW), token)
    rig.events.insert(block.rows, token)
    assert rig.stored == []  # so the engine does drop them
    rig.step()
    assert (rig.stored, rig.counts) == (ids(told), {"received": 3, "stored": 3})


def test_a_block_older_than_the_rollups_has_its_tenant_made_anew(rig: Rig) -> None:
    rollups = RollupStore(rig.database)
    assert rollups.land(None, 0, None, rig.clock)
    rollups.aim(rig.clock)
    rig.write(rig.event())
    rig.step()
    assert rollups.coverage(rig.tenant) is not None
    rollups.aim(rig.clock + 1)
    rig.write(rig.event())
    rig.step()
    assert (rollups.coverage(rig.tenant), len(rollups.holding().stale)) == (None, 1)
