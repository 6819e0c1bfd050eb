"""The intake: what each event is told, whatever other requests do at the same moment, and whatever fails."""

import asyncio
import threading
import uuid
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from auricle import clock
from auricle.errors import AuricleError, StorageFull, Unavailable
from auricle.intake.dedupe import SeenFilter, halves
from auricle.intake.door import Door, open_door
from auricle.intake.inbox import Inbox
from auricle.intake.indexer import Indexer
from auricle.intake.intake import Intake
from auricle.intake.journal import Journal
from auricle.intake.schemas import Registry
from auricle.intake.times import format_rfc3339
from auricle.model.event import key_of
from auricle.model.principal import SCOPES, Kind, Principal
from auricle.model.receipt import Reason, Receipt, Status
from auricle.model.statement import Statement
from auricle.settings import Settings
from auricle.store.database import open_database
from auricle.store.events import EventStore
from auricle.store.inbox import InboxStore
from auricle.store.journal import Entry, JournalStore, Settlement
from auricle.store.rollup import RollupStore
from running import retire, wait_until

REGISTRY = Registry.load()


class Held(JournalStore):
    """The real store, held up before a commit while the gate is shut; then it may be full."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine)
        self.gate = threading.Event()
        self.gate.set()
        self.full = False

    def commit(self, entries: Sequence[Entry], settlements: Sequence[Settlement] = ()) -> None:
        self.gate.wait(20)
        if self.full:
            raise StorageFull("The disk is full.", retry_after=10)
        super().commit(entries, settlements)


class Rig:
    """An intake with its journal, and an indexer that is run by hand."""

    def __init__(self, database: Engine, events: EventStore, disk: Path, tenant: str) -> None:
        self.database, self.events, self.disk, self.tenant = database, events, disk, tenant
        self.open()

    def open(self) -> None:
        self.store = Held(self.database)
        self.seen = SeenFilter()
        self.journal = Journal(self.store, self.disk, 0, 1_000_000)
        self.indexer = Indexer(
            self.events, self.store, self.journal, self.seen, RollupStore(self.database), 0.0, 50_000
        )
        self.inbox = Inbox(InboxStore(self.database), 1_000, 1_000_000)
        self.intake = Intake(self.journal, self.store, self.events, self.seen, self.inbox)
        self.intake.load()

    def door(self, received_at: int, sent_at: int | None = None) -> Door:
        principal = Principal(self.tenant, "key", SCOPES[Kind.INGEST])
        return open_door(REGISTRY, Settings(), principal, received_at=received_at, new_id=clock.new_id, sent_at=sent_at)

    async def take(self, *raw: Any, sent_at: int | None = None) -> list[Receipt | None]:
        return await self.intake.take(raw, lambda received_at: self.door(received_at, sent_at))

    def run(self, act: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
        """Opens the journal, does something in its loop, and closes it: one life of a process."""

        async def inside() -> Any:
            self.journal.open(asyncio.get_running_loop())
            try:
                return await act()
            finally:
                self.store.gate.set()
                await asyncio.to_thread(self.journal.close)

        return asyncio.run(inside())

    async def index(self) -> None:
        """Drains the journal into the engine."""
        await asyncio.to_thread(self.indexer._fill_filter)
        while await asyncio.to_thread(self.store.blocks, 1, 1):
            await asyncio.to_thread(self.indexer._step)

    @property
    def counts(self) -> dict[str, int]:
        told = {verdict: events for verdict, events in self.store.counts(self.tenant).items() if events}
        assert told.get("received", 0) == sum(told.values()) - told.get("received", 0), told
        return told


@pytest.fixture
def rig(database: Engine, events: EventStore, tmp_path: Path, tenant: str) -> Rig:
    made = Rig(database, events, tmp_path, tenant)
    made.seen.complete = True  # nothing of this tenant is stored yet
    return made


def raw(**more: Any) -> dict[str, Any]:
    told = {
        "event_id": str(uuid.uuid4()),
        "event_name": "page_view",
        "occurred_at": format_rfc3339(clock.micros()),
        "source": "web",
        "attributes": {"page": "/"},
    }
    return told | more


def duplicate(index: int, event: dict[str, Any], conflict: bool = False) -> Receipt:
    return Receipt(index, event["event_id"], Status.DUPLICATE, conflict=conflict)


async def told(waiting: Coroutine[Any, Any, Any]) -> Any:
    """The receipts, or the code of the error."""
    try:
        return await waiting
    except AuricleError as error:
        return error.code


def test_every_event_is_told_what_became_of_it(rig: Rig) -> None:
    first, second = raw(), raw()
    quiet = raw(context={"consent": {"analytics": False}})
    wrong = raw(source="carrier pigeon")

    async def act() -> Any:
        return await rig.take(first, wrong, first | {"attributes": {"page": "/2"}}, 7, quiet, second, second)

    receipts = rig.run(act)
    plain = [(r.index, r.event_id, r.status, r.reason, r.conflict) if r else None for r in receipts]
    assert plain == [
        None,
        (1, wrong["event_id"], Status.REJECTED, Reason.ENVELOPE, False),
        (2, first["event_id"], Status.DUPLICATE, None, True),
        (3, None, Status.REJECTED, Reason.NOT_AN_OBJECT, False),
        (4, quiet["event_id"], Status.DROPPED, Reason.NO_CONSENT, False),
        None,
        (6, second["event_id"], Status.DUPLICATE, None, False),
    ]
    expected = {"received": 7, "rejected": 2, "dropped": 1, "duplicate": 2, "waiting": 2}
    assert rig.counts == expected


def test_a_retry_is_a_duplicate_before_and_after_the_engine_has_it(rig: Rig) -> None:
    event = raw()
    other = event | {"attributes": {"page": "/other"}}

    async def act() -> Any:
        answers = [await rig.take(event), await rig.take(event), await rig.take(other)]
        await rig.index()
        answers += [await rig.take(event)]
        rig.intake._window.rotate(1e9, clock.micros())
        rig.intake._window.rotate(2e9, clock.micros())
        assert len(rig.intake._window) == 0  # from here on the filter and the store must know
        return [*answers, await rig.take(event), await rig.take(other)]

    same, conflict = duplicate(0, event), duplicate(0, event, conflict=True)
    assert rig.run(act) == [
        [None],
        [same],
        [conflict],
        [same],
        [same],
        [conflict],
    ]
    assert rig.counts == {"received": 6, "stored": 1, "duplicate": 5}


def test_a_retry_with_a_corrected_clock_is_no_conflict(rig: Rig) -> None:
    hour = 3_600_000_000
    event = raw(occurred_at=format_rfc3339(clock.micros() - hour))  # its clock is an hour late

    async def act() -> Any:
        answers = []
        for sent_at in (clock.micros() - hour, clock.micros() - hour + 1):
            answers.append(await rig.take(event, sent_at=sent_at))
        return answers

    assert rig.run(act) == [[None], [duplicate(0, event)]]


@pytest.mark.parametrize(
    ("full", "first", "second", "counts"),
    [
        pytest.param(False, [None], Status.DUPLICATE, {"received": 3, "duplicate": 2, "waiting": 1}, id="written"),
        pytest.param(True, "storage_full", Status.RETRY, {"received": 1, "waiting": 1}, id="full"),
    ],
)
def test_the_same_id_of_two_requests_at_once(
    rig: Rig, full: bool, first: Any, second: Status, counts: dict[str, int]
) -> None:
    """Only when the first is on disk is the second told that it is a duplicate; else neither would be kept."""
    event = raw()

    async def act() -> Any:
        rig.store.gate.clear()
        one = asyncio.create_task(told(rig.take(event)))
        await asyncio.sleep(0.05)
        rig.store.full = full
        two = asyncio.create_task(told(rig.take(event)))
        await asyncio.sleep(0.05)
        assert not one.done()
        assert not two.done()
        rig.store.gate.set()
        await asyncio.wait([one])
        rig.store.full = False
        return await one, await two, await rig.take(event)

    one, two, retry = rig.run(act)
    again = [None] if full else [duplicate(0, event)]
    assert (one, retry, rig.counts) == (first, again, counts)
    # What the second was told of: a retry, unless its own write met the full disk too.
    assert two == "storage_full" if isinstance(two, str) else two[0].status is second


def test_neighbours_of_an_id_that_must_be_retried_are_kept(rig: Rig) -> None:
    event, neighbour = raw(), raw()

    async def act() -> Any:
        rig.store.gate.clear()
        rig.store.full = True
        one = asyncio.create_task(told(rig.take(event)))
        await asyncio.sleep(0.05)
        two = asyncio.create_task(told(rig.take(neighbour, event)))
        await asyncio.sleep(0.05)
        commit = rig.store.commit

        def heal(entries: Sequence[Entry], settlements: Sequence[Settlement] = ()) -> None:
            rig.store.full = False
            rig.store.commit = commit  # type: ignore[method-assign]
            commit(entries, settlements)

        rig.store.commit = heal  # type: ignore[method-assign]
        rig.store.gate.set()
        return await one, await two

    assert rig.run(act) == ("storage_full", [None, Receipt(1, None, Status.RETRY)])
    assert rig.counts == {"received": 1, "waiting": 1}


def test_a_write_that_fails_leaves_everything_new(rig: Rig) -> None:
    events = [raw() for _ in range(3)]

    async def act() -> Any:
        rig.store.full = True
        answers = [await told(rig.take(*events)), await told(rig.take(*events))]
        rig.store.full = False
        return [*answers, await rig.take(*events)]

    assert rig.run(act) == ["storage_full", "storage_full", [None] * 3]
    assert rig.counts == {"received": 3, "waiting": 3}


def test_a_client_that_hangs_up_while_its_event_is_written_changes_nothing(rig: Rig) -> None:
    event = raw()

    async def act() -> Any:
        rig.store.gate.clear()
        gone = asyncio.create_task(rig.take(event))
        await asyncio.sleep(0.05)
        gone.cancel()
        await asyncio.wait([gone])
        retry = asyncio.create_task(told(rig.take(event)))
        await asyncio.sleep(0.05)
        rig.store.gate.set()
        answers = [await retry]
        await rig.index()
        return [*answers, await rig.take(event)]

    answers = rig.run(act)
    assert answers[-1] == [duplicate(0, event)]
    assert rig.counts["stored"] == 1


def test_many_requests_with_the_same_ids_at_once(rig: Rig) -> None:
    events = [raw() for _ in range(10)]

    async def act() -> Any:
        answers = await asyncio.gather(*(rig.take(*events) for _ in range(8)))
        await rig.index()
        return answers

    answers = rig.run(act)
    assert [sum(receipts[n] is None for receipts in answers) for n in range(10)] == [1] * 10
    assert rig.counts == {"received": 80, "stored": 10, "duplicate": 70}


def test_while_the_engine_is_away_events_are_taken(database: Engine, settings: Settings, tmp_path: Path) -> None:
    rig = Rig(database, EventStore(settings), tmp_path, "t")  # it never started, so every id is suspected
    event = raw()

    async def act() -> Any:
        answers = [await rig.take(event), await rig.take(event)]
        fates = [await rig.intake.fate("t", event["event_id"])]
        with pytest.raises(Unavailable):
            await rig.intake.fate("t", str(uuid.uuid4()))
        return answers, fates

    assert rig.run(act) == ([[None], [duplicate(0, event)]], [{"fate": "waiting"}])


def test_while_the_engine_is_away_a_likely_repetition_is_asked_for_again(
    database: Engine, settings: Settings, tmp_path: Path
) -> None:
    rig = Rig(database, EventStore(settings), tmp_path, "t")
    old, new = raw(), raw()
    rig.seen.add(halves(key_of(old["event_id"])))
    rig.seen.complete = True

    async def act() -> Any:
        return [await rig.take(old), await rig.take(new, old, old), await rig.take(new)]

    again = [Receipt(index, old["event_id"], Status.RETRY) for index in range(3)]
    assert rig.run(act) == [[again[0]], [None, again[1], again[2]], [duplicate(0, new)]]
    assert rig.counts == {"received": 2, "duplicate": 1, "waiting": 1}


def test_after_a_restart_what_waits_is_known(rig: Rig) -> None:
    waiting, stored = raw(), raw()

    async def before() -> None:
        await rig.take(stored)
        await rig.index()
        await rig.take(waiting)

    async def after() -> Any:
        other = waiting | {"attributes": {"page": "/other"}}
        answers = [await rig.take(waiting), await rig.take(other), await rig.take(stored)]
        await rig.index()
        return [*answers, await rig.take(waiting, stored)]

    rig.run(before)
    rig.open()
    assert rig.run(after) == [
        [duplicate(0, waiting)],
        [duplicate(0, waiting, conflict=True)],
        [duplicate(0, stored)],
        [duplicate(0, waiting), duplicate(1, stored)],
    ]
    assert rig.counts == {"received": 7, "stored": 2, "duplicate": 5}


def test_what_is_no_longer_kept_is_told_duplicate_and_expired(rig: Rig) -> None:
    events = [raw() for _ in range(2)]

    async def act() -> Any:
        await rig.take(*events)
        await rig.index()
        ids = [(rig.tenant, event["event_id"]) for event in events]
        await asyncio.to_thread(retire, rig.events, *(one for one, _ in rig.events.find(ids)))

    async def again() -> Any:
        await rig.index()
        fates = [await rig.intake.fate(f"{rig.tenant}{more}", events[0]["event_id"]) for more in ("", "-other")]
        # Nobody can say any more whether the body is another one.
        return fates, await rig.take(events[0], {**events[1], "attributes": {"page": "/other"}})

    rig.run(act)
    rig.open()
    assert rig.run(again) == (
        [{"fate": "expired"}, None],
        [duplicate(0, events[0]), duplicate(1, events[1])],
    )
    assert rig.counts == {"received": 4, "stored": 2, "duplicate": 2}


def test_the_fate_of_an_event_in_each_state(rig: Rig) -> None:
    event, wrong = raw(attributes={"page": "/fate"}), raw(source="pigeon")
    quiet = raw(context={"consent": {"analytics": False}})

    async def fate(of: dict[str, Any], tenant: str | None = None) -> Any:
        found = await rig.intake.fate(tenant or rig.tenant, of["event_id"])
        return None if found is None else found["fate"]

    async def act() -> Any:
        states = [await fate(event)]
        rig.store.gate.clear()
        writing = asyncio.create_task(rig.take(event))
        await asyncio.sleep(0.05)
        asking = asyncio.create_task(fate(event))  # while it is written nobody knows: the answer waits
        await asyncio.sleep(0.05)
        assert not asking.done()
        rig.store.gate.set()
        states.append(await asking)
        await writing
        await rig.index()
        states.append(await fate(event))
        whole = await rig.intake.fate(rig.tenant, event["event_id"])
        assert whole is not None
        assert (whole["event"].attributes, abs(whole["received_at"] - clock.micros()) < 20_000_000) == (
            {"page": "/fate"},
            True,
        )
        await rig.take(wrong, quiet)
        return [
            *states,
            await fate(wrong),
            await fate(quiet),
            await fate(event, "another"),
            await fate(wrong, "another"),
        ]

    assert rig.run(act) == [None, "waiting", "stored", "rejected", "dropped", None, None]


def test_the_watermark_is_never_ahead_of_a_waiting_event(rig: Rig) -> None:
    """At every moment of an event's way: under way, written, taken by the engine and not settled."""
    asked: list[tuple[int, int | None]] = []

    def note() -> None:
        watermark = rig.intake.watermark
        asked.append((watermark, rig.store.waiting().oldest))

    async def act() -> None:
        before = clock.micros()
        note()
        assert asked[-1][0] >= before - 1
        rig.store.gate.clear()
        tasks = [asyncio.create_task(rig.take(raw())) for _ in range(3)]
        await asyncio.sleep(0.05)
        under_way = clock.micros()
        assert rig.intake.watermark < under_way - 40_000
        rig.store.gate.set()
        await asyncio.gather(*tasks)
        note()
        await rig.take(raw())
        note()
        await rig.index()
        last = clock.micros()
        assert rig.intake.watermark >= last - 1

    rig.run(act)
    assert [watermark for watermark, oldest in asked if oldest is not None and watermark >= oldest] == []


