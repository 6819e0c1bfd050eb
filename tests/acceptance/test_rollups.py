"""Kill -9 while rollups are made: every report equals what was acknowledged, from rollups as from the events."""

import itertools
import random
import signal
import time
import uuid
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from service import API, BATCH, Client, Service, wait_for

DAYS = 6
SITES = ("s1", "s2", "s3")
ASKED = itertools.count()


def draw_events(chance: random.Random, today: datetime, count: int) -> list[dict[str, Any]]:
    """Page views of the days before today, late ones among them."""
    return [
        {
            "event_id": str(uuid.UUID(int=chance.getrandbits(128), version=4)),
            "event_name": "page_view",
            "occurred_at": (today - timedelta(seconds=chance.randrange(1, DAYS * 86_400))).isoformat(),
            "source": "web",
            "site_id": chance.choice(SITES),
            "user_id": chance.choice("abcdefgh"),
            "attributes": {},
        }
        for _ in range(count)
    ]


def ask(client: Client, report: str, **asked: Any) -> dict[str, Any]:
    """A report with its `meta`, as soon as the event store is there."""
    answer = wait_for(lambda: (told := client.ask("POST", f"{API}/reports/{report}", asked)).status == 200 and told, 30)
    return dict(answer.body)


def check(client: Client, sent: list[dict[str, Any]], today: datetime) -> str:
    """Compares days by site, and users by day; gives where the counts came from."""
    # NOTE: a range that was asked before may be answered from the cache.
    earlier = timedelta(days=DAYS, microseconds=next(ASKED))
    span = {"from": (today - earlier).isoformat(), "to": today.isoformat()}
    counts = ask(client, "timeseries", **span, metric="events.count", grain="1d", breakdown="site_id")
    found = {(one["key"], point["t"][:10]): point["value"] for one in counts["series"] for point in one["points"]}
    expected = Counter((event["site_id"], event["occurred_at"][:10]) for event in sent)
    assert {place: value for place, value in found.items() if value} == dict(expected)
    users = ask(client, "active", **span)["days"]
    by_day: dict[str, set[str]] = {}
    for event in sent:
        by_day.setdefault(event["occurred_at"][:10], set()).add(event["user_id"])
    assert {day["date"]: day["dau"] for day in users if day["dau"]} == {day: len(who) for day, who in by_day.items()}
    return str(counts["meta"]["source"])


@pytest.mark.slow
def test_killed_while_rollups_are_made(data: Path) -> None:
    chance = random.Random(11)
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    service = Service(data, more={"AURICLE_ROLLUP_INTERVAL": "1"})
    data.mkdir(parents=True)
    sent: list[dict[str, Any]] = []
    try:
        for number in range(6):
            client = service.start().client("acme")
            for _ in range(3):
                batch = draw_events(chance, today, 200)
                assert client.ask("POST", BATCH, {"events": batch}).status == 202
                sent += batch
                time.sleep(chance.uniform(0.0, 1.2))
            client.close()
            if number % 2:
                service.signal_engine(signal.SIGKILL)
            service.kill()
        client = service.start().client("acme")
        wait_for(lambda: not client.get(f"{API}/stats")["waiting"], 30)
        check(client, sent, today)

        def rolled() -> bool:
            return check(client, sent, today) == "rollup"

        wait_for(rolled, 60, 0.5)
        client.close()
        assert service.stop() == 0
    finally:
        service.end()
