"""From bytes to raw events."""

import gzip
import tracemalloc
import zlib
from collections.abc import Callable
from typing import Any

import brotli
import orjson
import pytest
from backports import zstd
from hypothesis import given
from hypothesis import strategies as st

from anything import like
from auricle.errors import AuricleError, BadEncoding, BadRequest, Invalid, TooLarge, UnsupportedMedia
from auricle.intake.decode import (
    Batch,
    Body,
    Frame,
    Inflation,
    body_kind,
    frame_of,
    inflate,
    parse_batch,
    parse_ndjson,
    parse_single,
    sent_at_of,
)
from auricle.model.receipt import Fault, Reason, Rejected

SECRET = "hunter2-marker"


def raw_deflate(data: bytes) -> bytes:
    squeezer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return squeezer.compress(data) + squeezer.flush()


def outcome_of(act: Callable[[], bool]) -> bool | int:
    """What it gives, or the status of the error it raises; any other exception is a failure."""
    try:
        return act()
    except AuricleError as error:
        return error.status


CODERS: dict[str, tuple[str | None, Callable[[bytes], bytes]]] = {
    "none": (None, bytes),
    "empty": ("", bytes),
    "identity": ("identity", bytes),
    "gzip": ("gzip", gzip.compress),
    "x-gzip": ("X-GZIP", gzip.compress),
    "deflate, zlib": ("deflate", zlib.compress),
    "deflate, raw": ("deflate", raw_deflate),
    "br": ("br", brotli.compress),
    "zstd": (" zstd ", zstd.compress),
}
COMPRESSED = {name: pair for name, pair in CODERS.items() if name not in {"none", "empty", "identity"}}


def table(coders: dict[str, tuple[str | None, Callable[[bytes], bytes]]]) -> Any:
    return pytest.mark.parametrize(
        ("encoding", "code"), [pytest.param(*pair, id=name) for name, pair in coders.items()]
    )


