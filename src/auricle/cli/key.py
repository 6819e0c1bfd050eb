"""`auricle key`: makes, lists, rotates and revokes API keys, beside a running service or without one."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated

import typer

from auricle import clock
from auricle.cli.options import Data, Json, settings_of, takes
from auricle.cli.output import WRONG_USE, Failure, print_json, print_table, stdout
from auricle.model.key import ANYTHING, KeyRow, NewKey
from auricle.model.principal import Kind, Scope
from auricle.store.control import ControlStore
from auricle.store.rules import read_rules

app = typer.Typer(no_args_is_help=True, help="Make, list, rotate and revoke API keys.")
LONGEST_OVERLAP = timedelta(days=90)


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a key is bound to beside its kind."""

    scope: Annotated[
        list[Scope] | None, typer.Option(help="What the key may do, out of what its kind may; repeat it for more.")
    ] = None
    ip: Annotated[
        list[str] | None, typer.Option(metavar="CIDR", help="Addresses that may use the key; repeat it for more.")
    ] = None
    origin: Annotated[
        list[str] | None, typer.Option(help="Origins whose pages may use the key; repeat it for more.")
    ] = None
    rate_limit: Annotated[int | None, typer.Option(min=0, help="Requests a minute; 0 is without limit.")] = None
    signed: Annotated[
        bool, typer.Option("--signed", help="Requests must be signed, with a secret that is shown this once.")
    ] = False

    def told(self) -> dict[str, object]:
        """The rules that were named, as the API would be told them."""
        named = {"scopes": self.scope, "ips": self.ip, "origins": self.origin}
        lists = {name: [str(one) for one in given] for name, given in named.items() if given}
        return lists | ({} if self.rate_limit is None else {"rate_limit": self.rate_limit})


UNBOUND = Bounds()


@app.command()
@takes
def create(
    tenant: Annotated[str, typer.Option(help="Whose key it is; a new tenant is made.")],
    kind: Annotated[Kind, typer.Option(help="What the key may do.")],
    label: Annotated[str, typer.Option(help="A note to know it by.")] = "",
    expires: Annotated[str | None, typer.Option(metavar="WHEN", help="RFC 3339 time, or days such as 30d.")] = None,
    bounds: Bounds = UNBOUND,
    data: Data = None,
    json: Json = False,
) -> None:
    """Make a key. It is shown this once; only its hash is kept."""
    expires_at, rules = _expiry(expires), read_rules(kind, bounds.told(), ANYTHING)
    store = ControlStore.open(settings_of(data=data))
    try:
        made = store.create_key(tenant, kind, label=label, expires_at=expires_at, rules=rules, signed=bounds.signed)
    finally:
        store.close()
    _show(made, json)


@app.command()
def rotate(
    key_id: Annotated[str, typer.Argument(metavar="ID", help="The key's id, as `key list` shows it.")],
    overlap: Annotated[
        str,
        typer.Option(metavar="TIME", help="How long the old key still works: hours or days, 24h or 2d; 0h ends it."),
    ] = "24h",
    data: Data = None,
    json: Json = False,
) -> None:
    """Make a key in place of another, with its rules; the old one ends after the overlap."""
    time = _overlap(overlap)
    store = ControlStore.open(settings_of(data=data))
    try:
        made = store.rotate_key(key_id, time)
    finally:
        store.close()
    _show(made, json)


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
        print_json({"keys": [row.as_json(clock.now()) for row in rows]})
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


def _overlap(told: str) -> timedelta:
    """`24h` or `2d`."""
    unit = {"h": timedelta(hours=1), "d": timedelta(days=1)}.get(told[-1:])
    try:
        if unit is not None and timedelta() <= (time := float(told[:-1]) * unit) <= LONGEST_OVERLAP:
            return time
    except (ValueError, OverflowError):
        pass
    raise Failure("--overlap takes hours or days such as 24h or 2d, at most 90d", WRONG_USE)


def _show(made: NewKey, json: bool) -> None:
    if json:
        secret = {} if made.secret is None else {"secret": made.secret}
        print_json({"key": made.key, "id": made.id, "tenant": made.tenant, "kind": made.kind, **secret})
        return
    console = stdout()
    console.print(made.key, markup=False, soft_wrap=True)
    if made.secret is not None:
        console.print(f"{made.secret}  (the secret to sign requests with)", markup=False, soft_wrap=True)
    console.print(f"  {made.kind} key {made.id} of tenant {made.tenant}; it is not shown again", style="dim")


def _cells(row: KeyRow) -> tuple[object, ...]:
    return (
        row.id,
        row.tenant,
        row.kind.value,
        row.state(clock.now()),
        row.label,
        row.created_at,
        row.expires_at,
        row.last_used_at,
    )
