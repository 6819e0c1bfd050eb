"""`auricle sql`: asks the running service in SQL and prints the rows."""

import sys
from typing import Annotated

import orjson
import typer

from auricle.cli.door import API, open_door
from auricle.cli.options import Json, Target, takes
from auricle.cli.output import WRONG_USE, Failure, print_json, print_table
from auricle.model.principal import Kind


@takes
def sql(
    statement: Annotated[
        str, typer.Argument(help="A SELECT, SHOW TABLES or DESCRIBE; - reads it from standard input.")
    ],
    target: Target,
    json: Json = False,
) -> None:
    """Ask in SQL: events, interactions, scores and datasets. A FORMAT at its end prints what the service answers."""
    text = sys.stdin.read() if statement == "-" else statement
    if not text.strip():
        raise Failure("there is no statement", WRONG_USE)
    with open_door(target, Kind.READ) as door:
        kind, answer = door.say(f"{API}/sql", orjson.dumps({"query": text}))
    if kind != "application/json":
        if json:
            raise Failure("--json and another FORMAT cannot both be", WRONG_USE)
        sys.stdout.flush()
        sys.stdout.buffer.write(answer)
        sys.stdout.buffer.flush()
        return
    told = orjson.loads(answer)
    if json:
        print_json(told)
        return
    columns = [column["name"] for column in told["meta"]]
    print_table("SQL", columns, [[row[name] for name in columns] for row in told["data"]], f"{told['rows']} rows")
