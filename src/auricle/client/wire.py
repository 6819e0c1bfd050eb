"""The wire: one connection to the service, kept alive, for one thread at a time."""

import contextlib
import hashlib
import hmac
import time
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from auricle import __version__, clock

if TYPE_CHECKING:
    from http.client import HTTPConnection, HTTPResponse

BATCH = "/api/v1/analytics/events/batch"
COMPRESSED_FROM = 1_000
"""Bytes of a body from which it is compressed."""
LONGEST_ANSWER = 4_000_000
PIECE = 65_536


class Away(Exception):
    """There was no answer, or not a whole one: nobody knows what became of the request."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back."""

    status: int
    retry_after: str | None
    body: bytes


class Wire:
    """Sends batches, each once but for a connection that had died of age."""

    def __init__(self, url: str, key: str, secret: str | None, timeout: float) -> None:
        """Raises ValueError for an address that is none."""
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("the address must be http://… or https://…")
        if not (key.isascii() and key.isprintable()):
            raise ValueError("the key must be plain text")
        # NOTE: it takes 40 ms, so whoever imports this and makes no client does not wait for it. Not at the first
        # request: that is in a thread, and a fork right then would leave the lock of the import held in the child.
        from http import client

        self._http = client
        parts.hostname.encode("idna")  # for the same reason: the first connection would import this codec
        self._make = client.HTTPSConnection if parts.scheme == "https" else client.HTTPConnection
        self._host, self._port = parts.hostname, parts.port
        self._path = parts.path.rstrip("/") + BATCH
        self._secret = secret
        self._timeout = timeout
        self._headers = {
            "Authorization": f"Bearer {key}",
            "Content-Type": "application/json",
            "User-Agent": f"auricle-python/{__version__}",
        }
        self._connection: HTTPConnection | None = None

    def post(self, body: bytes) -> Reply:
        """The answer to a batch.

        Raises:
            Away: there is none.
        """
        headers = dict(self._headers)
        if len(body) >= COMPRESSED_FROM:
            body = _gzip(body)
            headers["Content-Encoding"] = "gzip"
        reused = self._connection is not None
        try:
            return self._once(body, headers)
        except (OSError, self._http.HTTPException) as error:
            self.close()
            # NOTE: a connection that lay idle may have been ended by the other side long ago; a silent one was not.
            if not reused or isinstance(error, TimeoutError):
                raise Away(type(error).__name__) from error
        try:
            return self._once(body, headers)
        except (OSError, self._http.HTTPException) as error:
            self.close()
            raise Away(type(error).__name__) from error

    def close(self) -> None:
        """Gives the connection back."""
        if self._connection is not None:
            with contextlib.suppress(OSError):
                self._connection.close()
            self._connection = None

    def _once(self, body: bytes, headers: dict[str, str]) -> Reply:
        connection = self._connection
        if connection is None:
            connection = self._make(self._host, self._port, timeout=self._timeout)
            self._connection = connection
        connection.request("POST", self._path, body, headers | self._signature(body))
        answer = connection.getresponse()
        told = self._read(answer)
        if answer.will_close:
            self.close()
        return Reply(answer.status, answer.headers.get("Retry-After"), told)

    def _read(self, answer: "HTTPResponse") -> bytes:
        """The body, if it is whole and comes in time: a byte a second would keep the connection for ever."""
        deadline = time.monotonic() + self._timeout
        told = bytearray()
        while piece := answer.read1(PIECE):
            told += piece
            if len(told) > LONGEST_ANSWER or time.monotonic() > deadline:
                raise TimeoutError
        # NOTE: `read1` ends at the end of the connection without a word about what is missing.
        if answer.length:
            raise self._http.IncompleteRead(bytes(told), answer.length)
        answer.close()  # NOTE: nor does it end the answer, and without that the connection takes no other request
        return bytes(told)

    def _signature(self, body: bytes) -> dict[str, str]:
        if self._secret is None:
            return {}
        moment = str(clock.micros() // 1_000_000)
        mac = hmac.new(self._secret.encode(), moment.encode() + b"." + body, hashlib.sha256)
        return {"X-Signature": f"t={moment},v1={mac.hexdigest()}"}


def _gzip(body: bytes) -> bytes:
    packer = zlib.compressobj(1, zlib.DEFLATED, 31)
    return packer.compress(body) + packer.flush()
