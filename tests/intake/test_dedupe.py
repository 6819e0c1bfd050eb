"""The window and the filter: nothing that was seen is ever taken for new."""

import threading
import uuid

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as limits
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from auricle.intake import dedupe
from auricle.intake.dedupe import KEEP_SECONDS, ROTATE_SECONDS, SeenFilter, Window, halves, stored_halves

KEYS = st.binary(min_size=16, max_size=16)


def random_ids(count: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 2**64, (count, 2), dtype=np.uint64)


def full(ids: np.ndarray) -> SeenFilter:
    seen = SeenFilter()
    seen.add(ids)
    seen.complete = True
    return seen


def test_halves_are_the_same_from_the_journal_and_from_the_engine() -> None:
    ids = [uuid.UUID("00112233-4455-6677-8899-aabbccddeeff"), uuid.UUID(int=2**128 - 1), uuid.UUID(int=0)]
    journal = b"".join(each.bytes for each in ids)
    engine = b"".join(each.bytes[:8][::-1] + each.bytes[8:][::-1] for each in ids)
    expected = [[each.int >> 64, each.int & (2**64 - 1)] for each in ids]
    assert halves(journal).tolist() == stored_halves(engine).tolist() == expected
    assert halves(b"").shape == (0, 2)


@limits(max_examples=200)
@given(added=st.lists(KEYS, max_size=60), asked=st.lists(KEYS, max_size=60))
def test_what_was_added_is_always_suspected(added: list[bytes], asked: list[bytes]) -> None:
    seen = full(halves(b"".join(added)))
    every = seen.suspects(halves(b"".join(added + asked)))
    assert every[: len(added)].all()
    assert len(every) == len(added) + len(asked)


@pytest.mark.parametrize(
    "ids",
    [
        pytest.param([(n, 0) for n in range(2_000)], id="counted in the upper half"),
        pytest.param([(0, n) for n in range(2_000)], id="counted in the lower half"),
        pytest.param([(n << 32, n << 32) for n in range(2_000)], id="alike in both halves"),
    ],
)
def test_ids_with_a_pattern_do_not_collide(ids: list[tuple[int, int]]) -> None:
    words = np.array(ids, dtype=np.uint64)
    seen = full(words[::2])
    assert seen.suspects(words[::2]).all()
    assert seen.suspects(words[1::2]).sum() <= 3


def test_fresh_ids_are_seldom_suspected_also_when_a_sheet_is_full() -> None:
    added = random_ids(dedupe.FIRST_CAPACITY, 1)
    seen = full(added)
    assert seen.suspects(added).all()
    wrong = int(seen.suspects(random_ids(500_000, 2)).sum())
    assert wrong < 100, f"{wrong} of 500,000: more than one in 5,000"


def test_it_grows_by_sheets_of_twice_the_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dedupe, "FIRST_CAPACITY", 1_000)
    added = random_ids(8_500, 3)
    seen = SeenFilter()
    for start in range(0, len(added), 700):  # steps that end within sheets and cross their ends
        seen.add(added[start : start + 700])
    seen.complete = True
    assert [len(sheet) for sheet in seen._sheets] == [500, 1_000, 2_000, 4_000]
    assert seen.suspects(added).all()
    assert seen.suspects(random_ids(50_000, 4)).mean() < 0.002


def test_until_it_is_complete_everything_is_suspected() -> None:
    seen = SeenFilter()
    ids = random_ids(10, 5)
    assert seen.suspects(ids).all()
    seen.complete = True
    assert not seen.suspects(ids).any()


def test_two_filters_choose_their_places_apart() -> None:
    """Nobody may make ids that collide, so the places must not be known."""
    ids = random_ids(1, 6)
    sheets = [full(ids)._sheets[0] for _ in range(2)]
    assert (sheets[0] != sheets[1]).any()


def test_it_is_asked_while_it_is_filled() -> None:
    added = random_ids(60_000, 7)
    seen = full(added[:1_000])
    done = threading.Event()

    def fill() -> None:
        for start in range(1_000, len(added), 1_000):
            seen.add(added[start : start + 1_000])
        done.set()

    thread = threading.Thread(target=fill)
    thread.start()
    while not done.is_set():
        assert seen.suspects(added[:1_000]).all()
    thread.join()
    assert seen.suspects(added).all()


A, B, C = b"a" * 16, b"b" * 16, b"c" * 16


