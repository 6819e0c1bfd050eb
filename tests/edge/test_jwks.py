"""The key set: read with bounds, kept for a while, rotated, and fetched no more often than it must be."""

import asyncio
import contextlib
import http.server
import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from auricle.edge import jwks
from auricle.edge.jwks import KeySet, Unreadable, read_keys
from auricle.errors import Unavailable

ONE, TWO = (rsa.generate_private_key(65537, 2048) for _ in range(2))
CURVE = ec.generate_private_key(ec.SECP256R1())


def entry(key: Any, **more: Any) -> dict[str, Any]:
    kind = jwt.algorithms.RSAAlgorithm if isinstance(key, rsa.RSAPrivateKey) else jwt.algorithms.ECAlgorithm
    return {**kind.to_jwk(key.public_key(), as_dict=True), **more}


def key_set(**keys: Any) -> bytes:
    return json.dumps({"keys": [entry(key, kid=kid) for kid, key in keys.items()]}).encode()


class Issuer:
    """A server that tells keys, and may be slow, broken, large or away."""

    def __init__(self, text: bytes) -> None:
        self.text, self.status, self.pause, self.asked = text, 200, 0.0, 0
        issuer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                issuer.asked += 1
                time.sleep(issuer.pause)
                with contextlib.suppress(OSError):
                    self.send_response(issuer.status)
                    self.send_header("Location", "/elsewhere")
                    self.end_headers()
                    self.wfile.write(issuer.text)

            def log_message(self, *_: Any) -> None:
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/keys"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    told = Issuer(key_set(one=ONE))
    yield told
    told.close()


def numbers(key: Any) -> Any:
    return key and key.public_numbers()


def test_a_key_is_found_by_id_and_algorithm(issuer: Issuer) -> None:
    issuer.text = key_set(one=ONE, curve=CURVE)

    async def run() -> list[Any]:
        keys = KeySet(issuer.url)
        asked = [("one", "RS256"), ("curve", "ES256"), ("one", "ES256"), (None, "RS256"), (None, "ES256")]
        return [numbers(await keys.find(*each)) for each in asked]

    first, second = ONE.public_key().public_numbers(), CURVE.public_key().public_numbers()
    assert asyncio.run(run()) == [first, second, None, first, second]
    assert issuer.asked == 1


def test_keys_rotate(issuer: Issuer) -> None:
    """A new key is found at once, an old one ends when the set is no longer fresh."""

    async def run() -> None:
        keys = KeySet(issuer.url, fresh=0.3, pause=0.1)
        assert await keys.find("one", "RS256") is not None
        issuer.text = key_set(two=TWO)
        assert await keys.find("one", "RS256") is not None
        await asyncio.sleep(0.15)
        assert numbers(await keys.find("two", "RS256")) == TWO.public_key().public_numbers()
        assert await keys.find("one", "RS256") is None

    asyncio.run(run())


def test_a_key_that_was_taken_out_ends_without_being_asked_for_another(issuer: Issuer) -> None:
    async def run() -> None:
        keys = KeySet(issuer.url, fresh=0.1, pause=0.05)
        assert await keys.find("one", "RS256") is not None
        issuer.text = key_set(two=TWO)
        await asyncio.sleep(0.15)
        await keys.find("one", "RS256")
        async with asyncio.timeout(5):
            while await keys.find("one", "RS256") is not None:
                await asyncio.sleep(0.02)

    asyncio.run(run())


def test_unknown_ids_fetch_once_in_the_pause(issuer: Issuer) -> None:
    async def run() -> None:
        keys = KeySet(issuer.url, pause=60)
        assert await keys.find("one", "RS256") is not None
        found = await asyncio.gather(*(keys.find(f"k{number}", "RS256") for number in range(200)))
        assert found == [None] * 200

    asyncio.run(run())
    assert issuer.asked == 1


def test_all_who_come_at_once_share_one_fetch(issuer: Issuer) -> None:
    issuer.pause = 0.2

    async def run() -> None:
        keys = KeySet(issuer.url)
        found = await asyncio.gather(*(keys.find("one", "RS256") for _ in range(50)))
        assert all(key is not None for key in found)

    asyncio.run(run())
    assert issuer.asked == 1


def test_one_who_goes_away_takes_the_fetch_from_nobody(issuer: Issuer) -> None:
    issuer.pause = 0.2

    async def run() -> None:
        keys = KeySet(issuer.url)
        first = asyncio.create_task(keys.find("one", "RS256"))
        second = asyncio.create_task(keys.find("one", "RS256"))
        await asyncio.sleep(0.05)
        first.cancel()
        assert await second is not None

    asyncio.run(run())


def test_the_last_set_is_used_while_no_newer_can_be_had(issuer: Issuer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jwks, "STALE_SECONDS", 2.0)

    async def run() -> None:
        keys = KeySet(issuer.url, fresh=0.05, pause=0.01)
        assert await keys.find("one", "RS256") is not None
        issuer.status = 500
        await asyncio.sleep(0.1)
        assert await keys.find("one", "RS256") is not None
        await asyncio.sleep(2.0)
        with pytest.raises(Unavailable):
            await keys.find("one", "RS256")
        issuer.status = 200
        await asyncio.sleep(0.05)
        assert await keys.find("one", "RS256") is not None

    asyncio.run(run())


