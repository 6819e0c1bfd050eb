"""The rules of a key, read from what an administrator sends and from what is kept."""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from ipaddress import IPv6Network, ip_network
from typing import Any, TypeVar

import orjson

from auricle.errors import Invalid
from auricle.model.key import GRANTABLE, KeyRules, Network
from auricle.model.principal import Kind, Scope
from auricle.model.receipt import Fault

MEMBERS = frozenset({"scopes", "ips", "origins", "rate_limit"})
"""What `read_rules` reads."""
LONGEST_LIST = 100
HIGHEST_RATE = 10_000_000
ORIGIN = re.compile(r"https?://[^\s/,*?#@]{1,255}", re.IGNORECASE)

T = TypeVar("T")


def read_rules(kind: Kind, told: Mapping[str, Any], before: KeyRules) -> KeyRules:
    """The rules `before`, with the members of a JSON object in their place; `null` takes a rule away.

    Raises:
        Invalid: a member breaks its rule.
    """
    scopes, networks, origins, rate = before.scopes, before.networks, before.origins, before.rate_limit
    if "scopes" in told:
        scopes = _set(told["scopes"], "/scopes", lambda text: _scope(kind, text), _scopes_rule(kind))
    if "ips" in told:
        found: list[Network] | None = _list(
            told["ips"], "/ips", _network, "an address or a network, such as 203.0.113.0/24 or 2001:db8::/48"
        )
        networks = None if found is None else tuple(found)
    if "origins" in told:
        origins = _set(told["origins"], "/origins", _origin, "an origin, such as https://shop.example:8443")
    if "rate_limit" in told:
        rate = told["rate_limit"]
        if rate is not None and not (type(rate) is int and 0 <= rate <= HIGHEST_RATE):
            raise _invalid("/rate_limit", "range", f"requests a minute, 0 to {HIGHEST_RATE}, or null")
    return KeyRules(scopes, networks, origins, rate)


def read_expiry(told: Any) -> datetime | None:
    """The end of a key's life, in UTC. Invalid when it is no time with a zone."""
    if told is None:
        return None
    try:
        moment = datetime.fromisoformat(told) if isinstance(told, str) else told
        if not isinstance(moment, datetime) or moment.tzinfo is None:
            raise ValueError
        # NOTE: SQLite forgets the zone, so what is kept must be UTC.
        return moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise Invalid("The expiry is wrong.", (Fault("/expires_at", "format", "RFC 3339 with a zone"),)) from None


def read_label(told: Any) -> str:
    """A note to know a key by. Invalid when it is no text of at most 128 characters."""
    if not isinstance(told, str) or len(told) > 128 or not told.isprintable():
        raise _invalid("/label", "maxLength", "text of at most 128 characters, without control characters")
    return told


def kept_rules(row: Mapping[str, Any]) -> KeyRules:
    """The rules in a row of `api_keys`."""
    scopes, networks, origins = (_loaded(row[name]) for name in ("scopes", "networks", "origins"))
    return KeyRules(
        # NOTE: a scope that this version does not know, after a step back to it, is no scope at all.
        None if scopes is None else frozenset(scope for scope in Scope if scope in scopes),
        None if networks is None else tuple(ip_network(text) for text in networks),
        None if origins is None else frozenset(origins),
        row["rate_limit"],
    )


def rules_row(rules: KeyRules) -> dict[str, Any]:
    """The columns of `api_keys` that hold the rules."""
    return {
        "scopes": None if rules.scopes is None else _dumped(sorted(rules.scopes)),
        "networks": None if rules.networks is None else _dumped([str(network) for network in rules.networks]),
        "origins": None if rules.origins is None else _dumped(sorted(rules.origins)),
        "rate_limit": rules.rate_limit,
    }


def _dumped(value: list[str]) -> str:
    return orjson.dumps(value).decode()


def _loaded(text: str | None) -> Any:
    return None if text is None else orjson.loads(text)


def _list(told: Any, pointer: str, read: Callable[[str], T | None], rule: str) -> list[T] | None:
    if told is None:
        return None
    # NOTE: an empty list would shut a key out, or let it do nothing: nobody means that, and some mean null.
    if not isinstance(told, list) or not 1 <= len(told) <= LONGEST_LIST:
        raise _invalid(pointer, "type", f"a list of 1 to {LONGEST_LIST} members, or null for no rule")
    found = []
    for index, text in enumerate(told):
        value = read(text) if isinstance(text, str) else None
        if value is None:
            raise _invalid(f"{pointer}/{index}", "format", rule)
        found.append(value)
    return found


def _set(told: Any, pointer: str, read: Callable[[str], T | None], rule: str) -> frozenset[T] | None:
    found = _list(told, pointer, read, rule)
    return None if found is None else frozenset(found)


def _scope(kind: Kind, text: str) -> Scope | None:
    return Scope(text) if text in GRANTABLE[kind] else None


def _scopes_rule(kind: Kind) -> str:
    return f"a scope that a key of kind {kind} may have: {', '.join(sorted(GRANTABLE[kind]))}"


def _network(text: str) -> Network | None:
    try:
        network = ip_network(text.strip(), strict=False)
    except ValueError:
        return None
    if isinstance(network, IPv6Network):
        if "%" in text:
            return None
        mapped = network.network_address.ipv4_mapped
        if mapped is not None and network.prefixlen >= 96:
            # NOTE: a socket that takes both families tells an IPv4 client's address as ::ffff:a.b.c.d.
            return ip_network((mapped, network.prefixlen - 96), strict=False)
    return network


def _origin(text: str) -> str | None:
    return text.lower() if ORIGIN.fullmatch(text) else None


def _invalid(pointer: str, rule: str, message: str) -> Invalid:
    return Invalid("A rule of the key is wrong.", (Fault(pointer, rule, message),))
