"""Which pages may open a socket."""

import pytest
from starlette.datastructures import Headers

from auricle.edge.origin import allowed_origins, may_open

ALLOWED = allowed_origins("https://shop.example, https://Beta.example:8443/ ,")


def test_the_setting_is_a_list() -> None:
    assert allowed_origins("https://shop.example, https://Beta.example:8443/ ,") == {
        "https://shop.example",
        "https://beta.example:8443",
    }
    assert allowed_origins(None) == allowed_origins("") == frozenset()


@pytest.mark.parametrize(
    ("origins", "host", "expected"),
    [
        pytest.param([], "a.example", True, id="a program"),
        pytest.param(["https://a.example"], "a.example", True, id="the same host"),
        pytest.param(["https://A.Example"], "a.example", True, id="the same host in other letters"),
        pytest.param(["http://a.example:8000"], "a.example:8000", True, id="the same port"),
        pytest.param(["https://a.example"], "a.example:443", True, id="the port of the scheme"),
        pytest.param(["http://a.example:80"], "a.example", True, id="the port of the scheme, told by the page"),
        pytest.param(["http://[::1]:8000"], "[::1]:8000", True, id="IPv6"),
        pytest.param(["http://a.example:8001"], "a.example:8000", False, id="another port"),
        pytest.param(["https://a.example"], "a.example:80", False, id="the port of another scheme"),
        pytest.param(["https://b.example"], "a.example", False, id="another host"),
        pytest.param(["https://a.example.evil.example"], "a.example", False, id="a host that begins alike"),
        pytest.param(["https://evil.example/a.example"], "a.example", False, id="a path"),
        pytest.param(["https://a.example@evil.example"], "a.example", False, id="a user"),
        pytest.param(["null"], "a.example", False, id="a sandbox"),
        pytest.param(["null"], "", False, id="a sandbox and no host"),
        pytest.param([""], "", False, id="nothing at all"),
        pytest.param(["null"], ":x", False, id="two that cannot be read"),
        pytest.param(["http://a:b"], "a:b", False, id="a port that is none"),
        pytest.param(["https://a.example", "https://a.example"], "a.example", False, id="two origins"),
        pytest.param(["https://shop.example"], "a.example", True, id="an allowed one"),
        pytest.param(["https://SHOP.example"], "a.example", True, id="an allowed one in other letters"),
        pytest.param(["https://beta.example:8443"], "a.example", True, id="an allowed one with a port"),
        pytest.param(["http://shop.example"], "a.example", False, id="an allowed one by another scheme"),
        pytest.param(["https://shop.example.evil.example"], "a.example", False, id="one that begins as an allowed one"),
    ],
)
def test_who_may_open(origins: list[str], host: str, expected: bool) -> None:
    raw = [(b"origin", origin.encode()) for origin in origins] + [(b"host", host.encode())] * bool(host)
    assert may_open(Headers(raw=raw), ALLOWED) is expected
