"""The doors of the price list, and what it changes, in the service itself."""

from typing import Any

import pytest

from auricle.model.principal import Kind
from running import Service, event

PATH = "/api/v1/analytics/prices"
REPORT = "/api/v1/analytics/reports/timeseries"


def used(model: str, tokens: int) -> dict[str, Any]:
    attributes = {"gen_ai.request.model": model, "gen_ai.usage.input_tokens": tokens}
    return event(event_name="ai.usage", attributes=attributes)


def cost(service: Service, key: str) -> tuple[Any, Any]:
    told = service.ask("POST", REPORT, {"metric": "cost.repriced_usd.sum", "grain": "all", "period": "24h"}, key)
    assert told.status == 200, told.told
    return told.body["points"][0]["value"], told.body["meta"]["excluded"]["unpriced"]


def test_a_list_that_is_put_prices_what_is_there_already(service: Service, tenant: str) -> None:
    key = service.key(tenant, Kind.ADMIN)
    service.send(tenant, [used("large-1", 1_000_000), used("small", 5)])
    service.drained(tenant)
    assert cost(service, key) == (None, 2)
    price = {"model": "large*", "from": "2020-01-01", "input": 2.5, "source": "contract"}
    kept = {"model": "large*", "from": "2020-01-01T00:00:00Z", "to": None, "input": "2.5", "source": "contract"}
    assert service.ask("PUT", PATH, {"prices": [price]}, key).told == (200, {"prices": [kept]})
    assert service.ask("GET", PATH, key=service.key(tenant, Kind.READ)).told == (200, {"prices": [kept]})
    assert cost(service, key) == (2.5, 1)
    assert service.ask("PUT", PATH, {"prices": [kept]}, key).told == (200, {"prices": [kept]})
    assert service.ask("PUT", PATH, {"prices": []}, key).told == (200, {"prices": []})
    assert cost(service, key) == (None, 2)


@pytest.mark.parametrize(
    ("content_type", "body", "status"),
    [
        ("text/csv", b"model,input,to\nlarge*,0.1,2026-01-01\n", 200),
        ("Text/CSV; charset=utf-8", b"\xef\xbb\xbfmodel,input\nlarge*,0.1\n", 200),
        ("text/csv", b"input\n1\n", 422),
        ("text/csv", b"model\n\xff", 400),
        ("application/json", b"model,input\nlarge*,0.1\n", 400),
        ("application/json", b"[]", 422),
        ("application/json", b'{"prices": [], "more": 1}', 422),
        ("application/json", b'{"prices": [{"model": "m"}]}', 422),
        ("application/json", b"[" * 200_000, 400),
        ("application/json", b" " * 300_000, 413),
    ],
)
def test_a_body_that_is_sent(service: Service, tenant: str, content_type: str, body: bytes, status: int) -> None:
    key = service.key(tenant, Kind.ADMIN)
    answer = service.ask("PUT", PATH, body, key, {"Content-Type": content_type})
    assert answer.status == status
    assert len(service.ask("GET", PATH, key=key).body["prices"]) == (status == 200)


@pytest.mark.parametrize("kind", [Kind.INGEST, Kind.READ])
def test_only_administrators_may_put(service: Service, tenant: str, kind: Kind) -> None:
    assert service.ask("PUT", PATH, {"prices": []}, service.key(tenant, kind)).status == 403
