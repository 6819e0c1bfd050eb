"""`auricle demo`: the real service with a day of made-up traffic, sent through its doors, and the first reports."""

import json as json_text
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from time import monotonic, sleep
from types import FrameType
from typing import Annotated, Any

import typer

from auricle import clock
from auricle.cli.door import API, Door, running
from auricle.cli.options import Json, settings_of
from auricle.cli.output import Failure, print_json, print_table, stderr, stdout
from auricle.cli.report import REPORTS, print_active, print_funnel, print_top
from auricle.cli.traffic import Event, a_day, faulty
from auricle.model.principal import Kind
from auricle.store.control import ControlStore

HOST = "127.0.0.1"
TENANT = "demo"
START_SECONDS = 60
VISIBLE_SECONDS = 60
STOP_SECONDS = 30
BATCH = 250
SINGLES = 20
RETRIED = 40
"""Events that are sent a second time, as a client does that missed the answer."""
STEPS = ("commerce.view", "commerce.add_to_cart", "commerce.checkout")


@dataclass(frozen=True, slots=True)
class Demo:
    """A demo that runs: what a client needs to know of it."""

    url: str
    keys: dict[str, str]
    folder: Path

    def as_json(self) -> dict[str, Any]:
        """The demo as `demo.json` holds it."""
        return {"url": self.url, "tenant": TENANT, "keys": self.keys}


class _Stopped(Exception):
    """A signal asked to end."""


def demo(
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on; 0 takes a free one.")] = 8000,
    data: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Folder of everything kept.", show_default="a fresh temporary folder"),
    ] = None,
    once: Annotated[bool, typer.Option("--once", help="Print the first reports, stop and exit 0.")] = False,
    json: Json = False,
) -> None:
    """Start the service with sample data, print first reports, and keep serving until Ctrl-C."""
    _check_port(port)
    folder = data or Path(tempfile.mkdtemp(prefix="auricle-demo-"))
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with _signals(), _service(folder, port) as child:
        try:
            url = _ready(folder, child)
            made = Demo(url, _keys(folder), folder)
            _write(folder / "demo.json", made)
            sent = _send(made, json)
            reports = _ask(made)
            _print(made, sent, reports, once, json)
            if not once:
                child.wait()
                raise Failure(f"the service ended by itself; its log is {folder / 'service.log'}")
        except (_Stopped, KeyboardInterrupt):
            stderr().print("stopping", style="dim")


@contextmanager
def _signals() -> Iterator[None]:
    """Turns the first signal to end into `_Stopped`; later ones are ignored while the service shuts down."""

    def stop(number: int, _frame: FrameType | None) -> None:
        for one in ends:
            signal.signal(one, signal.SIG_IGN)
        raise _Stopped(number)

    ends = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {one: signal.signal(one, stop) for one in ends}
    try:
        yield
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)


@contextmanager
def _service(folder: Path, port: int) -> Iterator[subprocess.Popen[bytes]]:
    """`auricle serve` as a child, stopped at the end by its own process id."""
    command = [sys.executable, "-m", "auricle.cli", "serve", "--host", HOST, "--port", str(port), "--data", str(folder)]
    with (folder / "service.log").open("ab") as log:
        # NOTE: a session of its own, for a terminal sends Ctrl-C to the whole group: the child must outlive the answer
        # that is under way here, and be told once.
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
    try:
        yield child
    finally:
        if child.poll() is None:
            child.terminate()
            try:
                child.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()


def _check_port(port: int) -> None:
    """Says so before anything is made when the port is taken."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            why = "is taken" if not isinstance(error, PermissionError) else "needs more rights"
            raise Failure(f"port {port} {why}: choose another with --port N (0 takes a free one)") from None


def _ready(folder: Path, child: subprocess.Popen[bytes]) -> str:
    """The address of the service, once it answers."""
    deadline = monotonic() + START_SECONDS
    while monotonic() < deadline:
        if child.poll() is not None:
            raise Failure(f"the service did not start:\n{_last_lines(folder / 'service.log')}")
        found = running(folder)
        if found is not None and found.pid == child.pid:
            return found.url
        sleep(0.05)
    raise Failure(f"the service did not start within {START_SECONDS} s; its log is {folder / 'service.log'}")


def _last_lines(log: Path, count: int = 8) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-count:])


def _keys(folder: Path) -> dict[str, str]:
    """A key of each kind for the demo's tenant."""
    store = ControlStore.open(settings_of(data=folder))
    try:
        return {kind.value: store.create_key(TENANT, kind, label="demo").key for kind in Kind}
    finally:
        store.close()


