"""Training data: what is chosen, how it is split and written, on interactions small enough to be read."""

from typing import Any

import orjson
import pytest

from auricle.judge.training import Similar, chosen, line_of, split_of
from auricle.model.training import Choice, Shape, Split


def one(number: int, question: str = "", answer: str = "", **more: Any) -> dict[str, Any]:
    told = {
        "query_id": f"q{number}",
        "session_id": None,
        "user_id": "u",
        "occurred_at": "2026-01-01T00:00:00Z",
        "site_id": "shop",
        "source": "voice",
        "query_text": question or f"question {'abcdefghij'[number % 10]} {'klmnopqrst'[number // 10 % 10]} about shoes",
        "answer_text": answer or f"The answer {'uvwxyzabcd'[number % 10]} {'efghijklmn'[number // 10 % 10]} is here.",
        "tools": [],
        "action_taken": None,
        "action_success": None,
        "latency_ms": 10,
        "state": "answered",
        "score": 4.0,
        "scores": [],
    }
    return told | more


def ids(choice: Choice, *some: dict[str, Any]) -> list[str]:
    return [each["query_id"] for each in chosen(some, choice)]


def test_what_cannot_be_learned_from_is_left_out() -> None:
    assert ids(Choice(), one(1), one(2, question=" "), one(3, answer="\n"), one(4, query_text=None)) == ["q1"]


@pytest.mark.parametrize(
    ("bounds", "kept"),
    [
        ((None, None), ["q1", "q2", "q3"]),
        ((3, None), ["q2"]),
        ((None, 3), ["q1"]),
        ((2, 4), ["q1", "q2"]),
        ((5, 5), []),
    ],
)
def test_scores_are_bounds(bounds: tuple[float | None, float | None], kept: list[str]) -> None:
    choice = Choice(min_score=bounds[0], max_score=bounds[1])
    assert ids(choice, one(1, score=2), one(2, score=4), one(3, score=None)) == kept


SAME = [
    ("Where are the red shoes?", "You will find the red shoes on aisle seven, next to the hats."),
    ("where are the RED shoes", "You will find the red shoes on aisle seven, next to the hats"),
    ("Where are the red shoes?!", "you will find the red shoes on aisle seven; next to the hats."),
]
OTHER = [
    ("Where are the blue boots?", "Blue boots are sold out, I am sorry."),
    ("Where are the red shoes?", "I do not know."),
]


def test_of_nearly_the_same_the_first_stays() -> None:
    told = [one(number, *texts) for number, texts in enumerate((*SAME, *OTHER))]
    assert ids(Choice(), *told) == ["q0", "q3", "q4"]
    assert ids(Choice(unique=False), *told) == ["q0", "q1", "q2", "q3", "q4"]
    similar = Similar()
    assert [similar.seen(f"room {number} costs {number * 7} euros a night") for number in range(5)] == [False] + [
        True
    ] * 4


def test_a_split_is_the_same_each_time_and_keeps_a_session_together() -> None:
    some = [one(number, session_id=f"s{number // 4}") for number in range(4_000)]
    parts = [split_of(each, 0.2) for each in some]
    assert parts == [split_of(each, 0.2) for each in some]
    assert 0.17 < parts.count(Split.TEST) / len(parts) < 0.23
    assert all(len({parts[start + turn] for turn in range(4)}) == 1 for start in range(0, 4_000, 4))
    train = set(ids(Choice(split=Split.TRAIN, test_share=0.2, unique=False), *some))
    test = set(ids(Choice(split=Split.TEST, test_share=0.2, unique=False), *some))
    assert (train & test, len(train | test)) == (set(), 4_000)
    # More tests are the same ones and others.
    assert test <= set(ids(Choice(split=Split.TEST, test_share=0.5, unique=False), *some))


def test_persons_are_redacted_once_more() -> None:
    told = list(chosen([one(1, "mail to anna@example.org", "I wrote to anna@example.org.")], Choice()))
    assert [told[0]["query_text"], told[0]["answer_text"]] == [
        "mail to [redacted:email]",
        "I wrote to [redacted:email].",
    ]


def test_lines_are_what_each_trainer_reads() -> None:
    told = one(1, "hi", "hello")
    raw, chat, gemini = (orjson.loads(line_of(told, Choice(shape=shape))) for shape in Shape)
    assert chat == {"messages": [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "hello"}]}
    assert gemini == {
        "contents": [{"role": "user", "parts": [{"text": "hi"}]}, {"role": "model", "parts": [{"text": "hello"}]}]
    }
    assert raw == {
        **{name: value for name, value in told.items() if name not in ("session_id", "user_id")},
        "split": split_of(told, 0.1),
    }
