"""The built-in schemas, the validators made of them, and what clients are told."""

import gc
import json
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from auricle.intake.schemas import MAX_EXPLAINED, MAX_FAULTS, MAX_POINTER, Registry
from auricle.model.event import SOURCES
from auricle.model.receipt import Fault

REGISTRY = Registry.load()
DOCS = Path(__file__).parents[2] / "docs"
SECRET = "hunter2-marker"
CLOSED = {"envelope", "datapoint.written"}
"""Schemas that allow no further members."""

CATALOGUE: dict[str, dict[str, Any]] = {
    "voice.turn_started": {"voice.session_id": "s"},
    "voice.first_response": {"voice.first_response_ms": 450},
    "voice.barge_in": {},
    "voice.asr_partial": {"voice.asr_partial_latency_ms": 50.5},
    "voice.query": {"voice.query_id": "q", "voice.query_text": "", "voice.query_source": "voice"},
    "voice.outcome": {"voice.query_id": "q", "voice.answer_text": "", "voice.latency_ms": 0},
    "voice.evaluated": {"voice.query_id": "q", "gen_ai.evaluation.name": "overall"},
    "ai.tool_call_started": {"gen_ai.tool.name": "search"},
    "ai.tool_call_completed": {"gen_ai.tool.name": "search", "ai.tool.duration_ms": 12, "ai.tool.success": False},
    "ai.tool_chain_completed": {"ai.tool_chain.length": 3},
    "ai.usage": {"gen_ai.request.model": "m"},
    "kb.search": {"kb.query": "shoes", "kb.results_count": 0, "kb.search_latency_ms": 45},
    "kb.hit": {"kb.document_id": "d"},
    "commerce.view": {},
    "commerce.add_to_cart": {},
    "commerce.checkout": {},
    "booking.slot_hold": {"booking.slot_id": "t"},
    "booking.confirmed": {"booking.slot_id": "t"},
    "page_view": {},
    "button_click": {},
    "form_submit": {},
    "video_play": {},
    "course_complete": {},
    "search_query": {},
    "error_occurred": {"error.type": "TypeError"},
    "http.request": {"http.request.method": "GET", "url.path": "/", "http.response.status_code": 200},
    "cost.recorded": {"cost.type": "ai", "cost.amount_usd": 0.002},
    "resource.used": {"resource.type": "cpu", "resource.amount": 1},
    "datapoint.written": {"dataset": "requests"},
}
"""Every event of the catalogue, with the least attributes it needs."""

FULL: dict[str, dict[str, Any]] = {
    "voice.outcome": {
        "voice.action_taken": True,
        "voice.action_success": 1,
        "voice.tools_used": ["search", "goto"],
        "gen_ai.usage.cost_usd": 0.01,
        "gen_ai.usage.total_tokens": 120,
        "error.flag": False,
        "error.message": "",
    },
    "commerce.checkout": {
        "commerce.product_id": "p",
        "commerce.quantity": 1.5,
        "commerce.price": 9.99,
        "commerce.currency": "EUR",
        "commerce.order_id": "o",
    },
    "datapoint.written": {"index1": "i", "index2": "", "blob1": "GET", "blob20": "", "double1": -1, "double20": 0.5},
    "page_view": {"page": "/dashboard", "referrer": None, "anything": [{"at": "all"}]},
}


def event(name: str = "kb.search", attributes: object = None, **more: object) -> dict[str, Any]:
    """A valid event, with some members other than they were."""
    return {
        "event_id": "123e4567-e89b-12d3-a456-426614174000",
        "event_name": name,
        "occurred_at": "2025-01-15T10:30:00.123Z",
        "source": "test",
        "attributes": CATALOGUE.get(name, {}) if attributes is None else attributes,
        **more,
    }


def verdict(told: Mapping[str, Any]) -> bool:
    """Whether the quick validator takes it; the slow one must agree, but for the time, which only it judges."""
    schema = REGISTRY.known.get(str(told.get("event_name")), REGISTRY.unknown)
    faults = [fault for fault in REGISTRY.faults(told) if (fault.pointer, fault.rule) != ("/occurred_at", "format")]
    assert schema.is_valid(told) == (not faults)
    return schema.is_valid(told)


def test_the_catalogue_is_whole() -> None:
    assert REGISTRY.names() == tuple(sorted(CATALOGUE))


