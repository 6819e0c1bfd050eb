"""The plugin, in suites of its own: it starts the service, tells what is wrong, and is not felt when it is idle."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from auricle.settings import Settings
from auricle.testing import running

SUITE = """
import pytest

def test_what_was_tracked_is_there(auricle, events):
    auricle.client.track("booking.confirmed", {"booking.slot_id": "slot-1"}, "u-1", site_id="shop")
    auricle.client.track("page_view", {"page": "/", "mail": "jane@example.org"})
    (event,) = events.of("booking.confirmed")
    assert (event.attributes, event.user_id, event.site_id, event.session_id) == (
        {"booking.slot_id": "slot-1"}, "u-1", "shop", None
    )
    assert event.occurred_at.tzinfo is not None
    assert len(events.all()) == 2
    assert events.rejected() == []

def test_another_test_sees_nothing_of_it(auricle, events):
    assert auricle.url.startswith("http://127.0.0.1:")
    assert events.all() == []

def test_a_wrong_event_fails_the_test(auricle):
    auricle.client.track("voice.first_response", {"voice.first_response_ms": -1})

def test_who_expects_it_is_told(auricle, events):
    auricle.client.track("voice.first_response", {"voice.first_response_ms": -1})
    assert [(one["event_name"], one["pointer"]) for one in events.rejected()] == [
        ("voice.first_response", "/attributes/voice.first_response_ms")
    ]

def test_events_of_others_are_waited_for(auricle, events):
    import subprocess, sys
    program = "import sys, time; from auricle.client import Client; time.sleep(0.5);"
    program += "Client(*sys.argv[1:]).track('page_view')"
    process = subprocess.Popen([sys.executable, "-c", program, auricle.url, auricle.key])
    assert len(events.of("page_view", at_least=1)) == 1
    process.wait()
    assert events.of("page_view", at_least=2, seconds=0.1) != []
"""


def pytest_run(folder: Path, suite: str, *more: str) -> subprocess.CompletedProcess[str]:
    """A suite of its own, as strict as can be, with the plugin found by its entry point as anywhere."""
    (folder / "test_suite.py").write_text(suite)
    (folder / "pytest.ini").write_text("[pytest]\nfilterwarnings = error\naddopts = --strict-markers --strict-config\n")
    foreign = {"DATABASE_URL": "postgresql://nowhere", "AURICLE_PORT": "1", "RATE_LIMIT_PER_MINUTE": "1"}
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *more],
        cwd=folder,
        env={**os.environ, **foreign, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )


def test_a_suite_sees_its_events(tmp_path: Path) -> None:
    done = pytest_run(tmp_path, SUITE)
    assert "5 passed, 1 error" in done.stdout, done.stdout
    assert "ERROR test_suite.py::test_a_wrong_event_fails_the_test" in done.stdout
    assert "events were not valid:" in done.stdout
    assert "voice.first_response /attributes/voice.first_response_ms: " in done.stdout


@pytest.mark.slow
def test_workers_have_a_service_each(tmp_path: Path) -> None:
    suite = "import pytest\n@pytest.mark.parametrize('n', range(4))\ndef test_it(auricle, events, n):\n"
    suite += "    auricle.client.track('page_view')\n    assert len(events.of('page_view')) == 1\n"
    done = pytest_run(tmp_path, suite, "-n", "2")
    assert "4 passed" in done.stdout, done.stdout


UNUSED = """
import sys

def test_nothing_of_it_is_loaded():
    loaded = {name for name in sys.modules if name.split(".")[0] == "auricle"}
    assert loaded == {"auricle", "auricle.testing"}

def test_fixtures_of_the_same_name_stand(events):
    assert events == "mine"
"""


def test_it_is_not_felt_where_it_is_not_used(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text("import pytest\n@pytest.fixture\ndef events(): return 'mine'\n")
    done = pytest_run(tmp_path, UNUSED)
    assert "2 passed" in done.stdout, done.stdout


def test_a_service_that_does_not_start_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = running.Running(tmp_path)
    (tmp_path / "data").touch()
    with pytest.raises(RuntimeError, match=r"(?s)the service did not start:.*data"):
        made.start()
    made.stop()
    made.stop()


def test_no_setting_of_the_machine_reaches_it() -> None:
    names = {str(name) for field in Settings.model_fields.values() for name in field.validation_alias.choices}  # type: ignore[union-attr]
    assert {name for name in names if not running._is_setting(name)} == set()
