"""What a program hands in never comes back at it, and nothing is lost in silence."""

import logging
import math
import threading
import time
import uuid
from datetime import UTC, datetime
from typing import Any

import pytest
from answering import Answering, answering

from auricle.client import AnalyticsClient, AsyncClient, Client, Options
from auricle.client.options import Told

KEY = "ak_test"
UNAUTHORIZED = {
    "status": 401,
    "headers": {"Content-Type": "application/problem+json"},
    "body": {"detail": "This API key was revoked.", "code": "unauthorized"},
}


def events_of(service: Answering) -> list[dict[str, Any]]:
    return [event for one in service.asked for event in one.body["events"]]


def test_an_event_is_sent_as_it_was_told() -> None:
    with answering() as service, Client(service.url + "/", KEY, site_id="shop", context={"locale": "en"}) as client:
        found = client.track("page_view", {"page": "/"}, "u-1", session_id=7)
        when = datetime(2026, 1, 2, tzinfo=UTC)
        told = uuid.uuid4()
        client.track("kb.hit", {}, occurred_at=when, event_id=told, site_id="other", source="voice", schema="auricle:x")
        assert client.flush()
        (asked,) = service.asked
        assert asked.path == "/api/v1/analytics/events/batch"
        assert asked.headers["authorization"] == f"Bearer {KEY}"
        first, second = asked.body["events"]
        age = datetime.now(UTC) - datetime.fromisoformat(first.pop("occurred_at"))
        assert 0 <= age.total_seconds() < 10
        assert abs((datetime.now(UTC) - datetime.fromisoformat(asked.body["sent_at"])).total_seconds()) < 10
        assert first == {
            "event_id": found,
            "event_name": "page_view",
            "source": "server",
            "site_id": "shop",
            "session_id": "7",
            "user_id": "u-1",
            "attributes": {"page": "/"},
            "context": {"locale": "en"},
        }
        assert second == {
            "event_id": str(told),
            "event_name": "kb.hit",
            "occurred_at": when.isoformat(),
            "source": "voice",
            "site_id": "other",
            "attributes": {},
            "context": {"locale": "en"},
            "schema": "auricle:x",
        }


def test_an_event_is_what_it_was_at_the_moment() -> None:
    with answering() as service, Client(service.url, KEY) as client:
        told = {"page": "/"}
        client.track("page_view", told)
        told["page"] = "/later"
        client.flush()
        assert events_of(service)[0]["attributes"] == {"page": "/"}


class Hostile:
    """Fails at whatever is asked of it."""

    def __getattribute__(self, name: str) -> Any:
        raise RuntimeError(name)


HOSTILE: dict[str, tuple[tuple[Any, ...], dict[str, Any]]] = {
    "no name": ((None,), {}),
    "a name that is no text": ((b"page_view",), {}),
    "an object that fails": (("page_view", {"a": Hostile()}), {}),
    "attributes that are none": (("page_view", Hostile()), {}),
    "a user that fails": (("page_view", {}, Hostile()), {}),
    "a time that fails": (("page_view",), {"occurred_at": Hostile()}),
    "no number": (("page_view", {"a": math.nan, "b": [math.inf]}), {}),
    "a huge text": (("page_view", {"a": "x" * 5_000_000}), {}),
    "many attributes": (("page_view", {str(number): number for number in range(20_000)}), {}),
    "names that are no text": (("page_view", {(1, 2): 1, 3: 4}), {}),
    "bytes": (("page_view", {"a": b"\xff"}), {}),
}


@pytest.mark.parametrize("name", list(HOSTILE))
def test_nothing_comes_back_at_the_caller(name: str) -> None:
    positional, named = HOSTILE[name]
    with answering() as service, Client(service.url, KEY) as client:
        client.track(*positional, **named)
        assert client.track("page_view") is not None
        assert client.flush()
        counts = client.counts
        assert (counts.tracked, counts.waiting) == (2, 0)
        assert counts.settled + sum(counts.dropped.values()) == 2
        assert counts.settled == len(events_of(service)) >= 1


def test_what_is_dropped_is_told_once_in_a_while(caplog: pytest.LogCaptureFixture) -> None:
    with answering() as service, Client(service.url, KEY, interval=60, max_events=3) as client:
        for _ in range(10):
            client.track("page_view")
        assert client.track(1) is None  # type: ignore[arg-type]
        assert client.counts.dropped == {"full": 7, "bad_argument": 1}
    lines = [line.getMessage() for line in caplog.records if line.name == "auricle.client"]
    assert [line.split(" (")[0] for line in lines] == ["1 events dropped: full", "1 events dropped: bad_argument"]


@pytest.mark.parametrize(("policy", "kept"), [("drop_newest", ["0", "1", "2"]), ("drop_oldest", ["3", "4", "5"])])
def test_a_full_queue_drops_as_it_says(policy: Any, kept: list[str]) -> None:
    with answering() as service, Client(service.url, KEY, interval=60, max_events=3, when_full=policy) as client:
        for number in range(6):
            client.track("page_view", user_id=number)
        client.flush()
        assert [event["user_id"] for event in events_of(service)] == kept
        assert client.counts.dropped == {"full": 3}


def test_a_full_queue_may_hold_the_caller_for_a_while() -> None:
    options: Told = {"max_events": 3, "when_full": "block", "block_seconds": 5.0, "batch_events": 1}
    with answering() as service, Client(service.url, KEY, **options) as client:
        for number in range(300):
            client.track("page_view", user_id=number)
        client.flush()
        assert [event["user_id"] for event in events_of(service)] == [str(number) for number in range(300)]


