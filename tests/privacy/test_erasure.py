"""Erasing on the real engine and both databases: which rows, killed at every step, and what is told of it."""

import asyncio
import uuid
from types import SimpleNamespace
from typing import Any

import orjson
import pytest
from sqlalchemy import Engine, text

from auricle import clock
from auricle.errors import Unavailable
from auricle.intake.options import Options
from auricle.intake.pseudonym import names_of
from auricle.intake.rollup import Roller
from auricle.intake.row import body_of, line_of
from auricle.intake.suppression import SuppressionList
from auricle.model.consent import Saying, Speaker
from auricle.model.event import Event
from auricle.model.principal import Principal, Scope
from auricle.model.query import Filter, Op
from auricle.model.statement import Statement
from auricle.model.subject import Erasure, State, Subject
from auricle.privacy.erasure import SETTLE, Eraser, is_of
from auricle.store.audit import AuditStore
from auricle.store.consent import ConsentStore
from auricle.store.erasure import ErasureStore
from auricle.store.events import EventStore
from auricle.store.journal import Block, Entry, FailedEvent, JournalStore, Settlement
from auricle.store.options import OptionsStore
from auricle.store.purge import Purge
from auricle.store.rollup import RollupStore
from auricle.store.segment import SegmentStore
from running import wait_until

NOW = 1_780_000_000_000_000


class Killed(BaseException):
    """The process is killed here."""


class Rig:
    """An eraser, as after a start, and the stores it works on."""

    def __init__(self, database: Engine, events: EventStore, tenant: str) -> None:
        self.database, self.events, self.tenant = database, events, tenant
        self.principal = Principal(tenant, "k", frozenset({Scope.PRIVACY_WRITE}))
        self.arrived = NOW
        self.start()

    def start(self) -> None:
        self.store = ErasureStore(self.database)
        self.listed = SuppressionList(self.store)
        self.listed.refresh()
        self.intake = SimpleNamespace(watermark=clock.micros() + 10 * SETTLE, settled=lambda: self.intake.watermark)
        self.room: list[str] = []
        self.options = Options(OptionsStore(self.database))
        self.options.refresh()
        inbox = SimpleNamespace(changed=self.room.append)
        rollups = RollupStore(self.database)
        self.roller = Roller(rollups, SegmentStore(self.events), lambda: self.arrived + 10 * SETTLE, on=True, every=0)
        self.eraser = Eraser(self.listed, self.events, rollups, inbox, self.intake, self.options)  # type: ignore[arg-type]

    def write(self, *told: Event) -> None:
        lines = []
        for event in told:
            self.arrived += 1
            lines.append(line_of(body_of(event), event.occurred_at, self.arrived))
        self.events.insert(b"\n".join(lines), str(uuid.uuid4()))

    def event(self, user: str = "", session: str = "", **more: Any) -> Event:
        plain = Event(self.tenant, str(uuid.uuid4()), "page_view", NOW, "", session, user, "web", "", {}, {})
        return plain._replace(**more)

    def order(self, **conditions: Any) -> Erasure:
        return self.eraser.order(self.principal, Subject(**conditions))

    def receipt(self, erasure: Erasure) -> Erasure:
        found = self.store.get(erasure.tenant_id, erasure.id)
        assert found is not None
        return found

    def finish(self, erasure: Erasure) -> Erasure:
        def done() -> Erasure | None:
            self.roller.roll()
            asyncio.run(self.eraser.sweep())
            found = self.receipt(erasure)
            return found if found.state is State.DONE else None

        return wait_until(done, 40.0, 0.1)

    @property
    def stored(self) -> set[str]:
        sql = "SELECT toString(event_id) FROM events WHERE tenant_id = {t:String}"
        return {row[0] for row in self.events.ask(Statement(sql, {"t": self.tenant})).rows}


@pytest.fixture
def rig(database: Engine, events: EventStore, tenant: str, monkeypatch: pytest.MonkeyPatch) -> Rig:
    """A rig that does not wait for old parts to leave the disk: `tests/acceptance/test_erasure.py` does."""
    monkeypatch.setattr(Purge, "old_parts", lambda _: frozenset())
    monkeypatch.setattr("auricle.privacy.erasure.SHARED_PAUSE", 0.0)
    return Rig(database, events, tenant)


def ids(events: list[Event]) -> set[str]:
    return {event.event_id for event in events}


def query(query_id: str, user: str = "", session: str = "", name: str = "voice.query") -> dict[str, Any]:
    return {"user": user, "session": session, "event_name": name, "attributes": {"voice.query_id": query_id}}


