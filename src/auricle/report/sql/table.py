"""The tables that user SQL reads: their columns, and the SQL that makes each from a tenant's events."""

import re
from dataclasses import dataclass

from auricle.errors import Invalid
from auricle.report import interactions
from auricle.report.literal import quoted
from auricle.report.sql.lexis import refused

POINT = "datapoint.written"
"""The event that a data point is."""
DATASET = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
"""What a dataset may be called."""
SOURCE = "events"
"""The only table of the engine that is read."""
ROWS = '"$e"'
"""How our SQL calls its rows. Every column is named with it: without, `WITH 'x' AS tenant_id` in the client's part
could stand in the place of ours. No name of a client holds a `$`."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its name, type, the SQL that gives it, and what it is."""

    name: str
    type: str
    sql: str
    about: str


@dataclass(frozen=True, slots=True)
class Table:
    """One table: its columns over one kind of rows."""

    name: str
    columns: tuple[Column, ...]
    rows: str
    """SQL after the columns: `FROM …`, with `{tenant}` for the condition on the tenant."""
    about: str

    def sql(self, tenant_id: str) -> str:
        """The table of a tenant, as a subquery."""
        columns = ", ".join(f"{column.sql} AS `{column.name}`" for column in self.columns)
        return f"(SELECT {columns} {self.rows.replace('{tenant}', _of(tenant_id))})"


def _of(tenant_id: str) -> str:
    return f"{ROWS}.tenant_id = {quoted(tenant_id)}"


def _member(name: str) -> str:
    return f"{ROWS}.{name}"


def _plain(name: str) -> str:
    """SQL of a column of few values as plain text."""
    return f"CAST({ROWS}.{name}, 'String')"


def _text(name: str) -> str:
    return f"JSONExtractString({ROWS}.attributes, {quoted(name)})"


def _number(name: str) -> str:
    return f"JSONExtract({ROWS}.attributes, {quoted(name)}, 'Nullable(Float64)')"


def _flag(name: str, *values: str) -> str:
    """SQL of whether a flag, told as 0, 1, false or true, has one of these values."""
    text = f"JSONExtract({ROWS}.attributes, {quoted(name)}, 'Nullable(String)')"
    return f"ifNull({text} IN ({', '.join(map(quoted, values))}), 0)"


YES, NO = ("1", "true"), ("0", "false")
_TO_SECOND = f"toDateTime({ROWS}.occurred_at, 'UTC')"
_SAMPLE = Column("_sample_interval", "UInt32", "toUInt32(1)", "Always 1: every row is kept")

EVENTS = Table(
    "events",
    (
        Column("timestamp", "DateTime('UTC')", _TO_SECOND, "When it happened, to the second"),
        Column("event_id", "UUID", _member("event_id"), "Its id"),
        Column("event_name", "String", _plain("event_name"), "Its name"),
        Column("occurred_at", "DateTime64(6, 'UTC')", _member("occurred_at"), "When it happened"),
        Column("received_at", "DateTime64(6, 'UTC')", _member("received_at"), "When the service received it"),
        Column("site_id", "String", _member("site_id"), "Where; empty without one"),
        Column("session_id", "String", _member("session_id"), "In which session; empty without one"),
        Column("user_id", "String", _member("user_id"), "Who; empty without one"),
        Column("source", "String", _plain("source"), "What sent it"),
        Column("schema_id", "String", _plain("schema_id"), "The schema it was held against"),
        Column("attributes", "String", _member("attributes"), "JSON: `JSONExtractString(attributes, 'page')`"),
        Column("context", "String", _member("context"), "JSON"),
        _SAMPLE,
    ),
    f"FROM {SOURCE} AS {ROWS} WHERE {{tenant}}",
    "Every event",
)

_QUERY, _OUTCOME, _VERDICT = (
    f"{ROWS}.event_name = '{name}'" for name in (interactions.QUERY, interactions.OUTCOME, interactions.SCORE)
)
_AT, _ARRIVED = (f"toUnixTimestamp64Micro({ROWS}.{name})" for name in ("occurred_at", "received_at"))
_ASKED_AT = f'{ROWS}."$asked_at"'
"""When the query of an event was first asked, in microseconds; 0 if never."""
_ANSWER = f"{_OUTCOME} AND {interactions.belongs(_AT, _ASKED_AT)}"
_OVERALL = f"{_VERDICT} AND {_text('gen_ai.evaluation.name')} = '{interactions.OVERALL}'"


