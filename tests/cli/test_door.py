"""Finding the service, and what it says when it refuses."""

from pathlib import Path

import httpx2
import orjson
import pytest

from auricle.cli.door import Running, open_door, refusal, retry_after, running
from auricle.cli.options import Target
from auricle.cli.output import Failure
from auricle.model.principal import Kind
from auricle.settings import Settings
from auricle.store.control import ControlStore


@pytest.mark.parametrize(
    ("content", "found"),
    [
        pytest.param(None, None, id="absent"),
        pytest.param(
            b'{"url":"http://127.0.0.1:1","pid":7,"started_at":"2026-01-02T00:00:00+00:00"}',
            Running("http://127.0.0.1:1", 7, "2026-01-02T00:00:00+00:00"),
            id="whole",
        ),
        pytest.param(b'{"url":"http://12', None, id="cut off"),
        pytest.param(b"[]", None, id="a list"),
        pytest.param(b'{"url":"x","pid":"y"}', None, id="no number"),
    ],
)
def test_running(tmp_path: Path, content: bytes | None, found: Running | None) -> None:
    if content is not None:
        (tmp_path / "service.json").write_bytes(content)

    assert running(tmp_path) == found


@pytest.mark.parametrize(
    ("content", "told"),
    [
        pytest.param(
            orjson.dumps(
                {
                    "title": "A rule is broken",
                    "detail": "The report cannot be made.",
                    "errors": [{"pointer": "/grain", "message": "one of 1h, 1d"}, {"pointer": "", "message": "x"}],
                }
            ),
            "the service answered 503: The report cannot be made: /grain: one of 1h, 1d; the request: x",
            id="problem",
        ),
        pytest.param(b'{"title":"Gone"}', "the service answered 503: Gone", id="title only"),
        pytest.param(b"<html>", "the service answered 503 Service Unavailable", id="another server"),
        pytest.param(b"[]", "the service answered 503 Service Unavailable", id="a list"),
    ],
)
def test_refusal(content: bytes, told: str) -> None:
    assert refusal(httpx2.Response(503, content=content)) == told


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        pytest.param({}, None, id="absent"),
        pytest.param({"Retry-After": "2"}, 2.0, id="seconds"),
        pytest.param({"Retry-After": "9999"}, 60.0, id="too long"),
        pytest.param({"Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT"}, None, id="a date"),
    ],
)
def test_retry_after(header: dict[str, str], seconds: float | None) -> None:
    assert retry_after(httpx2.Response(503, headers=header)) == seconds


@pytest.mark.parametrize(
    ("tenants", "target", "running_at", "told", "code"),
    [
        pytest.param([], {}, None, "no service runs on ", 1, id="none runs"),
        pytest.param([], {"url": "http://127.0.0.1:9"}, None, "a key is needed", 2, id="elsewhere without a key"),
        pytest.param([], {}, "http://127.0.0.1:9", "which tenant? Name it with --tenant", 2, id="no tenant yet"),
        pytest.param(["b", "a"], {}, "http://127.0.0.1:9", "(there are: a, b)", 2, id="two tenants"),
        pytest.param(["a"], {"tenant": "typo"}, "http://127.0.0.1:9", "there is no tenant 'typo'", 1, id="a typo"),
        pytest.param(["a"], {}, "http://127.0.0.1:9", "does not answer (ConnectError)", 1, id="a leftover"),
    ],
)
def test_doors_that_do_not_open(
    tmp_path: Path, tenants: list[str], target: dict[str, str], running_at: str | None, told: str, code: int
) -> None:
    store = ControlStore.open(Settings(data=tmp_path))
    for tenant in tenants:
        store.create_key(tenant, Kind.READ)
    if running_at:
        (tmp_path / "service.json").write_bytes(orjson.dumps({"url": running_at, "pid": 1}))

    with pytest.raises(Failure) as failure, open_door(Target(data=tmp_path, **target), Kind.READ) as door:
        door.ask("GET", "/healthz")

    assert (told in str(failure.value), failure.value.code) == (True, code)
    assert [key.tenant for key in store.list_keys(None) if key.label and key.revoked_at is None] == []
    store.close()
