"""A person is erased from the real service, killed on the way, and no file of the data folder holds a byte of them.

Files of the event store are compressed, so each is searched as it is and unpacked.
"""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import lz4.block
import pytest
from backports import zstd

from auricle.model.principal import Kind
from auricle.settings import Settings
from running import Answer, Service, ago, event, serving, wait_until

SUBJECTS = "/api/v1/analytics/subjects"
NAME = "Xq7Zzerasetest"
"""In every id and text of the person, and in nothing else."""
HEAD = 25
"""A block of the event store: checksum 16, method 1, its size from the method on 4, its size unpacked 4."""


def unpacked(content: bytes) -> Iterator[bytes]:
    """What is packed in a file of the event store, wherever blocks begin in it."""
    for method, mark in ((0x82, b"\x82"), (0x90, b"\x90")):
        place = content.find(mark, 16)
        while place != -1:
            size, length = (int.from_bytes(content[place + n : place + n + 4], "little") for n in (1, 5))
            packed = content[place + 9 : place + size]
            if 9 < size <= len(content) - place and 0 < length < 1 << 28 and len(packed) == size - 9:
                try:
                    if method == 0x82:
                        yield lz4.block.decompress(packed, uncompressed_size=length)
                    else:
                        yield zstd.decompress(packed)
                except (lz4.block.LZ4BlockError, zstd.ZstdError, MemoryError):
                    pass
            place = content.find(mark, place + 1)


def holding(folder: Path, marker: str) -> list[str]:
    """The files that hold a marker."""
    found = []
    # NOTE: `os.walk` passes over folders that the engine tidies up meanwhile, where `rglob` fails.
    for path in sorted(Path(root) / name for root, _, names in os.walk(folder) for name in names):
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            continue
        if marker.encode() in content or any(marker.encode() in piece for piece in unpacked(content)):
            found.append(path.relative_to(folder).as_posix())
    return found


def person(**more: Any) -> dict[str, Any]:
    return event(user_id=f"{NAME}-user", session_id=f"{NAME}-session", attributes={"page": f"/{NAME}"}, **more)


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    with serving(Settings(data=tmp_path / "data")) as running:
        yield running


def ask(service: Service, method: str, path: str, body: Any = None, tenant: str = "acme") -> Answer:
    return service.ask(method, SUBJECTS + path, body, service.key(tenant, Kind.ADMIN))


def receipt(service: Service, erasure: str, tenant: str = "acme") -> dict[str, Any]:
    answer = ask(service, "GET", f"/erasures/{erasure}", tenant=tenant)
    assert answer.status == 200, answer
    return dict(answer.body)


@pytest.mark.slow
def test_no_byte_of_a_person_is_left(service: Service, tmp_path: Path) -> None:
    theirs = [person() for _ in range(40)]
    trace = event(session_id=f"{NAME}-session", attributes={"page": f"/{NAME}-before-login"})
    scored = event(
        user_id=f"{NAME}-user",
        event_name="voice.query",
        attributes={"voice.query_id": "q1", "voice.query_text": f"call {NAME}", "voice.query_source": "voice"},
    )
    score = event(
        event_name="voice.evaluated",
        source="server",
        attributes={"voice.query_id": "q1", "gen_ai.evaluation.name": "helpful", "gen_ai.evaluation.explanation": NAME},
    )
    others = [event(user_id=f"other-{n}", session_id=f"s-{n}") for n in range(60)]
    shared = event(session_id="s-1", attributes={"page": "/before"})
    foreign = person()
    for start in range(0, 40, 10):  # several parts, old and new months
        assert service.send("acme", theirs[start : start + 10] + others[start : start + 10]).body["accepted"] == 20
        time.sleep(0.5)
    assert service.send("acme", [trace, scored, score, shared, *others[40:]]).body["accepted"] == 24
    assert service.send("other", [foreign]).body["accepted"] == 1
    broken = [person(event_name="voice.first_response") for _ in range(3)]
    assert service.send("acme", broken).body["rejected"] == 3  # and kept in the inbox
    service.drained("acme"), service.drained("other")
    assert holding(service.settings.data, NAME) != []  # so they would be found

    found = ask(service, "POST", "/find", {"user_id": f"{NAME}-user"})
    assert (found.status, found.body["events"]) == (200, 43)
    exported = ask(service, "POST", "/export", {"user_id": f"{NAME}-user"})
    assert {one["event_id"] for one in exported.body["events"]} == {
        one["event_id"] for one in (*theirs, trace, scored, score)
    }
    # The foreign tenant's person of the same name must stay; it goes in an erasure of its own.
    waiting = [person() for _ in range(5)]
    assert service.send("acme", waiting).body["accepted"] == 5  # in the journal, or just out of it
    ordered = ask(service, "POST", "/erase", {"user_id": f"{NAME}-user"})
    assert ordered.status == 202, (ordered, service.log.read_text()[-3000:])
    assert (ordered.status, ordered.body["state"], ordered.body["suppressed"]) == (202, "waiting", 2)
    erasure = ordered.body["id"]
    assert service.send("acme", [person(event_name="voice.first_response")]).body["rejected"] == 1  # and not kept
    replay = service.send("acme", [theirs[0], trace, person(), others[0]])
    assert [(one["status"], one.get("reason")) for one in replay.body["results"]] == [
        ("dropped", "erased"),
        ("duplicate", None),
        ("dropped", "erased"),
        ("duplicate", None),
    ]
    wait_until(lambda: receipt(service, erasure)["state"] in ("erasing", "compacting"))
    service.stop(signal.SIGKILL)
    service.start()
    other = ask(service, "POST", "/erase", {"session_id": f"{NAME}-session"}, tenant="other").body["id"]
    done = wait_until(lambda: (told := receipt(service, erasure))["state"] == "done" and told, 90)
    assert done["erased"] == {
        "events": 47,
        "points": 0,
        "scores": 1,
        "journal": 0,
        "failed_events": 3 + 1,
        "archive": 0,
        "exports": 0,
        "consents": 0,
    }
    assert done["suppressed"] == 3
    theirs_too = wait_until(lambda: (told := receipt(service, other, "other"))["state"] == "done" and told, 50)
    assert theirs_too["erased"] == {
        "events": 1,
        "points": 0,
        "scores": 0,
        "journal": 0,
        "failed_events": 0,
        "archive": 0,
        "exports": 0,
        "consents": 0,
    }
    assert holding(service.settings.data, NAME) == []

    assert ask(service, "POST", "/find", {"user_id": f"{NAME}-user"}).body["events"] == 0
    replay = service.send("acme", [theirs[0], trace, score, others[0], event(session_id=f"{NAME}-session")])
    assert [one["status"] for one in replay.body["results"]] == [
        "dropped",
        "dropped",
        "dropped",
        "duplicate",
        "dropped",
    ]
    fate = service.ask("GET", f"/api/v1/analytics/events/{scored['event_id']}/fate", key=service.key("acme", Kind.READ))
    assert fate.body == {"event_id": scored["event_id"], "fate": "erased", "visible": False}
    counts = service.drained("acme")
    assert counts["stored"] == 60 + 48 + 1
    answer = ask(service, "POST", "/find", {"from": ago(days=1)})
    assert answer.body["events"] == 61
    assert holding(service.settings.data, NAME) == []
