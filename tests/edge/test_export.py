"""Exports of the real service: each format read back by somebody else's reader, and whose events are in it."""

import csv
import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pyarrow.parquet
import pytest

from auricle.edge.workbook import LONGEST_CELL, write_workbook
from auricle.model.principal import Kind
from auricle.report.export import COLUMNS
from running import Service, ago, event

OURS, THEIRS = "/api/v1/analytics/exports/events", "/api/analytics/reports/events"
NASTY = ("=1+1", "+1", "-1", "@SUM(A1)", "\t=1", 'quo"te,comma', "line\nbreak", "plain", "ünï")


@pytest.fixture
def told(service: Service, tenant: str) -> list[dict[str, Any]]:
    """Events of the tenant, in order of time; the last is test traffic, and somebody else has one too."""
    events = [
        event(occurred_at=ago(minutes=60 - place), session_id=f"s{place}", site_id=text, attributes={"page": text})
        for place, text in enumerate(NASTY)
    ]
    events.append(
        event(event_name="acme.lamp.lit", source="test", occurred_at=ago(minutes=1), attributes={"a": {"b": [1, None]}})
    )
    assert service.send(tenant, events).status == 202
    assert service.send("somebody-else", [event(site_id="secret-of-another")]).status == 202
    service.drained(tenant)
    service.drained("somebody-else")
    return events


def export(service: Service, tenant: str, query: str, path: str = OURS) -> bytes:
    answer = service.client.get(f"{service.url}{path}?{query}", headers={"X-API-Key": service.key(tenant, Kind.READ)})
    assert answer.status_code == 200, answer.text
    assert "attachment" in answer.headers["content-disposition"]
    return answer.content


def sheets(content: bytes) -> list[list[list[str]]]:
    """Every sheet's rows, read from the XML itself; and there is no formula anywhere."""
    space = {"m": "http://schemas.openxmlformats.org/spreadsheetml/2006/main"}
    found = []
    with zipfile.ZipFile(io.BytesIO(content)) as book:
        for name in sorted(name for name in book.namelist() if name.startswith("xl/worksheets/sheet")):
            root = ElementTree.fromstring(book.read(name))
            assert root.findall(".//m:f", space) == []
            rows = root.findall(".//m:row", space)
            found.append([["".join(cell.itertext()) for cell in row.findall("m:c", space)] for row in rows])
    return found


@pytest.mark.parametrize("path", [OURS, THEIRS])
def test_csv_holds_every_event_in_order_and_no_formula(
    service: Service, tenant: str, told: list[dict[str, Any]], path: str
) -> None:
    rows = list(
        csv.DictReader(io.StringIO(export(service, tenant, "format=csv&period=24h", path).decode(), newline=""))
    )
    assert tuple(rows[0]) == COLUMNS
    assert [row["event_id"] for row in rows] == [one["event_id"] for one in told]
    risky = NASTY[:5]
    sites = [("'" if text in risky else "") + text for text in NASTY]
    assert [row["site_id"] for row in rows[:-1]] == sites
    assert not any(value.startswith(tuple("=+-@\t\r\n")) for row in rows for value in row.values())
    assert json.loads(rows[-1]["attributes"]) == {"a": {"b": [1, None]}}


def test_json_lines_are_whole_events(service: Service, tenant: str, told: list[dict[str, Any]]) -> None:
    lines = [json.loads(line) for line in export(service, tenant, "format=jsonl&period=24h").splitlines()]
    assert [tuple(line) for line in lines] == [COLUMNS] * len(told)
    assert [(line["event_id"], line["attributes"]) for line in lines] == [
        (one["event_id"], one["attributes"]) for one in told
    ]
    assert lines[-1]["site_id"] is None
    assert lines[0]["occurred_at"] == told[0]["occurred_at"].replace("+00:00", "Z")


