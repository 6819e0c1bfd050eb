"""What spans and log records become: each row of docs/otlp.md, and what becomes of the others."""

import re
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import settings as limits
from hypothesis import strategies as st

from auricle.intake.convention import INFERENCE, event_id_of, events_of_logs, events_of_spans
from auricle.intake.door import Door
from auricle.intake.export import LogRecord, Span, SpanKind
from auricle.intake.schemas import Registry
from auricle.intake.steps import run
from auricle.model.event import Event
from auricle.model.receipt import Dropped, Reason, Rejected

KNOWN = Registry.load()
TRACE, SPAN, PARENT = "5b8efff798038103d269b633813fc60c", "eee19b7ec3c1b174", "eee19b7ec3c1b173"
START = 1_767_225_600_000_000_000
"""2026-01-01, in nanoseconds."""
CONTEXT = {"otel.trace_id": TRACE, "otel.span_id": SPAN}


def span(name: str = "any", kind: int = SpanKind.INTERNAL, took_ms: float = 250, **more: Any) -> Span:
    told: dict[str, Any] = {
        "trace_id": TRACE,
        "span_id": SPAN,
        "parent_id": "",
        "start": START,
        "end": START + round(took_ms * 1_000_000),
        "failed": False,
        "message": "",
        "attributes": {},
        "resource": {},
    }
    return Span(name=name, kind=kind, **(told | more))


def record(event_name: str = "", **more: Any) -> LogRecord:
    told: dict[str, Any] = {
        "trace_id": "",
        "span_id": "",
        "time": START,
        "observed": START,
        "severity": "",
        "body": None,
        "attributes": {},
        "resource": {},
    }
    return LogRecord(event_name=event_name, **(told | more))


def of_span(one: Span) -> Any:
    (verdict,) = events_of_spans([one], KNOWN.known)
    return verdict


def of_record(one: LogRecord) -> Any:
    (verdict,) = events_of_logs([one], KNOWN.known, 7)
    return verdict


def judged(raw: Any) -> Any:
    """What the steps make of it."""
    (verdict,) = run([raw], Door(KNOWN, "acme", 0, lambda: "x"))
    return verdict


