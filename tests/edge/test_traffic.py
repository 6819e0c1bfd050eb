"""The traffic: requests are counted by what is ours, whatever clients send."""

import pytest

from auricle.edge.traffic import BOUNDS, Traffic


def told(traffic: Traffic) -> dict[tuple[str, str, str], tuple[int, float, list[int]]]:
    return {
        (method, route, status): (cell.requests, cell.seconds, [n for n, held in enumerate(cell.buckets) if held])
        for method, route, status, cell in traffic.cells()
    }


def test_requests_are_counted_by_method_route_and_status() -> None:
    traffic = Traffic()
    for method, route, status in (("GET", "/a", 200), ("GET", "/a", 200), ("POST", "/a", 200), ("GET", None, 404)):
        traffic.note(method, route, status, 0.25)
    traffic.note("GET", "/a", 0, 0.5)
    assert told(traffic) == {
        ("GET", "/a", "200"): (2, 0.5, [9]),
        ("POST", "/a", "200"): (1, 0.25, [9]),
        ("GET", "none", "404"): (1, 0.25, [9]),
        ("GET", "/a", "none"): (1, 0.5, [9]),
    }


def test_methods_that_nobody_knows_share_a_cell() -> None:
    traffic = Traffic()
    for number in range(1_000):
        traffic.note(f"M{number}", None, 405, 0.1)
    assert [(key, requests) for key, (requests, _, _) in told(traffic).items()] == [(("other", "none", "405"), 1_000)]


@pytest.mark.parametrize(
    ("seconds", "bucket"), [(0.0, 0), (0.001, 0), (0.0011, 1), (0.015, 4), (30.0, 14), (30.1, len(BOUNDS))]
)
def test_a_bound_belongs_to_its_bucket(seconds: float, bucket: int) -> None:
    traffic = Traffic()
    traffic.note("GET", "/a", 200, seconds)
    assert told(traffic)[("GET", "/a", "200")] == (1, seconds, [bucket])


def test_a_websocket_has_no_duration() -> None:
    traffic = Traffic()
    traffic.note("WEBSOCKET", "/s", 101, 3_600.0)
    assert told(traffic) == {("WEBSOCKET", "/s", "101"): (1, 0.0, [])}
