"""The process that serves: alone in its data folder, with room for its connections, until a signal ends it."""

import asyncio
import fcntl
import gc
import os
import resource
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import orjson
import structlog
import uvicorn
import uvloop

from auricle import clock, telemetry
from auricle.app import build
from auricle.edge.connection import IDLE_SECONDS, connections
from auricle.edge.socket import Socket
from auricle.settings import Settings
from auricle.store.secret import check_secret, secret_file

log = structlog.get_logger(__name__)

FRAME_SLACK = 65_536
"""Bytes over the limit of a frame that are still read, so that the refusal arrives."""
OWN_FILES = 200
"""Open files that are not connections: databases, the engine's pipes and sockets, the log."""


class InUse(Exception):
    """Another process serves this data folder."""


def serve(settings: Settings, ready: Callable[[str], None] | None = None) -> None:
    """Serves until a signal ends it; `ready` is called with the address once requests are answered.

    Raises:
        WeakSecret: the address is public, and the secret of tokens can be guessed.
        InUse: another process serves this data folder.
        OSError: the address cannot be listened on.
    """
    check_secret(settings)
    telemetry.configure("debug" if settings.debug_mode else settings.log_level, settings.log_format)
    settings.data.mkdir(parents=True, exist_ok=True, mode=0o700)
    with _alone(settings.data):
        listener = _listen(settings.host, settings.port)
        host = f"[{settings.host}]" if ":" in settings.host else settings.host
        url = f"http://{host}:{listener.getsockname()[1]}"
        if (file := secret_file(settings)) is not None:
            log.warning("token_secret_of_our_own", file=str(file))
        protocol, _ = connections(_room_for(settings.max_connections))
        config = uvicorn.Config(
            build(settings),
            http=protocol,  # type: ignore[arg-type]
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            lifespan="on",
            timeout_keep_alive=IDLE_SECONDS,
            timeout_graceful_shutdown=10,
            ws=Socket,
            # NOTE: a frame over the limit is refused by its header; one just over it is read, for a client that is cut
            # off while it sends may never see why.
            ws_max_size=settings.max_batch_bytes + FRAME_SLACK,
            ws_per_message_deflate=False,
            ws_ping_interval=settings.stream_idle / 2,
            ws_ping_timeout=settings.stream_idle / 2,
        )
        _tune_interpreter()
        note = settings.data / "service.json"
        for ending in (signal.SIGTERM, signal.SIGINT):
            # NOTE: uvicorn raises the signal once more when it has stopped, and the default would end us right there.
            signal.signal(ending, lambda *_: None)
        try:
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                runner.run(_serve(uvicorn.Server(config), listener, note, url, ready))
        finally:
            note.unlink(missing_ok=True)


def _room_for(connections: int) -> int:
    """How many connections there may be: raises the process's limit on open files, and keeps some for our own."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = connections + OWN_FILES
    if soft != resource.RLIM_INFINITY and soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(hard, wanted)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    # NOTE: without a file left to take a client into, the event loop would ask for one again and again, at full speed.
    return connections if soft == resource.RLIM_INFINITY else max(1, min(connections, soft - OWN_FILES))


def _tune_interpreter() -> None:
    """Sets the interpreter up for one busy event loop beside a few threads that mostly wait for the disk."""
    # NOTE: a batch makes thousands of small objects and no cycle; at Python's default of 700 objects a collection,
    # decoding took twice as long (measured on batches of 100).
    gc.freeze()
    gc.set_threshold(50_000, 50, 100)
    # NOTE: a commit comes back for the interpreter some ten times, and at the default of 5 ms it waited for the event
    # loop each time: half of the commits took over 16 ms under load, and 5 ms with this (`bench ingest`).
    sys.setswitchinterval(0.0005)


async def _serve(
    server: uvicorn.Server, listener: socket.socket, note: Path, url: str, ready: Callable[[str], None] | None
) -> None:
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    while not (server.started or serving.done()):  # noqa: ASYNC110 - uvicorn tells it by a flag only
        await asyncio.sleep(0.01)
    if server.started:
        _leave_note(note, url)
        if ready:
            ready(url)
    await serving


def _leave_note(note: Path, url: str) -> None:
    """Tells the command line where the service of this folder is."""
    note.write_bytes(orjson.dumps({"url": url, "pid": os.getpid(), "started_at": clock.now().isoformat()}))


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Holds the data folder: two services in one would take each other's blocks."""
    with (folder / "service.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise InUse(f"Another process serves {folder}. Stop it, or choose another folder with --data.") from error
        yield


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError:
        listener.close()
        raise
    listener.listen(2048)
    listener.setblocking(False)
    return listener
