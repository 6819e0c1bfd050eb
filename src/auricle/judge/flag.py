"""The flags: what in a transcript looks like an attempt to move its own score.

A flag changes no score. It tells people which scores to look at, and is a part of the score's event.
"""

import base64
import binascii
import re
import unicodedata
from collections.abc import Iterator

from auricle.judge.prompt import MAX_TEXT
from auricle.model.evaluation import Interaction, Verdict

MOVED = "differs_from_rules"
"""The model's overall score is much better than what `rules` say of the same interaction."""
FAR = 2
"""By how much of a scale of five."""
MAX_BLOBS = 20

_HIDDEN = re.compile("[\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff\u00ad\U000e0000-\U000e007f]")
_BLOB = re.compile(r"[A-Za-z0-9+/]{24,}={0,2}")
# NOTE: letters of other alphabets that look like Latin ones, by which a word is hidden from a search for it.
_LOOKALIKES = str.maketrans("аеіорсухԁһјѕԛԝɡ", "aeiopcyxdhjsqwg")
_PATTERNS = {
    "instruction": re.compile(
        r"\b(?:ignore|disregard|forget|override|bypass|do not follow|don't follow|stop following)\b.{0,60}"
        r"\b(?:instruction|rubric|rule|prompt|guideline|criteria|above|previous|prior|earlier|everything)"
        r"|\b(?:new|updated|real|true|actual) (?:instructions?|rubrics?|rules|system prompt|task)\b"
        r"|\byou are (?:now|no longer)\b|\bfrom now on\b|\bact as\b|\bpretend (?:to be|that)\b|\bdeveloper mode\b"
        r"|\b(?:as|to) the (?:judge|evaluator|grader|reviewer)\b|\bdear (?:judge|evaluator|grader|ai|model)\b"
        r"|\b(?:the )?(?:judge|evaluator|grader) (?:must|should|will|has to)\b|\bsystem prompt\b"
        # German, French, Spanish, Portuguese, Italian, Dutch, Polish, Turkish
        r"|\b(?:ignorier\w*|vergiss|missachte\w*)\b.{0,60}\b(?:anweisung|regel|bewertung|vorgabe|anleitung|alles)"
        r"|\b(?:ignore[zr]?|oublie[zr]?)\b.{0,60}\b(?:instruction|consigne|règle|barème|précédent)"
        r"|\b(?:ignora\w*|olvida\w*|esquece\w*|dimentica\w*|desconsidere)\b.{0,60}"
        r"\b(?:instrucci|instru[cç]|regla|regra|regol|istruzion|anterior|precedent|rúbrica|rubrica)"
        r"|\b(?:negeer|vergeet)\b.{0,60}\b(?:instructie|regel|vorige|opdracht)"
        r"|\b(?:zignoruj|zapomnij)\b.{0,60}\b(?:instrukcj|polece|zasad)|\b(?:yoksay|görmezden gel|unut)\b"
        # Russian, Ukrainian, Chinese, Japanese, Korean, Arabic, Hindi
        r"|(?:игнорируй|забудь|ігноруй|забудьте|игнорируйте)|(?:忽略|无视|無視|忘记|忘掉)|(?:무시|잊어)|(?:تجاهل|انس )"
        r"|(?:नज़रअंदाज|अनदेखा|भूल जा)",
        re.DOTALL,
    ),
    "score": re.compile(
        r"\b(?:score|rate|rating|grade|mark|evaluate)\w*\b.{0,40}(?:\b[1-9]\d?\b|\bfive\b|\bten\b|maxim|highest|perfect|full|top)"
        r"|\b(?:full|top|maximum|highest|perfect|best) (?:marks?|scores?|ratings?|points|grade)\b"
        r"|\b[1-9]\d? ?(?:/|out of) ?(?:5|10|100)\b"
        r"|\b(?:five|5) stars?\b"
        r"|\b(?:note|nota|punktzahl|bewertung|punkte|puntuaci[oó]n|pontua[cç][aã]o|voto|оценк\w*|балл\w*)\b"
        r".{0,30}\d"
        r"|(?:评分|打分|得分|満点|点数|評価|점수|만점|درجة|अंक).{0,20}|\b(?:helpful|relevant|answered|correct_action|overall)\b\s*[=:]",
        re.DOTALL,
    ),
    "format": re.compile(
        r"[\"']?\b(?:score|overall|helpfulness|correct_action|verdict|explanation|check)\b[\"']?\s*:\s*[\"'{\[\d]"
        r"|```|\bjson\b|\bresponse_?schema\b|\boutput (?:format|only|exactly)\b"
        r"|\b(?:reply|respond|answer|return) (?:only |just )?with\b",
    ),
    "role": re.compile(
        r"(?:^|[\n\r\"'>\]])\s*(?:system|assistant|user|developer|human|ai|evaluator|judge)\s*[:>\]]"
        r"|<\|?/?(?:im_start|im_end|system|assistant|user|endoftext|start_of_turn|end_of_turn|eot_id)"
        r"|\[/?inst\]|<<sys>>|###\s*(?:instruction|system|response|input|end)|\bthought process\b|\bchain of thought\b"
        r"|\"role\"\s*:|\b(?:thinking|reasoning|analysis|final answer)\s*:",
    ),
    "markup": re.compile(
        r"</?\s*[a-z_]*(?:transcript|conversation|data|interaction|turn|document|context|rubric|prompt|instructions?)\b"
        r"[^>]{0,40}>"
        r"|={3,}|-{5,}|<{3,}|>{3,}"
        r"|\b(?:end|begin|start) of (?:the )?(?:transcript|data|conversation|input|prompt|turn|text)\b"
        r"|<!--|\]\]>|<!\[cdata",
    ),
}


