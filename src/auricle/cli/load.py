"""`auricle import`: reads a file and sends its events through the HTTP door of the running service."""

import gzip
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from io import BufferedReader
from pathlib import Path
from time import monotonic, sleep
from typing import Annotated, Any, BinaryIO, cast

import httpx2
import orjson
import typer
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from auricle.cli.door import API, Door, open_door, refusal
from auricle.cli.formats import access_log, csv, jsonl
from auricle.cli.formats.entry import Entry, Ids, Malformed
from auricle.cli.options import Json, Target, takes
from auricle.cli.output import FAILED, WRONG_USE, Failure, print_json, print_table, stderr
from auricle.model.principal import Kind

BATCH_EVENTS = 500
BATCH_BYTES = 450_000
"""Under the door's 500 KB, so that the wrapping has room."""
REASONS_SHOWN = 5
TOO_LARGE, INVALID = 413, 422
"""HTTP statuses of a batch over a limit, and of one whose every event was rejected."""
HEADERS = {"Content-Type": "application/json", "Content-Encoding": "gzip"}


class Format(StrEnum):
    """The formats of files."""

    ACCESS_LOG = "access-log"
    JSONL = "jsonl"
    CSV = "csv"


@dataclass(slots=True)
class Tally:
    """What became of the events of a file."""

    stored: int = 0
    duplicates: int = 0
    rejected: int = 0
    dropped: int = 0
    malformed: int = 0
    reasons: list[str] = field(default_factory=list)
    """The first few reasons of rejected events and malformed lines, with their line."""
    seconds: float = 0.0

    @property
    def faulty(self) -> int:
        """Lines of which no event came."""
        return self.rejected + self.malformed

    @property
    def taken(self) -> int:
        """Events that the service knows now."""
        return self.stored + self.duplicates + self.dropped

    def fault(self, line: int, why: str) -> None:
        """Notes a reason, as long as there are few."""
        if len(self.reasons) < REASONS_SHOWN:
            self.reasons.append(f"line {line}: {why}")


@dataclass(slots=True)
class Shipment:
    """Sends entries in batches and tallies the receipts."""

    door: Door
    patience: float
    tally: Tally
    _lines: list[int] = field(default_factory=list)
    _bodies: list[bytes] = field(default_factory=list)
    _size: int = 0

    def add(self, entry: Entry | Malformed) -> None:
        """Takes an entry along; sends when a batch is full."""
        if isinstance(entry, Malformed):
            self.tally.malformed += 1
            self.tally.fault(entry.line, entry.why)
            return
        body = orjson.dumps(entry.event)
        if self._bodies and (len(self._bodies) == BATCH_EVENTS or self._size + len(body) > BATCH_BYTES):
            self.flush()
        self._lines.append(entry.line)
        self._bodies.append(body)
        self._size += len(body) + 1

    def flush(self) -> None:
        """Sends what waits."""
        lines, bodies = self._lines, self._bodies
        self._lines, self._bodies, self._size = [], [], 0
        deadline = monotonic() + self.patience
        while bodies:
            again = self._send(lines, bodies)
            if again and monotonic() > deadline:
                raise Failure(f"given up after {self.patience:g} s: the service keeps asking to retry")
            if again:
                sleep(0.5)
            lines, bodies = [lines[index] for index in again], [bodies[index] for index in again]

    def _send(self, lines: list[int], bodies: list[bytes]) -> list[int]:
        """Sends one batch. Returns the places of the events that the service wants again."""
        packed = gzip.compress(b'{"events":[' + b",".join(bodies) + b"]}", 5)
        answer = self.door.deliver(f"{API}/events/batch", packed, HEADERS, self.patience)
        if answer.status_code == TOO_LARGE:
            return self._halve(lines, bodies, refusal(answer))
        told = _receipts(answer)
        self.tally.stored += told["accepted"]
        self.tally.duplicates += told["duplicates"]
        self.tally.rejected += told["rejected"]
        self.tally.dropped += told["dropped"]
        again = []
        for receipt in told["results"]:
            if receipt["status"] == "rejected":
                self.tally.fault(lines[receipt["index"]], _reason(receipt))
            elif receipt["status"] == "retry":
                again.append(receipt["index"])
        return again

    def _halve(self, lines: list[int], bodies: list[bytes], why: str) -> list[int]:
        """A service with narrower limits gets smaller batches."""
        if len(bodies) == 1:
            self.tally.rejected += 1
            self.tally.fault(lines[0], why)
            return []
        middle = len(bodies) // 2
        first = self._send(lines[:middle], bodies[:middle])
        return first + [middle + index for index in self._send(lines[middle:], bodies[middle:])]


