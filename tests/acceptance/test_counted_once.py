"""100,000 events, each sent three times by 8 connections with two restarts in between: each is counted once."""

import json
import random
import threading
import time
import uuid
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from acceptance.expected import HOUR, moment
from service import BATCH, EVENTS, Answer, Away, Client, Service, rows_of, wait_for

EVENTS_SENT = 100_000
COPIES = 3
CONNECTIONS = 8
BATCH_EVENTS = 400
NAMES = ("page_view", "button_click", "form_submit", "course_complete", "acme.bell.rung")


@dataclass(slots=True)
class Receipts:
    """What was told of each event, by its number. Thread-safe."""

    stored: Counter[int] = field(default_factory=Counter)
    unheard: set[int] = field(default_factory=set)
    statuses: Counter[str] = field(default_factory=Counter)
    done: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def hear(self, numbers: Sequence[int], answer: Answer) -> list[int]:
        """Takes the receipts of a batch; gives the numbers that must be sent again."""
        if answer.status in (503, 507):
            return list(numbers)
        if answer.status != 202:
            raise AssertionError(f"{answer.status} {answer.body}")
        told = {result["index"]: result for result in answer.body["results"]}
        if any(result.get("conflict") for result in told.values()):
            raise AssertionError(f"a repetition was taken for a conflict: {answer.body}")
        by_status: dict[str, list[int]] = {"stored": [], "duplicate": [], "retry": []}
        for index, number in enumerate(numbers):
            by_status[told[index]["status"] if index in told else "stored"].append(number)
        with self.lock:
            self.done += len(numbers) - len(by_status["retry"])
            self.stored.update(by_status["stored"])
            self.statuses.update({status: len(found) for status, found in by_status.items()})
        return by_status["retry"]


@dataclass(slots=True)
class Sender:
    """One connection and the batches it has to deliver, through every restart."""

    service: Service
    bodies: Sequence[bytes]
    batches: list[list[int]]
    receipts: Receipts
    open: threading.Event
    failure: BaseException | None = None

    def run(self) -> None:
        client: Client | None = None
        try:
            for batch in self.batches:
                numbers = batch
                while numbers:
                    self.open.wait(120)
                    client = client or self.service.client("ada")
                    try:
                        numbers = self.receipts.hear(numbers, client.ask("POST", BATCH, body_of(self.bodies, numbers)))
                    except Away:
                        with self.receipts.lock:
                            self.receipts.unheard.update(numbers)
                        client = None
                        time.sleep(0.05)
        except BaseException as error:  # noqa: BLE001 - told in the test's own thread
            self.failure = error
        finally:
            if client is not None:
                client.close()


def body_of(bodies: Sequence[bytes], numbers: Iterable[int]) -> bytes:
    """The batch of these events."""
    return b'{"events":[' + b",".join([bodies[number] for number in numbers]) + b"]}"


def made(seed: int, start: int) -> list[dict[str, Any]]:
    """The events: the same seed makes the same ones."""
    draw = random.Random(seed)
    return [
        {
            "event_id": str(uuid.UUID(int=draw.getrandbits(128), version=4)),
            "event_name": NAMES[number % len(NAMES)],
            "occurred_at": moment(start + number * 100_000 + 1),
            "user_id": f"u{number % 977}",
            "source": "server",
            "attributes": {"number": number, "share": number / 7, "page": f"/é/{number % 13}", "on": number % 2 == 0},
        }
        for number in range(EVENTS_SENT)
    ]


def dealt(seed: int) -> list[list[list[int]]]:
    """The batches of each connection: every event three times in all, shuffled, so that tellings meet."""
    draw = random.Random(seed)
    hands: list[list[int]] = [[] for _ in range(CONNECTIONS)]
    for _ in range(COPIES):
        numbers = list(range(EVENTS_SENT))
        draw.shuffle(numbers)
        for place, hand in enumerate(hands):
            hand.extend(numbers[place::CONNECTIONS])
    for hand in hands:
        draw.shuffle(hand)
    return [[hand[at : at + BATCH_EVENTS] for at in range(0, len(hand), BATCH_EVENTS)] for hand in hands]


