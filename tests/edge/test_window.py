"""The windows: they count as the library's own storage does, and do not grow without end."""

import random
import time

import pytest
from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import SlidingWindowCounterRateLimiter

from auricle.edge.window import SWEEP_AT, Windows

START = 1_800_000_000.0


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> dict[str, float]:
    """A clock that is set by hand: `at["now"]`."""
    told = {"now": START}
    monkeypatch.setattr(time, "time", lambda: told["now"])
    monkeypatch.setattr(time, "time_ns", lambda: round(told["now"] * 1e6) * 1_000)
    return told


def test_they_count_as_the_library_does(at: dict[str, float]) -> None:
    draw = random.Random(7)
    theirs, ours = MemoryStorage(), Windows()
    limiters = [SlidingWindowCounterRateLimiter(storage) for storage in (theirs, ours)]
    taken = 0
    for _ in range(4_000):
        at["now"] = round(at["now"] + draw.choice((0, 0.03125, 0.5, 7.25, 61.5, 200.125)), 6)
        limit, key, cost = (
            RateLimitItemPerMinute(draw.choice((3, 10, 50))),
            draw.choice("ab"),
            draw.choice((1, 1, 2, 7)),
        )
        told = [
            (
                limiter.test(limit, key, cost=cost),
                limiter.hit(limit, key, cost=cost),
                limiter.get_window_stats(limit, key).remaining,
                round(limiter.get_window_stats(limit, key).reset_time, 3),
            )
            for limiter in limiters
        ]
        assert told[0] == told[1]
        taken += told[0][1]
    assert 500 < taken < 3_900
    theirs.timer.cancel()


def test_old_keys_are_forgotten_and_new_ones_kept(at: dict[str, float]) -> None:
    windows = Windows()
    for number in range(SWEEP_AT):
        windows.acquire_sliding_window_entry(f"old-{number}", 5, 60)
    at["now"] += 60
    for number in range(SWEEP_AT):
        windows.acquire_sliding_window_entry(f"new-{number}", 5, 60)
    assert len(windows) == 2 * SWEEP_AT  # the old ones are in sight yet
    at["now"] += 60
    windows.acquire_sliding_window_entry("last", 5, 60)
    assert len(windows) == 2 * SWEEP_AT + 1
    at["now"] += 60
    for number in range(SWEEP_AT + 5_000):
        windows.acquire_sliding_window_entry(f"newest-{number}", 5, 60)
    assert len(windows) <= 2 * SWEEP_AT
    assert windows.get_sliding_window("newest-1", 60)[2] == 1


def test_a_refused_key_is_not_kept() -> None:
    windows = Windows()
    assert not windows.acquire_sliding_window_entry("a", 5, 60, 6)
    assert len(windows) == 0


def test_a_key_is_cleared() -> None:
    windows = Windows()
    windows.acquire_sliding_window_entry("a", 5, 60)
    windows.clear_sliding_window("a", 60)
    windows.clear_sliding_window("b", 60)
    assert len(windows) == 0


def test_fixed_windows_are_counted_too(at: dict[str, float]) -> None:
    windows = Windows()
    assert (windows.get("a"), windows.get_expiry("a"), windows.check()) == (0, START, True)
    at["now"] = START + 15
    assert [windows.incr("a", 60), windows.incr("a", 60, 4), windows.get("a")] == [1, 5, 5]
    assert windows.get_expiry("a") == START + 60
    at["now"] = START + 60
    assert (windows.get("a"), windows.get_expiry("a"), windows.reset(), len(windows)) == (0, START + 120, 1, 0)
