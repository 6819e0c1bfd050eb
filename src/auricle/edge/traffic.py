"""The traffic: how many requests each route answered, and how long they took; in the memory of this process."""

from bisect import bisect_left
from collections.abc import Iterator

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "WEBSOCKET"})
OTHER = "other"
NO_ROUTE = "none"
BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.015, 0.025, 0.05, 0.1, 0.2, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
"""Upper bounds of the durations that are told apart, in seconds; our own aims, 15, 50 and 200 ms, are among them."""


class Cell:
    """What was counted under one method, route and status."""

    __slots__ = ("buckets", "requests", "seconds")

    def __init__(self) -> None:
        self.requests = 0
        self.seconds = 0.0
        self.buckets = [0] * (len(BOUNDS) + 1)
        """Requests whose duration is at most that of `BOUNDS` at the same place, and over the one before."""


class Traffic:
    """Counts requests. Belongs to the event loop; may be read from any thread.

    Whatever clients send, there are at most as many cells as routes times methods times statuses of ours.
    """

    def __init__(self) -> None:
        self._cells: dict[tuple[str, str | None, int], Cell] = {}

    def note(self, method: str, route: str | None, status: int, seconds: float) -> None:
        """One more answer. `route` is as it is written in the documents; `status` is 0 when there was no answer."""
        key = (method, route, status)
        cell = self._cells.get(key)
        if cell is None:
            cell = self._cells.setdefault((method if method in METHODS else OTHER, route, status), Cell())
        cell.requests += 1
        if method != "WEBSOCKET":
            # NOTE: a WebSocket takes as long as its client stays.
            cell.seconds += seconds
            cell.buckets[bisect_left(BOUNDS, seconds)] += 1

    def cells(self) -> Iterator[tuple[str, str, str, Cell]]:
        """Method, route and status of each cell, and the cell."""
        for (method, route, status), cell in tuple(self._cells.items()):
            yield method, route or NO_ROUTE, str(status) if status else NO_ROUTE, cell
