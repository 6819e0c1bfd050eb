"""Options: what tenants ask to be done to their events; read with distrust, and kept at hand for the doors.

The doors ask for a tenant's options with every request, so that is one look-up in a dict. It changes at once in the
process that made the change, within a second or so in others (`refresh`).
"""

import re
import threading
from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any

from auricle.errors import Conflict, Invalid
from auricle.intake.sensitive import EVERYTHING, Kind, Wanted
from auricle.model.days import MAX_DAYS, UNTOLD, Days
from auricle.model.options import UNASKED, Consent, Ips, TenantOptions, UserIds
from auricle.model.receipt import Fault, pointer_of
from auricle.store.options import OptionsStore

MAX_NAMES = 200
"""Event names in one list."""
KINDS = tuple(kind.value for kind in Kind if kind is not Kind.DEPTH)
"""The kinds that may be chosen."""
MEMBERS = frozenset(UNASKED.as_json())
"""The members of a change; `revision` guards against another change at the same moment."""

_NAME = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)*(\.\*)?")
_DATASET = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
_CHOICES = {"ips": Ips, "user_ids": UserIds, "consent": Consent}
_LISTS = ("allow_events", "deny_events")


class Options:
    """The options of all tenants. `for_tenant` is for the event loop, all else for threads."""

    def __init__(self, store: OptionsStore) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._known: dict[str, TenantOptions] = {}

    def for_tenant(self, tenant_id: str) -> TenantOptions:
        """What holds for a tenant; `UNASKED` itself when it never changed an option."""
        return self._known.get(tenant_id, UNASKED)

    def days(self) -> dict[str, Days]:
        """The tenants that have days of their own for what they keep."""
        return {tenant_id: one.retention for tenant_id, one in tuple(self._known.items()) if one.retention}

    def refresh(self) -> None:
        """Takes up what other processes changed; called at the start, and then every second.

        Raises:
            Unavailable: the database is out of reach; what was known goes on to hold.
        """
        for tenant_id, revision in self._store.revisions().items():
            if self.for_tenant(tenant_id).revision != revision:
                self.read(tenant_id)

    def read(self, tenant_id: str) -> TenantOptions:
        """The options as the database has them; the doors know them from now on."""
        with self._lock:
            found = self._store.read(tenant_id)
            if found.revision:
                self._known[tenant_id] = found
            return found

    def change(self, tenant_id: str, asked: Mapping[str, Any], *, actor: str) -> TenantOptions:
        """Changes what is named, leaves the rest; this process's doors know it when this returns.

        Raises:
            Invalid: a member breaks a rule.
            Conflict: the options were changed meanwhile, or have another `revision` than the one told.
        """
        before = self.read(tenant_id)
        wanted = changed(before, asked)
        if asked.get("revision", before.revision) != before.revision:
            raise Conflict(f"The options have revision {before.revision} by now: look at them, and try again.")
        self._store.change(tenant_id, wanted, actor=actor)
        return self.read(tenant_id)


def changed(before: TenantOptions, asked: Mapping[str, Any]) -> TenantOptions:
    """The options with what is named in a JSON object; of `MEMBERS`, `null` restores the default.

    Raises:
        Invalid: a member breaks a rule.
    """
    made: dict[str, Any] = {}
    if isinstance(asked.get("revision", 0), bool) or not isinstance(asked.get("revision", 0), int):
        raise _invalid("/revision", "type", "`revision` must be a whole number: the one that was read.")
    for name in asked.keys() - {"revision"}:
        value = asked[name]
        if value is None:
            made[name] = getattr(UNASKED, name)
        elif name == "sanitise":
            if not isinstance(value, bool):
                raise _invalid("/sanitise", "type", "`sanitise` must be true, false, or null for the server's setting.")
            made[name] = value
        elif name in _CHOICES:
            kind = _CHOICES[name]
            if value not in list(kind):
                raise _invalid(f"/{name}", "enum", f"`{name}` must be one of {', '.join(kind)}.")
            made[name] = kind(value)
        elif name == "kinds":
            made[name] = _kinds(value)
        elif name in _LISTS:
            made[name] = _names(name, value)
        elif name == "retention":
            made[name] = _retention(before.retention, value)
    return replace(before, **made)


