"""The evaluation: an interaction as the judge sees it, what it is asked, and what it says."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class State(StrEnum):
    """Where an interaction stands in the evaluation queue."""

    WAITING = "waiting"
    SCORED = "scored"
    """At least one rubric has a score."""
    UNSCORED = "unscored"
    """It was judged, and no score could be had; the reason says why."""
    SKIPPED = "skipped"
    """There is nothing to judge, or it must not be; the reason says why."""


@dataclass(frozen=True, slots=True)
class Rubric:
    """One question that is asked of every interaction, and the scale of its answer: whole numbers, both ends in it."""

    name: str
    question: str
    low: int = 1
    high: int = 5
    version: int = 1


@dataclass(frozen=True, slots=True)
class Call:
    """One tool call, or one search of the knowledge base, while the interaction was answered."""

    name: str
    success: bool | None
    duration_ms: float | None = None


@dataclass(frozen=True, slots=True)
class Turn:
    """One turn of the session before the interaction."""

    query_text: str
    answer_text: str


@dataclass(frozen=True, slots=True)
class Interaction:
    """One voice query with its outcome, and what surrounds it. Texts are what people and assistants said: data."""

    query_id: str
    occurred_at: int
    """When the query occurred, in microseconds."""
    site_id: str
    source: str
    query_text: str
    answer_text: str
    reason: str | None = None
    """Why it counts as unanswered, as the report `interactions` says; None when it was answered."""
    latency_ms: float | None = None
    action_taken: bool | None = None
    action_success: bool | None = None
    tools: tuple[str, ...] = ()
    error_message: str | None = None
    calls: tuple[Call, ...] = ()
    barge_ins: int = 0
    """How often the person interrupted the answer."""
    turns: tuple[Turn, ...] = ()
    """The turns of the session before it, the oldest first."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a judge says of one rubric: a whole number on its scale, or why there is none."""

    rubric: Rubric
    value: int | None
    explanation: str
    reason: str | None = None
    """Why there is no score: `not_applicable`, `out_of_scale` …"""


@dataclass(frozen=True, slots=True)
class Usage:
    """What a judgement took."""

    model: str | None = None
    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float = 0.0
    latency_ms: float | None = None


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a judge says of one interaction."""

    verdicts: tuple[Verdict, ...]
    usage: Usage = Usage()
    flags: tuple[str, ...] = ()
    """What in the transcript looks like an attempt to move the score."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One interaction in the evaluation queue, claimed by a worker until its lease ends."""

    id: int
    tenant_id: str
    query_id: str
    generation: int
    """0 for what joined by itself; a backfill that judges again has a number of its own."""
    occurred_at: int
    """When the outcome occurred, in microseconds."""
    attempts: int
    """How often its judge was asked and gave nothing that could be used."""
    lease: str
    """The mark of the claim; only who bears it may settle the entry."""


@dataclass(frozen=True, slots=True)
class Case:
    """An entry with its interaction and the questions that are asked of it."""

    entry: Entry
    interaction: Interaction
    rubrics: tuple[Rubric, ...]


@dataclass(frozen=True, slots=True)
class PutOff:
    """What a judge says when it cannot judge now: the case stays in the queue."""

    reason: str
    seconds: float
    """After how long it is worth another try."""
    counts: bool = False
    """Whether it counts as an attempt: a reply that could not be used does, a judge that is away does not."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """A voice outcome that joins the queue."""

    tenant_id: str
    query_id: str
    occurred_at: int


@dataclass(frozen=True, slots=True)
class Settled:
    """How an entry ended."""

    entry: Entry
    state: State
    reason: str = ""
    latency_ms: int = 0


@dataclass(frozen=True, slots=True)
class Standing:
    """How a tenant's evaluations stand, or those of all."""

    states: Mapping[State, int] = field(default_factory=dict)
    reasons: Mapping[str, int] = field(default_factory=dict)
    """Entries that have no score, by reason."""
    oldest: int | None = None
    """When the outcome that waits for longest occurred, in microseconds."""
    latency_ms: float | None = None
    """Mean time of a judgement."""

    def as_json(self) -> dict[str, Any]:
        """The standing as it stands in answers, but for its time."""
        counts = {state.value: self.states.get(state, 0) for state in State}
        judged = counts[State.SCORED] + counts[State.UNSCORED]
        return {
            **counts,
            "success_rate": counts[State.SCORED] / judged if judged else None,
            "latency_ms": self.latency_ms,
            "reasons": dict(self.reasons),
        }