@pytest.mark.parametrize(
    ("status", "text"),
    [
        pytest.param(302, key_set(one=ONE), id="sent elsewhere"),
        pytest.param(500, key_set(one=ONE), id="an error"),
        pytest.param(200, b"<html>", id="no JSON"),
        pytest.param(200, b"[]", id="no object"),
        pytest.param(200, b'{"keys": {}}', id="no list"),
        pytest.param(200, key_set(one=ONE) + b" " * 300_000, id="large"),
    ],
)
def test_what_is_no_key_set_is_not_taken(issuer: Issuer, status: int, text: bytes) -> None:
    issuer.status, issuer.text = status, text

    async def run() -> None:
        with pytest.raises(Unavailable):
            await KeySet(issuer.url).find("one", "RS256")

    asyncio.run(run())


def test_a_slow_issuer_is_left(issuer: Issuer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jwks, "FETCH_SECONDS", 0.3)
    issuer.pause = 4.0

    async def run() -> None:
        began = time.monotonic()
        with pytest.raises(Unavailable):
            await KeySet(issuer.url).find("one", "RS256")
        assert time.monotonic() - began < 3.5

    asyncio.run(run())


def test_an_issuer_that_is_away_is_told(tmp_path: Path) -> None:
    for source in ("http://127.0.0.1:9/keys", str(tmp_path / "none.json"), str(tmp_path)):
        with pytest.raises(Unavailable):
            asyncio.run(KeySet(source).find("one", "RS256"))


def test_a_file_is_read(tmp_path: Path) -> None:
    file = tmp_path / "keys.json"
    file.write_bytes(key_set(one=ONE))
    assert numbers(asyncio.run(KeySet(str(file)).find("one", "RS256"))) == ONE.public_key().public_numbers()


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        pytest.param(entry(ONE, kid="a"), {("a", "RS256")}, id="RSA"),
        pytest.param(entry(CURVE, kid="a"), {("a", "ES256")}, id="EC"),
        pytest.param(entry(ONE), {("", "RS256")}, id="no id"),
        pytest.param(entry(ONE, kid=5), {("", "RS256")}, id="an id that is no text"),
        pytest.param(entry(ONE, kid="a", alg="RS256", use="sig", key_ops=["verify"]), {("a", "RS256")}, id="all told"),
        pytest.param(entry(ONE, kid="a", x5u="http://127.0.0.1:9/", d="AQAB"), {("a", "RS256")}, id="more members"),
        pytest.param(entry(ONE, kid="a", alg="PS256"), set(), id="another algorithm"),
        pytest.param(entry(ONE, kid="a", alg="HS256"), set(), id="an algorithm of secrets"),
        pytest.param(entry(ONE, kid="a", use="enc"), set(), id="another use"),
        pytest.param(entry(ONE, kid="a", key_ops=["sign"]), set(), id="another operation"),
        pytest.param(entry(rsa.generate_private_key(65537, 1024), kid="a"), set(), id="a short key"),
        pytest.param(entry(ec.generate_private_key(ec.SECP384R1()), kid="a"), set(), id="another curve"),
        pytest.param({"kty": "oct", "kid": "a", "k": "c2VjcmV0", "alg": "RS256"}, set(), id="a secret"),
        pytest.param({"kty": "OKP", "crv": "Ed25519", "kid": "a", "x": "AAAA"}, set(), id="another kind"),
        pytest.param({"kty": "RSA", "kid": "a", "n": 5, "e": "AQAB"}, set(), id="a number for text"),
        pytest.param({"kty": "RSA", "kid": "a"}, set(), id="nothing in it"),
        pytest.param({"kty": ["RSA"], "kid": "a"}, set(), id="a list for a kind"),
        pytest.param({**entry(CURVE, kid="a"), "x": "AAAA"}, set(), id="a point that is on no curve"),
        pytest.param(5, set(), id="no object"),
    ],
)
def test_a_key_is_read_or_passed_over(told: Any, expected: set[tuple[str, str]]) -> None:
    assert set(read_keys(json.dumps({"keys": [told]}).encode())) == expected


def test_of_two_keys_with_one_id_the_first_counts_and_of_many_a_hundred() -> None:
    told = read_keys(json.dumps({"keys": [entry(ONE, kid="a"), entry(TWO, kid="a")]}).encode())
    assert [numbers(key) for key in told.values()] == [ONE.public_key().public_numbers()]
    assert len(read_keys(json.dumps({"keys": [entry(ONE, kid=str(n)) for n in range(200)]}).encode())) == 100


def test_what_is_no_set_is_unreadable() -> None:
    for text in (b"", b"null", b"{}", b'{"keys": 5}', b"\xff"):
        with pytest.raises(Unreadable):
            read_keys(text)
