"""Retention: events over their days leave, in sweeps that may each be cut off and repeated at any step.

    planning → (archiving) → retiring → deleting → done

A sweep takes what of one month of the event store is over its days, of all tenants. With `AURICLE_ARCHIVE_DIR` it is
written there first, and read back. The ids of the rows are noted
before the rows go, so that a late repetition of any is a duplicate for ever. What it took is counted beside `stored`,
which does not fall, in the same transaction that ends it (docs/decisions/0010).
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass

import structlog

from auricle import clock
from auricle.errors import AuricleError, Unavailable
from auricle.intake.options import Options
from auricle.model.days import Days
from auricle.model.statement import Rows
from auricle.model.subject import State
from auricle.model.sweep import Group, Sweep, SweepState
from auricle.report import expiry as sql
from auricle.report.expiry import DAY, Rules
from auricle.settings import Settings
from auricle.store.archive import Archive
from auricle.store.erasure import ErasureStore
from auricle.store.events import EventStore
from auricle.store.expiry import Expiry
from auricle.store.rollup import RollupStore
from auricle.store.sweep import SweepStore

log = structlog.get_logger(__name__)

MAX_ROWS = 5_000_000
"""Rows of one sweep, but for those of its last group."""
MAX_GROUPS = 20_000
"""Groups of one sweep."""
REST = 4
"""For each second that a sweep took, so many pass before the next: retention has a fifth of the time at most."""
MAX_REST_SECONDS = 300.0
RETRY_SECONDS = 10.0
"""Pause after a failure."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How retention stands, as a tenant is told."""

    days: Days
    sweeps: tuple[Sweep, ...]
    up_to_date: bool
    """Whether nothing was left to take, when it was last looked."""
    trouble: str | None


