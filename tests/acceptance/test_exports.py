"""Export jobs on the real service: the file, its link, ranges, another tenant, cancelling, kill -9, and an erasure."""

import csv
import io
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pyarrow.parquet as parquet
import pytest

from auricle.model.principal import Kind
from auricle.settings import Settings
from running import Answer, Service, event, serving, wait_until

EXPORTS = "/api/v1/analytics/exports"
SUBJECTS = "/api/v1/analytics/subjects"


def order(service: Service, tenant: str, **asked: Any) -> str:
    body = {"period": "24h", "format": "jsonl", **asked}
    answer = service.ask("POST", EXPORTS, body, service.key(tenant, Kind.READ))
    assert (answer.status, answer.body["state"]) == (202, "waiting"), answer
    assert answer.headers["location"] == f"{EXPORTS}/{answer.body['id']}"
    return str(answer.body["id"])


def look(service: Service, tenant: str, export: str) -> dict[str, Any]:
    answer = service.ask("GET", f"{EXPORTS}/{export}", key=service.key(tenant, Kind.READ))
    assert answer.status == 200, answer
    return dict(answer.body)


def done(service: Service, tenant: str, export: str, state: str = "ready") -> dict[str, Any]:
    return dict(wait_until(lambda: (job := look(service, tenant, export))["state"] == state and job, 60.0, 0.1))


def fetch(service: Service, path: str, **headers: str) -> Answer:
    answer = service.client.get(service.url + path, headers=headers)
    return Answer(answer.status_code, answer.headers, answer.content)


def filled(service: Service, tenant: str, number: int = 300) -> set[str]:
    told = [event(user_id=f"u-{tenant}", attributes={"page": f"=1+{n}"}) for n in range(number)]
    assert service.send(tenant, told).body["accepted"] == number
    service.drained(tenant)
    return {one["event_id"] for one in told}


def files(service: Service) -> list[str]:
    folder = service.settings.data / "exports"
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def test_every_format_holds_every_event_once(either_service: Service, tenant: str) -> None:
    service, ids = either_service, filled(either_service, tenant)
    made = {form: order(service, tenant, format=form) for form in ("jsonl", "csv", "parquet", "xlsx")}
    for form, export in made.items():
        job = done(service, tenant, export)
        assert job["progress"] == {"rows": 300, "about": 300, "percent": 100}, form
        answer = fetch(service, job["link"])
        assert (answer.status, len(answer.body)) == (200, job["size"])
        if form == "jsonl":
            found = [orjson.loads(line)["event_id"] for line in answer.body.splitlines()]
        elif form == "csv":
            found = [row["event_id"] for row in csv.DictReader(io.StringIO(answer.body.decode()))]
        elif form == "parquet":
            found = parquet.read_table(io.BytesIO(answer.body)).column("event_id").to_pylist()
        else:
            assert answer.body[:2] == b"PK"
            continue
        assert (len(found), set(found)) == (300, ids)
    listed = service.ask("GET", EXPORTS, key=service.key(tenant, Kind.READ)).body["exports"]
    assert {job["id"] for job in listed} == set(made.values())


