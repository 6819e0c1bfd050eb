"""`auricle doctor`: looks at the machine, the data folder and the running service, and says what is wrong."""

import os
import platform
import shutil
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from enum import StrEnum
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import httpx2
import typer
from sqlalchemy.exc import SQLAlchemyError

from auricle import __version__
from auricle.cli.door import API, Running, open_door, running
from auricle.cli.options import Json, Target, settings_of, takes
from auricle.cli.output import FAILED, Failure, print_json, print_table
from auricle.errors import AuricleError
from auricle.model.principal import Kind
from auricle.settings import Settings
from auricle.store.control import ControlStore

LIBRARIES = ("chdb-core", "clickhouse-connect", "fastapi", "uvicorn", "sqlalchemy", "jsonschema-rs", "orjson")
ROOMY = 1_000_000_000
"""Free bytes below which the disk is worth a warning."""
BACKLOG = 50_000
"""Waiting events above which the engine is falling behind: one insert takes as many."""
TENANTS_LOOKED_AT = 50


class Verdict(StrEnum):
    """How a check went."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at."""

    name: str
    verdict: Verdict
    told: str
    remedy: str = ""


@takes
def doctor(target: Target, json: Json = False) -> None:
    """Explain what is wrong. Exit code 1 when a check fails."""
    settings = settings_of(data=target.data)
    checks = [*_machine(), *_folder(settings), *_service(settings, target)]
    worst = [verdict for verdict in (Verdict.FAIL, Verdict.WARN) if any(one.verdict is verdict for one in checks)]
    if json:
        print_json({"verdict": worst[0] if worst else Verdict.OK, "checks": [asdict(check) for check in checks]})
    else:
        rows = [(check.name, check.verdict.value, check.told, check.remedy or None) for check in checks]
        print_table("Doctor", ("check", "verdict", "what", "remedy"), rows)
    if Verdict.FAIL in worst:
        raise typer.Exit(FAILED)


def _machine() -> Iterator[Check]:
    """Python, Auricle and the libraries."""
    told = f"{platform.python_implementation()} {platform.python_version()} on {platform.system()} {platform.machine()}"
    fits = sys.version_info >= (3, 11)
    yield Check("python", Verdict.OK if fits else Verdict.FAIL, told, "" if fits else "install Python 3.11 or later")
    found, missing = [f"auricle {__version__}"], []
    for name in LIBRARIES:
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            missing.append(name)
    if missing:
        remedy = "install the package anew: pip install auricle"
        yield Check("libraries", Verdict.FAIL, f"missing: {', '.join(missing)}", remedy)
    else:
        yield Check("libraries", Verdict.OK, ", ".join(found))


def _folder(settings: Settings) -> Iterator[Check]:
    """The data folder, its disk and the control database."""
    folder = settings.data
    if not folder.is_dir():
        remedy = f"start the service once: auricle serve --data {folder}; or name the right folder with --data"
        yield Check("data folder", Verdict.WARN, f"{folder} does not exist", remedy)
        return
    if os.access(folder, os.W_OK | os.X_OK):
        yield Check("data folder", Verdict.OK, str(folder.absolute()))
    else:
        remedy = "give the user that runs the service the right to write there"
        yield Check("data folder", Verdict.FAIL, f"{folder} cannot be written by this user", remedy)
        return
    yield _disk(folder, settings.min_free_disk)
    try:
        store = ControlStore.open(settings)
        try:
            keys = store.list_keys(None)
        finally:
            store.close()
    except (SQLAlchemyError, AuricleError, OSError) as error:
        remedy = "look at DATABASE_URL, or restore control.db from a backup"
        yield Check("control database", Verdict.FAIL, f"it does not open ({type(error).__name__})", remedy)
        return
    alive = [key for key in keys if key.revoked_at is None]
    told = f"{len({key.tenant for key in keys})} tenants, {len(alive)} keys alive"
    remedy = "" if alive else "make a key: auricle key create --tenant NAME --kind ingest"
    yield Check("control database", Verdict.OK if alive else Verdict.WARN, told, remedy)


