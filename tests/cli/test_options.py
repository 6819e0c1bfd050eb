"""Options that commands share."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import pytest
import typer
from typer.testing import CliRunner

from auricle.cli.options import settings_of, takes
from auricle.cli.output import Failure


@dataclass(frozen=True, slots=True)
class Place:
    row: Annotated[int, typer.Option(help="The row.")] = 1
    seat: Annotated[str | None, typer.Option("--chair", envvar="SEAT")] = None


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        pytest.param(["ann"], "ann Place(row=1, seat=None) False\n", id="defaults"),
        pytest.param(["ann", "--row", "3", "--chair", "b", "--loud"], "ann Place(row=3, seat='b') True\n", id="all"),
    ],
)
def test_takes_spreads_a_dataclass_into_options(arguments: list[str], told: str) -> None:
    app = typer.Typer()

    @app.command()
    @takes
    def sit(name: str, place: Place, loud: Annotated[bool, typer.Option("--loud")] = False) -> None:
        typer.echo(f"{name} {place} {loud}")

    ran = CliRunner().invoke(app, arguments)

    assert (ran.exit_code, ran.stdout) == (0, told)


def test_settings_take_what_was_chosen_over_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AURICLE_DATA", "of-the-environment")

    assert [settings_of().data, settings_of(data=None).data, settings_of(data=Path("chosen")).data] == [
        Path("of-the-environment"),
        Path("of-the-environment"),
        Path("chosen"),
    ]


def test_wrong_settings_are_wrong_use_and_not_echoed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AURICLE_PORT", "secret")

    with pytest.raises(Failure) as told:
        settings_of()

    assert told.value.code == 2
    assert "AURICLE_PORT" in str(told.value) or "port" in str(told.value)
    assert "secret" not in str(told.value)
