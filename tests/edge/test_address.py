"""The address of a client: whose word is taken for it."""

from ipaddress import ip_address

import pytest
from starlette.requests import HTTPConnection

from auricle.edge.address import address_of, trusted_proxies

PROXIES = "10.0.0.0/8, 2001:db8::1"


def connection(peer: str | None, *forwarded: str) -> HTTPConnection:
    headers = [(b"x-forwarded-for", each.encode("latin-1")) for each in forwarded]
    return HTTPConnection({"type": "http", "headers": headers, "client": None if peer is None else (peer, 5)})


@pytest.mark.parametrize(
    ("peer", "forwarded", "expected"),
    [
        pytest.param("203.0.113.7", (), "203.0.113.7", id="straight"),
        pytest.param("203.0.113.7", ("198.51.100.1",), "203.0.113.7", id="a header of no proxy"),
        pytest.param("10.0.0.1", (), "10.0.0.1", id="a proxy that says nothing"),
        pytest.param("10.0.0.1", ("198.51.100.1",), "198.51.100.1", id="through a proxy"),
        pytest.param("10.0.0.1", ("6.6.6.6, 198.51.100.1",), "198.51.100.1", id="a client that lies"),
        pytest.param("10.0.0.1", ("6.6.6.6", "198.51.100.1"), "198.51.100.1", id="a client that lies in a header"),
        pytest.param("10.0.0.1", ("198.51.100.1, 10.0.0.9",), "198.51.100.1", id="through two proxies"),
        pytest.param("10.0.0.1", ("10.0.0.5,10.0.0.9",), "10.0.0.5", id="from within"),
        pytest.param("2001:db8::1", ("2001:db8:7::5",), "2001:db8:7::5", id="IPv6"),
        pytest.param("10.0.0.1", ("[2001:db8:7::5]:443",), "2001:db8:7::5", id="IPv6 with a port"),
        pytest.param("10.0.0.1", ("198.51.100.1:8080",), "198.51.100.1", id="IPv4 with a port"),
        pytest.param("::ffff:10.0.0.1", ("::ffff:198.51.100.1",), "198.51.100.1", id="IPv4 in IPv6"),
        pytest.param("10.0.0.1", ("unknown",), "10.0.0.1", id="no address"),
        pytest.param("10.0.0.1", ("198.51.100.1, unknown",), "10.0.0.1", id="no address beside one"),
        pytest.param("10.0.0.1", ("",), "10.0.0.1", id="an empty header"),
        pytest.param("10.0.0.1", (",".join(["6.6.6.6"] * 5_000 + ["10.0.0.2"] * 40),), "10.0.0.2", id="a long way"),
        pytest.param("fe80::1%eth0", (), "fe80::1", id="an address of one interface"),
        pytest.param("testclient", (), None, id="no address at all"),
        pytest.param(None, ("198.51.100.1",), None, id="no peer"),
    ],
)
def test_the_nearest_that_is_no_trusted_proxy_is_the_client(
    peer: str | None, forwarded: tuple[str, ...], expected: str | None
) -> None:
    address = address_of(connection(peer, *forwarded), trusted_proxies(PROXIES))
    assert address == (expected and ip_address(expected))


@pytest.mark.parametrize("setting", [None, "", " , "])
def test_without_the_setting_nobody_is_believed(setting: str | None) -> None:
    address = address_of(connection("10.0.0.1", "198.51.100.1"), trusted_proxies(setting))
    assert address == ip_address("10.0.0.1")
