"""From the bytes of a request to raw events: decompression, character set, JSON, and the shape of a batch.

Raw events are whatever JSON values the client sent; `steps` reads them. Nothing here repeats a value of the client.
"""

import sys
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NoReturn

import brotli
import orjson

from auricle.errors import BadEncoding, BadRequest, Invalid, TooLarge, UnsupportedMedia
from auricle.intake.times import parse_rfc3339
from auricle.model.receipt import Fault, Reason, Rejected

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

ENCODINGS = ("gzip", "deflate", "br", "zstd", "identity")
"""The content codings that are spoken."""

_SLICE = 16_384  # compressed bytes handed over at once: what a codec copies while it works is bounded by it
_PIECE = 65_536  # decompressed bytes taken at once: a bomb costs no more than this over the limit
_MEMBERS = 1_000  # gzip members or zstd frames of one body: empty ones would cost time and count for nothing
_WINDOW: dict[int, int] = {
    zstd.DecompressionParameter.window_log_max: 23
}  # 8 MB, the most RFC 9659 allows for a content coding
_BOM = b"\xef\xbb\xbf"
_BATCH_MEMBERS = frozenset({"events", "batch_id", "sent_at"})
_FRAME_MEMBERS = frozenset({"seq", "events", "sent_at"})
_MAX_SEQ = 2**53 - 1  # the largest whole number that a browser counts exactly
_MAX_BATCH_ID = 128


class Body(StrEnum):
    """What a body is written in."""

    JSON = "json"
    NDJSON = "ndjson"


_CONTENT_TYPES = {
    "application/json": Body.JSON,
    "text/plain": Body.JSON,  # beacons may send nothing else without a preflight
    "application/x-www-form-urlencoded": Body.JSON,  # what `curl -d` says unless it is told otherwise
    "application/x-ndjson": Body.NDJSON,
    "application/ndjson": Body.NDJSON,
    "application/jsonl": Body.NDJSON,
}


@dataclass(frozen=True, slots=True)
class Batch:
    """The body of a JSON batch: at least one raw event."""

    events: list[Any]
    batch_id: str | None = None
    sent_at: int | None = None
    """When the client sent it by its own clock, in microseconds since 1970-01-01 UTC."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame of the event stream: at least one raw event."""

    seq: int
    events: list[Any]
    sent_at: int | None = None
    """As in `Batch`."""


def body_kind(content_type: str | None) -> Body:
    """What the Content-Type header says the body is; JSON without one. UnsupportedMedia for any other type."""
    if not content_type or not content_type.strip():
        return Body.JSON
    essence, *parameters = content_type.split(";")
    kind = _CONTENT_TYPES.get(essence.strip().lower())
    if kind is None:
        raise UnsupportedMedia(f"The content type is not spoken here: send {', '.join(_CONTENT_TYPES)}.")
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "charset" and value.strip().strip('"').lower() not in {"utf-8", "utf8"}:
            raise UnsupportedMedia("The character set is not spoken here: send UTF-8.")
    return kind


class Inflation:
    """A body that is decompressed: `feed` its chunks, then `finish`.

    The limit counts decompressed bytes and holds at every moment: TooLarge is raised by the `feed` that crosses it,
    with at most one piece (64 KB to 100 KB) more in memory. BadEncoding for anything that is not whole and sound,
    UnsupportedMedia for an encoding that is not in `ENCODINGS`, or for several.
    """

    __slots__ = ("_codec", "_kept", "_limit", "_received", "_size", "bursts", "plain")

    def __init__(self, encoding: str | None, limit: int) -> None:
        self._codec = _codec_of(encoding)
        self.plain = self._codec is None
        """Whether nothing is to be decompressed."""
        self.bursts = isinstance(self._codec, _Brotli)
        """Whether the first piece may cost as much as a whole window (16 MB), however small it is."""
        self._limit = limit
        self._kept: list[bytes] = []
        self._size = 0
        self._received = 0

    def feed(self, chunk: bytes) -> None:
        """Takes the next bytes of the request."""
        for _ in self.steps(chunk):
            pass

    def steps(self, chunk: bytes) -> Iterator[None]:
        """Takes the next bytes of the request piece by piece, as its caller goes on."""
        self._received += len(chunk)
        if self._codec is None:
            if chunk:
                self._keep(chunk)
            return
        if self._received > self._limit + _PIECE:  # no honest coding grows what it codes by this much
            self._refuse()
        for start in range(0, len(chunk), _SLICE):
            try:
                for piece in self._codec.expand(chunk[start : start + _SLICE]):
                    self._keep(piece)
                    yield
            except (zlib.error, brotli.error, zstd.ZstdError) as error:
                raise BadEncoding("The compressed body is broken: check Content-Encoding and the encoder.") from error

    def finish(self) -> bytes:
        """The whole body, decompressed."""
        if self._codec is not None and not self._codec.complete():
            raise BadEncoding("The compressed body ends too early: send all of it.")
        return b"".join(self._kept)

    def _keep(self, piece: bytes) -> None:
        self._size += len(piece)
        if self._size > self._limit:
            self._refuse()
        self._kept.append(piece)

    def _refuse(self) -> NoReturn:
        self._kept.clear()
        raise TooLarge(f"The body has more than {self._limit} bytes, decompressed: send it in smaller parts.")


