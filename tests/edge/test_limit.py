"""Limits: per credential, per tenant and per address; what is told of them, and what they cost nobody else."""

import re
import time
from collections.abc import Iterator
from typing import Any

import orjson
import pytest

from auricle.edge import exchange
from auricle.edge.limit import Limiter
from auricle.errors import AuricleError, TooLarge, TooManyRequests
from auricle.model.principal import SCOPES, Kind, Principal
from auricle.settings import Settings
from running import BATCH, EVENTS, STATS, Service, event, serving, wait_until

START = 1_800_000_000.0
"""The first second of a minute; of a day it is none."""


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> dict[str, float]:
    """A clock that is set by hand: `at["now"]`."""
    told = {"now": START}
    monkeypatch.setattr(time, "time", lambda: told["now"])
    monkeypatch.setattr(time, "time_ns", lambda: int(told["now"] * 1e9))
    return told


def limiter(**settings: int) -> Limiter:
    return Limiter(Settings(**settings))


def principal(key: str = "k", rate_limit: int | None = None) -> Principal:
    return Principal("acme", key, SCOPES[Kind.INGEST], rate_limit)


def refusal(action: Any, *given: Any) -> AuricleError | None:
    """How an action is refused; None when it is not."""
    try:
        action(*given)
    except AuricleError as error:
        return error
    return None


@pytest.mark.parametrize(
    ("settings", "own", "expected"),
    [
        pytest.param(0, None, 50, id="no limit"),
        pytest.param(3, None, 3, id="that of the settings"),
        pytest.param(3, 7, 7, id="a higher one of its own"),
        pytest.param(7, 3, 3, id="a lower one of its own"),
        pytest.param(3, 0, 50, id="none of its own"),
        pytest.param(0, 3, 3, id="its own alone"),
    ],
)
@pytest.mark.usefixtures("at")
def test_how_many_requests_a_key_may_send(settings: int, own: int | None, expected: int) -> None:
    counts = limiter(rate_limit_per_minute=settings)
    told = [refusal(counts.count_request, principal(rate_limit=own)) for _ in range(50)]
    assert [error is None for error in told] == [True] * expected + [False] * (50 - expected)


def test_the_window_slides(at: dict[str, float]) -> None:
    counts = limiter(rate_limit_per_minute=60)
    taken = []
    for now in (0, 59, 60, 75, 90, 118.5, 180, 300):
        at["now"] = START + now
        taken.append(sum(refusal(counts.count_request, principal()) is None for _ in range(100)))
    # The window before counts by the part that is in sight: a quarter after 15 seconds is gone, half after 30.
    assert taken == [60, 0, 0, 15, 15, 29, 60, 60]


def test_keys_tenants_and_addresses_are_counted_apart() -> None:
    counts = limiter(rate_limit_per_minute=1, event_quota_per_minute=5, failed_logins_per_minute=1)
    assert [refusal(counts.count_request, principal(key)) is None for key in ("a", "b", "a")] == [True, True, False]
    assert [refusal(counts.count_events, one, 5) is None for one in ("a", "b", "a")] == [True, True, False]
    counts.count_failure("10.0.0.1")
    assert refusal(counts.check_address, "10.0.0.2") is None
    assert isinstance(refusal(counts.check_address, "10.0.0.1"), TooManyRequests)


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        pytest.param("2001:db8:0:1::1", "2001:db8:0:1:ffff::2", True, id="one /64"),
        pytest.param("2001:db8:0:1::1", "2001:db8:0:2::1", False, id="another /64"),
        pytest.param("10.0.0.1", "10.0.0.2", False, id="IPv4"),
        pytest.param("fe80::1%eth0", "fe80::1%eth0", True, id="with a zone"),
        pytest.param("", "", True, id="none"),
    ],
)
def test_whose_an_address_is(first: str, second: str, same: bool) -> None:
    counts = limiter(failed_logins_per_minute=1)
    counts.count_failure(first)
    assert (refusal(counts.check_address, second) is not None) is same


@pytest.mark.usefixtures("at")
def test_events_of_a_request_count_together_or_not_at_all() -> None:
    counts = limiter(event_quota_per_minute=10, event_quota_per_day=15)
    told = [refusal(counts.count_events, "acme", events) for events in (6, 5, 4, 0, 11, 1)]
    assert [type(error) for error in told] == [
        type(None),
        TooManyRequests,
        type(None),
        type(None),
        TooLarge,
        TooManyRequests,
    ]


def test_the_longest_quota_holds_when_the_shorter_is_over(at: dict[str, float]) -> None:
    counts = limiter(event_quota_per_minute=10, event_quota_per_day=15)
    taken = []
    for minute in (0, 2, 4):
        at["now"] = START + minute * 60
        taken.append(sum(refusal(counts.count_events, "acme", 1) is None for _ in range(20)))
    assert taken == [10, 5, 0]


