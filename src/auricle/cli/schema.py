"""`auricle schema`: the schemas of a tenant, through the running service, and typed code made of them."""

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import orjson
import typer

from auricle.cli.door import API, open_door
from auricle.cli.options import Json, Target, takes
from auricle.cli.output import FAILED, WRONG_USE, Failure, print_json, print_table, stdout
from auricle.cli.typed.calls import with_calls
from auricle.cli.typed.frame import frame_of
from auricle.cli.typed.page import page_of
from auricle.cli.typed.python import python_of
from auricle.cli.typed.typescript import typescript_of
from auricle.errors import AuricleError
from auricle.intake.registration import read_document
from auricle.intake.schemas import Registry
from auricle.model.principal import Kind
from auricle.model.schema import Mode

app = typer.Typer(no_args_is_help=True, help="List, show and register schemas, check events, and make typed code.")

SCHEMAS = f"{API}/schemas"
File = Annotated[Path, typer.Argument(metavar="FILE", help="A file of JSON; - for standard input.")]
Name = Annotated[str, typer.Argument(metavar="NAME", help="The event's name.")]


class Language(StrEnum):
    """The languages that types are made in."""

    PYTHON = "python"
    TYPESCRIPT = "typescript"


@app.command("list")
@takes
def list_schemas(target: Target, json: Json = False) -> None:
    """List every event name that has a schema."""
    with open_door(target, Kind.READ) as door:
        answer = door.ask("GET", SCHEMAS)
    if json:
        print_json(answer)
        return
    columns = ("event_name", "version", "origin", "mode", "title")
    print_table("Schemas", columns, [[one[name] for name in columns] for one in answer["schemas"]])


@app.command()
@takes
def show(
    name: Name,
    target: Target,
    version: Annotated[str | None, typer.Option(metavar="VERSION", help="1-0-0; the newest without it.")] = None,
    json: Json = False,
) -> None:
    """Show the schema of an event name."""
    with open_door(target, Kind.READ) as door:
        answer = door.ask("GET", _path(name, *([version] if version else [])))
    if json:
        print_json(answer)
        return
    console = stdout()
    if version is None:
        console.print(f"{answer['id']}  {answer['origin']}, mode {answer['mode']}", markup=False, style="dim")
        answer = answer["schema"]
    text = orjson.dumps(answer, option=orjson.OPT_INDENT_2).decode()
    console.print(text, markup=False, soft_wrap=True)


@app.command()
@takes
def register(
    file: File,
    target: Target,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Tell what would come of it, and change nothing.")] = False,
    json: Json = False,
) -> None:
    """Register a version of a schema; tells how many of the stored events it would refuse."""
    document = _read(file)
    with open_door(target, Kind.ADMIN) as door:
        answer = door.ask("POST", SCHEMAS, {"schema": document, "dry_run": dry_run})
    if json:
        print_json(answer)
        return
    console = stdout()
    console.print(f"{'registered' if answer['registered'] else 'would register'} {answer['id']}", markup=False)
    for change in answer["changes"]:
        console.print(f"  {change['part']}: {change['pointer'] or 'the schema'}: {change['message']}", markup=False)
    if answer["stored_events"] is not None:
        _tell_trial(answer["stored_events"])


@app.command()
@takes
def trial(name: Name, target: Target, json: Json = False) -> None:
    """Tell how many of the stored events of a name break the schema that holds for it, and by which rules."""
    with open_door(target, Kind.READ) as door:
        answer = door.ask("POST", _path(name, "trial"))
    if json:
        print_json(answer)
    else:
        stdout().print(answer["id"], markup=False)
        _tell_trial(answer["stored_events"])


@app.command()
@takes
def mode(
    name: Name,
    mode: Annotated[Mode, typer.Argument(help="What becomes of events that break their schema.")],
    target: Target,
    json: Json = False,
) -> None:
    """Set what becomes of events of a name that break their schema."""
    with open_door(target, Kind.ADMIN) as door:
        answer = door.ask("PATCH", _path(name), {"mode": mode})
    if json:
        print_json(answer)
    else:
        stdout().print(f"{answer['event_name']}: {answer['mode']}", markup=False)


@app.command()
@takes
def validate(file: File, target: Target, json: Json = False) -> None:
    """Check events without storing them: one, a list, or one on each line. Exit code 1 when one is not valid."""
    told = []
    with open_door(target, Kind.READ) as door:
        for number, event in enumerate(_events(file)):
            told.append({"index": number, **door.ask("POST", f"{SCHEMAS}/validate", event)})
    wrong = [one for one in told if not one["valid"]]
    if json:
        print_json({"checked": len(told), "invalid": len(wrong), "events": told})
    else:
        faults = [
            (one["index"], one["status"], fault["pointer"], fault["rule"], fault["message"])
            for one in wrong
            for fault in one.get("errors") or one.get("warnings") or []
        ]
        note = f"{len(told):,} checked, {len(wrong):,} not valid"
        print_table("Events that break a rule", ("event", "status", "pointer", "rule", "message"), faults, note)
    if wrong:
        raise typer.Exit(FAILED)


