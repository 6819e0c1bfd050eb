"""Statements that run: what they answer on rows few enough to count by hand, and that they mean what they say."""

import json
import re
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from auricle import clock
from auricle.errors import Invalid
from auricle.intake.row import body_of, line_of
from auricle.model.event import Event

ROOT = Path(__file__).resolve().parents[3]
SEED = next(
    (found for place in ROOT.parents for found in (place / "shared" / "seeds").glob("003*") if found.is_file()), None
)

ANSWERS: dict[str, list[list[Any]]] = {
    "SELECT count() FROM events": [[23]],
    "SELECT COUNT(*) FROM requests": [[14]],
    "SELECT event_name, count() AS n FROM events GROUP BY event_name HAVING n > 1 ORDER BY n DESC": [
        ["datapoint.written", 15],
        ["page_view", 5],
    ],
    "SELECT blob1, SUM(double2), SUM(_sample_interval), AVG(double1) FROM requests"
    " WHERE timestamp > NOW() - INTERVAL '1' HOUR AND blob1 IN ('GET', 'POST') GROUP BY blob1 ORDER BY blob1": [
        ["GET", 10, 5, 50],
        ["POST", 10, 5, 40],
    ],
    "SELECT quantileExactWeighted(0.5)(double1, _sample_interval), countIf(blob1 = 'GET'), uniq(blob1) FROM requests"
    " WHERE blob1 LIKE '%T'": [[40, 5, 2]],
    "SELECT topK(1)(blob3), argMax(double1, timestamp) FROM requests WHERE blob1 IN ('GET', 'POST')": [[["200"], 0]],
    "SELECT SUM(CASE WHEN blob3 LIKE '5%' THEN 1 ELSE 0 END) AS errors FROM requests": [[1]],
    "SELECT intDiv(toUInt32(timestamp), 300) * 300 = toUnixTimestamp(toStartOfInterval(timestamp, INTERVAL '5' MINUTE))"
    " FROM requests LIMIT 1": [[1]],
    "SELECT DATE_TRUNC('day', timestamp) = toStartOfDay(timestamp), extract(HOUR FROM timestamp) = toHour(timestamp)"
    " FROM requests LIMIT 1": [[1, 1]],
    "SELECT query_id, latency_ms, score, state FROM interactions": [["mark-of-alice", 120, 4, "answered"]],
    "SELECT name, value FROM scores": [["overall", 4]],
    "SELECT double1, blob20, double20, index2 FROM only_alice": [[1, "", 0, ""]],
    "WITH events AS (SELECT * FROM events LIMIT 2) SELECT count() FROM events": [[2]],
    "WITH a AS (SELECT 1 AS x), b AS (SELECT x + 1 AS x FROM a) SELECT x FROM a UNION ALL SELECT x FROM b ORDER BY x": [
        [1],
        [2],
    ],
    "WITH 5 AS y, (SELECT max(double1) FROM requests) AS m SELECT y + m": [[95]],
    "SELECT x FROM (SELECT 1 AS x UNION DISTINCT SELECT 1 AS x)": [[1]],
    "SELECT blob1, n FROM only_alice AS a JOIN (SELECT count() AS n FROM events) AS b ON 1 = 1": [
        ["mark-of-alice", 23]
    ],
    "SELECT requests.blob1 FROM requests LEFT JOIN only_alice USING (blob1) WHERE only_alice.double1 = 1": [
        ["mark-of-alice"],
        ["mark-of-alice"],
    ],
    "SELECT row_number() OVER w AS r, blob2 FROM requests WHERE blob3 = 'cost' WINDOW w AS (ORDER BY timestamp)"
    " ORDER BY r": [[1, "ai"], [2, "ai"]],
    "SELECT blob1 FROM requests QUALIFY row_number() OVER (PARTITION BY blob1 ORDER BY timestamp) = 1 ORDER BY blob1": [
        ["GET"],
        ["POST"],
        ["error"],
        ["mark-of-alice"],
    ],
    "SELECT blob1 FROM requests ORDER BY blob1 LIMIT 1 BY blob1": [["GET"], ["POST"], ["error"], ["mark-of-alice"]],
    "SELECT blob1, double1 FROM requests ORDER BY double1 DESC LIMIT 1, 2": [["POST", 80], ["GET", 70]],
    "SELECT * EXCEPT (timestamp, event_id, occurred_at, received_at, attributes, context) FROM events LIMIT 1": [
        ["datapoint.written", "mark-of-alice", "mark-of-alice", "mark-of-alice", "web", "", 1]
    ],
    "SELECT count() FROM events WHERE user_id IN (SELECT user_id FROM events) AND EXISTS(SELECT 1 FROM events)": [[23]],
    "SELECT 1 -- a comment; with a semicolon\n /* and 'another */ ;": [[1]],
    "FROM events SELECT count()": [[23]],
    'SELECT 1 AS "a name, with (signs)", 2 AS `x.y`': [[1, 2]],
}