def test_a_link_is_good_for_its_file_alone(service: Service, tenant: str) -> None:
    filled(service, tenant)
    export, second = order(service, tenant), order(service, tenant)
    link = done(service, tenant, export)["link"]
    other = done(service, tenant, second)["link"]
    whole = fetch(service, link)
    assert (whole.status, whole.headers["cache-control"]) == (200, "private, no-store")
    middle = fetch(service, link, Range="bytes=100-199")
    assert (middle.status, middle.body) == (206, whole.body[100:200])
    rest = fetch(service, link, **{"Range": "bytes=200-", "If-Range": whole.headers["etag"]})
    assert (rest.status, rest.body) == (206, whole.body[200:])
    path, _, query = link.partition("?")
    until, _, signature = query.partition("&signature=")
    wrong = [
        f"{path}?{until}0&signature={signature}",
        f"{path}?until=1&signature={signature}",
        f"{path}?until=x&signature={signature}",
        f"{path}?until=%C2%B2&signature={signature}",
        f"{path}?{until}&signature=",
        f"{path}?{until}&signature=%C3%A9",
        f"{path}?{until}&signature={signature[:-1]}{'0' if signature[-1] != '0' else '1'}",
        other.partition("?")[0] + f"?{query}",
        f"{EXPORTS}/{'0' * 8}-0000-0000-0000-000000000000/file?{query}",
    ]
    assert [fetch(service, each).status for each in wrong] == [404] * len(wrong)
    assert fetch(service, path).status == 401
    foreign = service.key(f"{tenant}-other", Kind.READ)
    for method, address in (("GET", path), ("GET", f"{EXPORTS}/{export}"), ("DELETE", f"{EXPORTS}/{export}")):
        assert service.ask(method, address, key=foreign).status == 404
    keys = (service.key(tenant, kind) for kind in (Kind.READ, Kind.INGEST))
    assert [fetch(service, path, **{"X-API-Key": key}).status for key in keys] == [200, 403]
    gone = service.ask("DELETE", f"{EXPORTS}/{export}", key=service.key(tenant, Kind.READ))
    assert (gone.status, gone.body["state"], "link" in gone.body) == (200, "cancelled", False)
    assert (fetch(service, link).status, fetch(service, other).status) == (404, 200)
    assert not [name for name in files(service) if name.startswith(export)]
    audit = service.ask("GET", "/api/v1/analytics/admin/audit", key=service.key(tenant, Kind.ADMIN)).body["entries"]
    acts = [(one["action"], one["actor"] == "link") for one in audit if one["target"] == export]
    assert acts.count(("export.read", True)) == 3
    assert {("export.order", False), ("export.read", False), ("export.cancel", False)} < set(acts)


def test_no_more_than_some_at_once(service: Service, tenant: str) -> None:
    key = service.key(tenant, Kind.READ)
    answers = [service.ask("POST", EXPORTS, {"period": "24h", "format": "xlsx"}, key) for _ in range(40)]
    told = {answer.status for answer in answers}
    assert told == {202, 429}
    assert {answer.headers["retry-after"] for answer in answers if answer.status == 429} == {"30"}


def test_what_is_wrong_is_refused(service: Service, tenant: str) -> None:
    key = service.key(tenant, Kind.READ)
    answer = service.ask("POST", EXPORTS, {"period": "24h", "format": "pdf", "more": 1}, key)
    assert (answer.status, {fault["pointer"] for fault in answer.body["errors"]}) == (422, {"/format", "/more"})


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Service]:
    with serving(Settings(data=tmp_path / "data")) as running:
        yield running


@pytest.mark.slow
def test_killed_it_begins_anew_and_an_erasure_takes_the_files(own: Service) -> None:
    ids = filled(own, "acme")
    filled(own, "other")
    exports = [order(own, "acme") for _ in range(6)]
    own.stop(signal.SIGKILL)
    (own.settings.data / "exports").mkdir(exist_ok=True)
    (own.settings.data / "exports" / f"{exports[0]}.gone.part").write_bytes(b"half")
    own.start()
    jobs = [done(own, "acme", export) for export in exports]  # one may have been claimed: its lease runs out first
    for job in jobs:
        found = [orjson.loads(line)["event_id"] for line in fetch(own, job["link"]).body.splitlines()]
        assert (len(found), set(found)) == (300, ids)
    wait_until(lambda: len(files(own)) == 6, 10.0)
    kept = done(own, "other", order(own, "other"))
    admin = own.key("acme", Kind.ADMIN)
    erasure = own.ask("POST", f"{SUBJECTS}/erase", {"user_id": "u-acme"}, admin).body["id"]

    def receipt() -> Any:
        found = own.ask("GET", f"{SUBJECTS}/erasures/{erasure}", key=admin).body
        return found["state"] == "done" and found

    told = wait_until(receipt, 60.0, 0.2)["erased"]
    assert (told["events"], told["exports"]) == (300, 6)
    assert len(files(own)) == 1
    assert [fetch(own, job["link"]).status for job in (*jobs, kept)] == [404] * 6 + [200]
    assert {look(own, "acme", export)["state"] for export in exports} == {"erased"}
    late = done(own, "acme", order(own, "acme"))
    assert fetch(own, late["link"]).body == b""
