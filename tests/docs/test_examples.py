"""The examples of the pages, run as they are printed against the real service: each does what the page says.

Only what cannot be printed is put in place of what is: addresses, keys, and the ids of keys that there are here.
"""

import gzip
import os
import re
import shlex
import shutil
import subprocess
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import orjson
import pytest

from auricle.model.principal import Kind
from auricle.settings import Settings
from auricle.store.annotation import AnnotationStore
from auricle.store.control import ControlStore
from auricle.store.dashboard import DashboardStore
from auricle.store.database import open_database
from auricle.store.link import LinkStore
from auricle.store.user import UserStore
from running import Service, ago, event, serving, wait_until

ROOT = Path(__file__).resolve().parents[2]
TENANT = "acme"
EVENT_ID = "5e0e7a1c-6f43-4b8e-9a43-0e7a6a1f6b0d"
KEY_ID = "6e4d86ed-02ff-4c1b-b73a-ea3721a6bf13"
USER_ID = "c4b9d0f4-21a7-4f5e-8f7a-5a7f1f4f1f22"
DASHBOARD_ID = "3c1f8a52-7a52-4f43-9d0e-7a0f6f2f9a11"
LINK_ID = "9b7c6a54-0f0d-4d0c-a7a5-6f6b5d4c3b33"
ANNOTATION_ID = "5f4e3d2c-1b0a-4998-8776-655443322144"
ERASURE_ID = "7d0c2f0e-4c8e-4a57-8a44-3f1d5cf0a7be"
EXPORT_ID = "2f0f6a52-52a5-4f3c-9f2e-6a0f0f9a6c11"
JOB_ID = "0b9c1d6e-33c1-4c0e-9a55-b7a2f1f0c3d4"
EXPORTS = "/api/v1/analytics/exports"
SUBJECTS = "/api/v1/analytics/subjects"
SOLD = {
    "$id": f"auricle:{TENANT}/shop.sold/jsonschema/1-0-0",
    "type": "object",
    "required": ["price"],
    "properties": {"price": {"type": "number", "minimum": 0}},
}
SHELL = """
set -euo pipefail
curl() { command curl -sS --max-time 60 -w '\\nstatus %{http_code}\\n' "$@"; }
command -v uuidgen >/dev/null || uuidgen() { cat /proc/sys/kernel/random/uuid; }
"""

pytestmark = pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")


@dataclass(frozen=True, slots=True)
class Example:
    """One block of a page: what is typed, and what is printed below."""

    where: str
    typed: str
    printed: str


def examples(page: Path) -> Iterator[Example]:
    """The blocks of a page that ask the service with curl."""
    heading = ""
    for part in re.split(r"^(#{2,3} [^\n]*|```console\n.*?^```)$", page.read_text(), flags=re.MULTILINE | re.DOTALL):
        if part.startswith("#"):
            heading = part.strip("# `")
        elif part.startswith("```console") and "curl " in part:
            yield split(f"{page.name}: {heading}", part.splitlines()[1:-1])


def split(where: str, lines: list[str]) -> Example:
    """A block, its commands apart from what they print."""
    typed: list[str] = []
    printed: list[str] = []
    unfinished = ""
    for line in lines:
        if unfinished or line.startswith("$ "):
            unfinished += line.removeprefix("$ ") + "\n"
            if not line.endswith("\\") and is_whole(unfinished):
                typed.append(unfinished)
                unfinished = ""
        else:
            printed.append(line)
    assert not unfinished, where
    return Example(where, "".join(typed), "\n".join(printed))


def is_whole(command: str) -> bool:
    """Whether every quotation of a command is closed."""
    try:
        shlex.split(command)
    except ValueError:
        return False
    return True


