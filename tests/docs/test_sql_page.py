"""`docs/sql.md` tells the tables, columns and functions as they are, and each of its examples runs."""

import re
from pathlib import Path
from typing import Any

import orjson
import pytest

from auricle.model.principal import Kind
from auricle.report.sql.function import KINDS
from auricle.report.sql.table import NAMED
from running import Service, event

PAGE = (Path(__file__).parents[2] / "docs" / "sql.md").read_text()
EXAMPLES = re.findall(r"^```sql\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def table(heading: str) -> list[list[str]]:
    """The rows of the table under a heading."""
    section = PAGE.split(f"\n{heading}\n", 1)[1].split("\n#", 1)[0]
    rows = [line.strip("|").split(" | ") for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip(" `") for cell in row] for row in rows[2:]]


@pytest.mark.parametrize("name", NAMED)
def test_columns_are_told_as_they_are(name: str) -> None:
    told = table(f"### `{name}`")
    assert told == [[column.name, column.type, column.about.strip("`")] for column in NAMED[name].columns]


def test_functions_are_told_as_they_are() -> None:
    told = {kind: names.replace("`", "").split() for kind, names in table("### Functions")}
    assert told == {kind: names.split() for kind, names in KINDS.items()}


@pytest.fixture(scope="module")
def asked(service: Service) -> tuple[Service, str]:
    """The service and a key of a tenant with something of everything."""

    def made(name: str, **attributes: Any) -> dict[str, Any]:
        return event(event_name=name, source="server", session_id="s", attributes=attributes)

    query = {"voice.query_id": "q", "voice.query_text": "Open?", "voice.query_source": "voice"}
    score = {"voice.query_id": "q", "gen_ai.evaluation.name": "helpful", "gen_ai.evaluation.score.value": 4}
    usage = {"gen_ai.request.model": "m", "gen_ai.usage.cost_usd": 0.25}
    outcome = {"voice.query_id": "q", "voice.answer_text": "", "voice.latency_ms": 5}
    point = {"dataset": "requests", "blob1": "GET", "blob2": "/a", "blob3": "500", "double1": 3}
    sent = [
        made("voice.query", **query),
        made("voice.outcome", **outcome),
        made("voice.evaluated", **score),
        made("ai.usage", **usage),
        made("datapoint.written", **point),
        made("page_view", page="/"),
    ]
    assert service.send("sql-page", sent).body["accepted"] == 6
    service.drained("sql-page")
    return service, service.key("sql-page", Kind.READ)


ANSWERS = [
    [["/a", 1, 3]],
    [[3, 3]],
    [[1]],
    [["open?", 1]],
    [["m", 0.25]],
    [[1]],
    [["helpful", 4]],
]
"""The rows of each example, without its times."""


def test_every_example_runs(asked: tuple[Service, str]) -> None:
    service, key = asked
    told = []
    for text in EXAMPLES:
        answer = service.ask("POST", "/api/v1/analytics/sql", text.replace("FORMAT CSV", "").encode(), key)
        assert answer.status == 200, (text, answer.body)
        names = [column["name"] for column in answer.body["meta"] if not column["type"].startswith("Date")]
        told.append([[row[name] for name in names] for row in answer.body["data"]])
    assert told == ANSWERS


def test_an_example_in_csv_runs_as_it_stands(asked: tuple[Service, str]) -> None:
    service, key = asked
    (text,) = [text for text in EXAMPLES if "FORMAT CSV" in text]
    answer = service.ask("POST", "/api/v1/analytics/sql", text.encode(), key)
    assert answer.body.endswith(b',"helpful",4\n')


def test_an_example_is_json_too(asked: tuple[Service, str]) -> None:
    service, key = asked
    body = orjson.dumps({"query": EXAMPLES[0]})
    assert service.ask("POST", "/api/v1/analytics/sql", body, key).status == 200