def flags_of(one: Interaction) -> tuple[str, ...]:
    """The flags of an interaction, sorted. Pure."""
    texts = [one.query_text, one.answer_text, one.error_message or "", *one.tools, *(call.name for call in one.calls)]
    texts += [text for turn in one.turns for text in (turn.query_text, turn.answer_text)]
    found = {flag for text in texts for flag in _flags(text)}
    return tuple(sorted(found))


def moved(verdicts: tuple[Verdict, ...], by_rules: tuple[Verdict, ...]) -> bool:
    """Whether a rubric got a much better score than `rules` give it."""
    told = {verdict.rubric.name: verdict.value for verdict in by_rules}
    pairs = [(verdict.value, told.get(verdict.rubric.name)) for verdict in verdicts]
    return any(mine is not None and theirs is not None and mine - theirs >= FAR for mine, theirs in pairs)


def _flags(text: str) -> Iterator[str]:
    if len(text) > MAX_TEXT:
        yield "long"
        text = text[:MAX_TEXT]
    if _HIDDEN.search(text):
        yield "hidden"
    plain = _plain(text)
    disguised = plain.translate(_LOOKALIKES)
    yield from (flag for flag, pattern in _PATTERNS.items() if pattern.search(plain) or pattern.search(disguised))
    for blob in _BLOB.findall(text)[:MAX_BLOBS]:
        inner = _decoded(blob)
        if inner is not None and any(pattern.search(_plain(inner)) for pattern in _PATTERNS.values()):
            yield "encoded"


def _plain(text: str) -> str:
    """A text as its reader sees it: one form of each letter, nothing hidden."""
    return _HIDDEN.sub("", unicodedata.normalize("NFKC", text)).casefold()


def _decoded(blob: str) -> str | None:
    try:
        text = base64.b64decode(blob + "=" * (-len(blob) % 4)).decode()
    except (binascii.Error, UnicodeDecodeError):
        return None
    return text if all(letter.isprintable() or letter in "\n\r\t" for letter in text) else None
