"""Tokens in the database: revoked ones, tenants that are new or disabled, and what is forgotten."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import Engine

from auricle.errors import Unauthorized
from auricle.store.audit import AuditStore
from auricle.store.control import ControlStore
from auricle.store.token import TokenStore


def refusal(store: TokenStore, tenant: str, jti: str | None) -> str | None:
    """Why a token may not pass; None when it may."""
    try:
        store.admit(tenant, jti)
    except Unauthorized as error:
        return error.detail
    return None


def test_a_revoked_token_may_not_pass(database: Engine) -> None:
    store = TokenStore(database)
    assert [store.revoke("acme", "a"), store.revoke("acme", "a")] == [True, False]
    asked = [("acme", "a"), ("acme", "b"), ("acme", None), ("other", "a"), ("acme", "A")]
    assert [refusal(store, *each) for each in asked] == ["This token was revoked.", None, None, None, None]


def test_revoking_is_in_the_audit_log_once(database: Engine) -> None:
    store = TokenStore(database)
    for _ in range(2):
        store.revoke("acme", "a", actor="key:k")
    (row,) = AuditStore(database).rows("acme", limit=10)
    assert (row.actor, row.action, row.target) == ("key:k", "token.revoke", "a")


def test_a_tenant_that_is_new_is_made(database: Engine) -> None:
    store, control = TokenStore(database), ControlStore(database)
    for _ in range(2):
        assert refusal(store, "acme", None) is None
    assert [tenant.id for tenant in control.list_tenants()] == ["acme"]
    (row,) = AuditStore(database).rows("acme", limit=10)
    assert (row.actor, row.action) == ("service", "tenant.create")


def test_a_disabled_tenants_tokens_may_not_pass(database: Engine) -> None:
    store, control = TokenStore(database), ControlStore(database)
    control.ensure_tenant("acme")
    control.disable_tenant("acme", disabled=True)
    assert refusal(store, "acme", "a") == "The tenant of this token is disabled."
    control.disable_tenant("acme", disabled=False)
    assert refusal(store, "acme", "a") is None


@pytest.mark.parametrize(
    ("before", "left"),
    [
        pytest.param(1_000, {"ends", "late", "ever"}, id="before its end"),
        pytest.param(2_000, {"late", "ever"}, id="after its end"),
        pytest.param(10**11, {"ever"}, id="after all ends"),
    ],
)
def test_what_ended_by_itself_is_forgotten(database: Engine, before: int, left: set[str]) -> None:
    store = TokenStore(database)
    store.revoke("acme", "ends", datetime.fromtimestamp(1_500, UTC))
    store.revoke("acme", "late", datetime.fromtimestamp(5_000_000_000, UTC))
    store.revoke("acme", "ever")
    store.forget(before)
    assert {jti for jti in ("ends", "late", "ever") if refusal(store, "acme", jti)} == left
