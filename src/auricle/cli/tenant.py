"""`auricle tenant`: makes and lists tenants, shuts them out and lets them in again, shows and changes their options."""

from dataclasses import dataclass
from typing import Annotated, Any

import typer

from auricle.cli.options import Data, Json, settings_of, takes
from auricle.cli.output import WRONG_USE, Failure, print_json, print_table, stdout
from auricle.intake.options import Options
from auricle.model.key import Tenant
from auricle.model.options import Consent, Ips, UserIds
from auricle.store.control import ControlStore
from auricle.store.options import OptionsStore

app = typer.Typer(no_args_is_help=True, help="Make, list, disable and enable tenants, and set their options.")
Name = Annotated[str, typer.Argument(metavar="TENANT", help="The tenant's name.")]


@app.command()
def create(tenant: Name, data: Data = None, json: Json = False) -> None:
    """Make a tenant; `key create` makes one too."""
    store = ControlStore.open(settings_of(data=data))
    try:
        if not store.ensure_tenant(tenant, actor="cli"):
            raise Failure("there is a tenant of this name already")
        made = store.tenant(tenant)
    finally:
        store.close()
    _show(made, json)


@app.command("list")
def list_tenants(data: Data = None, json: Json = False) -> None:
    """List the tenants by name, with the number of their keys that are alive."""
    store = ControlStore.open(settings_of(data=data))
    try:
        rows = store.list_tenants()
    finally:
        store.close()
    if json:
        print_json({"tenants": [row.as_json() for row in rows]})
        return
    cells = [(row.id, row.as_json()["state"], row.keys, row.created_at, row.disabled_at) for row in rows]
    print_table("Tenants", ("tenant", "state", "keys", "created", "disabled"), cells)


@app.command()
def disable(tenant: Name, data: Data = None, json: Json = False) -> None:
    """Shut a tenant's credentials out, within a second; its data stays."""
    _switch(tenant, data, json, disabled=True)


@app.command()
def enable(tenant: Name, data: Data = None, json: Json = False) -> None:
    """Let a disabled tenant's credentials in again."""
    _switch(tenant, data, json, disabled=False)


@dataclass(frozen=True, slots=True)
class Wishes:
    """What is asked for; what is not named stays as it is."""

    sanitise: Annotated[
        str | None, typer.Option(metavar="on|off|default", help="Whether persons and secrets are redacted.")
    ] = None
    kinds: Annotated[
        str | None, typer.Option(metavar="KINDS", help="The kinds that are redacted, by commas; `all` for all of them.")
    ] = None
    ips: Annotated[Ips | None, typer.Option(help="What becomes of a value that is exactly an IP.")] = None
    user_ids: Annotated[UserIds | None, typer.Option(help="What stands in the place of the users' ids.")] = None
    consent: Annotated[Consent | None, typer.Option(help="Which events are kept.")] = None
    allow: Annotated[
        str | None,
        typer.Option(metavar="NAMES", help="Event names that are kept, by commas; `shop.*` for many, `all` for all."),
    ] = None
    deny: Annotated[
        str | None, typer.Option(metavar="NAMES", help="Event names that are dropped, by commas; `none` for none.")
    ] = None

    keep_days: Annotated[
        str | None, typer.Option(metavar="DAYS", help="How long events are kept; 0 for ever, `default` the server's.")
    ] = None
    keep_events: Annotated[
        str | None, typer.Option(metavar="NAME=DAYS,…", help="Days of single events, `shop.*=30` for many; `none`.")
    ] = None
    keep_datasets: Annotated[
        str | None, typer.Option(metavar="NAME=DAYS,…", help="Days of single datasets; `none`.")
    ] = None

    def told(self) -> dict[str, Any]:
        """The change, as the API would be told it."""
        if self.sanitise not in (None, "on", "off", "default"):
            raise Failure("--sanitise takes on, off or default", WRONG_USE)
        sanitise = {"on": True, "off": False}.get(self.sanitise or "")
        plain = {name: one for name in ("ips", "user_ids", "consent") if (one := getattr(self, name)) is not None}
        lists = {"kinds": self.kinds, "allow_events": self.allow, "deny_events": self.deny}
        return {
            **({} if self.sanitise is None else {"sanitise": sanitise}),
            **plain,
            **{name: _listed(given) for name, given in lists.items() if given is not None},
            **self._retention(),
        }

    def _retention(self) -> dict[str, Any]:
        days = {"by_event": _days_by_name(self.keep_events), "by_dataset": _days_by_name(self.keep_datasets)}
        told: dict[str, Any] = {name: given for name, given in days.items() if given is not None}
        if self.keep_days is not None:
            told["events"] = None if self.keep_days == "default" else _days(self.keep_days)
        return {"retention": told} if told else {}


NO_WISHES = Wishes()


@app.command()
@takes
def options(tenant: Name, wishes: Wishes = NO_WISHES, data: Data = None, json: Json = False) -> None:
    """Show what is done to a tenant's events, or change it; running services know it within a second or so."""
    asked, settings = wishes.told(), settings_of(data=data)
    control = ControlStore.open(settings)
    try:
        control.tenant(tenant)
    finally:
        control.close()
    store = OptionsStore.open(settings)
    try:
        held = Options(store)
        after = held.change(tenant, asked, actor="cli") if asked else held.read(tenant)
    finally:
        store.close()
    if json:
        print_json({"tenant": tenant, **after.as_json()})
        return
    rows = [(name, _shown(value)) for name, value in after.as_json().items()]
    print_table(f"Options of {tenant}", ("option", "value"), rows)


def _listed(given: str) -> list[str] | None:
    return None if given in ("all", "none") else [one.strip() for one in given.split(",") if one.strip()]


def _days_by_name(given: str | None) -> dict[str, int] | None:
    if given is None:
        return None
    pairs = [one.partition("=") for one in _listed(given) or ()]
    return {name.strip(): _days(days) for name, _, days in pairs}


def _days(given: str) -> int:
    if not given.strip().isdecimal():
        raise Failure("days are whole numbers, 0 for ever", WRONG_USE)
    return int(given)


def _shown(value: Any) -> Any:
    if isinstance(value, list):
        return ", ".join(value) or "-"
    if isinstance(value, dict):
        return ", ".join(f"{name}={_shown(one)}" for name, one in value.items()) or "-"
    if value is None or isinstance(value, bool):
        return {True: "on", False: "off", None: "default"}[value]
    return value


def _switch(tenant: str, data: Data, json: bool, *, disabled: bool) -> None:
    store = ControlStore.open(settings_of(data=data))
    try:
        store.disable_tenant(tenant, disabled=disabled)
        after = store.tenant(tenant)
    finally:
        store.close()
    _show(after, json)


def _show(row: Tenant, json: bool) -> None:
    if json:
        print_json(row.as_json())
    else:
        stdout().print(f"{row.id} is {row.as_json()['state']}", markup=False)
