"""The agreement of a judge with people: Cohen's kappa and the confusion table, a rubric each. Pure.

Of each interaction and rubric the last score of the judge meets the last score of a person. Kappa is the share of
agreement beyond what chance would give; the weighted one counts a difference by its square (quadratic weights).
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from auricle.judge.score import EVALUATED, PERSON
from auricle.model.query import Span
from auricle.model.statement import Rows, Statement
from auricle.report.binding import Binding
from auricle.report.fields import attribute
from auricle.report.time import MICROS

Pairs = Mapping[tuple[int, int], int]
"""How often the judge said the first and a person the second."""


def build(tenant_id: str, span: Span, judge: str | None) -> Statement:
    """SQL of (rubric, the judge's score, the person's score, how often); of any judge when none is named."""
    binding = Binding()
    evaluator = attribute("gen_ai.evaluation.evaluator").text
    value = attribute("gen_ai.evaluation.score.value").number
    theirs = f"{evaluator} = {binding.text(judge)}" if judge else f"{evaluator} != '{PERSON}'"
    last = f"({MICROS}, received_at)"
    return binding.statement(
        "SELECT rubric, toInt64(by_judge) AS mine, toInt64(by_person) AS said, count() AS times FROM (\n"
        f"  SELECT {attribute('voice.query_id').text} AS query_id,\n"
        f"    {attribute('gen_ai.evaluation.name').text} AS rubric,\n"
        f"    argMaxIf({value}, {last}, {theirs}) AS by_judge,\n"
        f"    argMaxIf({value}, {last}, {evaluator} = '{PERSON}') AS by_person\n"
        f"  FROM events WHERE tenant_id = {binding.text(tenant_id)} AND event_name = '{EVALUATED}'"
        f" AND occurred_at >= {binding.instant(span.start)} AND occurred_at < {binding.instant(span.end)}\n"
        "  GROUP BY query_id, rubric\n"
        ") WHERE isNotNull(by_judge) AND isNotNull(by_person)\n"
        "GROUP BY rubric, mine, said ORDER BY rubric, mine, said"
    )


def shape(rows: Rows) -> list[dict[str, Any]]:
    """`{rubric, interactions, agreement, kappa, weighted_kappa, confusion: [{judge, person, count}]}` a rubric."""
    found: defaultdict[str, dict[tuple[int, int], int]] = defaultdict(dict)
    for rubric, mine, said, times in rows.rows:
        found[rubric][mine, said] = times
    return [
        {
            "rubric": rubric,
            "interactions": sum(pairs.values()),
            "agreement": sum(times for (mine, said), times in pairs.items() if mine == said) / sum(pairs.values()),
            "kappa": kappa(pairs),
            "weighted_kappa": kappa(pairs, weighted=True),
            "confusion": [
                {"judge": mine, "person": said, "count": times} for (mine, said), times in sorted(pairs.items())
            ],
        }
        for rubric, pairs in found.items()
    ]


def kappa(pairs: Pairs, *, weighted: bool = False) -> float | None:
    """Cohen's kappa; None where chance alone would agree fully, so that nothing can be said."""
    total = sum(pairs.values())
    scores = sorted({score for pair in pairs for score in pair})
    mine = [sum(times for (one, _), times in pairs.items() if one == score) for score in scores]
    theirs = [sum(times for (_, one), times in pairs.items() if one == score) for score in scores]
    observed = sum(_apart(one, other, weighted) * times for (one, other), times in pairs.items()) / total
    expected = _expected(scores, mine, theirs, weighted) / total**2
    return None if expected == 0 else 1 - observed / expected


def _expected(scores: Sequence[int], mine: Sequence[int], theirs: Sequence[int], weighted: bool) -> float:
    return sum(
        _apart(one, other, weighted) * first * second
        for one, first in zip(scores, mine, strict=True)
        for other, second in zip(scores, theirs, strict=True)
    )


def _apart(one: int, other: int, weighted: bool) -> int:
    return (one - other) ** 2 if weighted else int(one != other)
