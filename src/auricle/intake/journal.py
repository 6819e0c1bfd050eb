"""Group commit: the requests of one moment share one fsync, and each learns its outcome.

There is no timer. While one commit is on its way to the disk the next requests gather, so an idle service commits
at once and a busy one commits much in little.
"""

import asyncio
import os
import threading
import time
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Self

import structlog

from auricle.errors import AuricleError, StorageFull, Unavailable
from auricle.store.journal import Entry, JournalStore, Settlement

log = structlog.get_logger(__name__)

GROUP_BYTES = 8 << 20
"""Rows of one commit; more wait for the next."""
DISK_CHECK_SECONDS = 0.25

_Work = tuple[Entry | Settlement, asyncio.Future[None] | Future[None]]
"""Something to write, and who waits for it."""


class Journal:
    """The one writer of the journal. `append` belongs to the event loop, `settle` to the indexer's thread."""

    def __init__(self, store: JournalStore, disk: Path, min_free_disk: int, max_waiting: int) -> None:
        self._store = store
        self._disk = disk
        self._min_free_disk = min_free_disk
        self._max_waiting = max_waiting
        self._queue: SimpleQueue[_Work | None] = SimpleQueue()
        """What is to be written; None ends the thread."""
        self._closed = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = threading.Thread(target=self._run, name="journal", daemon=True)
        self._disk_checked = 0.0
        self._disk_full = False
        found = store.waiting()
        self.waiting = found.events
        """Events in the journal that the engine does not have yet."""
        self._queued = deque([(found.oldest, found.events)] if found.oldest is not None else [])
        self.written = threading.Event()
        """Set whenever something new waits; the indexer clears it."""

    def open(self, loop: asyncio.AbstractEventLoop) -> Self:
        """Begins to write; answers go to this loop."""
        self._loop = loop
        self._thread.start()
        return self

    @property
    def oldest(self) -> int | None:
        """`received_at` of the first event that waits, in microseconds."""
        # NOTE: not always the first: a request may overtake another on its way here.
        return min((received_at for received_at, _ in tuple(self._queued)), default=None)

    @property
    def spares_the_engine(self) -> bool:
        """Whether the disk has room for more rows of the engine.

        The last half of what is to be kept free is the database's: without room it could not be opened after a crash.
        """
        return self._free() >= self._min_free_disk // 2

    def _free(self) -> int:
        told = os.statvfs(self._disk)
        return told.f_bavail * told.f_frsize

    def close(self) -> None:
        """Writes what is queued, and ends."""
        self._closed = True
        self._queue.put(None)
        self._thread.join()

    async def append(self, entry: Entry) -> None:
        """Returns when the entry is on disk.

        Raises:
            StorageFull: the disk has no room; nothing of it was kept.
            Unavailable: the journal is out of reach, or too much waits.
        """
        if entry.events or entry.failed:
            self.check_room(entry.events)
        if self._loop is None or self._closed:
            raise Unavailable("The service is stopping.", retry_after=5)
        done: asyncio.Future[None] = self._loop.create_future()
        self._put(entry, done)
        # NOTE: shielded, for a client that hangs up must not take the claim of a written event away.
        await asyncio.shield(done)

    def settle(self, settlement: Settlement) -> None:
        """Frees blocks that the engine has; returns when that is on disk. Errors as in `append`."""
        done: Future[None] = Future()
        self._put(settlement, done)
        done.result()

    def check_room(self, events: int) -> None:
        """Raises what `append` would for an entry of that many events, as far as can be known beforehand."""
        if self.waiting + events > self._max_waiting:
            raise Unavailable("Too many events wait for the event store; try again.", retry_after=5)
        now = time.monotonic()
        if now - self._disk_checked > DISK_CHECK_SECONDS:
            self._disk_full = self._free() < self._min_free_disk
            self._disk_checked = now
        if self._disk_full:
            raise StorageFull("The disk is nearly full; nothing of this was kept. Try again later.", retry_after=10)

    def _put(self, work: Entry | Settlement, done: asyncio.Future[None] | Future[None]) -> None:
        self._queue.put((work, done))

    def _run(self) -> None:
        ended = False
        while not ended:
            group, ended = self._gather()
            if group:
                self._commit(group)

    def _gather(self) -> tuple[list[_Work], bool]:
        """What the next commit writes: all that waits, up to a size; waits for the first. And whether the end came."""
        group: list[_Work] = []
        size, ended = 0, False
        found = self._queue.get()
        while True:
            if found is None:
                ended = True
            else:
                group.append(found)
                work = found[0]
                size += len(work.rows) if isinstance(work, Entry) else 0
            if size >= GROUP_BYTES and not ended:
                return group, False
            try:
                found = self._queue.get_nowait()
            except Empty:
                return group, ended

    def _commit(self, group: list[_Work]) -> None:
        entries = [work for work, _ in group if isinstance(work, Entry)]
        settlements = [work for work, _ in group if isinstance(work, Settlement)]
        error: AuricleError | None = None
        try:
            self._store.commit(entries, settlements)
        except AuricleError as refused:
            error = refused
            log.warning("journal_refused", code=refused.code, cause=str(refused.__cause__)[:300])
        except Exception as unknown:
            error = Unavailable("The journal cannot be written.", retry_after=2)
            log.exception("journal_failed", error=str(unknown))
        else:
            self._queued.extend(_blocks(entries))
            self.waiting += sum(entry.events for entry in entries)
            for settlement in settlements:
                self._settled(settlement)
            self.written.set()
        self._tell(group, error)

    def _settled(self, settlement: Settlement) -> None:
        """Takes the events of settled blocks, which are always the oldest, from what waits."""
        gone = sum(settlement.tally.values()) + sum(block.events for block, _ in settlement.poison)
        self.waiting -= gone
        while gone and self._queued:
            received_at, events = self._queued[0]
            if events > gone:
                self._queued[0] = (received_at, events - gone)
                return
            self._queued.popleft()
            gone -= events

    def _tell(self, group: list[_Work], error: AuricleError | None) -> None:
        waiters = []
        for _, done in group:
            if isinstance(done, Future):
                done.set_exception(error) if error else done.set_result(None)
            else:
                waiters.append(done)
        if waiters and self._loop:
            self._loop.call_soon_threadsafe(_resolve, waiters, error)


def _blocks(entries: Sequence[Entry]) -> list[tuple[int, int]]:
    """Earliest time and number of events of the blocks that the store makes of entries: one a tenant, in order."""
    blocks: dict[str, tuple[int, int]] = {}
    for entry in entries:
        if entry.events:
            received_at, events = blocks.get(entry.tenant_id, (entry.received_at, 0))
            blocks[entry.tenant_id] = (min(received_at, entry.received_at), events + entry.events)
    return list(blocks.values())


def _resolve(waiters: list[asyncio.Future[None]], error: AuricleError | None) -> None:
    for done in waiters:
        if done.cancelled():
            continue
        if error is None:
            done.set_result(None)
        else:
            done.set_exception(error)
            done.exception()  # marks it as seen: its request may have gone away
