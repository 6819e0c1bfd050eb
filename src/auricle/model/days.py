"""The days that events are kept: a tenant's own, by event name and by dataset, or the server's."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

FOR_EVER = 0
MAX_DAYS = 36_500


@dataclass(frozen=True, slots=True)
class Days:
    """How long a tenant keeps events, in days after receipt; `FOR_EVER` is without end.

    The narrowest rule holds: a dataset, a name, the longest `shop.*`, the tenant's days, the server's.
    """

    events: int | None = None
    """Of all that no other rule names; None leaves it to the server."""
    by_event: Mapping[str, int] = field(default_factory=dict)
    by_dataset: Mapping[str, int] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """The days as options are kept and told."""
        return {"events": self.events, "by_event": dict(self.by_event), "by_dataset": dict(self.by_dataset)}

    def __bool__(self) -> bool:
        return self.events is not None or bool(self.by_event or self.by_dataset)


UNTOLD = Days()
"""The days of a tenant that has none of its own."""
