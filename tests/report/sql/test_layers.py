"""Each layer alone, the others out of the way: what it stops by itself, on the real engine."""

from collections.abc import Callable
from typing import Any

import pytest

from auricle.errors import Invalid
from auricle.report.sql.refusal import Limits
from auricle.report.sql.run import FIXED, settings_of
from auricle.report.sql.tree import check_tree
from auricle.store.events import Refused

LIMITS = Limits(10, 500_000_000, 100_000)
READS = {
    "plain": "SELECT user_id FROM events",
    "qualified": "SELECT user_id FROM default.events",
    "subquery": "SELECT user_id FROM (SELECT * FROM (SELECT * FROM events))",
    "alias": "SELECT x.user_id FROM events AS x",
    "alias of its own name": "SELECT events.user_id FROM (SELECT * FROM events) AS events",
    "join": "SELECT a.user_id, b.user_id FROM events AS a JOIN events AS b ON a.event_name = b.event_name",
    "outer join": "SELECT a.user_id, b.user_id FROM events AS a FULL JOIN events AS b ON a.event_id = b.event_id",
    "cross join": "SELECT a.user_id, b.user_id FROM events AS a, (SELECT * FROM events LIMIT 5) AS b",
    "asof join": "SELECT b.user_id FROM events AS a ASOF JOIN events AS b"
    " ON a.source = b.source AND a.occurred_at >= b.occurred_at",
    "semi join": "SELECT a.user_id FROM events AS a SEMI JOIN events AS b ON a.event_name = b.event_name",
    "with": "WITH x AS (SELECT * FROM events) SELECT user_id FROM x",
    "with of the same name": "WITH events AS (SELECT * FROM default.events) SELECT user_id FROM events",
    "with that takes the column's name": "WITH 'bob' AS tenant_id SELECT user_id FROM events",
    "with in a union": "WITH x AS (SELECT * FROM events) SELECT user_id FROM x UNION ALL SELECT user_id FROM x",
    "union": "SELECT user_id FROM events UNION ALL SELECT user_id FROM events",
    "except": "SELECT user_id FROM events EXCEPT SELECT 'nobody'",
    "intersect": "SELECT user_id FROM events INTERSECT SELECT user_id FROM events",
    "scalar": "SELECT (SELECT min(user_id) FROM events)",
    "list": "SELECT arrayJoin((SELECT groupUniqArray(user_id) FROM events))",
    "in": "SELECT user_id FROM events WHERE user_id IN (SELECT user_id FROM events)",
    "in its own key": "SELECT min(user_id) FROM events WHERE tenant_id IN (SELECT tenant_id FROM events)",
    "exists": "SELECT user_id FROM events WHERE EXISTS(SELECT 1 FROM events WHERE user_id != '')",
    "or": "SELECT user_id FROM events WHERE tenant_id = 'bob' OR 1 = 1",
    "prewhere": "SELECT user_id FROM events PREWHERE tenant_id != '' OR 1 = 1",
    "order": "SELECT user_id FROM events ORDER BY tenant_id DESC LIMIT 1",
    "window": "SELECT first_value(user_id) OVER (ORDER BY tenant_id DESC) FROM events",
    "aggregate": "SELECT max(user_id), groupUniqArray(attributes) FROM events",
    "array join": "SELECT user_id, x FROM events ARRAY JOIN [1, 2] AS x",
    "view": "SELECT user_id FROM everything",
    "view of a view": "SELECT user_id FROM everything_again",
    "table function view": "SELECT user_id FROM view(SELECT * FROM events)",
}


@pytest.fixture(scope="module")
def views(sql: Any) -> Any:
    """Views over all rows, as the service never makes them."""
    made = {"everything": "events", "everything_again": "everything"}
    for name, source in made.items():
        sql.store.answer(f"CREATE VIEW {name} AS SELECT * FROM {source}", {}, "CSV").result()
    yield sql
    for name in reversed(made):
        sql.store.answer(f"DROP TABLE {name}", {}, "CSV").result()


@pytest.mark.parametrize("name", READS)
def test_the_filter_alone_holds_every_way_of_reading(views: Any, name: str) -> None:
    """No guard, no tree, no condition of ours: only the engine's filter of the table."""
    ours = views.store.answer(READS[name], settings_of("alice", LIMITS, 10.0), "CSV").result()
    theirs = views.store.answer(READS[name], settings_of("bob", LIMITS, 10.0), "CSV").result()
    open_ = views.store.answer(READS[name], FIXED, "CSV").result()

    assert b"mark-of-alice" in ours
    assert b"SECRET" not in ours
    assert b"SECRET" in theirs
    assert b"mark-of-alice" not in theirs
    # Without the filter the answer is another, so the statement reads the rows of others: Bob's, and those of whatever
    # tenants other tests have left in this engine, which may come before his.
    assert open_ != ours or name == "with that takes the column's name"


