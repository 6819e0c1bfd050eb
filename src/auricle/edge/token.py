"""The token: a JSON Web Token (RFC 7519) as a credential, and everything that is wrong with forged ones.

The algorithm is chosen by us, out of three, and each has keys of its own: the shared secret for HS256 alone, the key
set for RS256 and ES256 alone. So a public key never serves as a secret. Headers that bring or name a key (`jwk`,
`jku`, `x5c`, `x5u`) are not looked at (RFC 8725).
"""

import asyncio
import base64
import hashlib
import math
import re
from typing import Any

import jwt
import orjson

from auricle import clock
from auricle.edge.jwks import KeySet, PublicKey
from auricle.errors import Unauthorized
from auricle.model.principal import BEARER, Principal, Scope
from auricle.settings import Settings
from auricle.store.control import TENANT
from auricle.store.token import LONGEST_ID, TokenStore

LONGEST_TOKEN = 8_192
FORM = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")
TYPES = frozenset({"jwt", "at+jwt"})
"""What a token may call itself; others, such as `dpop+jwt`, are signed for something else."""
NOT_VALID = "This token is not valid here."
REASONS: dict[type[jwt.PyJWTError], str] = {
    jwt.ExpiredSignatureError: "This token has expired.",
    jwt.ImmatureSignatureError: "This token is not valid yet.",
    jwt.InvalidAudienceError: "This token is for another audience.",
    jwt.InvalidIssuerError: "This token is of another issuer.",
    jwt.MissingRequiredClaimError: "This token lacks a claim: it needs tenant_id, scope, exp; iss and aud if set.",
}


def is_token(credential: str) -> bool:
    """Whether a credential has the form of a token; API keys hold no dots."""
    return credential.count(".") == 2


class Tokens:
    """Checks tokens. Belongs to the event loop."""

    def __init__(self, settings: Settings, secret: bytes | None, keys: KeySet | None, store: TokenStore) -> None:
        """`secret` is that of HS256 and `keys` those of RS256 and ES256; None takes none of these."""
        self._secret = secret
        self._keys = keys
        self._store = store
        self._issuer = settings.jwt_issuer
        self._audience = settings.jwt_audience
        self._leeway = settings.jwt_leeway

    async def principal(self, token: str) -> Principal:
        """Who holds this token.

        Raises:
            Unauthorized: it is forged, worn, revoked, or for somebody else.
            Unavailable: the keys to check it with cannot be had.
        """
        claims = await self._claims(token)
        tenant, jti = claims["tenant_id"], claims.get("jti")
        if not isinstance(tenant, str) or not TENANT.fullmatch(tenant):
            raise Unauthorized(NOT_VALID)
        if jti is not None and not (isinstance(jti, str) and 0 < len(jti) <= LONGEST_ID and "\0" not in jti):
            raise Unauthorized(NOT_VALID)
        scopes = _scopes(claims["scope"])
        await asyncio.to_thread(self._store.admit, tenant, jti)
        return Principal(tenant, _holder(tenant, claims), scopes)

    async def forget(self) -> None:
        """Drops revocations that are no longer needed; called now and then."""
        await asyncio.to_thread(self._store.forget, clock.micros() // 1_000_000 - 2 * self._leeway)

    async def _claims(self, token: str) -> dict[str, Any]:
        if len(token) > LONGEST_TOKEN or not FORM.fullmatch(token):
            raise Unauthorized(NOT_VALID)
        head, claims, _ = (_part(text) for text in token.split("."))
        header = _object(head)
        _check_times(_object(claims))
        # NOTE: what an extension demands is not done here, so a token that says it must be cannot pass.
        if "crit" in header or "b64" in header or _kind(header) not in TYPES:
            raise Unauthorized(NOT_VALID)
        algorithm, key = await self._key(header)
        try:
            told: dict[str, Any] = jwt.decode(
                token,
                key,
                algorithms=[algorithm],
                audience=self._audience,
                issuer=self._issuer,
                leeway=self._leeway,
                options={"require": ["exp", "tenant_id", "scope"], "verify_aud": self._audience is not None},
            )
        except jwt.PyJWTError as error:
            raise Unauthorized(REASONS.get(type(error), NOT_VALID)) from None
        except (ValueError, TypeError, OverflowError, RecursionError):
            raise Unauthorized(NOT_VALID) from None
        return told

    async def _key(self, header: dict[str, Any]) -> tuple[str, bytes | PublicKey]:
        """The one algorithm, and the one key, that a token with this header is checked with."""
        algorithm, kid = header.get("alg"), header.get("kid")
        if algorithm == "HS256" and self._secret is not None:
            return "HS256", self._secret
        if algorithm in ("RS256", "ES256") and self._keys is not None and (kid is None or isinstance(kid, str)):
            key = await self._keys.find(kid, algorithm)
            if key is not None:
                return algorithm, key
        raise Unauthorized(NOT_VALID)


def _part(text: str) -> bytes:
    """The bytes of a part. Unauthorized when it is not written as these bytes are written."""
    try:
        told = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except ValueError:
        raise Unauthorized(NOT_VALID) from None
    # NOTE: the last character has bits that say nothing; one token has one spelling here.
    if base64.urlsafe_b64encode(told).rstrip(b"=") != text.encode():
        raise Unauthorized(NOT_VALID)
    return told


def _object(text: bytes) -> dict[str, Any]:
    try:
        told = orjson.loads(text)
    except orjson.JSONDecodeError:
        raise Unauthorized(NOT_VALID) from None
    if not isinstance(told, dict):
        raise Unauthorized(NOT_VALID)
    return told


def _kind(header: dict[str, Any]) -> str:
    kind = header.get("typ", "JWT")
    return kind.lower().removeprefix("application/") if isinstance(kind, str) else ""


def _check_times(claims: dict[str, Any]) -> None:
    """Refuses times that are no numbers: some readers take `"9999999999"` and `true` for one."""
    for name in ("exp", "nbf", "iat"):
        moment = claims.get(name, 0)
        if isinstance(moment, bool) or not isinstance(moment, int | float) or not math.isfinite(moment):
            raise Unauthorized(NOT_VALID)


def _scopes(told: Any) -> frozenset[Scope]:
    """The scopes of a claim, `"events:write reports:read"` or a list; those of other services are passed over."""
    names = told.split() if isinstance(told, str) else told
    if not isinstance(names, list):
        raise Unauthorized(NOT_VALID)
    scopes = frozenset(scope for scope in Scope if scope in names)
    if not scopes:
        raise Unauthorized("This token names no scope that is known here.")
    return scopes


def _holder(tenant: str, claims: dict[str, Any]) -> str:
    """A name for whoever holds the token, the same for each token of one subject; it tells nothing of a person."""
    who = [tenant, *(str(claims.get(name, "")) for name in ("iss", "sub"))]
    if not who[2]:
        who.append(str(claims.get("jti", "")))
    return BEARER + hashlib.sha256(orjson.dumps(who)).hexdigest()[:32]
