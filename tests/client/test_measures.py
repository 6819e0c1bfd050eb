"""The measures send what the built-in schemas take, and what the reports read."""

from collections.abc import Callable
from typing import Any

import orjson
import pytest

from auricle.client import Client
from auricle.model.principal import Kind
from running import Service

SQL = "/api/v1/analytics/sql"
Call = Callable[[Client], Any]

CASES: dict[str, tuple[Call, list[tuple[str, dict[str, Any]]]]] = {
    "voice": (
        lambda client: client.track_voice_metrics("s-1", first_response_ms=450, barge_in_ms=200, asr_latency_ms=50.5),
        [
            ("voice.asr_partial", {"voice.session_id": "s-1", "voice.asr_partial_latency_ms": 50.5}),
            ("voice.barge_in", {"voice.session_id": "s-1", "voice.barge_in_ms": 200}),
            ("voice.first_response", {"voice.session_id": "s-1", "voice.first_response_ms": 450}),
        ],
    ),
    "a tool": (
        lambda client: client.track_tool_execution("navigation.goto", "navigation", 150, True, "c-1"),
        [
            (
                "ai.tool_call_completed",
                {
                    "gen_ai.tool.name": "navigation.goto",
                    "ai.tool.category": "navigation",
                    "ai.tool.duration_ms": 150,
                    "ai.tool.success": True,
                    "gen_ai.conversation.id": "c-1",
                },
            )
        ],
    ),
    "a search": (
        lambda client: client.track_kb_search("red shoes", 5, 45, 0.89),
        [
            (
                "kb.search",
                {"kb.query": "red shoes", "kb.results_count": 5, "kb.search_latency_ms": 45, "kb.top_score": 0.89},
            )
        ],
    ),
    "a cost": (
        lambda client: client.track_project_cost("site-1", "ai", 0.02),
        [("cost.recorded", {"cost.type": "ai", "cost.amount_usd": 0.02})],
    ),
    "usage": (
        lambda client: client.track_ai_usage("a-model", 120, 0.01, input_tokens=100),
        [
            (
                "ai.usage",
                {
                    "gen_ai.request.model": "a-model",
                    "gen_ai.usage.total_tokens": 120,
                    "gen_ai.usage.input_tokens": 100,
                    "gen_ai.usage.cost_usd": 0.01,
                },
            )
        ],
    ),
    "an error": (
        lambda client: client.track_error("timeout", "it took too long", "/pay"),
        [("error_occurred", {"error.type": "timeout", "error.message": "it took too long", "url.path": "/pay"})],
    ),
    "an exception": (
        lambda client: client.track_error(ValueError("of jane@example.org")),
        [("error_occurred", {"error.type": "ValueError"})],
    ),
    "a data point": (
        lambda client: client.write_data_point(["GET", "/"], [12.5, 1], ["ray"], dataset="requests"),
        [
            (
                "datapoint.written",
                {
                    "dataset": "requests",
                    "blob1": "GET",
                    "blob2": "/",
                    "double1": 12.5,
                    "double2": 1,
                    "index1": "ray",
                },
            )
        ],
    ),
}


@pytest.mark.parametrize("name", list(CASES))
def test_the_service_takes_what_it_sends(service: Service, tenant: str, name: str) -> None:
    call, expected = CASES[name]
    with Client(service.url, service.key(tenant), sigterm=False) as client:
        call(client)
        assert client.flush()
        assert client.counts.dropped == {}
    assert service.drained(tenant)["stored"] == len(expected)
    asked = b"SELECT event_name, attributes, site_id FROM events ORDER BY event_name FORMAT JSON"
    rows = service.ask("POST", SQL, asked, service.key(tenant, Kind.READ)).body["data"]
    found = [(row["event_name"], row["attributes"], row["site_id"]) for row in rows]
    assert [(event, orjson.loads(attributes)) for event, attributes, _ in found] == expected
    assert {site for _, _, site in found} == ({"site-1"} if name == "a cost" else {""})


def test_a_data_point_is_a_row_of_its_dataset(service: Service, tenant: str) -> None:
    with Client(service.url, service.key(tenant), sigterm=False) as client:
        client.write_data_point(["GET"], [12.5], ["ray"])
    service.drained(tenant)
    asked = b"SELECT blob1, double1, index1 FROM analytics FORMAT TabSeparated"
    assert service.ask("POST", SQL, asked, service.key(tenant, Kind.READ)).body == b"GET\t12.5\tray\n"
