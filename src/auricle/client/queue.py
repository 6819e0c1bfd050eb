"""The queue: events that wait in memory to be sent. They are gone with the process; `outbox` is what stays."""

import threading
from collections import deque
from typing import Protocol


class Waiting(Protocol):
    """Where events wait, as lines of JSON. One batch at a time is out; what is kept of it goes out first again."""

    def put(self, line: bytes) -> bool:
        """Takes an event; False when there is no room."""

    def make_room(self) -> int:
        """Forgets the oldest events that are not out, and gives their number."""

    def take(self, events: int, size: int) -> list[bytes]:
        """The oldest events, at most so many and of about so many bytes; they are out until `settle`."""

    def settle(self, kept: list[bytes]) -> None:
        """Ends the batch that is out, but for the events that are kept."""

    def sync(self) -> None:
        """Brings what was put to the disk, where there is one."""

    def adopt(self) -> int:
        """Takes over what processes that are no more have left; gives the number of events."""

    def close(self) -> None:
        """Lets go of files; what waits in them stays."""

    @property
    def count(self) -> int:
        """Events that wait, those that are out included."""

    @property
    def lasting(self) -> bool:
        """Whether it outlives the process."""


class Queue:
    """Events in memory, of a bounded number and size."""

    lasting = False

    def __init__(self, events: int, size: int) -> None:
        self._most = events
        self._most_bytes = size
        self._lines: deque[bytes] = deque()
        self._out: list[bytes] = []
        self._bytes = 0
        # NOTE: re-entrant, for a signal handler or a finaliser may track an event in the middle of another's `put`.
        self._lock = threading.RLock()

    @property
    def count(self) -> int:
        """See `Waiting`."""
        return len(self._lines) + len(self._out)

    def put(self, line: bytes) -> bool:
        """See `Waiting`."""
        with self._lock:
            if self.count >= self._most or self._bytes + len(line) > self._most_bytes:
                return False
            self._lines.append(line)
            self._bytes += len(line)
            return True

    def make_room(self) -> int:
        """See `Waiting`: one event."""
        with self._lock:
            if not self._lines:
                return 0
            self._bytes -= len(self._lines.popleft())
            return 1

    def take(self, events: int, size: int) -> list[bytes]:
        """See `Waiting`."""
        with self._lock:
            while self._lines and len(self._out) < events and (not self._out or size >= len(self._lines[0])):
                line = self._lines.popleft()
                size -= len(line)
                self._out.append(line)
            return list(self._out)

    def settle(self, kept: list[bytes]) -> None:
        """See `Waiting`."""
        with self._lock:
            self._bytes += sum(map(len, kept)) - sum(map(len, self._out))
            self._lines.extendleft(reversed(kept))
            self._out = []

    def sync(self) -> None:
        """See `Waiting`: there is no disk."""

    def adopt(self) -> int:
        """See `Waiting`: nothing is left by anybody."""
        return 0

    def close(self) -> None:
        """See `Waiting`: there are no files."""