def _first(value: str, kind: str) -> str:
    """SQL of a value of the earliest event of a kind."""
    # NOTE: without the tuple, argMin passes over events whose value is NULL.
    return f"argMinIf(tuple({value}), ({_AT}, {_ARRIVED}), {kind}).1"


_SCORE = f"argMaxIf(tuple({_number('gen_ai.evaluation.score.value')}), ({_AT}, {_ARRIVED}), {_OVERALL}).1"
_REASON = interactions.reason_of(
    interactions.Pieces(
        asked_at=f"any({_ASKED_AT})",
        told_at=f"minIf({_AT}, {_ANSWER})",
        error=_first(_flag("error.flag", *YES), _ANSWER),
        answer=_first(_text("voice.answer_text"), _ANSWER),
        taken=_first(_flag("voice.action_taken", *YES), _ANSWER),
        success=f"NOT {_first(_flag('voice.action_success', *NO), _ANSWER)}",
        score=_SCORE,
        now="toUnixTimestamp64Micro(now64(6))",
        threshold=repr(interactions.THRESHOLD),
    )
)
_STATE = f"multiIf({_REASON} = '', 'answered', {_REASON} IN ('pending', 'error'), {_REASON}, 'unanswered')"

_READ = ("event_name", "occurred_at", "received_at", "site_id", "session_id", "user_id", "source", "attributes")

INTERACTIONS = Table(
    "interactions",
    (
        Column(
            "timestamp",
            "DateTime('UTC')",
            f"toDateTime(minIf({ROWS}.occurred_at, {_QUERY}), 'UTC')",
            "When it was asked, to the second",
        ),
        Column("query_id", "String", _text("voice.query_id"), "The id of query and outcome"),
        Column("site_id", "String", _first(_member("site_id"), _QUERY), "Where it was asked"),
        Column("session_id", "String", _first(_member("session_id"), _QUERY), "In which session"),
        Column("user_id", "String", _first(_member("user_id"), _QUERY), "By whom"),
        Column("source", "String", _first(_plain("source"), _QUERY), "What sent the query"),
        Column("query_text", "String", _first(_text("voice.query_text"), _QUERY), "What was asked"),
        Column("query_source", "String", _first(_text("voice.query_source"), _QUERY), "voice, text or test"),
        Column("asr_confidence", "Nullable(Float64)", _first(_number("voice.asr_confidence"), _QUERY), "0 to 1"),
        Column("answer_text", "String", _first(_text("voice.answer_text"), _ANSWER), "What was answered"),
        Column("latency_ms", "Nullable(Float64)", _first(_number("voice.latency_ms"), _ANSWER), "Milliseconds"),
        Column("action_taken", "UInt8", _first(_flag("voice.action_taken", *YES), _ANSWER), "1 if it acted"),
        Column("action_success", "UInt8", _first(_flag("voice.action_success", *YES), _ANSWER), "1 if that worked"),
        Column("tokens", "Nullable(Float64)", _first(_number("gen_ai.usage.total_tokens"), _ANSWER), "Tokens used"),
        Column("cost_usd", "Nullable(Float64)", _first(_number("gen_ai.usage.cost_usd"), _ANSWER), "US dollars"),
        Column("error", "UInt8", _first(_flag("error.flag", *YES), _ANSWER), "1 if the outcome is an error"),
        Column("error_message", "String", _first(_text("error.message"), _ANSWER), "Its message"),
        Column(
            "score",
            "Nullable(Float64)",
            _SCORE,
            "Its overall score",
        ),
        Column("state", "String", _STATE, "answered, unanswered, error or pending"),
        Column("reason", "String", _REASON, "Why it is not answered; empty when it is"),
        _SAMPLE,
    ),
    f"FROM (SELECT {', '.join(map(_member, _READ))}, minIf({_AT}, {_QUERY})"
    f" OVER (PARTITION BY {_text('voice.query_id')}) AS `$asked_at` FROM {SOURCE} AS {ROWS} WHERE {{tenant}}"
    f" AND ({_QUERY} OR {_OUTCOME} OR {_VERDICT}) AND JSONHas({ROWS}.attributes, 'voice.query_id')) AS {ROWS}"
    f" GROUP BY {_text('voice.query_id')} HAVING countIf({_QUERY}) > 0",
    "Voice queries, each with its outcome and its score",
)