def test_each_file_is_a_self_describing_schema_named_after_its_event() -> None:
    for file in files("auricle.schemas").iterdir():
        if file.name.endswith(".json"):
            document = json.loads(file.read_text("utf-8"))
            name = file.name.removesuffix(".json")
            jsonschema_rs.meta.validate(document)
            assert document["$schema"] == "https://json-schema.org/draft/2020-12/schema"
            assert document["$id"] == f"auricle:auricle/{name}/jsonschema/1-0-0"
            assert {"title", "description", "type"} <= document.keys()
            assert document.get("additionalProperties", True) is (name not in CLOSED)
            assert all(part["description"].endswith(".") for part in document.get("properties", {}).values())
            assert set(document.get("required", ())) <= document.get("properties", {}).keys()


def test_sources_are_those_of_the_model() -> None:
    assert REGISTRY.unknown.document["properties"]["source"]["enum"] == list(SOURCES)


@pytest.mark.parametrize("name", CATALOGUE)
def test_the_least_and_the_most_of_each_event_are_valid(name: str) -> None:
    properties = REGISTRY.known[name].document.get("properties", {})
    optional = {key: None for key in properties if key not in CATALOGUE[name] and not key.startswith("error")}
    own = {} if name in CLOSED else {"acme.campaign": "spring", "nested": {"is": ["fine", 1, None]}}
    assert verdict(event(name))
    assert verdict(event(name, {**CATALOGUE[name], **optional, **own}))
    assert verdict(event(name, {**CATALOGUE[name], **FULL.get(name, {})}))


@pytest.mark.parametrize(
    ("name", "key"), [pytest.param(name, key, id=f"{name} {key}") for name in CATALOGUE for key in CATALOGUE[name]]
)
def test_each_required_attribute_is_required(name: str, key: str) -> None:
    attributes = {other: value for other, value in CATALOGUE[name].items() if other != key}
    told = event(name, attributes)
    pointer, rule = ("/attributes", "anyOf") if name == "error_occurred" else (f"/attributes/{key}", "required")
    assert not verdict(told)
    assert [(fault.pointer, fault.rule) for fault in REGISTRY.faults(told)] == [(pointer, rule)]


@pytest.mark.parametrize(
    ("name", "attribute", "value", "rule"),
    [
        pytest.param("datapoint.written", "dataset", "events", "not", id="a reserved dataset"),
        pytest.param("datapoint.written", "dataset", "a-b", "pattern", id="a dataset that is no name"),
        pytest.param("datapoint.written", "blob1", 1, "type", id="a number for a blob"),
        pytest.param("datapoint.written", "double1", "1", "type", id="text for a double"),
        pytest.param("datapoint.written", "index1", "x" * 129, "maxLength", id="a long index"),
        pytest.param("datapoint.written", "blob21", "x", "additionalProperties", id="one blob too many"),
        pytest.param("voice.turn_started", "voice.session_id", "", "minLength", id="empty id"),
        pytest.param("voice.turn_started", "voice.turn_id", "x" * 129, "maxLength", id="long id"),
        pytest.param("voice.turn_started", "voice.turn_id", 7, "type", id="number for an id"),
        pytest.param("voice.first_response", "voice.first_response_ms", -1, "minimum", id="negative latency"),
        pytest.param("voice.first_response", "voice.first_response_ms", "450", "type", id="text for a number"),
        pytest.param("voice.first_response", "voice.first_response_ms", None, "type", id="null for a required one"),
        pytest.param("voice.first_response", "voice.first_response_ms", True, "type", id="true for a number"),
        pytest.param("voice.barge_in", "voice.barge_in_ms", -0.1, "minimum", id="negative barge-in"),
        pytest.param("voice.asr_partial", "voice.asr_confidence", 1.01, "maximum", id="confidence over 1"),
        pytest.param("voice.asr_partial", "voice.text_length", 1.5, "type", id="half a character"),
        pytest.param("voice.query", "voice.query_source", "mail", "enum", id="unknown query source"),
        pytest.param("voice.query", "voice.query_source", None, "enum", id="no query source"),
        pytest.param("voice.query", "voice.audio_duration_ms", -1, "minimum", id="negative duration"),
        pytest.param("voice.outcome", "voice.action_success", 2, "enum", id="success 2"),
        pytest.param("voice.outcome", "voice.action_success", "yes", "enum", id="success in words"),
        pytest.param("voice.outcome", "voice.tools_used", "search", "type", id="tools as text"),
        pytest.param("voice.outcome", "gen_ai.usage.total_tokens", -1, "minimum", id="negative tokens"),
        pytest.param("voice.evaluated", "gen_ai.evaluation.score.value", "good", "type", id="score in words"),
        pytest.param("ai.tool_call_completed", "ai.tool.success", 1, "type", id="1 for true"),
        pytest.param("ai.tool_call_completed", "ai.tool.duration_ms", -5, "minimum", id="negative call"),
        pytest.param("ai.tool_call_completed", "ai.navigation.confirmed", "no", "type", id="text for a boolean"),
        pytest.param("ai.tool_chain_completed", "ai.tool_chain.length", -1, "minimum", id="negative chain"),
        pytest.param("ai.usage", "gen_ai.request.model", "", "minLength", id="no model"),
        pytest.param("kb.search", "kb.results_count", 0.5, "type", id="half a result"),
        pytest.param("kb.search", "kb.top_score", 1.5, "maximum", id="score over 1"),
        pytest.param("kb.hit", "kb.rank", -1, "minimum", id="negative rank"),
        pytest.param("commerce.view", "commerce.currency", "euro", "pattern", id="currency in words"),
        pytest.param("commerce.checkout", "commerce.price", -1, "minimum", id="negative price"),
        pytest.param("booking.confirmed", "booking.value", "10", "type", id="value as text"),
        pytest.param("error_occurred", "error.type", "", "minLength", id="empty error type"),
        pytest.param("http.request", "http.response.status_code", 99, "minimum", id="status 99"),
        pytest.param("http.request", "http.response.status_code", 600, "maximum", id="status 600"),
        pytest.param("http.request", "http.response.size_bytes", -1, "minimum", id="negative size"),
        pytest.param("cost.recorded", "cost.type", "rent", "enum", id="unknown cost"),
        pytest.param("cost.recorded", "cost.amount_usd", -1, "minimum", id="negative cost"),
        pytest.param("resource.used", "resource.amount", -1, "minimum", id="negative amount"),
    ],
)
def test_a_wrong_attribute_is_refused(name: str, attribute: str, value: object, rule: str) -> None:
    told = event(name, {**CATALOGUE[name], attribute: value})
    assert not verdict(told)
    assert [(fault.pointer, fault.rule) for fault in REGISTRY.faults(told)] == [(f"/attributes/{attribute}", rule)]