@pytest.mark.slow
def test_100_000_events_three_times_with_two_restarts(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data.mkdir(parents=True)
    service = Service(data)
    start = (time.time_ns() // 1_000 - 12 * HOUR) // HOUR * HOUR
    events = made(3, start)
    bodies = [json.dumps(event).encode() for event in events]
    receipts, gate = Receipts(), threading.Event()
    try:
        service.start()
        service.key("ada")
        senders = [Sender(service, bodies, batches, receipts, gate) for batches in dealt(3)]
        threads = [threading.Thread(target=sender.run, daemon=True) for sender in senders]
        began = time.monotonic()
        gate.set()
        for thread in threads:
            thread.start()
        for part, end in ((0.3, service.stop), (0.65, service.kill)):
            wait_for(lambda part=part: _reached(receipts, senders, part), 120, 0.005)
            gate.clear()
            assert end() in (0, None), service.tail()
            service.start()
            gate.set()
        for thread in threads:
            thread.join(180)
        assert [sender.failure for sender in senders] == [None] * CONNECTIONS
        sent = time.monotonic() - began
        counts = service.drained("ada")
        with capsys.disabled():
            print(f"\n{dict(receipts.statuses)}, {len(receipts.unheard)} unheard, {counts}, {sent:.1f} s")
        assert receipts.done == EVENTS_SENT * COPIES
        assert counts["stored"] == EVENTS_SENT
        assert (counts["rejected"], counts["dropped"]) == (0, 0)
        told_twice = [number for number, times in receipts.stored.items() if times > 1]
        never_told = [number for number in range(EVENTS_SENT) if not receipts.stored[number]]
        assert (told_twice, set(never_told) - receipts.unheard) == ([], set())
        _check_reports(service, start)
        assert service.stop() == 0
        assert rows_of(data) == sorted(
            ("ada", event["event_id"], event["event_name"], event["user_id"]) for event in events
        )
        assert service.errors() == []
    finally:
        gate.set()
        service.end()


def _reached(receipts: Receipts, senders: Sequence[Sender], part: float) -> bool:
    failures = [sender.failure for sender in senders if sender.failure]
    if failures:
        raise failures[0]
    return receipts.done > EVENTS_SENT * COPIES * part


def _check_reports(service: Service, start: int) -> None:
    span = {"from_": moment(start), "to": moment(start + 3 * HOUR)}
    client = service.of("ada")
    by_hour = Counter((number * 100_000 + 1) // HOUR for number in range(EVENTS_SENT))
    points = [{"t": moment(start + hour * HOUR), "value": by_hour[hour]} for hour in range(3)]
    assert client.report("timeseries", **span, metric="events.count", grain="1h") == {
        "metric": "events.count",
        "grain": "1h",
        "points": points,
    }
    rows = [{"value": name, "count": EVENTS_SENT // len(NAMES)} for name in sorted(NAMES)]
    assert client.report("top", **span, field="event_name") == {"rows": rows, "other": 0, "total": EVENTS_SENT}
    numbers = client.report("top", **span, field="number", limit=3)
    assert (numbers["rows"][0]["count"], numbers["total"]) == (1, EVENTS_SENT)


def test_two_tenants_may_have_the_same_ids(own_service: Service) -> None:
    start = (time.time_ns() // 1_000 - 2 * HOUR) // HOUR * HOUR
    events = made(4, start)[:300]
    others = [{**event, "event_name": "video_play", "attributes": {}} for event in events[:200]]
    for _ in range(2):
        for tenant, sent in (("ada", events), ("bert", others)):
            own_service.of(tenant).post(BATCH, {"events": sent})
    told = {"rejected": 0, "dropped": 0, "waiting": 0}
    assert own_service.drained("ada") == {"received": 600, "stored": 300, "duplicate": 300, **told}
    assert own_service.drained("bert") == {"received": 400, "stored": 200, "duplicate": 200, **told}
    span = {"from_": moment(start), "to": moment(start + HOUR), "field": "event_name"}
    named = [{"value": name, "count": 60} for name in sorted(NAMES)]
    assert own_service.of("ada").report("top", **span) == {"rows": named, "other": 0, "total": 300}
    other = [{"value": "video_play", "count": 200}]
    assert own_service.of("bert").report("top", **span) == {"rows": other, "other": 0, "total": 200}


@pytest.mark.parametrize("when", ["at once", "from the engine", "after a restart"])
def test_another_body_under_the_same_id_is_a_conflict_and_the_first_stands(own_service: Service, when: str) -> None:
    start = (time.time_ns() // 1_000 - 2 * HOUR) // HOUR * HOUR
    first = made(5, start)[0]
    changed = [
        {**first, "attributes": {**first["attributes"], "number": 1}},
        {**first, "event_name": "video_play"},
        {**first, "occurred_at": moment(start + 1_000_000)},
        {**first, "user_id": "someone else"},
    ]
    client = own_service.of("ada")
    assert client.post(EVENTS, first) == {"event_id": first["event_id"], "status": "stored"}
    if when != "at once":
        own_service.drained("ada")
        time.sleep(9)  # longer than an id stays in the window: the engine is asked now
    if when == "after a restart":
        own_service.kill()
        client = own_service.start().of("ada")
    again = [client.ask("POST", EVENTS, event) for event in (first, *changed)]
    duplicate = {"event_id": first["event_id"], "status": "duplicate"}
    assert [(answer.status, answer.body) for answer in again] == [
        (200, duplicate),
        *[(200, {**duplicate, "conflict": True})] * len(changed),
    ]
    counts = own_service.drained("ada")
    assert counts == {"received": 6, "stored": 1, "duplicate": 5, "rejected": 0, "dropped": 0, "waiting": 0}
    fate = client.get(f"{EVENTS}/{first['event_id']}/fate")
    assert (fate["fate"], fate["event_name"]) == ("stored", first["event_name"])
    span = {"from_": moment(start), "to": moment(start + HOUR)}
    assert client.report("top", **span, field="number")["rows"] == [{"value": "0", "count": 1}]
