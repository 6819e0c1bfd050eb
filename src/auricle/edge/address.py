"""The address: where a request comes from, seen through the proxies that the operator trusts."""

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from starlette.requests import HTTPConnection

from auricle.model.key import Network

Address = IPv4Address | IPv6Address
MOST_HOPS = 32
"""Entries of `X-Forwarded-For` that are looked at, from the nearest on; anybody may send a thousand."""


def trusted_proxies(setting: str | None) -> tuple[Network, ...]:
    """The networks of a list such as `10.0.0.0/8, 2001:db8::1`."""
    return tuple(ip_network(each.strip(), strict=False) for each in (setting or "").split(",") if each.strip())


def address_of(connection: HTTPConnection, trusted: tuple[Network, ...] = ()) -> Address | None:
    """The address of the client; None when there is none, as on a Unix socket.

    `X-Forwarded-For` is believed as far as trusted proxies wrote it: read from its end, the first address that is no
    such proxy is the client's.
    """
    peer = _address(connection.client.host) if connection.client else None
    if peer is None or not trusted or not within(peer, trusted):
        return peer
    hops = ",".join(connection.headers.getlist("x-forwarded-for")).rsplit(",", MOST_HOPS)[-MOST_HOPS:]
    for hop in reversed(hops):
        told = _address(_without_port(hop.strip()))
        if told is None:
            return peer
        peer = told
        if not within(peer, trusted):
            return peer
    return peer


def within(address: Address, networks: Iterable[Network]) -> bool:
    """Whether one of the networks holds the address."""
    return any(address in network for network in networks)


def _address(text: str) -> Address | None:
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    # NOTE: a socket that takes both families tells an IPv4 client's address as ::ffff:a.b.c.d.
    return (address.ipv4_mapped or address) if isinstance(address, IPv6Address) else address


def _without_port(hop: str) -> str:
    if hop.startswith("["):
        return hop[1:].partition("]")[0]
    return hop.partition(":")[0] if hop.count(":") == 1 else hop
