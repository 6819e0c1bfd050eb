"""The conventions: what spans and log records of OpenTelemetry mean as events of the catalogue.

OpenTelemetry names things much as the catalogue does; where it has changed a name, the old one is read too. A span or
a record becomes one event at most, and ids come from what is told, so that an export that is sent again counts once.
The whole table is in `docs/otlp.md`.
"""

import hashlib
import re
from collections import Counter
from collections.abc import Container, Iterable
from typing import Any
from urllib.parse import urlsplit

import orjson

from auricle.intake.export import LogRecord, Span, SpanKind
from auricle.intake.times import LATEST, format_rfc3339
from auricle.model.receipt import Dropped, Fault, Reason, Rejected

RENAMED = {
    "http.method": "http.request.method",
    "http.status_code": "http.response.status_code",
    "http.user_agent": "user_agent.original",
    "http.response.body.size": "http.response.size_bytes",
    "http.response_content_length": "http.response.size_bytes",
    "gen_ai.usage.prompt_tokens": "gen_ai.usage.input_tokens",
    "gen_ai.usage.completion_tokens": "gen_ai.usage.output_tokens",
    "llm.usage.total_tokens": "gen_ai.usage.total_tokens",
    "gen_ai.usage.cost": "gen_ai.usage.cost_usd",
}
"""Names of OpenTelemetry, and the catalogue's; a name that is told already stays as it is."""
USERS = ("user.id", "enduser.id")
SESSIONS = ("session.id", "gen_ai.conversation.id")
IDENTITIES = frozenset({*USERS, "session.id"})
"""Attributes that go into the envelope and nowhere else, so that they are made a pseudonym of where that is asked."""
DURATIONS = {
    "ai.tool_call_completed": "ai.tool.duration_ms",
    "ai.tool_chain_completed": "ai.tool_chain.duration_ms",
    "http.request": "http.server.duration_ms",
    "kb.search": "kb.search_latency_ms",
}
"""Attributes that a span knows by how long it took."""
SUCCESSES = {"ai.tool_call_completed": "ai.tool.success", "ai.tool_chain_completed": "ai.tool_chain.success"}
"""Attributes that a span knows by how it ended."""
CALLS = frozenset({"chat", "text_completion", "generate_content", "embeddings"})
"""Operations that are one call of a model. Agents and workflows sum up calls, and would count their tokens twice."""
INFERENCE = "gen_ai.client.inference.operation.details"
"""The log record that tells the same as the span of a model's call."""
GEN_AI = "gen_ai."

_WORD = re.compile(r"[a-z][a-z0-9_]{0,63}")
_NAME = re.compile(r"[a-z][a-z0-9_]*(?:\.[a-z][a-z0-9_]*)*")
_LONGEST_NAME = 128

Verdict = dict[str, Any] | Rejected | Dropped
_UNMAPPED = Dropped(Reason.UNMAPPED, None)


def events_of_spans(spans: Iterable[Span], known: Container[str]) -> list[Verdict]:
    """A raw event for each span, or why there is none. `known` are the event names that have a schema."""
    return [_of_span(span, known) for span in spans]


def events_of_logs(records: Iterable[LogRecord], known: Container[str], now: int) -> list[Verdict]:
    """A raw event for each log record, or why there is none; `now` (microseconds) is when one without a time was."""
    alike: Counter[bytes] = Counter()
    return [_of_record(record, known, now, alike) for record in records]