def test_a_user_goes_with_what_is_nobody_elses(rig: Rig) -> None:
    hers = [
        rig.event("u", "s1"),
        rig.event("u", "s2"),
        rig.event("u"),
        rig.event("", "s1"),
        rig.event(**query("q1", "u")),
        rig.event(**query("q1", name="voice.evaluated")),
        rig.event("u", event_name="datapoint.written"),
    ]
    others = [
        rig.event("v", "s2"),
        rig.event("", "s2"),  # both were in that session
        rig.event("", "s3"),
        rig.event("v"),
        rig.event(),
        rig.event(**query("q2", "u")),
        rig.event(**query("q2", "v")),
        rig.event(**query("q2", name="voice.evaluated")),  # both asked a query of that id
        rig.event(**query("q1", session="s9", name="voice.evaluated")),
        rig.event("u", tenant_id=f"{rig.tenant}-other"),
    ]
    hers.append(others.pop(5))
    rig.write(*hers, *others)
    subject = Subject(user_id="u")
    told = {row[0]: row[1] for row in rig.eraser.find(rig.principal, subject).rows}
    assert told == {"page_view": 4, "voice.query": 2, "voice.evaluated": 1, "datapoint.written": 1}
    assert len(list(rig.eraser.export(rig.principal, subject))) == len(hers)

    done = rig.finish(rig.order(user_id="u"))

    assert rig.stored == ids(others[:-1])
    assert dict(done.erased) == {"events": 6, "points": 1, "scores": 1}
    assert done.suppressed == 3  # the user under two names, and the session that was the user's alone
    assert (done.subject, done.conditions, done.trouble) == (None, ("user_id",), None)
    sql = "SELECT count() FROM events WHERE tenant_id = {t:String}"
    assert rig.events.ask(Statement(sql, {"t": f"{rig.tenant}-other"})).rows == [[1]]
    listed = rig.listed.of(rig.tenant)
    assert listed is not None
    assert all(listed.knows(event.key) for event in hers)
    assert not any(listed.knows(event.key) for event in others)
    actions = [(row.action, row.target) for row in AuditStore(rig.database).rows(rig.tenant, limit=9)]
    assert actions == [
        ("subject.erased", done.id), ("subject.erase", done.id), ("subject.export", ""), ("subject.find", ""),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("conditions", "gone"),
    [
        pytest.param({"session_id": "s"}, {0, 1, 2}, id="a session, whoever was in it"),
        pytest.param({"user_id": "u", "session_id": "s"}, {0}, id="a user in a session"),
        pytest.param({"user_id": "u", "end": NOW + 5}, {0, 3}, id="a user up to a moment"),
        pytest.param({"start": NOW + 5}, {2, 4}, id="a time"),
        pytest.param({"site_id": "shop"}, {4}, id="a site"),
        pytest.param({"filters": (Filter("plan", Op.IN, ("a", "b")),)}, {3, 4}, id="a filter"),
        pytest.param({"user_id": "nobody"}, set(), id="nobody"),
    ],
)
@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_other_subjects(rig: Rig, conditions: dict[str, Any], gone: set[int]) -> None:
    told = [
        rig.event("u", "s"),
        rig.event("v", "s"),
        rig.event("", "s", occurred_at=NOW + 10),
        rig.event("u", "t", attributes={"plan": "a"}),
        rig.event("u", site_id="shop", attributes={"plan": "b"}, occurred_at=NOW + 5),
    ]
    rig.write(*told)
    done = rig.finish(rig.order(**conditions))
    assert rig.stored == {event.event_id for n, event in enumerate(told) if n not in gone}
    assert sum(done.erased.values()) == len(gone)
    assert done.suppressed == (1 if len(conditions) == 1 and "session_id" in conditions else 0) + (
        2 if conditions == {"user_id": "nobody"} else 0
    )


STEPS = [
    (Purge, "stage"),
    (ErasureStore, "note_erased"),
    (RollupStore, "hold"),
    (Purge, "delete"),
    (ErasureStore, "erase_aside"),
    (RollupStore, "release"),
    (SegmentStore, "purge"),
    (Purge, "drop_detached"),
    (Purge, "forget"),
    (ErasureStore, "scrub"),
    (ErasureStore, "advance"),
]


@pytest.mark.parametrize("when", ["before", "after"])
def test_killed_at_every_step_it_goes_on(rig: Rig, monkeypatch: pytest.MonkeyPatch, when: str) -> None:
    hers = [rig.event("u", "s", attributes={"n": n}) for n in range(5)]
    others = [rig.event("v") for _ in range(3)]
    rig.write(*hers, *others)
    erasure = rig.order(user_id="u")
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
                    rig.roller.roll()
                    asyncio.run(rig.eraser.sweep())
                except Killed:
                    return True
                return rig.receipt(erasure).state is State.DONE

            wait_until(killed, 40.0, 0.1)
        deaths += rig.receipt(erasure).state is not State.DONE
        rig.start()
    done = rig.finish(erasure)
    assert deaths >= 6
    assert (rig.stored, dict(done.erased), done.suppressed) == (ids(others), {"events": 5}, 3)


