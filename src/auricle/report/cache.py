"""The cache: answers as the bytes that are sent, kept by tenant and question while the tenant's data stay as they were.

Pure bookkeeping: what is a revision, when is now and how an answer is made is told by `auricle.edge.answer`.
"""

import hashlib
from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass, fields, is_dataclass, replace
from datetime import timedelta
from typing import Any

from auricle.model.query import EPOCH, Interactions, Query, Retention
from auricle.report.plan import DEFAULT_PERIOD

LONGEST = timedelta(hours=1)
"""How long the answer for a fixed range is kept at most."""
LONGEST_MOVING = timedelta(seconds=10)
"""How long the answer for a range that ends now is kept at most; it says of itself where it ended."""
MOVES = 1_000
"""A range that ends now is asked again when it has moved by this part of its length."""
LARGEST_SHARE = 8
"""An answer that would take more than this part of the cache is not kept: it would drive out all others."""
OVERHEAD = 500
"""Bytes of an entry beside those of its answer."""

Key = tuple[str, bytes]
"""The tenant, and a hash of the question."""


@dataclass(frozen=True, slots=True)
class Kept:
    """An answer that was given once."""

    revision: Hashable
    body: bytes
    """As it is sent from here: it says that it comes from the cache."""
    tag: str
    """The hash of `body`."""
    first: str
    """The hash of the answer as it was sent the first time, when it was read."""
    until: float
    """The second of the caller's clock from which on it is too old."""


class Cache:
    """Answers up to a number of bytes; the one that was asked for longest ago goes first. For one thread."""

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._kept: OrderedDict[Key, Kept] = OrderedDict()
        self.size = 0
        """Bytes that it takes."""

    def get(self, key: Key, revision: Hashable, now: float) -> Kept | None:
        """What was kept for a question under the same revision, if it is not too old."""
        found = self._kept.get(key)
        if found is None:
            return None
        if found.revision != revision or found.until <= now:
            self._remove(key)
            return None
        self._kept.move_to_end(key)
        return found

    def put(self, key: Key, kept: Kept) -> None:
        """Keeps an answer, if it is not too large."""
        self._remove(key)
        size = _size_of(kept)
        if size * LARGEST_SHARE > self._max_bytes:
            return
        self._kept[key] = kept
        self.size += size
        while self.size > self._max_bytes:
            self._remove(next(iter(self._kept)))

    @property
    def tenants(self) -> set[str]:
        """The tenants of whom something is kept."""
        return {tenant_id for tenant_id, _ in self._kept}

    def forget(self, tenant_id: str, revision: Hashable, now: float) -> None:
        """Drops what is kept of a tenant under any other revision (`None`: all of it), and what is too old."""
        for key, kept in list(self._kept.items()):
            if key[0] == tenant_id and (kept.revision != revision or kept.until <= now):
                self._remove(key)

    def _remove(self, key: Key) -> None:
        gone = self._kept.pop(key, None)
        if gone is not None:
            self.size -= _size_of(gone)


def _size_of(kept: Kept) -> int:
    return len(kept.body) + OVERHEAD


def key_of(query: Query) -> Key:
    """The same for questions that have the same answer: all of the query but the moment at which it is asked."""
    told = repr(_told(replace(query, now=EPOCH)))
    return query.tenant_id, hashlib.sha256(told.encode("utf-8", "surrogatepass")).digest()


def seconds_of(query: Query) -> float:
    """How long the answer to a query holds while the data do not change."""
    if not _moves(query):
        return LONGEST.total_seconds()
    length = DEFAULT_PERIOD if query.period is None else query.period
    if query.start is not None:
        length = (query.end or query.now) - query.start
    return min(length / MOVES, LONGEST_MOVING).total_seconds()


def _moves(query: Query) -> bool:
    """Whether the answer changes as time goes by: the range ends now, or what still may come is told apart."""
    return query.start is None or query.end is None or isinstance(query.ask, Interactions | Retention)


def _told(value: Any) -> Any:
    """A value as nested tuples in which different values never look alike.

    NOTE: the query itself is no key: to Python 1, 1.0 and True are equal, to a filter they are not.
    """
    if is_dataclass(value):
        return type(value).__name__, *(_told(getattr(value, each.name)) for each in fields(value))
    if isinstance(value, tuple):
        return "tuple", *map(_told, value)
    return type(value).__name__, repr(value)
