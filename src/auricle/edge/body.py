"""The body of a request: read and decompressed with a limit and a deadline."""

import asyncio

from starlette.requests import ClientDisconnect, Request

from auricle.errors import BadRequest, TooLarge
from auricle.intake.decode import Inflation

DEADLINE_SECONDS = 13.0
"""Time a client has for its whole body; a little less than the connection leaves it, so that it hears why."""


async def read_body(request: Request, limit: int) -> bytes:
    """The body, decompressed.

    Raises:
        TooLarge: it has more than `limit` bytes, decompressed.
        BadRequest: it did not arrive in time, or not whole; BadEncoding when the compression is broken.
        UnsupportedMedia: the content coding is not spoken here.
    """
    length = request.headers.get("content-length", "")
    if length.isdecimal() and int(length[:20]) > limit:
        raise TooLarge(f"The body may have at most {limit} bytes; send less at once.")
    inflation = Inflation(request.headers.get("content-encoding"), limit)
    try:
        async with asyncio.timeout(DEADLINE_SECONDS):
            async for chunk in request.stream():
                inflation.feed(chunk)
    except TimeoutError as error:
        raise BadRequest(f"The body did not arrive within {DEADLINE_SECONDS:.0f} seconds; send it faster.") from error
    except ClientDisconnect as error:
        raise BadRequest("The client went away before its body was whole.") from error
    return inflation.finish()
