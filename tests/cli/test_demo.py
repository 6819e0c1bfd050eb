"""`auricle demo`: as a process of its own, as a stranger runs it."""

import os
import signal
import socket
import stat
import subprocess
import time
import urllib.request
from datetime import UTC, datetime
from pathlib import Path

import orjson

from auricle.cli.traffic import a_day


def test_once(command: list[str], tmp_path: Path) -> None:
    arguments = ["demo", "--once", "--port", "0", "--data", str(tmp_path / "demo"), "--json"]
    ran = subprocess.run([*command, *arguments], capture_output=True, timeout=120, check=False)

    assert ran.returncode == 0, ran.stderr.decode()
    told = orjson.loads(ran.stdout)
    note = tmp_path / "demo" / "demo.json"
    assert orjson.loads(note.read_bytes()) == {name: told[name] for name in ("url", "tenant", "keys")}
    assert stat.S_IMODE(note.stat().st_mode) == 0o600
    assert (told["tenant"], sorted(told["keys"])) == ("demo", ["admin", "ingest", "read"])
    day = a_day(datetime.now(UTC))
    assert told["sent"] == {"stored": len(day), "duplicate": 41, "rejected": 4, "dropped": 0}
    assert sum(point["value"] for point in told["reports"]["metrics"]["events.count"]) == len(day)
    viewed = len({event["session_id"] for event in day if event["event_name"] == "commerce.view"})
    assert told["reports"]["funnel"]["steps"][0]["count"] == viewed
    assert told["reports"]["top"]["total"] == sum(event["event_name"] == "voice.query" for event in day)


def test_it_serves_until_a_signal_and_takes_the_service_along(command: list[str], tmp_path: Path) -> None:
    demo = subprocess.Popen([*command, "demo", "--port", "0", "--data", str(tmp_path)], stdout=subprocess.PIPE)
    assert demo.stdout is not None
    try:
        for line in demo.stdout:
            if line.startswith(b"Ctrl-C"):
                break
        service = orjson.loads((tmp_path / "service.json").read_bytes())
        with urllib.request.urlopen(service["url"] + "/healthz", timeout=10) as answer:
            status = answer.status
    finally:
        demo.send_signal(signal.SIGTERM)
        code = demo.wait(60)
        demo.stdout.close()

    assert (status, code, _is_gone(service["pid"])) == (200, 0, True)


def test_a_port_that_is_taken(command: list[str], tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        arguments = ["demo", "--port", str(port), "--data", str(tmp_path / "demo")]
        ran = subprocess.run([*command, *arguments], capture_output=True, timeout=60, check=False)

    assert (ran.returncode, ran.stderr.decode()) == (
        1,
        f"auricle: port {port} is taken: choose another with --port N (0 takes a free one)\n",
    )
    assert not (tmp_path / "demo").exists()


def test_a_folder_in_use(command: list[str], service: Path) -> None:
    arguments = ["serve", "--port", "0", "--data", str(service)]
    ran = subprocess.run([*command, *arguments], capture_output=True, timeout=60, check=False)

    assert ran.returncode == 1
    assert ran.stderr.decode().startswith("auricle: Another process serves ")


def _is_gone(pid: int) -> bool:
    for _ in range(50):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.1)
    return False
