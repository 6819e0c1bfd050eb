"""The rubrics that every tenant has: questions as data, each with a scale and a version."""

from auricle.model.evaluation import Rubric

ANSWERED, RELEVANT, CORRECT_ACTION, HELPFULNESS, OVERALL = (
    "answered",
    "relevant",
    "correct_action",
    "helpfulness",
    "overall",
)

BUILT_IN = (
    Rubric(ANSWERED, "Did the assistant answer what the person asked, rather than evade, fail or stay silent?"),
    Rubric(RELEVANT, "Is what the assistant said about what the person asked for?"),
    Rubric(CORRECT_ACTION, "Did the assistant take the action that was asked for, by the right tools, with success?"),
    Rubric(HELPFULNESS, "How much nearer to their goal is the person after this turn?"),
    Rubric(OVERALL, "Taken together, how good was this turn of the assistant?"),
)
"""Asked of every interaction, in this order; the report `interactions` shows the score of the last one."""

NAMES = frozenset(rubric.name for rubric in BUILT_IN)
