"""The voice door of document 000: `POST /ingest` takes one `voice_query` or one `voice_outcome`.

Its flat members become the attributes of `voice.query` and `voice.outcome`. A query and its outcomes share a
`query_id` and nothing else: each is an event of its own, in any order, and reports join them.
"""

from types import MappingProxyType
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from auricle import clock
from auricle.edge.body import read_body
from auricle.edge.entrance import Entrance, Names, rejected, shared_members, single_reply
from auricle.edge.front import Hot, routes_of
from auricle.errors import UnsupportedMedia
from auricle.intake.decode import Body, body_kind, parse_single, sent_at_of
from auricle.intake.times import format_rfc3339
from auricle.model.principal import Principal, Scope
from auricle.model.receipt import Rejected

PATH = "/ingest"
EVENTS = MappingProxyType({"voice_query": "voice.query", "voice_outcome": "voice.outcome"})
"""The catalogue's name of each `event_type`."""
ATTRIBUTES = MappingProxyType(
    {
        "query_id": "voice.query_id",
        "query_text": "voice.query_text",
        "query_source": "voice.query_source",
        "audio_duration_ms": "voice.audio_duration_ms",
        "transcription_confidence": "voice.asr_confidence",
        "answer_text": "voice.answer_text",
        "latency_ms": "voice.latency_ms",
        "action_taken": "voice.action_taken",
        "action_success": "voice.action_success",
        "tools_used": "voice.tools_used",
        "cost_usd": "gen_ai.usage.cost_usd",
        "tokens_used": "gen_ai.usage.total_tokens",
        "error_flag": "error.flag",
        "error_message": "error.message",
    }
)
"""The attribute that each member of the document becomes."""
NAMES = Names(
    {f"/attributes/{theirs}": f"/{ours}" for ours, theirs in ATTRIBUTES.items()}
    | {"/attributes": "", "/event_name": "/event_type", "/occurred_at": "/timestamp", "/site_id": "/store_id"}
)
CREDENTIALS = ("x-api-key", "authorization", "x-signature")
"""Headers that make a request one with a credential."""

_ENVELOPE = frozenset(
    {"event_type", "timestamp", "store_id", "event_id", "tenant_id", "site_id", "session_id", "user_id", "context"}
    | {"schema", "source", "sent_at"}
)
_SOURCES = frozenset({"voice", "text", "test"})


class VoiceDoor:
    """The handler, and what it needs."""

    def __init__(self, entrance: Entrance) -> None:
        self._entrance = entrance

    @property
    def hot(self) -> Hot:
        """Method and path, for `Front`."""
        return {("POST", PATH): self.ingest}

    @property
    def routes(self) -> list[Route]:
        """The same as a route."""
        return routes_of(self.hot)

    async def ingest(self, request: Request) -> Response:
        """One event: answered as the single door of document 002 does."""
        principal = await self._sender(request)
        if body_kind(request.headers.get("content-type")) is not Body.JSON:
            raise UnsupportedMedia("One event is sent as JSON.")
        body = await read_body(request, self._entrance.settings.max_event_bytes)
        told = parse_single(body)
        raw = event_of(told, format_rfc3339(clock.micros()))
        # NOTE: `longest` is left out: the attributes' longer names may take an event over the limit of its body.
        (receipt,) = await self._entrance.take(principal, [raw], sent_at=sent_at_of(told), names=NAMES)
        return single_reply(raw, receipt)

    async def _sender(self, request: Request) -> Principal:
        """The credential's principal; without any credential a stranger's, where a tenant lets strangers in.

        A wrong credential is refused as everywhere: it must not turn into a right one by being taken for none.
        """
        tenant = self._entrance.settings.anonymous_tenant
        if tenant is not None and not any(name in request.headers for name in CREDENTIALS):
            return await self._entrance.guard.stranger(request, tenant, Scope.EVENTS_WRITE)
        return await self._entrance.writer(request)


def event_of(told: Any, now: str) -> dict[str, Any] | Rejected:
    """The raw event of a body of this door; `now` is when it occurred unless the body says so.

    Members that the document does not know are kept as attributes under their own names. The source of a query is its
    `query_source`, that of an outcome `voice`, unless `source` says otherwise.
    """
    if not isinstance(told, dict):
        return rejected(told, "", "type", "An event must be a JSON object: send its members between braces.")
    kind = told.get("event_type")
    name = EVENTS.get(kind) if isinstance(kind, str) else None
    if name is None:
        rule = "required" if "event_type" not in told else "enum"
        return rejected(told, "/event_type", rule, f"`event_type` must be one of {', '.join(EVENTS)}.")
    attributes = {ATTRIBUTES[member]: value for member, value in told.items() if member in ATTRIBUTES}
    for member, value in told.items():
        if member not in ATTRIBUTES and member not in _ENVELOPE:
            attributes.setdefault(member, value)
    raw = shared_members(told)
    if told.get("store_id") is not None:
        raw["site_id"] = told["store_id"]
    asked = told.get("query_source")
    usual = asked if isinstance(asked, str) and asked in _SOURCES else "voice"
    source, moment = told.get("source"), told.get("timestamp")
    raw["event_name"] = name
    raw["occurred_at"] = now if moment is None else moment
    raw["source"] = usual if source is None else source
    raw["attributes"] = attributes
    return raw
