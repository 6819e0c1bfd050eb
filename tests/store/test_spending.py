"""What models cost, on both databases: set aside before, never past the limit; and pauses that outlive a process."""

from concurrent.futures import ThreadPoolExecutor

from sqlalchemy import Engine

from auricle.store.spending import Pause, SpendingStore, Spent

DAY, NEXT = "2026-01-31", "2026-02-01"


def test_a_day_has_its_limit_and_the_next_one_its_own(database: Engine) -> None:
    store = SpendingStore(database)
    limit = Spent(100, 1_000)
    assert [store.reserve(DAY, Spent(40, 100), limit) for _ in range(3)] == [True, True, False]
    assert store.spent(DAY) == Spent(80, 200)
    store.settle(DAY, Spent(40, 100), Spent(10, 30))
    assert store.spent(DAY) == Spent(50, 130)
    assert store.reserve(DAY, Spent(1, 900), limit) is False, "the money ends before the tokens"
    assert store.reserve(NEXT, Spent(1, 900), limit) is True
    assert store.reserve(DAY, Spent(10**12, 10**15), Spent()) is True, "no limit"


def test_any_number_that_reserve_at_once_stay_below_the_limit(database: Engine) -> None:
    store = SpendingStore(database)
    with ThreadPoolExecutor(8) as workers:
        done = list(workers.map(lambda _: store.reserve(DAY, Spent(7, 7), Spent(100, 0)), range(40)))
    assert (sum(done), store.spent(DAY)) == (14, Spent(98, 98))


def test_a_pause_stays_until_it_is_ended(database: Engine) -> None:
    store = SpendingStore(database)
    assert (store.paused("gemini"), store.resume("gemini")) == (None, False)
    first = Pause("auth", "abc", 5)
    store.pause("gemini", first)
    store.pause("gemini", Pause("billing", "abc", 9))
    assert (SpendingStore(database).paused("gemini"), store.paused("openai")) == (first, None)
    assert (store.resume("gemini", actor="key:x"), store.paused("gemini")) == (True, None)