@pytest.mark.parametrize("value", [0, 1, True, False])
def test_action_success_may_be_a_number_or_a_boolean(value: object) -> None:
    assert verdict(event("voice.outcome", {**CATALOGUE["voice.outcome"], "voice.action_success": value}))


@pytest.mark.parametrize(
    "more",
    [
        pytest.param({"event_name": "acme.thing_2.done"}, id="an unknown name"),
        pytest.param({"event_name": "a" * 128}, id="the longest name"),
        pytest.param({"event_id": "123E4567-E89B-12D3-A456-426614174000"}, id="an id in capitals"),
        pytest.param({"occurred_at": "2025-01-15 10:30:00+05:30"}, id="an offset"),
        pytest.param({"tenant_id": "acme"}, id="a slug"),
        pytest.param({"tenant_id": "123E4567-E89B-12D3-A456-426614174000"}, id="a tenant's UUID"),
        pytest.param({"site_id": "ü" * 128, "session_id": "s", "user_id": "u"}, id="ids of 128 characters"),
        pytest.param(
            {"tenant_id": None, "site_id": None, "session_id": None, "user_id": None, "context": None, "schema": None},
            id="null for absent",
        ),
        pytest.param({"received_at": 5, "sent_at": "any"}, id="times that are ignored"),
        pytest.param({"context": {}}, id="an empty context"),
        pytest.param(
            {
                "context": {
                    "page": {"url": "https://example.org/", "referrer": None, "title": "t", "section": 1},
                    "device": {"user_agent": "x", "viewport": {"width": 320, "height": 240.5, "dpr": 2}},
                    "locale": "en-GB",
                    "consent": {"analytics": True, "ads": False},
                    "own": [1, {"two": 3}],
                }
            },
            id="a whole context and more",
        ),
    ],
)
def test_the_envelope_takes(more: dict[str, Any]) -> None:
    assert verdict(event(**more) if "event_name" not in more else {**event(), **more, "attributes": {}})


