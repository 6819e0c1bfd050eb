"""`auricle key`: makes, lists and revokes API keys, beside a running service or without one."""

from datetime import datetime, timedelta
from typing import Annotated

import typer

from auricle import clock
from auricle.cli.options import Data, Json, settings_of
from auricle.cli.output import WRONG_USE, Failure, print_json, print_table, stdout
from auricle.model.principal import Kind
from auricle.store.control import ControlStore, KeyRow

app = typer.Typer(no_args_is_help=True, help="Make, list and revoke API keys.")


@app.command()
def create(
    tenant: Annotated[str, typer.Option(help="Whose key it is; a new tenant is made.")],
    kind: Annotated[Kind, typer.Option(help="What the key may do.")],
    label: Annotated[str, typer.Option(help="A note to know it by.")] = "",
    expires: Annotated[str | None, typer.Option(metavar="WHEN", help="RFC 3339 time, or days such as 30d.")] = None,
    data: Data = None,
    json: Json = False,
) -> None:
    """Make a key. It is shown this once; only its hash is kept."""
    expires_at = _expiry(expires)
    store = ControlStore.open(settings_of(data=data))
    try:
        made = store.create_key(tenant, kind, label=label, expires_at=expires_at)
    finally:
        store.close()
    if json:
        print_json({"key": made.key, "id": made.id, "tenant": made.tenant, "kind": made.kind})
    else:
        console = stdout()
        console.print(made.key, markup=False, soft_wrap=True)
        console.print(f"  {made.kind} key {made.id} of tenant {made.tenant}; it is not shown again", style="dim")


@app.command("list")
def list_keys(
    tenant: Annotated[str | None, typer.Option(help="Only the keys of this tenant.")] = None,
    data: Data = None,
    json: Json = False,
) -> None:
    """List the keys, oldest first, without their secret."""
    store = ControlStore.open(settings_of(data=data))
    try:
        rows = store.list_keys(tenant)
    finally:
        store.close()
    if json:
        print_json({"keys": [{**_plain(row), "state": _state(row)} for row in rows]})
        return
    columns = ("id", "tenant", "kind", "state", "label", "created", "expires", "last used")
    print_table("Keys", columns, [_cells(row) for row in rows])


@app.command()
def revoke(
    key_id: Annotated[str, typer.Argument(metavar="ID", help="The key's id, as `key list` shows it.")],
    data: Data = None,
    json: Json = False,
) -> None:
    """Revoke a key for ever."""
    store = ControlStore.open(settings_of(data=data))
    try:
        revoked = store.revoke_key(key_id)
    finally:
        store.close()
    if not revoked:
        raise Failure("no key that is alive has this id")
    if json:
        print_json({"id": key_id, "revoked": True})
    else:
        stdout().print(f"revoked {key_id}", markup=False)


def _expiry(told: str | None) -> datetime | None:
    """`30d` from now, or a time with a zone."""
    if told is None:
        return None
    try:
        if told.endswith("d"):
            return clock.now() + timedelta(days=float(told[:-1]))
        moment = datetime.fromisoformat(told)
    except (ValueError, OverflowError):
        raise Failure("--expires takes a time such as 2030-01-31T00:00:00Z, or days such as 30d", WRONG_USE) from None
    if moment.tzinfo is None:
        raise Failure("--expires needs a zone, for example 2030-01-31T00:00:00Z", WRONG_USE)
    return moment


def _state(row: KeyRow) -> str:
    if row.revoked_at is not None:
        return "revoked"
    return "expired" if row.expires_at is not None and row.expires_at <= clock.now() else "alive"


def _plain(row: KeyRow) -> dict[str, object]:
    return {
        "id": row.id,
        "tenant": row.tenant,
        "kind": row.kind,
        "label": row.label,
        "created_at": row.created_at,
        "expires_at": row.expires_at,
        "last_used_at": row.last_used_at,
        "revoked_at": row.revoked_at,
    }


def _cells(row: KeyRow) -> tuple[object, ...]:
    return (
        row.id,
        row.tenant,
        row.kind.value,
        _state(row),
        row.label,
        row.created_at,
        row.expires_at,
        row.last_used_at,
    )
