"""`auricle tenant`: makes and lists tenants, shuts them out and lets them in again."""

from typing import Annotated

import typer

from auricle.cli.options import Data, Json, settings_of
from auricle.cli.output import Failure, print_json, print_table, stdout
from auricle.model.key import Tenant
from auricle.store.control import ControlStore

app = typer.Typer(no_args_is_help=True, help="Make, list, disable and enable tenants.")
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
