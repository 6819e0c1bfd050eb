"""The report `top` on a list that can be counted by hand."""

from typing import Any

import pytest
from tests.report.conftest import Engine

from auricle.model.query import Query, Top
from auricle.report.time import instant


def asked(tenant: str, field: str, limit: int = 2, fold: bool = False, **more: Any) -> Query:
    start, end = instant("2025-10-01T00:00:00Z", ""), instant("2025-10-02T00:00:00Z", "")
    ask = Top(field, limit, fold)
    return Query(report="top", tenant_id=tenant, now=end, ask=ask, start=start, end=end, **more)


def said(text: Any, **more: Any) -> dict[str, Any]:
    return {"event_name": "e", "occurred_at": "2025-10-01T12:00:00Z", "attributes": {"q": text}, **more}


def rows(*pairs: tuple[str, int]) -> list[dict[str, Any]]:
    return [{"value": value, "count": count} for value, count in pairs]


TEXTS = ["Where is it?", "where  is it?", " WHERE\tIS\u00a0IT? ", "b", "b", "c", 1, True, None]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        pytest.param({}, (rows(("b", 2), (" WHERE\tIS\u00a0IT? ", 1)), 5, 8), id="as they stand"),
        pytest.param({"fold": True}, (rows(("where is it?", 3), ("b", 2)), 3, 8), id="folded"),
        pytest.param(
            {"fold": True, "limit": 9},
            (rows(("where is it?", 3), ("b", 2), ("1", 1), ("c", 1), ("true", 1)), 0, 8),
            id="all",
        ),
    ],
)
def test_values_by_how_often_they_are(engine: Engine, query: dict[str, Any], expected: tuple[Any, ...]) -> None:
    answer = engine.answer(asked(engine.tenant([said(text) for text in TEXTS]), "q", **query))
    del answer["meta"]
    assert answer == dict(zip(("rows", "other", "total"), expected, strict=True))


def test_nothing(engine: Engine) -> None:
    answer = engine.answer(asked(engine.tenant([]), "q"))
    assert (answer["rows"], answer["other"], answer["total"]) == ([], 0, 0)


def test_a_breakdown_has_its_own_totals(engine: Engine) -> None:
    tenant = engine.tenant([said("a", site_id="x"), said("a", site_id="x"), said("b", site_id="x"), said("b")])
    answer = engine.answer(asked(tenant, "q", limit=1, breakdown="site_id"))
    assert answer["series"] == [
        {"key": "x", "rows": rows(("a", 2)), "other": 1, "total": 3},
        {"key": None, "rows": rows(("b", 1)), "other": 0, "total": 1},
    ]