def test_the_window_knows_what_was_claimed_of_its_tenant() -> None:
    window = Window()
    window.claim("t", {A: 1, B: 2}, 10)
    window.claim("u", {B: 3}, 11)
    assert window.known("t", [A, B, C]) == {A: 1, B: 2}
    assert window.known("u", [A, B, C]) == {B: 3}
    assert window.known("nobody", [A]) == {}
    assert len(window) == 3


def test_what_was_released_is_new_again() -> None:
    window = Window()
    window.claim("t", {A: 1, B: 2}, 10)
    window.release("t", [A, C])
    window.release("u", [B])
    assert (window.known("t", [A, B]), len(window)) == ({B: 2}, 1)
    window.claim("t", {A: 5}, 11)
    assert window.known("t", [A]) == {A: 5}


def test_it_keeps_what_the_engine_does_not_have_however_long_it_takes() -> None:
    window = Window()
    window.claim("t", {A: 1}, 100)
    for second in range(1, 100):
        window.rotate(second, settled=99)
    assert window.known("t", [A]) == {A: 1}


def test_it_forgets_what_the_engine_has_had_for_a_while() -> None:
    window = Window()
    window.claim("t", {A: 1}, 100)
    began = ROTATE_SECONDS + 1
    window.rotate(began, settled=100)  # ends the generation of A
    window.claim("t", {B: 2}, 200)
    window.rotate(began + KEEP_SECONDS - 0.1, settled=100)
    assert window.known("t", [A, B]) == {A: 1, B: 2}
    window.rotate(began + KEEP_SECONDS + 0.1, settled=100)
    assert window.known("t", [A, B]) == {B: 2}
    assert len(window) == 1


def test_it_forgets_in_order() -> None:
    """A generation whose end the engine has not reached keeps all younger ones."""
    window = Window()
    window.claim("t", {A: 1}, 1_000)
    window.rotate(10, settled=0)
    window.claim("t", {B: 2}, 500)
    window.rotate(20, settled=0)
    window.rotate(100, settled=700)
    assert window.known("t", [A, B]) == {A: 1, B: 2}
    window.rotate(101, settled=1_000)
    assert window.known("t", [A, B]) == {}


class WindowMachine(RuleBasedStateMachine):
    """Whatever happens in whatever order: an id that is claimed and not settled is known."""

    def __init__(self) -> None:
        super().__init__()
        self.window = Window()
        self.now = 0.0
        self.settled = 0
        self.clock = 0
        self.claimed: dict[bytes, tuple[int, int]] = {}

    @rule(key=st.integers(0, 30))
    def claim(self, key: int) -> None:
        name = bytes([key]) * 16
        self.clock += 1
        if not self.window.known("t", [name]):
            self.window.claim("t", {name: self.clock}, self.clock)
            self.claimed[name] = (self.clock, self.clock)

    @rule(key=st.integers(0, 30))
    def release(self, key: int) -> None:
        name = bytes([key]) * 16
        self.window.release("t", [name])
        self.claimed.pop(name, None)

    @rule(seconds=st.floats(0, 10), settle=st.floats(0, 1))
    def rotate(self, seconds: float, settle: float) -> None:
        self.now += seconds
        self.settled += int((self.clock - self.settled) * settle)
        self.window.rotate(self.now, self.settled)

    @invariant()
    def unsettled_ids_are_known(self) -> None:
        waiting = {key: told for key, (told, at) in self.claimed.items() if at > self.settled}
        assert waiting.items() <= self.window.known("t", self.claimed).items()

    @invariant()
    def the_size_is_right(self) -> None:
        known = self.window.known("t", [bytes([key]) * 16 for key in range(31)])
        assert len(self.window) == len(known)


TestWindow = WindowMachine.TestCase
TestWindow.settings = limits(max_examples=40, stateful_step_count=40, deadline=None)


@pytest.mark.parametrize("sheets", [1, 3])
def test_one_by_one_is_the_same_as_all_at_once(sheets: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dedupe, "FIRST_CAPACITY", 1 << 10)
    seen = full(random_ids(700 * (2**sheets - 1), seed=5))
    keys = [uuid.UUID(int=(int(high) << 64) | int(low)).bytes for high, low in random_ids(4_000, seed=5)]
    keys += [uuid.uuid4().bytes for _ in range(20_000)]
    at_once = seen.suspected(keys)
    assert [seen.suspected([key])[0] for key in keys] == at_once
    assert True in at_once
    assert False in at_once
