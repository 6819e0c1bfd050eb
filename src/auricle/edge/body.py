"""The body of a request: read and decompressed with a limit. Its deadline is the connection's."""

import asyncio
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import orjson
from starlette.requests import ClientDisconnect, Request

from auricle.errors import BadRequest, Invalid, TooLarge
from auricle.intake.decode import Inflation
from auricle.model.receipt import Fault

PIECES_AT_ONCE = 2
"""Pieces (of 64 KB) that are decompressed on the event loop; a body of more is work for a thread."""

_unpacking = ThreadPoolExecutor(1, "unpacking")
# NOTE: one thread, so that however many bombs come, one is unpacked at a time and one window of a codec is in memory.
# The threads of the event loop's own pool are left to what honest clients wait for.


async def read_body(request: Request, limit: int) -> bytes:
    """The body, decompressed.

    Raises:
        TooLarge: it has more than `limit` bytes, decompressed.
        BadRequest: it did not arrive whole; BadEncoding when the compression is broken.
        UnsupportedMedia: the content coding is not spoken here.
    """
    length = request.headers.get("content-length", "")
    if length.isdecimal() and int(length[:20]) > limit:
        raise TooLarge(f"The body may have at most {limit} bytes; send less at once.")
    inflation = Inflation(request.headers.get("content-encoding"), limit)
    if inflation.plain:
        await _receive(request, inflation.feed)
    else:
        await _unpack(await read_raw(request, limit), inflation)
    return inflation.finish()


async def _unpack(packed: bytes, inflation: Inflation) -> None:
    steps = inflation.steps(packed)
    for _ in range(0 if inflation.bursts else PIECES_AT_ONCE):
        if next(steps, steps) is steps:
            return
    await asyncio.get_running_loop().run_in_executor(_unpacking, deque, steps, 0)


async def read_raw(request: Request, limit: int) -> bytes:
    """The body as it was sent, compressed or not; it may be read once more afterwards.

    Raises:
        TooLarge: it has more than `limit` bytes.
        BadRequest: it did not arrive whole.
    """
    parts = bytearray()

    def feed(chunk: bytes) -> None:
        parts.extend(chunk)
        if len(parts) > limit:
            raise TooLarge(f"The body may have at most {limit} bytes; send less at once.")

    await _receive(request, feed)
    # NOTE: where Starlette keeps a body that was read, so that whoever reads it next is given the same.
    request._body = bytes(parts)
    return request._body


async def _receive(request: Request, feed: Callable[[bytes], None]) -> None:
    """Hands the body on as it comes in."""
    # NOTE: no deadline of its own: the connection ends a request that is late, and a timer for every body, most of
    # which are there already, cost a small request a tenth of its time.
    try:
        async for chunk in request.stream():
            feed(chunk)
    except ClientDisconnect as error:
        raise BadRequest("The client went away before its body was whole.") from error


async def read_object(request: Request, limit: int, members: frozenset[str]) -> dict[str, Any]:
    """The body, a JSON object with no members but these; `{}` for no body at all.

    Raises:
        BadRequest: it is no JSON; and as `read_body`.
        Invalid: it is no object, or has another member.
    """
    raw = await read_body(request, limit)
    try:
        told = orjson.loads(raw) if raw else {}
    except orjson.JSONDecodeError:
        raise BadRequest("The body is no JSON: send a JSON object.") from None
    if not isinstance(told, dict):
        raise Invalid("The request breaks a rule.", (Fault("", "type", "The body must be a JSON object."),))
    if told.keys() - members:
        rule = f"There is no such member: known are {', '.join(sorted(members)) or 'none'}."
        raise Invalid("The request breaks a rule.", (Fault("", "additionalProperties", rule),))
    return told


def broken(pointer: str, rule: str, message: str) -> Invalid:
    """The refusal of a request that breaks one rule."""
    return Invalid("The request breaks a rule.", (Fault(pointer, rule, message),))
