"""Cohen's kappa on tables that were counted by hand."""

import pytest

from auricle.judge.agreement import kappa, shape
from auricle.model.statement import Rows

# 50 grants judged by two readers: 20 yes by both, 15 no by both, 5 and 10 apart. Kappa is 0.4.
GRANTS = {(1, 1): 20, (1, 0): 5, (0, 1): 10, (0, 0): 15}
THREE = {(1, 1): 4, (2, 2): 3, (3, 3): 2, (1, 2): 1, (3, 1): 2}


def test_kappa_by_hand() -> None:
    assert kappa(GRANTS) == pytest.approx(0.4)
    # 9 of 12 agree; by chance 5*6 + 3*4 + 4*2 = 50 of 144 would.
    assert kappa(THREE) == pytest.approx((9 / 12 - 50 / 144) / (1 - 50 / 144))
    # Squares: seen 1 + 2*4 = 9 of 12; by chance 5*4+5*2*4 + 3*6+3*2 + 4*6*4+4*4 = 196 of 144.
    assert kappa(THREE, weighted=True) == pytest.approx(1 - (9 / 12) / (196 / 144))
    assert kappa({(1, 1): 5, (2, 2): 5}) == 1
    assert kappa({(1, 2): 5, (2, 1): 5}) == -1
    assert kappa({(4, 4): 9}) is None, "where all is one score, nothing can be said"


def test_the_answer_tells_a_rubric_each() -> None:
    rows = [["helpful", 4, 4, 3], ["helpful", 5, 4, 1], ["overall", 1, 5, 2]]
    told = shape(Rows(("rubric", "mine", "said", "times"), rows, 0, 0.0))
    assert [(one["rubric"], one["interactions"], one["agreement"]) for one in told] == [
        ("helpful", 4, 0.75),
        ("overall", 2, 0.0),
    ]
    assert told[0]["confusion"] == [{"judge": 4, "person": 4, "count": 3}, {"judge": 5, "person": 4, "count": 1}]