@table(CODERS)
@pytest.mark.parametrize("size", [0, 1, 65_536, 65_537, 1_000_000])
def test_inflate_gives_the_body(encoding: str | None, code: Callable[[bytes], bytes], size: int) -> None:
    body = (b"auricle " * (size // 8 + 1))[:size]
    assert inflate(code(body), encoding, size) == body


@table(CODERS)
def test_inflate_takes_one_byte_at_a_time(encoding: str | None, code: Callable[[bytes], bytes]) -> None:
    body = orjson.dumps(list(range(2_000)))
    packed = code(body)
    assert inflate((packed[i : i + 1] for i in range(len(packed))), encoding, len(body)) == body


@table(CODERS)
def test_inflate_refuses_one_byte_over_the_limit(encoding: str | None, code: Callable[[bytes], bytes]) -> None:
    with pytest.raises(TooLarge) as caught:
        inflate(code(bytes(100_001)), encoding, 100_000)
    assert caught.value.detail == "The body has more than 100000 bytes, decompressed: send it in smaller parts."


BOMB = 100_000_000


@table(COMPRESSED)
def test_a_bomb_costs_no_more_than_the_limit(encoding: str | None, code: Callable[[bytes], bytes]) -> None:
    packed = code(bytes(BOMB))
    limit = 500_000
    tracemalloc.start()
    try:
        inflation = Inflation(encoding, limit)
        with pytest.raises(TooLarge):
            inflation.feed(packed)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 2 * limit + 1_000_000


@table(COMPRESSED)
def test_inflate_refuses_a_body_cut_short(encoding: str | None, code: Callable[[bytes], bytes]) -> None:
    packed = code(orjson.dumps(list(range(5_000))))
    for end in (0, 1, 2, len(packed) // 2, len(packed) - 1):
        with pytest.raises(BadEncoding):
            inflate(packed[:end], encoding, 100_000)


@table(COMPRESSED)
def test_inflate_refuses_bytes_behind_the_body(encoding: str | None, code: Callable[[bytes], bytes]) -> None:
    packed = code(b"{}")
    for chunks in ([packed + b"garbage"], [packed, b"garbage"]):
        with pytest.raises(BadEncoding):
            inflate(chunks, encoding, 100_000)


@table(COMPRESSED)
def test_inflate_refuses_what_is_not_compressed(encoding: str | None, code: Callable[[bytes], bytes]) -> None:
    with pytest.raises(BadEncoding):
        inflate(b'{"event_name": "page_view"}', encoding, 100_000)


@table({name: pair for name, pair in COMPRESSED.items() if "gzip" in name or name == "zstd"})
def test_inflate_reads_several_members_but_not_thousands(encoding: str, code: Callable[[bytes], bytes]) -> None:
    assert inflate(code(b"ab") + code(b"") + code(b"cd"), encoding, 4) == b"abcd"
    with pytest.raises(BadEncoding):
        inflate(code(b"") * 1_001, encoding, 100_000)


def test_inflate_refuses_compressed_bytes_that_come_to_nothing() -> None:
    squeezer = zlib.compressobj()
    endless = squeezer.compress(b"x") + b"".join(squeezer.flush(zlib.Z_FULL_FLUSH) for _ in range(3))
    padding = endless[-5:] * 40_000  # empty stored blocks
    with pytest.raises(TooLarge):
        inflate([endless, padding], "deflate", 1_000)


def test_inflate_refuses_a_zstd_window_over_8_mb() -> None:
    options = {zstd.CompressionParameter.window_log: 27, zstd.CompressionParameter.enable_long_distance_matching: 1}
    squeezer = zstd.ZstdCompressor(options=options)
    with pytest.raises(BadEncoding):
        inflate(squeezer.compress(b"{}") + squeezer.flush(), "zstd", 100_000)


@pytest.mark.parametrize(
    "encoding", ["gzip, br", "gzip,gzip", "identity, gzip", "compress", "lz4", "gzip;q=1", "gzip br"]
)
def test_other_encodings_are_refused(encoding: str) -> None:
    with pytest.raises(UnsupportedMedia) as caught:
        inflate(b"", encoding, 10)
    assert caught.value.detail == (
        "The content encoding is not spoken here: send one of gzip, deflate, br, zstd, identity."
    )


@given(st.sampled_from(sorted(CODERS)), st.binary(max_size=300), st.integers(0, 200))
def test_inflate_takes_any_bytes(name: str, data: bytes, limit: int) -> None:
    encoding, _ = CODERS[name]
    assert outcome_of(lambda: len(inflate(data, encoding, limit)) <= limit) in {True, 400, 413}


@given(st.sampled_from(sorted(COMPRESSED)), st.binary(min_size=1, max_size=200), st.data())
def test_inflate_takes_any_damage(name: str, body: bytes, data: st.DataObject) -> None:
    encoding, code = COMPRESSED[name]
    packed = bytearray(code(body))
    packed[data.draw(st.integers(0, len(packed) - 1))] ^= data.draw(st.integers(1, 255))
    assert outcome_of(lambda: len(inflate(bytes(packed), encoding, 10_000)) <= 10_000) in {True, 400, 413}


@pytest.mark.parametrize(
    ("content_type", "kind"),
    [
        pytest.param(None, Body.JSON, id="none"),
        pytest.param(" ", Body.JSON, id="blank"),
        pytest.param("application/json", Body.JSON, id="json"),
        pytest.param("Application/JSON; charset=UTF-8", Body.JSON, id="json with a charset"),
        pytest.param('text/plain;charset="utf-8"', Body.JSON, id="a beacon"),
        pytest.param("text/plain; format=flowed", Body.JSON, id="another parameter"),
        pytest.param("application/x-www-form-urlencoded", Body.JSON, id="curl -d, left to itself"),
        pytest.param("application/x-ndjson", Body.NDJSON, id="x-ndjson"),
        pytest.param("application/ndjson;charset=utf8", Body.NDJSON, id="ndjson"),
        pytest.param("application/jsonl", Body.NDJSON, id="jsonl"),
    ],
)
def test_body_kind(content_type: str | None, kind: Body) -> None:
    assert body_kind(content_type) is kind


@pytest.mark.parametrize(
    "content_type",
    [
        "text/html",
        "multipart/form-data; boundary=x",
        "application/json; charset=latin-1",
        "application/json; charset=utf-16",
        "application/x-ndjson; Charset=iso-8859-1",
        "json",
        ";charset=utf-8",
    ],
)
def test_other_content_types_are_refused(content_type: str) -> None:
    with pytest.raises(UnsupportedMedia):
        body_kind(content_type)


@pytest.mark.parametrize(
    ("body", "raw"),
    [
        pytest.param(b'{"a": 1}', {"a": 1}, id="an object"),
        pytest.param(b"\xef\xbb\xbf [1]\r\n", [1], id="a byte order mark"),
        pytest.param(b"null", None, id="null"),
        pytest.param('{"a": "ü🦉"}'.encode(), {"a": "ü🦉"}, id="UTF-8"),
        pytest.param(b'{"a": 123456789012345678901234567890}', {"a": 1.2345678901234568e29}, id="a huge number"),
        pytest.param(b'{"a": "\\u0000"}', {"a": "\x00"}, id="an escaped NUL"),
        pytest.param(b'{"__proto__": {"a.b": 1}}', {"__proto__": {"a.b": 1}}, id="hostile keys"),
    ],
)
def test_parse_single(body: bytes, raw: object) -> None:
    assert parse_single(body) == raw


@pytest.mark.parametrize(
    ("body", "error", "detail"),
    [
        pytest.param(b"", BadRequest, "The body is empty: send JSON.", id="empty"),
        pytest.param(b" \r\n\t", BadRequest, "The body is empty: send JSON.", id="white space"),
        pytest.param(b"\xef\xbb\xbf", BadRequest, "The body is empty: send JSON.", id="only a mark"),
        pytest.param(
            b'{"a": 1,}',
            BadRequest,
            "The body is not JSON: trailing comma is not allowed at line 1, column 8. Mend it there.",
            id="a comma too many",
        ),
        pytest.param(
            b'{"a":\n  NaN}',
            BadRequest,
            "The body is not JSON: unexpected character, expected a JSON value at line 2, column 3. Mend it there.",
            id="NaN",
        ),
        pytest.param(
            b'{"a": 1e999}',
            BadRequest,
            "The body is not JSON: number is infinity when parsed as double at line 1, column 7. Mend it there.",
            id="a number beyond double",
        ),
        pytest.param(
            b'{"a": "\\ud800"}',
            BadRequest,
            "The body is not JSON: no low surrogate in string at line 1, column 8. Mend it there.",
            id="a lone surrogate",
        ),
        pytest.param(
            b'{"a": 1} x',
            BadRequest,
            "The body is not JSON: unexpected content after document at line 1, column 10. Mend it there.",
            id="something behind",
        ),
        pytest.param(
            b"[" * 5_000,
            BadRequest,
            "The body is not JSON: depth limit exceeded at line 1, column 1026. Mend it there.",
            id="depth",
        ),
        pytest.param(b'{"a": "\xe9"}', BadEncoding, "The body is not UTF-8 at byte 7: send UTF-8.", id="latin-1"),
        pytest.param(
            b'"\xed\xa0\x80"', BadEncoding, "The body is not UTF-8 at byte 1: send UTF-8.", id="an encoded surrogate"
        ),
        pytest.param(
            '{"a": 1}'.encode("utf-16"),
            BadEncoding,
            "The body looks like UTF-16 or UTF-32: send UTF-8.",
            id="UTF-16 with a mark",
        ),
        pytest.param(
            '{"a": 1}'.encode("utf-16-be"),
            BadEncoding,
            "The body looks like UTF-16 or UTF-32: send UTF-8.",
            id="UTF-16",
        ),
        pytest.param(
            '{"a": 1}'.encode("utf-32"), BadEncoding, "The body looks like UTF-16 or UTF-32: send UTF-8.", id="UTF-32"
        ),
    ],
)
def test_parse_single_refuses(body: bytes, error: type[AuricleError], detail: str) -> None:
    with pytest.raises(error) as caught:
        parse_single(body)
    assert (type(caught.value), caught.value.detail) == (error, detail)


@pytest.mark.parametrize(
    ("body", "batch"),
    [
        pytest.param({"events": [{}]}, Batch([{}]), id="the least"),
        pytest.param({"events": [1, None]}, Batch([1, None]), id="events are not judged here"),
        pytest.param(
            {"events": [{}], "batch_id": "b-1", "sent_at": "1970-01-01T00:00:01Z"},
            Batch([{}], "b-1", 1_000_000),
            id="all members",
        ),
        pytest.param({"events": [{}], "batch_id": None, "sent_at": None}, Batch([{}]), id="null is absent"),
    ],
)
def test_parse_batch(body: object, batch: Batch) -> None:
    assert parse_batch(orjson.dumps(body), 2) == batch


@pytest.mark.parametrize(
    ("body", "error", "pointer", "rule"),
    [
        pytest.param([{}], Invalid, "", "type", id="a bare list"),
        pytest.param({}, Invalid, "/events", "required", id="no events"),
        pytest.param({"events": {}}, Invalid, "/events", "type", id="events not a list"),
        pytest.param({"events": None}, Invalid, "/events", "type", id="events null"),
        pytest.param({"events": []}, Invalid, "/events", "minItems", id="no event"),
        pytest.param({"events": [{}, {}, {}]}, TooLarge, "/events", "maxItems", id="too many events"),
        pytest.param({"events": [{}], SECRET: 1}, Invalid, "", "additionalProperties", id="an unknown member"),
        pytest.param({"events": [{}], "batch_id": ""}, Invalid, "/batch_id", "maxLength", id="an empty batch id"),
        pytest.param({"events": [{}], "batch_id": "x" * 129}, Invalid, "/batch_id", "maxLength", id="a long batch id"),
        pytest.param({"events": [{}], "batch_id": 7}, Invalid, "/batch_id", "maxLength", id="a number as batch id"),
        pytest.param({"events": [{}], "sent_at": SECRET}, Invalid, "/sent_at", "format", id="a word as sent_at"),
        pytest.param({"events": [{}], "sent_at": 1}, Invalid, "/sent_at", "format", id="a number as sent_at"),
    ],
)
def test_parse_batch_refuses(body: object, error: type[AuricleError], pointer: str, rule: str) -> None:
    with pytest.raises(error) as caught:
        parse_batch(orjson.dumps(body), 2)
    assert [(fault.pointer, fault.rule) for fault in caught.value.faults] == [(pointer, rule)]
    assert SECRET not in caught.value.detail + repr(caught.value.faults)


def test_parse_ndjson_reads_every_good_line() -> None:
    body = b'\xef\xbb\xbf{"a": 1}\r\n\r\n  \n{"a": 2}\n{"a": 3}'
    assert parse_ndjson(body, 3, 100) == [{"a": 1}, {"a": 2}, {"a": 3}]


def test_a_bad_line_costs_no_other() -> None:
    body = b'{"a": 1}\n{"a": "hunter2-marker}\n\n{"a": "\xff"}\n{"a": "' + b"x" * 100 + b'"}\n[]\n{"a": 2}\n'
    assert parse_ndjson(body, 10, 50) == [
        {"a": 1},
        Rejected(
            Reason.NOT_AN_OBJECT,
            (
                Fault(
                    "",
                    "json",
                    "Line 2 is not JSON: unexpected end of data at column 23. Send one event on each line.",
                ),
            ),
        ),
        Rejected(
            Reason.NOT_AN_OBJECT,
            (
                Fault(
                    "",
                    "json",
                    "Line 4 is not JSON: str is not valid UTF-8 at column 1. Send one event on each line.",
                ),
            ),
        ),
        Rejected(
            Reason.TOO_LARGE,
            (Fault("", "max_event_bytes", "Line 5 is longer than 50 bytes: send less in one event."),),
        ),
        [],
        {"a": 2},
    ]


@pytest.mark.parametrize(
    ("body", "error"),
    [
        pytest.param(b"", BadRequest, id="empty"),
        pytest.param(b"\n\r\n ", BadRequest, id="blank lines"),
        pytest.param('{"a": 1}\n'.encode("utf-16"), BadEncoding, id="UTF-16"),
        pytest.param(b"{}\n" * 4, TooLarge, id="too many lines"),
    ],
)
def test_parse_ndjson_refuses(body: bytes, error: type[AuricleError]) -> None:
    with pytest.raises(error) as caught:
        parse_ndjson(body, 3, 50)
    assert type(caught.value) is error


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    for parse in (parse_single, lambda b: parse_batch(b, 3), lambda b: parse_ndjson(b, 5, 60)):
        assert outcome_of(lambda parse=parse: parse(body) is not ...) in {True, 400, 413, 422}


@given(like(("seq", "events", "sent_at"), {"seq": 1, "events": [{}]}))
def test_any_frame_is_read_or_refused(raw: Any) -> None:
    assert outcome_of(lambda: isinstance(frame_of(raw, 2), Frame)) in {True, 413, 422}


@given(st.lists(st.one_of(st.just(b'{"ok": true}'), st.binary(max_size=30).map(lambda b: b.replace(b"\n", b"")))))
def test_no_line_is_lost_for_its_neighbours(lines: list[bytes]) -> None:
    good = sum(line == b'{"ok": true}' for line in lines)
    events = parse_ndjson(b"\n".join([b'{"ok": true}', *lines]), 1_000, 60)
    assert events.count({"ok": True}) >= good + 1
    assert len(events) == 1 + sum(bool(line.strip()) for line in lines)


@pytest.mark.parametrize(
    ("raw", "sent_at"),
    [
        pytest.param({"sent_at": "1970-01-01T00:00:01Z"}, 1_000_000, id="a time"),
        pytest.param({"sent_at": "soon"}, None, id="a word"),
        pytest.param({"sent_at": 1}, None, id="a number"),
        pytest.param({}, None, id="none"),
        pytest.param([], None, id="a list"),
    ],
)
def test_sent_at_of(raw: object, sent_at: int | None) -> None:
    assert sent_at_of(raw) == sent_at
