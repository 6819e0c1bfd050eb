"""`auricle inbox`: the events that were refused, as the running service keeps them: seen, replayed and discarded."""

from dataclasses import dataclass
from typing import Annotated, Any
from urllib.parse import urlencode

import orjson
import typer

from auricle.cli.door import API, open_door
from auricle.cli.options import Json, Target, takes
from auricle.cli.output import WRONG_USE, Failure, print_json, print_table, stderr, stdout
from auricle.model.principal import Kind

app = typer.Typer(no_args_is_help=True, help="See, replay and discard the events that were refused.")

INBOX = f"{API}/inbox"
OUTCOMES = ("stored", "duplicates", "dropped", "failed", "retry")
STEP = 500
"""Events of one request; many requests make one replay."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Which failed events are meant."""

    event: Annotated[
        str | None, typer.Option(metavar="NAME", help="Of this event name; '' for names that could not be read.")
    ] = None
    reason: Annotated[str | None, typer.Option(help="Refused for this reason.")] = None
    pointer: Annotated[str | None, typer.Option(help="That broke a rule here, a JSON pointer.")] = None

    def as_members(self) -> dict[str, str]:
        """The members that the doors take."""
        told = {"event_name": self.event, "reason": self.reason, "pointer": self.pointer}
        return {name: value for name, value in told.items() if value is not None}


Everything = Annotated[bool, typer.Option("--all", help="All failed events of the tenant.")]


@app.command("list")
@takes
def list_groups(
    target: Target,
    limit: Annotated[int, typer.Option(min=1, max=1_000, help="How many groups.")] = 200,
    json: Json = False,
) -> None:
    """List the refused events by event name, reason and pointer, the largest group first."""
    with open_door(target, Kind.READ) as door:
        answer = door.ask("GET", f"{INBOX}?limit={limit}")
    if json:
        print_json(answer)
        return
    columns = ("event_name", "reason", "pointer", "rule", "events", "replayable", "last_at")
    print_table("Failed events", columns, [[one[name] for name in columns] for one in answer["groups"]])


@app.command()
@takes
def show(
    selection: Selection,
    target: Target,
    limit: Annotated[int, typer.Option(min=1, max=100, help="How many.")] = 5,
    json: Json = False,
) -> None:
    """Show refused events as they are kept, redacted, the latest first."""
    asked = urlencode({**selection.as_members(), "limit": limit})
    with open_door(target, Kind.READ) as door:
        answer = door.ask("GET", f"{INBOX}/events?{asked}")
    if json:
        print_json(answer)
        return
    console = stdout()
    for one in answer["events"]:
        head = f"{one['received_at']}  {one['reason']}  {one['pointer'] or 'the event'}: {one['message']}"
        console.print(head, markup=False, style="bold", soft_wrap=True)
        body = (
            orjson.dumps(one["event"], option=orjson.OPT_INDENT_2).decode() if one["event"] else "only a note is kept"
        )
        console.print(body + "\n", markup=False, soft_wrap=True)
    if not answer["events"]:
        console.print("nothing", style="dim")


@app.command()
@takes
def replay(selection: Selection, target: Target, everything: Everything = False, json: Json = False) -> None:
    """Send refused events through the intake again, with their own ids: each is counted once."""
    body = _chosen(selection, everything)
    told = dict.fromkeys(OUTCOMES, 0)
    with open_door(target, Kind.ADMIN) as door:
        after: int | None = 0
        while after is not None:
            answer = door.ask("POST", f"{INBOX}/replay", {**body, "after": after, "limit": STEP})
            for outcome in OUTCOMES:
                told[outcome] += answer[outcome]
            after = answer["next"]
            if after is not None and not json:
                stderr().print(f"  {sum(told.values()):,} replayed …", style="dim")
    if json:
        print_json(told)
    else:
        print_table("Replayed", OUTCOMES, [[told[outcome] for outcome in OUTCOMES]])


@app.command()
@takes
def discard(selection: Selection, target: Target, everything: Everything = False, json: Json = False) -> None:
    """Remove refused events for good."""
    body = _chosen(selection, everything)
    with open_door(target, Kind.ADMIN) as door:
        answer = door.ask("POST", f"{INBOX}/discard", body)
    if json:
        print_json(answer)
    else:
        stdout().print(f"{answer['discarded']:,} discarded", markup=False)


def _chosen(selection: Selection, everything: bool) -> dict[str, Any]:
    """What is changed: a selection, or all when that is said."""
    members = selection.as_members()
    if everything is bool(members):
        raise Failure("select by --event, --reason or --pointer, or say --all; not both", WRONG_USE)
    return {**members, **({"all": True} if everything else {})}
