"""Signatures over real HTTP: who must sign, what fits, and that none is good twice, also after a restart."""

import gzip
import hashlib
import hmac
import time
from collections.abc import Callable
from typing import Any

import orjson
import pytest
from sqlalchemy import Engine

from auricle.model.principal import Kind
from auricle.settings import Settings
from auricle.store.signature import SignatureStore
from running import BATCH, EVENTS, STATS, Answer, Service, event, serving

KEYS = "/api/v1/analytics/admin/keys"
REPORT = "/api/v1/analytics/reports/active"


def header(secret: str, body: bytes, moment: float | None = None) -> dict[str, str]:
    """The header as document 001 has it, by means of its own."""
    at = str(int(time.time() if moment is None else moment))
    v1 = hmac.new(secret.encode(), at.encode() + b"." + body, hashlib.sha256).hexdigest()
    return {"X-Signature": f"t={at},v1={v1}"}


def signed_key(service: Service, tenant: str, kind: str = "ingest") -> tuple[str, str]:
    made = service.ask("POST", KEYS, {"kind": kind, "signed": True}, service.key(tenant, Kind.ADMIN))
    assert made.status == 201, made
    return made.body["key"], made.body["secret"]


def post(service: Service, key: str, body: bytes, headers: dict[str, str], path: str = EVENTS) -> Answer:
    return service.ask("POST", path, body, key, headers)


def one() -> bytes:
    return orjson.dumps(event())


def test_a_key_that_must_be_signed_is_of_no_use_without(either_service: Service, tenant: str) -> None:
    service = either_service
    key, secret = signed_key(service, tenant)
    body = one()
    bare = post(service, key, body, {})
    assert (bare.status, bare.body["detail"]) == (401, "The requests of this key must be signed: send X-Signature.")
    assert service.ask("GET", STATS, key=key).status == 401
    assert post(service, key, body, header(secret, body)).status == 202
    assert service.ask("GET", STATS, key=key, headers=header(secret, b"")).status == 200
    assert service.stats(tenant)["events"]["received"] == 1


FORGED: dict[str, Callable[[str, bytes], dict[str, str]]] = {
    "another secret": lambda secret, body: header(secret + "x", body),
    "another body": lambda secret, body: header(secret, body + b" "),
    "no body": lambda secret, body: header(secret, b""),
    "an old one": lambda secret, body: header(secret, body, time.time() - 305),
    "one of the future": lambda secret, body: header(secret, body, time.time() + 305),
    "another time": lambda secret, body: {
        "X-Signature": f"t={int(time.time()) - 5}" + header(secret, body)["X-Signature"][12:]
    },
    "an empty header": lambda secret, body: {"X-Signature": ""},
    "no time": lambda secret, body: {"X-Signature": header(secret, body)["X-Signature"].partition(",")[2]},
    "no signature": lambda secret, body: {"X-Signature": header(secret, body)["X-Signature"].partition(",")[0]},
    "half of it": lambda secret, body: {"X-Signature": header(secret, body)["X-Signature"][:-32]},
    "more than it": lambda secret, body: {"X-Signature": header(secret, body)["X-Signature"] + "00"},
    "another version": lambda secret, body: {"X-Signature": header(secret, body)["X-Signature"].replace("v1", "v0")},
    "two of them": lambda secret, body: {"X-Signature": ",".join([header(secret, body)["X-Signature"]] * 2)},
    "no digits": lambda secret, body: {"X-Signature": "t=٣٣٣,v1=" + "0" * 64},
    "a time beyond all": lambda secret, body: {"X-Signature": "t=" + "9" * 400 + ",v1=" + "0" * 64},
    "a sign": lambda secret, body: header(secret, body, -time.time()),
}


@pytest.mark.parametrize("case", FORGED)
def test_a_forged_signature_is_refused(service: Service, tenant: str, case: str) -> None:
    key, secret = signed_key(service, tenant)
    body = one()
    headers: Any = {name: value.encode() for name, value in FORGED[case](secret, body).items()}
    answer = post(service, key, body, headers)
    assert (answer.status, answer.body["code"]) == (401, "unauthorized"), case
    assert service.stats(tenant)["events"]["received"] == 0


def test_a_signature_is_good_once(either_service: Service, tenant: str) -> None:
    service = either_service
    key, secret = signed_key(service, tenant)
    body = orjson.dumps([event()])
    first = header(secret, body)
    other_case = {"X-Signature": first["X-Signature"][:16] + first["X-Signature"][16:].upper().replace("V1", "v1")}
    answers = [
        post(service, key, body, headers, path)
        for headers, path in ((first, BATCH), (first, BATCH), (first, EVENTS), (other_case, BATCH))
    ]
    # The first is a list where an object is expected, and still spent: what is refused is not signed twice either.
    assert [answer.status for answer in answers] == [422, 401, 401, 401]
    assert all("used already" in answer.body["detail"] for answer in answers[1:])
    later = header(secret, body, time.time() + 1)
    assert post(service, key, body, later, BATCH).status == 422


def test_a_signature_covers_the_body_as_it_was_sent(service: Service, tenant: str) -> None:
    key, secret = signed_key(service, tenant)
    plain = orjson.dumps({"events": [event(), event()]})
    packed = gzip.compress(plain)
    coding = {"Content-Encoding": "gzip"}
    assert post(service, key, packed, header(secret, plain) | coding, BATCH).status == 401
    assert post(service, key, packed, header(secret, packed) | coding, BATCH).body["accepted"] == 2


def test_reports_may_be_asked_signed(service: Service, tenant: str) -> None:
    key, secret = signed_key(service, tenant, "read")
    body = orjson.dumps({"period": "24h"})
    assert post(service, key, body, header(secret, body + b" "), REPORT).status == 401
    assert post(service, key, body, header(secret, body), REPORT).status == 200


def test_any_key_may_sign_with_its_own_text_and_is_held_to_it(service: Service, tenant: str) -> None:
    key = service.key(tenant)
    body = one()
    assert post(service, key, body, header(key + "x", body)).status == 401
    assert post(service, key, body, header(key, body)).status == 202
    assert post(service, key, body, header(key, body)).status == 401
    assert post(service, key, body, {}).status == 200


def test_a_large_signed_body_is_bounded(service: Service, tenant: str) -> None:
    key, secret = signed_key(service, tenant)
    body = b" " * 8_100_000
    assert post(service, key, body, header(secret, body), BATCH).status == 413


def test_no_signature_is_good_twice_over_a_restart(settings: Settings) -> None:
    with serving(settings) as service:
        key, secret = signed_key(service, "acme")
        body = one()
        headers = header(secret, body)
        assert post(service, key, body, headers).status == 202
        service.stop()
        service.start()
        assert post(service, key, body, headers).status == 401


def test_what_is_too_old_in_any_case_is_forgotten(database: Engine) -> None:
    store = SignatureStore(database)
    assert [store.spend("k", b"a" * 32, 100), store.spend("k", b"a" * 32, 100)] == [True, False]
    assert store.spend("other", b"a" * 32, 100)
    assert store.spend("k", b"b" * 32, 200)
    store.forget(150)
    assert [store.spend("k", b"a" * 32, 100), store.spend("k", b"b" * 32, 200)] == [True, False]
