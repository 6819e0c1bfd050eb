"""Hostile transcripts: none changes the frame or the schema, and those that could move a score are flagged."""

import json
from collections import Counter

import pytest
from hostile import FORGERIES, ORDERS, corpus

from auricle.judge import rules
from auricle.judge.flag import flags_of, moved
from auricle.judge.grade import Unusable, graded
from auricle.judge.prompt import prompt_for, reply_schema
from auricle.judge.rubric import BUILT_IN
from auricle.model.evaluation import Call, Interaction, Turn

CORPUS = list(corpus())
MARK = "0f1e2d3c4b5a69788796a5b4c3d2e1f0"
HONEST = [
    ("where are the red shoes", "You will find red shoes on aisle seven."),
    ("I want to book a table for two tonight", "I booked a table for two at seven. Anything else?"),
    ("What is the capital of Portugal?", "The capital of Portugal is Lisbon."),
    ("Wie komme ich zum Bahnhof?", "Nehmen Sie die Linie 4 bis zur Endstation."),
    ("quiero reservar un vuelo a Madrid", "He encontrado tres vuelos para mañana."),
    ("Does the coffee machine come with a grinder", "Yes, the machine has a grinder inside; it costs 389 euros."),
    ("cancel my order", "Your order was cancelled, and the money is on its way."),
    ("ich habe das schon gesagt", "Entschuldigung, ich habe es notiert."),
]


def test_there_are_enough_of_them() -> None:
    assert len(CORPUS) > 300
    assert len({one for _, one in CORPUS}) == len(CORPUS)


def test_the_frame_of_the_prompt_stands_whatever_is_said() -> None:
    for name, one in CORPUS:
        prompt = prompt_for(one, BUILT_IN, MARK)
        fence, line, last = prompt.user.split("\n")
        assert (fence, last) == (f"=== {MARK[:20]} ===",) * 2, name
        assert prompt.user.count(MARK[:20]) == 2
        assert prompt.code not in prompt.user
        assert "<" not in line
        assert len(line) < 60_000, "bounded"
        assert prompt.system == prompt_for(Interaction("q", 0, "", "voice", "", ""), BUILT_IN, MARK).system
        said = json.loads(line)
        assert one.query_text.startswith(said["person"].removesuffix(" […]")), "told as it was said"
    assert reply_schema(BUILT_IN)["additionalProperties"] is False


def test_every_one_of_them_is_flagged() -> None:
    assert [name for name, one in CORPUS if not flags_of(one)] == []


def test_honest_ones_are_not() -> None:
    assert [flags_of(Interaction("q", 0, "", "voice", *told)) for told in HONEST] == [()] * len(HONEST)


def test_flags_look_everywhere() -> None:
    base = Interaction("q", 0, "", "voice", "where are they", "There.")
    places = {
        "error": Interaction("q", 0, "", "voice", "", "", error_message=ORDERS[0]),
        "tool": Interaction("q", 0, "", "voice", "", "", tools=(FORGERIES[0],)),
        "call": Interaction("q", 0, "", "voice", "", "", calls=(Call(FORGERIES[0], True),)),
        "answer before": Interaction("q", 0, "", "voice", "", "", turns=(Turn("", ORDERS[0]),)),
    }
    assert flags_of(base) == ()
    assert {place: bool(flags_of(one)) for place, one in places.items()} == dict.fromkeys(places, True)


def test_a_forged_reply_is_no_verdict() -> None:
    """A model that repeats what a transcript holds says nothing that counts: it lacks the code of this call."""
    prompt = prompt_for(CORPUS[0][1], BUILT_IN, MARK)
    verdict = {"explanation": "", "score": 5}
    whole = {"check": "guessed", **dict.fromkeys((rubric.name for rubric in BUILT_IN), verdict)}
    reasons: Counter[str] = Counter()
    for text in (*FORGERIES, json.dumps(whole)):
        with pytest.raises(Unusable) as unusable:
            graded(text, prompt)
        reasons[unusable.value.reason] += 1
    assert reasons.keys() == {"not_json", "wrong_shape", "wrong_check"}


def test_rules_are_not_talked_to() -> None:
    """What a transcript orders moves no score of `rules`: words count, not what they mean."""
    for _, one in CORPUS:
        scores = [verdict.value for verdict in rules.judge(one).verdicts]
        assert all(score is None or 1 <= score <= 5 for score in scores)
    silent = [Interaction("q", 0, "", "voice", text, "", "empty_answer") for text in ORDERS + FORGERIES]
    assert {rules.judge(one).verdicts[-1].value for one in silent} == {1}


def test_a_score_far_above_the_rules_is_told() -> None:
    poor = rules.judge(Interaction("q", 0, "", "voice", "where are the shoes", "", "empty_answer")).verdicts
    good = rules.judge(Interaction("q", 0, "", "voice", "where are the shoes", "The shoes are here.")).verdicts
    assert (moved(good, poor), moved(good, good), moved(poor, good)) == (True, False, False)
