"""How programs end and fork, each in a process of its own, and what has arrived then."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from answering import Answering, answering

HEAD = """
import os, signal, sys, threading, time
from auricle.client import Client
url, *rest = sys.argv[1:]
client = Client(url, "ak_test", interval=60)
def tell(user, number=1):
    for _ in range(number):
        client.track("page_view", user_id=user)
"""


def run(program: str, url: str, *more: str, seconds: float = 20.0) -> subprocess.CompletedProcess[str]:
    """A program with a client, run to its end."""
    command = [sys.executable, "-c", HEAD + program, url, *more]
    return subprocess.run(command, capture_output=True, text=True, timeout=seconds, check=False)


def users(service: Answering) -> list[str]:
    """Whose events came, in order of names."""
    return sorted(event["user_id"] for one in service.asked for event in one.body["events"])


ENDINGS = {
    "it ends": "tell('a', 3)",
    "it exits": "tell('a', 3); sys.exit(0)",
    "nobody holds it": "[Client(url, 'ak_test', interval=60).track('page_view', user_id='a') for _ in range(3)]",
    "it is closed twice": "tell('a', 3); client.close(); client.close()",
    "in a thread": "t = threading.Thread(target=tell, args=('a', 3)); t.start(); t.join()",
}


@pytest.mark.parametrize("name", list(ENDINGS))
def test_what_waits_is_sent_at_the_end(name: str) -> None:
    with answering() as service:
        began = time.monotonic()
        done = run(ENDINGS[name], service.url)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
        assert users(service) == ["a"] * 3
        assert time.monotonic() - began < 5


def test_a_program_that_fails_still_sends() -> None:
    with answering() as service:
        assert run("tell('a'); raise SystemExit(3)", service.url).returncode == 3
        assert "ZeroDivisionError" in run("tell('b'); 1 / 0", service.url).stderr
        assert users(service) == ["a", "b"]


@pytest.mark.parametrize("kind", ["silent", "refused", "asked to wait"])
def test_nobody_keeps_the_end_waiting_for_more_than_five_seconds(kind: str) -> None:
    wait = {"status": 503, "headers": {"Retry-After": "60", "Content-Type": "application/json"}, "body": {}}
    with answering(wait if kind == "asked to wait" else {"fault": "silent"}) as service:
        url = "http://127.0.0.1:9" if kind == "refused" else service.url
        began = time.monotonic()
        done = run("tell('a', 2)", url)
        spent = time.monotonic() - began
        assert done.returncode == 0
        assert "2 events dropped: closed" in done.stderr
        assert spent < 6.5
        assert kind != "asked to wait" or spent < 4


SIGTERM = "tell('a', 3); os.kill(os.getpid(), signal.SIGTERM); time.sleep(10); tell('late')"
OWN = """
def own(number, frame):
    print("own", flush=True)
    sys.exit(7)
signal.signal(signal.SIGTERM, own)
second = Client(url, "ak_test", interval=60)
second.track("page_view", user_id="b")
"""
LOCKED = """
with client._waiting._lock, client._sender._changed, client._ledger._lock:
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(0.2)
time.sleep(10)
"""


def test_sigterm_sends_and_then_ends_the_process_as_it_would() -> None:
    with answering() as service:
        began = time.monotonic()
        assert run(SIGTERM, service.url).returncode == -signal.SIGTERM
        assert users(service) == ["a"] * 3
        assert time.monotonic() - began < 5


def test_a_handler_of_the_program_is_called_and_not_swallowed() -> None:
    with answering() as service:
        done = run(OWN + SIGTERM, service.url)
        assert (done.returncode, done.stdout) == (7, "own\n")
        assert users(service) == ["a", "a", "a", "b"]


def test_sigterm_in_the_middle_of_everything_locks_nothing_up() -> None:
    with answering() as service:
        assert run("tell('a')" + LOCKED, service.url).returncode == -signal.SIGTERM
        assert users(service) == ["a"]


def test_a_signal_that_is_ignored_stays_so() -> None:
    program = """
signal.signal(signal.SIGTERM, signal.SIG_IGN)
other = Client(url, "ak_test")
os.kill(os.getpid(), signal.SIGTERM)
print(signal.getsignal(signal.SIGTERM) == signal.SIG_IGN)
"""
    with answering() as service:
        assert run(program, service.url).stdout == "True\n"


FORKS = """
tell('parent')
pid = os.fork()
tell('child' if pid == 0 else 'parent')
if pid == 0:
    sys.exit(0)
