"""The grammar: ClickHouse's SQL by sqlglot, with every function left as it was written, and a bound on the work.

sqlglot is pinned exactly: the guard knows the nodes of this version, and a new one has to pass the hostile statements.
"""

from typing import Any, ClassVar

from sqlglot import exp
from sqlglot.dialects.clickhouse import ClickHouse
from sqlglot.errors import ErrorLevel, ParseError, TokenError, UnsupportedError
from sqlglot.parsers.clickhouse import ClickHouseParser

from auricle.report.sql.lexis import refused

STEPS_A_WORD = 300
"""Steps the parser may take for each word, on average: it goes back and tries again, and nesting can multiply that."""


class TooHard(Exception):
    """The parser has gone back and forth too often."""


class Parser(ClickHouseParser):
    """Reads functions as names with arguments: what is regenerated calls what was written, nothing alike."""

    FUNCTIONS: ClassVar[dict[str, Any]] = {}
    FUNCTION_PARSERS: ClassVar[dict[str, Any]] = {
        name: ClickHouseParser.FUNCTION_PARSERS[name] for name in ("CAST", "EXTRACT")
    }
    NO_PAREN_FUNCTIONS: ClassVar[dict[Any, Any]] = {}
    NO_PAREN_FUNCTION_PARSERS: ClassVar[dict[str, Any]] = {"CASE": ClickHouseParser.NO_PAREN_FUNCTION_PARSERS["CASE"]}
    steps = 0

    def _advance(self, times: int = 1) -> None:
        self.steps += 1
        if self.steps > STEPS_A_WORD * (self._tokens_size + 10):
            raise TooHard
        super()._advance(times)

    def _warn_unsupported(self) -> None:
        # NOTE: sqlglot would log the statement, and take any text for a command.
        self.raise_error("not a query")


class Grammar(ClickHouse):
    """The dialect with that parser."""

    Parser = Parser


def parsed(text: str) -> exp.Expr:
    """The tree of one statement.

    Raises:
        Invalid: it is none, or several, or cannot be read.
    """
    try:
        found = Grammar().parse(text, error_level=ErrorLevel.IMMEDIATE)
    except ParseError as error:
        told = error.errors[0] if error.errors else {}
        near = f"near word {_word(text, told)}" if told.get("col") else "at its end"
        raise refused("syntax", f"This is not SQL that is understood here, {near}: see docs/sql.md.") from None
    except TokenError:
        raise refused("syntax", "This is not SQL that is understood here: see docs/sql.md.") from None
    except (TooHard, RecursionError):
        raise refused("depth", "The statement is nested too deeply: make it flatter.") from None
    except (AttributeError, IndexError, KeyError, TypeError, ValueError):
        # NOTE: sqlglot meets words that it does not expect with whatever goes wrong first.
        raise refused("syntax", "This is not SQL that is understood here: see docs/sql.md.") from None
    if len(found) != 1 or found[0] is None:
        raise refused("one", "Send one statement at a time.")
    return found[0]


def regenerated(tree: exp.Expr) -> str:
    """The tree as SQL again: names in quotes, no comments."""
    try:
        return tree.sql(
            Grammar, identify=True, comments=False, normalize_functions=False, unsupported_level=ErrorLevel.RAISE
        )
    except RecursionError:
        raise refused("depth", "The statement is nested too deeply: make it flatter.") from None
    except (UnsupportedError, ValueError):
        raise refused("syntax", "This is not SQL that is understood here: see docs/sql.md.") from None


def _word(text: str, told: dict[str, Any]) -> int:
    """Which word of the statement an error is at, the first being 1; the parser saw it in one line."""
    return len(text[: int(told["col"])].split())
