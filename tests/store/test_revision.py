"""The revision: it changes with whatever makes rows come or go, of that tenant alone, on both databases."""

from collections import Counter

import pytest
from sqlalchemy import Engine

from auricle.model.options import TenantOptions
from auricle.model.subject import Erasure, State
from auricle.model.sweep import Share, SweepState
from auricle.store.erasure import ErasureStore
from auricle.store.journal import Entry, JournalStore, Settlement
from auricle.store.options import OptionsStore
from auricle.store.price import PriceStore
from auricle.store.revision import Revision, RevisionStore
from auricle.store.sweep import SweepStore


@pytest.fixture
def revisions(database: Engine) -> RevisionStore:
    return RevisionStore(database)


def test_it_changes_when_rows_are_settled_and_not_before(database: Engine, revisions: RevisionStore) -> None:
    journal = JournalStore(database)
    assert revisions.of("acme") == Revision(0, 0, 0, 0)
    journal.commit([Entry("acme", 1, 2, b"k" * 32, b"[]\n[]", {"duplicate": 1, "rejected": 3})])
    assert revisions.of("acme") == Revision(0, 0, 0, 0)
    blocks = journal.blocks(10, 1_000)
    journal.commit([], [Settlement((blocks[0].id,), Counter({("acme", "stored"): 2}))])
    assert (revisions.of("acme"), revisions.of("other")) == (Revision(2, 0, 0, 0), Revision(0, 0, 0, 0))


def test_nobody_can_tell_while_a_person_is_erased(database: Engine, revisions: RevisionStore) -> None:
    store = ErasureStore(database)
    erasure = Erasure("e1", "acme", State.WAITING, ("user_id",), 1, "key")
    store.order(erasure, ())
    for state in (State.ERASING, State.COMPACTING, State.SCRUBBING):
        assert revisions.of("acme") is None
        store.advance(erasure, state)
    assert (revisions.of("acme"), revisions.of("other")) == (None, Revision(0, 0, 0, 0))
    store.advance(erasure, State.DONE, 2)
    assert revisions.of("acme") == Revision(0, 1, 0, 0)


@pytest.mark.parametrize("end", [SweepState.DONE, SweepState.ABANDONED])
def test_nobody_can_tell_while_rows_are_swept(database: Engine, revisions: RevisionStore, end: SweepState) -> None:
    store = SweepStore(database)
    sweep = store.begin(202508, datasets=False, archived=False)
    assert revisions.of("acme") == Revision(0, 0, 0, 0)  # whose rows go is not known yet, and none has gone
    store.advance(sweep, SweepState.RETIRING, [Share("acme", {"page_view": 2})])
    assert (revisions.of("acme"), revisions.of("other")) == (None, Revision(0, 0, 0, 0))
    under_way = store.unfinished()
    assert under_way is not None
    store.end(under_way, end)
    assert revisions.of("acme") == Revision(0, 0, 1, 0)


def test_it_changes_with_the_options(database: Engine, revisions: RevisionStore) -> None:
    OptionsStore(database).change("acme", TenantOptions(), actor="key")
    assert (revisions.of("acme"), revisions.of("other")) == (Revision(0, 0, 0, 1), Revision(0, 0, 0, 0))


def test_it_changes_with_every_price_list(database: Engine, revisions: RevisionStore) -> None:
    store = PriceStore(database)
    for revision in (1, 2, 3):
        store.put("acme", (), actor="cli")
        assert (revisions.of("acme"), revisions.of("other")) == (Revision(0, 0, 0, 0, revision), Revision(0, 0, 0, 0))
