"""`auricle subject`: what is known of a person, all of it as JSON, and its erasure; asked of the running service."""

import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer

from auricle.cli.door import API, Door, open_door
from auricle.cli.options import Json, Target, takes
from auricle.cli.output import WRONG_USE, Failure, print_json, print_table, stderr, stdout
from auricle.cli.report import filter_of
from auricle.model.principal import Kind
from auricle.model.subject import State

app = typer.Typer(no_args_is_help=True, help="Find, export or erase what is known of a person.")

SUBJECTS = f"{API}/subjects"
POLL_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Person:
    """Whose events; all conditions must be met."""

    user: Annotated[str | None, typer.Option(metavar="ID", help="The user's id, as clients send it.")] = None
    session: Annotated[str | None, typer.Option(metavar="ID", help="A session's id.")] = None
    site: Annotated[str | None, typer.Option(metavar="ID", help="Only this site.")] = None
    from_: Annotated[str | None, typer.Option("--from", metavar="TIME", help="First moment, RFC 3339.")] = None
    to: Annotated[str | None, typer.Option(metavar="TIME", help="First moment after it, RFC 3339.")] = None
    filters: Annotated[
        list[str] | None,
        typer.Option("--filter", metavar="'FIELD OP VALUE'", help="Only events like this; repeat for more."),
    ] = None

    def as_body(self) -> dict[str, Any]:
        """The conditions as the doors take them.

        Raises:
            Failure: there is none.
        """
        told = {
            "user_id": self.user,
            "session_id": self.session,
            "site_id": self.site,
            "from": self.from_,
            "to": self.to,
            "filters": [filter_of(text) for text in self.filters or []] or None,
        }
        body = {name: value for name, value in told.items() if value is not None}
        if not body:
            raise Failure("whose events? Give --user, --session, --site, --from, --to or --filter", WRONG_USE)
        return body


@app.command()
@takes
def find(person: Person, target: Target, json: Json = False) -> None:
    """Show how many events there are of a person, by name."""
    body = person.as_body()
    with open_door(target, Kind.ADMIN) as door:
        found = door.ask("POST", f"{SUBJECTS}/find", body)
    if json:
        print_json(found)
        return
    columns = ("event", "events", "sessions", "first", "last")
    rows = [[one["event_name"], one["events"], one["sessions"], one["first"], one["last"]] for one in found["names"]]
    print_table("Known of the person", columns, rows, f"{found['events']:,} events")


@app.command()
@takes
def export(
    person: Person,
    target: Target,
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="Where to; standard output without it.")] = None,
    json: Json = False,  # noqa: ARG001 - every command has it, and this one gives nothing else
) -> None:
    """Write every event of a person as JSON."""
    body = person.as_body()
    with open_door(target, Kind.ADMIN) as door:
        found = door.ask("POST", f"{SUBJECTS}/export", body)
    if out is None:
        print_json(found)
        return
    try:
        # NOTE: nobody else may read it, whatever the umask says.
        with os.fdopen(os.open(out, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(orjson.dumps(found, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))
    except OSError as error:
        raise Failure(f"cannot write {out}: {error.strerror}") from None
    stderr().print(f"{len(found['events']):,} events in {out}", markup=False)


@app.command()
@takes
def erase(
    person: Person,
    target: Target,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    no_wait: Annotated[bool, typer.Option("--no-wait", help="Do not wait until it is done.")] = False,
    json: Json = False,
) -> None:
    """Erase every event of a person for good, and refuse what would bring them back."""
    body = person.as_body()
    with open_door(target, Kind.ADMIN) as door:
        if not yes:
            found = door.ask("POST", f"{SUBJECTS}/find", body)
            if not typer.confirm(f"Erase {found['events']:,} events for good?", err=True):
                raise Failure("nothing was erased")
        receipt = door.ask("POST", f"{SUBJECTS}/erase", body)
        if not no_wait:
            receipt = _waited(door, receipt)
    _print(receipt, json)


@app.command()
@takes
def receipt(
    erasure: Annotated[str, typer.Argument(metavar="ID", help="The erasure's id.")], target: Target, json: Json = False
) -> None:
    """Show how far an erasure is, and what it removed."""
    with open_door(target, Kind.ADMIN) as door:
        found = door.ask("GET", f"{SUBJECTS}/erasures/{erasure}")
    _print(found, json)


def _waited(door: Door, receipt: dict[str, Any]) -> dict[str, Any]:
    state, trouble = "", None
    while receipt["state"] != State.DONE:
        if (receipt["state"], receipt["trouble"]) != (state, trouble):
            state, trouble = receipt["state"], receipt["trouble"]
            stderr().print(f"{state}{': ' + trouble if trouble else ''}", markup=False)
        time.sleep(POLL_SECONDS)
        receipt = door.ask("GET", f"{SUBJECTS}/erasures/{receipt['id']}")
    return receipt


def _print(receipt: dict[str, Any], json: bool) -> None:
    if json:
        print_json(receipt)
        return
    rows = [[store, rows] for store, rows in receipt["erased"].items()]
    print_table(f"Erasure {receipt['id']}: {receipt['state']}", ("from", "removed"), rows)
    if receipt["trouble"]:
        stdout().print(f"  {receipt['trouble']}", markup=False)