def inflate(body: bytes | Iterable[bytes], encoding: str | None, limit: int) -> bytes:
    """The decompressed body; see `Inflation` for the limit and the errors."""
    inflation = Inflation(encoding, limit)
    for chunk in [body] if isinstance(body, bytes) else body:
        inflation.feed(chunk)
    return inflation.finish()


def parse_single(body: bytes) -> Any:
    """The raw event of a body with one. BadRequest or BadEncoding when it is not JSON in UTF-8."""
    return _parse(body)


def parse_batch(body: bytes, limit: int) -> Batch:
    """The batch of a JSON body `{events: […], batch_id?, sent_at?}` of at most `limit` events.

    BadRequest or BadEncoding when it is not JSON in UTF-8, Invalid when it has another shape, TooLarge over the limit.
    """
    raw = _parse(body)
    if not isinstance(raw, dict):
        _refuse("", "type", 'A batch must be an object: send {"events": […]}, or one event a line as NDJSON.')
    batch_id = raw.get("batch_id")
    events = _events_of(raw, limit)
    if not raw.keys() <= _BATCH_MEMBERS:
        _refuse("", "additionalProperties", "A batch has `events`, `batch_id` and `sent_at`: remove what is more.")
    if batch_id is not None and not (isinstance(batch_id, str) and 1 <= len(batch_id) <= _MAX_BATCH_ID):
        _refuse("/batch_id", "maxLength", f"`batch_id` must be a string of 1 to {_MAX_BATCH_ID} characters.")
    return Batch(events, batch_id, _checked_sent_at(raw))


def seq_of(raw: object) -> int | None:
    """The `seq` of a raw frame; None without one that may stand in an answer."""
    seq = raw.get("seq") if isinstance(raw, dict) else None
    return seq if type(seq) is int and 0 <= seq <= _MAX_SEQ else None


def frame_of(raw: object, limit: int) -> Frame:
    """The frame `{seq, events: […], sent_at?}` of at most `limit` events that a JSON value is.

    Invalid when it has another shape, TooLarge over the limit.
    """
    if not isinstance(raw, dict):
        _refuse("", "type", 'A frame must be an object: send {"seq": 1, "events": […]}.')
    seq = seq_of(raw)
    if seq is None:
        _refuse("/seq", "type", f"`seq` must be a whole number from 0 to {_MAX_SEQ}: count your frames.")
    events = _events_of(raw, limit)
    if not raw.keys() <= _FRAME_MEMBERS:
        _refuse("", "additionalProperties", "A frame has `seq`, `events` and `sent_at`: remove what is more.")
    return Frame(seq, events, _checked_sent_at(raw))


def parse_ndjson(body: bytes, max_events: int, max_event_bytes: int) -> list[Any]:
    """The raw events of a body with one on each line, in order, blank lines left out.

    A line that is not JSON, or longer than `max_event_bytes`, stands in the list as `Rejected`: it costs no other.
    BadRequest for a body without a line, BadEncoding for UTF-16, TooLarge over `max_events`.
    """
    body = body.removeprefix(_BOM)
    _refuse_wide(body)
    events: list[Any] = []
    loads = orjson.loads
    for number, line in enumerate(body.split(b"\n"), 1):
        if not line or line.isspace():
            continue
        if len(events) >= max_events:
            raise TooLarge(f"The body has more than {max_events} lines: send it in smaller parts.")
        if len(line) > max_event_bytes:
            text = f"Line {number} is longer than {max_event_bytes} bytes: send less in one event."
            events.append(Rejected(Reason.TOO_LARGE, (Fault("", "max_event_bytes", text),)))
            continue
        try:
            events.append(loads(line))
        except orjson.JSONDecodeError as error:
            text = f"Line {number} is not JSON: {_said(error)} at column {error.colno}. Send one event on each line."
            events.append(Rejected(Reason.NOT_AN_OBJECT, (Fault("", "json", text),)))
    if not events:
        raise BadRequest("The body is empty: send one event on each line.")
    return events


def sent_at_of(raw: object) -> int | None:
    """The `sent_at` of a batch or a raw event, in microseconds since 1970-01-01 UTC; None without one that reads."""
    text = raw.get("sent_at") if isinstance(raw, dict) else None
    return parse_rfc3339(text) if isinstance(text, str) else None


def _events_of(raw: dict[str, Any], limit: int) -> list[Any]:
    """The list `events` of a batch or a frame."""
    events = raw.get("events")
    if "events" not in raw:
        _refuse("/events", "required", "`events` is required: add the list of events.")
    if not isinstance(events, list):
        _refuse("/events", "type", "`events` must be a list: send the events in brackets.")
    if not events:
        _refuse("/events", "minItems", "`events` must not be empty: send at least one event.")
    if len(events) > limit:
        fault = Fault("/events", "maxItems", f"`events` must have at most {limit} items: send smaller batches.")
        raise TooLarge(fault.message, (fault,))
    return events