class Sweeper:
    """Looks once a day, when days are changed, and when asked; and takes what is over."""

    def __init__(
        self,
        store: SweepStore,
        erasures: ErasureStore,
        events: EventStore,
        rollups: RollupStore,
        options: Options,
        settled: Callable[[], int],
        settings: Settings,
        archive: Archive | None = None,
    ) -> None:
        """`settled` is the moment (microseconds) up to which every event received is in the event store."""
        self._store = store
        self._erasures = erasures
        self._events = events
        self._rollups = rollups
        self._expiry = Expiry(events)
        self._options = options
        self._settled = settled
        self._settings = settings
        self._archive = archive
        self._looked: Rules | None = None
        self._rest_until = 0.0
        self._deleting_since: float | None = None
        self._spent = 0.0
        self.trouble: str | None = None
        """Why the last attempt failed; None when it went well."""

    def rules(self) -> Rules:
        """The days that hold now."""
        settings, today = self._settings, clock.micros() // DAY
        tolerance = settings.future_tolerance * 1_000_000
        return Rules(settings.event_retention_days, self._options.days(), today, tolerance)

    def standing(self, tenant_id: str) -> Standing:
        """How retention stands for a tenant. Blocks."""
        rules = self.rules()
        found = tuple(self._store.latest(tenant_id))
        return Standing(rules.days_of(tenant_id), found, self._looked == rules, self.trouble)

    def preview(self, tenant_id: str) -> Rows:
        """What of a tenant would go now, by name and dataset. Blocks."""
        return self._events.ask(sql.preview(self.rules(), tenant_id))

    def hurry(self) -> None:
        """Has it looked again at once."""
        self._looked, self._rest_until = None, 0.0

    async def sweep(self) -> None:
        """Gets the sweep under way on as far as it goes now, or looks whether there is one to begin."""
        if time.monotonic() >= self._rest_until:
            await asyncio.to_thread(self._sweep)

    def _sweep(self) -> None:
        began = time.monotonic()
        with self._erasures.working() as mine:
            current: Sweep | None = None
            try:
                current = self._store.unfinished() if mine else None
                if mine and current is None:
                    current = self._begun()
                while current is not None and self._step(current):
                    current = self._store.unfinished()
                self.trouble = None
                self._rest(time.monotonic() - began, under_way=mine and self._store.unfinished() is not None)
            except AuricleError as error:
                self._note(current, error.detail)
                self._rest_until = time.monotonic() + RETRY_SECONDS
                return

    def _rest(self, spent: float, *, under_way: bool) -> None:
        """Leaves the engine to others once a sweep has ended, for as long as all of it took, four times over.

        NOTE: not within a sweep: a rest before the next look at the deletion would count as time that this took.
        """
        self._spent += spent
        if not under_way:
            self._rest_until = time.monotonic() + min(REST * self._spent, MAX_REST_SECONDS)
            self._spent = 0.0

    def _note(self, sweep: Sweep | None, trouble: str) -> None:
        if trouble != self.trouble:
            log.warning("retention_waits", sweep=sweep and sweep.id, state=sweep and sweep.state, error=trouble)
        self.trouble = trouble
        if sweep is not None:
            self._store.note_trouble(sweep, trouble)

    def _begun(self) -> Sweep | None:
        """A new sweep when anything is over its days."""
        self._options.refresh()
        rules = self.rules()
        if self._looked == rules or not rules.latest:
            return None
        if self._settled() < rules.latest:
            raise Unavailable("Events that are over their days still wait for the event store.")
        found = self._over(rules)
        if not found:
            self._looked = rules
            return None
        return self._store.begin(found[0][0], datasets=rules.datasets, archived=self._archive is not None)

    def _over(self, rules: Rules) -> list[tuple[int, Group]]:
        """The groups of the oldest month that has any, as many as one sweep takes."""
        chosen: list[tuple[int, Group]] = []
        events = 0
        for month, *group in self._events.ask(sql.groups(rules, MAX_GROUPS)).rows:
            if chosen and (month != chosen[0][0] or events >= MAX_ROWS):
                break
            chosen.append((month, Group(*group)))
            events += chosen[-1][1].events
        return chosen

    def _step(self, sweep: Sweep) -> bool:
        """Takes a sweep to its next state; False when that must wait."""
        steps = {
            SweepState.PLANNING: self._plan,
            SweepState.ARCHIVING: self._put_away,
            SweepState.RETIRING: self._retire,
            SweepState.DELETING: self._delete,
        }
        return steps[sweep.state](sweep)

    def _plan(self, sweep: Sweep) -> bool:
        rules = self.rules()
        groups = [group for month, group in self._over(rules) if month == sweep.month]
        if not groups or rules.datasets != sweep.datasets:
            self._store.drop(sweep)
            return False
        self._expiry.stage(sweep, groups)
        state = SweepState.ARCHIVING if sweep.archived else SweepState.RETIRING
        self._store.advance(sweep, state, self._expiry.shares(sweep))
        return True

    def _put_away(self, sweep: Sweep) -> bool:
        if self._archive is None or self._is_past(sweep):
            return self._abandon(sweep)
        for share in sweep.shares:
            if not self._archive.holds(sweep, share.tenant_id):
                self._archive.write(sweep, share.tenant_id)
        if any(not self._archive.holds(sweep, share.tenant_id) for share in sweep.shares):
            return False
        self._store.advance(sweep, SweepState.RETIRING)
        return True

    def _is_past(self, sweep: Sweep) -> bool:
        """Whether other days, or another archive, hold by now than those that a sweep was planned by."""
        self._options.refresh()
        if sweep.archived != (self._archive is not None):
            return True
        return bool(self._events.ask(sql.kept(self.rules(), sweep)).rows[0][0])

    def _abandon(self, sweep: Sweep) -> bool:
        if self._archive is not None:
            self._archive.discard(sweep)
        self._expiry.forget(sweep)
        self._store.end(sweep, SweepState.ABANDONED)
        log.info("retention_sweep_abandoned", sweep=sweep.id)
        return False

    def _retire(self, sweep: Sweep) -> bool:
        if any(erasure.state is State.ERASING for erasure in self._erasures.unfinished()):
            return False
        if self._is_past(sweep):
            return self._abandon(sweep)
        shares = self._expiry.shares(sweep)
        if not self._expiry.retire(sweep):
            raise Unavailable("The event store takes ids and does not keep them.")
        self._store.advance(sweep, SweepState.DELETING, shares)
        return True

    def _delete(self, sweep: Sweep) -> bool:
        progress = self._expiry.progress(sweep)
        if progress.running:
            if progress.failed:
                raise Unavailable("The event store tries to delete rows, and cannot yet.")
            return False
        if self._expiry.left(sweep):
            self._deleting_since = time.monotonic()
            for share in sweep.shares:
                self._rollups.hold(share.tenant_id, sweep.id)
            self._expiry.delete(sweep)
            return False
        if self._deleting_since is not None:
            self._spent += time.monotonic() - self._deleting_since
            self._deleting_since = None
        self._expiry.forget(sweep)
        for share in sweep.shares:
            self._rollups.release(share.tenant_id, sweep.id)
        self._store.end(sweep, SweepState.DONE)
        log.info("retention_swept", sweep=sweep.id, month=sweep.folder, events=sum(one.events for one in sweep.shares))
        return False
