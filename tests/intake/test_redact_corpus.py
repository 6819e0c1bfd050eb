"""How well redaction tells persons and secrets from the rest: precision and recall per kind on a corpus of our own."""

import re
from collections import Counter
from pathlib import Path

from auricle.intake.redact import redact

LEAST = 0.98
CORPUS = Path(__file__).with_name("redact_corpus.tsv")
DOCS = Path(__file__).resolve().parents[2] / "docs" / "privacy.md"
MARK = re.compile(r"\[redacted:(\w+)\]")
ESCAPES = {"\\n": "\n", "\\u200b": "\u200b", "\\u202e": "\u202e", "\\\\": "\\"}


def corpus() -> list[tuple[str, str, str]]:
    """Kind or `keep`, key, text."""
    _, *lines = CORPUS.read_text().splitlines()
    rows = [line.split("\t") for line in lines]
    return [
        (kind, key, re.sub(r"\\(?:\\|n|u200b|u202e)", lambda found: ESCAPES[found.group()], text))
        for kind, key, text in rows
    ]


def found_in(key: str, text: str) -> set[str]:
    """The kinds that redaction finds; `changed` when the text is another one without a mark."""
    value = {key: text}
    ((_, told),) = redact(value).items()
    return set(MARK.findall(told)) or (set() if told == text else {"changed"})


def figures() -> dict[str, tuple[int, float, float]]:
    """Strings, precision and recall of each kind."""
    hits: Counter[str] = Counter()
    false: Counter[str] = Counter()
    missed: Counter[str] = Counter()
    for kind, key, text in corpus():
        found = found_in(key, text)
        if kind != "keep":
            hits[kind] += kind in found
            missed[kind] += kind not in found
        wrong = found - {kind}
        if wrong or (kind != "keep" and kind not in found):
            print(f"{kind}: {key}={text!r} gave {sorted(found)}")
        false.update(wrong)
    every = sorted({kind for kind, _, _ in corpus()} - {"keep"} | set(false))
    return {
        kind: (
            hits[kind] + missed[kind],
            round(hits[kind] / max(1, hits[kind] + false[kind]), 3),
            round(hits[kind] / max(1, hits[kind] + missed[kind]), 3),
        )
        for kind in every
    }


def test_precision_and_recall_of_every_kind() -> None:
    told = figures()
    for kind, (strings, precision, recall) in told.items():
        print(f"{kind:8} {strings:4} precision {precision:.3f} recall {recall:.3f}")
    assert len(corpus()) >= 300
    low = {kind: row for kind, row in told.items() if min(row[1:]) < LEAST}
    assert low == {}


def test_the_page_states_the_figures() -> None:
    page = DOCS.read_text()
    for kind, (strings, precision, recall) in figures().items():
        assert f"| `{kind}` | {strings} | {precision:.3f} | {recall:.3f} |" in page
    kept = sum(kind == "keep" for kind, _, _ in corpus())
    assert f"{len(corpus())} strings, {kept} of them to be kept" in page