EXAMPLES = [
    example for page in (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))) for example in examples(page)
]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the commands run, with the files that they name."""
    folder = tmp_path_factory.mktemp("examples")
    lines = b"\n".join(orjson.dumps(event()) for _ in range(2))
    (folder / "events.jsonl.gz").write_bytes(gzip.compress(lines))
    return folder


@pytest.fixture(scope="module")
def documented(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """The service in the state that the pages tell of: with schemas, events of each kind, and failed ones."""
    with serving(Settings(data=tmp_path_factory.mktemp("documented"))) as service:
        admin = service.key(TENANT, Kind.ADMIN)
        schemas = "/api/v1/analytics/schemas"
        # An event from before there was a schema, which breaks it.
        for tenant in (TENANT, "trial"):
            assert service.send(tenant, [event(event_name="shop.sold", attributes={"price": "5"})]).status == 202
        assert service.send("trial", [event(event_name="shop.sold", attributes={"price": 5})]).status == 202
        service.drained("trial")
        for version, more in (("1-0-0", {}), ("1-0-1", {"title": "Sold"})):
            document = {**SOLD, **more, "$id": SOLD["$id"].replace("1-0-0", version)}
            assert service.ask("POST", schemas, {"schema": document}, admin).status == 201
        failing = event(event_name="shop.sold", attributes={"price": "5", "mail": "a@example.org"})
        assert service.send(TENANT, [failing]).status == 422
        assert service.send(TENANT, [event(event_id=EVENT_ID)]).status == 202
        query = {"query_id": "q", "query_text": "red shoes", "query_source": "voice", "session_id": "s"}
        told = {"event_type": "voice_query", "timestamp": ago(minutes=5), "store_id": "store_456", **query}
        assert service.ask("POST", "/ingest", told, service.key(TENANT)).status == 202
        outcome = {"voice.query_id": "q", "voice.answer_text": "Here are red shoes.", "voice.latency_ms": 700}
        told_at = ago(minutes=4, seconds=58)
        spoken = event(event_name="voice.outcome", occurred_at=told_at, source="server", attributes=outcome)
        assert service.send(TENANT, [spoken]).status == 202
        assert service.send(TENANT, [event(user_id="u-17", session_id="s-17")]).status == 202
        assert service.ask("POST", f"{SUBJECTS}/erase", {"session_id": "long-gone"}, admin).status == 202
        service.drained(TENANT)
        yield service


def shown_to_people(typed: str, service: Service) -> str:
    """What is typed with the ids of a user, a dashboard, a link and an annotation that there are."""
    if not any(one in typed for one in (USER_ID, DASHBOARD_ID, LINK_ID, ANNOTATION_ID)):
        return typed
    engine = open_database(service.settings)
    widget = {"title": "Events", "chart": "line", "report": "timeseries", "ask": {"metric": "events.count"}}
    try:
        now = datetime.now(UTC)
        user = UserStore(engine).create(TENANT, uuid.uuid4().hex, "long enough for it", Kind.READ, actor="test")
        shown = DashboardStore(engine).create(TENANT, "Shop", [widget], actor="test")
        link, _ = LinkStore(engine).create(TENANT, shown.id, now + timedelta(days=1), actor="test")
        note = AnnotationStore(engine).create(TENANT, now, "a new version", actor="test")
    finally:
        engine.dispose()
    ids = {USER_ID: user.id, DASHBOARD_ID: shown.id, LINK_ID: link.id, ANNOTATION_ID: note.id}
    for printed, real in ids.items():
        typed = typed.replace(printed, real)
    return typed


def filled_in(example: Example, service: Service) -> tuple[str, dict[str, str]]:
    """What is typed with ids that there are, and the variables that the page says a reader has."""
    control = ControlStore.open(service.settings)
    try:
        signed = control.create_key(TENANT, Kind.INGEST, signed=True)
        spare = control.create_key(TENANT, Kind.INGEST)
    finally:
        control.close()
    rest = f'"event_name": "page_view", "occurred_at": "{ago()}", "source": "web", "attributes": {{}}}}'
    typed = example.typed.replace(KEY_ID, spare.id).replace("…}", rest)
    typed = shown_to_people(typed, service)
    if ERASURE_ID in typed:
        told = service.ask("GET", f"{SUBJECTS}/erasures", key=service.key(TENANT, Kind.ADMIN)).body
        typed = typed.replace(ERASURE_ID, told["erasures"][-1]["id"])
    if EXPORT_ID in typed:
        ask = {"X-API-Key": service.key(TENANT, Kind.READ)}
        made = service.client.get(f"{service.url}/export/training-data", headers=ask)
        typed = typed.replace(EXPORT_ID, made.headers["x-export-id"])
    if JOB_ID in typed:
        key = service.key(TENANT, Kind.READ)
        job = service.ask("POST", EXPORTS, {"period": "24h", "format": "jsonl"}, key).body["id"]
        wait_until(lambda: service.ask("GET", f"{EXPORTS}/{job}", key=key).body["state"] == "ready")
        typed = typed.replace(JOB_ID, job)
    typed = typed.replace("export KEY=ak_…\n", "").replace("http://127.0.0.1:8000", service.url)
    given = {
        "URL": service.url,
        "INGEST": signed.key if "X-Signature" in typed else service.key(TENANT),
        "READ": service.key(TENANT, Kind.READ),
        # What a trial of a schema tells of stored events is told of a schema that is not registered yet.
        "ADMIN": service.key("trial" if "dry_run" in typed else TENANT, Kind.ADMIN),
        "KEY": service.key(TENANT, Kind.ADMIN),
        "SECRET": signed.secret or "",
    }
    return typed, given


def shape(printed: str) -> set[str]:
    """What a printed answer says of every such answer: the names of its members; of text, all but the numbers."""
    if printed.startswith(("{", "[")):
        return set(re.findall(r'"[^"…]+":', printed))
    return {line.rpartition(" ")[0] for line in printed.splitlines()}


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.where)
def test_it_does_what_the_page_says(documented: Service, place: Path, example: Example) -> None:
    typed, given = filled_in(example, documented)
    ran = subprocess.run(
        ["bash", "-c", SHELL + typed],
        cwd=place,
        env={"PATH": os.environ["PATH"], "HOME": str(place), "NO_PROXY": "*", **given},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    answer, _, status = ran.stdout.rpartition("\nstatus ")
    assert status.startswith("20"), ran.stdout
    missing = {part for part in shape(example.printed) if part not in answer}
    assert missing == set(), answer


def test_the_pages_have_examples_of_everything() -> None:
    told = re.findall(r"^### `([A-Z]+ \S+)`$", (ROOT / "docs" / "api.md").read_text(), re.MULTILINE)
    assert {f"api.md: {route}" for route in told} <= {example.where for example in EXAMPLES}
    assert [example.where for example in EXAMPLES if "curl" in example.printed] == []


def test_a_wrong_example_would_be_found() -> None:
    found = split("x", ["$ curl \\", "  -d '{", '"a": 1}\'', '{"a":1,"b":[…]}', "$ curl y"])
    assert (found.typed, found.printed) == ("curl \\\n  -d '{\n\"a\": 1}'\ncurl y\n", '{"a":1,"b":[…]}')
    assert shape(found.printed) == {'"a":', '"b":'}
    assert uuid.UUID(EVENT_ID).version == 4
