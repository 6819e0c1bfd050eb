"""The verdict: what an answer of the service means for each event of a request, and what the client does next.

Pure; `sdk/contract` holds the cases, and says the same to the client in TypeScript.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

AGAIN = frozenset({404, 405, 408, 425, 429})
"""Refusals that may pass: the address is not served yet, or it is too much at once."""
STOP = frozenset({401, 403})
LONGEST_PAUSE = 3_600.0
"""Seconds; what asks for more is taken for this much."""
LONGEST_TEXT = 300


class Next(StrEnum):
    """What the client does next."""

    NOTHING = "nothing"
    RETRY = "retry"
    SPLIT = "split"
    STOP = "stop"


@dataclass(frozen=True, slots=True)
class Lost:
    """An event that the service will never take."""

    index: int
    reason: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What becomes of the events of a request: those that are neither `kept` nor `lost` are settled."""

    next: Next
    kept: tuple[int, ...] = ()
    lost: tuple[Lost, ...] = ()
    after: float | None = None
    """Seconds that the service asks the client to wait at least."""
    why: str = ""
    """What to tell when it did not go well."""


def away(count: int, why: str) -> Verdict:
    """The verdict on a request that got no answer, or not a whole one."""
    return Verdict(Next.RETRY, tuple(range(count)), why=why)


def judge(status: int, retry_after: str | None, body: bytes, count: int) -> Verdict:
    """The verdict on an answer to a request of `count` events."""
    told = _object(body)
    if 200 <= status < 300 or status == 422:
        receipts = _receipts(told)
        if receipts is not None:
            return _of_receipts(receipts, count)
    why = f"{status} {_said(told)}".strip()
    everything = tuple(range(count))
    if status in STOP:
        return Verdict(Next.STOP, everything, why=why)
    if not 400 <= status < 500 or status in AGAIN:
        return Verdict(Next.RETRY, everything, after=_seconds(retry_after), why=why)
    if count > 1:
        return Verdict(Next.SPLIT, everything, why=why)
    code = told.get("code") if told else None
    return Verdict(Next.NOTHING, lost=(Lost(0, code if isinstance(code, str) else f"http_{status}", why),))


def _of_receipts(receipts: list[Any], count: int) -> Verdict:
    kept: list[int] = []
    lost: list[Lost] = []
    for receipt in receipts:
        index = receipt.get("index", 0) if isinstance(receipt, dict) else None
        if not isinstance(index, int) or not 0 <= index < count:
            continue
        match receipt.get("status"):
            case "retry":
                kept.append(index)
            case "rejected" | "dropped" as status:
                lost.append(Lost(index, str(receipt.get("reason") or status), _faults(receipt)))
    why = f"{len(kept)} events are to be sent again" if kept else ""
    return Verdict(Next.RETRY if kept else Next.NOTHING, tuple(kept), tuple(lost), why=why)


def _receipts(told: dict[str, Any] | None) -> list[Any] | None:
    """The receipts of an answer: of a batch its `results`, of one event the whole; None when it is no receipt."""
    if told is None:
        return None
    results = told.get("results")
    if isinstance(results, list):
        return results
    return [told] if isinstance(told.get("status"), str) and "event_id" in told else None


def _object(body: bytes) -> dict[str, Any] | None:
    try:
        told = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return told if isinstance(told, dict) else None


def _seconds(told: str | None) -> float | None:
    """The seconds of `Retry-After`; None for none, and for a date, which is only as good as two clocks."""
    text = (told or "").strip()
    return min(float(text), LONGEST_PAUSE) if text.isascii() and text.isdecimal() else None


def _said(told: Mapping[str, Any] | None) -> str:
    detail = (told or {}).get("detail")
    return detail[:LONGEST_TEXT] if isinstance(detail, str) else ""


def _faults(receipt: Mapping[str, Any]) -> str:
    """The broken rules of a receipt in words; they hold no value of the event."""
    faults = receipt.get("errors")
    told = [fault for fault in faults if isinstance(fault, dict)] if isinstance(faults, list) else []
    return "; ".join(f"{fault.get('pointer')}: {fault.get('message')}" for fault in told[:3])[:LONGEST_TEXT]
