"""Sweeping on the real engine and both databases: which events, killed at every step, and what is told of it."""

import asyncio
import json
import time
import uuid
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow.parquet as parquet
import pytest
from sqlalchemy import Engine

from auricle import clock
from auricle.errors import Unavailable
from auricle.intake.options import Options
from auricle.intake.rollup import Roller
from auricle.intake.row import body_of, line_of
from auricle.intake.suppression import SuppressionList
from auricle.model.event import Event
from auricle.model.principal import Principal, Scope
from auricle.model.statement import Statement
from auricle.model.subject import Erasure, State, Subject
from auricle.model.sweep import SweepState
from auricle.privacy import retention
from auricle.privacy.erasure import SETTLE, Eraser
from auricle.privacy.retention import Standing, Sweeper
from auricle.report.expiry import DAY
from auricle.settings import Settings
from auricle.store.archive import Archive
from auricle.store.audit import AuditStore
from auricle.store.erasure import ErasureStore
from auricle.store.events import EventStore
from auricle.store.expiry import Expiry
from auricle.store.journal import Entry, JournalStore
from auricle.store.options import OptionsStore
from auricle.store.purge import Purge
from auricle.store.rollup import RollupStore
from auricle.store.segment import SegmentStore
from auricle.store.sweep import SweepStore
from running import wait_until


class Killed(BaseException):
    """The process is killed here."""


class Rig:
    """A sweeper and an eraser, as after a start, and the stores they work on. The server itself keeps all for ever."""

    def __init__(self, database: Engine, events: EventStore, tenant: str, folder: Path | None = None) -> None:
        self.database, self.events, self.tenant, self.folder = database, events, tenant, folder
        self.settled = clock.micros() + 10 * SETTLE
        self.start()

    def start(self) -> None:
        self.erasures = ErasureStore(self.database)
        self.options = Options(OptionsStore(self.database))
        self.options.refresh()
        self.store, self.journal = SweepStore(self.database), JournalStore(self.database)
        self.rollups = RollupStore(self.database)
        self.roller = Roller(self.rollups, SegmentStore(self.events), lambda: self.settled, on=True, every=0)
        archive = Archive(self.folder, self.events) if self.folder else None
        self.sweeper = Sweeper(
            self.store,
            self.erasures,
            self.events,
            self.rollups,
            self.options,
            lambda: self.settled,
            Settings(event_retention_days=0),
            archive,
        )
        listed = SuppressionList(self.erasures)
        listed.refresh()
        intake, inbox = SimpleNamespace(settled=lambda: self.settled), SimpleNamespace(changed=lambda _: None)
        parts = (listed, self.events, self.rollups, inbox, intake, self.options)
        self.eraser = Eraser(*parts, lambda: self.store.removing, archive)  # type: ignore[arg-type]

    def keep(self, events: int | None = None, tenant: str = "", **more: Any) -> None:
        """Gives a tenant days of its own."""
        self.options.change(tenant or self.tenant, {"retention": {"events": events, **more}}, actor="cli")

    def rolled(self) -> int | None:
        """The tenant's events as the rollups count them; None where reports must read the events."""
        found = self.rollups.coverage(self.tenant)
        sql = "SELECT sum(events) FROM rollup_events WHERE tenant_id = {t:String} AND segment IN {s:Array(UInt64)}"
        params = {"t": self.tenant, "s": list(found.segments) if found else []}
        return int(self.events.ask(Statement(sql, params)).rows[0][0]) if found else None

    def write(self, days_ago: int, *names: str, tenant: str = "", **more: Any) -> list[Event]:
        """Events that were received some days ago, and occurred a moment before."""
        first = clock.micros() - days_ago * DAY
        told, lines = [], []
        for number, name in enumerate(names):
            event_id, whose = str(uuid.uuid4()), tenant or self.tenant
            plain = Event(whose, event_id, name, first + number - 1_000, "", "", "", "web", "", {}, {})
            told.append(plain._replace(**more))
            lines.append(line_of(body_of(told[-1]), told[-1].occurred_at, first + number))
        self.events.insert(b"\n".join(lines), str(uuid.uuid4()))
        tally = {"received": len(told), "stored": len(told)}
        self.journal.commit([Entry(tenant or self.tenant, first, 0, b"", b"", tally)])
        return told

    def sweep(self) -> None:
        self.sweeper._rest_until = 0.0
        asyncio.run(self.sweeper.sweep())

    def finish(self, tenant: str = "") -> Standing:
        """Sweeps until nothing is left."""

        def done() -> Standing | None:
            self.sweep()
            told = self.sweeper.standing(tenant or self.tenant)
            return told if told.up_to_date else None

        return wait_until(done, 40.0, 0.05)

    def stored(self, tenant: str = "") -> set[str]:
        sql = "SELECT toString(event_id) FROM events WHERE tenant_id = {t:String}"
        return {row[0] for row in self.events.ask(Statement(sql, {"t": tenant or self.tenant})).rows}

    def known(self, told: list[Event]) -> set[str]:
        """The ids of those that are known, and no longer kept."""
        return {event_id for _, event_id in self.events.known([(one.tenant_id, one.event_id) for one in told]).retired}

    @property
    def archived(self) -> dict[str, dict[str, Any]]:
        """The events in files that a manifest names, by id; no two files may hold the same."""
        found: dict[str, dict[str, Any]] = {}
        assert self.folder is not None
        for manifest in self.folder.glob("*/*/*.json"):
            told = json.loads(manifest.read_bytes())
            rows = parquet.read_table(manifest.with_name(told["file"])).to_pylist()
            assert (len(rows), {row["tenant_id"] for row in rows}) == (told["events"], {told["tenant"]})
            assert not found.keys() & {row["event_id"] for row in rows}
            found |= {row["event_id"]: row for row in rows}
        return found

    def erase(self, **conditions: Any) -> Erasure:
        """Orders an erasure, and carries it out."""
        principal = Principal(self.tenant, "k", frozenset({Scope.PRIVACY_WRITE}))
        erasure = self.eraser.order(principal, Subject(**conditions))
        return self.erased(erasure)

    def erased(self, erasure: Erasure) -> Erasure:
        def done() -> Erasure | None:
            self.roller.roll()
            asyncio.run(self.eraser.sweep())
            found = self.erasures.get(self.tenant, erasure.id)
            return found if found is not None and found.state is State.DONE else None

        return wait_until(done, 40.0, 0.05)

    def counts(self, tenant: str = "") -> dict[str, int]:
        return {verdict: n for verdict, n in self.journal.counts(tenant or self.tenant).items() if n}

    def told(self) -> list[dict[str, Any]]:
        """What the audit log says of sweeps."""
        rows = AuditStore(self.database).rows(self.tenant, limit=100)
        return [row.as_json()["detail"] for row in rows if row.action == "retention.sweep"]


