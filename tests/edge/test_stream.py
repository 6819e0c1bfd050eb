"""The event stream against the real process, with a WebSocket library: what is told, and when it is closed."""

import contextlib
import time
import uuid
from collections.abc import Iterator
from ipaddress import ip_network
from typing import Any

import jwt
import orjson
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection

from auricle.edge.guard import FRESH_SECONDS
from auricle.model.key import KeyRules
from auricle.model.principal import Kind
from auricle.settings import Settings
from auricle.store.control import ControlStore
from running import Service, event, serving, wait_until
from streaming import end_of, rest, stream, tell, told

SECRET = "w8Vn2xQ0zKc5Tt7Lr1Yb9Pm4Hs6Jd3Ge"
"""What tokens of the tests are signed with."""
READY = {
    "ready": True,
    "credit": 8,
    "limits": {"frame_events": 500, "frame_bytes": 500_000, "event_bytes": 65_536},
    "idle_seconds": 60.0,
}


@pytest.fixture
def key(service: Service, tenant: str) -> str:
    return service.key(tenant)


@pytest.fixture
def socket(service: Service, key: str) -> Iterator[ClientConnection]:
    """A connection that was greeted."""
    with stream(service, key) as open_socket:
        assert told(open_socket) == READY
        yield open_socket


def without_prose(answer: Any) -> Any:
    """An error frame with what programs read of it."""
    error = answer["error"]
    faults = [(fault["pointer"], fault["rule"]) for fault in error.get("errors", [])]
    return answer["seq"], error["code"], faults, answer["credit"]


def test_frames_are_acknowledged_in_order_and_stored(service: Service, tenant: str, socket: ClientConnection) -> None:
    for seq in range(1, 6):
        tell(socket, {"seq": seq, "events": [event() for _ in range(20)]})
    assert [told(socket) for _ in range(5)] == [{"ack": seq, "results": [], "credit": 8} for seq in range(1, 6)]
    assert service.drained(tenant)["stored"] == 100


def test_on_both_databases(either_service: Service, tenant: str) -> None:
    with stream(either_service, either_service.key(tenant)) as socket:
        assert told(socket) == READY
        tell(socket, {"seq": 0, "events": [event(), event()]})
        assert told(socket) == {"ack": 0, "results": [], "credit": 8}
    assert either_service.drained(tenant)["stored"] == 2


@pytest.mark.parametrize("how", ["X-API-Key", "Authorization", "the first frame"])
def test_every_way_to_say_who_one_is(service: Service, tenant: str, key: str, how: str) -> None:
    headers = {"X-API-Key": {"X-API-Key": key}, "Authorization": {"Authorization": f"Bearer {key}"}}.get(how, {})
    with stream(service, headers=headers) as socket:
        if not headers:
            tell(socket, {"auth": key})
        assert told(socket) == READY
        tell(socket, {"seq": 1, "events": [event()]})
        assert told(socket)["ack"] == 1
    assert service.drained(tenant)["stored"] == 1


def test_another_kind_of_authorization_leaves_the_first_frame_to_say_it(service: Service, key: str) -> None:
    """A browser sends by itself what a proxy before the service asked it for."""
    with stream(service, headers={"Authorization": "Basic dTpw"}) as socket:
        tell(socket, {"auth": key})
        assert told(socket) == READY


@pytest.mark.parametrize(
    "first",
    [
        pytest.param({"auth": "ak_nobody"}, id="an unknown key"),
        pytest.param({"auth": "k" * 5_000}, id="a long key"),
        pytest.param({"auth": ""}, id="an empty key"),
        pytest.param({"auth": None}, id="null"),
        pytest.param({"auth": ["ak_nobody"]}, id="a list"),
        pytest.param({"auth": "ak_nobody", "seq": 1}, id="more than a key"),
        pytest.param({"seq": 1, "events": []}, id="a frame of events"),
        pytest.param([], id="a list for a frame"),
        pytest.param("ak_nobody", id="a bare key"),
    ],
)
def test_a_bad_first_frame(service: Service, first: Any) -> None:
    with stream(service) as socket:
        tell(socket, first)
        code, reason = end_of(socket)
    assert code == 1008
    assert "nobody" not in reason