def test_it_holds_nobody_for_longer_than_it_says() -> None:
    client = Client("http://127.0.0.1:9", KEY, max_events=1, when_full="block", block_seconds=0.2, sigterm=False)
    client.track("page_view")
    began = time.monotonic()
    assert client.track("page_view") is None
    assert 0.15 < time.monotonic() - began < 2
    waiting = AsyncClient("http://127.0.0.1:9", KEY, max_events=1, when_full="block", block_seconds=9, sigterm=False)
    waiting.track("page_view")
    began = time.monotonic()
    assert waiting.track("page_view") is None
    assert time.monotonic() - began < 1
    client.close(0)
    waiting._close(0)


def test_a_client_that_was_told_nonsense_drops_and_says_so(caplog: pytest.LogCaptureFixture) -> None:
    for url, key in (
        ("ftp://x", KEY),
        ("nonsense", KEY),
        ("http://x", ""),
        ("http://x", "a\nb"),
        ("http://x:port", KEY),
    ):
        with Client(url, key) as client:
            assert client.track("page_view") is None
            assert client.flush() is False
            assert client.stopped
            assert client.counts.dropped == {"disabled": 1}
    assert sum("every event is dropped" in line.getMessage() for line in caplog.records) == 5


def test_address_and_key_may_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    with answering() as service:
        monkeypatch.setenv("AURICLE_URL", service.url)
        monkeypatch.setenv("AURICLE_KEY", "ak_other")
        with AnalyticsClient() as client:
            client.track("page_view")
        assert service.asked[0].headers["authorization"] == "Bearer ak_other"


def test_a_client_that_was_stopped_takes_nothing_more(caplog: pytest.LogCaptureFixture) -> None:
    with answering(UNAUTHORIZED) as service:
        client = Client(service.url, KEY)
        client.track("page_view")
        assert client.flush() is False
        assert client.stopped == "401 This API key was revoked."
        assert client.track("page_view") is None
        assert client.counts.dropped == {"stopped": 1}
        assert client.close() is False
        assert client.counts.dropped == {"stopped": 1, "closed": 1}
        assert len(service.asked) == 1
    assert "sending has stopped, for good: 401 This API key was revoked." in caplog.text


def test_a_closed_client_takes_nothing_more() -> None:
    with answering() as service:
        client = Client(service.url, KEY)
        client.track("page_view")
        assert client.close()
        assert client.close()
        assert client.track("page_view") is None
        assert client.counts.dropped == {"closed": 1}
        assert len(service.ids) == 1


def test_many_threads_lose_nothing_and_double_nothing() -> None:
    found: list[str | None] = []
    with answering() as service, Client(service.url, KEY, interval=0.01) as client:

        def work() -> None:
            found.extend([client.track("page_view", {"page": "/"}) for _ in range(500)])

        threads = [threading.Thread(target=work) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert client.flush()
        assert sorted(service.ids) == sorted(filter(None, found))
        assert len(service.ids) == 4_000
        assert all(len(one.ids) <= 500 for one in service.asked)


def test_events_are_sent_in_batches_without_being_asked() -> None:
    with answering() as service, Client(service.url, KEY, interval=30, batch_events=10) as client:
        for _ in range(10):
            client.track("page_view")
        service.wait(1)
        client.track("page_view")
    with answering() as service, Client(service.url, KEY, interval=0.05) as client:
        client.track("page_view")
        service.wait(1)
        assert client.counts.dropped == {}


def test_a_batch_is_compressed_and_signed() -> None:
    with answering() as service, Client(service.url, KEY, secret="secret") as client:
        for _ in range(20):
            client.track("page_view")
        client.flush()
        headers = service.asked[0].headers
        assert headers["content-encoding"] == "gzip"
        assert headers["x-signature"].startswith("t=")


def test_a_connection_that_died_of_age_costs_nothing() -> None:
    hung_up = {"fault": "hung_up"}
    with answering() as service, Client(service.url, KEY, pause=30) as client:
        client.track("page_view")
        client.flush()
        service.answers.append(hung_up)
        client.track("page_view")
        assert client.flush(2)
        assert len(service.asked) == 3


def test_a_data_point_is_an_event() -> None:
    with answering() as service, Client(service.url, KEY, dataset="requests") as client:
        client.write_data_point(["GET", "/"], [12.5], ["ray"])
        client.write_data_point(doubles=(1,), dataset="other")
        assert client.write_data_point("GET") is None
        client.flush()
        assert [(event["event_name"], event["attributes"]) for event in events_of(service)] == [
            (
                "datapoint.written",
                {"dataset": "requests", "blob1": "GET", "blob2": "/", "double1": 12.5, "index1": "ray"},
            ),
            ("datapoint.written", {"dataset": "other", "double1": 1}),
        ]


async def _awaited(url: str) -> None:
    async with AsyncClient(url, KEY) as client:
        client.track("page_view")
        assert await client.flush()
        client.track("page_view")


def test_the_same_for_an_event_loop() -> None:
    import asyncio

    with answering() as service:
        asyncio.run(_awaited(service.url))
        assert len(service.ids) == 2


def test_the_keywords_are_the_options() -> None:
    assert list(Told.__annotations__) == list(Options.__dataclass_fields__)


def test_the_log_may_itself_send_events() -> None:
    """A handler of the log that tracks what is logged must neither lock up nor go in circles."""
    with answering() as service, Client(service.url, KEY, max_events=1, interval=60) as client:

        class Tracking(logging.Handler):
            def emit(self, record: logging.LogRecord) -> None:
                client.track("error_occurred", {"error.type": record.levelname})

        handler = Tracking()
        logging.getLogger("auricle.client").addHandler(handler)
        try:
            for _ in range(5):
                client.track("page_view")
        finally:
            logging.getLogger("auricle.client").removeHandler(handler)
        assert client.counts.dropped["full"] >= 4
