"""The inbox's table: groups, samples, what is removed and what is rewritten, always of one tenant."""

import uuid
from dataclasses import replace

import pytest
from sqlalchemy import Engine

from auricle.store.audit import AuditStore
from auricle.store.inbox import Failure, Group, Held, InboxStore, Selection, Verdict
from auricle.store.journal import Entry, FailedEvent, JournalStore

ID = "123e4567-e89b-12d3-a456-426614174000"


@pytest.fixture
def inbox(database: Engine) -> InboxStore:
    return InboxStore(database)


def failure(tenant: str = "acme", at: int = 5, body: str = "", **more: str) -> FailedEvent:
    told = {"event_name": "kb.hit", "status": "rejected", "reason": "schema", "pointer": "/a", "rule": "type"}
    told |= {"event_id": str(uuid.UUID(int=at)), "message": "must be text"} | more
    return FailedEvent(tenant_id=tenant, received_at=at, size=len(body), body=body, **told)


def keep(database: Engine, *failures: FailedEvent) -> None:
    store = JournalStore(database)
    for one in failures:
        store.commit([Entry(one.tenant_id, 5, 0, b"", b"", {}, (one,))])


def numbers(inbox: InboxStore, tenant: str = "acme", selection: Selection = Selection()) -> list[int]:
    """When what is left of a tenant was received."""
    return [one.event.received_at for one in reversed(inbox.latest(tenant, selection, None, 100))]


def test_a_failed_event_is_found_by_its_tenant(inbox: InboxStore, database: Engine) -> None:
    mine, later = failure(event_id=ID), failure(at=6, event_id=ID, rule="maximum")
    theirs = failure("other", event_id=ID, reason="envelope")
    keep(database, mine, later, theirs)
    assert [inbox.find(tenant, ID) for tenant in ("acme", "other", "nobody")] == [later, theirs, None]


def test_failed_events_are_grouped(inbox: InboxStore, database: Engine) -> None:
    keep(
        database,
        failure(at=1, body="{}"),
        failure(at=2, body='{"a":1}', rule="minimum", message="must be at least 1"),
        failure(at=3, pointer="/b"),
        failure(at=4, event_name=""),
        failure(at=5, status="dropped", reason="no_consent"),
        failure("other", at=6, body="{}"),
    )
    assert inbox.groups("acme", 10) == [
        Group("kb.hit", "schema", "/a", 2, 2, 9, 1, 2, "minimum", "must be at least 1"),
        Group("", "schema", "/a", 1, 0, 0, 4, 4, "type", "must be text"),
        Group("kb.hit", "schema", "/b", 1, 0, 0, 3, 3, "type", "must be text"),
    ]
    assert [one.events for one in inbox.groups("acme", 1)] == [2]
    assert inbox.groups("nobody", 10) == []
    assert inbox.held("acme") == [
        Held("kb.hit", "schema", "/a", str(uuid.UUID(int=1)), 2),
        Held("kb.hit", "schema", "/a", str(uuid.UUID(int=2)), 7),
    ]


def test_samples_are_read_page_by_page(inbox: InboxStore, database: Engine) -> None:
    kept = [failure(at=at, body="{}" if at % 2 else "") for at in range(1, 6)]
    keep(database, *kept, failure("other", at=9, body="{}"))
    first = inbox.latest("acme", Selection(), None, 2)
    assert [one.event for one in first] == [kept[4], kept[3]]
    assert [one.event for one in inbox.latest("acme", Selection(), first[-1].id, 9)] == [kept[2], kept[1], kept[0]]
    assert [one.event for one in inbox.oldest("acme", Selection(), 0, 2)] == [kept[0], kept[2]]
    last = inbox.oldest("acme", Selection(), inbox.oldest("acme", Selection(), 0, 2)[-1].id, 2)
    assert [one.event for one in last] == [kept[4]]


SELECTIONS = {
    "all": (Selection(), []),
    "a name": (Selection("kb.hit"), [4]),
    "no name": (Selection(""), [1, 2, 3]),
    "a reason": (Selection(reason="envelope"), [1, 3, 4]),
    "a pointer": (Selection(pointer="/b"), [1, 2, 4]),
    "a group": (Selection("kb.hit", "schema", "/a"), [2, 3, 4]),
    "nothing": (Selection("kb.hit", "schema", "/c"), [1, 2, 3, 4]),
    "a pointer with a NUL": (Selection(pointer="/\0"), [1, 2, 3, 4]),
    "no ids": (Selection(ids=()), [1, 2, 3, 4]),
}


