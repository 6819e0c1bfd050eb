"""The scopes of each kind of key."""

import pytest

from auricle.model.principal import SCOPES, Kind, Scope


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        pytest.param(Kind.INGEST, {"events:write"}, id="ingest"),
        pytest.param(Kind.READ, {"reports:read", "sql:read", "export:read"}, id="read"),
        pytest.param(
            Kind.ADMIN,
            {
                "events:write",
                "events:backfill",
                "reports:read",
                "sql:read",
                "export:read",
                "schemas:write",
                "privacy:write",
                "admin",
            },
            id="admin",
        ),
    ],
)
def test_what_each_kind_may_do(kind: Kind, expected: set[str]) -> None:
    assert {str(scope) for scope in SCOPES[kind]} == expected


def test_every_kind_and_scope_is_known() -> None:
    assert SCOPES.keys() == set(Kind)
    assert frozenset(Scope) == SCOPES[Kind.ADMIN]
