"""`auricle retention`: how long events stay, what would go now, and what went; asked of the running service."""

import time
from typing import Annotated, Any

import typer

from auricle.cli.door import API, Door, open_door
from auricle.cli.options import Json, Target, takes
from auricle.cli.output import FAILED, Failure, print_json, print_table, stdout
from auricle.model.principal import Kind

app = typer.Typer(no_args_is_help=True, help="How long events are kept, and what goes.")

PATH = f"{API}/admin/retention"
POLL_SECONDS = 0.5


@app.command()
@takes
def status(target: Target, json: Json = False) -> None:
    """Show a tenant's days, and the latest sweeps that took events of it."""
    with open_door(target, Kind.ADMIN) as door:
        _print(door.ask("GET", PATH), json)


@app.command()
@takes
def preview(target: Target, json: Json = False) -> None:
    """Show how many events of a tenant would go now, by name."""
    with open_door(target, Kind.ADMIN) as door:
        found = door.ask("GET", f"{PATH}/preview")
    if json:
        print_json(found)
        return
    columns = ("event", "dataset", "events", "first received", "last received")
    rows = [
        [one["event_name"], one["dataset"] or "", one["events"], one["first_received_at"], one["last_received_at"]]
        for one in found["names"]
    ]
    print_table(f"{found['events']:,} events are over their days", columns, rows)


@app.command()
@takes
def run(
    target: Target,
    no_wait: Annotated[bool, typer.Option("--no-wait", help="Do not wait until nothing is left to take.")] = False,
    json: Json = False,
) -> None:
    """Take what is over its days now, rather than after midnight (UTC)."""
    with open_door(target, Kind.ADMIN) as door:
        told = door.ask("POST", f"{PATH}/run", {})
        if not no_wait:
            told = _waited(door)
    _print(told, json)


def _waited(door: Door) -> dict[str, Any]:
    while not (told := door.ask("GET", PATH))["up_to_date"]:
        if told["trouble"]:
            raise Failure(told["trouble"], FAILED)
        time.sleep(POLL_SECONDS)
    return dict(told)


def _print(told: dict[str, Any], json: bool) -> None:
    if json:
        print_json(told)
        return
    days = told["days"]
    rules = [("all other events", days["events"]), *days["by_event"].items()]
    rules += [(f"dataset {name}", kept) for name, kept in days["by_dataset"].items()]
    print_table("Kept after receipt", ("what", "days"), [(name, kept or "for ever") for name, kept in rules])
    columns = ("began", "state", "month", "events", "archived")
    rows = [
        [one["began_at"], one["state"], one["month"], one["events"], "yes" if one["archived"] else "no"]
        for one in told["sweeps"]
    ]
    print_table("Sweeps", columns, rows)
    if told["trouble"]:
        stdout().print(f"  {told['trouble']}", markup=False)
