"""The public keys of whoever issues tokens: a JSON Web Key Set (RFC 7517), fetched, bounded and kept for a while."""

import asyncio
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx2
import jwt
import orjson
import structlog
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from auricle.errors import Unavailable

log = structlog.get_logger(__name__)

FRESH_SECONDS = 300.0
"""How long a set is taken for the present one; a key that was taken out of it opens nothing after that."""
STALE_SECONDS = 3_600.0
"""How long it is still used while no newer one can be had."""
PAUSE_SECONDS = 10.0
"""Least time between two fetches, however many unknown keys are named."""
FETCH_SECONDS = 5.0
LARGEST_SET = 256_000
MOST_KEYS = 100
LEAST_RSA_BITS = 2_048

PublicKey = RSAPublicKey | EllipticCurvePublicKey


class Unreadable(Exception):
    """What was fetched is no key set."""


class KeySet:
    """The keys of one source, by their id. Belongs to the event loop."""

    def __init__(self, source: str, fresh: float = FRESH_SECONDS, pause: float = PAUSE_SECONDS) -> None:
        """`source` is an `https` address, an `http` one of this machine, or the absolute path of a file."""
        self._source = source
        self._fresh = fresh
        self._pause = pause
        self._keys: dict[tuple[str, str], PublicKey] = {}
        self._fetched_at: float | None = None
        self._tried_at: float | None = None
        self._fetch: asyncio.Task[None] | None = None

    async def find(self, kid: str | None, algorithm: str) -> PublicKey | None:
        """The key of this id for RS256 or ES256; without an id the only one there is. None when there is none.

        An id that is not known is looked for in a new set, at most once in the pause.

        Raises:
            Unavailable: there is no set that is fresh enough.
        """
        age = None if self._fetched_at is None else time.monotonic() - self._fetched_at
        found = self._known(kid, algorithm)
        if age is None or age > STALE_SECONDS or found is None:
            await self._refresh()
            found = self._known(kid, algorithm)
        elif age > self._fresh:
            # Old, and not too old: this request is answered by it, and the next ones by what is fetched meanwhile.
            self._begin()
        if self._fetched_at is None or time.monotonic() - self._fetched_at > STALE_SECONDS:
            raise Unavailable("The keys that tokens are checked with cannot be had.", retry_after=int(PAUSE_SECONDS))
        return found

    def _known(self, kid: str | None, algorithm: str) -> PublicKey | None:
        if kid is not None:
            return self._keys.get((kid, algorithm))
        fitting = [key for (_, name), key in self._keys.items() if name == algorithm]
        return fitting[0] if len(fitting) == 1 else None

    async def _refresh(self) -> None:
        task = self._begin()
        if task is not None:
            # NOTE: shielded, for all who wait share the one fetch, and one of them may go away.
            await asyncio.shield(task)

    def _begin(self) -> asyncio.Task[None] | None:
        """The fetch under way, or a new one; None when the last one was only just."""
        if self._fetch is not None and not self._fetch.done():
            return self._fetch
        now = time.monotonic()
        if self._tried_at is not None and now - self._tried_at < self._pause:
            return None
        self._tried_at = now
        self._fetch = asyncio.create_task(self._load())
        return self._fetch

    async def _load(self) -> None:
        """Takes the present set; keeps the last one when there is no reading it."""
        try:
            async with asyncio.timeout(FETCH_SECONDS):
                self._keys = read_keys(await _read(self._source))
        except (OSError, TimeoutError, httpx2.HTTPError, Unreadable) as error:
            log.warning("key_set_failed", error=type(error).__name__, keys=len(self._keys))
            return
        self._fetched_at = time.monotonic()
        log.info("key_set_read", keys=len(self._keys))


def read_keys(text: bytes) -> dict[tuple[str, str], PublicKey]:
    """The keys of a set that can check RS256 or ES256, by id and algorithm; those of other uses are passed over.

    Raises:
        Unreadable: it is no key set.
    """
    try:
        told = orjson.loads(text)
    except orjson.JSONDecodeError:
        raise Unreadable from None
    listed = told.get("keys") if isinstance(told, dict) else None
    if not isinstance(listed, list):
        raise Unreadable
    keys: dict[tuple[str, str], PublicKey] = {}
    for entry in listed[:MOST_KEYS]:
        found = _read_key(entry) if isinstance(entry, dict) else None
        if found is not None:
            kid = entry.get("kid", "")
            keys.setdefault((kid if isinstance(kid, str) else "", found[0]), found[1])
    return keys


def _read_key(entry: dict[str, Any]) -> tuple[str, PublicKey] | None:
    """The algorithm and the key of an entry; None when it is for something else, weak or broken."""
    # NOTE: `oct` is a secret that is shared: in a public set it is none, and it would let anybody sign.
    algorithm = {"RSA": "RS256", "EC": "ES256"}.get(str(entry.get("kty")))
    if algorithm is None or entry.get("alg", algorithm) != algorithm or entry.get("use", "sig") != "sig":
        return None
    if "verify" not in entry.get("key_ops", ["verify"]):
        return None
    public = {name: value for name, value in entry.items() if name in ("kty", "n", "e", "crv", "x", "y")}
    try:
        key = jwt.PyJWK(public, algorithm).key
    except (jwt.PyJWTError, ValueError, TypeError):
        return None
    if isinstance(key, RSAPublicKey):
        return (algorithm, key) if key.key_size >= LEAST_RSA_BITS else None
    if isinstance(key, EllipticCurvePublicKey):
        return (algorithm, key) if isinstance(key.curve, SECP256R1) else None
    return None


async def _read(source: str) -> bytes:
    """What is at a source, as far as it is no larger than a set may be."""
    if urlsplit(source).scheme not in ("http", "https"):
        return await asyncio.to_thread(_read_file, Path(source))
    parts = bytearray()
    async with (
        httpx2.AsyncClient(follow_redirects=False, timeout=FETCH_SECONDS) as client,
        client.stream("GET", source, headers={"Accept": "application/json"}) as answer,
    ):
        if answer.status_code != 200:
            raise Unreadable
        async for part in answer.aiter_bytes(16_384):
            parts += part
            if len(parts) > LARGEST_SET:
                raise Unreadable
    return bytes(parts)


def _read_file(path: Path) -> bytes:
    with path.open("rb") as file:
        text = file.read(LARGEST_SET + 1)
    if len(text) > LARGEST_SET:
        raise Unreadable
    return text
