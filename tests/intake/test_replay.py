"""Replay: a failed event comes back once, whatever interrupts it, and by the rules of when it came."""

import asyncio
import uuid
from collections.abc import Callable, Coroutine
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest
from sqlalchemy import Engine

from auricle import clock
from auricle.errors import Unavailable
from auricle.intake.dedupe import SeenFilter
from auricle.intake.door import open_door
from auricle.intake.inbox import Inbox
from auricle.intake.intake import Intake
from auricle.intake.journal import Journal
from auricle.intake.replay import Replay, Replayed
from auricle.intake.schemas import Registry
from auricle.intake.times import format_rfc3339
from auricle.model.options import UNASKED, TenantOptions, UserIds
from auricle.model.principal import SCOPES, Kind, Principal, Scope
from auricle.model.schema import FIRST, TenantSchema, TenantSchemas
from auricle.settings import Settings
from auricle.store.events import EventStore
from auricle.store.inbox import InboxStore, Selection
from auricle.store.journal import JournalStore

BUILT_IN = Registry.load()
DAY = 86_400_000_000
NOTHING = Replayed(0, 0, 0, 0, 0, None)


def schema(kind: str) -> TenantSchemas:
    document = {"type": "object", "properties": {"price": {"type": kind}}}
    document["$id"] = "auricle:acme/shop.sold/jsonschema/1-0-0"
    return TenantSchemas(1, (TenantSchema("acme", "shop.sold", FIRST, document, 1),))


NUMBERS, TEXTS = BUILT_IN.extended(schema("number")), BUILT_IN.extended(schema("string"))


