"""`auricle rollup`: shows the rollups, drops them, has them made anew; beside a running service or without one.

The commands write down what is wanted; the service does it within a second, or as soon as it runs.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import typer

from auricle.cli.options import Data, Json, settings_of
from auricle.cli.output import Failure, print_json, stdout
from auricle.model.query import instant_of
from auricle.model.rollup import Holding
from auricle.store.database import open_database
from auricle.store.rollup import RollupStore

app = typer.Typer(no_args_is_help=True, help="Show, rebuild or drop the rollups that make reports fast.")


@app.command()
def status(data: Data = None, json: Json = False) -> None:
    """Show how far the rollups reach."""
    with _store(data) as store:
        _show(store.holding(), settings_of(data=data).rollups, json)


@app.command()
def rebuild(
    data: Data = None,
    wait: Annotated[float, typer.Option(metavar="SECONDS", help="How long to wait until it is done.")] = 0,
    json: Json = False,
) -> None:
    """Drop the rollups and make all of them anew; until then reports read the events."""
    deadline = time.monotonic() + wait
    with _store(data) as store:
        store.rebuild()
        while (holding := store.holding()).upto is None and time.monotonic() < deadline:
            time.sleep(0.1)
        if wait and holding.upto is None:
            raise Failure(f"the rollups were not made within {wait:g} s; does the service run?")
        _show(holding, settings_of(data=data).rollups, json)


@app.command()
def drop(data: Data = None, json: Json = False) -> None:
    """Drop the rollups, and make none until `auricle rollup rebuild`; reports read the events."""
    with _store(data) as store:
        store.drop()
        _show(store.holding(), settings_of(data=data).rollups, json)


@contextmanager
def _store(data: Any) -> Iterator[RollupStore]:
    engine = open_database(settings_of(data=data))
    try:
        yield RollupStore(engine)
    finally:
        engine.dispose()


def _show(holding: Holding, setting: str, json: bool) -> None:
    upto = None if holding.upto is None else instant_of(holding.upto).isoformat().replace("+00:00", "Z")
    waiting = len(holding.stale) + len(holding.purged) + holding.held
    state = "off" if setting == "off" else "dropped" if holding.paused else "kept" if upto else "to be made"
    told = {
        "state": state,
        "upto": upto,
        "segments": len(holding.live),
        "rows": sum(holding.live.values()),
        "tenants_waiting": waiting,
    }
    if json:
        print_json(told)
        return
    for name, value in told.items():
        stdout().print(f"{name.replace('_', ' ')}: {'-' if value is None else value}")