@pytest.mark.parametrize(
    ("more", "pointer", "rule"),
    [
        pytest.param({"event_id": "123"}, "/event_id", "format", id="no UUID"),
        pytest.param({"event_id": "123e4567e89b12d3a456426614174000"}, "/event_id", "format", id="no hyphens"),
        pytest.param({"event_id": None}, "/event_id", "type", id="null id"),
        pytest.param({"event_name": "Voice.Query"}, "/event_name", "pattern", id="capitals"),
        pytest.param({"event_name": "voice..query"}, "/event_name", "pattern", id="two dots"),
        pytest.param({"event_name": "voice.query\n"}, "/event_name", "pattern", id="a line end"),
        pytest.param({"event_name": "1st"}, "/event_name", "pattern", id="a digit first"),
        pytest.param({"event_name": "a" * 129}, "/event_name", "maxLength", id="a long name"),
        pytest.param({"event_name": ["a"]}, "/event_name", "type", id="a list for a name"),
        pytest.param({"event_name": {"a": 1}}, "/event_name", "type", id="an object for a name"),
        pytest.param({"occurred_at": 1736937000}, "/occurred_at", "type", id="a number for a time"),
        pytest.param({"tenant_id": "Acme"}, "/tenant_id", "pattern", id="a tenant in capitals"),
        pytest.param({"site_id": ""}, "/site_id", "minLength", id="an empty site"),
        pytest.param({"session_id": "x" * 129}, "/session_id", "maxLength", id="a long session"),
        pytest.param({"user_id": 42}, "/user_id", "type", id="a number for a user"),
        pytest.param({"source": "fax"}, "/source", "enum", id="unknown source"),
        pytest.param({"source": None}, "/source", "enum", id="null source"),
        pytest.param({"attributes": []}, "/attributes", "type", id="a list for attributes"),
        pytest.param({"attributes": "x"}, "/attributes", "type", id="text for attributes"),
        pytest.param({"context": []}, "/context", "type", id="a list for a context"),
        pytest.param({"context": {"page": "x"}}, "/context/page", "type", id="text for a page"),
        pytest.param({"context": {"page": {"url": 1}}}, "/context/page/url", "type", id="a number for a URL"),
        pytest.param(
            {"context": {"device": {"viewport": {"width": -1}}}},
            "/context/device/viewport/width",
            "minimum",
            id="negative width",
        ),
        pytest.param({"context": {"locale": "x" * 65}}, "/context/locale", "maxLength", id="a long locale"),
        pytest.param(
            {"context": {"consent": {"analytics": "no"}}}, "/context/consent/analytics", "type", id="consent in words"
        ),
        pytest.param({"schema": "acme/x"}, "/schema", "pattern", id="no schema id"),
        pytest.param({"schema": {}}, "/schema", "type", id="an object for a schema"),
        pytest.param({"userId": "u"}, "/userId", "additionalProperties", id="an unknown member"),
        pytest.param({"a/b~c": 1}, "/a~1b~0c", "additionalProperties", id="a member to be escaped"),
    ],
)
def test_the_envelope_refuses(more: dict[str, Any], pointer: str, rule: str) -> None:
    for told in ({**event(), **more}, {**event("acme.own"), **more}):
        assert not verdict(told)
        assert [(fault.pointer, fault.rule) for fault in REGISTRY.faults(told)] == [(pointer, rule)]


def test_time_is_judged_by_its_text_when_explaining() -> None:
    assert REGISTRY.faults(event(occurred_at="yesterday")) == (
        Fault(
            "/occurred_at",
            "format",
            "`occurred_at` must be an RFC 3339 time with a zone, such as 2026-01-15T10:30:00.123Z. "
            "Its meaning: When it happened.",
        ),
    )


def test_messages_name_the_member_the_rule_and_the_remedy() -> None:
    told = event(
        attributes={"kb.results_count": -1, "kb.search_latency_ms": 4, "kb.top_score": "high"}, source="x", extra=1
    )
    known = ", ".join(REGISTRY.unknown.document["properties"])
    assert REGISTRY.faults(told) == (
        Fault(
            "/attributes/kb.query",
            "required",
            "`kb.query` is required: add it. Its meaning: The text that was searched for.",
        ),
        Fault(
            "/attributes/kb.results_count",
            "minimum",
            "`kb.results_count` must be at least 0. Its meaning: Documents found.",
        ),
        Fault(
            "/attributes/kb.top_score",
            "type",
            "`kb.top_score` must be a number or null. Its meaning: Relevance of the best document, 0 to 1.",
        ),
        Fault(
            "/extra",
            "additionalProperties",
            f"There is no such member: remove it, or put it into `attributes`. Known are {known}.",
        ),
        Fault(
            "/source",
            "enum",
            '`source` must be one of "web", "widget", "voice_ws", "server", "voice", "text", "test". '
            "Its meaning: Where the event comes from.",
        ),
    )


