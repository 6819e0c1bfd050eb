"""The indexer: takes blocks of the journal into the engine, in order, each event once, and frees them.

Killed anywhere, it loses and doubles nothing: blocks are freed only after the engine has them on disk, a repeated
insert carries the same token, and before every insert the ids that the store already has are dropped.
"""

import threading
import time
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from uuid import UUID

import numpy as np
import structlog

from auricle import clock
from auricle.errors import AuricleError, StorageFull, Unavailable
from auricle.intake.dedupe import SeenFilter, Words, halves, stored_halves
from auricle.intake.journal import Journal
from auricle.intake.row import received_at_of
from auricle.store.events import BadRows, EventStore
from auricle.store.journal import Block, JournalStore, Settlement
from auricle.store.rollup import RollupStore

log = structlog.get_logger(__name__)

INSERT_BYTES = 32 << 20
"""Rows of one insert; the engine splits larger ones, and a split one may be half there after a crash."""
PATIENCE_SECONDS = (0.1, 0.3, 1.0)
"""Pauses after failures, the last one for ever."""
MAKE_SURE = 3
"""How often rows that the engine took and does not have are written again before all is tried anew."""
KEY = 16


@dataclass(frozen=True, slots=True)
class _Row:
    """One event of a block."""

    tenant_id: str
    key: bytes
    line: bytes

    @property
    def name(self) -> tuple[str, str]:
        return self.tenant_id, str(UUID(bytes=self.key))


