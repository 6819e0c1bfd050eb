"""Erasing a data subject: from the order to the receipt, in steps that may each be cut off and repeated.

    waiting → erasing → compacting → scrubbing → done

The order is a row, written together with the entries of the suppression list: from then on nothing of the person comes
in. What was accepted before is let through into the event store first, so that it is found there like all the rest.
The ids of the rows are hashed and noted before the rows go; so a receipt that is made after a crash counts the same,
and no erased event is ever counted again. At the end the order forgets whom it was about (docs/decisions/0007).
"""

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import orjson
import structlog

from auricle import clock
from auricle.errors import AuricleError
from auricle.intake.inbox import Inbox
from auricle.intake.intake import Intake
from auricle.intake.options import Options
from auricle.intake.pseudonym import names_of
from auricle.intake.suppression import SuppressionList, event_mark_of, mark_of
from auricle.intake.times import format_rfc3339, parse_rfc3339
from auricle.model.event import key_of
from auricle.model.principal import Principal
from auricle.model.statement import Rows
from auricle.model.subject import Erasure, Mark, State, Subject
from auricle.report import subject as sql
from auricle.store.archive import Archive
from auricle.store.events import COLUMNS, EventStore
from auricle.store.purge import Purge
from auricle.store.rollup import RollupStore

log = structlog.get_logger(__name__)

SETTLE = 2_000_000
"""Microseconds after an order within which every process has read the suppression list."""
SHARED_PAUSE = 1.5
"""Seconds until every process of a shared database knows the erased ids."""


