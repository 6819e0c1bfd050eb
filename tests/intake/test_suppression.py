"""The suppression list: what is refused, for which tenant, and that nothing in it can be read."""

import uuid

import pytest
from sqlalchemy import Engine, text

from auricle.intake.suppression import SuppressionList, TenantList, event_mark_of, mark_of
from auricle.model.event import Event, key_of
from auricle.model.receipt import Dropped, Reason, Rejected
from auricle.model.subject import Erasure, Mark, State, Subject
from auricle.store.erasure import ErasureStore

KEY = b"k" * 32


def event(user: str = "", session: str = "", tenant: str = "t") -> Event:
    return Event(tenant, str(uuid.uuid4()), "page_view", 0, "", session, user, "web", "", {}, {})


def order(store: ErasureStore, tenant: str, *marks: tuple[Mark, str]) -> Erasure:
    made = Erasure(str(uuid.uuid4()), tenant, State.WAITING, ("user_id",), 1, "key:k", Subject(user_id="u"))
    store.order(made, [(mark, mark_of(store.key, tenant, mark, value)) for mark, value in marks])
    return made


@pytest.mark.parametrize(
    ("mark", "value", "user", "session", "dropped"),
    [
        pytest.param(Mark.USER, "u", "u", "", True, id="user"),
        pytest.param(Mark.USER, "u", "u", "s", True, id="user in any session"),
        pytest.param(Mark.USER, "u", "U", "", False, id="another user"),
        pytest.param(Mark.USER, "u", "", "u", False, id="a session of the same name"),
        pytest.param(Mark.USER, "u", "", "", False, id="nobody"),
        pytest.param(Mark.SESSION, "s", "", "s", True, id="session"),
        pytest.param(Mark.SESSION, "s", "v", "s", True, id="session of anybody"),
        pytest.param(Mark.SESSION, "s", "s", "", False, id="a user of the same name"),
        pytest.param(Mark.TRACE, "s", "", "s", True, id="trace"),
        pytest.param(Mark.TRACE, "s", "v", "s", False, id="trace of another user"),
    ],
)
def test_marks(mark: Mark, value: str, user: str, session: str, dropped: bool) -> None:
    listed = TenantList(KEY, "t", {mark: {mark_of(KEY, "t", mark, value)}})
    told = event(user, session)
    assert listed.drop([told]) == [Dropped(Reason.ERASED, told.event_id) if dropped else told]
    assert listed.covers({"user_id": user or None, "session_id": session}) is dropped


def test_other_verdicts_stay_where_they_are(database: Engine) -> None:
    store = ErasureStore(database)
    listed = SuppressionList(store)
    gone, fresh = event("v"), event("v")
    store.note_erased(order(store, "t", (Mark.USER, "u")), [(event_mark_of(store.key, "t", gone.key), "events")])
    listed.refresh()
    tenant = listed.of("t")
    assert tenant is not None
    refused = Rejected(Reason.SCHEMA, ())
    hers = event("u")
    verdicts = [refused, gone, fresh, hers, Dropped(Reason.NO_CONSENT, "e")]
    erased = [Dropped(Reason.ERASED, one.event_id) for one in (gone, hers)]
    assert tenant.drop(verdicts) == [refused, erased[0], fresh, erased[1], verdicts[4]]
    assert (tenant.knows(gone.key), tenant.knows(fresh.key)) == (True, False)
    assert [tenant.covers({"event_id": one.event_id.upper()}) for one in (gone, fresh)] == [True, False]
    assert tenant.drop([]) == []


@pytest.mark.parametrize("raw", [None, [], "u", {}, {"user_id": 7, "session_id": ["s"], "event_id": "u"}])
def test_what_is_no_event_is_nobodys(raw: object) -> None:
    listed = TenantList(KEY, "t", {mark: {mark_of(KEY, "t", mark, "")} for mark in Mark})
    assert listed.covers(raw) is False


def test_lists_of_tenants_are_apart(database: Engine) -> None:
    store = ErasureStore(database)
    listed = SuppressionList(store)
    assert listed.of("t") is None
    first = order(store, "t", (Mark.USER, "u"))
    store.note_erased(first, [(event_mark_of(store.key, "t", bytes(16)), "events")])
    order(store, "other", (Mark.USER, "v"))
    listed.refresh()
    mine, other = listed.of("t"), listed.of("other")
    assert mine is not None
    assert other is not None
    nobody = event()._replace(event_id=str(uuid.UUID(int=0)))
    assert [type(one) for one in mine.drop([event("u"), event("v"), nobody])] == [Dropped, Event, Dropped]
    assert [type(one) for one in other.drop([event("u"), event("v"), nobody])] == [Event, Dropped, Event]


def test_every_hash_differs_by_tenant_mark_key_and_value() -> None:
    made = [
        mark_of(key, tenant, mark, value)
        for key in (KEY, b"l" * 32)
        for tenant in ("t", "u")
        for mark in Mark
        for value in ("a", "b", "ä", "\ud800")
    ]
    assert len(set(made)) == len(made)
    assert len({event_mark_of(KEY, tenant, key_of(str(uuid.UUID(int=n)))) for tenant in "tu" for n in range(50)}) == 100


def test_a_lifted_person_comes_in_again_and_an_erased_event_does_not(database: Engine) -> None:
    store = ErasureStore(database)
    listed = SuppressionList(store)
    made = order(store, "t", (Mark.USER, "u"))
    gone = event("u")
    store.note_erased(made, [(event_mark_of(store.key, "t", gone.key), "events")])
    assert [(one.mark, one.erasure_id) for one in store.suppressions("t")] == [(Mark.USER, made.id)]
    assert [store.lift(whose, made.id, "key:k") for whose in ("other", "t", "t")] == [None, 1, 0]
    listed.refresh()
    tenant = listed.of("t")
    assert tenant is not None
    assert [type(one) for one in tenant.drop([gone, event("u")])] == [Dropped, Event]


def test_the_same_key_after_a_start_and_no_clear_id_in_the_list(database: Engine) -> None:
    store = ErasureStore(database)
    order(store, "t", (Mark.USER, "clear-id"))
    assert ErasureStore(database).key == store.key
    with database.connect() as connection:
        rows = connection.execute(text("SELECT * FROM suppressions")).all()
    assert len(rows) == 1
    assert "clear-id" not in repr(rows)