@pytest.mark.parametrize("text", ANSWERS)
def test_answers(sql: Any, text: str) -> None:
    assert sql.rows(text) == ANSWERS[text]


RAW = Path(__file__).with_name("expressions.txt").read_text().splitlines()
"""Lists of expressions; each must mean to the engine what it means when it is sent as it stands."""


@pytest.mark.parametrize("text", RAW)
def test_what_is_written_anew_means_the_same(sql: Any, text: str) -> None:
    # Names of columns without AS may be spelled in another way; types and values are the same.
    raw = {"session_timezone": "UTC"}
    told = json.loads(sql.ask(f"SELECT {text}"))
    meant = json.loads(sql.store.answer(f"SELECT {text}", raw, "JSON").result())
    assert [column["type"] for column in told["meta"]] == [column["type"] for column in meant["meta"]]
    assert sql.ask(f"SELECT {text} FORMAT CSV") == sql.store.answer(f"SELECT {text}", raw, "CSV").result()


@pytest.mark.parametrize(
    ("form", "answer"),
    [
        ("CSV", b'"GET",50\n"POST",40\n'),
        ("TabSeparated", b"GET\t50\nPOST\t40\n"),
        ("TSV", b"GET\t50\nPOST\t40\n"),
        ("JSONEachRow", b'{"k":"GET","v":50}\n{"k":"POST","v":40}\n'),
        ("jsoneachrow;", b'{"k":"GET","v":50}\n{"k":"POST","v":40}\n'),
    ],
)
def test_formats(sql: Any, form: str, answer: bytes) -> None:
    text = "SELECT blob1 AS k, avg(double1) AS v FROM requests WHERE blob1 LIKE '%T' GROUP BY k ORDER BY k"
    assert sql.ask(f"{text} FORMAT {form}") == answer


def test_json_is_the_format_without_one(sql: Any) -> None:
    told = json.loads(sql.ask("SELECT toUInt64(count()) AS n, 'a/b' AS t FROM events"))
    assert told.pop("statistics")
    assert told == {
        "meta": [{"name": "n", "type": "UInt64"}, {"name": "t", "type": "String"}],
        "data": [{"n": 23, "t": "a/b"}],
        "rows": 1,
    }


def test_tables_are_those_of_the_tenant(sql: Any) -> None:
    assert [row[0] for row in sql.rows("SHOW TABLES")] == ["events", "interactions", "only_alice", "requests", "scores"]
    assert [row[0] for row in sql.rows("show tables;", "bob")] == [
        "events",
        "interactions",
        "only_bob",
        "requests",
        "scores",
    ]
    assert sql.ask("SHOW TABLES FORMAT CSV", "nobody").count(b"\n") == 3


@pytest.mark.parametrize("text", ["DESCRIBE {}", "DESC {}", "DESCRIBE TABLE {}", 'describe "{}"'])
@pytest.mark.parametrize("table", ["events", "interactions", "scores", "only_alice"])
def test_a_table_is_described_as_it_is(sql: Any, text: str, table: str) -> None:
    told = [row[:2] for row in sql.rows(text.format(table))]
    meant = [[column["name"], column["type"]] for column in json.loads(sql.ask(f"SELECT * FROM {table}"))["meta"]]
    assert told == meant


MESSAGES = {
    "SELECT nosuch FROM events": "sql.column",
    "SELECT 1 FROM " + ", ".join(f"requests r{n}" for n in range(200)): "sql.size",
    "SELECT tenant_id FROM events": "sql.column",
    "SELECT * FROM nosuch": "sql.table",
    "DESCRIBE nosuch": "sql.table",
    "SELECT user_id, count() FROM events": "sql.group",
    "SELECT sum(user_id) FROM events": "sql.type",
    "SELECT 1 UNION ALL SELECT 1, 2": "sql.arguments",
    "SELECT length() FROM events": "sql.arguments",
    "SELECT toDate('SECRET')": "sql.type",
    "SELECT count( FROM events": "sql.syntax",
    "SELEC 1": "sql.select",
    "SELECT sleep(1)": "sql.function",
    "SELECT 1 FORMAT XML": "sql.format",
    "SELECT 1;SELECT 2": "sql.one",
    "SELECT 'a": "sql.character",
    "SELECT " + "(" * 41 + "1" + ")" * 41: "sql.depth",
    "SELECT " + "1," * 10_001 + "1": "sql.length",
    "SELECT 1 " + "+ 1 " * 1_600: "sql.length",
}


