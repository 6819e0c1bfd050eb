"""CORS: which web pages of other origins may ask, and read the answer.

A preflight carries no credential, so it is answered for any origin that may ask at all, with whatever key; the request
itself is held against the list of its own key. Cookies are never allowed, and the routes of administrators to no page
at all.
"""

from collections.abc import Iterable

from starlette.responses import Response
from starlette.types import Scope

from auricle.edge.exchange import Exchange
from auricle.edge.reply import problem
from auricle.errors import Forbidden

ANY = "*"
ADMIN = "/api/v1/analytics/admin"
METHODS = "GET, POST"
HEADERS = (
    "Authorization, Content-Encoding, Content-Type, X-API-Key, X-Correlation-ID, X-Request-ID, X-Signature, traceparent"
)
EXPOSED = b"RateLimit, RateLimit-Policy, Retry-After, X-Correlation-ID"
MAX_AGE = "600"
VARY = (b"vary", b"Origin")
PREFLIGHT_VARY = "Origin, Access-Control-Request-Method, Access-Control-Request-Headers"


class Cors:
    """Answers preflights, and says who may read an answer."""

    def __init__(self, allowed: Iterable[str]) -> None:
        """`allowed` are the origins that may ask with a key that has no list of its own; `*` is any."""
        self._allowed = frozenset(allowed)
        self._of_keys: frozenset[str] = frozenset()

    def learn(self, origins: frozenset[str]) -> None:
        """Takes the origins that the lists of keys hold, in lower case; called now and then."""
        self._of_keys = origins

    def preflight(self, scope: Scope, origin: str) -> Response | None:
        """The answer to a preflight; None when the request is none."""
        if scope["method"] != "OPTIONS" or not any(
            name == b"access-control-request-method" for name, _ in scope["headers"]
        ):
            return None
        allowed = self._general(origin, scope["path"])
        if allowed is None and origin.lower() in self._of_keys and not scope["path"].startswith(ADMIN):
            allowed = origin
        if allowed is None:
            text = "Pages of this origin may not ask here: see AURICLE_ALLOWED_ORIGINS, and the origins of keys."
            answer = problem(Forbidden(text))
            answer.headers["Vary"] = PREFLIGHT_VARY
            return answer
        told = {
            "Access-Control-Allow-Origin": allowed,
            "Access-Control-Allow-Methods": METHODS,
            "Access-Control-Allow-Headers": HEADERS,
            "Access-Control-Max-Age": MAX_AGE,
            "Vary": PREFLIGHT_VARY,
        }
        return Response(status_code=204, headers=told)

    def headers(self, exchange: Exchange, path: str) -> list[tuple[bytes, bytes]]:
        """What an answer carries for the page that asked."""
        if exchange.origin is None:
            return []
        principal = exchange.principal
        allowed: str | None
        if principal is not None and principal.origins is not None and not path.startswith(ADMIN):
            allowed = exchange.origin if exchange.origin.lower() in principal.origins else None
        else:
            allowed = self._general(exchange.origin, path)
        if allowed is None:
            return [VARY]
        return [
            VARY,
            (b"access-control-allow-origin", allowed.encode("latin-1")),
            (b"access-control-expose-headers", EXPOSED),
        ]

    def _general(self, origin: str, path: str) -> str | None:
        """What may be told of an origin without knowing the key."""
        if path.startswith(ADMIN):
            return None
        if ANY in self._allowed:
            return ANY
        return origin if origin in self._allowed else None
