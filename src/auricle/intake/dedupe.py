"""Counted once: what is known of the event ids that were seen before.

`Window` knows exactly the ids that are on their way into the engine. `SeenFilter` knows of every id ever stored
whether it *may* have been seen; the few it suspects are looked up in the store. Together they are exact for ever, at
a cost that does not grow with the number of events (docs/decisions/0004).
"""

import secrets
import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from struct import unpack
from typing import cast

import numpy as np
from numpy.typing import NDArray

Words = NDArray[np.uint64]

BITS_PER_ID = 32
FIRST_CAPACITY = 1 << 20
"""Ids of the first sheet: 4 MB; each further sheet is twice as large."""
SHIFTS = np.arange(0, 30, 6, dtype=np.uint64)[:, None, None]
FEW = 4
"""Ids that are looked at one by one."""
WORD = (1 << 64) - 1
ROTATE_SECONDS = 2.0
KEEP_SECONDS = 5.0
"""How long an id stays in the window after the engine has it: longer than any look-up under way."""


def halves(keys: bytes) -> Words:
    """Ids of 16 bytes in network order, as an array of (n, 2) numbers."""
    return np.frombuffer(keys, dtype=">u8").reshape(-1, 2).astype(np.uint64)


def stored_halves(ids: bytes) -> Words:
    """Ids as the engine writes them (two little-endian halves, high one first), as an array of (n, 2) numbers."""
    return np.frombuffer(ids, dtype="<u8").reshape(-1, 2)


class SeenFilter:
    """A Bloom filter that grows: never forgets an id, and suspects about one fresh id in 50,000.

    Each id sets 5 bits in each of two 64-bit words, so that a look-up touches two places of memory, not ten. The
    words are chosen with a secret, so nobody can make ids that collide.
    """

    def __init__(self) -> None:
        self._odd = np.array([[secrets.randbits(64) | 1 for _ in range(2)] for _ in range(2)], dtype=np.uint64)
        self._sheets: list[Words] = []
        self._room = 0
        self._lock = threading.Lock()
        self.complete = False
        """Whether every stored id is in; until then every id is suspected."""

    def add(self, ids: Words) -> None:
        """Takes ids in; (n, 2) numbers."""
        with self._lock:
            while len(ids):
                if not self._room:
                    self._room = FIRST_CAPACITY << len(self._sheets)
                    self._sheets.append(np.zeros(self._room * BITS_PER_ID // 64, dtype=np.uint64))
                part, ids = ids[: self._room], ids[self._room :]
                self._room -= len(part)
                mixed = self._mixed(part)
                np.bitwise_or.at(self._sheets[-1], _places(mixed, self._sheets[-1]), _bits(mixed))

    def suspects(self, ids: Words) -> NDArray[np.bool_]:
        """For each id whether it may have been added before."""
        if not self.complete:
            return np.ones(len(ids), dtype=np.bool_)
        result = np.zeros(len(ids), dtype=np.bool_)
        if self._sheets:
            mixed = self._mixed(ids)
            bits = _bits(mixed)
            for sheet in self._sheets:
                result |= ((sheet[_places(mixed, sheet)] & bits) == bits).all(axis=0)
        return result

    def suspected(self, keys: Sequence[bytes]) -> list[bool]:
        """The same for ids of 16 bytes in network order."""
        if len(keys) > FEW:
            return cast(list[bool], self.suspects(halves(b"".join(keys))).tolist())
        return [not self.complete or self._suspects_one(key) for key in keys]

    def _suspects_one(self, key: bytes) -> bool:
        """`suspects` for one id, in plain numbers: 5 µs where the arrays take 40 to be set up."""
        high, low = unpack(">QQ", key)
        marks = []
        for first, second in zip(*self._odd.tolist(), strict=True):
            mixed = (high ^ (low >> 31)) * first & WORD
            mixed ^= mixed >> 29
            mixed = (mixed + low) * second & WORD
            mixed ^= mixed >> 32
            bits = 0
            for shift in range(0, 30, 6):
                bits |= 1 << ((mixed >> shift) & 63)
            marks.append((mixed >> 32, bits))
        return any(
            all(int(sheet[place * len(sheet) >> 32]) & bits == bits for place, bits in marks) for sheet in self._sheets
        )

    def _mixed(self, ids: Words) -> Words:
        """Two well-mixed numbers an id, (2, n). The wrapping of the multiplications is meant."""
        high, low = ids[:, 0], ids[:, 1]
        mixed = (high ^ (low >> np.uint64(31))) * self._odd[0, :, None]
        mixed ^= mixed >> np.uint64(29)
        mixed = (mixed + low) * self._odd[1, :, None]
        mixed ^= mixed >> np.uint64(32)
        return mixed


def _places(mixed: Words, sheet: Words) -> NDArray[np.int64]:
    """The words of a sheet, from the upper halves."""
    return ((mixed >> np.uint64(32)) * np.uint64(len(sheet)) >> np.uint64(32)).astype(np.int64)


def _bits(mixed: Words) -> Words:
    """The bits within a word, from the lower halves."""
    chosen: Words = np.bitwise_or.reduce(np.uint64(1) << ((mixed >> SHIFTS) & np.uint64(63)), axis=0)
    return chosen


@dataclass(slots=True)
class _Generation:
    """Ids that came in within one stretch of time."""

    began: float
    last_received: int = 0
    ids: dict[str, dict[bytes, int]] = field(default_factory=dict)
    size: int = 0


class Window:
    """The ids between the door and the engine, each with a fingerprint of its event. Used by the event loop alone."""

    def __init__(self) -> None:
        self._generations = [_Generation(0.0)]

    def __len__(self) -> int:
        return sum(generation.size for generation in self._generations)

    def known(self, tenant: str, keys: Iterable[bytes]) -> dict[bytes, int]:
        """Those of the keys that are in the window, with their fingerprints."""
        found: dict[bytes, int] = {}
        wanted = set(keys)
        for generation in self._generations:
            ids = generation.ids.get(tenant)
            if ids:
                for key in wanted & ids.keys():
                    found[key] = ids[key]
        return found

    def claim(self, tenant: str, fingerprints: Mapping[bytes, int], last_received: int) -> None:
        """Takes ids in, before they are written: another request with one of them waits for the outcome."""
        generation = self._generations[-1]
        generation.ids.setdefault(tenant, {}).update(fingerprints)
        generation.size += len(fingerprints)
        generation.last_received = max(generation.last_received, last_received)

    def release(self, tenant: str, keys: Iterable[bytes]) -> None:
        """Forgets ids whose write failed, so that a retry is taken as new."""
        for key in keys:
            for generation in self._generations:
                ids = generation.ids.get(tenant)
                if ids and ids.pop(key, None) is not None:
                    generation.size -= 1

    def rotate(self, monotonic: float, settled: int) -> None:
        """Forgets the generations that the engine has had for a while.

        Args:
            monotonic: the present, seconds of a clock that never goes back.
            settled: every event received up to then (microseconds) is in the engine.
        """
        newest = self._generations[-1]
        if newest.size and monotonic - newest.began > ROTATE_SECONDS:
            self._generations.append(_Generation(monotonic))
        keep_from = 0
        for position, generation in enumerate(self._generations[:-1]):
            ended = self._generations[position + 1].began
            if generation.last_received > settled or monotonic - ended < KEEP_SECONDS:
                break
            keep_from = position + 1
        del self._generations[:keep_from]
