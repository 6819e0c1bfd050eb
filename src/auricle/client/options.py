"""The options of a client, each with what it is without being told."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypedDict

WhenFull = Literal["drop_newest", "drop_oldest", "block"]


class Told(TypedDict, total=False):
    """The options as keywords; what each means is told in `Options`."""

    site_id: str | None
    source: str
    context: Mapping[str, Any] | None
    dataset: str
    batch_events: int
    interval: float
    max_events: int
    max_bytes: int
    when_full: WhenFull
    block_seconds: float
    outbox: str | os.PathLike[str] | None
    secret: str | None
    timeout: float
    pause: float
    sigterm: bool


@dataclass(frozen=True, slots=True)
class Options:
    """What a client may be told beside address and key."""

    site_id: str | None = None
    """The site of events that name none."""
    source: str = "server"
    """The source of events that name none."""
    context: Mapping[str, Any] | None = None
    """The context of events that bring none."""
    dataset: str = "analytics"
    """The dataset of data points that name none."""
    batch_events: int = 100
    """So many events are sent at once, however young they are."""
    interval: float = 1.0
    """Seconds that an event waits for others."""
    max_events: int = 10_000
    """Events that may wait in memory."""
    max_bytes: int = 64_000_000
    """Bytes that may wait, in memory or in the outbox."""
    when_full: WhenFull = "drop_newest"
    """What gives way when that is reached: the new event, the oldest ones, or the caller, for `block_seconds`."""
    block_seconds: float = 1.0
    outbox: str | os.PathLike[str] | None = None
    """A folder for events to wait in, so that none is lost with the process; processes may share it."""
    secret: str | None = None
    """What requests are signed with, for keys that require it."""
    timeout: float = 10.0
    """Seconds that the service may take for an answer."""
    pause: float = 0.5
    """Seconds after the first failure; twice as many after each further one, to a minute; cut by chance."""
    sigterm: bool = True
    """Whether events are sent when SIGTERM ends the process."""