def wanted_of(options: TenantOptions) -> Wanted:
    """What redaction is to look for."""
    if options.kinds is None and options.ips is Ips.CUT:
        return EVERYTHING
    kinds = EVERYTHING.kinds if options.kinds is None else frozenset(map(Kind, options.kinds)) | {Kind.DEPTH}
    return Wanted(kinds, options.ips is Ips.REDACT)


def is_wanted(event_name: str, options: TenantOptions) -> bool:
    """Whether events of this name are kept."""
    if options.deny_events and _matches(event_name, options.deny_events):
        return False
    return not options.allow_events or _matches(event_name, options.allow_events)


def _matches(event_name: str, patterns: tuple[str, ...]) -> bool:
    names, prefixes = _sorted(patterns)
    return event_name in names or event_name.startswith(prefixes)


@lru_cache(maxsize=1_024)
def _sorted(patterns: tuple[str, ...]) -> tuple[frozenset[str], tuple[str, ...]]:
    """The names, and what names of `name.*` begin with."""
    names = frozenset(one for one in patterns if not one.endswith("*"))
    return names, tuple(one[:-1] for one in patterns if one.endswith("*"))


def _kinds(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or any(one not in KINDS for one in value):
        raise _invalid("/kinds", "enum", f"`kinds` must be a list of {', '.join(KINDS)}; null is all of them.")
    return tuple(kind for kind in KINDS if kind in value)


def _names(member: str, value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or len(value) > MAX_NAMES:
        raise _invalid(f"/{member}", "type", f"`{member}` must be a list of at most {MAX_NAMES} event names.")
    for index, one in enumerate(value):
        if not isinstance(one, str) or len(one) > 128 or not _NAME.fullmatch(one):
            text = "An event name is expected here, or one that ends in `.*` for all that begin so."
            raise _invalid(f"/{member}/{index}", "pattern", text)
    return tuple(dict.fromkeys(value))


def _retention(before: Days, value: Any) -> Days:
    """The days with what is named; each member is taken whole, null restores its default."""
    members = UNTOLD.as_json()
    if not isinstance(value, dict) or not value.keys() <= members.keys():
        raise _invalid("/retention", "type", f"`retention` must be an object of {', '.join(members)}.")
    made = {name: members[name] if told is None else told for name, told in value.items()}
    if made.get("events") is not None:
        _check_days("/retention/events", made["events"])
    for member in made.keys() - {"events"}:
        _check_rules(member, made[member])
    return replace(before, **made)


def _check_rules(member: str, rules: Any) -> None:
    place = f"/retention/{member}"
    if not isinstance(rules, dict) or len(rules) > MAX_NAMES:
        raise _invalid(place, "type", f"`{member}` must be an object of at most {MAX_NAMES} names with their days.")
    for name, days in rules.items():
        if len(name) > 128 or not (_DATASET if member == "by_dataset" else _NAME).fullmatch(name):
            kind = "a dataset" if member == "by_dataset" else "an event, or `shop.*` for all that begin so"
            raise _invalid(place, "propertyNames", f"Each member of `{member}` is named after {kind}.")
        _check_days(pointer_of(("retention", member, name))[:256], days)


def _check_days(pointer: str, days: Any) -> None:
    if isinstance(days, bool) or not isinstance(days, int) or not 0 <= days <= MAX_DAYS:
        raise _invalid(pointer, "range", f"Days are a whole number from 0, which is for ever, to {MAX_DAYS}.")


def _invalid(pointer: str, rule: str, message: str) -> Invalid:
    return Invalid("The request breaks a rule.", (Fault(pointer, rule, message),))
