"""The signature of a request: `X-Signature: t=<unix>,v1=<hex hmac-sha256(secret, t + "." + raw body)>` (document 001).

The secret is the one that came with the key; a key without one signs with its own text. A signature is good for five
minutes and for one request: the same again, for whatever route, is refused, also after a restart and by every process
on the same database.
"""

import asyncio
import hashlib
import hmac
import re

from starlette.requests import Request

from auricle import clock
from auricle.edge.body import read_raw
from auricle.errors import Unauthorized
from auricle.model.principal import Principal
from auricle.store.signature import SignatureStore

HEADER = "x-signature"
FORM = re.compile(r"t=([0-9]{1,12}), ?v1=([0-9a-fA-F]{64})")
TOLERANCE_SECONDS = 300


class Signatures:
    """Checks signatures. Belongs to the event loop."""

    def __init__(self, store: SignatureStore, limit: int) -> None:
        """`limit` is the size of the largest body, in bytes as they are sent."""
        self._store = store
        self._limit = limit

    async def check(self, request: Request, principal: Principal, key: str) -> None:
        """Returns when the request is signed as it must be. Reads its body, which may be read once more.

        Raises:
            Unauthorized: it is not.
            TooLarge: the body is over every limit there is.
        """
        told = request.headers.getlist(HEADER)
        if not told:
            raise Unauthorized("The requests of this key must be signed: send X-Signature.")
        form = FORM.fullmatch(told[0]) if len(told) == 1 else None
        if form is None:
            raise Unauthorized("X-Signature must be t=<unix seconds>,v1=<64 hexadecimal digits>.")
        moment, mac = form[1], bytes.fromhex(form[2])
        if abs(clock.micros() / 1_000_000 - int(moment)) > TOLERANCE_SECONDS:
            raise Unauthorized("The signature is too old, or from the future: check the clock, and sign each attempt.")
        body = await read_raw(request, self._limit)
        if not hmac.compare_digest(mac, sign((principal.secret or key).encode("utf-8", "replace"), moment, body)):
            raise Unauthorized(
                "The signature does not fit the secret of this key, the time and the body as it was sent."
            )
        # NOTE: after the check: whoever lacks the secret can neither fill the table nor spoil a signature.
        spent_until = int(moment) + 2 * TOLERANCE_SECONDS
        if not await asyncio.to_thread(self._store.spend, principal.key_id, mac, spent_until):
            raise Unauthorized("This signature was used already: sign each request, and each attempt, anew.")

    async def forget(self) -> None:
        """Drops the signatures that are too old in any case; called now and then."""
        await asyncio.to_thread(self._store.forget, clock.micros() // 1_000_000)


def sign(secret: bytes, moment: str, body: bytes) -> bytes:
    """The signature of a body at a moment, in Unix seconds as the header tells them."""
    return hmac.new(secret, moment.encode() + b"." + body, hashlib.sha256).digest()
