"""The guard: turns a credential into a principal, and a principal's scopes into a yes or a clear no."""

import asyncio
import time
from collections import OrderedDict
from datetime import datetime
from urllib.parse import urlsplit

from sqlalchemy import Engine
from starlette.requests import HTTPConnection, Request

from auricle import clock
from auricle.edge.address import address_of, trusted_proxies, within
from auricle.edge.exchange import current
from auricle.edge.jwks import KeySet
from auricle.edge.limit import Limiter, peer_of
from auricle.edge.signature import HEADER, Signatures
from auricle.edge.token import LONGEST_TOKEN, NOT_VALID, Tokens, is_token
from auricle.errors import Forbidden, Unauthorized
from auricle.model.key import Network
from auricle.model.principal import Principal, Scope
from auricle.settings import Settings
from auricle.store.control import ControlStore
from auricle.store.link import PREFIX as LINK_PREFIX
from auricle.store.link import LinkStore
from auricle.store.secret import token_secret
from auricle.store.session import PREFIX as SESSION
from auricle.store.session import SessionStore
from auricle.store.signature import SignatureStore
from auricle.store.token import TokenStore

FRESH_SECONDS = 1.0
"""How long a checked key is believed; a revoked one is refused after that."""
REMEMBERED = 10_000
"""Credentials that are believed at a time; the longest, of 8 KB, would take 80 MB."""
MAX_KEY = 512
COOKIE = "auricle_session"
OWN_PAGE = "x-auricle-page"
"""A header field that the dashboard sends with every write, and that no page of another origin can send."""
NO_SESSION = "A session is taken from its cookie alone."


class Guard:
    """Checks API keys and tokens. Belongs to the event loop."""

    def __init__(
        self,
        control: ControlStore,
        limiter: Limiter,
        tokens: Tokens,
        signatures: Signatures,
        sessions: SessionStore,
        links: LinkStore,
        trusted: tuple[Network, ...] = (),
    ) -> None:
        """`trusted` are the proxies whose word on a client's address is taken."""
        self._control = control
        self._tokens = tokens
        self._signatures = signatures
        self._sessions = sessions
        self._links = links
        self._limiter = limiter
        self._trusted = trusted
        self._known: OrderedDict[str, tuple[float, Principal]] = OrderedDict()
        self._used: dict[str, datetime] = {}
        self._open: dict[str, float] = {}
        """When a tenant that lets strangers in was last seen not to be disabled."""

    async def principal(self, request: Request) -> Principal:
        """Who sent this request: `X-API-Key: …` or `Authorization: Bearer …`, a key or a token.

        Raises:
            Unauthorized: there is no credential, or it is unknown, forged, revoked or expired; or the request is not
                signed as it must be.
            Forbidden: the key may not be used from this address, or from the web page that asks.
            TooManyRequests: the key has sent as many requests as it may, or its address too many bad keys.
        """
        key = _credential_of(request)
        principal = await self._held(request, key)
        if principal.secret is not None or HEADER in request.headers:
            try:
                await self._signatures.check(request, principal, key)
            except Unauthorized:
                address = str(address_of(request, self._trusted) or "")
                self._limiter.count_failure(address, (principal.tenant_id, principal.key_id))
                raise
        return principal

    async def holder(self, connection: HTTPConnection, key: str, *, counted: bool = True) -> Principal:
        """Who holds this credential, found anywhere in a connection that has no body to sign; as `principal`.

        Not `counted` is a look at a credential that nothing was sent with.
        """
        if key.startswith(SESSION):
            raise Unauthorized(NO_SESSION)
        principal = await self._held(connection, key, counted=counted)
        if principal.secret is not None:
            raise Forbidden("What is sent with this key must be signed, which a socket cannot be: use another key.")
        return principal

    async def stranger(self, connection: HTTPConnection, tenant_id: str, *scopes: Scope) -> Principal:
        """The principal of a request without a credential, at a door that lets such in; one for each address.

        Raises:
            Unauthorized: the tenant is disabled.
            TooManyRequests: the address has sent as many requests as a key may.
        """
        now = time.monotonic()
        if now - self._open.get(tenant_id, -FRESH_SECONDS) >= FRESH_SECONDS:
            tenant = await asyncio.to_thread(self._control.tenant, tenant_id)
            if tenant.disabled_at is not None:
                raise Unauthorized("The tenant of clients without a key is disabled.")
            self._open[tenant_id] = now
        peer = peer_of(str(address_of(connection, self._trusted) or ""))
        return self._welcomed(connection, Principal(tenant_id, f"stranger {peer}", frozenset(scopes)))

    async def _held(self, connection: HTTPConnection, key: str, *, counted: bool = True) -> Principal:
        return self._welcomed(connection, await self._principal(connection, key), counted=counted)

    def _welcomed(self, connection: HTTPConnection, principal: Principal, *, counted: bool = True) -> Principal:
        exchange = current.get()
        if exchange is not None:
            exchange.principal = principal
            _check_origin(principal, exchange.origin)
        if principal.networks is not None:
            address = address_of(connection, self._trusted)
            if address is None or not within(address, principal.networks):
                # NOTE: a good key in a wrong place may be a stolen one; the audit log is to tell of it.
                self._limiter.count_failure(str(address or ""), (principal.tenant_id, principal.key_id))
                raise Forbidden("This key may not be used from this address.")
        if counted:
            self._limiter.count_request(principal)
        return principal

    async def _principal(self, connection: HTTPConnection, key: str) -> Principal:
        known = self._known.get(key)
        now = time.monotonic()
        if known is not None and now - known[0] < FRESH_SECONDS:
            return known[1]
        token = is_token(key)
        if len(key) > (LONGEST_TOKEN if token else MAX_KEY):
            raise Unauthorized(NOT_VALID if token else "This API key is not known here.")
        address = str(address_of(connection, self._trusted) or "")
        if known is None:
            self._limiter.check_address(address)
        try:
            if key.startswith(SESSION):
                return self._remember(key, now, await asyncio.to_thread(self._sessions.principal, key))
            if key.startswith(LINK_PREFIX):
                return self._remember(key, now, await asyncio.to_thread(self._links.principal, key))
            if token:
                principal = await self._tokens.principal(key)
            else:
                principal = await asyncio.to_thread(self._control.principal, key)
        except Unauthorized as error:
            self._known.pop(key, None)
            self._limiter.count_failure(address, error.whose)
            raise
        if not token:
            self._used[principal.key_id] = clock.now()
        return self._remember(key, now, principal)

    def _remember(self, key: str, now: float, principal: Principal) -> Principal:
        self._known[key] = (now, principal)
        self._known.move_to_end(key)
        if len(self._known) > REMEMBERED:
            self._known.popitem(last=False)
        return principal

    def drop(self, key: str) -> None:
        """Believes a credential no longer that has just ended."""
        self._known.pop(key, None)

    def check_attempts(self, request: Request) -> str:
        """The address of a request that may try to log in. TooManyRequests when it has failed too often of late."""
        address = str(address_of(request, self._trusted) or "")
        self._limiter.check_address(address)
        return address

    def count_failure(self, address: str, whose: tuple[str, str]) -> None:
        """Counts a log-in that failed, as a bad credential is."""
        self._limiter.count_failure(address, whose)

    async def allowed(self, request: Request, *scopes: Scope) -> Principal:
        """The principal, when it has one of the scopes.

        Raises:
            Unauthorized: see `principal`.
            Forbidden: it has none of them.
        """
        return permitted(await self.principal(request), *scopes)

    async def note_use(self) -> None:
        """Writes down when keys were last used; called now and then."""
        used, self._used = self._used, {}
        if used:
            await asyncio.to_thread(self._control.used, used)

    async def forget(self) -> None:
        """Drops what is too old to matter; called now and then."""
        await self._signatures.forget()
        await self._tokens.forget()