def test_parquet(service: Service, tenant: str, told: list[dict[str, Any]]) -> None:
    table = pyarrow.parquet.read_table(io.BytesIO(export(service, tenant, "format=parquet&period=24h")))
    assert tuple(table.column_names) == COLUMNS
    rows = table.to_pylist()
    ids = [row["event_id"] if isinstance(row["event_id"], str) else row["event_id"].decode() for row in rows]
    assert ids == [one["event_id"] for one in told]


def test_xlsx(service: Service, tenant: str, told: list[dict[str, Any]]) -> None:
    (rows,) = sheets(export(service, tenant, "format=xlsx&period=24h"))
    assert len(rows) == len(told) + 1


def test_it_can_be_narrowed(service: Service, tenant: str, told: list[dict[str, Any]]) -> None:
    named = export(service, tenant, "format=jsonl&period=24h&event_name=acme.lamp.lit").splitlines()
    plain = export(service, tenant, "format=jsonl&period=24h&include_test=false").splitlines()
    filters = 'filters=[{"field":"session_id","op":"in","value":["s1","s2"]}]'
    filtered = export(service, tenant, f"format=jsonl&period=24h&{filters}").splitlines()
    nothing = export(service, tenant, "format=csv&from=2020-01-01T00:00:00Z&to=2020-01-02T00:00:00Z").splitlines()
    assert (len(named), len(plain), len(filtered), len(nothing)) == (1, len(told) - 1, 2, 1)


@pytest.mark.parametrize("form", ["csv", "jsonl", "xlsx", "parquet"])
def test_nobody_else_gets_it(service: Service, tenant: str, told: list[dict[str, Any]], form: str) -> None:
    path = f"{OURS}?format={form}&period=24h"
    assert service.ask("GET", path).status == 401
    assert service.ask("GET", path, key=service.key(tenant)).status == 403  # a key for events alone
    for other in ("somebody-else", tenant):
        content = export(service, other, f"format={form}&period=24h")
        if form == "xlsx":
            content = str(sheets(content)).encode()
        assert (b"secret-of-another" in content) is (other == "somebody-else")


def test_it_is_in_the_audit_log(service: Service, tenant: str, told: list[dict[str, Any]]) -> None:
    export(service, tenant, "format=csv&period=24h")
    audit = service.ask("GET", "/api/v1/analytics/admin/audit?action=export.read", key=service.key(tenant, Kind.ADMIN))
    (entry,) = audit.body["entries"]
    assert (entry["target"], entry["detail"]["format"]) == ("events", "csv")


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ("format=pdf", "/format"),
        ("period=soon", "/period"),
        ("from=2025-09-02T00:00:00Z&to=2025-09-01T00:00:00Z", "/from"),
        ("breakdown=site_id", "/breakdown"),
        ("filters=[", "/filters"),
    ],
)
def test_a_wrong_question_is_told(service: Service, tenant: str, query: str, pointer: str) -> None:
    answer = service.ask("GET", f"{OURS}?{query}", key=service.key(tenant, Kind.READ))
    assert (answer.status, [each["pointer"] for each in answer.body["errors"]]) == (422, [pointer])


def test_a_sheet_that_is_full_goes_on_in_the_next(tmp_path: Path) -> None:
    def rows() -> Iterator[list[str]]:
        for number in range(7):
            yield [str(number), "x" * (LONGEST_CELL + number - 3)]

    path = tmp_path / "book.xlsx"
    assert write_workbook(path, ("n", "text"), rows(), most=4) == 7
    found = sheets(path.read_bytes())
    assert [[row[0] for row in sheet] for sheet in found] == [["n", "0", "1", "2"], ["n", "3", "4", "5"], ["n", "6"]]
    assert [len(row[1]) for sheet in found for row in sheet[1:]] == [LONGEST_CELL - 3 + n for n in range(4)] + [
        LONGEST_CELL
    ] * 3
    write_workbook(path, ("n",), [])
    assert sheets(path.read_bytes()) == [[["n"]]]