@pytest.mark.parametrize("case", SELECTIONS)
def test_a_selection_is_discarded(inbox: InboxStore, database: Engine, case: str) -> None:
    selection, left = SELECTIONS[case]
    keep(
        database,
        failure(at=1),
        failure(at=2, reason="envelope"),
        failure(at=3, pointer="/b"),
        failure(at=4, event_name=""),
        failure(at=7, status="dropped"),
        failure("other", at=8),
    )
    assert inbox.discard("acme", selection) == 4 - len(left)
    assert numbers(inbox) == left
    assert numbers(inbox, "other") == [8]
    assert inbox.find("acme", str(uuid.UUID(int=7))) is not None


def test_another_tenants_numbers_are_nobodys(inbox: InboxStore, database: Engine) -> None:
    keep(database, failure(body="{}"), failure("other", at=6, body="{}"))
    (theirs,) = inbox.latest("other", Selection(), None, 9)
    ids = Selection(ids=(theirs.id,))
    assert (inbox.latest("acme", ids, None, 9), inbox.oldest("acme", ids, 0, 9)) == ([], [])
    assert (inbox.replayed("acme", [theirs.id]), inbox.discard("acme", ids)) == (0, 0)
    inbox.rewrite("acme", [Verdict(theirs.id, "x", "schema", "/x", "x", "x")])
    assert inbox.latest("other", Selection(), None, 9) == [theirs]


def test_what_was_replayed_leaves_and_is_audited(inbox: InboxStore, database: Engine) -> None:
    keep(database, *(failure(at=at, body="{}") for at in range(1, 4)))
    ids = [one.id for one in inbox.latest("acme", Selection(), None, 9)]
    assert [inbox.replayed("acme", some, actor="key:1") for some in (ids[1:], ids[1:], [])] == [2, 0, 0]
    assert numbers(inbox) == [3]
    assert inbox.discard("acme", Selection("kb.hit"), actor="key:2") == 1
    audited = [(row.actor, row.action, row.target, row.detail) for row in AuditStore(database).rows("acme", limit=9)]
    assert audited == [
        ("key:2", "inbox.discard", "kb.hit", '{"events":1,"reason":null}'),
        ("key:1", "inbox.replay", "", '{"events":2}'),
    ]


def test_a_verdict_is_rewritten_and_nothing_else(inbox: InboxStore, database: Engine) -> None:
    one = failure(body="{}")
    keep(database, one, failure(at=6))
    (kept,) = inbox.latest("acme", Selection(), kept_before(inbox, 6), 9)
    inbox.rewrite("acme", [Verdict(kept.id, "kb.hit", "envelope", "/b", "maximum", "less")])
    told = replace(one, reason="envelope", pointer="/b", rule="maximum", message="less")
    assert inbox.latest("acme", Selection(reason="envelope"), None, 9) == [Failure(kept.id, told)]


def kept_before(inbox: InboxStore, at: int) -> int:
    return next(one.id for one in inbox.latest("acme", Selection(), None, 9) if one.event.received_at == at)


@pytest.mark.parametrize(("keep_notes", "left"), [(5, [1, 2, 3, 4]), (3, [1, 2, 3, 4]), (1, [1, 4]), (0, [1])])
def test_the_last_notes_stay(inbox: InboxStore, database: Engine, keep_notes: int, left: list[int]) -> None:
    keep(database, failure(at=1, body="{}"), failure(at=2), failure(at=3), failure("other", at=9), failure(at=4))
    assert inbox.trim_notes("acme", keep_notes) == 4 - len(left)
    assert (numbers(inbox), numbers(inbox, "other")) == (left, [9])


def test_what_is_old_is_forgotten(inbox: InboxStore, database: Engine) -> None:
    keep(database, failure(at=1, body="{}"), failure(at=2), failure("other", at=1), failure(at=3, body="{}"))
    assert inbox.forget(2) == 2
    assert (numbers(inbox), numbers(inbox, "other")) == ([2, 3], [])
