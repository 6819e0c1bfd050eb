"""The state of the rollups, on both databases."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from auricle.model.rollup import Coverage, Holding
from auricle.store.rollup import RollupStore


@pytest.fixture
def store(database: Engine) -> RollupStore:
    return RollupStore(database)


@pytest.fixture
def segment(store: RollupStore) -> Iterator[int]:
    """A segment that counts, up to the moment 100."""
    made = store.begin()
    assert store.land(made, 7, None, 100)
    return made


def test_nothing_counts_before_the_first_segment_has_landed(store: RollupStore) -> None:
    assert store.coverage("acme") is None
    segment = store.begin()
    assert store.coverage("acme") is None
    assert store.holding() == Holding(None, False, {}, (segment,), (), (), 0)
    assert store.land(segment, 7, None, 100)
    assert store.coverage("acme") == Coverage(100, (segment,), 0)


def test_a_segment_lands_once_and_only_on_what_it_was_begun_on(store: RollupStore, segment: int) -> None:
    assert not store.land(segment, 7, 100, 200)
    late = store.begin()
    assert not store.land(late, 7, 99, 200)
    assert store.land(late, 7, 100, 200)
    assert store.land(None, 0, 200, 300)
    assert store.coverage("acme") == Coverage(300, (segment, late), 0)


def test_what_is_dropped_while_it_is_made_does_not_land(store: RollupStore, segment: int) -> None:
    late = store.begin()
    store.drop()
    assert (store.coverage("acme"), store.holding().paused) == (None, True)
    assert not store.land(late, 7, 100, 200)
    assert not store.land(store.begin(), 7, None, 200)
    store.rebuild()
    assert store.land(store.begin(), 7, None, 200)
    assert store.coverage("acme") is not None


def test_a_tenant_whose_events_go_reads_them_until_its_rows_are_made_anew(store: RollupStore, segment: int) -> None:
    before = store.coverage("acme")
    assert before is not None
    assert store.holds_good("acme", before)
    store.hold("acme", "job")
    store.hold("acme", "job")
    assert (store.coverage("acme"), store.holds_good("acme", before)) == (None, False)
    assert store.coverage("other") is not None
    assert (store.holding().stale, store.holding().held, store.clear_of("acme")) == ((), 1, False)
    store.release("acme", "job")
    ((tenant, epoch),) = store.holding().stale
    store.note_purged(tenant, epoch, {segment: 5})
    assert (store.clear_of("acme"), store.coverage("acme"), store.holding().live) == (True, None, {segment: 5})
    anew = store.begin()
    assert store.land_tenant(anew, 3, tenant, epoch, 100)
    assert store.coverage("acme") == Coverage(100, (segment, anew), epoch)
    assert not store.holds_good("acme", before)


def test_a_tenant_that_is_held_meanwhile_stays_as_it_is(store: RollupStore, segment: int) -> None:
    store.hold("acme", "one")
    store.release("acme", "one")
    ((tenant, epoch),) = store.holding().stale
    store.hold("acme", "two")
    store.note_purged(tenant, epoch, {segment: 7})
    assert not store.clear_of("acme")
    assert not store.land_tenant(store.begin(), 3, tenant, epoch, 100)
    assert store.coverage("acme") is None


def test_a_block_that_is_older_than_what_is_rolled_up_spoils_its_tenant(store: RollupStore, segment: int) -> None:
    store.admit([("acme", 1), ("other", 1)])
    assert store.coverage("acme") is not None
    store.aim(200)
    store.admit([("acme", 201), ("other", 200)])
    assert (store.coverage("other"), store.coverage("acme")) == (None, Coverage(100, (segment,), 0))


def test_merged_segments_count_until_the_one_they_become(store: RollupStore, segment: int) -> None:
    second = store.begin()
    assert store.land(second, 1, 100, 200)
    read = store.coverage("acme")
    assert read is not None
    merged = store.begin()
    assert store.replace(merged, 8, (segment, second))
    assert store.coverage("acme") == Coverage(200, (merged,), 0)
    assert store.holds_good("acme", read)
    assert not store.replace(store.begin(), 8, (segment, second))
    store.give_up((segment, second, merged))
    assert not store.holds_good("acme", read)
    store.forget((segment, second, merged))
    assert store.coverage("acme") == Coverage(200, (merged,), 0)
