"""The outbox: files of one owner each, whatever ends in between."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from auricle.client import outbox
from auricle.client.outbox import Outbox
from auricle.client.queue import Queue, Waiting


def lines(start: int, count: int) -> list[bytes]:
    return [b'{"n":%d}' % number for number in range(start, start + count)]


def drained(box: Waiting) -> list[bytes]:
    found: list[bytes] = []
    while out := box.take(100, 1_000):
        found += out
        box.settle([])
    return found


@pytest.fixture(params=["memory", "disk"])
def box(request: pytest.FixtureRequest, tmp_path: Path) -> Waiting:
    return Queue(1_000, 10_000) if request.param == "memory" else Outbox(tmp_path, 10_000)


def test_what_is_put_comes_out_in_order_once(box: Waiting) -> None:
    assert all(box.put(line) for line in lines(0, 7))
    assert box.count == 7
    assert drained(box) == lines(0, 7)
    assert (box.count, box.take(10, 10)) == (0, [])
    box.close()


def test_what_is_kept_comes_out_first(box: Waiting) -> None:
    for line in lines(0, 4):
        box.put(line)
    out = box.take(4, 1_000)
    box.put(b'{"later":1}')
    box.settle(out[2:])
    assert box.count == 3
    assert drained(box) == [*lines(2, 2), b'{"later":1}']
    box.close()


def test_all_that_is_kept_stays_as_it_is(box: Waiting) -> None:
    for line in lines(0, 3):
        box.put(line)
    for _ in range(3):
        box.settle(box.take(3, 1_000))
    assert (box.count, drained(box)) == (3, lines(0, 3))
    box.close()


def test_a_batch_is_out_until_it_is_settled(box: Waiting) -> None:
    box.put(b"{}")
    assert box.take(9, 1_000) == box.take(9, 1_000) == [b"{}"]
    box.settle([])
    assert box.take(9, 1_000) == []
    box.close()


def test_it_has_a_bound_and_room_is_made_from_the_front(box: Waiting) -> None:
    taken = 0
    while box.put(b"x" * 99):
        taken += 1
    assert 95 <= taken <= 101
    assert box.put(b"x" * 99) is False
    assert box.make_room() > 0
    assert box.put(b"x" * 99) is True
    box.close()


def test_the_queue_is_bound_by_number_too() -> None:
    queue = Queue(2, 1_000)
    assert [queue.put(b"x") for _ in range(3)] == [True, True, False]
    assert queue.take(1, 1_000) == [b"x"]
    assert queue.put(b"x") is False  # what is out counts, for it may come back
    assert Queue(1, 10).make_room() == 0


def test_a_batch_is_of_the_size_that_is_wanted_but_never_empty() -> None:
    queue = Queue(10, 1_000)
    for size in (50, 50, 50):
        queue.put(b"x" * size)
    assert list(map(len, queue.take(9, 100))) == [50, 50]
    queue.settle([])
    assert list(map(len, queue.take(9, 1))) == [50]


def test_nothing_is_left_of_a_box_that_is_empty(tmp_path: Path) -> None:
    box = Outbox(tmp_path, 1_000)
    box.put(b"{}")
    drained(box)
    box.close()
    box.close()
    assert list(tmp_path.iterdir()) == []
    assert box.put(b"{}") is False


def test_what_is_left_is_taken_over_and_never_from_who_lives(tmp_path: Path) -> None:
    first, second = Outbox(tmp_path, 1_000), Outbox(tmp_path, 1_000)
    for line in lines(0, 3):
        first.put(line)
    assert second.adopt() == 0
    first.close()
    assert (second.adopt(), second.count) == (3, 3)
    assert drained(second) == lines(0, 3)
    third = Outbox(tmp_path, 1_000)
    assert third.adopt() == 0
    second.close()
    third.close()
    assert list(tmp_path.iterdir()) == []


KILLED = """
import os, sys
from pathlib import Path
from auricle.client.outbox import Outbox
box = Outbox(Path(sys.argv[1]), 1_000_000)
for number in range(1200):
    box.put(b'{"n":%d}' % number)
box.settle(box.take(1, 1)[:3])
os.kill(os.getpid(), 9)
"""


def test_a_process_that_was_killed_leaves_everything(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path)], check=False)
    assert done.returncode == -9
    box = Outbox(tmp_path, 1_000_000)
    assert box.adopt() == 703
    assert sorted(drained(box)) == sorted([*lines(0, 3), *lines(500, 700)])
    box.close()


def test_half_a_line_is_no_event(tmp_path: Path) -> None:
    (tmp_path / "dead.lock").touch()
    (tmp_path / "dead-000000000001.events").write_bytes(b'{"n":1}\n\n{"n":2')
    (tmp_path / "dead-000000000002.events").write_bytes(b"")
    box = Outbox(tmp_path, 1_000)
    assert (box.adopt(), box.count) == (1, 1)
    assert drained(box) == [b'{"n":1}']
    assert box.count == 0
    box.close()


def test_a_folder_that_is_none_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OSError):
        Outbox(tmp_path / "file", 1_000)


def test_what_a_disk_does_not_take_leaves_no_trace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    box = Outbox(tmp_path, 1_000)
    box.put(b'{"n":1}')

    def half(file: int, body: bytes) -> int:
        return os.pwrite(file, body[:3], os.fstat(file).st_size) if monkeypatch else 0

    with monkeypatch.context() as patch:
        patch.setattr(outbox.os, "write", half)
        assert box.put(b'{"n":2}') is False
    assert box.put(b'{"n":3}') is True
    assert drained(box) == [b'{"n":1}', b'{"n":3}']
    box.close()


def test_others_cannot_read_it(tmp_path: Path) -> None:
    box = Outbox(tmp_path / "made", 1_000)
    box.put(b"{}")
    assert {path.stat().st_mode & 0o777 for path in (tmp_path / "made").iterdir()} == {0o600}
    assert (tmp_path / "made").stat().st_mode & 0o777 == 0o700
    box.settle(box.take(1, 1)[1:])
    box.close()


def test_a_child_lets_go_and_the_parent_keeps(tmp_path: Path) -> None:
    box = Outbox(tmp_path, 1_000)
    box.put(b"{}")
    pid = os.fork()
    if pid == 0:
        box.abandon()
        other = Outbox(tmp_path, 1_000)
        os._exit(other.adopt())
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    last = Outbox(tmp_path, 1_000)
    assert last.adopt() == 0  # the child's, which held nothing
    box.close()
    assert last.adopt() == 1
    drained(last)
    last.close()
