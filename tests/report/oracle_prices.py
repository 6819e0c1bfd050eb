"""Repricing once more, in plain Python with fractions, from `docs/pricing.md` alone."""

from fractions import Fraction
from typing import Any

from tests.report.oracle import Event, number, read

PARTS = {"input": ("cache_read", "cache_creation", "audio_input"), "output": ("reasoning", "audio_output")}
COUNTED = {
    "input": "input_tokens",
    "cache_read": "cache_read.input_tokens",
    "cache_creation": "cache_creation.input_tokens",
    "audio_input": "audio.input_tokens",
    "output": "output_tokens",
    "reasoning": "reasoning.output_tokens",
    "audio_output": "audio.output_tokens",
}
NAMES = ("voice.outcome", "voice.evaluated", "ai.usage")


def fits(entry: dict[str, Any], model: str, at: int) -> bool:
    pattern = entry["model"]
    known = model.startswith(pattern[:-1]) if pattern.endswith("*") else model == pattern
    after = entry.get("from") is None or at >= entry["from"]
    return known and after and (entry.get("to") is None or at < entry["to"])


def closest(entry: dict[str, Any]) -> tuple[bool, int]:
    return not entry["model"].endswith("*"), len(entry["model"])


def uses(event: Event) -> bool:
    names = [f"gen_ai.usage.{name}" for name in (*COUNTED.values(), "total_tokens")]
    return event["event_name"] in NAMES and any(number(event, name) for name in names)


def cost(event: Event, entries: list[dict[str, Any]]) -> Fraction | None:
    """Dollars, or None where the usage has no price."""
    model = read(event, "gen_ai.response.model")
    model = read(event, "gen_ai.request.model") if model is None else model
    found = [entry for entry in entries if fits(entry, model or "", event["occurred_at"])]
    if not found:
        return None
    entry = max(found, key=closest)
    tokens = {kind: number(event, f"gen_ai.usage.{name}") or 0 for kind, name in COUNTED.items()}
    if any(n < 0 or n != int(n) or n >= 2**53 for n in tokens.values()):
        return None
    dollars = Fraction(0)
    for whole, parts in PARTS.items():
        rest = max(int(tokens[whole]), sum(int(tokens[part]) for part in parts))
        for part in parts:
            if entry.get(part) is not None:
                rest -= int(tokens[part])
                dollars += Fraction(entry[part]) * int(tokens[part]) / 1_000_000
        if rest and entry.get(whole) is None:
            return None
        dollars += Fraction(entry.get(whole) or 0) * rest / 1_000_000
    return dollars if any(tokens.values()) else None


def repriced(events: list[Event], entries: list[dict[str, Any]]) -> tuple[float | None, int]:
    """The sum of what has a price, and how many events used tokens without one."""
    costs = [cost(event, entries) for event in events if uses(event)]
    known = [each for each in costs if each is not None]
    return (float(sum(known)) if known else None), len(costs) - len(known)