@app.command()
@takes
def page(
    target: Target,
    names: Annotated[list[str] | None, typer.Argument(metavar="[NAME]...", help="Event names; all without.")] = None,
    built_in: Annotated[bool, typer.Option("--built-in", help="The built-in schemas; asks no service.")] = False,
    json: Json = False,
) -> None:
    """Write the catalogue of events as a page in Markdown: every attribute, what it takes and what it means."""
    schemas = _chosen(target, names, [], built_in)
    text = page_of((name, documents[-1]) for name, documents in schemas.items())
    if json:
        print_json({"events": list(schemas), "page": text})
    else:
        _print(text)


@app.command()
@takes
def types(
    target: Target,
    names: Annotated[list[str] | None, typer.Argument(metavar="[NAME]...", help="Event names; all without.")] = None,
    lang: Annotated[Language, typer.Option(help="The language.")] = Language.TYPESCRIPT,
    file: Annotated[
        list[Path] | None, typer.Option(metavar="FILE", help="A schema in a file, instead of those of the service.")
    ] = None,
    built_in: Annotated[bool, typer.Option("--built-in", help="The built-in schemas; asks no service.")] = False,
    calls: Annotated[bool, typer.Option("--calls", help="Also a call for each event (python).")] = False,
    json: Json = False,
) -> None:
    """Make typed code of schemas, for the events that are sent as JSON."""
    if calls and lang is not Language.PYTHON:
        raise Failure("--calls are made in python alone.", WRONG_USE)
    schemas = _chosen(target, names, file or [], built_in)
    frame = frame_of(Registry.load().unknown.document, schemas.items())
    code = python_of(frame) if lang is Language.PYTHON else typescript_of(frame)
    if calls:
        code = with_calls(code, frame)
    if json:
        print_json({"lang": lang, "events": list(schemas), "code": code})
    else:
        _print(code)


def _chosen(target: Target, names: list[str] | None, files: list[Path], built_in: bool) -> dict[str, tuple[Any, ...]]:
    """The schemas that are asked for, by event name in alphabetical order; for each all documents that hold."""
    registry = Registry.load()
    if files:
        schemas = dict(_from_file(path, registry) for path in files)
    elif built_in:
        schemas = {name: (registry.known[name].document,) for name in registry.names()}
    else:
        with open_door(target, Kind.READ) as door:
            entries = door.ask("GET", f"{SCHEMAS}?documents=true")["schemas"]
        schemas = {one["event_name"]: _whole(one, registry) for one in entries}
    unknown = sorted(set(names or ()) - schemas.keys())
    if unknown:
        raise Failure(f"no schema has the name {', '.join(unknown)}")
    return {name: schemas[name] for name in sorted(set(names or schemas))}


def _whole(entry: Any, registry: Registry) -> tuple[Any, ...]:
    document = entry["schema"]
    if entry["origin"] == "built-in":
        return (document,)
    return _with_built_in(entry["event_name"], document, registry)


def _print(text: str) -> None:
    """Prints a text as it is, in UTF-8."""
    sys.stdout.flush()
    sys.stdout.buffer.write(text.encode())
    sys.stdout.buffer.flush()


def _tell_trial(stored: Any) -> None:
    console = stdout()
    console.print(f"  {stored['failed']:,} of the last {stored['checked']:,} stored events would fail", style="dim")
    for rule in stored["rules"]:
        console.print(f"    {rule['pointer']} {rule['rule']}: {rule['events']:,}", markup=False, style="dim")


def _from_file(path: Path, registry: Registry) -> tuple[str, tuple[Any, ...]]:
    try:
        candidate = read_document(_read(path))
    except AuricleError as error:
        faults = "; ".join(f"{fault.pointer or 'the schema'}: {fault.message}" for fault in error.faults)
        raise Failure(f"{path}: {faults}", WRONG_USE) from None
    return candidate.event_name, _with_built_in(candidate.event_name, candidate.document, registry)


def _with_built_in(name: str, document: Any, registry: Registry) -> tuple[Any, ...]:
    """A tenant's schema for a built-in name holds together with the built-in one."""
    built_in = registry.known.get(name)
    return (document,) if built_in is None else (built_in.document, document)


def _path(*parts: str) -> str:
    return "/".join([SCHEMAS, *(quote(part, safe="") for part in parts)])


def _text(file: Path) -> bytes:
    try:
        return sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
    except OSError as error:
        raise Failure(f"{file} cannot be read: {error.strerror}", WRONG_USE) from None


def _read(file: Path) -> Any:
    """The JSON value in a file."""
    try:
        return orjson.loads(_text(file))
    except orjson.JSONDecodeError as error:
        raise Failure(f"{file} is no JSON: {error}", WRONG_USE) from None


def _events(file: Path) -> list[Any]:
    """The events in a file: one value, a list of them, or one on each line."""
    text = _text(file)
    try:
        told = orjson.loads(text)
    except orjson.JSONDecodeError:
        lines = [line for line in text.splitlines() if line.strip()]
        try:
            return [orjson.loads(line) for line in lines]
        except orjson.JSONDecodeError as error:
            raise Failure(f"{file} is neither JSON nor JSON Lines: {error}", WRONG_USE) from None
    return told if isinstance(told, list) else [told]