SCORES = Table(
    "scores",
    (
        Column("timestamp", "DateTime('UTC')", _TO_SECOND, "When it was given, to the second"),
        Column("query_id", "String", _text("voice.query_id"), "The interaction"),
        Column("name", "String", _text("gen_ai.evaluation.name"), "What was judged"),
        Column("value", "Nullable(Float64)", _number("gen_ai.evaluation.score.value"), "The score; NULL if unscored"),
        Column("label", "String", _text("gen_ai.evaluation.score.label"), "Its label"),
        Column("explanation", "String", _text("gen_ai.evaluation.explanation"), "Why"),
        Column("model", "String", _text("gen_ai.request.model"), "Who judged"),
        Column("prompt_version", "String", _text("gen_ai.evaluation.prompt_version"), "By which prompt"),
        Column("tokens", "Nullable(Float64)", _number("gen_ai.usage.total_tokens"), "Tokens used"),
        Column("cost_usd", "Nullable(Float64)", _number("gen_ai.usage.cost_usd"), "US dollars"),
        _SAMPLE,
    ),
    f"FROM {SOURCE} AS {ROWS} WHERE {{tenant}} AND {_VERDICT}",
    "Verdicts of judges on interactions",
)

NAMED = {table.name: table for table in (EVENTS, INTERACTIONS, SCORES)}
"""The tables that are no datasets."""

_POINT = (
    Column("timestamp", "DateTime('UTC')", _TO_SECOND, "When it happened, to the second"),
    Column("dataset", "String", _text("dataset"), "The dataset"),
    *(Column(f"index{n}", "String", _text(f"index{n}"), f"Index {n}; empty without one") for n in (1, 2)),
    *(Column(f"blob{n}", "String", _text(f"blob{n}"), f"Blob {n}; empty without one") for n in range(1, 21)),
    *(
        Column(
            f"double{n}", "Float64", f"JSONExtractFloat({ROWS}.attributes, 'double{n}')", f"Double {n}; 0 without one"
        )
        for n in range(1, 21)
    ),
    _SAMPLE,
)


def dataset(name: str) -> Table:
    """The table of a dataset."""
    point = f"{ROWS}.event_name = '{POINT}' AND {_text('dataset')} = {quoted(name)}"
    rows = f"FROM {SOURCE} AS {ROWS} WHERE {{tenant}} AND {point}"
    return Table(name, _POINT, rows, "Data points")


def names_sql(tenant_id: str) -> str:
    """SQL of the names of all of a tenant's tables."""
    named = ", ".join(f"({quoted(table.name)}, {quoted(table.about)})" for table in NAMED.values())
    return (
        f"SELECT found.1 AS name, found.2 AS comment FROM (SELECT arrayJoin([{named}]) AS found"
        f" UNION ALL SELECT DISTINCT ({_text('dataset')}, 'Data points') FROM {SOURCE}"
        f" AS {ROWS} WHERE {_of(tenant_id)} AND {ROWS}.event_name = '{POINT}') ORDER BY name"
    )


def columns_sql(table: Table) -> str:
    """SQL of the columns of a table."""
    rows = ", ".join(
        f"({quoted(column.name)}, {quoted(column.type)}, {quoted(column.about)})" for column in table.columns
    )
    return f"SELECT found.1 AS name, found.2 AS type, found.3 AS comment FROM (SELECT arrayJoin([{rows}]) AS found)"


def known_sql(tenant_id: str, name: str) -> str:
    """SQL that has a row when the tenant has a dataset of that name."""
    rows = dataset(name).rows.replace("{tenant}", _of(tenant_id))
    return f"SELECT 1 AS known {rows} LIMIT 1"


def unknown_table() -> Invalid:
    """The error of a table that the tenant does not have."""
    return refused(
        "table",
        f"There is no such table: SHOW TABLES lists {', '.join(NAMED)} and the datasets that data points were"
        " written to.",
    )