def test_the_watermark_holds_while_requests_overtake_each_other(rig: Rig) -> None:
    """A request that had to ask the store comes to the journal behind one that was received later."""
    slow, quick = raw(), raw()
    find = rig.events.known_async
    passed = asyncio.Event()

    async def late(ids: Any) -> Any:
        await passed.wait()
        return await find(ids)

    async def act() -> None:
        rig.seen.complete = False
        rig.intake._events = type("Late", (), {"known_async": staticmethod(late)})()
        first = asyncio.create_task(rig.take(slow))
        await asyncio.sleep(0.05)
        rig.seen.complete = True
        await rig.take(quick)
        passed.set()
        await first
        oldest = min(block.received_at for block in rig.store.blocks(100, 100_000))
        assert rig.intake.watermark < oldest

    rig.run(act)


def test_received_at_is_unique_and_rises(rig: Rig) -> None:
    async def act() -> None:
        await asyncio.gather(*(rig.take(*(raw() for _ in range(50))) for _ in range(10)))
        await rig.index()

    rig.run(act)
    wait_until(lambda: rig.counts.get("stored") == 500)
    sql = "SELECT uniqExact(received_at), count() FROM events WHERE tenant_id = {t:String}"
    rows = asyncio.run(rig.events.read(Statement(sql, {"t": rig.tenant})))
    assert rows.rows == [[500, 500]]


