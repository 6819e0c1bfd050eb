"""Pseudonyms of users."""

import hashlib
import hmac

import pytest

from auricle.intake.pseudonym import pseudonym
from auricle.model.options import UNASKED, TenantOptions, UserIds

OURS = TenantOptions(revision=1, user_ids=UserIds.HMAC, secret=b"a" * 32)
THEIRS = TenantOptions(revision=1, user_ids=UserIds.HMAC, secret=b"b" * 32)
BARE = TenantOptions(revision=1, user_ids=UserIds.BARE, secret=b"a" * 32)


@pytest.mark.parametrize("user", ["u-1", "ada@example.org", "é", "\ud800", "hmac_12", "x" * 128])
def test_an_id_becomes_an_hmac_under_the_tenants_secret(user: str) -> None:
    said = user.encode("utf-8", "surrogatepass")
    made = pseudonym(user, OURS)
    assert made == "hmac_" + hmac.new(b"a" * 32, said, hashlib.sha256).hexdigest()[:32]
    assert made == pseudonym(made, OURS)
    assert pseudonym(user, THEIRS) != made


def test_the_compatible_hash_is_that_of_document_004() -> None:
    assert pseudonym("u-1", BARE) == hashlib.sha256(b"u-1").hexdigest()[:16]


@pytest.mark.parametrize("options", [UNASKED, OURS, BARE])
def test_nobody_stays_nobody(options: TenantOptions) -> None:
    assert pseudonym("", options) == ""


def test_an_id_stays_where_no_pseudonym_is_asked_for() -> None:
    assert pseudonym("u-1", UNASKED) == "u-1"


def test_no_pseudonym_is_made_without_a_secret() -> None:
    with pytest.raises(ValueError, match="secret"):
        pseudonym("u-1", TenantOptions(user_ids=UserIds.HMAC))