@pytest.mark.parametrize("headers", [{"X-API-Key": "ak_nobody"}, {"Authorization": "Bearer ak_nobody"}])
def test_a_bad_header(service: Service, headers: dict[str, str]) -> None:
    with stream(service, headers=headers) as socket:
        assert end_of(socket) == (1008, "This API key is not known here.")


def test_a_key_that_may_only_read(service: Service, tenant: str) -> None:
    with stream(service, service.key(tenant, Kind.READ)) as socket:
        assert end_of(socket) == (1008, "This key lacks the scope events:write; use a key of another kind.")


def test_who_says_nothing_is_sent_away(strict: Service) -> None:
    began = time.monotonic()
    with stream(strict) as socket:
        assert end_of(socket) == (1008, "No credential came within 2 seconds.")
    assert 1.5 < time.monotonic() - began < 6


@pytest.mark.parametrize(
    ("origin", "welcome"),
    [
        ("http://{host}", True),
        ("https://shop.example", True),
        ("https://SHOP.example", True),
        ("https://evil.example", False),
        ("null", False),
    ],
)
def test_pages_of_other_hosts(strict: Service, origin: str, welcome: bool) -> None:
    host = strict.url.removeprefix("http://")
    with stream(strict, strict.key("acme"), origin=origin.format(host=host)) as socket:
        if welcome:
            assert told(socket)["ready"]
        else:
            assert end_of(socket)[0] == 1008


@pytest.mark.parametrize(("origin", "welcome"), [("https://own.example", True), ("https://shop.example", False)])
def test_a_key_with_origins_of_its_own(strict: Service, tenant: str, origin: str, welcome: bool) -> None:
    """Its list stands in the place of the general one; programs, which have no origin, may use it too."""
    key = bound_key(strict, tenant, origins=frozenset({"https://own.example"}))
    with stream(strict, key, origin=origin) as socket:
        if welcome:
            assert told(socket)["ready"]
        else:
            assert end_of(socket) == (1008, "This key may not be used from pages of this origin.")
    with stream(strict, key) as socket:
        assert told(socket)["ready"]


def test_a_key_of_another_address(service: Service, tenant: str) -> None:
    key = bound_key(service, tenant, networks=(ip_network("203.0.113.0/24"),))
    with stream(service, key) as socket:
        assert end_of(socket) == (1008, "This key may not be used from this address.")


def test_a_key_that_must_sign(service: Service, tenant: str) -> None:
    control = ControlStore.open(service.settings)
    key = control.create_key(tenant, Kind.INGEST, signed=True).key
    control.close()
    with stream(service, key) as socket:
        assert end_of(socket)[0] == 1008


def test_a_frame_counts_as_a_request(strict: Service, tenant: str) -> None:
    """Beyond the rate of its key a frame is refused for the moment; silence costs nothing."""
    key = bound_key(strict, tenant, rate_limit=3)
    with stream(strict, key) as socket:
        assert told(socket)["ready"]
        time.sleep(2.5)
        answers = []
        for seq in range(4):
            tell(socket, {"seq": seq, "events": [event()]})
            answers.append(told(socket))
        assert [answer.get("ack") for answer in answers] == [0, 1, None, None]
        for seq, refused in enumerate(answers[2:], 2):
            assert without_prose(refused) == (seq, "too_many_requests", [], 1)
            assert 1 <= refused["retry_after"] <= 60
        with stream(strict, key) as another:
            assert end_of(another) == (1013, "This key may send 3 requests a minute: send fewer.")
    assert strict.stats(tenant)["events"]["received"] == 2


def bound_key(service: Service, tenant: str, **rules: Any) -> str:
    """A key that may send events and is bound to something."""
    control = ControlStore.open(service.settings)
    try:
        return control.create_key(tenant, Kind.INGEST, rules=KeyRules(**rules)).key
    finally:
        control.close()


def test_a_bad_event_costs_no_other(service: Service, tenant: str, socket: ClientConnection) -> None:
    again = event()
    bad = event(source="hunter2")
    tell(socket, {"seq": 1, "events": [again, bad, event(), again, 7]})
    answer = told(socket)
    receipts = [(one["index"], one["event_id"], one["status"], one.get("reason")) for one in answer["results"]]
    assert (answer["ack"], receipts) == (
        1,
        [
            (1, bad["event_id"], "rejected", "envelope"),
            (3, again["event_id"], "duplicate", None),
            (4, None, "rejected", "not_an_object"),
        ],
    )
    assert "hunter2" not in repr(answer)
    counts = service.drained(tenant)
    assert (counts["stored"], counts["rejected"], counts["duplicate"]) == (2, 2, 1)


