"""The data folder on a full disk: 507, nothing acknowledged is lost, reads go on, and it heals when space returns."""

import time
from collections.abc import Callable, Iterator

import pytest

from acceptance.crowd import Crowd
from acceptance.disk import Disk, small_disk
from acceptance.expected import HOUR, check, moment
from service import BATCH, EVENTS, REPORTS, Answer, Service, wait_for

MEGABYTES = 160
TENANTS = {"ada": 2, "bert": 1}
KEPT_FREE = 8_000_000
HEALED_SECONDS = 3.0


@pytest.fixture
def disk() -> Iterator[Disk]:
    with small_disk(MEGABYTES) as made:
        yield made


@pytest.fixture
def serve(disk: Disk) -> Iterator[Callable[[int], Service]]:
    """Starts the service on the disk, with this many bytes to be kept free."""
    started: list[Service] = []

    def serve(kept_free: int) -> Service:
        log = disk.place.with_name(disk.place.name + ".log")
        more = {"AURICLE_MIN_FREE_DISK": str(kept_free)}
        started.append(Service(disk.place / "data", more, disk.prefix, disk.view / "data", log))
        return started[0].start()

    yield serve
    for service in started:
        service.end()
        service.log.unlink(missing_ok=True)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kept_free", "leave", "killed"),
    [
        pytest.param(KEPT_FREE, KEPT_FREE // 2, False, id="less is free than shall be kept free"),
        pytest.param(0, 0, False, id="not one byte is free"),
        pytest.param(KEPT_FREE, KEPT_FREE // 2, True, id="and killed meanwhile"),
    ],
)
def test_full_disk(disk: Disk, serve: Callable[[int], Service], kept_free: int, leave: int, killed: bool) -> None:
    service = serve(kept_free)
    start = (time.time_ns() // 1_000 - 12 * HOUR) // HOUR * HOUR
    crowd = Crowd(TENANTS, 507, start)
    memory = crowd.memory
    service.wait_until_ready()
    service.key("cleo")  # a key cannot be made later: there will be no room for it
    crowd.begin(service)
    try:
        wait_for(lambda: len(memory.facts) > 500, 30)
        for _ in range(2):
            _fill(disk, leave, crowd)
            _look_at_refusal(service, start)
            _look_at_reads(service, start, next(iter(memory.facts)))
            _heal(disk, crowd)
        if killed:
            _fill(disk, leave, crowd)
            service.kill()
            crowd.rest()
            service.start()
            _look_at_refusal(service, start)
            _look_at_reads(service, start, next(iter(memory.facts)))
    finally:
        disk.empty()
        crowd.rest()
    crowd.settle(service)
    assert set(memory.statuses) == {200, 202, 507}
    check(service, memory.facts.values(), TENANTS, start, start + 24 * HOUR)
    service.kill()
    service.start()
    check(service, memory.facts.values(), TENANTS, start, start + 24 * HOUR)
    assert service.errors() == []


def _fill(disk: Disk, leave: int, crowd: Crowd) -> None:
    """Fills the disk, again and again, until events are refused and stay refused."""
    refused = crowd.memory.statuses[507]

    def filled() -> bool:
        disk.fill(leave)
        return crowd.memory.statuses[507] > refused + 50

    wait_for(filled, 60)


def _look_at_refusal(service: Service, start: int) -> None:
    """A new event is refused as the contract says."""
    event = {
        "event_id": "7b5a5c1e-6a8f-4f0e-9f0e-0a4f3f3c5d01",
        "event_name": "page_view",
        "occurred_at": moment(start),
        "source": "web",
        "attributes": {"page": "/" + "x" * 50_000},
    }

    def refused() -> Answer | None:
        answer = service.of("cleo").ask("POST", BATCH, {"events": [event]})
        return answer if answer.status == 507 else None

    answer = wait_for(refused, 20)
    told = {name: answer.body[name] for name in ("type", "title", "status", "code", "transient")}
    assert told == {
        "type": "urn:auricle:problem:storage-full",
        "title": "The disk is full",
        "status": 507,
        "code": "storage_full",
        "transient": True,
    }
    assert answer.headers["content-type"] == "application/problem+json"
    assert int(answer.headers["retry-after"]) >= 1


def _look_at_reads(service: Service, start: int, known: tuple[str, str]) -> None:
    """Reports, statistics and the fate of an event are told while the disk is full."""
    tenant, event_id = known
    client = service.of(tenant)
    span = {"from": moment(start), "to": moment(start + 24 * HOUR), "metric": "events.count", "grain": "1h"}
    # After a start the engine takes a moment.
    wait_for(lambda: client.ask("POST", f"{REPORTS}/timeseries", span).status == 200, 30)
    assert service.counts(tenant)["received"] > 0
    assert client.get(f"{EVENTS}/{event_id}/fate")["fate"] in ("stored", "waiting")


def _heal(disk: Disk, crowd: Crowd) -> None:
    """Space returns, and with it the service, by itself."""
    stored = crowd.memory.statuses[202]
    began = time.monotonic()
    disk.empty()
    wait_for(lambda: crowd.memory.statuses[202] > stored + 20, HEALED_SECONDS)
    assert time.monotonic() - began < HEALED_SECONDS
