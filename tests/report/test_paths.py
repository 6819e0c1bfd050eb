"""The report `paths` on a walk that can be counted by hand."""

from typing import Any

import pytest
from tests.report.conftest import Engine

from auricle.errors import Invalid
from auricle.model.query import By, Direction, Paths, Query, Step
from auricle.report.time import instant

WALKS = {"ann": "home list item home list", "bob": "home list item", "cay": "ad home"}


def asked(engine: Engine, direction: Direction, limit: int = 10, **more: Any) -> dict[str, Any]:
    events = [
        {"event_name": name, "occurred_at": f"2025-09-01T12:0{minute}:00Z", "user_id": user}
        for user, names in WALKS.items()
        for minute, name in enumerate(names.split())
    ]
    ask = Paths(Step("home"), direction, 2, limit, 3_600_000_000, By.USER)
    span = {"start": instant("2025-09-01T00:00:00Z", ""), "end": instant("2025-09-02T00:00:00Z", "")}
    now = instant("2025-12-01T00:00:00Z", "")
    query = Query(report="paths", tenant_id=engine.tenant(events), now=now, ask=ask, **span, **more)
    answer = engine.answer(query)
    del answer["meta"]
    return answer


def test_what_follows(engine: Engine) -> None:
    assert asked(engine, Direction.AFTER, limit=2) == {
        "event": "home",
        "direction": "after",
        "paths": [{"events": ["list", "item"], "count": 2, "share": 0.5}, {"events": [], "count": 1, "share": 0.25}],
        "other": 1,
        "total": 4,
    }


def test_what_led_to_it(engine: Engine) -> None:
    assert asked(engine, Direction.BEFORE)["paths"] == [
        {"events": [], "count": 2, "share": 0.5},
        {"events": ["ad"], "count": 1, "share": 0.25},
        {"events": ["item", "list"], "count": 1, "share": 0.25},
    ]


def test_no_breakdown(engine: Engine) -> None:
    with pytest.raises(Invalid) as refused:
        asked(engine, Direction.AFTER, breakdown="site_id")
    assert [(fault.pointer, fault.rule) for fault in refused.value.faults] == [("/breakdown", "unsupported")]