def test_a_user_is_found_under_every_name(rig: Rig) -> None:
    rig.options.change(rig.tenant, {"user_ids": "hmac-sha256"}, actor="cli")
    plain, hashed, bare = names_of("u", rig.options.for_tenant(rig.tenant))
    assert (plain, hashed[:5], bare) == ("u", "hmac_", "0bfe935e70c321c7")
    rig.write(*(rig.event(name) for name in (plain, hashed, bare, "v")))
    done = rig.finish(rig.order(user_id="u"))
    assert (dict(done.erased), len(rig.stored), done.suppressed) == ({"events": 3}, 1, 3)
    listed = rig.listed.of(rig.tenant)
    assert listed is not None
    assert all(listed.covers({"user_id": name}) for name in (plain, hashed, bare))


def test_it_waits_for_what_was_accepted_before(rig: Rig) -> None:
    rig.intake.watermark = clock.micros()
    erasure = rig.order(user_id="u")
    asyncio.run(rig.eraser.sweep())
    assert rig.receipt(erasure).state is State.WAITING
    late = rig.event("u")
    rig.write(late)
    rig.intake.watermark = erasure.asked_at + SETTLE
    assert dict(rig.finish(erasure).erased) == {"events": 1}
    assert rig.stored == set()


def test_trouble_is_told_in_our_own_words(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    erasure = rig.order(user_id="u")

    def away(*_: Any) -> None:
        raise Unavailable("The event store is away; events are accepted meanwhile.")

    with monkeypatch.context() as patch:
        patch.setattr(EventStore, "run", away)
        asyncio.run(rig.eraser.sweep())
    told = rig.receipt(erasure)
    assert (told.state, told.trouble) == (State.ERASING, "The event store is away; events are accepted meanwhile.")
    assert rig.finish(erasure).trouble is None


def test_rows_set_aside_go_too_and_count_as_dropped(rig: Rig) -> None:
    journal = JournalStore(rig.database)
    hers, broken, other = rig.event("u"), rig.event("u"), rig.event("v")
    aside = []
    for number, event in enumerate((hers, broken, other)):
        line = line_of(body_of(event), NOW, NOW + number)
        line = line[:-5] if event is broken else line
        aside.append((Block(0, rig.tenant, NOW + number, 1, event.key, line), "cannot be read"))
    journal.commit([Entry(rig.tenant, NOW, 0, b"", b"", {"received": 3})], [Settlement((0,), {}, tuple(aside))])
    assert journal.counts(rig.tenant) == {"received": 3, "waiting": 3}
    done = rig.finish(rig.order(user_id="u"))
    assert dict(done.erased) == {"journal": 2}
    assert journal.counts(rig.tenant) == {"received": 3, "dropped": 2, "waiting": 1}
    assert [key for _, key, _ in journal.every_key()] == [other.key]


def test_failed_events_go_too(rig: Rig) -> None:
    journal = JournalStore(rig.database)
    stored = rig.event("u")
    rig.write(stored)

    def failed(event_id: str, tenant: str = rig.tenant, **body: Any) -> FailedEvent:
        told = orjson.dumps(body).decode() if body else ""
        return FailedEvent(tenant, event_id, "x", "rejected", "schema", "/a", "type", "m", NOW, len(told), told)

    ids_ = [str(uuid.uuid4()) for _ in range(6)]
    written = (
        failed(ids_[0], user_id="u", occurred_at="2026-01-01T00:00:00Z"),
        failed(ids_[1], user_id=["u"]),
        failed(stored.event_id),
        failed(ids_[2], user_id="v", attributes={"friend": "u"}),
        failed(ids_[3]),
        failed(""),
        failed(ids_[4], tenant=f"{rig.tenant}-other", user_id="u"),
    )
    journal.commit([Entry(rig.tenant, NOW, 0, b"", b"", {}, written)])
    done = rig.finish(rig.order(user_id="u"))
    assert dict(done.erased) == {"events": 1, "failed_events": 2}
    with rig.database.connect() as connection:
        left = connection.execute(text("SELECT event_id FROM failed_events ORDER BY id")).scalars().all()
    assert left == [ids_[1], ids_[2], ids_[3], "", ids_[4]]
    assert rig.tenant in rig.room


SAID = (("user", "bare"), ("user", "u"), ("user", "n\0l"), ("session", "u"), ("user", "v"))


@pytest.mark.parametrize(
    ("conditions", "gone"),
    [
        pytest.param({"user_id": "u"}, {0, 1}, id="a user, under every name"),
        pytest.param({"session_id": "u"}, {3}, id="a session"),
        pytest.param({"user_id": "n\0l"}, {2}, id="an id that PostgreSQL cannot keep"),
        pytest.param({"user_id": "u", "site_id": "shop"}, set(), id="a part of what a user did"),
    ],
)
def test_what_a_person_said_on_being_counted_goes_too(rig: Rig, conditions: dict[str, Any], gone: set[int]) -> None:
    bare = names_of("u", rig.options.for_tenant(rig.tenant))[-1]
    said = [(Speaker(speaker), bare if said_by == "bare" else said_by) for speaker, said_by in SAID]
    consents = ConsentStore(rig.database)
    for tenant in (rig.tenant, f"{rig.tenant}-other"):
        sayings = tuple(Saying(*each, False, NOW) for each in said)
        JournalStore(rig.database).commit([Entry(tenant, NOW, 0, b"", b"", {}, consents=sayings)])
    done = rig.finish(rig.order(**conditions))
    left = {n for n, each in enumerate(said) if consents.find(rig.tenant, *each)}
    assert (left, dict(done.erased)) == (set(range(5)) - gone, {"consents": len(gone)} if gone else {})
    assert consents.counts(f"{rig.tenant}-other") == {False: 5, True: 0}


CASES = [
    ({"user_id": "u"}, {"user_id": "u"}, True),
    ({"user_id": "u"}, {"user_id": "v"}, False),
    ({"user_id": "u"}, {}, False),
    ({"user_id": "u", "filters": (Filter("a", Op.EQ, "b"),)}, {"user_id": "u"}, True),
    ({"filters": (Filter("a", Op.EQ, "b"),)}, {"user_id": "u"}, False),
    ({"session_id": "s"}, {"session_id": "s", "user_id": "v"}, True),
    ({"session_id": "s", "user_id": "u"}, {"session_id": "s", "user_id": "v"}, False),
    ({"site_id": "shop"}, {"site_id": "shop"}, True),
    ({"site_id": "shop"}, {"site_id": 7}, False),
    ({"start": NOW}, {"occurred_at": "2026-05-28T20:26:40Z"}, True),
    ({"start": NOW + 1}, {"occurred_at": "2026-05-28T20:26:40Z"}, False),
    ({"end": NOW}, {"occurred_at": "2026-05-28T20:26:40Z"}, False),
    ({"end": NOW + 1}, {"occurred_at": "2026-05-28T20:26:40Z"}, True),
    ({"end": NOW}, {"occurred_at": "no time"}, True),
]


@pytest.mark.parametrize(("conditions", "row", "meant"), CASES)
def test_whether_a_refused_event_is_of_a_subject(conditions: dict[str, Any], row: dict[str, Any], meant: bool) -> None:
    subject = Subject(**conditions)
    assert is_of(row, subject, ("u",) if subject.user_id else ()) is meant
    assert Subject.from_json(orjson.loads(orjson.dumps(subject.as_json()))) == subject


def test_the_order_forgets_whom_it_was_about(rig: Rig) -> None:
    rig.write(rig.event("unusual-marker"))
    done = rig.finish(rig.order(user_id="unusual-marker"))
    with rig.database.connect() as connection:
        rows = [
            row for table in ("erasures", "suppressions", "erased_events", "audit", "meta")
            for row in connection.execute(text(f"SELECT * FROM {table}")).all()
        ]  # fmt: skip
    assert len(rows) >= 5
    assert "unusual-marker" not in repr(rows)
    sql = "SELECT command FROM system.mutations WHERE position(command, {job:String}) > 0"
    ((command,),) = rig.events.ask(Statement(sql, {"job": done.id})).rows
    assert "unusual-marker" not in command
    assert rig.events.ask(Statement("SELECT count() FROM erasing WHERE job = {j:UUID}", {"j": done.id})).rows == [[0]]


def test_many_rows_in_pages(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("auricle.store.purge.PAGE", 7)
    monkeypatch.setattr("auricle.store.erasure.PAGE", 3)
    hers = [rig.event("u") for _ in range(40)]
    hers.append(rig.event("u", event_id=str(uuid.UUID(int=0))))
    hers.append(rig.event("u", event_id=str(uuid.UUID(int=2**128 - 1))))
    rig.write(*hers)
    done = rig.finish(rig.order(user_id="u"))
    assert (dict(done.erased), rig.stored) == ({"events": 42}, set())
    listed = rig.listed.of(rig.tenant)
    assert listed is not None
    assert all(listed.knows(event.key) for event in hers)


def test_erasures_of_one_tenant_are_not_shown_to_another(rig: Rig) -> None:
    erasure = rig.order(session_id="s")
    assert [one.id for one in rig.store.latest(rig.tenant)] == [erasure.id]
    assert (rig.store.latest("other"), rig.store.get("other", erasure.id), rig.store.suppressions("other")) == (
        [],
        None,
        [],
    )
