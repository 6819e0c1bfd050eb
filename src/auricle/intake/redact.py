"""Redaction: a JSON value in, the same value without persons and secrets out.

What is found, and what is left alone, is told in `docs/privacy.md`; `tests/intake/redact_corpus.tsv` measures it.
"""

from collections.abc import Sequence
from typing import Any

import orjson

from auricle.intake.findings import coarse_ip, redact_key, redact_text, suspects
from auricle.intake.sensitive import EVERYTHING, KeyRule, Kind, Wanted, rule_of

MAX_DEPTH = 64
"""Levels that are looked at; what lies deeper is redacted as a whole."""
_PLAIN = KeyRule()
_LONGEST_KEY = 256
"""Characters of a key that is remembered."""
_NUMBER = 1_000_000
_LONG = 500
"""Bytes of JSON below which no query can be too long."""


def redact(value: Any, wanted: Wanted = EVERYTHING) -> Any:
    """The value with every finding replaced by `[redacted:kind]`; the same object when nothing was found. Pure.

    Takes what `orjson.loads` gives. Numbers are never changed, but under a sensitive key that ends in the very word.
    """
    return _redact(value, _PLAIN, wanted, MAX_DEPTH)


def unclean(values: Sequence[Any]) -> list[int]:
    """The numbers of the values that `redact` might change, in order: a cheap look at all of them at once.

    Values of which it says nothing are clean, for certain.
    """
    bodies = [orjson.dumps(value) for value in values]
    found = suspects(bodies)
    if any(len(body) > _LONG for body in bodies):
        found = sorted({*found, *(number for number, body in enumerate(bodies) if _may_ask_too_long(body))})
    return found


def _may_ask_too_long(body: bytes) -> bool:
    return len(body) > _LONG and (b"uery" in body or b"earch" in body or b'"q"' in body)


def _redact(value: Any, rule: KeyRule, wanted: Wanted, depth: int) -> Any:
    kind = value.__class__
    if kind is str:
        return redact_text(value, rule, wanted) if value else value
    if kind is dict or kind is list:
        if not depth:
            return Kind.DEPTH.mark if value else value
        return _redact_dict(value, wanted, depth - 1) if kind is dict else _redact_list(value, rule, wanted, depth - 1)
    return value


def _redact_list(values: list[Any], rule: KeyRule, wanted: Wanted, depth: int) -> list[Any]:
    done = [_redact(value, rule, wanted, depth) for value in values]
    return values if all(new is old for new, old in zip(done, values, strict=True)) else done


def _redact_dict(values: dict[str, Any], wanted: Wanted, depth: int) -> dict[str, Any]:
    done: dict[str, Any] = {}
    changed = False
    for key, value in values.items():
        rule = rule_of(key)
        new = _hide(value, rule.kind) if rule.kind is not None and rule.kind in wanted.kinds else value
        if new is value:
            new = _redact(value, rule, wanted, depth)
        name = redact_key(key, wanted) if len(key) <= _LONGEST_KEY else redact_text(key, _PLAIN, wanted)
        changed = changed or new is not value or name != key
        done[name] = new
    return done if changed else values


def _hide(value: Any, kind: Kind) -> Any:
    """What stands in the place of a value under a sensitive key; flags and measures stay."""
    if value is None or value == "" or value == [] or value == {} or isinstance(value, bool | float):
        return value
    if isinstance(value, int):
        return value if abs(value) < _NUMBER and kind is not Kind.SSN else kind.mark
    if isinstance(value, str) and (value.startswith("[redacted:") or (kind is Kind.ADDRESS and coarse_ip(value))):
        return value
    return kind.mark