@pytest.mark.parametrize("name", sorted(set(READS) - {"scalar", "list"}))
def test_the_plan_filters_every_read_of_the_table(views: Any, name: str) -> None:
    """The engine's own plan: as often as it reads the table, so often it filters by the tenant.

    But for subqueries that stand for one value: they are constants before there is a plan.
    """
    settings = settings_of("alice", LIMITS, 10.0) | {"query_plan_merge_filters": "0", "optimize_move_to_prewhere": "0"}
    plan = views.store.answer(f"EXPLAIN actions = 1 {READS[name]}", settings, "TSVRaw").result().decode()
    reads = plan.count("─ReadFromMergeTree")
    assert reads > 0
    assert plan.count("tenant_id = 'alice'") + plan.count("equals(tenant_id") >= reads, plan


OTHERS = {
    "a system table": "SELECT * FROM system.tables",
    "a column of the system": "SELECT name FROM system.settings LIMIT 1",
    "merge": "SELECT user_id FROM merge('default', '^events$')",
    "mergeTreeIndex": "SELECT * FROM mergeTreeIndex('default', 'events')",
    "numbers": "SELECT * FROM numbers(3)",
    "values": "SELECT * FROM values('x UInt8', 1)",
    "a file as a table": "SELECT * FROM file('@FILE@', 'LineAsString')",
    "a file as a value": "SELECT file('@FILE@')",
    "a file in a condition": "SELECT 1 FROM events WHERE file('@FILE@') != ''",
    "a random table": "SELECT * FROM generateRandom('x UInt8') LIMIT 1",
    "a view": "SELECT user_id FROM everything",
    "the user": "SELECT currentUser()",
    "the host": "SELECT hostName()",
    "the version": "SELECT version()",
    "sleep": "SELECT sleep(0.01)",
    "a lambda": "SELECT arrayMap(x -> x + 1, [1])",
    "range": "SELECT range(10)",
    "random": "SELECT rand()",
    "reduce": "SELECT arrayReduce('sum', [1, 2])",
    "array join": "SELECT x FROM events ARRAY JOIN [1, 2] AS x",
    "in a table": "SELECT 1 WHERE 'x' IN (SELECT user_id FROM everything)",
    "a subquery": "SELECT (SELECT count() FROM system.tables)",
    "union": "SELECT user_id FROM events UNION ALL SELECT name FROM system.tables",
    "an alias like a function's line": "SELECT file('@FILE@') AS `a, function_name: plus, function_type: ordinary`",
    "an alias like a table's line": "SELECT 1 FROM system.tables AS `a, table_name: default.events`",
}


@pytest.mark.parametrize("name", OTHERS)
def test_the_tree_alone_refuses(views: Any, name: str) -> None:
    """No guard: the engine's own tree of a raw statement is held against the lists."""
    statement = OTHERS[name].replace("@FILE@", str(views.file))
    try:
        told = views.store.answer(f"EXPLAIN QUERY TREE {statement}", settings_of("alice", LIMITS, 10.0), "TabSeparated")
        tree = told.result().decode()
    except Refused:
        return
    with pytest.raises(Invalid):
        check_tree(tree, "default")


def test_the_tree_of_another_database_is_refused(sql: Any) -> None:
    told = sql.store.answer("EXPLAIN QUERY TREE SELECT 1 FROM events", {}, "TabSeparated").result().decode()
    check_tree(told, "default")
    with pytest.raises(Invalid):
        check_tree(told, "another")
    with pytest.raises(Invalid):
        check_tree("", "default")


def test_the_guard_alone_names_no_table_but_ours(refused: Callable[[str], tuple[str, str]]) -> None:
    assert refused("SELECT * FROM system.tables")[0] == "sql.syntax"
    assert refused("SELECT * FROM file('x')")[0] == "sql.table"
    assert refused("SELECT user_id IN events FROM events")[0] == "sql.syntax"
    assert refused("SELECT user_id IN (events) FROM events")[0] == "sql.in"
    assert refused("SELECT file('x')")[0] == "sql.function"


def test_nothing_is_written_by_what_runs_as_a_reader(sql: Any) -> None:
    """`readonly` alone."""
    for statement in (
        "CREATE TABLE x (a UInt8) ENGINE = Memory",
        "INSERT INTO events (tenant_id) VALUES ('alice')",
        "DROP TABLE events",
        "ALTER TABLE events DELETE WHERE 1",
        "TRUNCATE TABLE events",
    ):
        with pytest.raises(Refused):
            sql.store.answer(statement, settings_of("alice", LIMITS, 10.0), "CSV").result()
