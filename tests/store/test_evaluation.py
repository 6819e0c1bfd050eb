"""The evaluation queue, on both databases: nothing is lost, nothing is claimed twice."""

from concurrent.futures import ThreadPoolExecutor
from itertools import chain

from sqlalchemy import Engine

from auricle.model.evaluation import Entry, Outcome, Settled, Standing, State
from auricle.store.evaluation import EvaluationStore


def outcomes(count: int, tenant: str = "acme") -> list[Outcome]:
    return [Outcome(tenant, f"q{number}", 1_000 + number) for number in range(count)]


def test_an_outcome_joins_once_and_the_mark_only_moves_on(database: Engine) -> None:
    store = EvaluationStore(database)
    assert (store.mark(500), store.mark(900)) == (500, 500)
    assert store.join(outcomes(3), 10, mark=700) == 3
    assert store.join(outcomes(5), 11, mark=600) == 2
    assert store.join(outcomes(2, "other"), 12) == 2
    assert store.join(outcomes(2), 12, generation=12) == 2
    assert store.mark(0) == 700
    assert store.standing("acme") == Standing({State.WAITING: 7}, {}, 1_000, None)
    assert store.standing(None).states == {State.WAITING: 9}


def test_a_claim_holds_until_its_lease_ends_and_then_is_another_ones(database: Engine) -> None:
    store = EvaluationStore(database)
    store.join(outcomes(2), 10)
    first = store.claim(5, "a", now=20, until=100)
    assert [(entry.query_id, entry.lease, entry.attempts) for entry in first] == [("q0", "a", 0), ("q1", "a", 0)]
    assert store.claim(5, "b", now=99, until=200) == []
    second = store.claim(5, "b", now=100, until=200)
    assert [entry.id for entry in second] == [entry.id for entry in first]
    assert store.settle([Settled(first[0], State.SCORED)], 120) == 0, "it was lost to another"
    store.put_back([(first[0], 0, 9)])
    assert store.claim(5, "c", now=150, until=300) == []
    assert store.settle([Settled(second[0], State.SCORED, "", 30), Settled(second[1], State.UNSCORED, "why")], 130) == 2
    assert store.settle([Settled(second[0], State.SKIPPED)], 131) == 0, "it has ended"
    assert store.standing("acme") == Standing({State.SCORED: 1, State.UNSCORED: 1}, {"why": 1}, None, 30.0)
    assert store.join(outcomes(2), 140) == 0, "what was judged does not join again"


def test_what_is_put_back_is_due_when_it_was_told(database: Engine) -> None:
    store = EvaluationStore(database)
    store.join(outcomes(1), 10)
    (entry,) = store.claim(1, "a", 10, 100)
    store.put_back([(entry, 50, 1)])
    assert store.claim(1, "b", 49, 100) == []
    assert [entry.attempts for entry in store.claim(1, "b", 50, 100)] == [1]


def test_a_claim_of_one_tenant_leaves_the_others_alone(database: Engine) -> None:
    store = EvaluationStore(database)
    store.join([*outcomes(2), *outcomes(2, "other")], 10)
    assert {entry.tenant_id for entry in store.claim(9, "a", 10, 99, "other")} == {"other"}
    assert {entry.tenant_id for entry in store.claim(9, "b", 10, 99)} == {"acme"}


def test_any_number_of_workers_claim_each_entry_once(database: Engine) -> None:
    store = EvaluationStore(database)
    store.join(outcomes(400), 10)

    def work(name: int) -> list[Entry]:
        mine: list[Entry] = []
        while some := store.claim(7, f"w{name}", 20, 10_000):
            mine += some
            store.settle([Settled(entry, State.SCORED) for entry in some], 21)
        return mine

    with ThreadPoolExecutor(6) as workers:
        claimed = list(chain.from_iterable(workers.map(work, range(6))))
    assert len(claimed) == len({entry.id for entry in claimed}) == 400
    assert store.standing("acme").states == {State.SCORED: 400}


def test_what_has_ended_is_forgotten_and_what_is_erased_is_gone(database: Engine) -> None:
    store = EvaluationStore(database)
    store.join(outcomes(4), 10)
    for entry, at in zip(store.claim(2, "a", 10, 99), (50, 60), strict=True):
        store.settle([Settled(entry, State.SCORED)], at)
    assert store.forget(60) == 1
    assert store.standing("acme").states == {State.SCORED: 1, State.WAITING: 2}
    assert store.erase("other", ["q3"]) == 0
    assert store.erase("acme", ["q3", "q1", "nothing"]) == 2
    assert store.standing("acme").states == {State.WAITING: 1}
