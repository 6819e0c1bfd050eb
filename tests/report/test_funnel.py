"""The report `funnel` on walks short enough to follow by eye: one letter an event, one minute apart."""

from typing import Any

import pytest
from tests.report.conftest import Engine, at

from auricle.model.query import By, Filter, Funnel, Op, Order, Query, Step
from auricle.report.time import instant

START = at("2025-10-01T00:00:00Z")
MINUTE = 60_000_000


def walk(letters: str, session: str = "s", **more: Any) -> list[dict[str, Any]]:
    """Events of one session; `.` is a minute in which nothing happens, `=` puts the next event at the same moment."""
    found: list[dict[str, Any]] = []
    moment = START
    for letter in letters:
        if letter == "=":
            moment -= MINUTE
            continue
        if letter != ".":
            found.append({"event_name": letter, "occurred_at": moment, "session_id": session, **more})
        moment += MINUTE
    return found


def asked(tenant: str, steps: str, order: Order, window: int = 10, minutes: int = 60, **more: Any) -> Query:
    ask = Funnel(tuple(Step(letter) for letter in steps), window * MINUTE, order, more.pop("by", By.USER))
    start = instant("2025-10-01T00:00:00Z", "")
    end = instant(f"2025-10-01T{minutes // 60:02d}:{minutes % 60:02d}:00Z", "")
    return Query(report="funnel", tenant_id=tenant, now=end, ask=ask, start=start, end=end, **more)


@pytest.mark.parametrize(
    ("letters", "steps", "sequential", "strict", "any_order"),
    [
        pytest.param("abc", "abc", 3, 3, 3, id="straight"),
        pytest.param("axbc", "abc", 3, 1, 3, id="something between"),
        pytest.param("acb", "abc", 2, 1, 3, id="two swapped"),
        pytest.param("cba", "abc", 1, 1, 3, id="backwards"),
        pytest.param("bc", "abc", 0, 0, 2, id="never entered"),
        pytest.param("", "abc", 0, 0, 0, id="nothing"),
        pytest.param("a", "aa", 1, 1, 1, id="one event for two equal steps"),
        pytest.param("aa", "aa", 2, 2, 2, id="two events for two equal steps"),
        pytest.param("aba", "aab", 2, 1, 3, id="equal steps around another"),
        pytest.param("a.........b", "ab", 2, 2, 2, id="the last moment of the window"),
        pytest.param("a..........b", "ab", 1, 1, 1, id="a minute after the window"),
        pytest.param("a.....b.....c", "abc", 2, 2, 2, id="the window begins with the first step"),
        pytest.param("a.....a.b....c", "abc", 3, 3, 3, id="a later beginning saves the pass"),
        pytest.param("a.b...ac", "abc", 3, 2, 3, id="an earlier pass goes on"),
        pytest.param("a=b", "ab", 2, 2, 2, id="the same moment, by arrival"),
        pytest.param("b=a", "ab", 1, 1, 2, id="the same moment, against arrival"),
        pytest.param("aabc", "abc", 3, 3, 3, id="the first step twice"),
    ],
)
def test_how_far_one_walk_gets(
    engine: Engine, letters: str, steps: str, sequential: int, strict: int, any_order: int
) -> None:
    tenant = engine.tenant(walk(letters))
    expected = {Order.SEQUENTIAL: sequential, Order.STRICT: strict, Order.ANY: any_order}
    found = {
        order: sum(step["count"] for step in engine.answer(asked(tenant, steps, order))["steps"]) for order in Order
    }
    assert found == expected


def test_the_whole_answer(engine: Engine) -> None:
    events = [
        *walk("a.b..c", "s1"),
        *walk("a...b", "s2"),
        *walk("a", "s3", user_id="u"),
        *walk(".b.c", "s4", user_id="u"),
        *walk("b", "s5"),
        *walk("abc", "", user_id=""),
        *walk("abc", "s6", source="test"),
    ]
    answer = engine.answer(asked(engine.tenant(events), "abc", Order.SEQUENTIAL))
    meta = answer.pop("meta")
    assert answer == {
        "steps": [
            {"event": "a", "count": 3, "from_first": 1, "from_previous": None, "median_seconds": None},
            {"event": "b", "count": 3, "from_first": 1, "from_previous": 1, "median_seconds": 120},
            {"event": "c", "count": 2, "from_first": 2 / 3, "from_previous": 2 / 3, "median_seconds": 150},
        ]
    }
    assert meta["excluded"] == {"test": 3}
    by_session = engine.answer(asked(engine.tenant(events), "abc", Order.SEQUENTIAL, by=By.SESSION))
    assert [step["count"] for step in by_session["steps"]] == [3, 2, 1]


def test_who_enters_at_the_edges_of_the_range(engine: Engine) -> None:
    events = [
        *walk("a.b", "enters at the first instant"),
        *walk("....a.b", "enters inside, goes on outside"),
        *walk(".....a.b", "would enter at the last instant"),
    ]
    events.append({"event_name": "a", "occurred_at": START - 1, "session_id": "too early"})
    events.append({"event_name": "b", "occurred_at": START, "session_id": "too early"})
    answer = engine.answer(asked(engine.tenant(events), "ab", Order.SEQUENTIAL, minutes=5))
    assert [step["count"] for step in answer["steps"]] == [2, 2]


def test_nobody_enters(engine: Engine) -> None:
    answer = engine.answer(asked(engine.tenant([]), "ab", Order.ANY))
    nothing = {"count": 0, "from_first": None, "from_previous": None, "median_seconds": None}
    assert answer["steps"] == [{"event": "a", **nothing}, {"event": "b", **nothing}]


def test_a_breakdown_goes_by_the_first_touch(engine: Engine) -> None:
    events = [
        *walk("a", "s1", attributes={"via": "mail"}),
        *walk(".ab", "s1", attributes={"via": "search"}),
        *walk("a", "s2", attributes={"via": "search"}),
        *walk("ab", "s3"),
    ]
    answer = engine.answer(asked(engine.tenant(events), "ab", Order.SEQUENTIAL, breakdown="via"))
    assert [(each["key"], [step["count"] for step in each["steps"]]) for each in answer["series"]] == [
        (None, [1, 1]),
        ("mail", [1, 1]),
        ("search", [1, 0]),
    ]


def test_steps_have_filters(engine: Engine) -> None:
    events = [*walk("a", attributes={"page": "/x"}), *walk(".a", attributes={"page": "/y"})]
    tenant = engine.tenant(events)
    query = asked(tenant, "ab", Order.SEQUENTIAL)

    def page(path: str) -> Step:
        return Step("a", (Filter("page", Op.EQ, path),))

    found = []
    for steps in ((page("/x"), page("/y")), (page("/y"), page("/x"))):
        ask = Funnel(steps, 10 * MINUTE, Order.SEQUENTIAL, By.USER)
        answer = engine.answer(Query(report="funnel", tenant_id=tenant, now=query.now, ask=ask, start=query.start))
        found.append([step["count"] for step in answer["steps"]])
    assert found == [[1, 1], [1, 0]]
