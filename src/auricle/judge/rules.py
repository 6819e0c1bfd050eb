"""The judge `rules`: deterministic, explained, and without any model, so that an installation without a key has scores.

It looks at what happened (an answer, its delay, actions, tools, interruptions) and at which words of the question come
back in the answer; it does not understand language, and says so by its explanations. It answers the built-in rubrics
alone.
"""

import re

from auricle.judge.rubric import ANSWERED, BUILT_IN, CORRECT_ACTION, HELPFULNESS, OVERALL, RELEVANT
from auricle.model.evaluation import Interaction, Judgement, Rubric, Verdict

NAME = "rules"
SLOW_MS = 5_000
"""An answer later than this helps less."""
STEM = 5
"""Letters by which two words are taken for the same: `opening` and `opens`."""

_WORD = re.compile(r"[^\W_]+")
_ADMISSION = re.compile(
    r"\b(?:i (?:do not|don[’']t|did not|didn[’']t) (?:know|understand|have (?:that|any) information)"
    r"|not sure i understand|i (?:cannot|can[’']t|could not|couldn[’']t|am unable|was unable)|i[’']m unable"
    r"|unable to (?:find|help|do)|no (?:results|matches) (?:found|were found)|something went wrong|please try again"
    r"|wei(?:ß|ss) ich nicht|ich kann (?:das |dir |ihnen )?nicht|no (?:lo )?sé|no puedo|je ne (?:sais|peux) pas)\b",
    re.IGNORECASE,
)
"""What assistants say when they cannot answer, in some languages."""
_COMMON = frozenset(
    _WORD.findall(
        "a about all am an and any are as at be been but by can could did do does for from get give had has have he her"
        " here him his how i if in into is it its like me my need no not of on one or our out please she show so some"
        " tell than that the their them then there these they this to up us want was we were what when where which who"
        " why will with would yes you your"
    )
)
"""Words that say nothing of what is asked."""

_Said = tuple[int | None, str]


def judge(interaction: Interaction) -> Judgement:
    """The verdict on each built-in rubric. Pure: the same interaction is always judged the same."""
    said = {
        ANSWERED: _answered(interaction),
        RELEVANT: _relevant(interaction),
        CORRECT_ACTION: _correct_action(interaction),
    }
    said[HELPFULNESS] = _helpfulness(interaction, said)
    said[OVERALL] = _overall(interaction, said)
    return Judgement(tuple(_verdict(rubric, *said[rubric.name]) for rubric in BUILT_IN))


def _verdict(rubric: Rubric, value: int | None, explanation: str) -> Verdict:
    return Verdict(rubric, value, explanation, "not_applicable" if value is None else None)


def _answered(one: Interaction) -> _Said:
    if one.reason == "error":
        return 1, "The outcome has its error flag set."
    if not one.answer_text.strip():
        return 1, "There is no answer."
    if one.reason == "late_outcome":
        return 2, "The answer came more than a minute after the question."
    if _ADMISSION.search(one.answer_text):
        return 2, "The answer says that it cannot answer."
    if one.answer_text.rstrip().endswith(("?", "？", "؟")):
        return 4, "The answer asks back."
    return 5, "There is an answer, in time and without an error."


def _relevant(one: Interaction) -> _Said:
    if not one.answer_text.strip():
        return 1, "There is no answer."
    asked = _stems(one.query_text)
    if not asked:
        return None, "The question has no word that could come back in an answer."
    tools = " ".join((*one.tools, *(call.name for call in one.calls))).replace("_", " ").replace(".", " ")
    again = len(asked & (_stems(one.answer_text) | _stems(tools)))
    told = f"{again} of {len(asked)} content words of the question come back in the answer or the tools."
    share = again / len(asked)
    if share >= 0.5:
        return 5, told
    if share >= 0.25:
        return 4, told
    if again or one.action_success:
        return 3, told if again else told + " An action was taken with success."
    return 2, told


def _correct_action(one: Interaction) -> _Said:
    failed = [call.name for call in one.calls if call.success is False]
    if one.action_taken and one.action_success is False:
        return 1, "An action was taken and did not succeed."
    if one.action_taken and one.action_success:
        if failed:
            return 4, f"The action succeeded; {len(failed)} of {len(one.calls)} tool calls before it did not."
        return 5, "The action was taken with success."
    if failed:
        return 2 if len(failed) == len(one.calls) else 3, f"{len(failed)} of {len(one.calls)} tool calls failed."
    if one.action_taken:
        return 3, "An action was taken; whether it succeeded is not told."
    if one.calls or one.tools:
        return 4, "Tools were used, and none is told to have failed."
    return None, "No action was taken and no tool used."


def _helpfulness(one: Interaction, said: dict[str, _Said]) -> _Said:
    scores = [value for value, _ in said.values() if value is not None]
    answered = said[ANSWERED][0] or 1
    value, why = min(answered, round(sum(scores) / len(scores))), ["from answer, relevance and action"]
    if one.latency_ms is not None and one.latency_ms > SLOW_MS:
        value, why = value - 1, [*why, f"slower than {SLOW_MS // 1_000} s"]
    if one.barge_ins:
        value, why = value - 1, [*why, "the person interrupted"]
    if _repeats(one):
        value, why = value - 1, [*why, "the person had to ask the same again"]
    return max(1, value), f"{'; '.join(why)[:1].upper()}{'; '.join(why)[1:]}."


def _overall(one: Interaction, said: dict[str, _Said]) -> _Said:
    answered = said[ANSWERED][0] or 1
    if answered == 1:
        return 1, said[ANSWERED][1]
    weights = {ANSWERED: 2, RELEVANT: 1, CORRECT_ACTION: 2, HELPFULNESS: 2}
    told = [(value, weights[name]) for name, (value, _) in said.items() if value is not None]
    mean = sum(value * weight for value, weight in told) / sum(weight for _, weight in told)
    # NOTE: what was not answered is not good, however much of the question it repeats.
    value = min(round(mean), answered + 1 if answered > 1 else 1)
    if one.action_success is False and one.action_taken:
        value = min(value, 2)
    return value, "Weighed from the other rubrics: answer, action and help twice, relevance once."


def _repeats(one: Interaction) -> bool:
    asked = _plain(one.query_text)
    return bool(asked) and any(_plain(turn.query_text) == asked for turn in one.turns[-2:])


def _plain(text: str) -> str:
    return " ".join(_WORD.findall(text.casefold()))


def _stems(text: str) -> frozenset[str]:
    words = (word.casefold() for word in _WORD.findall(text))
    return frozenset(word[:STEM] for word in words if word not in _COMMON and len(word) > 1)
