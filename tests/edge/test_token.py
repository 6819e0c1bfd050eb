"""Tokens over real HTTP: every kind of forgery and wear is refused, and what is good passes.

Tokens are put together by hand here, by none of the code that checks them.
"""

import base64
import hashlib
import hmac
import json
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from auricle.model.principal import Kind
from auricle.settings import Settings
from auricle.store.control import ControlStore
from running import EVENTS, STATS, Answer, Service, event, serving

SECRET = "Zr4u7x!A%D*G-KaPdSgVkYp3s6v9y$B&"
ISSUER, AUDIENCE = "https://id.example", "auricle"
REPORT = "/api/v1/analytics/reports/active"
REVOKE = "/api/v1/analytics/admin/tokens/revoke"
TENANT = "tokens"
RSA = rsa.generate_private_key(65537, 2048)
EC = ec.generate_private_key(ec.SECP256R1())
OTHER_RSA = rsa.generate_private_key(65537, 2048)
OTHER_EC = ec.generate_private_key(ec.SECP256R1())
SMALL_RSA = rsa.generate_private_key(65537, 1024)
P384 = ec.generate_private_key(ec.SECP384R1())
ED = ed25519.Ed25519PrivateKey.generate()
GONE = object()


def b64(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


def number(value: int) -> str:
    return b64(value.to_bytes((value.bit_length() + 7) // 8, "big"))


def jwk(key: Any, **more: Any) -> dict[str, Any]:
    public = key.public_key().public_numbers()
    if isinstance(key, rsa.RSAPrivateKey):
        return {"kty": "RSA", "n": number(public.n), "e": number(public.e), **more}
    size = key.curve.key_size // 8
    crv = {256: "P-256", 384: "P-384"}[key.curve.key_size]
    return {
        "kty": "EC",
        "crv": crv,
        "x": b64(public.x.to_bytes(size, "big")),
        "y": b64(public.y.to_bytes(size, "big")),
        **more,
    }


KEYS = {
    "keys": [
        jwk(RSA, kid="r1", use="sig", alg="RS256"),
        jwk(EC, kid="e1", use="sig", alg="ES256"),
        jwk(SMALL_RSA, kid="small"),
        jwk(P384, kid="p384"),
        jwk(OTHER_RSA, kid="enc", use="enc"),
        {"kty": "oct", "kid": "shared", "k": b64(b"k" * 32), "alg": "HS256"},
        {"kty": "RSA", "kid": "broken", "n": "!", "e": "AQAB"},
        "no key at all",
    ]
}


def pem(key: Any, form: serialization.PublicFormat = serialization.PublicFormat.SubjectPublicKeyInfo) -> bytes:
    encoding = serialization.Encoding.PEM
    return bytes(key.public_key().public_bytes(encoding, form))


def sign(algorithm: str, key: Any, text: bytes) -> bytes:
    if algorithm.startswith("HS"):
        secret = key if isinstance(key, bytes) else key.encode()
        return hmac.new(
            secret, text, {"256": hashlib.sha256, "384": hashlib.sha384, "512": hashlib.sha512}[algorithm[2:]]
        ).digest()
    if algorithm.startswith("RS"):
        return bytes(key.sign(text, padding.PKCS1v15(), hashes.SHA256()))
    if algorithm.startswith("PS"):
        return bytes(key.sign(text, padding.PSS(padding.MGF1(hashes.SHA256()), 32), hashes.SHA256()))
    if algorithm == "EdDSA":
        return bytes(key.sign(text))
    r, s = decode_dss_signature(key.sign(text, ec.ECDSA(hashes.SHA256())))
    size = (key.curve.key_size + 7) // 8
    return r.to_bytes(size, "big") + s.to_bytes(size, "big")


def claims(**more: Any) -> dict[str, Any]:
    now = int(time.time())
    good: dict[str, Any] = {
        "tenant_id": TENANT,
        "scope": "events:write reports:read",
        "exp": now + 600,
        "iat": now,
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": "someone",
    }
    return {name: value for name, value in (good | more).items() if value is not GONE}


@dataclass
class Token:
    """A token and how it is put together; what is not named is as in a good one."""

    told: Any = field(default_factory=claims)
    alg: Any = "HS256"
    key: Any = SECRET
    signed_as: str = ""
    header: dict[str, Any] = field(default_factory=dict)

    def parts(self) -> list[str]:
        head = {"typ": "JWT", "alg": self.alg, **self.header}
        head = {name: value for name, value in head.items() if value is not GONE}
        body = self.told if isinstance(self.told, bytes) else json.dumps(self.told).encode()
        text = f"{b64(json.dumps(head).encode())}.{b64(body)}"
        return [*text.split("."), b64(sign(self.signed_as or self.alg, self.key, text.encode()))]

    def __str__(self) -> str:
        return ".".join(self.parts())


def with_(**more: Any) -> Token:
    return Token(claims(**more))


def raw(text: str) -> Token:
    return Token(text.encode())


def rs(**more: Any) -> Token:
    return Token(**{"alg": "RS256", "key": RSA, "header": {"kid": "r1"}, **more})


def es(**more: Any) -> Token:
    return Token(**{"alg": "ES256", "key": EC, "header": {"kid": "e1"}, **more})


def changed(token: Token, part: int, change: Callable[[str], str]) -> str:
    parts = token.parts()
    parts[part] = change(parts[part])
    return ".".join(parts)


def bare(alg: Any) -> str:
    head = b64(json.dumps({"typ": "JWT", "alg": alg}).encode())
    return f"{head}.{b64(json.dumps(claims()).encode())}"


def other_last(text: str) -> str:
    """The same bytes in another spelling: the last character's unused bits differ."""
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    return text[:-1] + letters[letters.index(text[-1]) ^ 1]


def now(**span: float) -> float:
    return time.time() + span.get("seconds", 0)


LARGE = "x" * 9_000
FORGED: dict[str, Callable[[], Any]] = {
    # No signature, or none that counts.
    "alg none": lambda: bare("none") + ".",
    "alg none without the last dot": lambda: bare("none"),
    "alg None": lambda: bare("None") + ".",
    "alg NONE": lambda: bare("NONE") + ".",
    "alg nOnE": lambda: bare("nOnE") + ".",
    "alg none with a signature": lambda: bare("none") + ".AAAA",
    "alg none signed": lambda: Token(alg="none", signed_as="HS256"),
    "alg empty": lambda: Token(alg="", signed_as="HS256"),
    "alg null": lambda: Token(alg=None, signed_as="HS256"),
    "alg a list": lambda: Token(alg=["HS256"], signed_as="HS256"),
    "alg a number": lambda: Token(alg=256, signed_as="HS256"),
    "no alg": lambda: Token(alg=GONE, signed_as="HS256"),
    "alg in lower case": lambda: Token(alg="hs256", signed_as="HS256"),
    "signature cut off": lambda: changed(Token(), 2, lambda text: ""),
    "signature cut short": lambda: changed(Token(), 2, lambda text: text[:-4]),
    "signature longer": lambda: changed(Token(), 2, lambda text: text + "AAAA"),
    "signature of noughts": lambda: changed(Token(), 2, lambda text: "A" * 43),
    "signature in another spelling": lambda: changed(Token(), 2, other_last),
    "signature with padding": lambda: changed(Token(), 2, lambda text: text + "="),
    "signature of another token": lambda: changed(Token(), 2, lambda _: with_(sub="other").parts()[2]),
    # Another algorithm than the key is for.
    "HS384": lambda: Token(alg="HS384"),
    "HS512": lambda: Token(alg="HS512"),
    "HS256 that is HS512": lambda: Token(signed_as="HS512"),
    "PS256": lambda: rs(alg="PS256"),
    "RS256 that is PS256": lambda: rs(signed_as="PS256"),
    "EdDSA": lambda: Token(alg="EdDSA", key=ED, header={"kid": "e1"}),
    "the public RSA key as secret": lambda: Token(key=pem(RSA)),
    "the public RSA key as secret, PKCS 1": lambda: Token(key=pem(RSA, serialization.PublicFormat.PKCS1)),
    "the public RSA key as secret, without its last line break": lambda: Token(key=pem(RSA).strip()),
    "the public RSA key as secret, with its kid": lambda: Token(key=pem(RSA), header={"kid": "r1"}),
    "the public EC key as secret": lambda: Token(key=pem(EC), header={"kid": "e1"}),
    "the key's JSON as secret": lambda: Token(key=json.dumps(KEYS["keys"][0]), header={"kid": "r1"}),
    "the modulus as secret": lambda: Token(key=number(RSA.public_key().public_numbers().n), header={"kid": "r1"}),
    "RS256 that is HS256 with the secret": lambda: rs(signed_as="HS256", key=SECRET),
    "RS256 that is HS256 with the public key": lambda: rs(signed_as="HS256", key=pem(RSA)),
    "a shared key out of the set": lambda: Token(key=b"k" * 32, header={"kid": "shared"}),
    "RS256 with the EC key's id": lambda: rs(header={"kid": "e1"}),
    "ES256 with the RSA key's id": lambda: es(header={"kid": "r1"}),
    # Another key.
    "another secret": lambda: Token(key=SECRET[::-1]),
    "no secret": lambda: Token(key=b""),
    "a placeholder": lambda: Token(key="your-jwt-secret-key"),
    "another RSA key": lambda: rs(key=OTHER_RSA),
    "another EC key": lambda: es(key=OTHER_EC),
    "a key for encryption": lambda: rs(key=OTHER_RSA, header={"kid": "enc"}),
    "a short RSA key": lambda: rs(key=SMALL_RSA, header={"kid": "small"}),
    "another curve": lambda: Token(alg="ES256", key=P384, header={"kid": "p384"}),
    "another curve as ES384": lambda: Token(alg="ES384", key=P384, header={"kid": "p384"}),
    "an unknown kid": lambda: rs(header={"kid": "r9"}),
    "a kid that is a path": lambda: Token(
        key=b"", header={"kid": "../../../../dev/null"}, alg="RS256", signed_as="HS256"
    ),
    "a kid that is SQL": lambda: rs(key=OTHER_RSA, header={"kid": "r1' OR '1'='1"}),
    "a kid that is no text": lambda: rs(header={"kid": ["r1"]}),
    "an empty kid": lambda: rs(header={"kid": ""}),
    "an EC signature of noughts": lambda: changed(es(), 2, lambda _: b64(b"\0" * 64)),
    "an EC signature in DER": lambda: changed(es(), 2, lambda _: b64(EC.sign(b"x", ec.ECDSA(hashes.SHA256())))),
    # Keys that the token brings along.
    "jwk": lambda: rs(key=OTHER_RSA, header={"jwk": jwk(OTHER_RSA)}),
    "jwk with a known kid": lambda: rs(key=OTHER_RSA, header={"kid": "r1", "jwk": jwk(OTHER_RSA, kid="r1")}),
    "jwk of a secret": lambda: Token(key=b"k" * 32, header={"jwk": {"kty": "oct", "k": b64(b"k" * 32)}}),
    "jku": lambda: rs(key=OTHER_RSA, header={"kid": "mine", "jku": "http://127.0.0.1:9/keys"}),
    "x5u": lambda: rs(key=OTHER_RSA, header={"kid": "r1", "x5u": "http://127.0.0.1:9/chain"}),
    "x5c": lambda: rs(key=OTHER_RSA, header={"kid": "r1", "x5c": [base64.b64encode(pem(OTHER_RSA)).decode()]}),
    # What must be understood and is not.
    "crit": lambda: Token(header={"crit": ["b64"], "b64": True}),
    "crit of an unknown extension": lambda: Token(header={"crit": ["urn:example:x"], "urn:example:x": 1}),
    "crit that is empty": lambda: Token(header={"crit": []}),
    "crit that is no list": lambda: Token(header={"crit": "exp"}),
    "b64 false": lambda: Token(header={"b64": False}),
    "another type": lambda: Token(header={"typ": "dpop+jwt"}),
    "a type that is no text": lambda: Token(header={"typ": 1}),
    "an encrypted one": lambda: ".".join([*Token(header={"enc": "A128GCM"}).parts(), "AAAA", "AAAA"]),
    # Worn.
    "expired": lambda: with_(exp=now(seconds=-31)),
    "expired long ago": lambda: with_(exp=1),
    "expired before 1970": lambda: with_(exp=-1),
    "expired, RS256": lambda: rs(told=claims(exp=now(seconds=-60))),
    "expired, ES256": lambda: es(told=claims(exp=now(seconds=-60))),
    "no exp": lambda: with_(exp=GONE),
    "exp null": lambda: with_(exp=None),
    "exp text": lambda: with_(exp="9999999999"),
    "exp true": lambda: with_(exp=True),
    "exp a list": lambda: with_(exp=[9_999_999_999]),
    "exp infinite": lambda: raw(json.dumps(claims(exp=5)).replace('"exp": 5', '"exp": Infinity')),
    "exp no number": lambda: raw(json.dumps(claims(exp=5)).replace('"exp": 5', '"exp": NaN')),
    "exp beyond numbers": lambda: raw(json.dumps(claims(exp=5)).replace('"exp": 5', '"exp": 1e999')),
    "not valid yet": lambda: with_(nbf=now(seconds=60)),
    "nbf text": lambda: with_(nbf="0"),
    "issued in the future": lambda: with_(iat=now(seconds=60)),
    "iat text": lambda: with_(iat="0"),
    # For somebody else.
    "another audience": lambda: with_(aud="billing"),
    "an audience that begins like ours": lambda: with_(aud="auricle-admin"),
    "other audiences": lambda: with_(aud=["billing", "mail"]),
    "no audience": lambda: with_(aud=GONE),
    "an empty audience": lambda: with_(aud=[]),
    "audience null": lambda: with_(aud=None),
    "an audience of numbers": lambda: with_(aud=[1]),
    "another issuer": lambda: with_(iss="https://evil.example"),
    "an issuer with a slash more": lambda: with_(iss=ISSUER + "/"),
    "issuers": lambda: with_(iss=[ISSUER]),
    "no issuer": lambda: with_(iss=GONE),
    # Nobody's.
    "no tenant": lambda: with_(tenant_id=GONE),
    "tenant null": lambda: with_(tenant_id=None),
    "tenant a list": lambda: with_(tenant_id=[TENANT]),
    "tenant a number": lambda: with_(tenant_id=5),
    "tenant empty": lambda: with_(tenant_id=""),
    "tenant in upper case": lambda: with_(tenant_id=TENANT.upper()),
    "tenant with a line break": lambda: with_(tenant_id=TENANT + "\n"),
    "tenant SQL": lambda: with_(tenant_id="a' OR 1=1 --"),
    "a disabled tenant": lambda: with_(tenant_id="shut"),
    "no scope": lambda: with_(scope=GONE),
    "scope null": lambda: with_(scope=None),
    "scope empty": lambda: with_(scope=""),
    "scope unknown": lambda: with_(scope="everything openid"),
    "scope of a part": lambda: with_(scope="events"),
    "scope an object": lambda: with_(scope={"admin": True}),
    "jti a number": lambda: with_(jti=5),
    "jti a list": lambda: with_(jti=["a"]),
    "jti empty": lambda: with_(jti=""),
    "jti with nought": lambda: with_(jti="a\0"),
    "jti long": lambda: with_(jti="j" * 257),
    "sub a number": lambda: with_(sub=5),
    "revoked": lambda: with_(jti="spent"),
    "revoked, RS256": lambda: rs(told=claims(jti="spent")),
    # No token at all.
    "huge": lambda: with_(sub=LARGE),
    "huge in the header": lambda: Token(header={"kid": LARGE}),
    "huge and empty": lambda: "." * 2 + "A" * 20_000,
    "two dots": lambda: "..",
    "an empty header": lambda: changed(Token(), 0, lambda _: ""),
    "empty claims": lambda: changed(Token(), 1, lambda _: ""),
    "claims a list": lambda: raw("[]"),
    "claims null": lambda: raw("null"),
    "claims text": lambda: raw('"tenant_id"'),
    "claims no JSON": lambda: raw("{"),
    "claims no UTF-8": lambda: Token(b'{"a": "\xff"}'),
    "deep claims": lambda: raw('{"a":' + "[" * 2_500 + "]" * 2_500 + "}"),
    "a deep header": lambda: Token(header={"jwk": json.loads("[" * 900 + "]" * 900)}, key=SECRET[::-1]),
    "a header that is a list": lambda: changed(Token(), 0, lambda _: b64(b'["HS256"]')),
    "a header in base64 with +": lambda: changed(Token(), 0, lambda text: "+" + text[1:]),
    "claims with a line break": lambda: changed(Token(), 1, lambda text: text[:8] + "\t" + text[8:]),
    "claims changed": lambda: changed(Token(), 1, lambda _: b64(json.dumps(claims(tenant_id="other")).encode())),
    "scope changed": lambda: changed(Token(), 1, lambda _: b64(json.dumps(claims(scope="admin")).encode())),
    "header changed": lambda: changed(rs(), 0, lambda _: es().parts()[0]),
}

GOOD: dict[str, Callable[[], Token]] = {
    "HS256": Token,
    "RS256": rs,
    "ES256": es,
    "HS256 with a kid": lambda: Token(header={"kid": "r9"}),
    "no type": lambda: Token(header={"typ": GONE}),
    "the type of an access token": lambda: Token(header={"typ": "at+JWT"}),
    "the type in full": lambda: Token(header={"typ": "application/at+jwt"}),
    "headers that are not looked at": lambda: rs(header={"kid": "r1", "jku": "http://127.0.0.1:9/", "x5t": "x"}),
    "one of several audiences": lambda: with_(aud=["billing", AUDIENCE]),
    "a list of scopes": lambda: with_(scope=["events:write", "reports:read"]),
    "scopes of other services": lambda: with_(scope="openid events:write reports:read profile"),
    "just expired": lambda: with_(exp=now(seconds=-20)),
    "a clock that is ahead": lambda: with_(iat=now(seconds=20), nbf=now(seconds=20)),
    "times with a fraction": lambda: with_(exp=now(seconds=60.5), iat=now() - 0.5),
    "an id that was not revoked": lambda: with_(jti="spent?"),
    "more claims": lambda: with_(email="a@b.example", roles=["x"], exp=4_102_444_800),
    "nobody": lambda: with_(sub=GONE),
    "alone with its algorithm": lambda: rs(header={}),
}


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """The service with a secret, a key set, an issuer and an audience."""
    folder = tmp_path_factory.mktemp("tokens")
    keys = folder / "keys.json"
    keys.write_text(json.dumps(KEYS))
    more = {"JWT_SECRET_KEY": SECRET, "JWT_JWKS_URL": str(keys), "JWT_ISSUER": ISSUER, "JWT_AUDIENCE": AUDIENCE}
    with serving(Settings(data=folder / "data"), more) as service:
        control = ControlStore.open(service.settings)
        control.ensure_tenant("shut")
        control.disable_tenant("shut", disabled=True)
        control.close()
        admin = service.key(TENANT, Kind.ADMIN)
        assert service.ask("POST", REVOKE, {"jti": "spent"}, admin).told == (200, {"jti": "spent", "revoked": True})
        yield service


def ask(service: Service, token: Any, method: str = "GET", path: str = STATS, body: Any = None) -> Answer:
    headers: Any = {"Authorization": f"Bearer {token}".encode("latin-1")}
    return service.ask(method, path, body, headers=headers)


@pytest.mark.parametrize("case", FORGED)
def test_a_forged_or_worn_token_is_refused(opened: Service, case: str) -> None:
    answer = ask(opened, FORGED[case]())
    assert (answer.status, answer.body["code"]) == (401, "unauthorized"), answer
    assert answer.headers["www-authenticate"] == 'Bearer realm="auricle"'


def test_there_are_at_least_eighty_forged_ones_and_each_is_another() -> None:
    assert len(FORGED) >= 80
    assert len({str(make()) for make in FORGED.values()}) == len(FORGED)


@pytest.mark.parametrize("case", GOOD)
def test_a_good_token_passes(opened: Service, case: str) -> None:
    token = GOOD[case]()
    assert ask(opened, token).told[1]["tenant"] == TENANT
    assert ask(opened, token, "POST", EVENTS, event()).status == 202
    assert ask(opened, token, "POST", REPORT, {}).status == 200


def test_a_token_may_do_what_its_scopes_say(opened: Service) -> None:
    reader, writer = with_(scope="reports:read"), with_(scope="events:write")
    told = [
        (ask(opened, token, "POST", EVENTS, event()).status, ask(opened, token, "POST", REPORT, {}).status)
        for token in (reader, writer)
    ]
    assert told == [(403, 200), (202, 403)]
    assert ask(opened, with_(scope="admin"), "GET", "/api/v1/analytics/admin/keys").status == 200
    assert ask(opened, reader, "GET", "/api/v1/analytics/admin/keys").status == 403


def test_a_token_sees_its_own_tenant_alone(opened: Service) -> None:
    one, other = f"t{uuid.uuid4().hex}", f"t{uuid.uuid4().hex}"
    sent = event()
    assert ask(opened, with_(tenant_id=one), "POST", EVENTS, sent).status == 202
    fate = f"{EVENTS}/{sent['event_id']}/fate"
    told = [ask(opened, with_(tenant_id=tenant), "GET", fate).status for tenant in (one, other)]
    assert told == [200, 404]
    assert ask(opened, with_(tenant_id=other), "POST", EVENTS, event(tenant_id=one)).status == 403


def test_an_id_is_revoked_in_one_tenant(opened: Service) -> None:
    other = f"t{uuid.uuid4().hex}"
    theirs = with_(tenant_id=other, jti="mine", scope="admin")
    assert ask(opened, theirs).status == 200
    assert ask(opened, with_(scope="admin"), "POST", REVOKE, {"jti": "mine"}).status == 200
    time.sleep(1.2)
    assert ask(opened, theirs).status == 200
    assert ask(opened, theirs, "POST", REVOKE, {"jti": "mine", "expires_at": "2999-01-01T00:00:00Z"}).status == 200
    time.sleep(1.2)
    answer = ask(opened, theirs)
    assert (answer.status, answer.body["detail"]) == (401, "This token was revoked.")


@pytest.mark.parametrize("body", [{}, {"jti": 5}, {"jti": ""}, {"jti": "x" * 257}, {"jti": "a", "expires_at": "soon"}])
def test_what_cannot_be_revoked(opened: Service, body: Any) -> None:
    assert opened.ask("POST", REVOKE, body, opened.key(TENANT, Kind.ADMIN)).status == 422


def test_no_answer_and_no_log_repeats_a_token(opened: Service) -> None:
    token = str(Token(claims(sub="hunter2"), key=SECRET[::-1]))
    answer = ask(opened, token)
    log = opened.log.read_text()
    for part in token.split("."):
        assert part not in repr((answer.body, dict(answer.headers)))
        assert part not in log


def test_without_settings_the_service_signs_by_a_secret_of_its_own(service: Service) -> None:
    secret = (service.settings.data / "jwt.secret").read_text().strip()
    token = Token(claims(iss=GONE, aud=GONE), key=secret)
    assert ask(service, token).status == 200
    assert ask(service, Token()).status == 401
    assert ask(service, rs()).status == 401


def test_a_secret_that_was_changed_ends_its_tokens(settings: Settings) -> None:
    token = Token(claims(iss=GONE, aud=GONE))
    with serving(settings, {"JWT_SECRET_KEY": SECRET}) as service:
        assert ask(service, token).status == 200
    with serving(settings, {"JWT_SECRET_KEY": SECRET[::-1]}) as service:
        assert ask(service, token).status == 401
        assert ask(service, Token(claims(iss=GONE, aud=GONE), key=SECRET[::-1])).status == 200


def test_the_secret_of_our_own_is_for_its_owner_alone(service: Service) -> None:
    file: Path = service.settings.data / "jwt.secret"
    assert file.stat().st_mode & 0o777 == 0o600
    assert len(file.read_text().strip()) == 64
