"""`auricle token`: tokens that the service takes, and their end; and `auricle serve` with a weak secret."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2
import jwt
import orjson
import pytest

from auricle.settings import Settings
from auricle.store.secret import token_secret

Run = Callable[..., Any]
SECRET = "Zr4u7x!A%D*G-KaPdSgVkYp3s6v9y$B&"


def test_the_life_of_a_token(run: Run, service: Path) -> None:
    url = orjson.loads((service / "service.json").read_bytes())["url"] + "/api/v1/analytics/stats"

    def ask(token: str) -> Any:
        answer = httpx2.get(url, headers={"Authorization": f"Bearer {token}"})
        return answer.status_code, answer.json().get("tenant")

    arguments = ("--tenant", "tok", "--scope", "reports:read", "--scope", "events:write", "--data", service)
    made = orjson.loads(run("token", "create", *arguments, "--subject", "till-3", "--json").out)
    other = run("token", "create", *arguments).out.splitlines()[0]
    assert [ask(token) for token in (made["token"], other)] == [(200, "tok")] * 2

    revoked = run("token", "revoke", made["jti"], "--tenant", "tok", "--data", service, "--json")
    again = run("token", "revoke", made["jti"], "--tenant", "tok", "--data", service)
    time.sleep(1.2)
    assert (revoked.code, orjson.loads(revoked.out)) == (0, {"jti": made["jti"], "revoked": True})
    assert (again.code, again.err) == (1, "auricle: this token was revoked already\n")
    assert [ask(token)[0] for token in (made["token"], other)] == [401, 200]


def test_what_a_token_says(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AURICLE_JWT_ISSUER", "https://id.example")
    monkeypatch.setenv("AURICLE_JWT_AUDIENCE", "auricle")
    arguments = ("--tenant", "acme", "--scope", "admin", "--hours", "2", "--data", tmp_path, "--json")
    made = orjson.loads(run("token", "create", *arguments).out)
    secret = token_secret(Settings(data=tmp_path))
    assert secret is not None
    told = jwt.decode(made["token"], secret, ["HS256"], audience="auricle", issuer="https://id.example")
    assert told == {
        "tenant_id": "acme",
        "scope": "admin",
        "iat": told["iat"],
        "exp": told["iat"] + 7_200,
        "jti": made["jti"],
        "iss": "https://id.example",
        "aud": "auricle",
    }


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        pytest.param(("create", "--tenant", "A", "--scope", "admin"), 1, id="a tenant in upper case"),
        pytest.param(("create", "--tenant", "a"), 2, id="no scope"),
        pytest.param(("create", "--tenant", "a", "--scope", "all"), 2, id="an unknown scope"),
        pytest.param(("create", "--tenant", "a", "--scope", "admin", "--hours", "-1"), 2, id="a time before now"),
        pytest.param(("revoke", "", "--tenant", "a"), 2, id="no id"),
        pytest.param(("revoke", "x", "--tenant", "a", "--expires", "soon"), 1, id="an expiry of words"),
    ],
)
def test_wrong_use(run: Run, tmp_path: Path, arguments: tuple[str, ...], code: int) -> None:
    assert run("token", *arguments, "--data", tmp_path).code == code


def test_without_a_secret_no_token_is_made(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AURICLE_JWT_JWKS_URL", "https://id.example/keys")
    ran = run("token", "create", "--tenant", "a", "--scope", "admin", "--data", tmp_path)
    assert (ran.code, "AURICLE_JWT_JWKS_URL" in ran.err) == (1, True)


@pytest.mark.parametrize("secret", [None, "your-jwt-secret-key"])
def test_no_service_on_a_public_address_with_a_weak_secret(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, secret: str | None
) -> None:
    if secret is not None:
        monkeypatch.setenv("AURICLE_JWT_SECRET_KEY", secret)
    ran = run("serve", "--host", "0.0.0.0", "--port", "0", "--data", tmp_path / "data")
    assert (ran.code, ran.out) == (2, "")
    assert "AURICLE_JWT_SECRET_KEY" in ran.err
    assert not (tmp_path / "data").exists()