@pytest.fixture
def rig(database: Engine, events: EventStore, tenant: str, monkeypatch: pytest.MonkeyPatch) -> Rig:
    monkeypatch.setattr(Purge, "old_parts", lambda _: frozenset())
    monkeypatch.setattr("auricle.privacy.erasure.SHARED_PAUSE", 0.0)
    return Rig(database, events, tenant)


@pytest.fixture
def keeper(database: Engine, events: EventStore, tenant: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Rig:
    """A rig with an archive."""
    monkeypatch.setattr(Purge, "old_parts", lambda _: frozenset())
    monkeypatch.setattr("auricle.privacy.erasure.SHARED_PAUSE", 0.0)
    return Rig(database, events, tenant, tmp_path / "archive")


def ids(events: list[Event]) -> set[str]:
    return {event.event_id for event in events}


def test_what_is_over_goes_and_stays_known(rig: Rig) -> None:
    other = f"{rig.tenant}-other"
    rig.keep(30, by_event={"kept.*": 0, "brief": 1}, by_dataset={"clicks": 1})
    rig.keep(60, tenant=other)
    gone = rig.write(35, *["page_view"] * 5, "page_view") + rig.write(70, "click") + rig.write(5, "brief", "brief")
    gone += rig.write(5, "datapoint.written", attributes={"dataset": "clicks"})
    kept = rig.write(35, "kept.long") + rig.write(25, "page_view") + rig.write(0, "brief", "page_view")
    kept += rig.write(5, "datapoint.written", attributes={"dataset": "taps"})
    theirs = rig.write(35, "page_view", tenant=other)
    theirs_gone = rig.write(70, "page_view", tenant=other)
    shown = {(name, dataset): events for name, dataset, events, *_ in rig.sweeper.preview(rig.tenant).rows}
    assert shown == {
        ("page_view", ""): 6, ("brief", ""): 2, ("click", ""): 1, ("datapoint.written", "clicks"): 1,
    }  # fmt: skip

    standing = rig.finish()

    assert (rig.stored(), rig.stored(other)) == (ids(kept), ids(theirs))
    assert (rig.known(gone + kept + theirs + theirs_gone)) == ids(gone) | ids(theirs_gone)
    assert rig.counts() == {"received": 15, "stored": 15, "expired": 10}
    assert rig.counts(other) == {"received": 2, "stored": 2, "expired": 1}
    assert sum(detail["events"] for detail in rig.told()) == 10
    assert {detail["archived"] for detail in rig.told()} == {False}
    assert {sweep.state for sweep in standing.sweeps} == {SweepState.DONE}
    assert {share.tenant_id for sweep in standing.sweeps for share in sweep.shares} == {rig.tenant}
    assert sum(sweep.as_json(other, str)["events"] for sweep in standing.sweeps) == 0  # nobody is told of another's
    assert rig.sweeper.preview(rig.tenant).rows == []
    left = rig.events.ask(Statement("SELECT count() FROM expiring WHERE tenant_id = {t:String}", {"t": rig.tenant}))
    assert left.rows == [[0]]


STEPS = [
    (SweepStore, "begin"),
    (Expiry, "stage"),
    (SweepStore, "advance"),
    (Expiry, "retire"),
    (RollupStore, "hold"),
    (Expiry, "delete"),
    (Expiry, "forget"),
    (RollupStore, "release"),
    (SweepStore, "end"),
]


@pytest.mark.parametrize("when", ["before", "after"])
def test_killed_at_every_step_it_goes_on(rig: Rig, monkeypatch: pytest.MonkeyPatch, when: str) -> None:
    rig.keep(30)
    gone, kept = rig.write(40, *"abcab"), rig.write(0, *"ab")
    rig.roller.roll()
    assert rig.rolled() == 7
    deaths = 0
    for place, name in STEPS:
        with monkeypatch.context() as patch:
            real = getattr(place, name)

            def die(*args: Any, real: Any = real, **more: Any) -> None:
                if when == "after":
                    real(*args, **more)
                raise Killed

            patch.setattr(place, name, die)

            def killed() -> bool:
                try:
                    rig.sweep()
                except Killed:
                    return True
                return rig.sweeper.standing(rig.tenant).up_to_date

            wait_until(killed, 40.0, 0.05)
        deaths += not rig.sweeper.standing(rig.tenant).up_to_date
        rig.start()
        # Where rows are about to go, or have gone, reports read the events.
        assert rig.rolled() in (None, len(rig.stored()))
        assert rig.stored() >= ids(kept)
        assert rig.stored() | rig.known(gone) >= ids(gone)  # at no moment is an id forgotten
    rig.finish()
    assert deaths >= 6
    assert (rig.stored(), rig.known(gone + kept)) == (ids(kept), ids(gone))
    assert rig.counts() == {"received": 7, "stored": 7, "expired": 5}
    rig.roller.roll()
    assert rig.rolled() == 2
    assert [detail["events"] for detail in rig.told()] == [5]


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_many_events_go_in_several_sweeps(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "MAX_ROWS", 3)
    monkeypatch.setattr(retention, "MAX_GROUPS", 4)
    rig.keep(30)
    gone = [one for days in (40, 41, 42, 75) for one in rig.write(days, "a", "b", "c", "a")]
    standing = rig.finish()
    events = [sum(share.events for share in sweep.shares) for sweep in standing.sweeps]
    assert (sum(events), max(events), len(events) >= 4) == (16, max(events), True)
    assert max(events) <= 6  # the bound, and the rest of its last group
    assert (rig.stored(), rig.known(gone)) == (set(), ids(gone))
    assert rig.counts() == {"received": 16, "stored": 16, "expired": 16}


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_many_groups_are_noted_in_pages(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("auricle.store.expiry.PAGE", 3)
    rig.keep(30)
    gone = rig.write(40, *(f"n{number}" for number in range(10)))
    assert len(rig.finish().sweeps) == 1
    assert rig.known(gone) == ids(gone)


def test_nothing_is_taken_while_older_events_wait(rig: Rig) -> None:
    """A row that waits still could be the very one that a sweep forgets: blocks are freed long before."""
    rig.keep(30)
    gone = rig.write(40, "a")
    rig.settled = clock.micros() - 50 * DAY
    rig.sweep()
    assert rig.sweeper.trouble == "Events that are over their days still wait for the event store."
    assert rig.stored() == ids(gone)
    rig.settled = clock.micros()
    assert rig.finish().trouble is None
    assert rig.stored() == set()


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_days_that_are_changed_hold_before_anything_goes(rig: Rig) -> None:
    rig.keep(30)
    kept = rig.write(40, "a", "b")
    rig.store.begin(int(clock.now().strftime("%Y%m")), datasets=False, archived=False)
    rig.keep(50)
    assert rig.finish().sweeps == ()
    assert (rig.stored(), rig.store.unfinished()) == (ids(kept), None)


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_trouble_is_told_in_our_own_words_and_it_is_tried_again(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    rig.keep(30)
    gone = rig.write(40, "a")
    with monkeypatch.context() as patch:
        patch.setattr(Expiry, "retire", lambda *_: False)
        rig.sweep()
        assert rig.sweeper._rest_until > 0
    told = rig.sweeper.standing(rig.tenant)
    assert told.trouble == told.sweeps[0].trouble == "The event store takes ids and does not keep them."
    assert (rig.stored(), told.sweeps[0].state) == (ids(gone), SweepState.RETIRING)

    def away(*_: Any) -> None:
        raise Unavailable("The event store is away.")

    with monkeypatch.context() as patch:
        patch.setattr(EventStore, "ask", away)
        rig.sweep()
    assert rig.sweeper.trouble == "The event store is away."
    told = rig.finish()
    assert (told.trouble, [sweep.trouble for sweep in told.sweeps], rig.stored()) == (None, [None], set())


def test_erasures_and_sweeps_take_turns(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    rig.keep(30)
    rig.write(40, "a", "b", user_id="u")
    gone = rig.write(40, "a")
    rig.options.refresh()
    with monkeypatch.context() as patch:
        patch.setattr(Expiry, "retire", lambda *_: False)
        rig.sweep()
    assert rig.store.removing
    principal = Principal(rig.tenant, "k", frozenset({Scope.PRIVACY_WRITE}))
    erasure = rig.eraser.order(principal, Subject(user_id="u"))
    asyncio.run(rig.eraser.sweep())

    def state() -> State:
        found = rig.erasures.get(rig.tenant, erasure.id)
        assert found is not None
        return found.state

    assert state() is State.WAITING  # what the sweep counted is what must go
    rig.finish()
    assert rig.counts()["expired"] == 3

    def done() -> bool:
        rig.roller.roll()
        asyncio.run(rig.eraser.sweep())
        return state() is State.DONE

    wait_until(done, 40.0, 0.1)
    assert rig.known(gone) == ids(gone)


def test_no_sweep_counts_what_an_erasure_is_deleting(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    rig.keep(30)
    hers, gone = rig.write(40, "a", user_id="u"), rig.write(40, "a")
    principal = Principal(rig.tenant, "k", frozenset({Scope.PRIVACY_WRITE}))
    erasure = rig.eraser.order(principal, Subject(user_id="u"))
    with monkeypatch.context() as patch:
        patch.setattr(Purge, "delete", lambda *_: None)
        asyncio.run(rig.eraser.sweep())
        rig.sweep()
    under_way = rig.store.unfinished()
    assert under_way is not None
    assert (under_way.state, rig.stored()) == (SweepState.RETIRING, ids(hers + gone))

    def done() -> bool:
        rig.roller.roll()
        asyncio.run(rig.eraser.sweep())
        found = rig.erasures.get(rig.tenant, erasure.id)
        return found is not None and found.state is State.DONE

    wait_until(done, 40.0, 0.1)
    rig.finish()
    assert rig.counts() == {"received": 2, "stored": 2, "expired": 1}
    assert rig.known(hers + gone) == ids(gone)


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_one_thread_at_a_time_takes_rows_away(rig: Rig) -> None:
    rig.keep(30)
    gone = rig.write(40, "a")
    with rig.erasures.working() as mine:
        assert mine
        rig.sweep()
    assert (rig.stored(), rig.store.unfinished()) == (ids(gone), None)
    rig.finish()
    assert rig.stored() == set()


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_what_goes_is_archived_first(keeper: Rig) -> None:
    other = f"{keeper.tenant}-other"
    keeper.keep(30, by_dataset={"clicks": 1})
    keeper.keep(60, tenant=other)
    gone = keeper.write(40, "a", "b") + keeper.write(75, "a") + keeper.write(75, "c", tenant=other)
    gone += keeper.write(5, "datapoint.written", attributes={"dataset": "clicks"})
    kept = keeper.write(5, "a")
    standing = keeper.finish()
    assert keeper.archived.keys() == ids(gone)
    assert (keeper.stored(), keeper.known(gone + kept)) == (ids(kept), ids(gone))
    assert {sweep.archived for sweep in standing.sweeps} == {True}
    assert {detail["archived"] for detail in keeper.told()} == {True}
    assert {row["event_name"] for row in keeper.archived.values() if row["tenant_id"] == other} == {"c"}


ARCHIVED_STEPS = [
    (SweepStore, "advance"),
    (Archive, "write"),
    (Archive, "_put"),
    (Archive, "holds"),
    (Expiry, "retire"),
    (SweepStore, "end"),
]


@pytest.mark.parametrize("when", ["before", "after"])
def test_killed_while_it_archives_it_goes_on(keeper: Rig, monkeypatch: pytest.MonkeyPatch, when: str) -> None:
    keeper.keep(30)
    keeper.keep(30, tenant=f"{keeper.tenant}-2")
    gone = keeper.write(40, *"abc") + keeper.write(40, *"ab", tenant=f"{keeper.tenant}-2")
    for place, name in ARCHIVED_STEPS:
        with monkeypatch.context() as patch:
            real = getattr(place, name)

            def die(*args: Any, real: Any = real, **more: Any) -> None:
                if when == "after":
                    real(*args, **more)
                raise Killed

            patch.setattr(place, name, die)

            def killed() -> bool:
                try:
                    keeper.sweep()
                except Killed:
                    return True
                return keeper.sweeper.standing(keeper.tenant).up_to_date

            wait_until(killed, 40.0, 0.05)
        keeper.start()
        kept = keeper.stored() | keeper.stored(f"{keeper.tenant}-2") | keeper.archived.keys()
        assert kept >= ids(gone)
    keeper.finish()
    assert keeper.archived.keys() == ids(gone)
    assert keeper.stored() | keeper.stored(f"{keeper.tenant}-2") == set()
    assert keeper.counts() == {"received": 3, "stored": 3, "expired": 3}


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_nothing_goes_that_cannot_be_archived(keeper: Rig) -> None:
    assert keeper.folder is not None
    keeper.folder.write_text("no folder")
    keeper.keep(30)
    gone = keeper.write(40, "a", "b")
    for _ in range(2):
        keeper.sweep()
        told = keeper.sweeper.standing(keeper.tenant)
        assert told.trouble == "The archive cannot be written: Not a directory. Nothing goes meanwhile."
        assert ([one.state for one in told.sweeps], keeper.stored()) == ([SweepState.ARCHIVING], ids(gone))
    keeper.folder.unlink()
    assert keeper.finish().trouble is None
    assert (keeper.stored(), keeper.archived.keys()) == (set(), ids(gone))


@pytest.mark.parametrize("change", ["days", "no archive"])
@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_a_sweep_of_other_rules_is_abandoned(keeper: Rig, monkeypatch: pytest.MonkeyPatch, change: str) -> None:
    keeper.keep(30)
    told = keeper.write(40, "a", "b")

    def busy(*_: Any) -> bool:
        raise Unavailable("The event store is away.")

    with monkeypatch.context() as patch:
        patch.setattr(Expiry, "retire", busy)
        keeper.sweep()
    assert keeper.archived.keys() == ids(told)
    if change == "days":
        keeper.keep(60)
        kept = ids(told)
    else:
        folder, keeper.folder = keeper.folder, None
        keeper.start()
        kept = set()
    standing = keeper.finish()
    assert (keeper.stored(), standing.sweeps[-1].state) == (kept, SweepState.ABANDONED)
    assert keeper.counts().get("expired", 0) == 2 - len(kept)
    if change == "days":
        assert (keeper.archived, keeper.known(told)) == ({}, set())
    else:
        keeper.folder = folder
        assert keeper.known(told) == ids(told)


def test_an_erased_person_leaves_the_archive(keeper: Rig) -> None:
    keeper.keep(30)
    gone = keeper.write(40, "a", "b", user_id="u", session_id="s1")
    gone += keeper.write(40, "a", session_id="s1")  # nobody else was in that session
    mixed = keeper.write(40, "a", user_id="u", session_id="s2")
    others = keeper.write(40, "a", "a", user_id="v", session_id="s2") + keeper.write(40, "a", session_id="s2")
    keeper.finish()
    trace = keeper.write(5, "b", session_id="s1")  # still there, and only the archive tells whose it is
    shared = keeper.write(5, "b", session_id="s2")
    live = keeper.write(5, "a", user_id="u")
    done = keeper.erase(user_id="u")
    assert (keeper.archived.keys(), keeper.stored()) == (ids(others), ids(shared))
    assert dict(done.erased) == {"archive": 4, "events": 2}
    assert keeper.eraser.suppressed.of(keeper.tenant).knows(gone[0].key)  # type: ignore[union-attr]
    assert ids(mixed + trace + live) & keeper.archived.keys() == set()
    again = keeper.erase(user_id="u")
    assert dict(again.erased) == {}
    assert dict(keeper.erase(session_id="s2").erased) == {"archive": 3, "events": 1}
    assert keeper.archived == {}


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_erasing_from_the_archive_survives_a_kill(keeper: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    keeper.keep(30)
    keeper.write(40, "a", "b", user_id="u")
    others = keeper.write(40, "a", user_id="v") + keeper.write(75, "a", user_id="v")
    keeper.write(75, "a", user_id="u")
    keeper.finish()
    principal = Principal(keeper.tenant, "k", frozenset({Scope.PRIVACY_WRITE}))
    erasure = keeper.eraser.order(principal, Subject(user_id="u"))
    deaths = 0
    for name in ("source", "holding", "_put", "erase"):
        for when in ("before", "after"):
            with monkeypatch.context() as patch:
                real = getattr(Archive, name)

                def die(*args: Any, real: Any = real, when: str = when) -> None:
                    if when == "after":
                        real(*args)
                    raise Killed

                patch.setattr(Archive, name, die)
                try:
                    asyncio.run(keeper.eraser.sweep())
                except Killed:
                    deaths += 1
            keeper.start()
    done = keeper.erased(erasure)
    assert deaths >= 6
    assert (keeper.archived.keys(), dict(done.erased)) == (ids(others), {"archive": 3})


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_it_rests_after_a_sweep_and_not_within_one(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    rig.keep(30)
    rig.write(40, "a")
    asyncio.run(rig.sweeper.sweep())
    assert rig.store.unfinished() is not None
    assert rig.sweeper._rest_until == 0.0  # the deletion is looked after at once
    began = time.monotonic()

    def done() -> bool:
        asyncio.run(rig.sweeper.sweep())
        return rig.store.unfinished() is None

    wait_until(done, 40.0, 0.05)
    assert rig.sweeper._rest_until > began
    assert not rig.sweeper.standing(rig.tenant).up_to_date
    asyncio.run(rig.sweeper.sweep())  # resting: it does not even look
    assert not rig.sweeper.standing(rig.tenant).up_to_date
    rig.sweeper.hurry()
    asyncio.run(rig.sweeper.sweep())
    assert rig.sweeper.standing(rig.tenant).up_to_date
