"""The roller: keeps the rollups up with the events, and makes anew what no longer equals them.

Every step is a segment that counts only once it is noted as a whole, so that a kill leaves nothing but rows that do
not count. All of it is done again with `auricle rollup rebuild`.
"""

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable

import structlog

from auricle.model.rollup import Coverage, Holding
from auricle.store.rollup import RollupStore
from auricle.store.segment import Batch, SegmentStore

log = structlog.get_logger(__name__)

SETTLE = 2_000_000
"""Microseconds by which another machine's clock may lag before its events make their tenant's rollups anew."""
MERGED = 8
"""So many segments of about one size become one."""


class Roller:
    """Rolls up in the background, and tells reports how far that has come. Reports ask, sweeps write.

    `settled` tells the moment (microseconds) up to which every event received is in the event store. Rolls up every
    `every` seconds; with `on` false it only takes away what erasures and retention ask it to.
    """

    def __init__(
        self, store: RollupStore, segments: SegmentStore, settled: Callable[[], int], *, on: bool, every: float
    ) -> None:
        self._store = store
        self._segments = segments
        self._settled = settled
        self._on = on
        self._every = every
        self._due = 0.0
        self._verified = False

    async def coverage(self, tenant_id: str) -> Coverage | None:
        """How far the rollups reach for a tenant; None when its reports must read the events."""
        if not (self._on and self._verified):
            return None
        return await asyncio.to_thread(self._store.coverage, tenant_id)

    async def holds_good(self, tenant_id: str, coverage: Coverage) -> bool:
        """Whether what was read with a coverage just now was all there while it was read."""
        return await asyncio.to_thread(self._store.holds_good, tenant_id, coverage)

    async def sweep(self) -> None:
        """Does what is due."""
        await asyncio.to_thread(self.roll)

    def roll(self) -> None:
        """Does what is due: takes away, then adds, then mends, then merges. Blocks."""
        with self._store.working() as mine:
            if not mine:
                self._verified = True  # whoever has the right has seen to it
                return
            if not self._verified:
                self._verify()
            holding = self._store.holding()
            self._purge(holding)
            if not (self._on and not holding.paused):
                self._drop(holding.idle)
            elif holding.upto is None or time.monotonic() >= self._due:
                self._due = time.monotonic() + self._every
                self._drop(holding.idle)
                self._advance(holding.upto)
                self._mend()
                self._merge()

    def _verify(self) -> None:
        """Once, before anybody trusts them: that the engine has the very rows that count, and no others."""
        self._segments.prepare()
        sizes, holding = self._segments.sizes(), self._store.holding()
        if any(sizes.get(segment, 0) != rows for segment, rows in holding.live.items()):
            log.warning("rollups_differ", segments=len(holding.live))
            self._store.rebuild() if not holding.paused else self._store.drop()
        for segment in sizes.keys() - holding.live.keys() - set(holding.idle):
            self._segments.drop(segment)
        self._verified = True

    def _purge(self, holding: Holding) -> None:
        """Takes the rows of stale tenants away. What was erased must not be found here either."""
        for tenant, epoch in holding.stale:
            self._segments.purge(tenant)
            self._store.note_purged(tenant, epoch, self._segments.sizes())
            log.info("rollups_purged", tenant=tenant)

    def _drop(self, segments: tuple[int, ...]) -> None:
        """Removes segments that do not count. Those that did a sweep ago may still be read, so it is told first."""
        if segments:
            self._store.give_up(segments)
            for segment in segments:
                self._segments.drop(segment)
            self._store.forget(segments)

    def _advance(self, upto: int | None) -> None:
        """Rolls up what has come since."""
        target = self._settled() - SETTLE
        if upto is not None and target <= upto:
            return
        self._store.aim(target)
        # NOTE: whatever is written from now on sees the target. What was on its way already is seen here.
        if self._settled() < target:
            return
        began = time.monotonic()
        segment = self._store.begin()
        found = self._segments.build(segment, Batch(upto or 0, target))
        rows = self._segments.sizes().get(segment, 0) if found else 0
        if self._store.land(segment if rows else None, rows, upto, target) and rows:
            log.info("rolled_up", segment=segment, rows=rows, seconds=round(time.monotonic() - began, 2))

    def _mend(self) -> None:
        """Rolls tenants up anew whose rows were taken away."""
        holding = self._store.holding()
        for tenant, epoch in holding.purged if holding.upto is not None else ():
            self._segments.purge(tenant)  # what has come since is in the segments of all tenants
            self._store.note_purged(tenant, epoch, self._segments.sizes())
            segment = self._store.begin()
            upto = holding.upto or 0
            found = self._segments.build(segment, Batch(0, upto, tenant))
            rows = self._segments.sizes().get(segment, 0) if found else 0
            if self._store.land_tenant(segment if rows else None, rows, tenant, epoch, upto):
                log.info("rolled_up_anew", tenant=tenant, segment=segment, rows=rows)

    def _merge(self) -> None:
        """Makes one segment of many of about the same size, so that a report reads few."""
        alike: dict[int, list[int]] = defaultdict(list)
        for segment, rows in self._store.holding().live.items():
            alike[(rows >> 12).bit_length() // 3].append(segment)
        for segments in alike.values():
            if len(segments) >= MERGED:
                merged = self._store.begin()
                self._segments.merge(merged, tuple(segments))
                self._store.replace(merged, self._segments.sizes().get(merged, 0), segments)
                log.info("rollups_merged", segments=len(segments), into=merged)
