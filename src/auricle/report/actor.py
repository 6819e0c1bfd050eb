"""The actor: who an event counts for, and the order of an actor's events.

A report `by` user counts the `user_id`, else the session of an event without one; `by` session the `session_id`.
"""

from auricle.model.query import By, Step
from auricle.report.binding import Binding
from auricle.report.fields import ACTOR_KEY, SOMEBODY
from auricle.report.filters import condition

ARRIVAL = "toUnixTimestamp64Micro(received_at)"
"""SQL of when an event arrived, in microseconds: ties of `occurred_at` are broken by it."""


def actor(by: By) -> tuple[str, str]:
    """SQL of who an event counts for, and of whether it counts for anybody."""
    return (ACTOR_KEY, SOMEBODY) if by is By.USER else ("session_id", "session_id != ''")


def fills(step: Step, binding: Binding) -> str:
    """SQL of whether an event is the one a step asks for."""
    parts = [f"event_name = {binding.text(step.event)}", *(condition(each, binding) for each in step.filters)]
    return " AND ".join(parts)