WRONG = [
    pytest.param({}, (None, "invalid", [("/seq", "type")], 8), id="nothing"),
    pytest.param([], (None, "invalid", [("", "type")], 8), id="a list"),
    pytest.param(None, (None, "invalid", [("", "type")], 8), id="null"),
    pytest.param({"seq": "1", "events": [1]}, (None, "invalid", [("/seq", "type")], 8), id="text for a number"),
    pytest.param({"seq": -1, "events": [1]}, (None, "invalid", [("/seq", "type")], 8), id="below nought"),
    pytest.param({"seq": True, "events": [1]}, (None, "invalid", [("/seq", "type")], 8), id="true"),
    pytest.param({"seq": 2**53, "events": [1]}, (None, "invalid", [("/seq", "type")], 8), id="too large a number"),
    pytest.param({"seq": 7}, (7, "invalid", [("/events", "required")], 8), id="no events"),
    pytest.param({"seq": 7, "events": {}}, (7, "invalid", [("/events", "type")], 8), id="an object of events"),
    pytest.param({"seq": 7, "events": []}, (7, "invalid", [("/events", "minItems")], 8), id="not one event"),
    pytest.param({"seq": 7, "events": [0] * 501}, (7, "too_large", [("/events", "maxItems")], 8), id="501 events"),
    pytest.param({"seq": 7, "events": [1], "x": 1}, (7, "invalid", [("", "additionalProperties")], 8), id="more"),
    pytest.param({"seq": 7, "events": [1], "sent_at": 1}, (7, "invalid", [("/sent_at", "format")], 8), id="sent_at"),
]


@pytest.mark.parametrize(("frame", "expected"), WRONG)
def test_a_wrong_frame_costs_no_other(socket: ClientConnection, frame: Any, expected: Any) -> None:
    tell(socket, frame)
    tell(socket, {"seq": 8, "events": [event()]})
    assert without_prose(told(socket)) == expected
    assert told(socket) == {"ack": 8, "results": [], "credit": 8}


def test_a_repeated_or_lower_seq_does_no_harm(service: Service, tenant: str, socket: ClientConnection) -> None:
    """It is how a client sends again what was refused for the moment; ids decide what is new."""
    first, second, third = event(), event(), event()
    for seq, one in ((5, first), (5, first), (3, second), (5, third)):
        tell(socket, {"seq": seq, "events": [one]})
    repetition = [{"index": 0, "event_id": first["event_id"], "status": "duplicate"}]
    assert [told(socket) for _ in range(4)] == [
        {"ack": seq, "results": results, "credit": 8} for seq, results in ((5, []), (5, repetition), (3, []), (5, []))
    ]
    assert service.drained(tenant)["stored"] == 3


def test_the_clients_clock_is_corrected(service: Service, tenant: str, socket: ClientConnection) -> None:
    """An hour ahead it would be refused; told by how much, it is not."""
    told_ahead = event(occurred_at="2099-01-01T00:00:00Z")
    tell(socket, {"seq": 1, "events": [told_ahead], "sent_at": "2099-01-01T00:00:01Z"})
    assert told(socket)["results"] == []


def test_another_tenants_event(service: Service, socket: ClientConnection) -> None:
    tell(socket, {"seq": 1, "events": [event(tenant_id="somebody-else")]})
    assert [one["reason"] for one in told(socket)["results"]] == ["tenant"]