class Indexer:
    """One thread that drains the journal into the event store."""

    def __init__(
        self,
        events: EventStore,
        store: JournalStore,
        journal: Journal,
        seen: SeenFilter,
        rollups: RollupStore,
        interval: float,
        max_rows: int,
    ) -> None:
        self._rollups = rollups
        self._events = events
        self._store = store
        self._journal = journal
        self._seen = seen
        self._interval = interval
        self._max_rows = max_rows
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="indexer", daemon=True)
        self._in_doubt = True
        self.trouble: str | None = None
        """Why the last attempt failed; None when it went well."""

    def start(self) -> None:
        """Begins to drain."""
        self._thread.start()

    def stop(self) -> None:
        """Ends after the insert under way."""
        self._stopping.set()
        self._journal.written.set()
        self._thread.join()

    def _run(self) -> None:
        failures = 0
        while not self._stopping.is_set():
            try:
                with self._store.indexing() as mine:
                    if mine():
                        self._fill_filter()
                        while not self._stopping.is_set() and mine():
                            self._step()
                            failures, self.trouble = 0, None
                    else:
                        self._stopping.wait(1)
            except AuricleError as error:
                self._in_doubt = True
                self.trouble = error.detail
                self._stopping.wait(PATIENCE_SECONDS[min(failures, len(PATIENCE_SECONDS) - 1)])
                failures += 1
            except Exception as error:
                self._in_doubt = True
                self.trouble = f"unexpected: {type(error).__name__}"
                log.exception("indexer_failed", error=str(error))
                self._stopping.wait(PATIENCE_SECONDS[-1])

    def _fill_filter(self) -> None:
        """Takes every stored id into the filter, once; until then each id is looked up in the store."""
        if self._seen.complete:
            return
        for piece in self._events.ids():
            self._seen.add(stored_halves(piece))
            if self._stopping.is_set():
                return
        self._seen.complete = True

    def _step(self) -> None:
        """Drains one insert's worth, or waits for something to do."""
        if not self._journal.spares_the_engine:
            raise StorageFull("The disk is nearly full; events wait in the journal.")
        self._journal.written.clear()
        began = time.monotonic()
        blocks = self._store.blocks(self._max_rows, INSERT_BYTES)
        if not blocks:
            self._journal.written.wait(0.2)
            return
        self._index(blocks)
        rows = sum(block.events for block in blocks)
        if rows < self._max_rows // 4:
            # NOTE: many small inserts cost more than a few larger ones; nobody minds half a second.
            self._stopping.wait(max(0.0, self._interval - (time.monotonic() - began)))

    def _index(self, blocks: Sequence[Block]) -> None:
        """Writes the blocks' events that the store does not have, and frees the blocks."""
        token = f"{self._store.identity}:{blocks[0].id}-{blocks[-1].id}"
        keys = halves(b"".join([block.keys for block in blocks]))
        tally: Counter[tuple[str, str]] = Counter()
        poison: list[tuple[Block, str]] = []
        self._rollups.admit((block.tenant_id, block.received_at) for block in blocks)
        if not self._insert_whole(blocks, keys, token):
            rows = self._unseen([row for block in blocks for row in _rows(block)], keys, tally)
            self._insert(rows, token, poison)
            if self._in_doubt:
                self._make_sure(rows, token, poison)
            tally.update(Counter((row.tenant_id, "stored") for row in rows))
            for block, _ in poison:
                tally[block.tenant_id, "stored"] -= block.events
        else:
            for block in blocks:
                tally[block.tenant_id, "stored"] += block.events
        self._seen.add(keys)
        self._journal.settle(Settlement(tuple(block.id for block in blocks), tally, tuple(poison)))
        self._in_doubt = False

    def _insert_whole(self, blocks: Sequence[Block], keys: Words, token: str) -> bool:
        """Writes all rows as they are; False when some may be known already, or cannot be read."""
        # NOTE: after a failure nobody knows what the engine has, so then every id is looked up.
        if self._in_doubt or self._seen.suspects(keys).any() or _repeats(keys):
            return False
        try:
            self._events.insert(b"\n".join([block.rows for block in blocks]), token)
        except BadRows:
            self._in_doubt = True
            return False
        return True

    def _unseen(self, rows: Sequence[_Row], keys: Words, tally: Counter[tuple[str, str]]) -> list[_Row]:
        """The rows that the store does not have yet; the others are counted."""
        suspects = np.ones(len(rows), dtype=np.bool_) if self._in_doubt else self._seen.suspects(keys)
        asked = [row.name for row, suspect in zip(rows, suspects, strict=True) if suspect]
        found = self._events.known(asked)
        known = {(event.tenant_id, event.event_id): at for event, at in found.kept}
        kept = []
        for row in rows:
            at, mine = known.get(row.name), received_at_of(row.line)
            if row.name in found.retired:
                # No row that still waits here is retired: a sweep takes only what was settled long before.
                tally[row.tenant_id, "duplicate"] += 1
            elif at is None:
                kept.append(row)
                known[row.name] = mine
            else:
                # The very same row is there from before a crash; any other is a second telling.
                tally[row.tenant_id, "stored" if at == mine else "duplicate"] += 1
        return kept

    def _make_sure(self, rows: Sequence[_Row], token: str, poison: list[tuple[Block, str]]) -> None:
        """Looks whether rows that were written in doubt are there, and writes those again that are not.

        NOTE: the engine notes the token of an insert before its rows are on disk. An insert that ends between the two,
        on a full disk or by a kill, leaves a token that makes the engine take the repetition for done, and drop it.
        """
        aside = {block.keys for block, _ in poison}
        missing = [row for row in rows if row.key not in aside]
        for _ in range(MAKE_SURE):
            there = {(event.tenant_id, event.event_id) for event, _ in self._events.find([row.name for row in missing])}
            missing = [row for row in missing if row.name not in there]
            if not missing:
                return
            log.warning("rows_written_again", rows=len(missing))
            self._insert(missing, f"{token}:{clock.new_id()}", poison)
        raise Unavailable("The event store takes rows and does not keep them.")

    def _insert(self, rows: Sequence[_Row], token: str, poison: list[tuple[Block, str]]) -> None:
        """Writes rows; those that the engine cannot read are set aside, found by halving."""
        if not rows:
            return
        lines = b"\n".join([row.line for row in rows])
        try:
            self._events.insert(lines, f"{token}:{len(rows)}:{zlib.crc32(lines)}")
        except BadRows as error:
            if len(rows) > 1:
                middle = len(rows) // 2
                self._insert(rows[:middle], token, poison)
                self._insert(rows[middle:], token, poison)
                return
            # NOTE: why stands in the journal, not in the log: the engine's words quote the row.
            log.error("row_set_aside", tenant_id=rows[0].tenant_id, event_id=rows[0].name[1])
            row = rows[0]
            poison.append((Block(0, row.tenant_id, received_at_of(row.line), 1, row.key, row.line), str(error)[:2000]))


def _repeats(keys: Words) -> bool:
    """Whether an id may stand here twice (of 64 bits: a false alarm costs a look-up)."""
    mixed = keys[:, 0] ^ (keys[:, 1] * np.uint64(0x9E3779B97F4A7C15))
    mixed.sort()
    return bool((mixed[1:] == mixed[:-1]).any())


def _rows(block: Block) -> Iterator[_Row]:
    # NOTE: a line holds no raw line break: JSON escapes it.
    for index, line in enumerate(block.rows.split(b"\n")):
        yield _Row(block.tenant_id, block.keys[index * KEY : index * KEY + KEY], line)
