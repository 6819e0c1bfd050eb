"""The options that many commands share, and `takes`, which lets a command take them as one value."""

import functools
import inspect
from collections.abc import Callable
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from typing import Annotated, Any, get_type_hints

import typer
from pydantic import ValidationError

from auricle.cli.output import WRONG_USE, Failure
from auricle.settings import Settings

Json = Annotated[bool, typer.Option("--json", help="Print JSON for programs instead of tables.")]
Data = Annotated[
    Path | None,
    typer.Option(metavar="DIR", help="Folder of everything kept.", show_default="AURICLE_DATA, else auricle-data"),
]


@dataclass(frozen=True, slots=True)
class Target:
    """Which service a command speaks to, and for whom."""

    tenant: Annotated[
        str | None,
        typer.Option(envvar="AURICLE_TENANT", help="The tenant. Needed without a key when there are several."),
    ] = None
    data: Data = None
    url: Annotated[
        str | None,
        typer.Option(envvar="AURICLE_URL", help="Address of the service. Found through the data folder without it."),
    ] = None
    key: Annotated[
        str | None,
        typer.Option(
            envvar="AURICLE_KEY",
            help="API key. Without it the command makes one in the data folder and revokes it at the end.",
        ),
    ] = None


def settings_of(**chosen: Any) -> Settings:
    """The settings with what was chosen on the command line; `None` leaves the environment's or the default.

    Raises:
        Failure: a setting breaks its rule.
    """
    try:
        return Settings(**{name: value for name, value in chosen.items() if value is not None})
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors())
        raise Failure(f"a setting is wrong: {wrong}", WRONG_USE) from None


def takes(command: Callable[..., None]) -> Callable[..., None]:
    """Spreads the parameters of `command` whose type is a dataclass into one option for each of its fields.

    Typer has no way to group options, and repeating twelve of them in every report would let them drift apart.
    """
    spread: dict[str, type] = {}
    parameters: list[inspect.Parameter] = []
    for name, parameter in inspect.signature(command, eval_str=True).parameters.items():
        if is_dataclass(parameter.annotation) and isinstance(parameter.annotation, type):
            spread[name] = parameter.annotation
            hints = get_type_hints(parameter.annotation, include_extras=True)
            parameters += [
                inspect.Parameter(one.name, parameter.KEYWORD_ONLY, default=one.default, annotation=hints[one.name])
                for one in fields(parameter.annotation)
            ]
        else:
            parameters.append(parameter.replace(kind=parameter.KEYWORD_ONLY))

    @functools.wraps(command)
    def run(**given: Any) -> None:
        for name, kind in spread.items():
            given[name] = kind(**{one.name: given.pop(one.name) for one in fields(kind)})
        command(**given)

    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return run
