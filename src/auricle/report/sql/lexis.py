"""The lexis: the words of a statement. What is none of them goes no further, on the way in and on the way out.

On the way in, comments go, and each literal is set aside under a name, so that no parser can read one otherwise than
the engine does. On the way out, every bare word must be one that Auricle knows, and every word before a `(` must be a
function that is allowed: what the statement can do is bounded by this list, whatever a parser made of it.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum

from auricle.errors import Invalid
from auricle.model.receipt import Fault
from auricle.report.sql.function import FUNCTIONS

MAX_LENGTH = 20_000
"""Characters of a statement."""
MAX_WORDS = 3_000
MAX_DEPTH = 40
"""Brackets that may be open at once."""
MAX_IDENTIFIER = 128
MARK = "$"
"""Begins the names that stand for tables; no identifier of a client may hold it."""


class Kind(Enum):
    """The kinds of words."""

    SPACE = "space"
    TEXT = "text"
    NAME = "name"
    NUMBER = "number"
    WORD = "word"
    SIGN = "sign"


@dataclass(frozen=True, slots=True)
class Word:
    """One word of a statement."""

    kind: Kind
    text: str
    place: int
    """Where it begins, in characters."""


_WORDS = re.compile(
    r"""
      (?P<space>[ \t\r\n]+|--[^\n]*|/\*(?:[^*]|\*(?!/))*\*/)
    | (?P<text>'(?:[^'\\]|\\.|'')*')
    | (?P<name>"[^"\\`]*"|`[^"\\`]*`)
    | (?P<number>(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?(?![A-Za-z0-9_]))
    | (?P<word>[A-Za-z_][A-Za-z0-9_]*)
    | (?P<sign><=|>=|<>|!=|==|\|\||::|[-+*/%=<>(),.;\[\]])
    """,
    re.VERBOSE | re.DOTALL,
)
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\ufeff\ud800-\udfff]")
_AMOUNT = re.compile(r"'[0-9]{1,18}'")
_NAME = re.compile(r"[^\x00-\x1f\"'`\\$]{1,128}")


def _listed(text: str) -> frozenset[str]:
    return frozenset(text.split())


_KEYWORDS = _listed("""
    ALL AND ANTI ANY AS ASC ASOF BETWEEN BY CASE CAST CROSS CURRENT DATE DESC DISTINCT ELSE END EXCEPT EXISTS
    FALSE FIRST FOLLOWING FROM FULL GROUP HAVING ILIKE IN INNER INTERSECT INTERVAL IS JOIN LAST LEFT LIKE LIMIT NOT
    NULL NULLS OFFSET ON OR ORDER OUTER OVER PARTITION PRECEDING QUALIFY RANGE REPLACE RIGHT ROW ROWS SELECT SEMI THEN
    TIMESTAMP TRUE UNBOUNDED UNION USING WHEN WHERE WINDOW WITH
    SECOND MINUTE HOUR DAY WEEK MONTH QUARTER YEAR SECONDS MINUTES HOURS DAYS WEEKS MONTHS QUARTERS YEARS
    EXTRACT
    """)
_TYPES = _listed("""
    UInt8 UInt16 UInt32 UInt64 Int8 Int16 Int32 Int64 Float32 Float64 String Bool Date DateTime DateTime64 UUID Nullable
    Decimal Array Tuple DATE DateTime
    """)
_CALLED = _listed("""
    ALL AND ANY AS BETWEEN BY CASE CAST DISTINCT ELSE EXCEPT EXISTS EXTRACT FROM HAVING ILIKE IN INTERSECT JOIN LIKE
    LIMIT NOT ON OR OVER QUALIFY REPLACE SELECT THEN UNION USING WHEN WHERE INTERVAL OFFSET
    """)
"""Words of the grammar that a bracket may follow."""


def words(text: str) -> list[Word]:
    """The words of a client's statement, without comments and space.

    Raises:
        Invalid: something in it is no word, or it is too long or too deep.
    """
    if len(text) > MAX_LENGTH:
        raise refused("length", f"A statement has at most {MAX_LENGTH} characters: ask for less at once.")
    if found := _CONTROL.search(text):
        raise refused("character", "A control character stands in the statement: take it out.", text, found.start())
    kept = [word for word in _split(text) if word.kind is not Kind.SPACE]
    if len(kept) > MAX_WORDS:
        raise refused("length", f"A statement has at most {MAX_WORDS} words: ask for less at once.")
    depth = 0
    for word in kept:
        if word.kind is Kind.SIGN and word.text in "([":
            depth += 1
        elif word.kind is Kind.SIGN and word.text in ")]":
            depth -= 1
        if depth > MAX_DEPTH:
            raise refused("depth", f"At most {MAX_DEPTH} brackets may be open at once.", text, word.place)
        if word.kind is Kind.NAME and not _NAME.fullmatch(word.text[1:-1]):
            limit = f"A quoted name has 1 to {MAX_IDENTIFIER} characters, and no quotes, backslashes or {MARK}."
            raise refused("name", limit, text, word.place)
    return kept


def _split(text: str) -> Iterator[Word]:
    place = 0
    while place < len(text):
        found = _WORDS.match(text, place)
        if found is None or found.lastgroup is None:
            raise refused("character", _remedy(text[place]), text, place)
        yield Word(Kind(found.lastgroup), found[0], place)
        place = found.end()


def _remedy(letter: str) -> str:
    match letter:
        case "'" | '"' | "`":
            return "A quotation has no end, or a quoted name holds a quote or a backslash: close it, or rename it."
        case "/":
            return "A comment has no end: close it with */."
        case "{" | "}" | "?" | "@" | "$":
            return "There are no parameters here: write the value into the statement."
        case _ if letter.isdigit():
            return "This is no number: write it in decimal digits, as 1, 2.5 or 1e3."
        case _ if not letter.isascii():
            return "Only ASCII may stand outside of quotes: put other text between ' and a name between double quotes."
        case _:
            return "This character has no meaning here: take it out."


@dataclass(frozen=True, slots=True)
class Plain:
    """A statement without literals: each stands under a name, `'$L0'`."""

    text: str
    literals: Mapping[str, str]
    """Each name, in its quotes, with the literal as it was written."""


def plain(kept: list[Word]) -> Plain:
    """The words as one text, each literal set aside."""
    parts: list[str] = []
    literals: dict[str, str] = {}
    for word in kept:
        if word.kind is Kind.TEXT:
            name = f"'{MARK}L{len(literals)}'"
            literals[name] = word.text
            parts.append(name)
        elif word.kind is Kind.NAME:
            parts.append(f'"{word.text[1:-1]}"')
        else:
            parts.append(word.text)
    return Plain(" ".join(parts), literals)


def finished(text: str, literals: Mapping[str, str], tables: Mapping[str, str]) -> str:
    """The statement for the engine: literals and tables in their places, every word known.

    `tables` has the SQL of each mark, `$0`.

    Raises:
        Invalid: a word is not known here, or a function is not allowed.
    """
    kept = [word for word in _split(text) if word.kind is not Kind.SPACE]
    parts = []
    for index, word in enumerate(kept):
        called = index + 1 < len(kept) and kept[index + 1].text == "("
        match word.kind:
            case Kind.TEXT:
                # What is between quotes and none of the client's is the number of an interval.
                if word.text not in literals and not _AMOUNT.fullmatch(word.text):
                    raise refused("literal", "A text stands where none can: write it in another way.")
                parts.append(literals.get(word.text, word.text))
            case Kind.NAME:
                name = word.text[1:-1]
                if called:
                    raise refused("function", "A function's name is written without quotes.")
                if name.startswith(MARK) and name not in tables:
                    raise refused("name", "A text stands where a name should: put names between double quotes.")
                parts.append(tables.get(name, word.text))
            case Kind.WORD:
                _check_word(word.text, called)
                parts.append(word.text)
            case _:
                parts.append(word.text)
    return " ".join(parts)


def _check_word(text: str, called: bool) -> None:
    upper = text.upper()
    if called and (text in _TYPES or upper in _CALLED or text in FUNCTIONS or upper in FUNCTIONS):
        return
    if not called and (upper in _KEYWORDS or text in _TYPES):
        return
    if called:
        raise refused("function", "A function is not allowed here: docs/sql.md lists those that are.")
    raise refused("word", "The statement uses a word of SQL that is not allowed here: docs/sql.md tells what is.")


def refused(rule: str, message: str, text: str = "", place: int | None = None) -> Invalid:
    """The error of a statement that breaks a rule; says where, and repeats nothing of it."""
    if place is not None:
        line = text.count("\n", 0, place) + 1
        column = place - (text.rfind("\n", 0, place) + 1) + 1
        message = f"Line {line}, column {column}: {message}"
    return Invalid("The statement cannot be run.", (Fault("/query", f"sql.{rule}", message),))
