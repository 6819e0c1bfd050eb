"""The grade: what a model replied, read strictly. What is not exactly a verdict is none; nothing is ever guessed."""

import json
from typing import Any

from auricle.judge.prompt import CHECK, Prompt, cut
from auricle.model.evaluation import Rubric, Verdict

MAX_EXPLANATION = 1_000


class Unusable(Exception):
    """A reply that holds no verdicts; `reason` says why: `empty`, `not_json`, `wrong_shape`, `wrong_check` …"""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def graded(text: str, prompt: Prompt) -> tuple[Verdict, ...]:
    """The verdicts of a reply, in the order of the rubrics.

    A score outside its scale, or no whole number, leaves that rubric without a score; the others stand.

    Raises:
        Unusable: the reply as a whole is not what was asked for.
    """
    if not text.strip():
        raise Unusable("empty")
    try:
        told = json.loads(text, object_pairs_hook=_object, parse_constant=_refuse)
    except (ValueError, RecursionError):
        raise Unusable("not_json") from None
    if not isinstance(told, dict) or told.keys() != {CHECK, *(rubric.name for rubric in prompt.rubrics)}:
        raise Unusable("wrong_shape")
    if told[CHECK] != prompt.code:
        raise Unusable("wrong_check")
    return tuple(_verdict(rubric, told[rubric.name]) for rubric in prompt.rubrics)


def _verdict(rubric: Rubric, told: Any) -> Verdict:
    if not isinstance(told, dict) or told.keys() != {"explanation", "score"}:
        return Verdict(rubric, None, "", "wrong_shape")
    explanation, score = told["explanation"], told["score"]
    explanation = cut(explanation, MAX_EXPLANATION) if isinstance(explanation, str) else ""
    if score is None:
        return Verdict(rubric, None, explanation, "not_applicable")
    if isinstance(score, bool) or not isinstance(score, int):
        return Verdict(rubric, None, explanation, "not_a_whole_number")
    if not rubric.low <= score <= rubric.high:
        return Verdict(rubric, None, explanation, "out_of_scale")
    return Verdict(rubric, score, explanation)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object; one that says the same member twice says nothing."""
    told = dict(pairs)
    if len(told) != len(pairs):
        raise ValueError("a member stands twice")
    return told


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is no JSON")
