"""The event."""

from auricle.model.event import SOURCES, Event

EVENT = Event("acme", "00112233-4455-6677-8899-aabbccddeeff", "kb.hit", 1, "", "", "", "web", "", {}, {})


def test_the_key_is_the_id_in_network_order() -> None:
    assert EVENT.key.hex() == "00112233445566778899aabbccddeeff"


def test_where_events_come_from() -> None:
    assert SOURCES == ("web", "widget", "voice_ws", "server", "voice", "text", "test")
