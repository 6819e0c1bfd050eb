"""The settings: one table, read from the environment under every name that is promised."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr, ValidationError

from auricle.settings import Settings

NAMES = [
    pytest.param(name, alias, id=alias)
    for name, field in Settings.model_fields.items()
    for alias in field.validation_alias.choices  # type: ignore[union-attr]
]


def another(name: str) -> tuple[str, Any]:
    """A text for the environment that is not the default, and the value it means."""
    default = Settings.model_fields[name].default
    fixed = {
        "judge": ("off", "off"),
        "gemini_api_key": ("elsewhere", SecretStr("elsewhere")),
        "openai_api_key": ("elsewhere", SecretStr("elsewhere")),
        "gemini_url": ("http://127.0.0.1:9", "http://127.0.0.1:9"),
        "openai_url": ("http://127.0.0.1:9/v1", "http://127.0.0.1:9/v1"),
        "evaluation_sample": ("0.5", 0.5),
        "log_level": ("debug", "debug"),
        "unknown_events": ("reject", "reject"),
        "max_nesting": ("5", 5),
        "sanitise": ("off", "off"),
        "rollups": ("false", "off"),
        "port": ("81", 81),
        "archive_dir": ("/elsewhere", Path("/elsewhere")),
        "jwt_secret_key": ("elsewhere", SecretStr("elsewhere")),
        "jwt_jwks_url": ("https://id.example/keys", "https://id.example/keys"),
        "trusted_proxies": ("10.0.0.0/8, ::1", "10.0.0.0/8, ::1"),
        "docs_pages": ("off", "off"),
        "log_format": ("logfmt", "logfmt"),
        "metrics_token": ("a-token-of-some-length", "a-token-of-some-length"),
        "allowed_origins": ("https://a.example,http://b:1", "https://a.example,http://b:1"),
    }
    if name in fixed:
        return fixed[name]
    if isinstance(default, int | float):
        return str(default + 1), default + 1
    return ("elsewhere", Path("elsewhere")) if isinstance(default, Path) else ("elsewhere", "elsewhere")


@pytest.mark.parametrize(("name", "alias"), NAMES)
def test_every_name_works(monkeypatch: pytest.MonkeyPatch, name: str, alias: str) -> None:
    text, value = another(name)
    monkeypatch.setenv(alias, text)
    assert Settings() == Settings(**{name: value}) != Settings.model_construct()


@pytest.mark.parametrize("name", list(Settings.model_fields))
def test_every_setting_has_its_auricle_name_and_a_description(name: str) -> None:
    field = Settings.model_fields[name]
    assert field.validation_alias.choices[0] == f"AURICLE_{name.upper()}"  # type: ignore[union-attr]
    assert (field.description or "").endswith(".")


@pytest.mark.parametrize("name", ["HOST", "PORT", "DATA", "host", "port", "QUERY_MEMORY"])
def test_a_bare_name_is_somebody_elses(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "1")
    assert Settings() == Settings.model_construct()


def test_our_own_name_wins_over_an_older_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOG_LEVEL", "error")
    monkeypatch.setenv("AURICLE_LOG_LEVEL", "debug")
    assert Settings().log_level == "debug"


def test_an_empty_value_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AURICLE_PORT", "")
    monkeypatch.setenv("DATABASE_URL", "")
    assert (Settings().port, Settings().database_url) == (8000, None)


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param({"port": 65_536}, id="a port"),
        pytest.param({"max_nesting": 65}, id="nesting"),
        pytest.param({"log_level": "loud"}, id="a level"),
        pytest.param({"unknown_events": "maybe"}, id="a choice"),
        pytest.param({"max_batch_events": 0}, id="nought"),
        pytest.param({"clock_skew": -1}, id="below nought"),
        pytest.param({"allowed_origins": "https://a.example/path"}, id="an origin with a path"),
        pytest.param({"allowed_origins": "https://*.example"}, id="half an origin"),
        pytest.param({"allowed_origins": "*, https://a.example"}, id="any and one"),
        pytest.param({"jwt_jwks_url": "http://id.example/keys"}, id="keys that anybody can change on their way"),
        pytest.param({"jwt_jwks_url": "keys.json"}, id="keys in a file of no certain place"),
        pytest.param({"jwt_jwks_url": "ftp://id.example/keys"}, id="keys by another protocol"),
        pytest.param({"jwt_leeway": 301}, id="a clock that is far off"),
        pytest.param({"trusted_proxies": "10.0.0.0/8, proxy.example"}, id="a proxy by name"),
        pytest.param({"metrics_token": "short"}, id="a short token"),
        pytest.param({"archive_dir": "archive"}, id="an archive of no certain place"),
        pytest.param({"archive_dir": "/a/*"}, id="an archive that is a pattern"),
        pytest.param({"archive_dir": "/a'b"}, id="an archive with a quote"),
        pytest.param({"archive_dir": "/a", "clickhouse_url": "http://b"}, id="an archive that the engine cannot see"),
        pytest.param({"no_such_setting": 1}, id="an unknown name"),
    ],
)
def test_what_is_wrong_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Settings(**wrong)


def test_settings_do_not_change() -> None:
    with pytest.raises(ValidationError):
        Settings().port = 1  # type: ignore[misc]