def test_what_is_told(at: dict[str, float]) -> None:
    counts = limiter(rate_limit_per_minute=2, event_quota_per_day=100)
    at["now"] = START + 15
    told = exchange.begin([(b"x-correlation-id", b"c")])
    counts.count_request(principal())
    counts.count_events("acme", 40)
    assert told.headers == [
        (b"x-correlation-id", b"c"),
        (b"ratelimit-policy", b'"requests-60s";q=2;w=60'),
        (b"ratelimit", b'"requests-60s";r=1;t=45'),
        (b"ratelimit-policy", b'"events-86400s";q=100;w=86400'),
        (b"ratelimit", b'"events-86400s";r=60;t=57585'),
    ]
    counts.count_request(principal())
    error = refusal(counts.count_request, principal())
    assert isinstance(error, TooManyRequests)
    assert (error.retry_after, error.detail) == (45, "This key may send 2 requests a minute: send fewer.")
    exchange.current.set(None)


@pytest.fixture(scope="module")
def limited(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """The service with small limits."""
    more = {
        "RATE_LIMIT_PER_MINUTE": "12",
        "AURICLE_EVENT_QUOTA_PER_MINUTE": "25",
        "AURICLE_FAILED_LOGINS_PER_MINUTE": "5",
        "AURICLE_ANONYMOUS_TENANT": "strangers",
    }
    with serving(Settings(data=tmp_path_factory.mktemp("limited")), more) as service:
        yield service


def away_from_the_turn_of_a_minute() -> None:
    """Waits until some seconds of this minute are left: at its turn a little of each limit comes back."""
    left = 60 - time.time() % 60
    if left < 4:
        time.sleep(left)


def checked(answer: Any) -> int:
    """The status; a 429 must say all that it has to."""
    if answer.status == 429:
        assert (answer.body["code"], answer.body["transient"]) == ("too_many_requests", True)
        assert 1 <= int(answer.headers["retry-after"]) <= 60
    return int(answer.status)


def test_a_key_beyond_its_limit_is_told_so_at_every_door(limited: Service, tenant: str) -> None:
    key, other = limited.key(tenant), limited.key(tenant, Kind.ADMIN)
    asks = [ask for _ in range(5) for ask in (("POST", EVENTS, event()), ("GET", STATS, None), ("POST", EVENTS, []))]
    away_from_the_turn_of_a_minute()
    answers = [limited.ask(*ask, key) for ask in asks]
    assert [checked(answer) for answer in answers] == [202, 200, 422] * 4 + [429] * 3
    left = [re.findall(r'"requests-60s";r=(\d+);t=\d+', answer.headers["ratelimit"]) for answer in answers]
    assert left == [[str(max(11 - n, 0))] for n in range(15)]
    assert all('"requests-60s";q=12;w=60' in answer.headers["ratelimit-policy"] for answer in answers)
    assert limited.ask("GET", STATS, key=other).status == 200


def test_who_has_no_key_is_limited_by_address(limited: Service, tenant: str) -> None:
    away_from_the_turn_of_a_minute()
    answers = [limited.ask("POST", "/ingest", {}) for _ in range(13)]
    assert [checked(answer) for answer in answers] == [422] * 12 + [429]
    assert limited.ask("POST", "/ingest", {}, limited.key(tenant)).status == 422


def test_a_tenant_beyond_its_quota_keeps_what_was_taken(limited: Service, tenant: str) -> None:
    batches = [[event() for _ in range(10)] for _ in range(3)]
    away_from_the_turn_of_a_minute()
    answers = [limited.send(tenant, batch) for batch in batches]
    assert [checked(answer) for answer in answers] == [202, 202, 429]
    assert limited.send(tenant, [event() for _ in range(26)]).status == 413
    lines = b"\n".join(orjson.dumps(event()) for _ in range(2_010))
    many = limited.ask("POST", BATCH, lines, limited.key(tenant), {"Content-Type": "application/x-ndjson"})
    assert many.status == 413
    assert checked(limited.send(tenant, batches[2][:5])) == 202
    counts = wait_until(lambda: (told := limited.stats(tenant))["waiting"] == 0 and told["events"], pause=2.0)
    assert (counts["received"], counts["stored"]) == (25, 25)
    assert limited.send(tenant + "-2", batches[2]).status == 202


def test_bad_credentials_are_limited_by_address_and_lock_no_good_one_out(limited: Service, tenant: str) -> None:
    good = limited.key(tenant)
    assert limited.ask("GET", STATS, key=good).status == 200
    away_from_the_turn_of_a_minute()
    told = [limited.ask("GET", STATS, key=f"ak_{n}") for n in range(8)]
    assert [checked(answer) for answer in told] == [401] * 5 + [429] * 3
    time.sleep(1.1)  # until the good key is looked up anew
    assert limited.ask("GET", STATS, key=good).status == 200
    assert limited.ask("GET", "/readyz").status == 200
