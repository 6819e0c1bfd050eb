"""JSON Lines: events as they stand."""

import io

import pytest

from auricle.cli.formats import jsonl
from auricle.cli.formats.entry import Entry, Ids, Malformed

ID = "6f2d8a54-3b0e-4d2c-9a45-1f0b3c4d5e6f"


@pytest.mark.parametrize(
    ("content", "entries"),
    [
        pytest.param(
            b'{"event_id":"%s","event_name":"page_view"}\n' % ID.encode(),
            [Entry(1, {"event_id": ID, "event_name": "page_view"})],
            id="as it is",
        ),
        pytest.param(
            b'\n{"event_name":"page_view"}\n',
            [Entry(2, {"event_name": "page_view", "event_id": Ids().of("page_view", b'{"event_name":"page_view"}')})],
            id="without an id",
        ),
        pytest.param(
            b'{"event_id":7,"nonsense":true}', [Entry(1, {"event_id": 7, "nonsense": True})], id="the service validates"
        ),
        pytest.param(b"[1]\n", [Malformed(1, "not a JSON object")], id="a list"),
        pytest.param(b'{"a":\n', [Malformed(1, "not JSON")], id="cut off"),
        pytest.param(b'{"a":NaN}\n', [Malformed(1, "not JSON")], id="NaN"),
        pytest.param(b"\xff\xfe\n", [Malformed(1, "not JSON")], id="no UTF-8"),
    ],
)
def test_read(content: bytes, entries: list[Entry | Malformed]) -> None:
    assert list(jsonl.read(io.BytesIO(content), Ids())) == entries


def test_equal_lines_are_as_many_events_and_the_same_ones_next_time() -> None:
    content = b'{"event_name":"page_view"}\n' * 3

    first, second = (
        [entry.event["event_id"] for entry in jsonl.read(io.BytesIO(content), Ids()) if isinstance(entry, Entry)]
        for _ in range(2)
    )

    assert first == second
    assert len(set(first)) == 3