class Rig:
    """An intake with its journal and inbox; the engine is never asked, for nothing of the tenant is in it."""

    def __init__(self, database: Engine, events: EventStore, disk: Path, tenant: str) -> None:
        self.tenant, self.registry, self.options = tenant, NUMBERS, UNASKED
        self.store, self.failed = JournalStore(database), InboxStore(database)
        seen = SeenFilter()
        seen.complete = True
        self.journal = Journal(self.store, disk, 0, 1_000_000)
        self.inbox = Inbox(self.failed, 1_000, 1_000_000)
        self.intake = Intake(self.journal, self.store, events, seen, self.inbox)
        self.intake.load()
        self.replays = Replay(self.inbox, self.intake, self, Settings())

    def for_tenant(self, tenant_id: str) -> Registry:
        assert tenant_id == self.tenant
        return self.registry

    def options_of(self, tenant_id: str) -> TenantOptions:
        assert tenant_id == self.tenant
        return self.options

    def principal(self, *scopes: Scope) -> Principal:
        return Principal(self.tenant, "key", frozenset(scopes) or SCOPES[Kind.INGEST])

    async def take(self, *raws: dict[str, Any], received_at: int | None = None) -> None:
        await self.intake.take(
            raws,
            lambda at: open_door(
                self, Settings(), self.principal(), received_at=received_at or at, new_id=clock.new_id
            ),
        )

    async def replay(self, *scopes: Scope, after: int = 0, limit: int = 500) -> Replayed:
        return await self.replays.replay(self.principal(*scopes), Selection(), after, limit)

    def run(self, act: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
        async def inside() -> Any:
            self.journal.open(asyncio.get_running_loop())
            try:
                return await act()
            finally:
                await asyncio.to_thread(self.journal.close)

        return asyncio.run(inside())

    @property
    def written(self) -> list[str]:
        """The ids in the journal, in order."""
        return [
            str(uuid.UUID(bytes=keys[at : at + 16]))
            for _, keys, _ in self.store.every_key()
            for at in range(0, len(keys), 16)
        ]

    @property
    def left(self) -> list[tuple[str, str]]:
        """Reason and pointer of what is in the inbox, the oldest first."""
        found = self.failed.latest(self.tenant, Selection(), None, 1_000)
        return [(one.event.reason, one.event.pointer) for one in reversed(found)]

    @property
    def counts(self) -> dict[str, int]:
        return {verdict: events for verdict, events in self.store.counts(self.tenant).items() if events}


@pytest.fixture
def rig(database: Engine, events: EventStore, tmp_path: Path, tenant: str) -> Rig:
    return Rig(database, events, tmp_path, tenant)


def sold(price: Any = "5", at: int | None = None, **more: Any) -> dict[str, Any]:
    told = {
        "event_id": str(uuid.uuid4()),
        "event_name": "shop.sold",
        "occurred_at": format_rfc3339(at or clock.micros()),
        "source": "web",
        "attributes": {"price": price},
    }
    return told | more


def test_what_fails_again_stays_and_changes_no_count(rig: Rig) -> None:
    async def act() -> None:
        await rig.take(sold(), sold(), sold(source="nowhere"))
        before = rig.counts
        assert before == {"received": 3, "rejected": 3}
        assert await rig.replay() == Replayed(0, 0, 0, 3, 0, None)
        assert (rig.counts, rig.written) == (before, [])

    rig.run(act)
    assert rig.left == [("schema", "/attributes/price")] * 2 + [("envelope", "/attributes/price")]


def test_what_is_mended_is_stored_once_and_leaves(rig: Rig) -> None:
    mended, ill, other = sold(), sold(5), sold()

    async def act() -> None:
        await rig.take(mended, other)
        rig.registry = TEXTS
        await rig.take(ill)
        assert await rig.replay() == Replayed(2, 0, 0, 1, 0, None)
        assert await rig.replay() == Replayed(0, 0, 0, 1, 0, None)

    rig.run(act)
    assert rig.written == [mended["event_id"], other["event_id"]]
    assert rig.left == [("schema", "/attributes/price")]
    assert rig.counts == {"received": 5, "rejected": 3, "waiting": 2}


def test_an_event_that_came_right_meanwhile_is_a_duplicate(rig: Rig) -> None:
    one = sold()

    async def act() -> None:
        await rig.take(one)
        rig.registry = TEXTS
        await rig.take(one | {"attributes": {"price": "6"}})
        assert await rig.replay() == Replayed(0, 1, 0, 0, 0, None)

    rig.run(act)
    assert (rig.written, rig.left) == ([one["event_id"]], [])


def test_killed_between_writing_and_leaving_nothing_is_doubled(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    raws = [sold() for _ in range(5)]

    def killed(*_args: object, **_more: object) -> int:
        raise Unavailable("The process ends here.")

    async def act() -> None:
        await rig.take(*raws)
        rig.registry = TEXTS
        with monkeypatch.context() as patch:
            patch.setattr(rig.failed, "replayed", killed)
            with pytest.raises(Unavailable):
                await rig.replay()
        assert len(rig.left) == 5
        assert await rig.replay() == Replayed(0, 5, 0, 0, 0, None)

    rig.run(act)
    assert (sorted(rig.written), rig.left) == (sorted(one["event_id"] for one in raws), [])


def test_killed_before_writing_nothing_is_lost(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    one = sold()

    async def refused(_entry: object) -> None:
        raise Unavailable("The journal is away.")

    async def act() -> None:
        await rig.take(one)
        rig.registry = TEXTS
        with monkeypatch.context() as patch:
            patch.setattr(rig.journal, "append", refused)
            with pytest.raises(Unavailable):
                await rig.replay()
        assert (len(rig.left), rig.written) == (1, [])
        assert await rig.replay() == Replayed(1, 0, 0, 0, 0, None)

    rig.run(act)


def test_two_replays_at_once_count_once(rig: Rig) -> None:
    raws = [sold() for _ in range(50)]

    async def act() -> None:
        await rig.take(*raws)
        rig.registry = TEXTS
        one, two = await asyncio.gather(rig.replay(), rig.replay())
        assert (one.stored + two.stored, one.failed + two.failed, one.retry + two.retry) == (50, 0, 0)

    rig.run(act)
    assert (sorted(rig.written), rig.left) == (sorted(one["event_id"] for one in raws), [])


def test_a_replay_goes_on_behind_what_fails(rig: Rig) -> None:
    async def act() -> None:
        await rig.take(*(sold(5 if number % 2 else "5") for number in range(9)), *(sold() for _ in range(3)))
        rig.registry = TEXTS
        await rig.take(*(sold(5) for _ in range(3)))
        rig.registry = TEXTS
        told, after, stored = [], 0, 0
        while True:
            done = await rig.replay(after=after, limit=4)
            told.append((done.stored, done.failed))
            stored += done.stored
            if done.next is None:
                break
            after = done.next
        assert (stored, sum(failed for _, failed in told)) == (8, 3)

    rig.run(act)


def test_an_event_that_was_in_time_stays_so(rig: Rig) -> None:
    """Its age is judged by when it came: it lay here for days, and that is not its client's fault."""
    came = clock.micros() - 5 * DAY
    in_time, late = sold(at=came - DAY // 2), sold(at=came - 2 * DAY)

    async def act() -> None:
        await rig.take(in_time, late, received_at=came)
        rig.registry = TEXTS
        assert await rig.replay() == Replayed(1, 0, 0, 1, 0, None)
        assert rig.left == [("too_old", "/occurred_at")]
        assert await rig.replay(Scope.EVENTS_BACKFILL) == Replayed(1, 0, 0, 0, 0, None)

    rig.run(act)
    assert rig.written == [in_time["event_id"], late["event_id"]]


def test_who_was_redacted_is_nobody(rig: Rig) -> None:
    """Two persons whose ids were redacted must not become one."""

    async def act() -> None:
        await rig.take(sold(user_id="jane@example.com", session_id="s-1"), sold(user_id="u-2"))
        rig.registry = TEXTS
        assert (await rig.replay()).stored == 2

    rig.run(act)
    rows = b"".join(rows for _, _, rows in rig.store.every_key())
    assert (b"redacted" in rows, rows.count(b'"s-1"'), rows.count(b'"u-2"')) == (False, 1, 1)


def test_a_pseudonym_is_made_once(rig: Rig) -> None:
    """The inbox keeps the pseudonym, and a replayed event is of the same person as any other."""
    rig.options = replace(UNASKED, user_ids=UserIds.HMAC, secret=b"s" * 32)

    async def act() -> None:
        await rig.take(sold(user_id="u-1"), sold(5, user_id="u-1"))
        assert [b"u-1" in held.event.body.encode() for held in rig.failed.latest(rig.tenant, Selection(), None, 9)] == [
            False
        ]
        rig.registry = TEXTS
        assert (await rig.replay()).stored == 1

    rig.run(act)
    made = [orjson.loads(row)[5] for _, _, rows in rig.store.every_key() for row in rows.split(b"\n")]
    assert (len(made), len(set(made)), made[0][:5]) == (2, 1, "hmac_")


def test_an_event_without_an_id_is_counted_once(rig: Rig) -> None:
    one = sold()
    del one["event_id"]

    async def act() -> None:
        await rig.take(one, one)
        await rig.take(one)
        rig.registry = TEXTS
        assert await rig.replay() == Replayed(1, 0, 0, 0, 0, None)

    rig.run(act)
    assert len(rig.written) == 1


def test_nothing_is_replayed_of_an_empty_inbox(rig: Rig) -> None:
    assert rig.run(rig.replay) == NOTHING
