"""The windows: where the limits are counted in the memory of this process, as a storage of the library `limits`.

The library's own storage in memory starts a thread every 10 milliseconds under load, which walks over all keys: with
many addresses behind it that alone would hold the event loop up. This one has neither threads nor locks, belongs to the
event loop, and looks for old keys when there are twice as many as were left the last time.
"""

from limits.storage import Storage
from limits.storage.base import SlidingWindowCounterSupport

from auricle import clock

SWEEP_AT = 10_000
"""Keys that are kept before any is looked at for its age."""


class Windows(Storage, SlidingWindowCounterSupport):
    """Counts by key in windows of fixed length: the present one and the one before, which sliding ones are made of."""

    STORAGE_SCHEME = ["auricle-windows"]

    def __init__(self) -> None:
        super().__init__()
        self._counts: dict[str, tuple[int, int, int, int]] = {}
        """By key: the length of a window, the number of the present one, its count, and the count of the one before."""
        self._sweep_at = SWEEP_AT

    def __len__(self) -> int:
        return len(self._counts)

    @property
    def base_exceptions(self) -> tuple[type[Exception], ...]:
        """What may go wrong here: nothing."""
        return ()

    def get_sliding_window(self, key: str, expiry: int) -> tuple[int, float, int, float]:
        """The count of the window before, how long it stays in sight, and both of the present one."""
        now = _now()
        before, present = self._pair(key, int(now // expiry))
        left = expiry - now % expiry
        return before, left if before else 0.0, present, left + expiry

    def acquire_sliding_window_entry(self, key: str, limit: int, expiry: int, amount: int = 1) -> bool:
        """Counts `amount`, unless that is over `limit` with the present window and the part in sight of the other."""
        now = _now()
        before, present = self._pair(key, int(now // expiry))
        weighed = before * (expiry - now % expiry) / expiry + present
        if int(weighed) + amount > limit:
            return False
        self._put(key, expiry, now, present + amount, before)
        return True

    def clear_sliding_window(self, key: str, expiry: int) -> None:  # noqa: ARG002 - the library's own form
        """Forgets a key."""
        self.clear(key)

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        """Counts `amount` in the present window, whatever is there already, and gives its count."""
        now = _now()
        before, present = self._pair(key, int(now // expiry))
        self._put(key, expiry, now, present + amount, before)
        return present + amount

    def get(self, key: str) -> int:
        """The count of the present window."""
        found = self._counts.get(key)
        return 0 if found is None else self._pair(key, int(_now() // found[0]))[1]

    def get_expiry(self, key: str) -> float:
        """When the present window ends, in seconds since 1970-01-01 UTC; now where nothing was counted."""
        now, found = _now(), self._counts.get(key)
        return now if found is None else now - now % found[0] + found[0]

    def check(self) -> bool:
        """Whether it can be counted here: always."""
        return True

    def reset(self) -> int:
        """Forgets all keys, and gives their number."""
        number = len(self._counts)
        self._counts.clear()
        return number

    def clear(self, key: str) -> None:
        """Forgets a key."""
        self._counts.pop(key, None)

    def _pair(self, key: str, number: int) -> tuple[int, int]:
        """The counts of the window before the one of this number, and of that one."""
        found = self._counts.get(key)
        if found is None:
            return 0, 0
        _, kept, present, before = found
        if kept == number:
            return before, present
        return (present, 0) if kept == number - 1 else (0, 0)

    def _put(self, key: str, expiry: int, now: float, present: int, before: int) -> None:
        self._counts[key] = (expiry, int(now // expiry), present, before)
        if len(self._counts) > self._sweep_at:
            self._counts = {key: kept for key, kept in self._counts.items() if int(now // kept[0]) - kept[1] <= 1}
            self._sweep_at = max(SWEEP_AT, 2 * len(self._counts))


def _now() -> float:
    return clock.micros() / 1_000_000
