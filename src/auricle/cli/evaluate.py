"""`auricle evaluate`: the judge of the running service: how it stands, and judging now."""

from dataclasses import dataclass
from typing import Annotated, Any

import typer

from auricle.cli.door import API, open_door
from auricle.cli.options import Json, Target, takes
from auricle.cli.output import percent, print_json, print_table, stdout
from auricle.model.principal import Kind

app = typer.Typer(no_args_is_help=True, help="Judge voice interactions, and see how the judge stands.")

EVALUATIONS = f"{API}/evaluations"
ENDS = ("scored", "unscored", "skipped", "put_off")


@app.command()
@takes
def status(target: Target, json: Json = False) -> None:
    """Show what waits for the judge, and what became of the rest."""
    with open_door(target, Kind.READ) as door:
        answer = door.ask("GET", EVALUATIONS)
    if json:
        print_json(answer)
        return
    if answer["rests"]:
        rests = answer["rests"]
        stdout().print(f"the judge rests: {rests['reason']}, for {rests['seconds']:,} s more", markup=False)
    columns = ("judge", "waiting", "scored", "unscored", "skipped", "success_rate", "latency_ms", "oldest_waiting")
    row = [percent(answer[name]) if name == "success_rate" else answer[name] for name in columns]
    print_table("Evaluations", columns, [row])
    if answer["reasons"]:
        print_table("Without a score", ("reason", "interactions"), sorted(answer["reasons"].items()))


@app.command()
@takes
def run(target: Target, json: Json = False) -> None:
    """Judge what waits, now, until nothing is left that can be judged."""
    told = dict.fromkeys(ENDS, 0)
    with open_door(target, Kind.ADMIN) as door:
        while True:
            answer = door.ask("POST", f"{EVALUATIONS}/run")
            for name in ENDS:
                told[name] += answer[name]
            if not any(answer[name] for name in ENDS[:3]):
                break
    if json:
        print_json({**told, "waiting": answer["waiting"]})
    else:
        columns = (*ENDS, "waiting")
        print_table("Judged", columns, [[*told.values(), answer["waiting"]]])


@app.command()
@takes
def resume(target: Target, json: Json = False) -> None:
    """Let a judge that paused itself, because of its key or account, try again."""
    with open_door(target, Kind.ADMIN) as door:
        answer = door.ask("POST", f"{EVALUATIONS}/resume")
    if json:
        print_json(answer)
    else:
        stdout().print("resumed" if answer["resumed"] else "the judge was not paused", markup=False)


@dataclass(frozen=True, slots=True)
class History:
    """Which stored interactions are meant."""

    period: Annotated[str, typer.Option(help="The last hours or days, such as 24h or 30d.")] = "30d"
    site: Annotated[str | None, typer.Option(help="Only of this site.")] = None

    def as_members(self) -> dict[str, Any]:
        """The members that the doors take."""
        return {"period": self.period} | ({"site_id": self.site} if self.site else {})


@app.command()
@takes
def preview(history: History, target: Target, json: Json = False) -> None:
    """Tell about what judging stored interactions takes, without judging any."""
    with open_door(target, Kind.ADMIN) as door:
        answer = door.ask("POST", f"{EVALUATIONS}/preview", history.as_members())
    if json:
        print_json(answer)
        return
    columns = ("judge", "interactions", "input_tokens", "output_tokens", "cost_usd")
    print_table("Preview", columns, [[answer[name] for name in columns]])


@app.command()
@takes
def backfill(
    history: History,
    target: Target,
    again: Annotated[bool, typer.Option("--again", help="Also those that were judged before.")] = False,
    json: Json = False,
) -> None:
    """Put stored interactions into the queue of the judge."""
    queued = 0
    body = {**history.as_members(), "again": again}
    with open_door(target, Kind.ADMIN) as door:
        while True:
            answer = door.ask("POST", f"{EVALUATIONS}/backfill", body)
            queued += answer["queued"]
            if answer["next"] is None:
                break
            body |= {"after": answer["next"], "generation": answer["generation"]}
    if json:
        print_json({"queued": queued})
    else:
        stdout().print(f"{queued:,} queued", markup=False)