def _write(path: Path, made: Demo) -> None:
    """Writes `demo.json` whole or not at all, readable by its owner alone."""
    draft = path.with_suffix(".tmp")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json_text.dump(made.as_json(), file, indent=2)
    draft.replace(path)


def _send(made: Demo, quiet: bool) -> dict[str, int]:
    """Sends the day through the doors, single and in batches, with retries and faults; waits until it is visible."""
    now = clock.now()
    day = a_day(now)
    door = Door(made.url, made.keys["ingest"])
    told: Counter[str] = Counter()
    try:
        if not quiet:
            stderr().print(f"sending {len(day):,} events to {made.url}", style="dim", markup=False)
        for event in day[:SINGLES]:
            told[door.ask("POST", f"{API}/events", event)["status"]] += 1
        rest = [day[start : start + BATCH] for start in range(SINGLES, len(day), BATCH)]
        for number, events in enumerate([*rest, day[:RETRIED], faulty(now) + day[-1:]]):
            told += _deliver(door, events, lines=number % 4 == 3)
        deadline = monotonic() + VISIBLE_SECONDS
        while door.ask("GET", f"{API}/stats")["waiting"]:
            if monotonic() > deadline:
                raise Failure(
                    f"the events are not visible after {VISIBLE_SECONDS} s; see {made.folder / 'service.log'}"
                )
            sleep(0.05)
    finally:
        door.close()
    return {status: told[status] for status in ("stored", "duplicate", "rejected", "dropped")}


def _deliver(door: Door, events: list[Event], lines: bool) -> Counter[str]:
    """What became of a batch, sent as JSON or as NDJSON."""
    if lines:
        body, kind = "\n".join(json_text.dumps(event) for event in events), "application/x-ndjson"
    else:
        body, kind = json_text.dumps({"events": events}), "application/json"
    answer = door.deliver(f"{API}/events/batch", body.encode(), {"Content-Type": kind}, patience=30)
    if not answer.is_success:
        raise Failure(f"the service answered {answer.status_code}")
    told = answer.json()
    counts = {"stored": told["accepted"], "duplicate": told["duplicates"]}
    return Counter({**counts, "rejected": told["rejected"], "dropped": told["dropped"]})


def _ask(made: Demo) -> dict[str, Any]:
    """The first reports, with the key of kind read."""
    now = clock.now()
    day = {"from": (now - timedelta(hours=24)).isoformat(), "to": now.isoformat()}
    door = Door(made.url, made.keys["read"])
    try:
        catalogue = door.ask("GET", f"{REPORTS}/metrics")["metrics"]
        values = {
            metric["name"]: door.ask("POST", f"{REPORTS}/timeseries", {"metric": metric["name"], "grain": "1d", **day})
            for metric in catalogue
        }
        return {
            "funnel": door.ask("POST", f"{REPORTS}/funnel", {"steps": list(STEPS), "by": "session", **day}),
            "metrics": {name: answer["points"] for name, answer in values.items()},
            "active": door.ask("POST", f"{REPORTS}/active", day),
            "top": door.ask("POST", f"{REPORTS}/top", {"field": "voice.query_text", "limit": 5, **day}),
        }
    finally:
        door.close()


def _print(made: Demo, sent: dict[str, int], reports: dict[str, Any], once: bool, json: bool) -> None:
    """Prints the reports, the address and the keys."""
    if json:
        print_json({**made.as_json(), "data": str(made.folder), "sent": sent, "reports": reports})
        return
    print_table("Receipts", tuple(sent), [tuple(sent.values())])
    print_funnel(reports["funnel"])
    dates = sorted({point["t"][:10] for points in reports["metrics"].values() for point in points})
    rows = []
    for name, points in reports["metrics"].items():
        values = {point["t"][:10]: point["value"] for point in points}
        rows.append([name, *(values.get(date) for date in dates)])
    print_table("Metrics", ("metric", *dates), rows)
    print_active(reports["active"])
    print_top(reports["top"], "voice.query_text")
    console = stdout()
    lines = [
        f"Auricle {'listened' if once else 'listens'} on {made.url}, tenant {TENANT}, data in {made.folder}",
        *(f"  {kind:<7} {key}" for kind, key in made.keys.items()),
    ]
    if not once:
        lines += [
            f"Open {made.url} in a browser, and log in with the key of kind admin above.",
            "Or try:",
            f"  curl {made.url}{REPORTS}/top -H 'Authorization: Bearer {made.keys['read']}' \\",
            """    -H 'Content-Type: application/json' -d '{"field": "voice.query_text", "period": "24h"}'""",
            f"  auricle report funnel --steps {','.join(STEPS)} --data {made.folder}",
            "Ctrl-C ends it.",
        ]
    console.print("\n".join(lines), markup=False, soft_wrap=True)
