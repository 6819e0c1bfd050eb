"""The sender: the thread that takes batches out of where they wait and sends them, until each event is settled or lost.

It alone touches the network. It sends when there are enough events or the oldest has waited long enough, one batch at
a time; after a failure it waits, longer each time and never by a timetable that others share. What may be sent again is
for `verdict` to say.
"""

import logging
import random
import threading
import time

from auricle.client.event import now
from auricle.client.ledger import Ledger
from auricle.client.options import Options
from auricle.client.queue import Waiting
from auricle.client.verdict import Next, Verdict, away, judge
from auricle.client.wire import Away, Wire

LONGEST_PAUSE = 60.0
ADOPT_SECONDS = 30.0
"""How often the outbox is searched for what other processes have left."""
MOST_EVENTS = 500
BATCH_BYTES = 400_000


class Sender:
    """One thread, started when it is needed."""

    def __init__(self, waiting: Waiting, wire: Wire, ledger: Ledger, options: Options) -> None:
        self._waiting = waiting
        self._wire = wire
        self._ledger = ledger
        self._options = options
        self._changed = threading.Condition(threading.RLock())
        self._thread: threading.Thread | None = None
        self._hurry = False
        self._ending = False
        self._since: float | None = None
        """When the oldest event that is not out was put."""
        self._enough = False
        """Whether there were enough events to send at once when the thread was last told so."""
        self._not_before = 0.0
        self._told_to_wait = False
        """Whether it was the service that asked for the pause, which nobody cuts short then."""
        self._failures = 0
        self._most = MOST_EVENTS
        self._adopted = -ADOPT_SECONDS
        self.stopped = ""
        """Why the service takes nothing of this client; empty while it does."""

    def notice(self) -> None:
        """An event was put. Costs next to nothing unless there is something to be done about it."""
        enough = self._waiting.count >= self._options.batch_events
        if self._since is None or self._thread is None or (enough and not self._enough):
            with self._changed:
                self._enough = enough
                self._since = self._since or time.monotonic()
                self.start()
                self._changed.notify_all()

    def flush(self, seconds: float) -> bool:
        """Sends what waits now, without waiting for more; whether all of that was settled or lost in time."""
        deadline = time.monotonic() + seconds
        with self._changed:
            target = self._ledger.ended + self._waiting.count
            self._hurry = True
            if self._waiting.count:
                self.start()
            self._changed.notify_all()
            while self._waiting.count and self._ledger.ended < target and not self.stopped:
                left = deadline - time.monotonic()
                in_vain = self._told_to_wait and self._not_before > deadline
                if left <= 0 or in_vain or self._thread is None:
                    return False
                self._changed.wait(left)
        return not self.stopped

    def close(self, seconds: float) -> bool:
        """As `flush`, and ends the thread, or leaves it to itself when it waits for an answer for too long."""
        deadline = time.monotonic() + seconds
        done = self.flush(seconds)
        with self._changed:
            self._ending = True
            self._changed.notify_all()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(max(0.0, deadline - time.monotonic()))
        return done

    def start(self) -> None:
        """Starts the thread, unless it runs, has ended, or cannot be had."""
        with self._changed:
            if self._thread is None and not self._ending:
                self._start()

    def _start(self) -> None:
        thread = threading.Thread(target=self._run, name="auricle-client", daemon=True)
        try:
            thread.start()
        except RuntimeError:  # the interpreter is ending, or the machine has no threads left
            return
        self._thread = thread

    def _run(self) -> None:
        while True:
            with self._changed:
                while not self._ending and (left := self._until_due()) > 0:
                    self._changed.wait(left)
                if self._ending:
                    self._wire.close()
                    return
                self._since = None
            try:
                self._round()
            except Exception as error:  # noqa: BLE001 - the thread must go on; the boundary of this room's own faults
                self._ledger.tell("fault", logging.ERROR, f"a fault of the client: {error!r}")
                self._wait_after(Verdict(Next.RETRY))

    def _until_due(self) -> float:
        """Seconds until there is something to do; under `_changed`."""
        now = time.monotonic()
        search = self._adopted + ADOPT_SECONDS - now if self._waiting.lasting else LONGEST_PAUSE
        if self.stopped:
            return LONGEST_PAUSE
        # NOTE: first forgotten, then counted: `notice` looks at both without the lock, and an event that comes right
        # after the count must find that nothing is known of it yet, or nobody would wake this thread.
        since, self._since, self._enough = self._since, None, False
        count = self._waiting.count
        if not count:
            self._hurry = False
            self._changed.notify_all()
            return search
        self._since = since or now
        at_once = self._hurry or self._failures or count >= self._options.batch_events
        ready = now if at_once else self._since + self._options.interval
        paused = self._not_before if self._told_to_wait or not self._hurry else 0.0
        return min(search, max(ready, paused) - now)

    def _round(self) -> None:
        """One batch, as far as it goes."""
        if self._waiting.lasting and time.monotonic() - self._adopted >= ADOPT_SECONDS:
            self._adopted = time.monotonic()
            self._ledger.take(self._waiting.adopt())
        self._waiting.sync()
        lines = self._waiting.take(self._most, BATCH_BYTES)
        if not lines:
            return
        hurried = self._hurry
        kept = self._deliver(lines)
        self._waiting.settle(kept)
        with self._changed:
            if hurried and kept:
                self._hurry = False
            self._changed.notify_all()

    def _deliver(self, lines: list[bytes]) -> list[bytes]:
        """Sends events, in halves of halves where they are too many; gives those that are to be sent again."""
        parts = [lines]
        kept: list[bytes] = []
        while parts:
            part = parts.pop()
            verdict = self._ask(part)
            for lost in verdict.lost:
                self._ledger.drop(lost.reason, lost.detail)
            if verdict.next is Next.SPLIT:
                middle = (len(part) + 1) // 2
                self._most = max(1, min(self._most, middle)) if verdict.why.startswith("413") else self._most
                parts += [part[middle:], part[:middle]]
                continue
            self._ledger.settle(len(part) - len(verdict.kept) - len(verdict.lost))
            kept += [part[index] for index in verdict.kept]
            if verdict.next is Next.NOTHING:
                self._failures = 0
                continue
            self._wait_after(verdict)
            if verdict.next is Next.STOP or len(verdict.kept) == len(part):
                kept += [line for part in reversed(parts) for line in part]
                break
        return kept

    def _ask(self, lines: list[bytes]) -> Verdict:
        body = b'{"sent_at":"' + now().encode() + b'","events":[' + b",".join(lines) + b"]}"
        try:
            reply = self._wire.post(body)
        except Away as error:
            return away(len(lines), f"no answer ({error})")
        return judge(reply.status, reply.retry_after, reply.body, len(lines))

    def _wait_after(self, verdict: Verdict) -> None:
        with self._changed:
            if verdict.next is Next.STOP:
                self.stopped = verdict.why
                self._ledger.tell("stopped", logging.ERROR, f"sending has stopped, for good: {verdict.why}")
                return
            self._failures += 1
            longest = min(LONGEST_PAUSE, self._options.pause * 2 ** min(self._failures - 1, 16))
            own = longest * random.uniform(0.5, 1.0)  # noqa: S311 - to keep clients apart, no secret
            self._told_to_wait = verdict.after is not None
            pause = own if verdict.after is None else verdict.after * random.uniform(1.0, 1.1)  # noqa: S311
            self._not_before = time.monotonic() + pause
        self._ledger.tell("retry", logging.WARNING, f"events wait and are sent again: {verdict.why}")
