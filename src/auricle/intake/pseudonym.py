"""The pseudonym: what stands in the place of a user's id where the tenant asks for it."""

import hashlib
import hmac
import re
from dataclasses import replace

from auricle.model.options import TenantOptions, UserIds

HEX = 32
"""Hex digits that are kept of the HMAC: 128 bits, so that no two users of a tenant become one."""
_MADE = re.compile(rf"hmac_[0-9a-f]{{{HEX}}}")


def pseudonym(user_id: str, options: TenantOptions) -> str:
    """The id as it is kept. An empty one stays, and so does an HMAC that was made before: a replay changes nothing.

    The secret is the tenant's own, so the same person has another pseudonym with each tenant, and without the secret
    no list of guessed ids leads back.
    """
    if not user_id or options.user_ids is UserIds.PLAIN:
        return user_id
    said = user_id.encode("utf-8", "surrogatepass")
    if options.user_ids is UserIds.BARE:
        return hashlib.sha256(said).hexdigest()[:16]
    if _MADE.fullmatch(user_id):
        return user_id
    if not options.secret:
        raise ValueError("pseudonyms need the tenant's secret")
    return "hmac_" + hmac.digest(options.secret, said, "sha256").hex()[:HEX]


def names_of(user_id: str, options: TenantOptions) -> tuple[str, ...]:
    """All that a user may be called in the store, whatever the tenant asked for when an event came in."""
    kinds = [kind for kind in UserIds if kind is not UserIds.HMAC or options.secret]
    return tuple(dict.fromkeys(pseudonym(user_id, replace(options, user_ids=kind)) for kind in kinds))
