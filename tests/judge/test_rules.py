"""The judge `rules`: what it says of interactions small enough to be judged by hand."""

import pytest

from auricle.judge import rules
from auricle.judge.rubric import BUILT_IN
from auricle.model.evaluation import Call, Interaction, Turn

ANSWERED = "You can find red shoes on aisle seven."


def told(**more: object) -> Interaction:
    base = {
        "query_id": "q",
        "occurred_at": 0,
        "site_id": "",
        "source": "voice",
        "query_text": "where are the red shoes",
        "answer_text": ANSWERED,
        "latency_ms": 400,
    }
    return Interaction(**(base | more))  # type: ignore[arg-type]


CASES = [
    # answered, relevant, correct action, helpfulness, overall
    ("answered", told(), (5, 5, None, 5, 5)),
    ("an error", told(reason="error", answer_text="", error_message="boom"), (1, 1, None, 1, 1)),
    ("no answer", told(reason="empty_answer", answer_text="  "), (1, 1, None, 1, 1)),
    ("cannot", told(answer_text="Sorry, I don't know about that."), (2, 2, None, 2, 2)),
    ("asks back", told(answer_text="Which red shoes do you mean?"), (4, 5, None, 4, 4)),
    ("late", told(reason="late_outcome"), (2, 5, None, 2, 3)),
    ("slow", told(latency_ms=9_000), (5, 5, None, 4, 5)),
    ("interrupted", told(barge_ins=1), (5, 5, None, 4, 5)),
    ("asked again", told(turns=(Turn("Where are the RED shoes?", "Hm."),)), (5, 5, None, 4, 5)),
    ("done", told(action_taken=True, action_success=True), (5, 5, 5, 5, 5)),
    ("not done", told(action_taken=True, action_success=False, reason="action_failed"), (5, 5, 1, 4, 2)),
    ("tool failed", told(calls=(Call("find", False),)), (5, 5, 2, 4, 4)),
    ("tool worked", told(calls=(Call("find", True),)), (5, 5, 4, 5, 5)),
    ("off the point", told(answer_text="It rains in Lisbon."), (5, 2, None, 4, 4)),
    ("nothing asked", told(query_text="and you?"), (5, None, None, 5, 5)),
]


@pytest.mark.parametrize(("name", "one", "scores"), CASES, ids=[name for name, *_ in CASES])
def test_what_is_said(name: str, one: Interaction, scores: tuple[int | None, ...]) -> None:
    judgement = rules.judge(one)
    assert tuple(verdict.value for verdict in judgement.verdicts) == scores
    assert tuple(verdict.rubric for verdict in judgement.verdicts) == BUILT_IN
    assert all(verdict.explanation.endswith(".") for verdict in judgement.verdicts)
    assert all((verdict.value is None) == (verdict.reason == "not_applicable") for verdict in judgement.verdicts)
    assert judgement == rules.judge(one)