def test_two_databases_do_not_know_each_other(rig: Rig, tmp_path: Path) -> None:
    other_engine = open_database(Settings(data=tmp_path / "other"))
    other = Rig(other_engine, rig.events, tmp_path, rig.tenant)
    other.seen.complete = True
    event = raw()

    async def act_on(which: Rig) -> Any:
        answer = await which.take(event)
        await which.index()
        return answer

    assert rig.run(lambda: act_on(rig)) == [None]
    assert other.run(lambda: act_on(other)) == [None]
    # The second took it in good faith; the engine, which has it, tells the truth.
    assert other.counts == {"received": 1, "duplicate": 1}
    other_engine.dispose()


def test_a_refused_event_that_could_not_be_kept_is_kept_when_it_is_told_again(rig: Rig) -> None:
    one = raw(source="nowhere")

    async def act() -> None:
        rig.store.full = True
        with pytest.raises(StorageFull):
            await rig.take(one)
        assert (rig.inbox.store.held(rig.tenant), rig.counts) == ([], {})
        rig.store.full = False
        await rig.take(one)
        assert [held.event_id for held in rig.inbox.store.held(rig.tenant)] == [one["event_id"]]

    rig.run(act)


def test_a_refused_event_is_no_room_for_a_full_disk(rig: Rig) -> None:
    """What is kept of refused events is a write like any other."""

    async def act() -> None:
        rig.journal._min_free_disk = 2**62
        with pytest.raises(StorageFull):
            await rig.take(raw(source="nowhere"))

    rig.run(act)
    assert rig.counts == {}
