"""`auricle audit`: reads the audit log, and proves that nobody changed it; beside a running service or without one."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from auricle.cli.options import Data, Json, settings_of
from auricle.cli.output import WRONG_USE, Failure, print_json, print_table, stdout
from auricle.store.audit import AuditRow, AuditStore, Proof

app = typer.Typer(no_args_is_help=True, help="Read the audit log, and prove that nobody changed it.")


@app.command("list")
def list_entries(
    tenant: Annotated[str | None, typer.Option(help="Only the entries of this tenant.")] = None,
    action: Annotated[str | None, typer.Option(help="Only entries of this action, such as key.create.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="How many.")] = 50,
    before: Annotated[int | None, typer.Option(metavar="ID", min=1, help="Only entries older than this one.")] = None,
    data: Data = None,
    json: Json = False,
) -> None:
    """List the newest entries, the newest first."""
    store = AuditStore.open(settings_of(data=data))
    try:
        rows = store.rows(tenant, limit=limit, before=before, action=action)
    finally:
        store.close()
    if json:
        print_json({"entries": [row.as_json() | {"at": _when(row)} for row in rows]})
        return
    columns = ("id", "at", "tenant", "actor", "action", "target", "detail")
    cells = [
        (str(row.id), _when(row), row.tenant_id, row.actor, row.action, row.target, _told(row.detail)) for row in rows
    ]
    print_table("Audit log", columns, cells)


@app.command()
def verify(
    head: Annotated[
        str | None,
        typer.Option(metavar="HASH", help="A hash that `verify` told earlier; it must still be in the log."),
    ] = None,
    data: Data = None,
    json: Json = False,
) -> None:
    """Prove that no entry was changed, added or taken away. Keep the hash it tells where nobody can change it."""
    wanted = _hash(head)
    store = AuditStore.open(settings_of(data=data))
    try:
        proof = store.verify(wanted)
    finally:
        store.close()
    wrong = _wrong(proof)
    if json:
        print_json(
            {
                "whole": wrong is None,
                "entries": proof.rows,
                "head": proof.head.hex(),
                "broken_at": proof.broken,
                "head_found": proof.found if wanted is not None else None,
            }
        )
    elif wrong is None:
        stdout().print(f"the audit log is whole: {proof.rows} entries, head {proof.head.hex()}", soft_wrap=True)
    if wrong is not None:
        raise Failure(wrong)


def _wrong(proof: Proof) -> str | None:
    if proof.broken is not None:
        return f"the audit log was changed: entry {proof.broken} is not as it was written, or is missing"
    if not proof.found:
        return "the audit log lacks the entry with that hash: its end was cut off, or all of it was written anew"
    return None


def _hash(text: str | None) -> bytes | None:
    if text is None:
        return None
    try:
        found = bytes.fromhex(text)
    except ValueError:
        found = b""
    if len(found) != 32:
        raise Failure("--head takes a hash as `auricle audit verify` tells it: 64 digits, 0 to 9 and a to f", WRONG_USE)
    return found


def _when(row: AuditRow) -> datetime:
    return datetime.fromtimestamp(row.at / 1_000_000, UTC)


def _told(detail: str) -> str:
    return "" if detail == "{}" else detail