def _disk(folder: Path, least: int) -> Check:
    free = shutil.disk_usage(folder).free
    told = f"{free / 1e9:,.1f} GB free"
    if free < least:
        return Check("disk", Verdict.FAIL, f"{told}: writes are refused with 507", "make room on the disk")
    if free < ROOMY:
        return Check("disk", Verdict.WARN, told, f"make room: writes are refused below {least / 1e6:,.0f} MB")
    return Check("disk", Verdict.OK, told)


def _service(settings: Settings, target: Target) -> Iterator[Check]:
    """The running service, its engine, its backlog and whether its counts add up."""
    found = running(settings.data)
    url = target.url or (found.url if found else None)
    start = f"start it: auricle serve --data {settings.data}"
    if url is None:
        yield Check("service", Verdict.FAIL, f"none runs on {settings.data}", start)
        return
    try:
        with httpx2.Client(base_url=url, timeout=5, trust_env=False) as client:
            client.get("/healthz").raise_for_status()
            readiness = client.get("/readyz")
            parts = readiness.json()
    except (httpx2.HTTPError, ValueError) as error:
        told = f"{url} does not answer ({type(error).__name__})"
        yield Check("service", Verdict.FAIL, told, _why_silent(found, start))
        return
    since = f", process {found.pid}, since {found.started_at[:19]}" if found and found.url == url else ""
    yield Check("service", Verdict.OK, f"{url}{since}")
    away = [f"{name} {state}" for name, state in parts.get("parts", {}).items() if state != "ok"]
    if readiness.status_code == httpx2.codes.OK and not away:
        yield Check("engine", Verdict.OK, "reports are answered")
    else:
        remedy = "it restarts by itself within seconds; if it stays away, look at the service's log"
        yield Check("engine", Verdict.FAIL, ", ".join(away) or f"/readyz says {readiness.status_code}", remedy)
    yield _backlog(int(parts.get("waiting", 0)))
    yield from _conservation(settings, target)


def _why_silent(found: Running | None, start: str) -> str:
    """The remedy for a service that does not answer, by whether its process is there."""
    if found is None:
        return "look at --url"
    try:
        os.kill(found.pid, 0)
    except ProcessLookupError:
        return f"its process {found.pid} is gone; {start}"
    except PermissionError:
        pass
    return f"its process {found.pid} lives: look at its log, and restart it if it hangs"


def _backlog(waiting: int) -> Check:
    told = f"{waiting:,} events wait for the engine"
    if waiting > BACKLOG:
        remedy = "the engine falls behind: look at disk and CPU, or send less for a while"
        return Check("backlog", Verdict.WARN, told, remedy)
    return Check("backlog", Verdict.OK, told)


def _conservation(settings: Settings, target: Target) -> Iterator[Check]:
    """Whether received = stored + duplicate + rejected + dropped + waiting, for each tenant."""
    for one in _tenants(settings, target):
        try:
            with open_door(one, Kind.READ) as door:
                told = door.ask("GET", f"{API}/stats")
        except Failure as failure:
            name = f"counts of {one.tenant}" if one.tenant else "counts"
            yield Check(name, Verdict.FAIL, str(failure), "look at the key and the service's log")
            continue
        counts = {name: int(count) for name, count in told["events"].items()}
        parts = sum(count for name, count in counts.items() if name != "received")
        line = ", ".join(f"{count:,} {name}" for name, count in counts.items())
        adds_up = counts.get("received", 0) == parts
        remedy = "" if adds_up else "this is a bug: please report it with the output of `auricle doctor --json`"
        yield Check(f"counts of {told['tenant']}", Verdict.OK if adds_up else Verdict.FAIL, line, remedy)


def _tenants(settings: Settings, target: Target) -> list[Target]:
    """The targets to look at: the one that was named, or every tenant of the data folder."""
    if target.key is not None or target.tenant is not None:
        return [target]
    if not settings.data.is_dir():
        return []
    store = ControlStore.open(settings)
    try:
        tenants = sorted({key.tenant for key in store.list_keys(None)})
    finally:
        store.close()
    return [Target(tenant, target.data, target.url) for tenant in tenants[:TENANTS_LOOKED_AT]]
