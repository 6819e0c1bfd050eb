"""Kill -9 in the middle of a replay: every failed event is stored once in the end, and none is left or lost."""

import threading
import uuid
from pathlib import Path
from typing import Any

import pytest

from auricle import clock
from auricle.intake.times import format_rfc3339
from service import API, BATCH, Away, Service, rows_of

TENANT = "acme"
EVENTS = 3_000


def schema(kind: str, version: str) -> dict[str, Any]:
    told = {"$id": f"auricle:acme/shop.sold/jsonschema/{version}", "type": "object"}
    return {"schema": told | {"properties": {"price": {"type": kind}}}}


def sold() -> dict[str, Any]:
    told = {"event_id": str(uuid.uuid4()), "event_name": "shop.sold", "occurred_at": format_rfc3339(clock.micros())}
    return told | {"source": "server", "attributes": {"price": "5"}}


def replay(service: Service, after: int = 0) -> dict[str, Any]:
    """The answer to one replay, on a connection of its own."""
    client = service.client(TENANT)
    try:
        return dict(client.post(f"{API}/inbox/replay", {"all": True, "after": after, "limit": 1_000}))
    finally:
        client.close()


def replay_until_killed(service: Service) -> None:
    try:
        while replay(service)["stored"]:
            pass
    except Away:
        return


def left_in_inbox(service: Service) -> int:
    return sum(group["events"] for group in service.of(TENANT).get(f"{API}/inbox")["groups"])


@pytest.mark.slow
def test_killed_in_the_middle_of_a_replay(data: Path) -> None:
    service = Service(data)
    data.mkdir(parents=True)
    try:
        service.start()
        client = service.of(TENANT)
        client.post(f"{API}/schemas", schema("number", "1-0-0"))
        raws = [sold() for _ in range(EVENTS)]
        for start in range(0, EVENTS, 500):
            assert client.ask("POST", BATCH, {"events": raws[start : start + 500]}).status == 422
        client.post(f"{API}/schemas", schema("string", "2-0-0"))
        replaying = threading.Thread(target=replay_until_killed, args=(service,))
        replaying.start()
        while left_in_inbox(service) == EVENTS:
            pass
        service.kill()
        replaying.join()
        service.start()
        assert 0 < left_in_inbox(service) < EVENTS
        told = replay(service)
        while told["next"] is not None:
            told = replay(service, told["next"])
        assert left_in_inbox(service) == 0
        counts = service.drained(TENANT)
        assert (counts["stored"], counts["rejected"]) == (EVENTS, EVENTS)
        assert (service.stop(), service.errors()) == (0, [])
        assert sorted(row[1] for row in rows_of(data)) == sorted(one["event_id"] for one in raws)
    finally:
        service.end()
