"""The guard: what of the grammar may be used, and which table each name means.

Every node and every part of a node must be on a list; names of tables are resolved here, and none reaches the engine:
a table becomes a mark that only our own SQL takes the place of, and a `WITH` query gets a name of ours.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from sqlglot import exp

from auricle.report.sql.function import FUNCTIONS
from auricle.report.sql.grammar import parsed, regenerated
from auricle.report.sql.lexis import MARK, refused

_QUERY = frozenset({"with_", "where", "order", "limit", "offset"})
_SELECT = _QUERY | {"expressions", "from_", "joins", "group", "having", "distinct", "windows", "qualify"}
_SET = _QUERY | {"this", "expression", "distinct", "by_name"}

_NODES: dict[type[exp.Expr], frozenset[str]] = {
    exp.Select: _SELECT,
    exp.Union: _SET,
    exp.Except: _SET,
    exp.Intersect: _SET,
    exp.Subquery: frozenset({"this", "alias"}),
    exp.Paren: frozenset({"this"}),
    exp.With: frozenset({"expressions"}),
    exp.CTE: frozenset({"this", "alias", "scalar"}),
    exp.TableAlias: frozenset({"this"}),
    exp.From: frozenset({"this"}),
    exp.Table: frozenset({"this", "alias"}),
    exp.Join: frozenset({"this", "on", "using", "side", "kind"}),
    exp.Where: frozenset({"this"}),
    exp.Having: frozenset({"this"}),
    exp.Qualify: frozenset({"this"}),
    exp.Group: frozenset({"expressions"}),
    exp.Order: frozenset({"expressions"}),
    exp.Ordered: frozenset({"this", "desc", "nulls_first"}),
    exp.Limit: frozenset({"this", "expression", "offset", "expressions"}),
    exp.Offset: frozenset({"this", "expression", "expressions"}),
    exp.Distinct: frozenset({"expressions"}),
    exp.Alias: frozenset({"this", "alias"}),
    exp.Star: frozenset({"except_", "replace"}),
    exp.Column: frozenset({"this", "table"}),
    exp.Identifier: frozenset({"this", "quoted"}),
    exp.Literal: frozenset({"this", "is_string"}),
    exp.Boolean: frozenset({"this"}),
    exp.Null: frozenset(),
    exp.Var: frozenset({"this"}),
    exp.Interval: frozenset({"this", "unit"}),
    exp.Case: frozenset({"this", "ifs", "default"}),
    exp.If: frozenset({"this", "true"}),
    exp.Cast: frozenset({"this", "to"}),
    exp.DataType: frozenset({"this", "expressions", "nested", "nullable"}),
    exp.DataTypeParam: frozenset({"this"}),
    exp.Extract: frozenset({"this", "expression"}),
    exp.In: frozenset({"this", "expressions", "query"}),
    exp.Exists: frozenset({"this"}),
    exp.Between: frozenset({"this", "low", "high"}),
    exp.Tuple: frozenset({"expressions"}),
    exp.Array: frozenset({"expressions", "bracket_notation"}),
    exp.Bracket: frozenset({"this", "expressions", "offset", "safe"}),
    exp.Anonymous: frozenset({"this", "expressions"}),
    exp.AnonymousAggFunc: frozenset({"this", "expressions"}),
    exp.CombinedAggFunc: frozenset({"this", "expressions"}),
    exp.ParameterizedAgg: frozenset({"this", "expressions", "params"}),
    exp.CombinedParameterizedAgg: frozenset({"this", "expressions", "params"}),
    exp.Window: frozenset({"this", "partition_by", "order", "spec", "alias", "over"}),
    exp.WindowSpec: frozenset({"kind", "start", "start_side", "end", "end_side"}),
    exp.DPipe: frozenset({"this", "expression", "safe"}),
    **{
        kind: frozenset({"this", "expression", "typed", "safe", "negate"})
        for kind in (
            *(exp.And, exp.Or, exp.Add, exp.Sub, exp.Mul, exp.Div, exp.Mod, exp.IntDiv),
            *(exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.Is, exp.Like, exp.ILike),
        )
    },
    exp.Not: frozenset({"this"}),
    exp.Neg: frozenset({"this"}),
}
"""Every node that may stand in a statement, with the parts it may have."""

_JOINS = frozenset({"", "INNER", "CROSS", "LEFT", "RIGHT", "FULL", "OUTER", "ANY", "ALL", "ASOF", "SEMI", "ANTI"})
_REMEDIES: dict[str, str] = {
    "settings": "There is no SETTINGS here: limits are the service's. Take it out.",
    "format": "FORMAT stands once, at the end of the statement.",
    "into": "Nothing can be written: take INTO out.",
    "prewhere": "Use WHERE in place of PREWHERE.",
    "sample": "There is no SAMPLE: every row is kept, `_sample_interval` is 1.",
    "laterals": "Use the function arrayJoin in place of a lateral view.",
    "db": "A table is named without a database.",
    "catalog": "A table is named without a database.",
    "recursive": "WITH RECURSIVE is not spoken here.",
    "global_": "GLOBAL is not spoken here: take it out.",
    "is_global": "GLOBAL is not spoken here: take it out.",
    "field": "After IN stands a list in brackets or a subquery.",
    "unnest": "After IN stands a list in brackets or a subquery.",
    "columns": "Names of columns after a table's alias are not spoken here: name them in the query.",
    "all": "GROUP BY and ORDER BY name their columns.",
    "totals": "WITH TOTALS is not spoken here.",
    "cube": "WITH CUBE is not spoken here.",
    "rollup": "WITH ROLLUP is not spoken here.",
    "with_fill": "WITH FILL is not spoken here.",
    "materialized": "MATERIALIZED is not spoken here: take it out.",
}
"""What to do about a part that is not allowed, where there is more to say than that."""
_MARKS: dict[type[exp.Expr], str] = {
    exp.Final: "There is no FINAL: rows are counted once already.",
    exp.PreWhere: "Use WHERE in place of PREWHERE.",
    exp.TableSample: "There is no SAMPLE: every row is kept, `_sample_interval` is 1.",
    exp.Lambda: "There are no lambdas here.",
    exp.Command: "Only SELECT, SHOW TABLES and DESCRIBE are spoken here.",
    exp.Dot: "A name has at most two parts, a table's and a column's.",
    exp.Placeholder: "There are no parameters here: write the value into the statement.",
    exp.Parameter: "There are no parameters here: write the value into the statement.",
    exp.CastToStrType: "Write CAST(x AS Type).",
    exp.Columns: "COLUMNS is not spoken here: name the columns.",
    exp.Values: "VALUES is not spoken here: read a table.",
}


@dataclass(frozen=True, slots=True)
class Guarded:
    """A statement that passed, its tables as marks."""

    text: str
    tables: tuple[str, ...]
    """The names of the tables that it reads; the mark of each is `$` and its place."""


def guarded(text: str) -> Guarded:
    """A statement without literals, checked and written anew.

    Raises:
        Invalid: it uses what is not allowed.
    """
    tree = parsed(text)
    if not isinstance(tree, exp.Select | exp.SetOperation | exp.Subquery):
        raise refused("select", "Only SELECT, SHOW TABLES and DESCRIBE are spoken here.")
    for node in tree.walk():
        _check(node)
    scope = _Names()
    try:
        scope.resolve(tree, {})
    except RecursionError:
        raise refused("depth", "The statement is nested too deeply: make it flatter.") from None
    return Guarded(regenerated(tree), tuple(scope.tables))


def _check(node: exp.Expr) -> None:
    allowed = _NODES.get(type(node))
    if allowed is None:
        raise refused("syntax", _MARKS.get(type(node), _unknown(node)))
    for part, value in node.args.items():
        if part not in allowed and value not in (None, False, []):
            raise refused("syntax", _REMEDIES.get(part, _unknown(node)))
    match node:
        case exp.Join():
            if not {node.side.upper(), *node.kind.upper().split()} <= _JOINS:
                raise refused("join", "Joins are INNER, LEFT, RIGHT, FULL, CROSS, ANY, ALL, ASOF, SEMI and ANTI.")
        case exp.In():
            _check_in(node)
        case (
            exp.Anonymous()
            | exp.AnonymousAggFunc()
            | exp.CombinedAggFunc()
            | exp.ParameterizedAgg()
            | exp.CombinedParameterizedAgg()
        ):
            if not (isinstance(node.this, str) and node.this in FUNCTIONS):
                raise refused("function", "A function is not allowed here: docs/sql.md lists those that are.")
        case exp.Column():
            if not isinstance(node.this, exp.Identifier | exp.Star):
                raise refused("column", "A column is named; a number is not a name.")
        case exp.Table():
            if not isinstance(node.this, exp.Identifier):
                raise refused("table", "A table is named; there are no table functions here.")
        case exp.CTE():
            if not (node.args.get("scalar") or isinstance(node.this, exp.Query)):
                raise refused("syntax", _unknown(node))


def _check_in(node: exp.In) -> None:
    # NOTE: the engine takes a bare name after IN for a table, also within brackets.
    for value in node.expressions:
        if value.find(exp.Column, exp.Star, exp.Query) is not None:
            raise refused("in", "After IN stands a list of values in brackets, or a subquery: no names.")
    query = node.args.get("query")
    if query is not None and not isinstance(query, exp.Subquery):
        raise refused("in", "After IN stands a list of values in brackets, or a subquery: no names.")


def _unknown(node: exp.Expr) -> str:
    return f"{type(node).__name__} of SQL is not spoken here: docs/sql.md tells what is."


@dataclass(slots=True)
class _Names:
    """Gives every table its mark and every `WITH` query its name."""

    tables: list[str] = field(default_factory=list)
    queries: int = 0

    def resolve(self, node: exp.Expr, known: Mapping[str, str]) -> None:
        """Renames the tables at and below a node; `known` has the names of the `WITH` queries in sight."""
        with_ = node.args.get("with_")
        if with_ is not None:
            known = dict(known)
            for cte in with_.expressions:
                # A query sees those before it, and not itself.
                self.resolve(cte.this, known)
                if not cte.args.get("scalar"):
                    # NOTE: the name is read first, for then it is another.
                    name = cte.alias
                    known[name] = self._renamed(cte)
        if isinstance(node, exp.Table):
            self._name(node, known)
            return
        for child in node.iter_expressions():
            if child is not with_:
                self.resolve(child, known)

    def _renamed(self, cte: exp.CTE) -> str:
        name = f"with_{self.queries}"
        self.queries += 1
        cte.set("alias", exp.TableAlias(this=exp.to_identifier(name, quoted=True)))
        return name

    def _name(self, table: exp.Table, known: Mapping[str, str]) -> None:
        name = table.name
        if not table.alias:
            table.set("alias", exp.TableAlias(this=exp.to_identifier(name, quoted=True)))
        if name in known:
            target = known[name]
        else:
            if name not in self.tables:
                self.tables.append(name)
            target = f"{MARK}{self.tables.index(name)}"
        table.set("this", exp.to_identifier(target, quoted=True))
