"""A booking desk on the web, instrumented: three lines for every request, two more for what a booking is.

    $ export AURICLE_KEY=ak_…
    $ python3 examples/booking_desk.py
    $ curl -X POST localhost:8080/slots/monday-9/hold -H 'X-Session: s-1'
    $ curl -X POST localhost:8080/slots/monday-9/confirm -H 'X-Session: s-1'

Needs the package `auricle` and nothing else. Ended by Ctrl-C or SIGTERM, it sends what waits first.
"""

import argparse
import re
from collections.abc import Callable, Iterable
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

from auricle.client import Client, WsgiMiddleware

SLOT = re.compile(r"/slots/([\w-]{1,64})/(hold|confirm)")
EVENTS = {"hold": "booking.slot_hold", "confirm": "booking.confirmed"}
JSON = ("Content-Type", "application/json")


class Desk:
    """The application: holds slots and confirms them."""

    def __init__(self, analytics: Client) -> None:
        self._analytics = analytics
        self._held: set[str] = set()

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """One request."""
        found = SLOT.fullmatch(environ["PATH_INFO"])
        if found is None or environ["REQUEST_METHOD"] != "POST":
            start_response("404 Not Found", [JSON])
            return [b'{"error":"POST /slots/NAME/hold or /confirm"}\n']
        slot, act = found.groups()
        if act == "confirm" and slot not in self._held:
            start_response("409 Conflict", [JSON])
            return [b'{"error":"hold it first"}\n']
        self._held.add(slot)
        session = environ.get("HTTP_X_SESSION")
        self._analytics.track(EVENTS[act], {"booking.slot_id": slot, "booking.service": "haircut"}, session_id=session)
        start_response("200 OK", [JSON])
        return [b'{"ok":true}\n']


def route(environ: dict[str, Any]) -> str | None:
    """What a request is counted under: the slot's name says nothing."""
    return SLOT.sub(r"/slots/{slot}/\2", environ["PATH_INFO"])


class Quiet(WSGIRequestHandler):
    """Writes no line a request: Auricle counts them."""

    def log_message(self, *_: Any) -> None:
        """Says nothing."""


def main() -> None:
    """Serves until it is ended."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", help="of Auricle; AURICLE_URL, else http://127.0.0.1:8000")
    parser.add_argument("--key", help="of kind ingest; else AURICLE_KEY")
    parser.add_argument("--outbox", help="a folder for events to wait in")
    parser.add_argument("--port", type=int, default=8080)
    given = parser.parse_args()
    analytics = Client(given.url, given.key, site_id="desk", outbox=given.outbox)
    app = WsgiMiddleware(Desk(analytics), analytics, route=route)
    with make_server("127.0.0.1", given.port, app, handler_class=Quiet) as server:
        print(f"the desk is open: http://127.0.0.1:{server.server_port}", flush=True)
        server.serve_forever()


if __name__ == "__main__":
    main()