@pytest.mark.parametrize(
    ("message", "code"),
    [
        pytest.param(b"{}", 1003, id="binary"),
        pytest.param("{", 1007, id="half an object"),
        pytest.param("", 1007, id="nothing"),
        pytest.param("[" * 100_000, 1007, id="100,000 brackets"),
        pytest.param('{"seq": NaN}', 1007, id="NaN"),
        pytest.param("hunter2", 1007, id="no JSON"),
        pytest.param(" " * 500_001, 1009, id="one byte too many"),
        pytest.param("é" * 250_001, 1009, id="bytes are counted and not letters"),
        pytest.param(" " * 5_000_000, 1009, id="5 MB"),
    ],
)
def test_what_ends_a_connection(
    service: Service, tenant: str, socket: ClientConnection, message: str | bytes, code: int
) -> None:
    """The frame before is stored, and acknowledged unless the protocol itself is broken."""
    tell(socket, {"seq": 1, "events": [event()]})
    try:
        socket.send(message)
    except ConnectionClosed:
        assert code == 1009, "only a frame that is far too large may be cut off while it is sent"
    ended, reason = end_of(socket)
    assert ended == code
    assert "hunter2" not in reason
    assert service.drained(tenant)["stored"] == 1


def test_what_came_before_the_end_is_acknowledged(socket: ClientConnection) -> None:
    for seq in range(8):
        tell(socket, {"seq": seq, "events": [event() for _ in range(50)]})
    socket.send(b"binary")
    assert [told(socket)["ack"] for _ in range(8)] == list(range(8))
    assert end_of(socket)[0] == 1003


def test_fragments_count_as_one_frame(socket: ClientConnection) -> None:
    text = orjson.dumps({"seq": 1, "events": [event()]}).decode()
    socket.send(iter([text[:50], text[50:100], text[100:]]))
    assert told(socket)["ack"] == 1
    socket.send(iter(["{", " " * 400_000, " " * 200_000]))
    assert end_of(socket)[0] == 1009


def test_compression_is_not_spoken(service: Service, key: str) -> None:
    """So there is nothing that a small frame could blow up to."""
    with stream(service, key, compression="deflate") as socket:
        assert socket.protocol.extensions == []
        assert told(socket) == READY


def test_who_ignores_the_credit_is_sent_away(service: Service, tenant: str, socket: ClientConnection) -> None:
    """All that it sent before is written all the same."""
    big = [event(attributes={"page": "/" + "x" * 300}) for _ in range(400)]
    ids = iter(big)
    sent = 0
    with contextlib.suppress(ConnectionClosed, OSError):
        for seq in range(200):
            tell(socket, {"seq": seq, "events": [next(ids), next(ids)]})
            sent += 1
    acks = [answer["ack"] for answer in rest(socket)]
    assert end_of(socket) == (1013, "There are more frames on their way than the credit allows.")
    assert acks == list(range(len(acks)))
    assert 8 <= len(acks) < sent <= 200
    assert service.drained(tenant)["stored"] == 2 * len(acks)


def test_a_new_credential_takes_over(service: Service, tenant: str, socket: ClientConnection) -> None:
    tell(socket, {"auth": service.key(tenant, Kind.ADMIN)})
    assert told(socket) == READY
    tell(socket, {"seq": 1, "events": [event(occurred_at="2020-01-01T00:00:00Z")]})
    assert told(socket) == {"ack": 1, "results": [], "credit": 8}, "the new key may backfill"


def test_a_new_credential_of_another_tenant_does_not(service: Service, socket: ClientConnection) -> None:
    tell(socket, {"auth": service.key(f"t{uuid.uuid4().hex}")})
    assert end_of(socket) == (1008, "The new credential is another tenant's; open another connection.")


@pytest.mark.parametrize("busy", [False, True], ids=["an idle connection", "a busy connection"])
def test_a_revoked_key_is_noticed(strict: Service, tenant: str, busy: bool) -> None:
    control = ControlStore.open(strict.settings)
    made = control.create_key(tenant, Kind.INGEST)
    with stream(strict, made.key) as socket:
        assert told(socket)["ready"]
        assert control.revoke_key(made.id)
        control.close()
        began = time.monotonic()
        if busy:
            with contextlib.suppress(ConnectionClosed):
                for seq in range(100_000):
                    tell(socket, {"seq": seq, "events": [event()]})
                    assert told(socket)["ack"] == seq
                    time.sleep(0.02)
        end = end_of(socket)
    assert end == (1008, "This API key was revoked.")
    assert time.monotonic() - began < (FRESH_SECONDS if busy else 2) + 3


def token(tenant: str, seconds: float, scope: str = "events:write") -> str:
    """A JSON Web Token that ends after some seconds."""
    told = {"tenant_id": tenant, "scope": scope, "exp": int(time.time() + seconds)}
    return jwt.encode(told, SECRET, "HS256")


