"""Statements written out for people."""

import pytest

from auricle.model.statement import Statement
from auricle.report.literal import rendered


@pytest.mark.parametrize(
    ("sql", "params", "expected"),
    [
        pytest.param("{p0:String}", {"p0": "it's \\ \n"}, "'it\\'s \\\\ \\n'", id="text"),
        pytest.param("{p0:Array(String)}", {"p0": ["a", "'"]}, "['a', '\\'']", id="texts"),
        pytest.param("{p0:Array(Float64)}", {"p0": [1.0, 1e22]}, "[1.0, 1e+22]", id="numbers"),
        pytest.param(
            "{p0:DateTime64(6, 'UTC')}",
            {"p0": "2025-10-01 00:00:00.000000"},
            "toDateTime64('2025-10-01 00:00:00.000000', 6, 'UTC')",
            id="an instant",
        ),
        pytest.param(
            "'{p0:String}', `{p0:String}`, 'a\\'{p0:String}'",
            {},
            "'{p0:String}', `{p0:String}`, 'a\\'{p0:String}'",
            id="quoted",
        ),
    ],
)
def test_parameters_are_written_in(sql: str, params: dict[str, object], expected: str) -> None:
    assert rendered(Statement(sql, params)) == expected
