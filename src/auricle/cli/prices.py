"""`auricle prices`: a tenant's price list, through the running service."""

import sys
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer

from auricle.cli.door import API, open_door
from auricle.cli.options import Json, Target, takes
from auricle.cli.output import Failure, print_json, print_table
from auricle.model.price import Kind as Tokens
from auricle.model.principal import Kind
from auricle.report.pricelist import entries_of

app = typer.Typer(no_args_is_help=True, help="What tokens cost: show a tenant's price list, or load another.")

PRICES = f"{API}/prices"


@app.command()
@takes
def show(target: Target, json: Json = False) -> None:
    """Show the price list, in US dollars for a million tokens."""
    with open_door(target, Kind.READ) as door:
        _print(door.ask("GET", PRICES), json)


@app.command()
@takes
def load(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="CSV, or JSON; - for JSON on standard input.")],
    target: Target,
    json: Json = False,
) -> None:
    """Put the prices of a file in the place of the list there is."""
    body = _read(file)
    with open_door(target, Kind.ADMIN) as door:
        _print(door.ask("PUT", PRICES, body), json)


def _read(file: Path) -> Any:
    try:
        raw = sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
        return {"prices": entries_of(raw.decode("utf-8-sig"))} if file.suffix.lower() == ".csv" else orjson.loads(raw)
    except OSError as error:
        raise Failure(f"{file} cannot be read: {error.strerror}") from None
    except ValueError:
        raise Failure(f"{file} is neither CSV named so nor JSON, in UTF-8") from None


def _print(answer: dict[str, Any], json: bool) -> None:
    if json:
        print_json(answer)
        return
    columns = ("model", "from", "to", *(kind.value for kind in Tokens))
    rows = [[one.get(name) or "" for name in columns] for one in answer["prices"]]
    print_table("USD for a million tokens", columns, rows)