@pytest.mark.parametrize("how", ["a header", "the first frame"])
def test_a_token_opens_a_stream(strict: Service, tenant: str, how: str) -> None:
    text = token(tenant, 60)
    headers = {"Authorization": f"Bearer {text}"} if how == "a header" else {}
    with stream(strict, headers=headers) as socket:
        if not headers:
            tell(socket, {"auth": text})
        assert told(socket)["ready"]
        tell(socket, {"seq": 1, "events": [event()]})
        assert told(socket)["ack"] == 1


def test_a_token_for_reports_opens_none(strict: Service, tenant: str) -> None:
    with stream(strict, headers={"Authorization": f"Bearer {token(tenant, 60, 'reports:read')}"}) as socket:
        assert end_of(socket)[0] == 1008


def test_a_stream_ends_with_its_token_unless_there_is_another(strict: Service, tenant: str) -> None:
    first = token(tenant, 3)
    with stream(strict, headers={"Authorization": f"Bearer {first}"}) as renewed:
        assert told(renewed)["ready"]
        tell(renewed, {"auth": token(tenant, 60)})
        assert told(renewed)["ready"]
        with stream(strict, headers={"Authorization": f"Bearer {first}"}) as socket:
            assert told(socket)["ready"]
            assert end_of(socket)[0] == 1008
        tell(renewed, {"seq": 1, "events": [event()]})
        assert told(renewed)["ack"] == 1


def test_a_plain_request_is_no_stream(service: Service, key: str) -> None:
    answer = service.ask("GET", "/api/v1/analytics/events/stream", key=key)
    assert (answer.status, answer.body["code"]) == (404, "not_found")


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service with little room: two connections, one frame at a time, two seconds of silence."""
    more = {
        "AURICLE_STREAM_CONNECTIONS": "2",
        "AURICLE_STREAM_CREDIT": "1",
        "AURICLE_STREAM_IDLE": "2",
        "AURICLE_ALLOWED_ORIGINS": "https://shop.example",
        "AURICLE_MAX_WAITING_EVENTS": "1000",
        "AURICLE_INDEX_INTERVAL": "600",
        "AURICLE_JWT_SECRET_KEY": SECRET,
        "AURICLE_JWT_LEEWAY": "0",
    }
    with serving(Settings(data=tmp_path_factory.mktemp("strict")), more) as running:
        yield running


def test_one_connection_too_many(strict: Service) -> None:
    key = strict.key("acme")
    with stream(strict, key) as first, stream(strict, key) as second:
        assert told(first)["credit"] == told(second)["credit"] == 1
        with stream(strict, key) as third:
            assert end_of(third) == (1013, "Too many streams are open; try again later.")
    wait_until(lambda: is_welcome(strict, key), 10.0, 0.1)


def is_welcome(service: Service, key: str) -> bool:
    with stream(service, key) as socket:
        try:
            return bool(told(socket)["ready"])
        except ConnectionClosed:
            return False


def test_silence_is_no_reason_to_go_while_pings_are_answered(strict: Service) -> None:
    with stream(strict, strict.key("acme"), ping_interval=None) as socket:
        told(socket)
        time.sleep(3.5)
        tell(socket, {"seq": 1, "events": [event()]})
        assert told(socket)["ack"] == 1


def test_too_much_waiting_refuses_a_frame_and_not_the_connection(strict: Service, tenant: str) -> None:
    """The engine takes nothing from the journal here, which holds a thousand events."""
    events = [event() for _ in range(1_500)]
    with stream(strict, strict.key(tenant)) as socket:
        told(socket)
        answers = []
        for seq in range(3):
            tell(socket, {"seq": seq, "events": events[seq * 500 : seq * 500 + 500]})
            answers.append(told(socket))
        assert answers[0]["ack"] == 0
        refused = [answer for answer in answers if "error" in answer]
        assert refused
        for answer in refused:
            assert (answer["error"]["code"], answer["error"]["transient"]) == ("unavailable", True)
            assert (answer["retry_after"], answer["credit"]) == (5, 1)
        one = event(source="nowhere")
        tell(socket, {"seq": 9, "events": [one]})
        assert told(socket)["results"][0]["status"] == "rejected", "the connection goes on"
