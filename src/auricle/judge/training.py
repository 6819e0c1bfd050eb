"""Training data: interactions as lines of JSON for fine-tuning, chosen, redacted, and without near-duplicates. Pure.

Two interactions are nearly the same when question and answer differ in case, punctuation, digits and few words: when
their 64-bit similarity hashes (SimHash over words and pairs of words) differ in at most three bits.
"""

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise
from typing import Any

import numpy as np
import orjson

from auricle.intake.redact import redact
from auricle.model.training import Choice, Shape, Split

NEAR = 3
"""Bits in which the hashes of nearly the same interactions differ at most."""
_BANDS = 4
"""With one band more than `NEAR`, near hashes have one in common."""
_WORD = re.compile(r"[^\W\d_]+|\d+")
_RAW = (
    "query_id",
    "occurred_at",
    "site_id",
    "source",
    "query_text",
    "answer_text",
    "tools",
    "action_taken",
    "action_success",
    "latency_ms",
    "state",
    "score",
    "scores",
)
"""Members of a raw line: neither user nor session."""


class Similar:
    """What was seen so far, by similarity."""

    def __init__(self) -> None:
        self._bands: list[dict[int, list[int]]] = [{} for _ in range(_BANDS)]

    def seen(self, text: str) -> bool:
        """Whether something nearly the same was seen; if not, it now was."""
        mine = similarity_hash(text)
        keys = [(mine >> (16 * band)) & 0xFFFF for band in range(_BANDS)]
        for held, key in zip(self._bands, keys, strict=True):
            if any((mine ^ other).bit_count() <= NEAR for other in held.get(key, ())):
                return True
        for held, key in zip(self._bands, keys, strict=True):
            held.setdefault(key, []).append(mine)
        return False


def similarity_hash(text: str) -> int:
    """64 bits of which near texts share nearly all."""
    words = ["0" if word.isdigit() else word for word in _WORD.findall(text.casefold())]
    features = Counter([*words, *(" ".join(pair) for pair in pairwise(words))])
    if not features:
        return 0
    digests = b"".join(hashlib.blake2b(word.encode("utf-8", "replace"), digest_size=8).digest() for word in features)
    bits = np.unpackbits(np.frombuffer(digests, dtype=np.uint8).reshape(len(features), 8), axis=1).astype(np.int32)
    weights = np.fromiter(features.values(), dtype=np.int32)
    return int.from_bytes(np.packbits((bits * 2 - 1).T @ weights > 0).tobytes(), "big")


def chosen(interactions: Iterable[Mapping[str, Any]], choice: Choice) -> Iterator[Mapping[str, Any]]:
    """The interactions that go into an export, in their order, redacted."""
    similar = Similar()
    for one in interactions:
        question, answer = (one["query_text"] or "").strip(), (one["answer_text"] or "").strip()
        if not question or not answer or not _scores_well(one["score"], choice):
            continue
        if choice.split is not Split.ALL and split_of(one, choice.test_share) is not choice.split:
            continue
        if choice.unique and similar.seen(f"{question}\n{answer}"):
            continue
        yield {**one, "query_text": redact(question), "answer_text": redact(answer)}


def split_of(one: Mapping[str, Any], test_share: float) -> Split:
    """The part an interaction belongs to: by a hash of its session, so that turns of one session stay together."""
    key = one["session_id"] or one["query_id"]
    share = int.from_bytes(hashlib.sha256(str(key).encode("utf-8", "replace")).digest()[:8], "big") / 2**64
    return Split.TEST if share < test_share else Split.TRAIN


def line_of(one: Mapping[str, Any], choice: Choice) -> bytes:
    """An interaction as a line."""
    question, answer = one["query_text"], one["answer_text"]
    told: dict[str, Any]
    match choice.shape:
        case Shape.OPENAI_CHAT:
            told = {
                "messages": [{"role": "user", "content": question}, {"role": "assistant", "content": answer}],
            }
        case Shape.GEMINI:
            told = {
                "contents": [
                    {"role": "user", "parts": [{"text": question}]},
                    {"role": "model", "parts": [{"text": answer}]},
                ],
            }
        case Shape.RAW:
            told = {name: one[name] for name in _RAW} | {"split": split_of(one, choice.test_share).value}
    return orjson.dumps(told) + b"\n"


def _scores_well(score: float | None, choice: Choice) -> bool:
    if choice.min_score is None and choice.max_score is None:
        return True
    if score is None:
        return False
    return (choice.min_score is None or score >= choice.min_score) and (
        choice.max_score is None or score <= choice.max_score
    )