SPANS = [
    pytest.param(
        span("chat m", SpanKind.CLIENT, attributes={"gen_ai.operation.name": "chat", "gen_ai.request.model": "m"}),
        "ai.usage",
        {"gen_ai.operation.name": "chat", "gen_ai.request.model": "m", "otel.name": "chat m"},
        id="a call of a model",
    ),
    pytest.param(
        span(
            attributes={
                "gen_ai.response.model": "m-1",
                "gen_ai.usage.prompt_tokens": 3,
                "gen_ai.usage.completion_tokens": 4,
                "gen_ai.usage.cost": 0.5,
                "llm.usage.total_tokens": 7,
            }
        ),
        "ai.usage",
        {
            "gen_ai.request.model": "m-1",
            "gen_ai.response.model": "m-1",
            "gen_ai.usage.input_tokens": 3,
            "gen_ai.usage.output_tokens": 4,
            "gen_ai.usage.cost_usd": 0.5,
            "gen_ai.usage.total_tokens": 7,
            "otel.name": "any",
        },
        id="older names",
    ),
    pytest.param(
        span(attributes={"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "search"}, took_ms=12.5),
        "ai.tool_call_completed",
        {
            "gen_ai.operation.name": "execute_tool",
            "gen_ai.tool.name": "search",
            "ai.tool.duration_ms": 12.5,
            "ai.tool.success": True,
            "otel.name": "any",
        },
        id="a tool",
    ),
    pytest.param(
        span(attributes={"gen_ai.tool.name": "t"}, failed=True, message="out of luck", parent_id=PARENT),
        "ai.tool_call_completed",
        {
            "gen_ai.tool.name": "t",
            "ai.tool.duration_ms": 250,
            "ai.tool.success": False,
            "error.message": "out of luck",
            "otel.name": "any",
            "otel.parent_span_id": PARENT,
        },
        id="a tool that failed",
    ),
    pytest.param(
        span(attributes={"gen_ai.tool.name": "t", "error.type": "timeout"}),
        "ai.tool_call_completed",
        {
            "gen_ai.tool.name": "t",
            "error.type": "timeout",
            "ai.tool.duration_ms": 250,
            "ai.tool.success": False,
            "otel.name": "any",
        },
        id="a tool with an error and no status",
    ),
    pytest.param(
        span(
            "GET /a",
            SpanKind.SERVER,
            attributes={"http.request.method": "GET", "url.path": "/a", "http.response.status_code": 200},
        ),
        "http.request",
        {
            "http.request.method": "GET",
            "url.path": "/a",
            "http.response.status_code": 200,
            "http.server.duration_ms": 250,
            "otel.name": "GET /a",
        },
        id="a request",
    ),
    pytest.param(
        span(
            "GET",
            SpanKind.SERVER,
            attributes={
                "http.method": "GET",
                "http.target": "/a/b?c=d",
                "http.status_code": 404,
                "http.user_agent": "curl",
                "http.response_content_length": 9,
            },
        ),
        "http.request",
        {
            "http.request.method": "GET",
            "http.target": "/a/b?c=d",
            "url.path": "/a/b",
            "http.response.status_code": 404,
            "user_agent.original": "curl",
            "http.response.size_bytes": 9,
            "http.server.duration_ms": 250,
            "otel.name": "GET",
        },
        id="a request by older names",
    ),
    pytest.param(
        span(
            "kb.search",
            attributes={"kb.query": "q", "kb.results_count": 2, "gen_ai.conversation.id": "c"},
        ),
        "kb.search",
        {
            "kb.query": "q",
            "kb.results_count": 2,
            "gen_ai.conversation.id": "c",
            "kb.search_latency_ms": 250,
            "otel.name": "kb.search",
        },
        id="a span that is named after an event",
    ),
    pytest.param(
        span(attributes={"gen_ai.operation.name": "invoke_agent", "gen_ai.usage.input_tokens": 9}),
        "gen_ai.invoke_agent",
        {"gen_ai.operation.name": "invoke_agent", "gen_ai.usage.input_tokens": 9, "otel.name": "any"},
        id="an agent, whose tokens are those of its calls",
    ),
    pytest.param(
        span(attributes={"gen_ai.operation.name": "Of My Own", "gen_ai.x": 1}),
        "gen_ai.span",
        {"gen_ai.operation.name": "Of My Own", "gen_ai.x": 1, "otel.name": "any"},
        id="an operation with no name for an event",
    ),
    pytest.param(
        span(kind=SpanKind.SERVER, attributes={"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "t"}),
        "gen_ai.execute_tool",
        {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "t", "otel.name": "any"},
        id="the far side of a tool call",
    ),
]


@pytest.mark.parametrize(("one", "name", "attributes"), SPANS)
def test_spans(one: Span, name: str, attributes: dict[str, Any]) -> None:
    raw = of_span(one)
    assert raw == {
        "event_id": event_id_of(TRACE, SPAN, name),
        "event_name": name,
        "occurred_at": raw["occurred_at"],
        "source": "server",
        "attributes": attributes | CONTEXT,
    } | ({"session_id": "c"} if name == "kb.search" else {})
    assert raw["occurred_at"].startswith("2026-01-01T00:00:00")
    assert isinstance(judged(raw), Event)


RECORDS = [
    pytest.param(
        record("page_view", attributes={"page": "/a"}, severity="INFO"),
        "page_view",
        {"page": "/a", "otel.name": "page_view", "otel.severity": "INFO"},
        id="an event of the catalogue",
    ),
    pytest.param(
        record(body={"page": "/b", "x": 1}, attributes={"event.name": "page_view", "page": "/a"}),
        "page_view",
        {"page": "/a", "x": 1, "otel.name": "page_view"},
        id="an event of the catalogue by the older name, with a body",
    ),
    pytest.param(
        record("gen_ai.choice", body="hello"),
        "gen_ai.choice",
        {"otel.body": "hello", "otel.name": "gen_ai.choice"},
        id="an event of a model",
    ),
    pytest.param(
        record(attributes={"gen_ai.system": "x"}), "gen_ai.log", {"gen_ai.system": "x"}, id="a line about a model"
    ),
    pytest.param(
        record(attributes={"exception.type": "ValueError", "exception.message": "no"}, body="it broke"),
        "error_occurred",
        {
            "exception.type": "ValueError",
            "exception.message": "no",
            "error.type": "ValueError",
            "error.message": "no",
            "otel.body": "it broke",
        },
        id="an exception",
    ),
    pytest.param(
        record(INFERENCE, attributes={"gen_ai.request.model": "m"}),
        "ai.usage",
        {"gen_ai.request.model": "m", "otel.name": INFERENCE},
        id="the details of a call",
    ),
]


@pytest.mark.parametrize(("one", "name", "attributes"), RECORDS)
def test_log_records(one: LogRecord, name: str, attributes: dict[str, Any]) -> None:
    raw = of_record(one)
    assert raw == {
        "event_id": raw["event_id"],
        "event_name": name,
        "occurred_at": "2026-01-01T00:00:00Z",
        "source": "server",
        "attributes": attributes,
    }
    assert isinstance(judged(raw), Event)


@pytest.mark.parametrize(
    "verdict",
    [
        pytest.param(of_span(span("SELECT", SpanKind.CLIENT, attributes={"db.system": "x"})), id="a query"),
        pytest.param(of_span(span("GET", SpanKind.CLIENT, attributes={"http.method": "GET"})), id="a client's request"),
        pytest.param(of_span(span("", 0)), id="a span of nothing"),
        pytest.param(of_record(record(body="a line")), id="a line of a log"),
        pytest.param(of_record(record("my.event")), id="an event that nobody knows"),
    ],
)
def test_what_maps_to_nothing_is_dropped_by_name(verdict: Any) -> None:
    assert verdict == Dropped(Reason.UNMAPPED, None)
    assert judged(verdict) == verdict


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        pytest.param({"trace_id": ""}, "/spanId", id="no trace"),
        pytest.param({"span_id": ""}, "/spanId", id="no span"),
        pytest.param({"end": 0, "start": 0}, "/endTimeUnixNano", id="no end"),
        pytest.param({"end": START - 1}, "/endTimeUnixNano", id="an end before the start"),
        pytest.param({"end": 2**64 - 1}, "/timeUnixNano", id="the end of days"),
    ],
)
def test_broken_spans(changes: dict[str, Any], pointer: str) -> None:
    verdict = of_span(span("page_view", **changes))
    assert isinstance(verdict, Rejected)
    assert (verdict.reason, verdict.faults[0].pointer, verdict.event_name) == (Reason.ENVELOPE, pointer, "page_view")


def test_who_and_where() -> None:
    """A person's id is taken out of the attributes, where no pseudonym would be made of it."""
    raw = of_span(
        span(
            "page_view",
            attributes={"enduser.id": "u", "session.id": "s", "page": "/"},
            resource={"service.name": "shop", "telemetry.sdk.language": "webjs"},
        )
    )
    assert (raw["user_id"], raw["session_id"], raw["site_id"], raw["source"]) == ("u", "s", "shop", "web")
    assert raw["attributes"] == {"page": "/", "otel.name": "page_view"} | CONTEXT
    numbered = of_record(record("page_view", attributes={"user.id": 7}, resource={"session.id": "r"}))
    assert (numbered["user_id"], numbered["session_id"]) == ("7", "r")


def test_a_record_without_a_time_is_of_now() -> None:
    assert of_record(record("page_view", time=0, observed=0))["occurred_at"] == "1970-01-01T00:00:00.000007Z"
    assert of_record(record("page_view", time=0))["occurred_at"] == "2026-01-01T00:00:00Z"


def ids(records: list[LogRecord]) -> list[str]:
    return [raw["event_id"] for raw in events_of_logs(records, KNOWN.known, 7) if isinstance(raw, dict)]


def test_ids_are_the_same_each_time_and_different_for_each() -> None:
    records = [
        record("page_view"),
        record("page_view"),
        record("page_view", attributes={"page": "/"}),
        record("page_view", time=START + 1),
        record("page_view", resource={"service.name": "shop"}),
        record("page_view", trace_id=TRACE, span_id=SPAN),
        record("page_view", trace_id=TRACE, span_id=SPAN, body="x"),
    ]
    assert ids(records) == ids(records)
    assert len(set(ids(records))) == len(records)


def test_a_call_told_by_span_and_log_counts_once() -> None:
    told = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "m"}
    as_span = of_span(span("chat", attributes=told))
    as_record = of_record(record(INFERENCE, trace_id=TRACE, span_id=SPAN, attributes=told))
    assert as_span["event_id"] == as_record["event_id"]
    other = of_span(span("GET", SpanKind.SERVER, attributes={"http.method": "GET"}))
    assert other["event_id"] != as_span["event_id"]


@given(st.lists(st.text(max_size=5), min_size=1, max_size=3))
def test_an_id_is_a_uuid(told: list[str]) -> None:
    assert re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", event_id_of(*told))


VALUES = (
    st.none() | st.booleans() | st.integers(-3, 3) | st.text(max_size=5) | st.lists(st.text(max_size=2), max_size=2)
)
KEYS = st.sampled_from(
    [
        "gen_ai.operation.name",
        "gen_ai.tool.name",
        "gen_ai.request.model",
        "gen_ai.usage.input_tokens",
        "http.method",
        "http.target",
        "http.url",
        "url.path",
        "event.name",
        "exception.type",
        "user.id",
        "session.id",
        "service.name",
        "error.type",
        "x",
    ]
)
ATTRIBUTES = st.dictionaries(KEYS, VALUES, max_size=5)


@example({"gen_ai.operation.name": []}, {}, "", 1, None)
@example({"user.id": []}, {"service.name": [], "telemetry.sdk.language": []}, "page_view", 1, [])
@limits(max_examples=300)
@given(ATTRIBUTES, ATTRIBUTES, st.sampled_from(["", "page_view", "kb.search", "gen_ai.x"]), st.integers(0, 6), VALUES)
def test_any_attributes_get_a_verdict(
    attributes: dict[str, Any], resource: dict[str, Any], name: str, kind: int, body: Any
) -> None:
    raws = [
        of_span(span(name, kind, attributes=attributes, resource=resource)),
        of_record(record(name, attributes=attributes, resource=resource, body=body)),
    ]
    assert all(isinstance(judged(raw), Event | Rejected | Dropped) for raw in raws)
