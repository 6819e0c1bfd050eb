"""The secret of tokens: no start with one that can be guessed, but on loopback, where one is made."""

import threading
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from auricle.settings import Settings
from auricle.store.secret import WeakSecret, check_secret, on_loopback, secret_file, token_secret, weakness

GOOD = "Zr4u7x!A%D*G-KaPdSgVkYp3s6v9y$B&"


@pytest.mark.parametrize(
    "secret",
    [
        pytest.param(GOOD, id="32 characters"),
        pytest.param("9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08", id="32 bytes in hexadecimal"),
        pytest.param("k3J9x+Qm8Zr0b1VnT5yWcE7uHsLfPgAd2oYiRtXzM4w=", id="32 bytes in base64"),
        pytest.param("correct horse battery staple, and eleven more", id="many words"),
    ],
)
def test_nothing_speaks_against_a_good_one(secret: str) -> None:
    assert weakness(secret) is None


@pytest.mark.parametrize(
    ("secret", "why"),
    [
        pytest.param("", "is shorter than 32 bytes", id="empty"),
        pytest.param(GOOD[:31], "is shorter than 32 bytes", id="31 characters"),
        pytest.param("your-jwt-secret-key", "is shorter than 32 bytes", id="that of document 004"),
        pytest.param("your-jwt-secret-key-your-jwt-secret-key", "is a placeholder", id="the same twice"),
        pytest.param("CHANGE_ME_please_before_production_use!", "is a placeholder", id="change me"),
        pytest.param("this-is-a-super-secret-for-the-service", "is a placeholder", id="super secret"),
        pytest.param("my default value of at least 32 bytes", "is a placeholder", id="a default"),
        pytest.param("a" * 64, "repeats itself", id="one character"),
        pytest.param("abcd9!" * 8, "repeats itself", id="six characters"),
        pytest.param("qX7%pL2&vB9#m" * 3, "repeats itself", id="a part three times"),
        pytest.param(
            "-----BEGIN PUBLIC KEY-----\nMIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8A\n-----END PUBLIC KEY-----",
            "is a key in PEM, which may be public",
            id="a public key",
        ),
    ],
)
def test_a_weak_one_is_known(secret: str, why: str) -> None:
    assert weakness(secret) == why


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        *((host, True) for host in ("127.0.0.1", "127.8.9.1", "::1", "localhost", "LOCALHOST", "::ffff:127.0.0.1")),
        *((host, False) for host in ("0.0.0.0", "::", "10.0.0.5", "shop.example", "localhost.evil.example", "")),
    ],
)
def test_what_is_loopback(host: str, expected: bool) -> None:
    assert on_loopback(host) is expected


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "shop.example"])
@pytest.mark.parametrize("secret", [None, "tiny!", "your-jwt-secret-key-your-jwt-secret-key"])
def test_no_start_on_a_public_address_with_a_weak_one(tmp_path: Path, host: str, secret: str | None) -> None:
    given = None if secret is None else SecretStr(secret)
    settings = Settings(data=tmp_path / "data", host=host, jwt_secret_key=given)
    for act in (check_secret, token_secret):
        with pytest.raises(WeakSecret) as refused:
            act(settings)
        assert "AURICLE_JWT_SECRET_KEY" in str(refused.value)
        assert secret is None or secret not in str(refused.value)
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize("metrics_token", ["metrics-password-of-ours", "abababababababababab"])
def test_no_start_on_a_public_address_with_a_weak_token_of_the_metrics(tmp_path: Path, metrics_token: str) -> None:
    given = {"data": tmp_path, "jwt_secret_key": SecretStr(GOOD), "metrics_token": metrics_token}
    with pytest.raises(WeakSecret) as refused:
        check_secret(Settings(host="0.0.0.0", **given))
    assert "AURICLE_METRICS_TOKEN" in str(refused.value)
    check_secret(Settings(host="127.0.0.1", **given))
    check_secret(Settings(host="0.0.0.0", **{**given, "metrics_token": "q8Z!r4Vw0sLx2TnE"}))


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        pytest.param({"jwt_secret_key": SecretStr(GOOD)}, GOOD.encode(), id="a good secret"),
        pytest.param({"jwt_jwks_url": "https://id.example/keys"}, None, id="public keys alone"),
    ],
)
def test_a_start_on_a_public_address(tmp_path: Path, more: dict[str, Any], expected: bytes | None) -> None:
    settings = Settings(data=tmp_path / "data", host="0.0.0.0", **more)
    assert token_secret(settings) == expected
    assert secret_file(settings) is None
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize("secret", [None, "short"])
def test_on_loopback_one_is_made_once_and_kept(tmp_path: Path, secret: str | None) -> None:
    settings = Settings(data=tmp_path / "data", jwt_secret_key=None if secret is None else SecretStr(secret))
    made = token_secret(settings)
    assert made is not None
    assert weakness(made.decode()) is None
    assert token_secret(settings) == made
    file = secret_file(settings)
    assert file == tmp_path / "data" / "jwt.secret"
    assert file.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in file.parent.iterdir()] == ["jwt.secret"]


def test_all_who_come_at_once_get_the_same(tmp_path: Path) -> None:
    settings = Settings(data=tmp_path)
    made: list[bytes | None] = []
    threads = [threading.Thread(target=lambda: made.append(token_secret(settings))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 8
    assert len(set(made)) == 1


def test_a_secret_is_in_no_text_of_the_settings() -> None:
    settings = Settings(jwt_secret_key=SecretStr(GOOD))
    assert GOOD not in repr(settings)
    assert GOOD not in settings.model_dump_json()
