"""Export jobs in both databases: claimed by one, finished once, and gone when they should be."""

from dataclasses import replace

import pytest
from sqlalchemy import Engine, update

from auricle import clock
from auricle.errors import TooManyRequests
from auricle.model.export import ExportJob, ExportState
from auricle.model.subject import Erasure, State
from auricle.store.erasure import ErasureStore
from auricle.store.export import ATTEMPTS, MOST, ExportStore
from auricle.store.tables import exports


@pytest.fixture
def store(database: Engine) -> ExportStore:
    return ExportStore(database)


def order(store: ExportStore, tenant: str = "acme", made_at: int = 1) -> ExportJob:
    job = ExportJob(clock.new_id(), tenant, ExportState.WAITING, "csv", made_at, "key:k", '{"filters":["u-1"]}')
    store.order(job, {})
    return job


def run_out(database: Engine) -> None:
    """Every claim has run out, as after a kill and half a minute."""
    with database.begin() as connection:
        connection.execute(update(exports).values(due_at=0))


def claimed(store: ExportStore) -> ExportJob:
    job = store.claim()
    assert job is not None
    return job


def test_the_oldest_is_claimed_once_and_one_of_a_tenant(store: ExportStore) -> None:
    late, early, other = order(store, made_at=2), order(store), order(store, "other", made_at=3)
    first, second = claimed(store), claimed(store)
    assert (first.id, first.state, first.attempts) == (early.id, ExportState.RUNNING, 1)
    assert (second.id, store.claim()) == (other.id, None)
    assert store.finish(first, 5, 100, 1)
    assert (claimed(store).id, store.claim()) == (late.id, None)


def test_a_claim_that_ran_out_is_lost(database: Engine, store: ExportStore) -> None:
    order(store)
    first = claimed(store)
    assert store.progress(first, 3, 9)
    run_out(database)
    second = claimed(store)
    assert (second.id, second.rows, second.file == first.file) == (first.id, 0, False)
    assert not store.progress(first, 4, 9)
    assert not store.finish(first, 9, 100, 1)
    assert not store.release(first, 0)
    assert not store.end(first, ExportState.FAILED)
    assert store.finish(second, 9, 100, 1)
    assert not store.finish(second, 9, 100, 1)
    told = store.get("acme", first.id)
    assert told is not None
    assert (told.state, told.rows, told.file, told.asked) == (ExportState.READY, 9, second.file, "")


def test_what_never_comes_to_its_end_is_given_up(database: Engine, store: ExportStore) -> None:
    job = order(store)
    for _ in range(ATTEMPTS):
        claimed(store)
        run_out(database)
    assert store.claim() is None
    told = store.get("acme", job.id)
    assert (told and told.state) == ExportState.FAILED


def test_a_job_that_is_given_back_waits(store: ExportStore) -> None:
    order(store)
    assert store.release(claimed(store), 60_000_000)
    assert store.claim() is None


def test_a_tenant_has_only_some_under_way(store: ExportStore) -> None:
    for _ in range(MOST):
        order(store)
    with pytest.raises(TooManyRequests):
        order(store)
    order(store, "other", made_at=2)
    assert store.finish(claimed(store), 0, 0, 1)
    order(store)


def test_a_cancelled_job_cannot_finish_and_is_nobody_elses(store: ExportStore) -> None:
    order(store)
    job = claimed(store)
    assert store.cancel("other", job.id, "key:x") is None
    cancelled = store.cancel("acme", job.id, "key:k")
    assert cancelled is not None
    assert cancelled == replace(job, state=ExportState.CANCELLED, asked="", finished_at=cancelled.finished_at)
    assert not store.finish(job, 1, 1, 1)
    assert (store.with_files(), store.get("other", job.id)) == ([], None)


def test_files_have_their_days(database: Engine, store: ExportStore) -> None:
    order(store), order(store, "other", made_at=2)
    short, long = claimed(store), claimed(store)
    assert store.finish(short, 1, 1, 0)
    assert store.finish(long, 1, 1, 1)
    store.expire()
    states = [job and job.state for job in (store.get("acme", short.id), store.get("other", long.id))]
    assert states == [ExportState.EXPIRED, ExportState.READY]
    with database.begin() as connection:
        connection.execute(update(exports).values(finished_at=1))
    store.expire()
    assert (store.get("acme", short.id), len(store.with_files())) == (None, 1)


def test_an_erasure_takes_what_has_a_file_or_writes_one(database: Engine, store: ExportStore) -> None:
    ready = (order(store), claimed(store))[1]
    store.finish(ready, 1, 1, 1)
    running = (order(store), claimed(store))[1]
    waiting = order(store, made_at=5)
    foreign = (order(store, "other"), claimed(store))[1]
    erasures = ErasureStore(database)
    erasure = Erasure("e1", "acme", State.ERASING, ("user_id",), 1, "key:k")
    erasures.order(erasure, ())
    for _ in range(2):  # killed and repeated
        erasures.erase_exports(erasure)
    told = erasures.get("acme", "e1")
    assert (told and told.erased) == {"exports": 2}
    assert not store.finish(running, 1, 1, 1)
    states = [job and job.state for job in (store.get(None, one.id) for one in (ready, running, waiting, foreign))]
    assert states == [ExportState.ERASED, ExportState.ERASED, ExportState.WAITING, ExportState.RUNNING]
