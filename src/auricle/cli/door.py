"""The door: how a command finds the running service and speaks to it over HTTP.

The engine allows one process a folder, so commands never open the event store; they ask the service. While it runs it
keeps `service.json` in its data folder.
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx2
import orjson

from auricle import __version__, clock
from auricle.cli.options import Target, settings_of
from auricle.cli.output import WRONG_USE, Failure
from auricle.model.principal import Kind
from auricle.settings import Settings
from auricle.store.control import ControlStore

API = "/api/v1/analytics"
TRANSIENT = frozenset({429, 502, 503, 504, 507})
KEY_LIFE = timedelta(hours=24)
"""How long a command's own key lives when the command is killed before it can revoke it."""


@dataclass(frozen=True, slots=True)
class Running:
    """The service as its data folder tells it."""

    url: str
    pid: int
    started_at: str


class Door:
    """The HTTP doors of one service, with one key."""

    def __init__(self, url: str, key: str) -> None:
        self.url = url.rstrip("/")
        # NOTE: a proxy of the environment must not be asked for this very machine.
        on_this_machine = urlsplit(self.url).hostname in ("127.0.0.1", "::1", "localhost", "0.0.0.0")  # noqa: S104
        self._client = httpx2.Client(
            base_url=self.url,
            headers={"Authorization": f"Bearer {key}", "User-Agent": f"auricle-cli/{__version__}"},
            timeout=httpx2.Timeout(60, connect=5),
            trust_env=not on_this_machine,
        )

    def close(self) -> None:
        """Gives the connections back."""
        self._client.close()

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """The JSON answer to a request.

        Raises:
            Failure: the service refuses or does not answer.
        """
        content = None if body is None else orjson.dumps(body)
        answer = self._send(method, path, content, {"Content-Type": "application/json"})
        if answer.is_success:
            return orjson.loads(answer.content)
        raise Failure(refusal(answer))

    def say(self, path: str, body: bytes) -> tuple[str, bytes]:
        """The content type and the bytes of the answer to a JSON body.

        Raises:
            Failure: the service refuses or does not answer.
        """
        answer = self._send("POST", path, body, {"Content-Type": "application/json"})
        if answer.is_success:
            return answer.headers.get("Content-Type", "").partition(";")[0], answer.content
        raise Failure(refusal(answer))

    def deliver(self, path: str, body: bytes, headers: dict[str, str], patience: float) -> httpx2.Response:
        """The answer to a body of events. Tries again for `patience` seconds while the service is busy or away."""
        deadline, pause = time.monotonic() + patience, 0.25
        while True:
            wait: float | None = None
            try:
                answer = self._client.post(path, content=body, headers=headers)
                if answer.status_code not in TRANSIENT:
                    return answer
                wait, problem = retry_after(answer), refusal(answer)
            except httpx2.TransportError as error:
                problem = self._away(error)
            wait = pause if wait is None else wait
            if time.monotonic() + wait > deadline:
                raise Failure(f"given up after {patience:g} s: {problem}")
            time.sleep(wait)
            pause = min(pause * 2, 10)

    def _send(self, method: str, path: str, content: bytes | None, headers: dict[str, str]) -> httpx2.Response:
        try:
            return self._client.request(method, path, content=content, headers=headers)
        except httpx2.TransportError as error:
            raise Failure(self._away(error)) from None

    def _away(self, error: Exception) -> str:
        return f"the service at {self.url} does not answer ({type(error).__name__})"


def refusal(answer: httpx2.Response) -> str:
    """Why the service refused, from its problem document."""
    try:
        problem = orjson.loads(answer.content)
    except orjson.JSONDecodeError:
        problem = None
    if not isinstance(problem, dict):
        return f"the service answered {answer.status_code} {answer.reason_phrase}"
    told = str(problem.get("detail") or problem.get("title") or answer.reason_phrase)
    faults = [
        f"{fault.get('pointer') or 'the request'}: {fault.get('message')}"
        for fault in problem.get("errors") or []
        if isinstance(fault, dict)
    ]
    return told_of(f"the service answered {answer.status_code}: {told}", faults)


def told_of(detail: str, faults: Sequence[str]) -> str:
    """A refusal in one line: what was refused, then each broken rule."""
    return f"{detail.rstrip('.')}: {'; '.join(faults)}" if faults else detail


def retry_after(answer: httpx2.Response) -> float | None:
    """The seconds the service asks to wait, at most a minute at a time."""
    told = answer.headers.get("Retry-After", "")
    return min(float(told), 60.0) if told.isdigit() else None


def running(folder: Path) -> Running | None:
    """The service that this data folder tells of, whether it is still alive or not."""
    try:
        told = orjson.loads((folder / "service.json").read_bytes())
        return Running(str(told["url"]), int(told["pid"]), str(told.get("started_at", "")))
    except (OSError, ValueError, KeyError, TypeError):
        return None


@contextmanager
def open_door(target: Target, kind: Kind, make_tenant: bool = False) -> Iterator[Door]:
    """The door to the service of a target, with its key or with one of this kind made for the time being.

    Raises:
        Failure: no service runs, or the tenant is not clear.
    """
    settings = settings_of(data=target.data)
    found = running(settings.data)
    url = target.url or (found.url if found else None)
    if url is None:
        raise Failure(
            f"no service runs on {settings.data}: start it with `auricle serve --data {settings.data}`, "
            "or name another with --data or --url"
        )
    if target.key is not None:
        door = Door(url, target.key)
        try:
            yield door
        finally:
            door.close()
        return
    if target.url is not None and found is None and not settings.database_url:
        raise Failure("a key is needed for a service elsewhere: --key or AURICLE_KEY", WRONG_USE)
    with _own_key(settings, target.tenant, kind, make_tenant) as key:
        door = Door(url, key)
        try:
            yield door
        finally:
            door.close()


@contextmanager
def _own_key(settings: Settings, tenant: str | None, kind: Kind, make_tenant: bool) -> Iterator[str]:
    """A short-lived key, revoked at the end."""
    store = ControlStore.open(settings)
    try:
        tenants = sorted({row.tenant for row in store.list_keys(None)})
        if tenant is None and len(tenants) == 1:
            tenant = tenants[0]
        if tenant is None:
            raise Failure("which tenant? Name it with --tenant" + _choice(tenants), WRONG_USE)
        if tenant not in tenants and not make_tenant:
            raise Failure(f"there is no tenant {tenant!r} in {settings.data}" + _choice(tenants))
        made = store.create_key(tenant, kind, label="auricle command", expires_at=clock.now() + KEY_LIFE)
        try:
            yield made.key
        finally:
            store.revoke_key(made.id)
    finally:
        store.close()


def _choice(tenants: list[str]) -> str:
    return f" (there are: {', '.join(tenants[:20])})" if tenants else ""
