"""The keeper of the engine: it starts one, starts it again when it dies or freezes, and ends those left over."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from auricle.errors import Unavailable
from auricle.store.engine import Address, EmbeddedEngine
from running import wait_until

MEMORY = 4_000_000_000
BACK_SECONDS = 8
"""5 on a quiet machine (the promise; measured 2.2 and 4.7 here); other tests run beside this one."""


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[EmbeddedEngine]:
    keeper = EmbeddedEngine(tmp_path / "engine", MEMORY)
    keeper.start()
    yield keeper
    keeper.stop()


def address(engine: EmbeddedEngine, seconds: float = 30.0) -> Address:
    """Where it listens, once it does."""

    def ask() -> Address | None:
        try:
            return engine.address()
        except Unavailable:
            return None

    return wait_until(ask, seconds)


def state(pid: int) -> bytes:
    """The state of a process as the system tells it: `T` when it is stopped, `Z` when it has ended."""
    try:
        return Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()[0]
    except OSError:
        return b"Z"


def runs(pid: int) -> bool:
    """Whether a process is there and no zombie."""
    return state(pid) != b"Z"


def test_before_it_runs_it_is_unavailable(tmp_path: Path) -> None:
    engine = EmbeddedEngine(tmp_path / "engine", MEMORY)
    with pytest.raises(Unavailable) as refused:
        engine.address()
    assert (refused.value.status, refused.value.retry_after, engine.pid, engine.starts) == (503, 2, None, 0)


def test_it_starts_and_stops(tmp_path: Path) -> None:
    engine = EmbeddedEngine(tmp_path / "deep" / "engine", MEMORY)
    engine.start()
    found = address(engine)
    pid = engine.pid
    assert pid is not None
    assert found.host == "127.0.0.1"
    assert found.secret not in Path(f"/proc/{pid}/cmdline").read_text() + Path(f"/proc/{pid}/environ").read_text()
    assert int((tmp_path / "deep" / "engine.pid").read_text()) == pid
    engine.stop()
    assert not runs(pid)
    assert not (tmp_path / "deep" / "engine.pid").exists()
    with pytest.raises(Unavailable):
        engine.address()


@pytest.mark.parametrize("sign", [pytest.param(signal.SIGKILL, id="killed"), pytest.param(signal.SIGSTOP, id="frozen")])
def test_it_is_back_soon(engine: EmbeddedEngine, sign: signal.Signals) -> None:
    before, pid = address(engine), engine.pid
    assert pid is not None
    began = time.monotonic()
    os.kill(pid, sign)
    after = wait_until(lambda: (found := address(engine)) != before and found, 20.0)
    assert time.monotonic() - began < BACK_SECONDS
    assert not runs(pid)
    assert (after.secret != before.secret, engine.pid != pid, engine.starts) == (True, True, 2)


def test_one_that_was_left_over_is_ended(tmp_path: Path) -> None:
    folder = tmp_path / "engine"
    command = [sys.executable, "-m", "auricle.store.engine_process", str(folder), str(MEMORY)]
    left = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert left.stdin is not None
    assert left.stdout is not None
    left.stdin.write(b"secret\n")
    left.stdin.flush()
    left.stdout.readline()
    os.kill(left.pid, signal.SIGSTOP)  # frozen: it does not notice that its parent goes
    wait_until(lambda: state(left.pid) == b"T")
    left.stdin.close()
    left.stdout.close()
    (tmp_path / "engine.pid").write_text(str(left.pid))
    engine = EmbeddedEngine(folder, MEMORY)
    engine.start()
    try:
        address(engine)
        assert left.wait(10) == -signal.SIGKILL
        assert (engine.starts, engine.pid != left.pid) == (1, True)
    finally:
        engine.stop()


@pytest.mark.parametrize(
    "command",
    [
        pytest.param(["sleep", "60"], id="another program"),
        pytest.param(
            [sys.executable, "-c", "import time; time.sleep(60)", "auricle.store.engine_process", "/another/folder"],
            id="the engine of another folder",
        ),
    ],
)
def test_a_number_that_was_given_to_another_process_is_left_alone(tmp_path: Path, command: list[str]) -> None:
    other = subprocess.Popen(command)
    (tmp_path / "engine.pid").write_text(str(other.pid))
    engine = EmbeddedEngine(tmp_path / "engine", MEMORY)
    try:
        engine.start()
        address(engine)
        assert other.poll() is None
    finally:
        engine.stop()
        other.kill()
        other.wait()


@pytest.mark.parametrize(
    "content", [pytest.param("", id="empty"), pytest.param("no number", id="text"), pytest.param("0", id="nobody")]
)
def test_a_broken_note_is_no_hindrance(tmp_path: Path, content: str) -> None:
    (tmp_path / "engine.pid").write_text(content)
    engine = EmbeddedEngine(tmp_path / "engine", MEMORY)
    try:
        engine.start()
        address(engine)
    finally:
        engine.stop()


def test_it_ends_with_its_parent(tmp_path: Path) -> None:
    script = (
        "import sys, time; from pathlib import Path; from auricle.store.engine import EmbeddedEngine\n"
        "engine = EmbeddedEngine(Path(sys.argv[1]), 4000000000); engine.start()\n"
        "while not engine.starts: time.sleep(0.02)\n"
        "print(engine.pid, flush=True); time.sleep(60)"
    )
    parent = subprocess.Popen([sys.executable, "-c", script, str(tmp_path / "engine")], stdout=subprocess.PIPE)
    assert parent.stdout is not None
    pid = int(next(line for line in parent.stdout if line.strip().isdigit()))
    assert runs(pid)
    parent.kill()
    parent.wait()
    parent.stdout.close()
    wait_until(lambda: not runs(pid), 5.0)


def test_an_engine_that_cannot_start_is_tried_again(tmp_path: Path) -> None:
    (tmp_path / "engine").write_text("a file where its folder should be")
    engine = EmbeddedEngine(tmp_path / "engine", MEMORY)
    engine.start()
    try:
        wait_until(lambda: engine.pid is not None, 10.0)
        wait_until(lambda: engine.pid is None, 20.0)
        with pytest.raises(Unavailable):
            engine.address()
        (tmp_path / "engine").unlink()
        address(engine)
    finally:
        engine.stop()
