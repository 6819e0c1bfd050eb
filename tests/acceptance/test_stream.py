"""The event stream under load: two hundred clients at once, and the service killed under them; all of it exact."""

import asyncio
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import orjson
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake
from websockets.sync.client import connect as sync_connect

from running import event
from service import Service, rows_of
from streaming import STREAM, end_of, told

PATIENCE_SECONDS = 120.0


@dataclass(slots=True)
class Sender:
    """A client that keeps to docs/stream.md: what is not acknowledged is sent again, if need be on a new connection."""

    address: Callable[[], tuple[str, int]]
    key: str
    waiting: dict[int, list[dict[str, Any]]]
    """Frames that are not acknowledged, by their `seq`, in the order they are to be sent."""
    receipts: Counter[str] = field(default_factory=Counter)
    acks: list[int] = field(default_factory=list)
    connections: int = 0
    most_in_flight: int = 0

    async def run(self) -> None:
        """Sends everything; returns when all of it is acknowledged."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while self.waiting:
            assert time.monotonic() < deadline, f"{len(self.waiting)} frames are still not acknowledged"
            host, port = self.address()
            try:
                async with connect(f"ws://{host}:{port}{STREAM}", proxy=None, open_timeout=20) as socket:
                    self.connections += 1
                    await self._send_all(socket)
            except (ConnectionClosed, InvalidHandshake, OSError, TimeoutError):
                await asyncio.sleep(0.05)

    async def _send_all(self, socket: ClientConnection) -> None:
        await socket.send(orjson.dumps({"auth": self.key}).decode())
        credit = orjson.loads(await socket.recv())["credit"]
        unsent, in_flight = list(self.waiting), 0
        while self.waiting:
            while unsent and in_flight < credit:
                seq = unsent.pop(0)
                await socket.send(orjson.dumps({"seq": seq, "events": self.waiting[seq]}).decode())
                in_flight += 1
                self.most_in_flight = max(self.most_in_flight, in_flight)
            answer = orjson.loads(await socket.recv())
            in_flight -= 1
            credit = answer["credit"]
            if "error" in answer:
                assert answer["error"]["transient"], answer
                await asyncio.sleep(answer["retry_after"])
                unsent.append(answer["seq"])
                continue
            events = self.waiting.pop(answer["ack"])
            self.acks.append(answer["ack"])
            told = Counter(one["status"] for one in answer["results"])
            self.receipts += told + Counter(stored=len(events) - told.total())


def frames(count: int, size: int) -> dict[int, list[dict[str, Any]]]:
    return {seq: [event(session_id=f"s{seq}") for _ in range(size)] for seq in range(1, count + 1)}


def ids_of(sent: list[dict[int, list[dict[str, Any]]]]) -> list[str]:
    return sorted(one["event_id"] for each in sent for events in each.values() for one in events)


async def _together(senders: list[Sender]) -> None:
    async with asyncio.TaskGroup() as group:
        for sender in senders:
            group.create_task(sender.run())


def test_two_hundred_connections_at_once(own_service: Service) -> None:
    """Ten tenants, twenty connections each; every event there once, and each tenant's own alone.

    An idle one at the end is told to go when the service stops, which does not wait for it.
    """
    service = own_service
    service.wait_until_ready()
    tenants = [f"tenant{n}" for n in range(10)]
    sent = {tenant: [frames(10, 10) for _ in range(20)] for tenant in tenants}
    senders = [
        Sender(lambda: service.address, service.key(tenant), dict(each)) for tenant in tenants for each in sent[tenant]
    ]
    asyncio.run(_together(senders))
    assert [sender.receipts for sender in senders] == [Counter(stored=100)] * 200
    assert [sender.acks for sender in senders] == [list(range(1, 11))] * 200
    assert [sender.connections for sender in senders] == [1] * 200
    assert max(sender.most_in_flight for sender in senders) > 1
    counts = {tenant: service.drained(tenant) for tenant in tenants}
    assert {tenant: told["stored"] for tenant, told in counts.items()} == dict.fromkeys(tenants, 2_000)
    address = f"ws://{service.address[0]}:{service.address[1]}{STREAM}"
    with sync_connect(address, additional_headers={"X-API-Key": service.key("tenant0")}, proxy=None) as idle:
        assert told(idle)["ready"]
        began = time.monotonic()
        service.stop()
        assert time.monotonic() - began < 8
        assert end_of(idle)[0] == 1012
    rows = rows_of(service.data)
    assert [(tenant, event_id) for tenant, event_id, _, _ in rows] == [
        (tenant, event_id) for tenant in sorted(tenants) for event_id in ids_of(sent[tenant])
    ]


@pytest.mark.slow
def test_killed_in_the_middle_nothing_is_lost_or_doubled(own_service: Service) -> None:
    """Four clients go on from what was acknowledged, while the service is killed under them five times."""
    service = own_service
    key = service.key("acme")
    sent = [frames(400, 20) for _ in range(4)]
    senders = [Sender(lambda: service.address, key, dict(each)) for each in sent]
    sending = threading.Thread(target=lambda: asyncio.run(_together(senders)))
    sending.start()
    kills = _kill_between(service, senders, times=5)
    sending.join(PATIENCE_SECONDS)
    assert not sending.is_alive()
    assert kills == 5
    assert min(sender.connections for sender in senders) > 1
    assert all(not sender.waiting for sender in senders)
    counts = service.drained("acme")
    service.stop()
    rows = rows_of(service.data)
    assert [event_id for _, event_id, _, _ in rows] == ids_of(sent)
    assert counts["stored"] == len(ids_of(sent)) == 32_000
    # Every event has one last receipt; some were stored before a kill took their acknowledgement away.
    total: Counter[str] = sum((sender.receipts for sender in senders), Counter())
    assert set(total) <= {"stored", "duplicate"}
    assert total.total() == 32_000
    assert counts["duplicate"] >= total["duplicate"]


def _kill_between(service: Service, senders: list[Sender], times: int) -> int:
    """Kills and starts the service each time a further part of the frames is acknowledged."""
    kills, all_frames = 0, sum(len(sender.waiting) for sender in senders)
    for part in range(1, times + 1):
        deadline = time.monotonic() + 60
        while all_frames - sum(len(sender.waiting) for sender in senders) < all_frames * part // (times + 2):
            assert time.monotonic() < deadline
            time.sleep(0.002)
        service.kill()
        kills += 1
        service.start()
    return kills


def test_one_event_in_many_connections_is_stored_once(own_service: Service) -> None:
    """Twenty clients tell the same events at the same moment."""
    service = own_service
    service.wait_until_ready()
    tenant = f"t{uuid.uuid4().hex}"
    same = frames(5, 20)
    senders = [Sender(lambda: service.address, service.key(tenant), dict(same)) for _ in range(20)]
    asyncio.run(_together(senders))
    total: Counter[str] = sum((sender.receipts for sender in senders), Counter())
    assert total == Counter(stored=100, duplicate=1_900)
    counts = service.drained(tenant)
    assert (counts["stored"], counts["duplicate"]) == (100, 1_900)