@pytest.mark.parametrize("text", MESSAGES, ids=lambda text: text[:40])
def test_a_refusal_tells_the_rule_and_repeats_nothing(sql: Any, text: str) -> None:
    with pytest.raises(Exception) as caught:
        sql.ask(text)
    error: Any = caught.value
    assert (error.status, error.faults[0].pointer, error.faults[0].rule) == (422, "/query", MESSAGES[text])
    assert "nosuch" not in error.faults[0].message
    assert "SECRET" not in error.faults[0].message


def test_a_refusal_tells_where(refused: Callable[[str], tuple[str, str]]) -> None:
    assert refused("SELECT 1,\n  {x}")[1].startswith("Line 2, column 3: ")
    assert "near word 5" in refused("SELECT 1 INTO OUTFILE x")[1]


CHAINS = {
    "not": "SELECT " + "NOT " * 1_400 + "1",
    "plus": "SELECT 1" + " + 1" * 1_400,
    "minus": "SELECT " + "- " * 1_400,
}


@pytest.mark.parametrize("name", CHAINS)
def test_a_long_chain_is_refused_as_one(sql: Any, name: str) -> None:
    with pytest.raises(Invalid):
        sql.ask(CHAINS[name])


@pytest.mark.skipif(SEED is None, reason="needs shared/seeds beside the repository")
def test_every_query_of_document_003_runs_word_for_word(sql: Any) -> None:
    assert SEED is not None
    queries = re.findall(r"`\s*(SELECT.+?)`", SEED.read_text(errors="replace"), re.DOTALL)
    (dataset,) = {re.findall(r"FROM\s+(\w+)", query)[0] for query in queries}
    now = clock.micros()
    points = [
        {"blob1": "GET", "blob2": "/a", "blob3": "200", "double1": 10, "double2": 1},
        {"blob1": "GET", "blob2": "/a", "blob3": "500", "double1": 30, "double2": 1},
        {"blob1": "p", "blob2": "ai", "blob3": "cost", "double1": 1.5, "double2": 1},
        {"blob1": "error", "blob2": "TypeError", "blob3": "/a", "double1": 1},
    ]
    lines = []
    for point in points:
        told = {"dataset": dataset, **point}
        made = Event("seed", str(uuid.uuid4()), "datapoint.written", now, "", "", "", "server", "", told, {})
        lines.append(line_of(body_of(made), now, now))
    sql.store.insert(b"\n".join(lines), "seed")

    answers = [sql.rows(query, "seed") for query in queries]

    day = sql.rows("SELECT toStartOfDay(now())")[0][0]
    assert answers == [
        [["/a", 2, 20]],
        [["p", "ai", 1.5]],
        [["TypeError", 1]],
        [[4, 10.625, 1]],
        [[day, "ai", 1.5]],
    ]


def test_an_interaction_has_the_state_that_its_outcome_gives_it(sql: Any) -> None:
    """One of each; the second outcome of `twice` does not count, and an outcome without a query is no row."""
    now = clock.micros()
    outcomes: dict[str, list[tuple[float, dict[str, Any]]]] = {
        "good": [(1, {"voice.answer_text": "yes", "voice.action_taken": 1, "voice.action_success": True})],
        "twice": [(2, {"voice.answer_text": " "}), (3, {"voice.answer_text": "yes"})],
        "error": [(1, {"voice.answer_text": "", "error.flag": True, "error.message": "m"})],
        "late": [(61, {"voice.answer_text": "yes"})],
        "failed": [(1, {"voice.answer_text": "yes", "voice.action_taken": True, "voice.action_success": 0})],
        "unknown": [(1, {"voice.answer_text": "yes", "voice.action_taken": 1})],
        "none": [],
    }
    lines = []

    def add(name: str, seconds: float, query_id: str, **attributes: Any) -> None:
        at = now - 3_600_000_000 + int(seconds * 1_000_000)
        told = {"voice.query_id": query_id, **attributes}
        made = Event("voices", str(uuid.uuid4()), name, at, "", "", "", "voice", "", told, {})
        lines.append(line_of(body_of(made), at, at))

    for query_id, answers in outcomes.items():
        add("voice.query", 0, query_id, **{"voice.query_text": query_id})
        for seconds, answer in answers:
            add("voice.outcome", seconds, query_id, **answer)
    add("voice.query", 3_590, "fresh")
    add("voice.outcome", 0, "orphan", **{"voice.answer_text": "yes"})
    sql.store.insert(b"\n".join(lines), "voices")

    assert sql.rows("SELECT query_id, state, reason FROM interactions ORDER BY query_id", "voices") == [
        ["error", "error", "error"],
        ["failed", "unanswered", "action_failed"],
        ["fresh", "pending", "pending"],
        ["good", "answered", ""],
        ["late", "unanswered", "late_outcome"],
        ["none", "unanswered", "no_outcome"],
        ["twice", "unanswered", "empty_answer"],
        ["unknown", "answered", ""],
    ]
