"""The contract with clients: the real service gives the answers that its cases say, and the cases are whole."""

import json
import re
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from contract import CASES, FOLDER, filled

from auricle.model.key import KeyRules
from auricle.model.principal import Kind
from auricle.settings import Settings
from auricle.store.control import ControlStore
from running import BATCH, Answer, Service, event, serving

REACHED = {name: case for name, case in CASES.items() if "service" in case}
SETTINGS = {name: json.dumps(case["service"].get("settings", {})) for name, case in REACHED.items()}


@pytest.fixture(scope="module", params=sorted(set(SETTINGS.values())))
def set_up(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Service]]:
    """A service under the settings that some cases need, and which those are."""
    wanted = json.loads(request.param)
    if not wanted:
        yield request.param, request.getfixturevalue("service")
        return
    # NOTE: one that finds its disk full at the start never says that it is ready.
    ready = "AURICLE_MIN_FREE_DISK" not in wanted
    with serving(Settings(data=tmp_path_factory.mktemp("contract")), wanted, ready=ready) as service:
        yield request.param, service


def key_for(service: Service, wanted: dict[str, Any]) -> str:
    """A key of a tenant of its own, as the case wants it."""
    if wanted["key"] == "unknown":
        return "ak_" + "0" * 43
    control = ControlStore.open(service.settings)
    try:
        rules = KeyRules(rate_limit=wanted.get("rate_limit"))
        return control.create_key(f"t{uuid.uuid4().hex}", Kind(wanted["key"]), rules=rules).key
    finally:
        control.close()


def told_by(service: Service, case: dict[str, Any]) -> Answer:
    """What the service answers to the request of a case, brought to it as the case says."""
    wanted, request, now = case["service"], case["request"], datetime.now(UTC).isoformat(timespec="microseconds")
    key = key_for(service, wanted)
    if before := filled(wanted.get("before", []), now):
        assert service.ask("POST", BATCH, {"events": before}, key).status == 202
    if number := wanted.get("fill"):
        lines = b"\n".join(json.dumps(event()).encode() for _ in range(number))
        service.ask("POST", BATCH, lines, key, {"Content-Type": "application/x-ndjson"})
    body = json.dumps(filled(request["body"], now)).encode()
    return service.ask(request["method"], request["path"], body, key)


def test_the_service_answers_so(set_up: tuple[str, Service], subtests: pytest.Subtests) -> None:
    settings, service = set_up
    for name in (name for name, wanted in SETTINGS.items() if wanted == settings):
        with subtests.test(name):
            answer, expected = told_by(service, REACHED[name]), REACHED[name]["answer"]
            assert answer.told == (expected["status"], expected["body"])
            assert answer.headers["content-type"] == expected["headers"]["Content-Type"]
            # How long a limit holds depends on the moment; that a number of seconds is told does not.
            wait = answer.headers.get("retry-after", "")
            assert bool(re.fullmatch("[1-9][0-9]*", wait)) == ("Retry-After" in expected["headers"])


@pytest.mark.parametrize("name", list(CASES))
def test_a_case_is_whole(name: str) -> None:
    case = CASES[name]
    assert {"title", "request", "answer", "then"} <= set(case) <= {"title", "request", "answer", "then", "service"}
    body, answer, then = case["request"]["body"], case["answer"], case["then"]
    assert len(then["events"]) == len(body.get("events", [body]))
    assert then["next"] in ("nothing", "retry", "split", "stop")
    kept = [one["becomes"] == "kept" for one in then["events"]]
    assert any(kept) == (then["next"] != "nothing")
    assert all(("reason" in one) == (one["becomes"] == "dropped") for one in then["events"])
    assert answer.get("fault") in (None, "refused", "silent", "hung_up", "cut")
    wait = answer.get("headers", {}).get("Retry-After", "")
    assert then.get("after_seconds") == (int(wait) if wait.isdecimal() else None)


def test_the_page_tells_every_case() -> None:
    _, _, table = (FOLDER / "README.md").read_text().partition("## The cases")
    told = re.findall(r"^\| `([a-z_]+)` \|", table, re.MULTILINE)
    assert sorted(told) == sorted(CASES)
