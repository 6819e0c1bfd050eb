"""The explanation: in debug mode the log tells every statement of a report, how the engine goes about it, and its time.

Values are never told: statements are logged with the names of their parameters, and of the engine's plan only the
kinds of its steps and how much of the table they touch.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from time import perf_counter

import structlog

from auricle.errors import AuricleError
from auricle.model.statement import Rows, Statement
from auricle.report.run import Reader

log = structlog.get_logger(__name__)

STEP = re.compile(r"^[A-Z]\w+$")
"""A step of the plan, such as `ReadFromMergeTree`, without what the engine says of it in parentheses."""
TOUCHED = re.compile(r"^(Name|Type|Parts|Granules): ?([\w./ -]*)$")

BRANCHES = " │├└─"
"""What newer engines draw the tree of a plan with."""


@dataclass(frozen=True, slots=True)
class ExplainingReader:
    """A reader that explains what it reads."""

    reader: Reader

    @property
    def as_of(self) -> int:
        """As the reader's."""
        return self.reader.as_of

    async def read(self, statement: Statement) -> Rows:
        """The rows of a statement, which is told to the log."""
        began = perf_counter()
        rows = await self.reader.read(statement)
        milliseconds = round((perf_counter() - began) * 1_000, 3)
        try:
            plan = await self.reader.read(Statement(f"EXPLAIN indexes = 1\n{statement.sql}", statement.params))
            told = list(outline(str(row[0]) for row in plan.rows))
        except AuricleError as error:
            told = [error.code]
        log.debug(
            "statement",
            sql=statement.sql,
            plan=told,
            rows=len(rows.rows),
            rows_read=rows.rows_read,
            ms=milliseconds,
        )
        return rows


def outline(plan: Iterable[str]) -> Iterable[str]:
    """The lines of a plan that hold no value of a query."""
    for line in plan:
        text = line.strip(BRANCHES).partition(" (")[0]
        if STEP.fullmatch(text) or TOUCHED.fullmatch(text):
            yield text
