"""`auricle user`: the people who log in at the dashboard by a name and a password."""

import secrets
import sys
from typing import Annotated

import typer

from auricle.cli.options import Data, Json, settings_of
from auricle.cli.output import Failure, print_json, print_table, stdout
from auricle.model.principal import Kind
from auricle.store.user import User, UserStore

STDIN = "-"
app = typer.Typer(no_args_is_help=True, help="Make, list and remove users of the dashboard, and set passwords.")
Name = Annotated[str, typer.Argument(metavar="NAME", help="The name to log in by.")]
Tenant = Annotated[str, typer.Option(help="The tenant whose user it is.")]
Password = Annotated[
    str | None,
    typer.Option(
        envvar="AURICLE_PASSWORD",
        metavar="-",
        help="`-` reads the password from standard input; without it one is made and shown this once.",
    ),
]


@app.command()
def create(
    name: Name,
    tenant: Tenant,
    role: Annotated[str, typer.Option(metavar="read|admin", help="What the user may do.")] = "read",
    password: Password = None,
    data: Data = None,
    json: Json = False,
) -> None:
    """Make a user, and the tenant when it is new."""
    if role not in (Kind.READ, Kind.ADMIN):
        raise Failure("--role takes read or admin")
    chosen = _chosen(password)
    store = UserStore.open(settings_of(data=data))
    try:
        made = store.create(tenant, name, chosen, Kind(role), actor="cli")
    finally:
        store.close()
    shown = {} if password is not None else {"password": chosen}
    if json:
        print_json({**made.as_json(), "tenant": tenant, **shown})
    else:
        told = f", with the password {chosen} (shown this once)" if shown else ""
        stdout().print(f"{name} may log in at tenant {tenant}{told}", markup=False, soft_wrap=True)


@app.command("list")
def list_users(tenant: Tenant, data: Data = None, json: Json = False) -> None:
    """List the users of a tenant by name."""
    store = UserStore.open(settings_of(data=data))
    try:
        rows = store.list(tenant)
    finally:
        store.close()
    if json:
        print_json({"users": [row.as_json() for row in rows]})
        return
    cells = [(row.id, row.name, row.role.value, row.created_at, row.last_login_at) for row in rows]
    print_table(f"Users of {tenant}", ("id", "name", "role", "created", "last log-in"), cells)


@app.command()
def password(name: Name, tenant: Tenant, password: Password = None, data: Data = None, json: Json = False) -> None:
    """Give a user another password, and end the sessions that the old one opened."""
    chosen = _chosen(password)
    store = UserStore.open(settings_of(data=data))
    try:
        user = _found(store, tenant, name)
        store.set_password(tenant, user.id, chosen, actor="cli")
    finally:
        store.close()
    shown = {} if password is not None else {"password": chosen}
    if json:
        print_json({"id": user.id, "changed": True, **shown})
    else:
        told = f" {chosen} (shown this once)" if shown else ""
        stdout().print(f"{name} has another password{told}", markup=False, soft_wrap=True)


@app.command()
def remove(name: Name, tenant: Tenant, data: Data = None, json: Json = False) -> None:
    """Remove a user and end its sessions."""
    store = UserStore.open(settings_of(data=data))
    try:
        user = _found(store, tenant, name)
        store.remove(tenant, user.id, actor="cli")
    finally:
        store.close()
    if json:
        print_json({"id": user.id, "removed": True})
    else:
        stdout().print(f"{name} is removed", markup=False)


def _found(store: UserStore, tenant: str, name: str) -> User:
    for user in store.list(tenant):
        if user.name == name:
            return user
    raise Failure("the tenant has no user of this name")


def _chosen(password: str | None) -> str:
    if password is None:
        return secrets.token_urlsafe(15)
    # NOTE: a password on a command line would be seen by everybody on the machine.
    return sys.stdin.readline().rstrip("\n") if password == STDIN else password
