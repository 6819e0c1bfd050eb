"""The tracker: takes events from the program, whatever it hands in, and hands them to the sender.

No method of it raises for the sake of an event, waits for the network, or takes more than some microseconds: what is
wrong is counted and logged instead.
"""

import logging
import os
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from threading import RLock
from time import monotonic, sleep
from typing import Any, Unpack
from uuid import UUID

from auricle import clock
from auricle.client import lifecycle
from auricle.client.catalogue import Calls
from auricle.client.event import encode, now, rfc3339
from auricle.client.ledger import Counts, Ledger
from auricle.client.options import Options, Told
from auricle.client.outbox import Outbox
from auricle.client.queue import Queue, Waiting
from auricle.client.sender import BATCH_BYTES, Sender
from auricle.client.wire import Wire

POLL_SECONDS = 0.005
"""How often a caller who waits for room looks for it."""


class Tracker:
    """What `Client` and `AsyncClient` have in common."""

    def __init__(self, url: str | None = None, key: str | None = None, **options: Unpack[Told]) -> None:
        """`url` and `key` are those of `AURICLE_URL` and `AURICLE_KEY` when they are not told; see `Options`."""
        self._options = Options(**options)
        self._url = url or os.environ.get("AURICLE_URL") or "http://127.0.0.1:8000"
        self._key = key or os.environ.get("AURICLE_KEY") or ""
        self._closed = False
        self._forked = False
        """Whether this is a child that has not used it yet."""
        self._reviving = RLock()
        self.events = Calls(self.track)
        """A call for each event of the built-in catalogue, with its attributes typed."""
        self._open()
        lifecycle.watch(self, sigterm=self._options.sigterm)

    def _open(self) -> None:
        options = self._options
        self._ledger = Ledger()
        self._waiting: Waiting = Queue(options.max_events, options.max_bytes)
        self._sender: Sender | None = None
        if not self._key:
            self._ledger.tell("options", logging.ERROR, "no key: set AURICLE_KEY; every event is dropped")
            return
        try:
            wire = Wire(self._url, self._key, options.secret, options.timeout)
        except ValueError as error:
            self._ledger.tell("options", logging.ERROR, f"every event is dropped: {error}")
            return
        if options.outbox is not None:
            try:
                self._waiting = Outbox(Path(options.outbox), options.max_bytes)
            except (OSError, TypeError) as error:
                self._ledger.tell("outbox", logging.ERROR, f"events wait in memory: no outbox ({error})")
        self._sender = Sender(self._waiting, wire, self._ledger, options)
        if self._waiting.lasting:
            self._sender.start()

    def track(
        self,
        event_name: str,
        attributes: Mapping[str, Any] | None = None,
        user_id: Any = None,
        *,
        session_id: Any = None,
        site_id: Any = None,
        source: str | None = None,
        occurred_at: datetime | str | None = None,
        event_id: UUID | str | None = None,
        context: Mapping[str, Any] | None = None,
        schema: str | None = None,
    ) -> str | None:
        """Takes an event; gives its id, or None when it was dropped. It is as it was at this moment, whatever changes.

        `event_id` is for events that may be told more than once: they count once.
        """
        if self._forked:
            self._revive()
        self._ledger.take()
        try:
            if type(event_name) is not str:
                self._drop("bad_argument", "the name of an event must be a string")
                return None
            found = clock.new_id() if event_id is None else str(event_id)
            when = now() if occurred_at is None else occurred_at
            options = self._options
            event: dict[str, Any] = {
                "event_id": found,
                "event_name": event_name,
                "occurred_at": rfc3339(when) if isinstance(when, datetime) else when,
                "source": source or options.source,
            }
            site_id = options.site_id if site_id is None else site_id
            for name, value in (("site_id", site_id), ("session_id", session_id), ("user_id", user_id)):
                if value is not None:
                    event[name] = str(value)
            if attributes is not None:
                event["attributes"] = attributes
            if context is not None or options.context is not None:
                event["context"] = options.context if context is None else context
            if schema is not None:
                event["schema"] = schema
            return found if self._put(encode(event)) else None
        except Exception as error:  # noqa: BLE001 - no fault of an event is one of the program that tells of it
            self._drop("bad_argument", type(error).__name__)
            return None

    def _put(self, line: bytes) -> bool:
        sender, options = self._sender, self._options
        if sender is None or self._closed or (sender.stopped and not self._waiting.lasting):
            self._drop("disabled" if sender is None else "closed" if self._closed else "stopped")
            return False
        if len(line) > min(BATCH_BYTES, options.max_bytes):
            self._drop("too_large", f"an event may have {BATCH_BYTES} bytes")
            return False
        until = monotonic() + options.block_seconds if options.when_full == "block" and self._may_block() else 0.0
        while not self._waiting.put(line):
            if options.when_full == "drop_oldest" and (gone := self._waiting.make_room()):
                self._ledger.drop("full", "the oldest gave way", gone)
            elif monotonic() < until:
                sender.notice()
                sleep(POLL_SECONDS)
            else:
                self._drop("full", "events come faster than they are sent, or nobody takes them")
                return False
        sender.notice()
        return True

    def _may_block(self) -> bool:
        """Whether the caller may be held for a moment."""
        return True

    def _drop(self, reason: str, detail: str = "") -> None:
        self._ledger.drop(reason, detail)

    def write_data_point(
        self,
        blobs: Sequence[Any] = (),
        doubles: Sequence[Any] = (),
        indexes: Sequence[Any] = (),
        *,
        dataset: str | None = None,
        timestamp: datetime | str | None = None,
    ) -> str | None:
        """Takes a data point: up to 20 blobs (text), 20 doubles (numbers) and 2 indexes (text)."""
        told: dict[str, Any] = {"dataset": dataset or self._options.dataset}
        for name, values in (("blob", blobs), ("double", doubles), ("index", indexes)):
            if isinstance(values, list | tuple):
                told |= {f"{name}{number}": value for number, value in enumerate(values, 1)}
            else:
                self._drop("bad_argument", f"{name}s of a data point must be a list")
                return None
        return self.track("datapoint.written", told, occurred_at=timestamp)

    def note_fault(self, where: str, error: BaseException) -> None:
        """Logs a fault of what stands between a program and this, once in a while."""
        self._ledger.tell(where, logging.ERROR, f"a fault of {where}, the program goes on: {error!r}")

    @property
    def counts(self) -> Counts:
        """What became of the events so far."""
        return self._ledger.counts(self._waiting.count)

    @property
    def stopped(self) -> str:
        """Why the service takes nothing of this client, such as a key that was revoked; empty while it does."""
        if self._sender is None and not self._forked:
            return "no address or no key"
        return self._sender.stopped if self._sender is not None else ""

    def _flush(self, seconds: float) -> bool:
        return self._forked or (self._sender is not None and self._sender.flush(seconds))

    def _close(self, seconds: float) -> bool:
        """Sends what waits, and lets go of everything. What waits in memory then is lost, and counted."""
        if self._closed:
            return True
        self._closed = True
        lifecycle.forget(self)
        done = self._sender is None or self._sender.close(seconds)
        if not self._waiting.lasting and (left := self._waiting.count):
            self._ledger.drop("closed", "not sent before the end", left)
        self._waiting.close()
        return done

    def _after_fork(self) -> None:
        """Forgets everything in a process that was forked off: what waits, and the thread, are its parent's.

        It begins anew with the first event, for most children are no program of their own and track none.
        """
        if isinstance(self._waiting, Outbox):
            self._waiting.abandon()
        self._forked = not self._closed
        self._reviving = RLock()
        self._ledger, self._sender = Ledger(), None
        self._waiting = Queue(self._options.max_events, self._options.max_bytes)

    def _revive(self) -> None:
        with self._reviving:
            if self._forked:
                self._open()
                self._forked = False
