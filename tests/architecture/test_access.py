"""Every route says who may use it: without a row, the matrix of `tests/edge/test_matrix.py` would pass it by."""

from pathlib import Path

from access import ROWS, declared
from auricle import app
from auricle.settings import Settings


def test_every_route_has_its_row_and_no_other(tmp_path: Path) -> None:
    found = {way for way in declared(app.build(Settings(data=tmp_path))) if way[0] != "HEAD"}
    assert found - set(ROWS) == set(), "tests/access.py must say who may use these routes; then run the matrix"
    assert set(ROWS) - found == set(), "these routes are gone: take their rows out of tests/access.py"