@takes
def load(
    file: Annotated[Path, typer.Argument(help="The file, plain or gzip.", exists=True, dir_okay=False, readable=True)],
    format: Annotated[Format, typer.Option(help="What the file is.")],
    target: Target,
    columns: Annotated[
        list[str] | None, typer.Option("--map", metavar="TARGET=COLUMN,…", help="CSV: which column is what.")
    ] = None,
    text: Annotated[
        list[str] | None,
        typer.Option(metavar="COLUMN", help="CSV: a column that stays text where it looks like numbers."),
    ] = None,
    event_name: Annotated[str | None, typer.Option(metavar="NAME", help="CSV: name of rows that tell none.")] = None,
    delimiter: Annotated[str, typer.Option(help="CSV: what stands between cells.")] = ",",
    origin: Annotated[
        str, typer.Option(metavar="NAME", help="Tells sources apart that hold identical lines, such as two machines.")
    ] = "",
    max_errors: Annotated[
        int | None,
        typer.Option(min=0, help="Stop and exit 1 when more lines than this give no event.", show_default="no limit"),
    ] = None,
    patience: Annotated[
        float, typer.Option(min=0, metavar="SECONDS", help="How long to try again while the service is busy or away.")
    ] = 120,
    json: Json = False,
) -> None:
    """Import a file of events. Importing it again changes nothing: the ids come from its content."""
    entries = _reader(format, Ids(origin), target.tenant, _columns(columns, text, event_name, delimiter))
    tally = Tally()
    started = monotonic()
    with open_door(target, Kind.ADMIN, make_tenant=True) as door, file.open("rb") as raw, _progress(json) as progress:
        task = progress.add_task("importing", total=file.stat().st_size, events=0)
        shipment = Shipment(door, patience, tally)
        try:
            with _plain(raw) as stream:
                for number, entry in enumerate(entries(stream), start=1):
                    shipment.add(entry)
                    if number % 100 == 0:
                        progress.update(task, completed=raw.tell(), events=number)
                    if max_errors is not None and tally.faulty > max_errors:
                        break
            shipment.flush()
        except csv.WrongMap as wrong:
            raise Failure(str(wrong), WRONG_USE) from None
        except (EOFError, gzip.BadGzipFile, zlib.error):
            shipment.flush()
            raise Failure(f"{file} is broken gzip: {tally.taken:,} events before the break were taken") from None
        progress.update(task, completed=file.stat().st_size)
    tally.seconds = monotonic() - started
    _tell(file, tally, json)
    over = max_errors is not None and tally.faulty > max_errors
    if over or (tally.faulty and not tally.taken):
        raise typer.Exit(FAILED)


def _columns(maps: list[str] | None, text: list[str] | None, event_name: str | None, delimiter: str) -> csv.Columns:
    if len(delimiter.replace("\\t", "\t")) != 1:
        raise Failure("--delimiter takes one character", WRONG_USE)
    try:
        targets = csv.targets_of(maps or [])
    except csv.WrongMap as wrong:
        raise Failure(f"--map: {wrong}", WRONG_USE) from None
    return csv.Columns(targets, frozenset(text or ()), event_name, delimiter.replace("\\t", "\t"))


def _reader(format: Format, ids: Ids, tenant: str | None, columns: csv.Columns) -> Any:
    """The reader of a format, as a function of the stream alone."""
    if format is Format.ACCESS_LOG and tenant is None:
        raise Failure("access logs need --tenant: the visitors' pseudonyms depend on it", WRONG_USE)

    def read(stream: BinaryIO) -> Iterator[Entry | Malformed]:
        if format is Format.ACCESS_LOG:
            return access_log.read(stream, ids, tenant or "")
        if format is Format.CSV:
            return csv.read(stream, ids, columns)
        return jsonl.read(stream, ids)

    return read


def _plain(raw: BufferedReader) -> BinaryIO:
    """The stream without its compression, told by its first bytes and not by the file's name."""
    if raw.peek(2)[:2] == b"\x1f\x8b":
        return cast(BinaryIO, gzip.GzipFile(fileobj=raw))
    return raw


def _progress(quiet: bool) -> Progress:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TextColumn("{task.fields[events]:,} events"),
        TimeRemainingColumn(),
    )
    console = stderr()
    return Progress(*columns, console=console, transient=True, disable=quiet or not console.is_terminal)


def _receipts(answer: httpx2.Response) -> dict[str, Any]:
    """The counts and the receipts of a batch, also of one whose every event was rejected.

    Raises:
        Failure: the batch as a whole was refused.
    """
    if answer.is_success or answer.status_code == INVALID:
        told = orjson.loads(answer.content)
        if isinstance(told, dict) and "results" in told and "accepted" in told:
            return told
    raise Failure(refusal(answer))


def _reason(receipt: dict[str, Any]) -> str:
    """Why an event was rejected, in one line."""
    faults = receipt.get("errors") or []
    told = "; ".join(f"{fault.get('pointer') or 'event'}: {fault.get('message')}" for fault in faults[:2])
    return f"{receipt.get('reason', 'rejected')}{': ' if told else ''}{told}"


def _tell(file: Path, tally: Tally, json: bool) -> None:
    """Prints what became of the events."""
    rate = round(tally.taken / tally.seconds) if tally.seconds else 0
    counts = {
        "stored": tally.stored,
        "duplicates": tally.duplicates,
        "rejected": tally.rejected,
        "dropped": tally.dropped,
        "malformed": tally.malformed,
        "seconds": round(tally.seconds, 3),
        "events_per_second": rate,
    }
    if json:
        print_json({"file": str(file), **counts, "reasons": tally.reasons})
        return
    print_table(f"Imported {file.name}", tuple(name.replace("_", " ") for name in counts), [tuple(counts.values())])
    for reason in tally.reasons:
        stderr().print(f"  {reason}", style="yellow", markup=False)
    if tally.faulty > len(tally.reasons):
        stderr().print(f"  … and {tally.faulty - len(tally.reasons):,} more", style="yellow")
