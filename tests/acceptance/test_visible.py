"""Accepted to visible in a report: at most a second at p95 under light load."""

import threading
import time
import uuid

import pytest

from acceptance.crowd import Crowd
from acceptance.expected import HOUR, moment
from service import EVENTS, REPORTS, Service

MARKERS = 40


@pytest.mark.slow
def test_visible_within_a_second(own_service: Service, capsys: pytest.CaptureFixture[str]) -> None:
    own_service.wait_until_ready()
    now = time.time_ns() // 1_000
    crowd = Crowd({"bert": 1}, 9, now - 6 * HOUR, pause=0.05)
    client = own_service.of("ada")
    span = {"from": moment(now - HOUR), "to": moment(now + HOUR), "metric": "events.count", "grain": "1h"}
    seconds: list[float] = []
    crowd.begin(own_service)
    try:
        for number in range(1, MARKERS + 1):
            event = {
                "event_id": str(uuid.uuid4()),
                "event_name": "button_click",
                "occurred_at": moment(now),
                "source": "web",
            }
            assert client.ask("POST", EVENTS, event).status == 202
            accepted = time.monotonic()
            while sum(point["value"] for point in client.post(f"{REPORTS}/timeseries", span)["points"]) < number:
                assert time.monotonic() - accepted < 10
                threading.Event().wait(0.01)
            seconds.append(time.monotonic() - accepted)
    finally:
        crowd.rest()
    seconds.sort()
    middle, late = seconds[MARKERS // 2], seconds[int(MARKERS * 0.95)]
    with capsys.disabled():
        print(f"\nvisible after: p50 {middle:.3f} s, p95 {late:.3f} s, worst {seconds[-1]:.3f} s")
    assert late <= 1.0, seconds
