"""The logs: one JSON object a line, from the least severity that was asked for."""

import json
import re
import subprocess
import sys

import pytest

SAY = """
import sys, structlog
from auricle import telemetry
telemetry.configure(sys.argv[1])
log = structlog.get_logger("x")
log.debug("one", n=1)
log.info("two", text="line\\nbreak", odd=object, table={1: 2})
log.warning("three")
try:
    1 / 0
except ZeroDivisionError:
    log.exception("four")
"""


def test_logfmt_keeps_a_line_a_line() -> None:
    say = SAY.replace("configure(sys.argv[1])", "configure(sys.argv[1], 'logfmt')")
    done = subprocess.run([sys.executable, "-c", say, "info"], capture_output=True, text=True, check=True)
    lines = [re.sub(r"^timestamp=\S+Z ", "", line) for line in done.stderr.splitlines()]
    assert lines[0].startswith("level=info event=two text=line\\nbreak odd=")
    assert (len(lines), lines[1]) == (3, "level=warning event=three")
    assert "ZeroDivisionError" in lines[2]


FOREIGN = """
import logging
from auricle import telemetry
telemetry.configure("info")
for say in (logging.getLogger("some.library").info, logging.getLogger("some.library").warning):
    say("told by %s", "others")
"""


def test_what_libraries_log_is_one_object_too() -> None:
    done = subprocess.run([sys.executable, "-c", FOREIGN], capture_output=True, text=True, check=True)
    (line,) = [json.loads(line) for line in done.stderr.splitlines()]
    line.pop("timestamp")
    assert line == {"event": "told by others", "level": "warning", "logger": "some.library"}


@pytest.mark.parametrize(
    ("level", "expected"),
    [
        pytest.param("debug", ["one", "two", "three", "four"], id="debug"),
        pytest.param("info", ["two", "three", "four"], id="info"),
        pytest.param("warning", ["three", "four"], id="warning"),
        pytest.param("error", ["four"], id="error"),
    ],
)
def test_each_line_is_one_object_on_standard_error(level: str, expected: list[str]) -> None:
    done = subprocess.run([sys.executable, "-c", SAY, level], capture_output=True, text=True, check=True)
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    assert (done.stdout, [line["event"] for line in lines]) == ("", expected)
    assert all({"event", "level", "timestamp"} <= line.keys() for line in lines)
    assert "ZeroDivisionError" in lines[-1]["exception"]