def open_guard(settings: Settings, limiter: Limiter, database: Engine) -> Guard:
    """The guard of these settings; makes the secret of tokens where one is needed and none was given.

    Raises:
        WeakSecret: the address is public, and the secret can be guessed.
    """
    keys = None if settings.jwt_jwks_url is None else KeySet(settings.jwt_jwks_url)
    tokens = Tokens(settings, token_secret(settings), keys, TokenStore(database))
    largest = max(settings.max_ndjson_bytes, settings.max_batch_bytes, settings.max_list_bytes)
    signatures = Signatures(SignatureStore(database), largest)
    sessions, links = SessionStore(database, settings.session_hours), LinkStore(database)
    trusted = trusted_proxies(settings.trusted_proxies)
    return Guard(ControlStore(database), limiter, tokens, signatures, sessions, links, trusted)


def permitted(principal: Principal, *scopes: Scope) -> Principal:
    """The principal, when it has one of the scopes; Forbidden when it has none of them."""
    if principal.scopes.isdisjoint(scopes):
        raise Forbidden(f"This key lacks the scope {' or '.join(scopes)}; use a key of another kind.")
    return principal


def _check_origin(principal: Principal, origin: str | None) -> None:
    if origin is not None and principal.origins is not None and origin.lower() not in principal.origins:
        raise Forbidden("This key may not be used from pages of this origin.")


def key_in(connection: HTTPConnection) -> str:
    """The API key in the headers of a request or a handshake; `""` when there is none."""
    key = connection.headers.get("x-api-key", "")
    if not key:
        kind, _, token = connection.headers.get("authorization", "").partition(" ")
        key = token.strip() if kind.lower() == "bearer" else ""
    return key


def session_in(request: HTTPConnection) -> str:
    """The session in the cookie of a request; `""` when there is none."""
    text = request.cookies.get(COOKIE, "")
    return text if text.startswith(SESSION) and len(text) <= MAX_KEY else ""


def check_own_page(request: Request) -> None:
    """Refuses what a page of another origin could have a browser send with the cookie that it keeps for us.

    No such page can add a header field of its own without a preflight, and no preflight allows this one.
    """
    origin = request.headers.get("origin")
    if OWN_PAGE not in request.headers:
        raise Forbidden(f"A request of the dashboard must carry the header {OWN_PAGE}.")
    if origin is not None and urlsplit(origin).netloc != request.headers.get("host"):
        raise Forbidden("A session may be used by the pages of its own service alone.")


def _credential_of(request: Request) -> str:
    key = key_in(request)
    if key.startswith(SESSION):
        raise Unauthorized(NO_SESSION)
    if key:
        return key
    session = session_in(request)
    if not session:
        raise Unauthorized("Send an API key as X-API-Key, or as Authorization: Bearer.")
    if request.method not in ("GET", "HEAD"):
        check_own_page(request)
    return session