def _checked_sent_at(raw: dict[str, Any]) -> int | None:
    """The `sent_at` of a batch or a frame, which may be left out but not be wrong."""
    sent = sent_at_of(raw)
    if sent is None and raw.get("sent_at") is not None:
        text = "`sent_at` must be an RFC 3339 time with a zone, such as 2026-01-15T10:30:00.123Z; or leave it out."
        _refuse("/sent_at", "format", text)
    return sent


def _parse(body: bytes) -> Any:
    body = body.removeprefix(_BOM)
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        if not body.strip():
            raise BadRequest("The body is empty: send JSON.") from None
        _refuse_wide(body)
        try:
            body.decode()
        except UnicodeDecodeError as broken:
            raise BadEncoding(f"The body is not UTF-8 at byte {broken.start}: send UTF-8.") from None
        where = f"line {error.lineno}, column {error.colno}"
        text = f"The body is not JSON: {_said(error)} at {where}. Mend it there."
        raise BadRequest(text, (Fault("", "json", text),)) from None


def _said(error: orjson.JSONDecodeError) -> str:
    """What the parser has to say: one of its fixed phrases, without the position."""
    return error.msg.partition(":")[0]


def _refuse_wide(body: bytes) -> None:
    """BadEncoding for UTF-16 and UTF-32: JSON in UTF-8 never has a NUL, nor starts with their marks."""
    if b"\x00" in body[:4] or body[:2] in {b"\xff\xfe", b"\xfe\xff"}:
        raise BadEncoding("The body looks like UTF-16 or UTF-32: send UTF-8.")


def _refuse(pointer: str, rule: str, message: str) -> NoReturn:
    raise Invalid(message, (Fault(pointer, rule, message),))


class _Zlib:
    """gzip (one or several members), or deflate as zlib (RFC 1950) or raw (RFC 1951), which is told by the start."""

    def __init__(self, gzip: bool) -> None:
        self._gzip = gzip
        self._members = 1
        self._start = b""
        self._stream = zlib.decompressobj(31) if gzip else None

    def expand(self, data: bytes) -> Iterator[bytes]:
        if self._stream is None:
            self._start += data
            if len(self._start) < 2:
                return
            data = self._start
            zlib_header = data[0] & 0x0F == 8 and int.from_bytes(data[:2]) % 31 == 0
            self._stream = zlib.decompressobj(zlib.MAX_WBITS if zlib_header else -zlib.MAX_WBITS)
        piece = b""
        while data or len(piece) == _PIECE:  # a full piece: more may wait inside
            if self._stream.eof:
                if not data:
                    return
                self._next_member()
            piece = self._stream.decompress(data, _PIECE)
            yield piece
            data = self._stream.unconsumed_tail or self._stream.unused_data

    def complete(self) -> bool:
        return self._stream is not None and self._stream.eof

    def _next_member(self) -> None:
        self._members = _counted(self._members)
        if not self._gzip:
            raise BadEncoding("There are bytes after the compressed body: send nothing behind it.")
        self._stream = zlib.decompressobj(31)


class _Brotli:
    """brotli: one stream."""

    def __init__(self) -> None:
        self._stream = brotli.Decompressor()

    def expand(self, data: bytes) -> Iterator[bytes]:
        # NOTE: can_accept_more_data() is no sign that all output has come; only an empty answer is.
        piece: bytes = self._stream.process(data, output_buffer_limit=_PIECE)
        while piece:
            yield piece
            if self._stream.is_finished():
                return
            piece = self._stream.process(b"", output_buffer_limit=_PIECE)

    def complete(self) -> bool:
        return bool(self._stream.is_finished())


class _Zstd:
    """zstd: one or several frames."""

    def __init__(self) -> None:
        self._members = 1
        self._stream = zstd.ZstdDecompressor(options=_WINDOW)

    def expand(self, data: bytes) -> Iterator[bytes]:
        while True:
            if self._stream.eof:
                if not data:
                    return
                self._members = _counted(self._members)
                self._stream = zstd.ZstdDecompressor(options=_WINDOW)
            yield self._stream.decompress(data, _PIECE)
            data = self._stream.unused_data if self._stream.eof else b""
            if self._stream.needs_input and not self._stream.eof:
                return

    def complete(self) -> bool:
        return self._stream.eof


_CODECS: dict[str, Callable[[], "_Zlib | _Brotli | _Zstd | None"]] = {
    "": lambda: None,
    "identity": lambda: None,
    "gzip": lambda: _Zlib(gzip=True),
    "x-gzip": lambda: _Zlib(gzip=True),
    "deflate": lambda: _Zlib(gzip=False),
    "br": _Brotli,
    "zstd": _Zstd,
}


def _codec_of(encoding: str | None) -> _Zlib | _Brotli | _Zstd | None:
    make = _CODECS.get((encoding or "").strip().lower())
    if make is None:
        raise UnsupportedMedia(f"The content encoding is not spoken here: send one of {', '.join(ENCODINGS)}.")
    return make()


def _counted(members: int) -> int:
    if members >= _MEMBERS:
        raise BadEncoding(f"The compressed body has more than {_MEMBERS} parts: compress it as one.")
    return members + 1
