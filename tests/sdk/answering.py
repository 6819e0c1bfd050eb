"""A service that answers as it is told to, once each, and afterwards takes everything; it keeps what it was sent."""

import contextlib
import gzip
import json
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that came."""

    at: float
    path: str
    headers: Mapping[str, str]
    body: dict[str, Any]

    @property
    def ids(self) -> list[str]:
        """The ids of its events."""
        return [event["event_id"] for event in self.body["events"]]


@dataclass(slots=True)
class Answering:
    """The requests so far, and the answers to come."""

    url: str = ""
    answers: list[dict[str, Any]] = field(default_factory=list)
    asked: list[Asked] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)

    @property
    def ids(self) -> list[str]:
        """The ids of all events that came, in order, as often as they came."""
        return [each for one in self.asked for each in one.ids]

    def wait(self, requests: int, seconds: float = 10.0) -> list[Asked]:
        """The requests, once there are so many."""
        deadline = time.monotonic() + seconds
        while len(self.asked) < requests:
            assert time.monotonic() < deadline, f"{len(self.asked)} requests, not {requests}"
            time.sleep(0.005)
        return self.asked


def accepted(events: Sequence[Any]) -> dict[str, Any]:
    """The answer to events that were all stored."""
    body = {"batch_id": "b", "accepted": len(events), "duplicates": 0, "rejected": 0, "dropped": 0, "results": []}
    return {"status": 202, "headers": {"Content-Type": "application/json"}, "body": body}


@contextlib.contextmanager
def answering(*answers: dict[str, Any], port: int = 0) -> Iterator[Answering]:
    """The service, listening."""
    state = Answering(answers=list(answers))
    server = _Server(("127.0.0.1", port), _handler(state))
    state.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield state
    finally:
        state.over.set()
        server.shutdown()
        thread.join()
        server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False


def _handler(state: Answering) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = 65_536  # head and body in one packet, else the second waits for the other side's acknowledgement

        def log_message(self, *_: Any) -> None:
            """Says nothing."""

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            told = json.loads(body)
            headers = {name.lower(): value for name, value in self.headers.items()}
            answer = state.answers.pop(0) if state.answers else accepted(told["events"])
            state.asked.append(Asked(time.monotonic(), self.path, headers, told))
            self.answer(answer)

        def answer(self, answer: dict[str, Any]) -> None:
            fault = answer.get("fault")
            if fault in ("silent", "hung_up"):
                if fault == "silent":
                    state.over.wait(20)
                self.close_connection = True
                return
            body = answer["text"].encode() if "text" in answer else json.dumps(answer["body"]).encode()
            time.sleep(answer.get("slow", 0.0))
            with contextlib.suppress(ConnectionError):
                self.send_response(answer["status"])
                for name, value in answer["headers"].items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body[: len(body) // 2] if fault == "cut" else body)
            self.close_connection = self.close_connection or fault == "cut"

    return Handler
