"""A server in front of the service that serves pages, passes requests on, and misbehaves when it is told to.

`localhost` is the origin of the pages and `127.0.0.1` the address of the service, so that a page asks across origins.
"""

import contextlib
import http.client
import json
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

PASSED_ON = ("content-type", "x-api-key", "authorization", "origin", "access-control-request-method",
             "access-control-request-headers")  # fmt: skip
PASSED_BACK = ("access-control-", "content-type", "cross-origin-", "retry-after", "vary")
ALLOWED = {"Access-Control-Allow-Origin": "*", "Access-Control-Expose-Headers": "Retry-After"}


@dataclass(frozen=True, slots=True)
class Passed:
    """One request that came in: when, what it was answered (0 for nothing), and its body."""

    at: float
    method: str
    status: int
    body: bytes


@dataclass(slots=True)
class Misbehaving:
    """The server, what it does to the POST requests that come, and what came."""

    service: tuple[str, int]
    pages: dict[str, tuple[str, bytes]]
    """Path to content type and content."""
    mood: str = "pass"
    """`pass`; a status such as `429`; `slow`; `refuse` (nothing is passed on); `forget` (the answer is lost)."""
    retry_after: str = "1"
    slow_seconds: float = 3.0
    port: int = 0
    seen: list[Passed] = field(default_factory=list)

    @property
    def page(self) -> str:
        """The origin of the pages."""
        return f"http://localhost:{self.port}"

    @property
    def api(self) -> str:
        """The address of the service, for pages."""
        return f"http://127.0.0.1:{self.port}"

    def events(self) -> list[str]:
        """The ids of all events that came, in order, as often as they came."""
        return [event["event_id"] for one in self.posts() for event in json.loads(one.body)["events"]]

    def posts(self, *statuses: int) -> list[Passed]:
        """The POST requests that came, of all or of these answers."""
        return [one for one in self.seen if one.method == "POST" and (not statuses or one.status in statuses)]

    def failed(self) -> list[Passed]:
        """What got no good answer: a POST, or the question of a browser whether it may post."""
        return [one for one in self.seen if one.method != "GET" and one.status not in (200, 202, 204)]


def _handler(server: Misbehaving) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        seen: list[Passed]

        def parse_request(self) -> bool:
            self.seen = server.seen  # a request that is answered late belongs to the test that it came in
            return super().parse_request()

        def do_GET(self) -> None:
            page = server.pages.get(self.path.partition("?")[0])
            if page is None:
                self.pass_on(b"")
            else:
                self.answer(200, {"Content-Type": page[0]}, page[1])

        def do_OPTIONS(self) -> None:
            if server.mood == "refuse":
                self.hang_up()
            else:
                self.pass_on(b"")

        def do_POST(self) -> None:
            mood = server.mood
            body = self.rfile.read(int(self.headers.get("content-length", "0")))
            if mood == "slow":
                time.sleep(server.slow_seconds)
            if mood == "refuse":
                self.hang_up(body)
            elif mood.isdigit():
                retry = {"Retry-After": server.retry_after} if mood in ("429", "503") else {}
                self.answer(int(mood), ALLOWED | retry, b"<h1>trouble</h1>", body)
            else:
                self.pass_on(body, forget=mood == "forget")

        def pass_on(self, body: bytes, forget: bool = False) -> None:
            headers = {name: value for name in PASSED_ON if (value := self.headers.get(name)) is not None}
            connection = http.client.HTTPConnection(*server.service, timeout=30)
            try:
                connection.request(self.command, self.path, body or None, headers)
                got = connection.getresponse()
                content = got.read()
                kept = {
                    name: value
                    for name, value in got.getheaders()
                    if name.lower().startswith(
                        ("access-control-", "content-type", "cross-origin-", "retry-after", "vary")
                    )
                }
            finally:
                connection.close()
            if forget:
                self.hang_up(body)
            else:
                self.answer(got.status, kept, content, body)

        def answer(self, status: int, headers: dict[str, str], content: bytes, body: bytes = b"") -> None:
            self.note(status, body)
            with contextlib.suppress(OSError):  # the page may be gone
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                if status != 204:
                    self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

        def hang_up(self, body: bytes = b"") -> None:
            self.note(0, body)
            self.close_connection = True
            with contextlib.suppress(OSError):
                self.connection.shutdown(socket.SHUT_RDWR)

        def note(self, status: int, body: bytes) -> None:
            self.seen.append(Passed(time.monotonic(), self.command, status, body))

        def log_message(self, format: str, *args: Any) -> None:
            pass

    return Handler


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A browser hangs up whenever it likes."""


@contextlib.contextmanager
def misbehaving(service: tuple[str, int], pages: dict[str, tuple[str, bytes]]) -> Iterator[Misbehaving]:
    """The server, on a port of its own."""
    told = Misbehaving(service, pages)
    server = _Server(("127.0.0.1", 0), _handler(told))
    told.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, name="misbehaving", daemon=True)
    thread.start()
    try:
        yield told
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def script(path: Path) -> tuple[str, bytes]:
    """A script, as a page of the server."""
    return "text/javascript", path.read_bytes()
