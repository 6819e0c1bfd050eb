"""The origin: which pages may open a socket here.

A browser sends the cookies and reaches the network of whoever looks at a page, and no preflight asks before a
WebSocket; so a page of another host is let in only when the operator names it. Programs send no Origin.
"""

from urllib.parse import urlsplit

from starlette.datastructures import Headers

_PORTS = {"http": 80, "https": 443}


ANY = "*"


def allowed_origins(setting: str | None) -> frozenset[str]:
    """The origins of a list such as `https://shop.example, https://www.shop.example:8443`, or `*`."""
    return frozenset(origin.strip().rstrip("/").lower() for origin in (setting or "").split(",") if origin.strip())


def may_open(headers: Headers, allowed: frozenset[str]) -> bool:
    """Whether the handshake comes from no page at all, from one of this very host, or from an allowed origin."""
    origins = headers.getlist("origin")
    if not origins:
        return True
    if len(origins) > 1:
        return False
    if ANY in allowed or origins[0].lower() in allowed:
        return True
    page = _host_of(origins[0])
    return page is not None and page == _host_of(origins[0].partition("://")[0] + "://" + headers.get("host", ""))


def _host_of(address: str) -> tuple[str, int] | None:
    """Host and port of `scheme://host[:port]`; None for what is no such thing, as the origin `null`."""
    try:
        parts = urlsplit(address)
        port = parts.port
    except ValueError:
        return None
    if port is None:
        port = _PORTS.get(parts.scheme)
    return (parts.hostname, port) if parts.hostname and port is not None else None
