"""One tenant floods the real service with reports: it waits and is then refused, and another hardly notices."""

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import httpx2 as httpx

from auricle.model.principal import Kind
from running import Service, event

TIMESERIES = "/api/v1/analytics/reports/timeseries"
FLOOD = 100
"""Reports at once: more than may run and wait."""


def test_a_flood_waits_for_itself(service: Service, tenant: str) -> None:
    other = f"{tenant}-other"
    for each in (tenant, other):
        service.send(each, [event() for _ in range(20)])
        service.drained(each)
    answered: list[int] = []
    ready = threading.Barrier(FLOOD + 1)

    def ask(client: httpx.Client, of: str, number: int) -> httpx.Response:
        # Each is a question of its own, so none is joined with another or kept.
        asked = {"metric": "events.count", "grain": "1m", "period": "72h", "site_id": str(number)}
        return client.post(service.url + TIMESERIES, json=asked, headers={"X-API-Key": service.key(of, Kind.READ)})

    def flood(number: int) -> httpx.Response:
        ready.wait(30)
        answer = ask(client, tenant, number)
        answered.append(answer.status_code)
        return answer

    service.key(tenant, Kind.READ), service.key(other, Kind.READ)
    limits = httpx.Limits(max_connections=None)
    with httpx.Client(timeout=60, limits=limits) as client, ThreadPoolExecutor(FLOOD) as threads:
        under_way = [threads.submit(flood, number) for number in range(FLOOD)]
        ready.wait(30)
        before = []
        for number in range(5):
            assert ask(client, other, number).status_code == 200
            before.append(Counter(answered)[200])
        answers = [each.result() for each in under_way]
    told = Counter(answer.status_code for answer in answers)
    assert set(told) == {200, 429}, told
    assert told[200] >= 60
    refused = [answer for answer in answers if answer.status_code == 429]
    assert {(one.headers["retry-after"], one.json()["code"]) for one in refused} == {("2", "too_many_requests")}
    # In a plain queue the first of the other's would have been answered after all of the flood.
    assert before[0] < 40, before
