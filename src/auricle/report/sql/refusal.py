"""The refusal: what the engine's error codes mean to whoever wrote the statement; its own words may hold data."""

from dataclasses import dataclass

from auricle.errors import AuricleError, QueryTimeout
from auricle.report.sql.lexis import refused

TIME = frozenset({159, 160, 394})
MEMORY = frozenset({241, 173})
SIZE = frozenset({396, 158, 191, 307})
_RULES: dict[str, tuple[str, frozenset[int]]] = {
    "column": (
        "A column is not known, or belongs to two tables: DESCRIBE lists a table's columns.",
        frozenset({8, 10, 16, 47, 207, 352, 403, 179}),
    ),
    "group": (
        "Every selected column must be in GROUP BY or in an aggregate function, and aggregates cannot be nested or"
        " stand in WHERE.",
        frozenset({184, 215}),
    ),
    "type": (
        "A function, a comparison or a UNION got a value of a type that it does not take: convert it, as by"
        " toFloat64OrZero or toDateTime.",
        frozenset({6, 26, 27, 32, 38, 41, 43, 44, 53, 69, 70, 72, 117, 321, 349, 376, 386, 407, 427, 457, 676, 691}),
    ),
    "arguments": (
        "A function or a subquery has the wrong number of arguments or columns.",
        frozenset({20, 34, 35, 42, 125, 258, 133, 456}),
    ),
    "number": ("A number is out of the range that is taken, or something is divided by zero.", frozenset({131, 153})),
    "join": ("A JOIN needs ON or USING with equal columns of both tables.", frozenset({48, 206, 403})),
    "function": ("A function is not known, or not with these arguments.", frozenset({46, 63, 36, 344})),
    "syntax": ("This is not SQL that is understood here: see docs/sql.md.", frozenset({62})),
    "size": ("The statement is too large or too deep: read fewer tables in it.", frozenset({162, 167, 168, 306})),
}
_BY_CODE = {code: (rule, told) for rule, (told, codes) in _RULES.items() for code in codes}


@dataclass(frozen=True, slots=True)
class Limits:
    """What one statement may take."""

    seconds: float
    memory: int
    """Bytes."""
    rows: int


def refusal(code: int, limits: Limits) -> AuricleError:
    """The error for a code of the engine."""
    if code in TIME:
        return too_slow(limits)
    if code in MEMORY:
        return QueryTimeout(
            f"The statement needs more than its {limits.memory} bytes of memory; group by less, or narrow its range."
        )
    if code in SIZE:
        return QueryTimeout(f"The answer has more than {limits.rows} rows or its bytes; add a LIMIT, or group.")
    rule, told = _BY_CODE.get(code, ("engine", "The engine does not run this statement: see docs/sql.md."))
    return refused(rule, told)


def too_slow(limits: Limits) -> QueryTimeout:
    """The error of a statement that ran out of its time."""
    return QueryTimeout(f"The statement ran for its {limits.seconds:g} seconds; narrow its range.")
