"""The lifecycle: what happens to clients when their process forks, is told to end, or ends.

At exit each client has `EXIT_SECONDS` in all to send what waits. SIGTERM, where the program has no handler of its own,
sends first and then ends the process as it would have; a handler of the program is called at once, and the exit that it
leads to sends. A child that was forked off begins with nothing waiting.
"""

import _thread
import atexit
import os
import signal
import sys
import threading
import time
from types import FrameType
from typing import Any, Protocol


class Living(Protocol):
    """What has something to do at the end."""

    def _flush(self, seconds: float) -> bool: ...

    def _close(self, seconds: float) -> bool: ...

    def _after_fork(self) -> None: ...


EXIT_SECONDS = 5.0
"""The longest that the end of the process waits for events to be sent."""

# NOTE: not weak references: what a client that nobody holds any more has taken must be sent too.
_alive: dict[Living, None] = {}
_before: Any = None
"""The handler of SIGTERM that was there before ours; None where ours is not installed."""


def watch(client: Living, *, sigterm: bool) -> None:
    """Looks after a client from now on."""
    _alive[client] = None
    if sigterm:
        _install()


def forget(client: Living) -> None:
    """Looks after it no more."""
    _alive.pop(client, None)


def close_all() -> None:
    """Closes every client, all within `EXIT_SECONDS`."""
    deadline = time.monotonic() + EXIT_SECONDS
    for client in list(_alive):
        client._close(max(0.0, deadline - time.monotonic()))


def _install() -> None:
    global _before
    if threading.current_thread() is not threading.main_thread():
        return
    current = signal.getsignal(signal.SIGTERM)
    # NOTE: a signal that is ignored stays ignored, and one that is not Python's to handle stays so.
    if current is None or current == signal.SIG_IGN or current is _on_sigterm:
        return
    _before = current
    signal.signal(signal.SIGTERM, _on_sigterm)


def _on_sigterm(number: int, frame: FrameType | None) -> None:
    if callable(_before):
        _before(number, frame)
        return
    signal.signal(signal.SIGTERM, signal.SIG_DFL)  # so that a second one ends the process at once
    # NOTE: the code that this interrupts may hold a lock that sending needs, so it has to go on meanwhile. And a thread
    # of `threading` takes locks to start.
    _thread.start_new_thread(_end, (number,))


def _end(number: int) -> None:
    deadline = time.monotonic() + EXIT_SECONDS
    for client in list(_alive):
        client._flush(max(0.0, deadline - time.monotonic()))
    os.kill(os.getpid(), number)


def _in_child() -> None:
    for client in list(_alive):
        client._after_fork()
    if "multiprocessing.util" in sys.modules:
        # NOTE: such children end without what `atexit` knows of; they have a list of their own, which is emptied right
        # after this, but for what is put in while they empty it.
        sys.modules["multiprocessing.util"].register_after_fork(_ending, _at_end_of_child)


class _Ending:
    """Something that `multiprocessing` can hold on to."""


_ending = _Ending()


def _at_end_of_child(_: object) -> None:
    sys.modules["multiprocessing.util"].Finalize(None, close_all, exitpriority=100)


atexit.register(close_all)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_in_child)
