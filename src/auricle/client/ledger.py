"""The ledger: what became of every event of a client, and the log of those that were lost, with the reason."""

import logging
import threading
from collections import Counter
from dataclasses import dataclass

from auricle import clock

log = logging.getLogger("auricle.client")

QUIET_MICROS = 60_000_000
"""A reason is told at once, and then once in this time with the number since."""


@dataclass(frozen=True, slots=True)
class Counts:
    """How many events became what, since the client was made."""

    tracked: int
    """Handed in, and those that other processes had left in the outbox."""
    settled: int
    """The service has them, or had them already."""
    dropped: dict[str, int]
    """Lost, by reason."""
    waiting: int
    """Still to be sent."""


class Ledger:
    """The counts of one client. Any thread may write."""

    def __init__(self) -> None:
        self.tracked = 0
        self.settled = 0
        self.dropped: Counter[str] = Counter()
        self._told: dict[str, tuple[int, int]] = {}
        """By reason: when it was last told, and the number then."""
        self._lock = threading.RLock()

    @property
    def ended(self) -> int:
        """Events that wait no more."""
        with self._lock:
            return self.settled + sum(self.dropped.values())

    def take(self, count: int = 1) -> None:
        """Counts events that were handed in."""
        with self._lock:
            self.tracked += count

    def settle(self, count: int) -> None:
        """Counts events that the service has."""
        with self._lock:
            self.settled += count

    def drop(self, reason: str, detail: str = "", count: int = 1) -> None:
        """Counts events that are lost, and tells why, though not every time."""
        with self._lock:
            self.dropped[reason] += count
            number = self.dropped[reason]
            at, before = self._told.get(reason, (-QUIET_MICROS, 0))
            now = clock.micros()
            if now - at < QUIET_MICROS:
                return
            self._told[reason] = (now, number)
        log.warning("%d events dropped: %s%s", number - before, reason, f" ({detail})" if detail else "")

    def tell(self, subject: str, level: int, text: str) -> None:
        """Writes a line to the log, once in a while for each subject."""
        with self._lock:
            at, _ = self._told.get(subject, (-QUIET_MICROS, 0))
            now = clock.micros()
            if now - at < QUIET_MICROS:
                return
            self._told[subject] = (now, 0)
        log.log(level, "%s", text)

    def counts(self, waiting: int) -> Counts:
        """The counts of this moment."""
        with self._lock:
            return Counts(self.tracked, self.settled, dict(self.dropped), waiting)
