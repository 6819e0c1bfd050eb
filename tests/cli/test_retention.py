"""`auricle retention` and the days among a tenant's options, through the running service."""

import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest

Run = Callable[..., Any]


@pytest.fixture
def tenant(run: Run, service: Path) -> str:
    name = f"t{uuid.uuid4().hex}"
    assert run("key", "create", "--tenant", name, "--kind", "ingest", "--data", service).code == 0
    return name


def test_days_are_set_and_told(run: Run, service: Path, tenant: str) -> None:
    options = ("tenant", "options", tenant, "--data", service, "--json")
    asked = ("--keep-days", "30", "--keep-events", "page_view=7, shop.*=0", "--keep-datasets", "clicks=1")
    days = {"events": 30, "by_event": {"page_view": 7, "shop.*": 0}, "by_dataset": {"clicks": 1}}
    assert orjson.loads(run(*options, *asked).out)["retention"] == days
    shown = run("tenant", "options", tenant, "--data", service)
    assert "page_view=7" in shown.out
    back = orjson.loads(run(*options, "--keep-days", "default", "--keep-events", "none").out)["retention"]
    assert back == {"events": None, "by_event": {}, "by_dataset": {"clicks": 1}}


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        (("--keep-days", "soon"), 2),
        (("--keep-events", "page_view"), 2),
        (("--keep-events", "page_view=-1"), 2),
        (("--keep-days", "99999"), 1),
        (("--keep-events", "Page=1"), 1),
    ],
)
def test_what_is_wrong_is_refused(run: Run, service: Path, tenant: str, asked: tuple[str, ...], code: int) -> None:
    assert run("tenant", "options", tenant, "--data", service, *asked).code == code


def test_status_preview_and_run(run: Run, service: Path, tenant: str) -> None:
    target = ("--tenant", tenant, "--data", service)
    ran = run("retention", "run", *target, "--json")
    assert ran.code == 0, ran
    done = orjson.loads(ran.out)
    assert (done["up_to_date"], done["trouble"], done["sweeps"]) == (True, None, [])
    status = orjson.loads(run("retention", "status", *target, "--json").out)
    assert status["days"] == {"events": 90, "by_event": {}, "by_dataset": {}}
    assert orjson.loads(run("retention", "preview", *target, "--json").out) == {"events": 0, "names": []}
    assert "all other events" in run("retention", "status", *target).out
    assert "0 events are over their days" in run("retention", "preview", *target).out
    assert run("retention", "run", "--no-wait", *target).code == 0