os.waitpid(pid, 0)
"""
BUSY_FORKS = """
stop = False
def work():
    while not stop:
        tell('thread')
threads = [threading.Thread(target=work) for _ in range(3)]
[thread.start() for thread in threads]
for _ in range(15):
    pid = os.fork()
    if pid == 0:
        tell('child')
        client.close()
        os._exit(0)
    os.waitpid(pid, 0)
stop = True
[thread.join() for thread in threads]
"""
MULTIPROCESSING = """
import multiprocessing
tell('parent')
made = [multiprocessing.get_context("fork").Process(target=tell, args=('child',)) for _ in range(3)]
[process.start() for process in made]
[process.join() for process in made]
"""


def test_a_child_sends_its_own_events_and_none_of_its_parent() -> None:
    with answering() as service:
        assert run(FORKS, service.url).returncode == 0
        assert users(service) == ["child", "parent", "parent"]


def test_a_fork_amid_threads_locks_nothing_up() -> None:
    with answering() as service:
        done = run(BUSY_FORKS, service.url, seconds=60)
        assert done.returncode == 0, done.stderr
        assert users(service).count("child") == 15
        assert len(set(service.ids)) == len(service.ids)


def test_children_of_multiprocessing_send_at_their_end() -> None:
    with answering() as service:
        assert run(MULTIPROCESSING, service.url).returncode == 0
        assert users(service) == ["child"] * 3 + ["parent"]


OUTBOX = """
box = Client(url, "ak_test", interval=60, outbox=rest[0])
box.track("page_view", user_id="before")
pid = os.fork()
box.track("page_view", user_id="child" if pid == 0 else "parent")
os.kill(os.getpid(), 9) if pid == 0 else os.waitpid(pid, 0)
os.kill(os.getpid(), 9)
"""
IDLE_CHILD = """
box = Client(url, "ak_test", interval=60, outbox=rest[0])
pid = os.fork()
if pid == 0:
    print(len(os.listdir(rest[0])), threading.active_count(), box.flush(), flush=True, end=" ")
    print(box.stopped == "", box.counts.tracked, flush=True)
    os._exit(0)
os.waitpid(pid, 0)
"""
NEXT = """
box = Client(url, "ak_test", interval=60, outbox=rest[0])
print(box.flush(0.1))
time.sleep(0.5)
print(box.flush(), box.counts.settled, box.counts.dropped)
"""


def test_what_killed_processes_left_in_the_outbox_is_sent_by_the_next(tmp_path: Path) -> None:
    with answering() as service:
        assert run(OUTBOX, "http://127.0.0.1:9", str(tmp_path)).returncode == -9
        assert len(list(tmp_path.glob("*.lock"))) == 2
        assert run(NEXT, service.url, str(tmp_path)).stdout.endswith("True 3 {}\n")
        assert users(service) == ["before", "child", "parent"]
        assert list(tmp_path.iterdir()) == []


def test_a_child_that_tracks_nothing_starts_nothing(tmp_path: Path) -> None:
    with answering() as service:
        assert run(IDLE_CHILD, service.url, str(tmp_path)).stdout == "1 1 True True 0\n"


def test_processes_may_share_an_outbox(tmp_path: Path) -> None:
    program = """
box = Client(url, "ak_test", interval=0.01, outbox=rest[0])
for number in range(300):
    box.track("page_view", user_id=rest[1])
    time.sleep(0.0005)
"""
    with answering() as service:
        command = [sys.executable, "-c", HEAD + program, service.url, str(tmp_path)]
        made = [subprocess.Popen([*command, str(number)]) for number in range(4)]
        assert [process.wait(60) for process in made] == [0] * 4
        assert sorted(users(service)) == sorted(str(number) for number in range(4) for _ in range(300))
        assert list(tmp_path.iterdir()) == []


def test_importing_loads_nothing_of_the_server_and_only_what_python_has() -> None:
    program = """
import sys, time
before = set(sys.modules)
began = time.perf_counter()
import auricle.client
print(time.perf_counter() - began)
loaded = set(sys.modules) - before
print(sorted({name.split(".")[0] for name in loaded} - set(sys.stdlib_module_names)))
print(sorted(name for name in loaded if name.startswith("auricle.") and not name.startswith("auricle.client")))
print("asyncio" in loaded, "http.client" in loaded)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    seconds, *told = done.stdout.splitlines()
    assert told == ["['auricle']", "['auricle.clock']", "False False"]
    assert float(seconds) < 0.5  # 40 ms on a machine with nothing else to do
    assert os.getpid()