def _of_span(span: Span, known: Container[str]) -> Verdict:
    attributes = _renamed(span.attributes)
    name = _name_of_span(span, attributes, known)
    if name is None:
        return _UNMAPPED
    if not (span.trace_id and span.span_id):
        return _broken("/spanId", "required", "A span needs a trace id and a span id that are not all noughts.", name)
    if span.end < span.start or not span.end:
        return _broken("/endTimeUnixNano", "minimum", "A span must end, and not before it starts.", name)
    told = {key: value for key, value in attributes.items() if key not in IDENTITIES}
    if name in DURATIONS:
        told.setdefault(DURATIONS[name], (span.end - span.start) / 1_000_000)
    if name in SUCCESSES:
        told.setdefault(SUCCESSES[name], not (span.failed or "error.type" in told))
    if name == "http.request":
        _tell_path(told)
    if name == "ai.usage":
        _tell_usage(told)
    if span.failed and span.message:
        told.setdefault("error.message", span.message)
    told["otel.trace_id"], told["otel.span_id"], told["otel.name"] = span.trace_id, span.span_id, span.name
    if span.parent_id:
        told["otel.parent_span_id"] = span.parent_id
    event_id = event_id_of(span.trace_id, span.span_id, name)
    return _event(event_id, name, span.end // 1_000, told, attributes, span.resource)


def _name_of_span(span: Span, attributes: dict[str, Any], known: Container[str]) -> str | None:
    """The event that a span becomes; the first that fits."""
    if span.name in known:
        return span.name
    asked = attributes.get("gen_ai.operation.name")
    operation = asked if isinstance(asked, str) else None
    if span.kind != SpanKind.SERVER and (operation == "execute_tool" or "gen_ai.tool.name" in attributes):
        # NOTE: a tool's own server tells the same call once more, and has another span id.
        return "ai.tool_call_completed"
    if operation in CALLS or (operation is None and _tells_usage(attributes)):
        return "ai.usage"
    if any(key.startswith(GEN_AI) for key in attributes):
        return GEN_AI + (operation if operation and _WORD.fullmatch(operation) else "span")
    if span.kind == SpanKind.SERVER and "http.request.method" in attributes:
        return "http.request"
    return None


def _of_record(record: LogRecord, known: Container[str], now: int, alike: Counter[bytes]) -> Verdict:
    attributes = _renamed(record.attributes)
    legacy = attributes.get("event.name")
    own = record.event_name or (legacy if isinstance(legacy, str) else "")
    name = _name_of_record(own, attributes, known)
    if name is None:
        return _UNMAPPED
    told = {key: value for key, value in attributes.items() if key not in IDENTITIES and key != "event.name"}
    if isinstance(record.body, dict):
        told = {**record.body, **told}
    elif record.body is not None:
        told.setdefault("otel.body", record.body)
    if name == "ai.usage":
        _tell_usage(told)
    if name == "error_occurred":
        told.setdefault("error.type", attributes.get("exception.type"))
        if "exception.message" in attributes:
            told.setdefault("error.message", attributes["exception.message"])
    for key, value in (
        ("otel.trace_id", record.trace_id),
        ("otel.span_id", record.span_id),
        ("otel.name", own),
        ("otel.severity", record.severity),
    ):
        if value:
            told[key] = value
    micros = (record.time or record.observed) // 1_000 or now
    return _event(_id_of_record(record, own, name, alike), name, micros, told, attributes, record.resource)


def _name_of_record(own: str, attributes: dict[str, Any], known: Container[str]) -> str | None:
    """The event that a log record becomes, `own` being what it calls itself; the first that fits."""
    if own in known:
        return own
    if own == INFERENCE:
        return "ai.usage"
    if own.startswith(GEN_AI) and len(own) <= _LONGEST_NAME and _NAME.fullmatch(own):
        return own
    if any(key.startswith(GEN_AI) for key in attributes):
        return "gen_ai.log"
    return "error_occurred" if "exception.type" in attributes else None


def _id_of_record(record: LogRecord, own: str, name: str, alike: Counter[bytes]) -> str:
    """The id of a log record: by all that it tells, and for those that tell the very same by their order."""
    if own == INFERENCE and record.trace_id and record.span_id:
        return event_id_of(record.trace_id, record.span_id, name)
    content = orjson.dumps(
        [
            [record.trace_id, record.span_id, record.event_name, record.time, record.observed, record.severity],
            [record.body, record.attributes, record.resource],
        ],
        option=orjson.OPT_SORT_KEYS,
    )
    digest = hashlib.blake2b(content, digest_size=16).digest()
    alike[digest] += 1
    return event_id_of(digest.hex(), str(alike[digest]), name)


def event_id_of(*told: str) -> str:
    """A UUID (version 8, RFC 9562) that is always the same for these texts."""
    digest = bytearray(hashlib.blake2b("\0".join(told).encode(), digest_size=16, person=b"auricle.otlp").digest())
    digest[6] = digest[6] & 0x0F | 0x80
    digest[8] = digest[8] & 0x3F | 0x80
    text = digest.hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def _event(
    event_id: str,
    name: str,
    micros: int,
    told: dict[str, Any],
    attributes: dict[str, Any],
    resource: dict[str, Any],
) -> Verdict:
    """The raw event, with who and where out of the attributes of the span or record, and of its resource."""
    if micros >= LATEST:
        return _broken("/timeUnixNano", "maximum", "The time must be in nanoseconds since 1970.", name, event_id)
    raw: dict[str, Any] = {
        "event_id": event_id,
        "event_name": name,
        "occurred_at": format_rfc3339(micros),
        "source": "web" if resource.get("telemetry.sdk.language") == "webjs" else "server",
        "attributes": told,
    }
    for member, keys, places in (
        ("user_id", USERS, (attributes, resource)),
        ("session_id", SESSIONS, (attributes, resource)),
        ("site_id", ("service.name",), (resource,)),
    ):
        found = [place[key] for key in keys for place in places if place.get(key) not in (None, "")]
        if found:
            # NOTE: numbers are ids to many; what is neither number nor text is left to the envelope, which refuses it.
            raw[member] = str(found[0]) if isinstance(found[0], int) else found[0]
    return raw


def _renamed(attributes: dict[str, Any]) -> dict[str, Any]:
    """The attributes under the catalogue's names."""
    if attributes.keys().isdisjoint(RENAMED):
        return attributes
    kept = {key: value for key, value in attributes.items() if key not in RENAMED}
    for old, new in RENAMED.items():
        if old in attributes:
            kept.setdefault(new, attributes[old])
    return kept


def _tells_usage(attributes: dict[str, Any]) -> bool:
    return "gen_ai.request.model" in attributes or any(key.startswith("gen_ai.usage.") for key in attributes)


def _tell_usage(told: dict[str, Any]) -> None:
    """Adds the model that answered, where none was asked for by name."""
    if "gen_ai.request.model" not in told and "gen_ai.response.model" in told:
        told["gen_ai.request.model"] = told["gen_ai.response.model"]


def _tell_path(told: dict[str, Any]) -> None:
    """Adds `url.path`, which older conventions tell as a part of something else."""
    if "url.path" in told:
        return
    for key in ("http.target", "url.full", "http.url"):
        address = told.get(key)
        if isinstance(address, str):
            try:
                path = urlsplit(address).path
            except ValueError:
                continue
            told["url.path"] = path or "/"
            return


def _broken(pointer: str, rule: str, message: str, name: str, event_id: str | None = None) -> Rejected:
    return Rejected(Reason.ENVELOPE, (Fault(pointer, rule, message),), event_id, name)
