"""The price list, read with distrust."""

from typing import Any

import pytest

from auricle.errors import Invalid
from auricle.model.price import Kind, Price
from auricle.report.pricelist import MAX_PRICES, entries_of, read

DAY = 1_735_689_600_000_000
ONE = {"model": "m", "input": 1}


def test_prices_are_read_exactly() -> None:
    entry = {"model": "m*", "from": "2025-01-01", "to": "2025-01-01T01:00:00.000001+00:30", "input": "0.000001"}
    more = {"output": 2.5, "reasoning": 3, "cache_read": None, "source": "page"}
    (price,) = read([entry | more])
    micros = ((Kind.INPUT, 1), (Kind.OUTPUT, 2_500_000), (Kind.REASONING, 3_000_000))
    assert price == Price("m*", micros, DAY, DAY + 1_800_000_001, "page")
    assert read([price.as_json()]) == (price,)


def test_a_csv_is_the_same() -> None:
    text = 'model, from,to,input,output,source\r\nm*,2025-01-01,,0.5,,"a, b"\n\nn,,,,1\n'
    assert entries_of(text) == [
        {"model": "m*", "from": "2025-01-01", "input": "0.5", "source": "a, b"},
        {"model": "n", "output": "1"},
    ]


@pytest.mark.parametrize(
    ("text", "pointer"),
    [
        ("", ""),
        ("input,output\n1,2", ""),
        ("model,model\nm,m", ""),
        ("model,input\nm,1,2", "/prices/0"),
        ('model,input\n"m,1', ""),
    ],
)
def test_what_is_no_csv_is_refused(text: str, pointer: str) -> None:
    with pytest.raises(Invalid) as refused:
        entries_of(text)
    assert [(fault.pointer, fault.rule) for fault in refused.value.faults] == [(pointer, "csv")]


@pytest.mark.parametrize(
    ("entries", "pointer", "rule"),
    [
        pytest.param({}, "/prices", "type", id="no list"),
        pytest.param([ONE] * (MAX_PRICES + 1), "/prices", "type", id="too many"),
        pytest.param(["m"], "/prices/0", "type", id="no object"),
        pytest.param([ONE | {"more": 1}], "/prices/0", "additionalProperties", id="another member"),
        pytest.param([{"input": 1}], "/prices/0/model", "pattern", id="no model"),
        pytest.param([ONE | {"model": 7}], "/prices/0/model", "type", id="a model that is a number"),
        pytest.param([ONE | {"model": "a*b"}], "/prices/0/model", "pattern", id="a star within"),
        pytest.param([{"model": "m"}], "/prices/0", "required", id="no price"),
        pytest.param([ONE | {"input": -1}], "/prices/0/input", "price", id="below nothing"),
        pytest.param([ONE | {"input": "1e-7"}], "/prices/0/input", "price", id="seven decimals"),
        pytest.param([ONE | {"input": "1." + "0" * 27 + "1"}], "/prices/0/input", "price", id="28 decimals"),
        pytest.param([ONE | {"input": 1_000_001}], "/prices/0/input", "price", id="too dear"),
        pytest.param([ONE | {"input": "NaN"}], "/prices/0/input", "price", id="no number"),
        pytest.param([ONE | {"input": "1e999999999"}], "/prices/0/input", "price", id="without end"),
        pytest.param([ONE | {"input": True}], "/prices/0/input", "price", id="a truth"),
        pytest.param([ONE | {"input": "9" * 40}], "/prices/0/input", "price", id="long"),
        pytest.param([ONE | {"from": "2025-02-30"}], "/prices/0/from", "time", id="no day"),
        pytest.param([ONE | {"from": True}], "/prices/0/from", "time", id="no time"),
        pytest.param([ONE | {"from": "2025-02-03", "to": "2025-02-03"}], "/prices/0/to", "range", id="no length"),
        pytest.param([ONE, ONE], "/prices/1/from", "overlap", id="the same twice"),
        pytest.param(
            [ONE | {"from": "2025-01-02"}, ONE | {"to": "2025-01-03"}], "/prices/0/from", "overlap", id="an overlap"
        ),
    ],
)
def test_what_cannot_be_is_refused_by_pointer(entries: Any, pointer: str, rule: str) -> None:
    with pytest.raises(Invalid) as refused:
        read(entries)
    assert [(fault.pointer, fault.rule) for fault in refused.value.faults] == [(pointer, rule)]


def test_prices_that_meet_and_patterns_that_hide_each_other_are_taken() -> None:
    entries = [ONE | {"to": "2025-01-02"}, ONE | {"from": "2025-01-02"}, ONE | {"model": "m*"}, ONE | {"model": "*"}]
    assert len(read(entries)) == 4
