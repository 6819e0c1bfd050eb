"""The OTLP doors: `POST /v1/traces` and `/v1/logs` take what OpenTelemetry's exporters send, as protobuf or JSON.

Answers are as OTLP/HTTP 1.x asks: in the encoding of the request, 200 with `partial_success` where not all of it was
kept, and a `Status` for a refusal, whose HTTP status says whether to send the export again.
"""

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import orjson
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from auricle import clock
from auricle.edge.body import read_body
from auricle.edge.entrance import Entrance
from auricle.edge.front import Hot, routes_of
from auricle.edge.reply import problem
from auricle.errors import AuricleError, Unavailable, UnsupportedMedia
from auricle.intake import export_json, export_protobuf
from auricle.intake.convention import Verdict, events_of_logs, events_of_spans
from auricle.intake.export import Signal
from auricle.model.receipt import Reason, Receipt, Status

TRACES = "/v1/traces"
LOGS = "/v1/logs"
DECODES = 2
"""Exports that are decoded at once: what a hostile one blows up to is bounded by as many times its limit."""
RETRYABLE = frozenset({429, 502, 503, 504})
"""The statuses after which an exporter sends the same export again."""
TOLD = 5
"""Different faults that one answer tells of."""


class Encoding(StrEnum):
    """What an export is encoded in, by its content type; its answer is too."""

    PROTOBUF = "application/x-protobuf"
    JSON = "application/json"


@dataclass(frozen=True, slots=True)
class _Kind:
    """What is different for spans and for log records."""

    signal: Signal
    response: Any
    """The message that answers."""
    rejected: str
    """The member of its `partial_success` that counts, in protobuf; in JSON it is written in camel case."""

    def events(self, body: bytes, encoding: Encoding, limit: int, known: Any, now: int) -> list[Verdict]:
        """The raw events of a body."""
        decoder = export_protobuf if encoding is Encoding.PROTOBUF else export_json
        if self.signal is Signal.SPANS:
            return events_of_spans(decoder.spans_of(body, limit), known)
        return events_of_logs(decoder.logs_of(body, limit), known, now)


_SPANS = _Kind(Signal.SPANS, ExportTraceServiceResponse, "rejected_spans")
_LOGS = _Kind(Signal.LOGS, ExportLogsServiceResponse, "rejected_log_records")


class OtlpDoor:
    """The handlers, and what they share."""

    def __init__(self, entrance: Entrance) -> None:
        self._entrance = entrance
        self._decodes = asyncio.Semaphore(DECODES)

    @property
    def hot(self) -> Hot:
        """Method and path, for `Front`."""
        return {("POST", TRACES): self.traces, ("POST", LOGS): self.logs}

    @property
    def routes(self) -> list[Route]:
        """The same as routes."""
        return routes_of(self.hot)

    async def traces(self, request: Request) -> Response:
        """Spans of an OTLP exporter, as JSON or protobuf (`application/x-protobuf`); those of models, tools and HTTP
        servers become events. `partialSuccess` counts the others.
        """
        return await self._take(request, _SPANS)

    async def logs(self, request: Request) -> Response:
        """Log records of an OTLP exporter, as JSON or protobuf (`application/x-protobuf`); those that are events of the
        catalogue or of a model become events. `partialSuccess` counts the others.
        """
        return await self._take(request, _LOGS)

    async def _take(self, request: Request, kind: _Kind) -> Response:
        encoding = _encoding_of(request)
        try:
            return await self._export(request, kind, encoding)
        except AuricleError as error:
            return _refusal(error, encoding)

    async def _export(self, request: Request, kind: _Kind, encoding: Encoding | None) -> Response:
        principal = await self._entrance.writer(request)
        if encoding is None:
            raise UnsupportedMedia(f"The content type is not spoken here: send {' or '.join(Encoding)}.")
        settings = self._entrance.settings
        body = await read_body(request, settings.max_otlp_bytes)
        known = self._entrance.registries.for_tenant(principal.tenant_id).known
        async with self._decodes:
            raws = await asyncio.to_thread(kind.events, body, encoding, settings.max_otlp_items, known, clock.micros())
        receipts = await self._entrance.take(principal, raws)
        if any(receipt is not None and receipt.status is Status.RETRY for receipt in receipts):
            # NOTE: OTLP cannot ask for a part again; the ids make that what was stored is then a duplicate.
            raise Unavailable("A part of the export was not kept: send it again.", retry_after=2)
        return _answer(kind, encoding, *_left_out(receipts))


def _encoding_of(request: Request) -> Encoding | None:
    """The encoding of a request, JSON where none is told; None for one that is not spoken."""
    told = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    try:
        return Encoding(told or Encoding.JSON)
    except ValueError:
        return None


def _left_out(receipts: Sequence[Receipt | None]) -> tuple[int, str]:
    """How many of an export were not kept, and why, in a few words."""
    reasons: Counter[str] = Counter()
    for receipt in receipts:
        if receipt is None or receipt.status not in (Status.REJECTED, Status.DROPPED):
            continue
        if receipt.faults:
            reasons[f"{receipt.faults[0].message} ({receipt.faults[0].pointer or '/'})"] += 1
        elif receipt.reason is Reason.UNMAPPED:
            reasons["of no kind that becomes an event"] += 1
        else:
            reasons[f"dropped by a rule of the tenant ({receipt.reason})"] += 1
    told = [f"{count}: {reason}" for reason, count in reasons.most_common(TOLD)]
    if len(reasons) > TOLD:
        told.append("and others")
    return reasons.total(), "; ".join(told)


def _answer(kind: _Kind, encoding: Encoding, left_out: int, why: str) -> Response:
    """200, with `partial_success` unless everything was kept."""
    if encoding is Encoding.PROTOBUF:
        told = kind.response()
        if left_out:
            setattr(told.partial_success, kind.rejected, left_out)
            told.partial_success.error_message = why
        return Response(told.SerializeToString(), media_type=encoding)
    first, *others = kind.rejected.split("_")
    member = first + "".join(map(str.title, others))
    partial = {"partialSuccess": {member: str(left_out), "errorMessage": why}} if left_out else {}
    return Response(orjson.dumps(partial), media_type=encoding)


def _refusal(error: AuricleError, encoding: Encoding | None) -> Response:
    """The error as a `google.rpc.Status` in the encoding of the request, with the status that OTLP has for it."""
    answer = problem(error)
    if encoding is None:
        return answer
    status = 503 if error.transient and error.status not in RETRYABLE else error.status
    message = " ".join([error.detail, *(fault.message for fault in error.faults if fault.message not in error.detail)])
    body = _status_message(message) if encoding is Encoding.PROTOBUF else orjson.dumps({"message": message})
    told = Response(body, status, media_type=encoding)
    for name in ("cache-control", "retry-after", "www-authenticate"):
        if name in answer.headers:
            told.headers[name] = answer.headers[name]
    return told


def _status_message(message: str) -> bytes:
    """A `google.rpc.Status` with a message alone, which is all that OTLP wants of it: field 2, a text."""
    # NOTE: by hand, for the package that has the message is none of OpenTelemetry's, and none of ours.
    text = message.encode()
    length, size = len(text), bytearray()
    while length > 0x7F:
        size.append(length & 0x7F | 0x80)
        length >>= 7
    size.append(length)
    return b"\x12" + bytes(size) + text