class Eraser:
    """Takes orders to erase, and carries them out, many at once."""

    def __init__(
        self,
        suppressed: SuppressionList,
        events: EventStore,
        rollups: RollupStore,
        inbox: Inbox,
        intake: Intake,
        options: Options,
        removing: Callable[[], bool] = lambda: False,
        archive: Archive | None = None,
        tidy_exports: Callable[[], None] = lambda: None,
    ) -> None:
        """`removing` tells whether a sweep of retention is about to delete rows that it has counted.

        `tidy_exports` removes the files of export jobs that have none any more.
        """
        self.store = suppressed.store
        self.suppressed = suppressed
        self._events = events
        self._purge = Purge(events)
        self._rollups = rollups
        self._inbox = inbox
        self._intake = intake
        self._options = options
        self._removing = removing
        self._archive = archive
        self._tidy_exports = tidy_exports
        self._old_parts: dict[str, frozenset[str]] = {}

    def find(self, principal: Principal, subject: Subject) -> Rows:
        """What is known of a subject, by event name. Blocks."""
        tenant_id = principal.tenant_id
        self.store.note_read(tenant_id, principal.actor, "subject.find", subject)
        return self._events.ask(sql.find(tenant_id, subject, self._names(tenant_id, subject)))

    def export(self, principal: Principal, subject: Subject) -> Iterator[bytes]:
        """Every event of a subject as a line of JSON, in the order of `auricle.report.export.COLUMNS`. Blocks."""
        tenant_id = principal.tenant_id
        self.store.note_read(tenant_id, principal.actor, "subject.export", subject)
        return self._events.lines(sql.export(tenant_id, subject, self._names(tenant_id, subject)))

    def order(self, principal: Principal, subject: Subject) -> Erasure:
        """Writes an order down; when it returns, nothing of the person comes in any more here. Blocks."""
        erasure = Erasure(
            id=clock.new_id(),
            tenant_id=principal.tenant_id,
            state=State.WAITING,
            conditions=subject.conditions,
            asked_at=clock.micros(),
            asked_by=principal.actor,
            subject=subject,
        )
        self.store.order(erasure, self._marks(erasure.tenant_id, subject))
        self.suppressed.refresh()
        log.info("erasure_ordered", erasure=erasure.id, tenant=erasure.tenant_id, conditions=erasure.conditions)
        return self.store.get(erasure.tenant_id, erasure.id) or erasure

    def lift(self, principal: Principal, erasure_id: str) -> int | None:
        """Takes the entries of an erasure from the suppression list; gives their number, None without it. Blocks."""
        lifted = self.store.lift(principal.tenant_id, erasure_id, principal.actor)
        self.suppressed.refresh()
        return lifted

    async def sweep(self) -> None:
        """Reads the suppression list if it has changed, and gets every unfinished erasure on as far as it goes now."""
        for tenant_id in await asyncio.to_thread(self._sweep):
            self._inbox.changed(tenant_id)

    def _sweep(self) -> set[str]:
        """Does so; gives the tenants whose failed events may have become fewer."""
        self.suppressed.refresh()
        touched: set[str] = set()
        with self.store.working() as mine:
            for erasure in self.store.unfinished() if mine else ():
                try:
                    current: Erasure | None = erasure
                    while current and self._step(current):
                        touched.add(erasure.tenant_id)
                        current = self.store.get(erasure.tenant_id, erasure.id)
                except AuricleError as error:
                    log.warning("erasure_waits", erasure=erasure.id, state=erasure.state, error=error.detail)
                    self.store.note_trouble(erasure, error.detail)
        return touched

    def _step(self, erasure: Erasure) -> bool:
        """Takes an erasure to its next state; False when that must wait."""
        steps = {
            State.WAITING: self._wait,
            State.ERASING: self._erase,
            State.COMPACTING: self._compact,
            State.SCRUBBING: self._scrub,
        }
        step = steps.get(erasure.state)
        return step is not None and step(erasure)

    def _wait(self, erasure: Erasure) -> bool:
        if self._intake.settled() < erasure.asked_at + SETTLE or self._removing():
            return False
        self.store.advance(erasure, State.ERASING)
        return True

    def _erase(self, erasure: Erasure) -> bool:
        progress = self._purge.progress(erasure.id)
        if progress.running or erasure.subject is None:
            if progress.failed:
                self.store.note_trouble(erasure, "The event store tries to delete rows, and cannot yet.")
            return False
        subject, tenant = erasure.subject, erasure.tenant_id
        names = self._names(tenant, subject)
        archived = self._archive.source(tenant) if self._archive else None
        self._purge.stage(sql.stage(tenant, subject, names, erasure.id, archived))
        if archived is not None:
            self._purge.stage(sql.stage_archived(tenant, subject, names, erasure.id, archived))
        if subject.whole and subject.user_id is not None:
            rows = self._events.ask(sql.sessions(tenant, names, archived)).rows
            key = self.store.key
            self.store.suppress(erasure, ((Mark.TRACE, mark_of(key, tenant, Mark.TRACE, row[0])) for row in rows))
        if self._remove(erasure, archived):
            return False
        self.store.erase_aside(erasure, lambda line: is_meant(line, subject, names))
        if subject.whole:
            speakers = [("user", name) for name in names]
            speakers += [("session", subject.session_id)] if subject.session_id is not None else []
            self.store.erase_consents(erasure, speakers)
        listed = self.suppressed.of(tenant)
        self.store.erase_failed(
            erasure,
            lambda event_id, body: bool(
                (event_id and listed and listed.knows(key_of(event_id)))
                or (body and is_of(orjson.loads(body), subject, names))
            ),
        )
        self._rollups.release(tenant, erasure.id)
        self.store.erase_exports(erasure)
        self.store.advance(erasure, State.COMPACTING)
        return True

    def _remove(self, erasure: Erasure, archived: str | None) -> bool:
        """Removes the noted rows from the archive, and orders the event store to; False when none was there."""
        live = self._purge.left(erasure.id, erasure.tenant_id)
        if not live and not (self._archive and archived and self._archive.holding(erasure.id, archived)):
            return False
        self._note_ids(erasure)
        self._rollups.hold(erasure.tenant_id, erasure.id)
        if self._archive and archived:
            self._archive.erase(erasure.id, erasure.tenant_id, archived)
        if live:
            self._purge.hurry()
            self._purge.delete(erasure.id, erasure.tenant_id)
        return True

    def _note_ids(self, erasure: Erasure) -> None:
        """Sees to it that the ids are known everywhere before their rows are gone."""
        key, tenant = self.store.key, erasure.tenant_id
        for page in self._purge.staged(erasure.id):
            self.store.note_erased(erasure, ((event_mark_of(key, tenant, event), store) for event, store in page))
        self.suppressed.refresh()
        if self.store.shared:
            time.sleep(SHARED_PAUSE)

    def _compact(self, erasure: Erasure) -> bool:
        if not self._rollups.clear_of(erasure.tenant_id):
            return False
        old = self._purge.old_parts()
        # NOTE: merges make new old parts all the time, but none that holds what is deleted by now.
        if self._old_parts.setdefault(erasure.id, old) & old:
            return False
        self._purge.drop_detached()
        self._purge.forget(erasure.id)
        self.store.advance(erasure, State.SCRUBBING)
        del self._old_parts[erasure.id]
        return True

    def _scrub(self, erasure: Erasure) -> bool:
        self._tidy_exports()
        self.store.scrub()
        # NOTE: the audit log is told the counts of this very moment; those of `erasure` may be older.
        told = self.store.get(erasure.tenant_id, erasure.id) or erasure
        self.store.advance(told, State.DONE, clock.micros())
        log.info("erasure_done", erasure=erasure.id, tenant=erasure.tenant_id)
        return False

    def _names(self, tenant_id: str, subject: Subject) -> Sequence[str]:
        return () if subject.user_id is None else names_of(subject.user_id, self._options.for_tenant(tenant_id))

    def _marks(self, tenant_id: str, subject: Subject) -> list[tuple[Mark, bytes]]:
        if not subject.whole:
            return []
        key = self.store.key
        marks = [(Mark.USER, name) for name in self._names(tenant_id, subject)]
        if subject.session_id is not None:
            marks.append((Mark.SESSION, subject.session_id))
        return [(mark, mark_of(key, tenant_id, mark, value)) for mark, value in marks]


def is_meant(line: bytes, subject: Subject, names: Sequence[str]) -> bool:
    """Whether a row set aside is of a subject; one that nobody at all can read is, if an id stands in it."""
    try:
        row = dict(zip(COLUMNS, orjson.loads(line), strict=True))
        row["occurred_at"] = format_rfc3339(round(float(row["occurred_at"]) * 1_000_000))
    except (ValueError, TypeError):
        return any(orjson.dumps(value)[1:-1] in line for value in (*names, subject.session_id) if value)
    return is_of(row, subject, names)


def is_of(row: Mapping[str, Any], subject: Subject, names: Sequence[str]) -> bool:
    """Whether the envelope of an event meets the conditions of a subject.

    Filters are not asked where an id is given: rather a refused event too many than one that stays. Without an id,
    nobody can say whether they hold, and it stays.
    """
    told = row.get("occurred_at")
    at = parse_rfc3339(told) if isinstance(told, str) else None
    return (
        bool(subject.by or not subject.filters)
        and (subject.user_id is None or row.get("user_id") in names)
        and (subject.session_id is None or row.get("session_id") == subject.session_id)
        and (subject.site_id is None or row.get("site_id") == subject.site_id)
        and (subject.start is None or at is None or at >= subject.start)
        and (subject.end is None or at is None or at < subject.end)
    )
