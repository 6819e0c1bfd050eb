"""The score: a verdict as an event `voice.evaluated`, under an id that the same judgement always has.

Killed between writing its scores and leaving the queue, an interaction is judged once more; its scores then have the
ids of the first ones, and the intake counts them once.
"""

import uuid
from collections.abc import Iterator
from typing import Any

from auricle.intake.times import format_rfc3339
from auricle.model.evaluation import Case, Entry, Judgement, Rubric, Verdict

EVALUATED = "voice.evaluated"
PERSON = "person"
"""The evaluator of scores that people give."""
PROMPT = 1
"""Version of how a rubric's question is put to a model; a score tells it beside the rubric's own version."""
GOOD, FAIR = 0.75, 0.5
"""From which share of its scale on a score is called good, and fair."""


def score_id(identity: str, entry: Entry, judge: str, rubric: Rubric) -> str:
    """The event id of a score, under the identity of this installation.

    NOTE: the identity is told to nobody, so no client can send an event with the id that a score is going to have.
    """
    told = (entry.tenant_id, entry.query_id, judge, rubric.name, prompt_version(rubric), str(entry.generation))
    return str(uuid.uuid5(uuid.UUID(identity), "\0".join(told)))


def prompt_version(rubric: Rubric) -> str:
    """The version of the rubric's question and of how it is put: `1.1`."""
    return f"{rubric.version}.{PROMPT}"


def scores(case: Case, judge: str, judgement: Judgement, at: int, identity: str) -> Iterator[dict[str, Any]]:
    """The events of a judgement, an event a verdict. They name no person: neither user nor session."""
    entry = case.entry
    usage, parts = judgement.usage, len(judgement.verdicts)
    for place, verdict in enumerate(judgement.verdicts):
        attributes: dict[str, Any] = {
            "voice.query_id": entry.query_id,
            **told(judge, verdict),
            "gen_ai.evaluation.prompt_version": prompt_version(verdict.rubric),
            "gen_ai.evaluation.attempt": entry.attempts + 1,
        }
        if usage.latency_ms is not None:
            attributes["gen_ai.evaluation.latency_ms"] = usage.latency_ms
        if usage.model is not None:
            attributes["gen_ai.request.model"] = usage.model
            # NOTE: one call gave all verdicts; each bears its part, so that sums over events are what was paid.
            attributes["gen_ai.usage.input_tokens"] = _part(usage.input_tokens, place, parts)
            attributes["gen_ai.usage.output_tokens"] = _part(usage.output_tokens, place, parts)
            attributes["gen_ai.usage.total_tokens"] = _part(usage.input_tokens, place, parts) + _part(
                usage.output_tokens, place, parts
            )
            attributes["gen_ai.usage.cost_usd"] = usage.cost_usd / parts
        if judgement.flags:
            attributes["gen_ai.evaluation.flags"] = list(judgement.flags)
        event: dict[str, Any] = {
            "event_id": score_id(identity, entry, judge, verdict.rubric),
            "event_name": EVALUATED,
            "occurred_at": format_rfc3339(at),
            "source": "server",
            "attributes": attributes,
        }
        if case.interaction.site_id:
            event["site_id"] = case.interaction.site_id
        yield event


def told(evaluator: str, verdict: Verdict) -> dict[str, Any]:
    """What the attributes of a score say of a verdict, whoever gave it."""
    attributes: dict[str, Any] = {
        "gen_ai.evaluation.name": verdict.rubric.name,
        "gen_ai.evaluation.evaluator": evaluator,
        "gen_ai.evaluation.score.label": label_of(verdict),
        "gen_ai.evaluation.explanation": verdict.explanation,
    }
    if verdict.value is not None:
        attributes["gen_ai.evaluation.score.value"] = verdict.value
    if verdict.reason is not None:
        attributes["gen_ai.evaluation.reason"] = verdict.reason
    return attributes


def label_of(verdict: Verdict) -> str:
    """The verdict in a word: `good`, `fair`, `poor`, or `unscored`."""
    if verdict.value is None:
        return "unscored"
    share = (verdict.value - verdict.rubric.low) / (verdict.rubric.high - verdict.rubric.low)
    return "good" if share >= GOOD else "fair" if share >= FAIR else "poor"


def _part(whole: int, place: int, parts: int) -> int:
    """One of `parts` whole numbers that together are `whole`."""
    return whole // parts + (place < whole % parts)


def person_score(query_id: str, site_id: str, who: str, verdict: Verdict, at: int, event_id: str) -> dict[str, Any]:
    """The event of a score that a person gives."""
    attributes = {"voice.query_id": query_id, **told(PERSON, verdict), "gen_ai.evaluation.person": who}
    event: dict[str, Any] = {
        "event_id": event_id,
        "event_name": EVALUATED,
        "occurred_at": format_rfc3339(at),
        "source": "server",
        "attributes": attributes,
    }
    return event | ({"site_id": site_id} if site_id else {})