def test_one_of_two_attributes_is_asked_for_by_name() -> None:
    assert REGISTRY.faults(event("error_occurred", {})) == (
        Fault(
            "/attributes",
            "anyOf",
            "`attributes` must have `error.type` or `error_type`: add one. Its meaning: Something failed. "
            "The payload is free-form, with one of the two names of the error's kind.",
        ),
    )


def test_a_missing_attributes_object_points_at_what_is_missing_in_it() -> None:
    told = event("voice.turn_started")
    del told["attributes"]
    assert [fault.pointer for fault in REGISTRY.faults(told)] == ["/attributes/voice.session_id"]


@pytest.mark.parametrize("told", [None, 1, "x", [], [event()]])
def test_what_is_no_object_is_told_so(told: object) -> None:
    assert REGISTRY.faults(told) == (
        Fault("", "type", "The event must be a JSON object: send its members between braces."),
    )


def test_at_most_ten_faults_and_pointers_of_bounded_length() -> None:
    told = event(**{f"{i}{'x' * 1_000_000}": 1 for i in range(20)})
    faults = REGISTRY.faults(told)
    assert len(faults) == MAX_FAULTS
    assert {len(fault.pointer) for fault in faults} == {MAX_POINTER}


def test_a_huge_event_is_told_its_first_fault_at_once() -> None:
    tools = CATALOGUE["voice.outcome"] | {"voice.tools_used": [1] * 100_000}
    faults = REGISTRY.faults(event("voice.outcome", tools))
    assert len(faults) == 1
    assert faults[0].pointer.startswith("/attributes/voice.tools_used")
    assert len(REGISTRY.faults(event("voice.outcome", {"a": list(range(MAX_EXPLAINED))}))) == 1


@pytest.mark.parametrize("members", [1, MAX_EXPLAINED + 1], ids=["every fault", "the first fault alone"])
def test_an_explained_event_is_let_go_at_once(members: int) -> None:
    """Were it in a circle of references, it would stay in memory until a full collection, which is seldom."""
    gc.collect()
    gc.disable()
    try:
        assert REGISTRY.faults({f"m{number}": 1 for number in range(members)})
        assert gc.collect() == 0
    finally:
        gc.enable()


def test_any_depth_is_explained() -> None:
    deep: Any = 1
    for level in range(1_000):
        deep = [deep] if level % 2 else {"a": deep}
    for told in (
        event(extra=deep),
        event(site_id=deep),
        event(context={"page": deep}),
        event(attributes={"kb.query": deep}),
    ):
        assert len(REGISTRY.faults(told)) >= 1


HOSTILE: list[Any] = [10**400, -(10**400), 2**64, 1e308, "\x00", "🦉" * 1_000, [[]], {"": {}}, {"__proto__": SECRET}]


@pytest.mark.parametrize(
    "value", [*HOSTILE, SECRET, [SECRET], {SECRET[:3]: SECRET}], ids=lambda value: repr(value)[:20]
)
def test_no_value_raises_or_is_repeated(value: object) -> None:
    members = [*event(), "tenant_id", "site_id", "user_id", "context", "schema", "unknown"]
    for told in [event(**{member: value}) for member in members] + [
        event(name, {**CATALOGUE[name], key: value}) for name in CATALOGUE for key in CATALOGUE[name]
    ]:
        if isinstance(told["event_name"], str):
            verdict(told)
        assert SECRET not in repr(REGISTRY.faults(told))


OWN = {
    "$id": "auricle:acme/acme.order/jsonschema/2-1-0",
    "description": "An order of ours.",
    "type": "object",
    "required": ["lines"],
    "properties": {
        "when": {"type": "string", "format": "date-time"},
        "lines": {
            "type": "array",
            "minItems": 1,
            "uniqueItems": True,
            "items": {"$ref": "#/$defs/line"},
        },
        "kind": {"const": "retail"},
        "tree": {"$ref": "#"},
    },
    "dependentRequired": {"when": ["kind"]},
    "propertyNames": {"maxLength": 10},
    "$defs": {"line": {"type": "object", "required": ["sku"], "properties": {"sku": {"type": "string"}}}},
}


