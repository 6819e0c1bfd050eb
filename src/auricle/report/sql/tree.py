"""The tree: what the engine itself says it would do, held against what it may do."""

import re

from auricle.report.sql.function import INTERNAL, NAMES
from auricle.report.sql.lexis import refused
from auricle.report.sql.table import SOURCE

_FUNCTION = re.compile(r"\bfunction_name: (\S+?)(?=,|$)")
_TABLE = re.compile(r"\btable_name: (\S+?)(?=,|\s|$)")
_NODES = frozenset(
    {
        "QUERY",
        "UNION",
        "LIST",
        "FUNCTION",
        "COLUMN",
        "CONSTANT",
        "TABLE",
        "MATCHER",
        "SORT",
        "WINDOW",
        "JOIN",
        "CROSS_JOIN",
    }
)
_NODE = re.compile(r"([A-Z_]+) id: [0-9]+")
_ALLOWED = frozenset(NAMES) | INTERNAL
NOTHING = "system.one"
"""What the engine reads where a SELECT has no FROM."""


def check_tree(told: str, database: str) -> None:
    """Checks the lines of `EXPLAIN QUERY TREE`.

    Raises:
        Invalid: it reads another table than the events, or calls a function that is not on the list.
    """
    tables, functions = 0, 0
    for line in told.splitlines():
        node = _NODE.match(line.strip())
        if node is None:
            continue
        if node[1] not in _NODES:
            raise refused("tree", "The statement uses a part of SQL that is not allowed here.")
        found = _TABLE.findall(line)
        if node[1] == "TABLE":
            tables += 1
            if not found or not set(found) <= {f"{database}.{SOURCE}", NOTHING}:
                raise refused("table", "The statement reads a table that is not one of this tenant's.")
        called = _FUNCTION.findall(line)
        if node[1] == "FUNCTION":
            functions += 1
            if not called or not set(called) <= _ALLOWED:
                raise refused("function", "A function is not allowed here: docs/sql.md lists those that are.")
    if not tables:
        # Every query reads a table, if only that of nothing: this is not the tree that was asked for.
        raise refused("tree", "The statement could not be checked.")
