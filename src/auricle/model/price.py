"""The price: what a million tokens of a model cost, of each kind, from one moment to another."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Kind(StrEnum):
    """The kinds of tokens, each with the attribute that counts them (OpenTelemetry, but for the two of audio)."""

    INPUT = "input"
    CACHE_READ = "cache_read"
    CACHE_CREATION = "cache_creation"
    AUDIO_INPUT = "audio_input"
    OUTPUT = "output"
    REASONING = "reasoning"
    AUDIO_OUTPUT = "audio_output"

    @property
    def attribute(self) -> str:
        """The attribute that counts tokens of this kind."""
        return f"gen_ai.usage.{_COUNTED[self]}"


_COUNTED = {
    Kind.INPUT: "input_tokens",
    Kind.CACHE_READ: "cache_read.input_tokens",
    Kind.CACHE_CREATION: "cache_creation.input_tokens",
    Kind.AUDIO_INPUT: "audio.input_tokens",
    Kind.OUTPUT: "output_tokens",
    Kind.REASONING: "reasoning.output_tokens",
    Kind.AUDIO_OUTPUT: "audio.output_tokens",
}
PARTS: dict[Kind, tuple[Kind, ...]] = {
    Kind.INPUT: (Kind.CACHE_READ, Kind.CACHE_CREATION, Kind.AUDIO_INPUT),
    Kind.OUTPUT: (Kind.REASONING, Kind.AUDIO_OUTPUT),
}
"""The kinds that are parts of input and of output: what has no price of its own costs what the whole does."""

SCALE = 1_000_000
"""Prices are whole millionths of a US dollar for a million tokens."""


@dataclass(frozen=True, slots=True)
class Price:
    """The prices of the models that a pattern names, valid in a half-open range of time."""

    model: str
    """A model's name, or the beginning of names and a `*`."""
    micros: tuple[tuple[Kind, int], ...]
    """Millionths of a US dollar for a million tokens, of each kind that has a price of its own."""
    start: int | None = None
    """Microseconds since 1970-01-01 UTC of the first moment; `None` for ever before."""
    end: int | None = None
    """The first moment after; `None` for ever after."""
    source: str = ""
    """Where the price was read, and when."""

    @property
    def whole(self) -> bool:
        """Whether the pattern is one model's whole name."""
        return not self.model.endswith("*")

    @property
    def begin(self) -> str:
        """What the names of its models begin with."""
        return self.model.removesuffix("*")

    def of(self, kind: Kind) -> int | None:
        """The price of a kind, where it has one of its own."""
        return dict(self.micros).get(kind)

    def as_json(self) -> dict[str, Any]:
        """The price as it is kept, told and taken; times are microseconds here."""
        prices = {kind.value: _decimal(micros) for kind, micros in self.micros}
        return {"model": self.model, "from": self.start, "to": self.end, **prices, "source": self.source}


def micros_of_text(usd: str) -> int:
    """What `_decimal` wrote, as millionths."""
    whole, _, rest = usd.partition(".")
    return int(whole) * SCALE + int(rest.ljust(6, "0"))


def _decimal(micros: int) -> str:
    """Millionths as decimal text, exact."""
    whole, rest = divmod(micros, SCALE)
    return f"{whole}.{rest:06d}".rstrip("0").rstrip(".")