def test_a_registry_of_own_schemas() -> None:
    registry = Registry.of(REGISTRY.unknown.document, [OWN])
    order = {"when": "2025-01-15 10:30:00Z", "kind": "retail", "lines": [{"sku": "a"}]}
    own = registry.known["acme.order"]
    assert registry.names() == ("acme.order",)
    assert registry.by_id(OWN["$id"]) is own
    assert registry.by_id("auricle:acme/acme.order/jsonschema/2-1-1") is None
    assert (registry.schema_id_of("acme.order"), registry.schema_id_of("page_view")) == (OWN["$id"], "")
    assert own.is_valid(event("acme.order", order))
    bad = {"when": "noon", "lines": [{}, {}], "a-very-long-name": SECRET, "tree": {"lines": []}}
    assert not own.is_valid(event("acme.order", bad))
    faults = registry.faults(event("acme.order", bad))
    assert {(fault.pointer, fault.rule) for fault in faults} == {
        ("/attributes/kind", "required"),  # of dependentRequired
        ("/attributes", "propertyNames"),
        ("/attributes/lines", "uniqueItems"),
        ("/attributes/lines/0/sku", "required"),
        ("/attributes/lines/1/sku", "required"),
        ("/attributes/tree/lines", "minItems"),
        ("/attributes/when", "format"),
    }
    assert SECRET not in repr(faults)
    assert "a-very-long-name" not in repr(faults)


@pytest.mark.parametrize(
    "document",
    [
        pytest.param({"type": "object"}, id="no id"),
        pytest.param({"$id": "https://example.org/x"}, id="another id"),
        pytest.param({"$id": "auricle:a/b/jsonschema/1-0-0", "type": "objekt"}, id="no such type"),
        pytest.param({"$id": "auricle:a/b/jsonschema/1-0-0", "format": "nonsense"}, id="no such format"),
        pytest.param({"$id": "auricle:a/b/jsonschema/1-0-0", "pattern": "(?=look)around"}, id="a slow pattern"),
        pytest.param({"$id": "auricle:a/b/jsonschema/1-0-0", "$ref": "https://example.org/x"}, id="a remote reference"),
    ],
)
def test_a_registry_refuses_what_is_no_schema_of_ours(document: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        Registry.of(REGISTRY.unknown.document, [document])


def kind(part: Mapping[str, Any]) -> str:
    """What a property takes, in the words of docs/events.md."""
    if "enum" in part:
        return " · ".join(f"`{json.dumps(value).strip(chr(34))}`" for value in part["enum"] if value is not None)
    names = [part["type"]] if isinstance(part.get("type"), str) else part.get("type", ["any"])
    name = {"array": "list of text", "integer": "whole number"}.get(str(names[0]), str(names[0]))
    least, most = part.get("minimum"), part.get("maximum")
    limits = []
    if part.get("format"):
        limits.append(str(part["format"]))
    if least is not None:
        limits.append(f"{least} to {most}" if most is not None else f"≥ {least}")
    if part.get("maxLength"):
        limits.append(f"{part.get('minLength', 0)} to {part['maxLength']} characters")
    elif part.get("minLength"):
        limits.append("not empty")
    if part.get("pattern"):
        limits.append(f"like `{part['pattern'].replace('|', chr(92) + '|')}`")
    if part.get("maxItems"):
        limits.append(f"at most {part['maxItems']}")
    return ", ".join([name.replace("string", "text"), *limits])


def rows(document: Mapping[str, Any], prefix: str = "") -> list[str]:
    """The table of a schema, as it stands in docs/events.md."""
    table = []
    for name, part in document.get("properties", {}).items():
        required = "yes" if name in document.get("required", ()) else "no"
        table.append(f"| `{prefix}{name}` | {required} | {kind(part)} | {part['description']} |")
        table += rows(part, f"{prefix}{name}.")
    return table


def section(name: str, document: Mapping[str, Any]) -> str:
    """The section of a schema in docs/events.md."""
    head = f"### `{name}`\n\n{document['description']}\n"
    table = rows(document)
    if not table:
        return head
    column = "member" if name == "envelope" else "attribute"
    return "\n".join([head, f"| {column} | required | takes | meaning |", "| --- | --- | --- | --- |", *table]) + "\n"


@pytest.mark.parametrize("name", ["envelope", *CATALOGUE])
def test_docs_events_describes_every_schema(name: str) -> None:
    document = REGISTRY.unknown.document if name == "envelope" else REGISTRY.known[name].document
    assert section(name, document) in (DOCS / "events.md").read_text("utf-8")


def test_docs_events_describes_nothing_else() -> None:
    text = (DOCS / "events.md").read_text("utf-8")
    headings = [line.strip("# `") for line in text.splitlines() if line.startswith("### ")]
    assert sorted(headings) == sorted(["envelope", *CATALOGUE])
