"""The exchange: what is known of the request under way, wherever in the code it has got to.

`Front` begins it; the guard says who asks; whatever has something to tell beside the answer adds a header field.
"""

import re
from collections.abc import Iterable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field

from auricle import clock
from auricle.model.principal import Principal
from auricle.telemetry import correlation

CORRELATION = re.compile(rb"[A-Za-z0-9][A-Za-z0-9._:+/=-]{0,127}")
TRACE_PARENT = re.compile(rb"[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}(?:-.*)?", re.DOTALL)
HEADER = b"x-correlation-id"


@dataclass(slots=True)
class Exchange:
    """One request and its answer."""

    correlation_id: str
    origin: str | None = None
    """The origin of the web page that asks; None when none does."""
    principal: Principal | None = None
    """Who asks; None until the guard has checked the credential, and where none is needed."""
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)
    """Header fields that the answer will carry, whatever it is."""


current: ContextVar[Exchange | None] = ContextVar("exchange", default=None)
"""The exchange of this request; None outside of one."""


def begin(headers: Iterable[tuple[bytes, bytes]]) -> Exchange:
    """The exchange of a request with these header fields, from here on the current one; its id is in every log line."""
    found = {name: value for name, value in headers if name in _READ}
    correlation_id = _correlation_of(found)
    origin = found.get(b"origin")
    told = origin.decode("latin-1") if origin is not None else None
    exchange = Exchange(correlation_id, told, headers=[(HEADER, correlation_id.encode())])
    current.set(exchange)
    correlation.set(correlation_id)
    return exchange


def _correlation_of(found: Mapping[bytes, bytes]) -> str:
    """What the client calls this request, or a fresh id.

    The first of `X-Correlation-ID`, `X-Request-ID` and the trace id of `traceparent` (W3C Trace Context) that is
    well-formed. Anything else a client sends is not repeated, in an answer or in the log.
    """
    if found:
        for name in (HEADER, b"x-request-id"):
            value = found.get(name)
            if value is not None and CORRELATION.fullmatch(value):
                return value.decode()
        parent = TRACE_PARENT.fullmatch(found.get(b"traceparent", b""))
        if parent:
            return parent[1].decode()
    return clock.new_mark()


_READ = frozenset({HEADER, b"x-request-id", b"traceparent", b"origin"})
