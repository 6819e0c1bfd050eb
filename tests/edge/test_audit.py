"""The door of the audit log: administrators read their own tenant's entries, and nobody else's."""

import pytest

from auricle.model.principal import Kind
from running import Service

AUDIT = "/api/v1/analytics/admin/audit"
SCHEMAS = "/api/v1/analytics/schemas"


def test_a_tenant_reads_its_own_entries(either_service: Service, tenant: str) -> None:
    service = either_service
    key = service.key(tenant, Kind.ADMIN)
    service.key(tenant, Kind.READ)
    service.key(tenant + "-2", Kind.ADMIN)
    document = {"$id": "auricle:acme/shop.sold/jsonschema/1-0-0", "type": "object"}
    assert service.ask("POST", SCHEMAS, {"schema": document, "dry_run": True}, key).status == 200
    assert service.ask("POST", SCHEMAS, {"schema": document}, key).status == 201
    assert service.ask("PATCH", SCHEMAS + "/shop.sold", {"mode": "observe"}, key).status == 200
    told = service.ask("GET", AUDIT, key=key).body
    found = [(one["tenant"], one["action"], one["target"]) for one in told["entries"]]
    first = told["entries"][-1]["target"]
    assert found == [
        (tenant, "schema.mode", "shop.sold"),
        (tenant, "schema.register", "shop.sold/1-0-0"),
        (tenant, "key.create", told["entries"][2]["target"]),
        (tenant, "key.create", first),
    ]
    assert [one["actor"] for one in told["entries"]] == [f"key:{first}"] * 2 + ["cli"] * 2
    assert told["next"] is None


def test_pages_follow_each_other(either_service: Service, tenant: str) -> None:
    service = either_service
    key = service.key(tenant, Kind.ADMIN)
    service.key(tenant, Kind.READ)
    service.key(tenant, Kind.INGEST)
    every = service.ask("GET", AUDIT, key=key).body["entries"]
    pages, before = [], ""
    while True:
        page = service.ask("GET", f"{AUDIT}?limit=2{before}", key=key).body
        pages.append(page["entries"])
        if page["next"] is None:
            break
        before = f"&before={page['next']}"
    assert (len(every), pages) == (3, [every[:2], every[2:]])
    assert service.ask("GET", f"{AUDIT}?action=key.create", key=key).body["entries"] == every
    assert service.ask("GET", f"{AUDIT}?action=key.revoke", key=key).body == {"entries": [], "next": None}


@pytest.mark.parametrize("kind", [Kind.READ, Kind.INGEST])
def test_others_read_nothing(service: Service, tenant: str, kind: Kind) -> None:
    assert service.ask("GET", AUDIT, key=service.key(tenant, kind)).status == 403


def test_it_needs_a_key(service: Service) -> None:
    assert service.ask("GET", AUDIT).status == 401


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ("limit=0", "/limit"),
        ("limit=1001", "/limit"),
        ("limit=٣", "/limit"),
        ("limit=-1", "/limit"),
        ("before=9223372036854775808", "/before"),
        ("before=" + "9" * 5000, "/before"),
        ("before=x", "/before"),
        ("tenant=other", ""),
    ],
)
def test_parameters_have_rules(service: Service, tenant: str, query: str, pointer: str) -> None:
    answer = service.ask("GET", f"{AUDIT}?{query}", key=service.key(tenant, Kind.ADMIN))
    assert (answer.status, [fault["pointer"] for fault in answer.body["errors"]]) == (422, [pointer])
