"""`auricle import`: files through the door of a service that runs."""

import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest

from auricle.cli.load import Tally
from auricle.settings import Settings
from auricle.store.control import ControlStore

Run = Callable[..., Any]
COUNTS = ("stored", "duplicates", "rejected", "dropped", "malformed")
OLD = "2015-05-17T10:05:03Z"


def counts(ran: Any) -> tuple[int, ...]:
    told = orjson.loads(ran.out)
    return tuple(told[name] for name in COUNTS)


def jsonl(path: Path, *events: dict[str, Any]) -> Path:
    path.write_bytes(b"".join(orjson.dumps(event) + b"\n" for event in events))
    return path


def page_view(**changes: Any) -> dict[str, Any]:
    return {"event_name": "page_view", "occurred_at": OLD, "source": "web", "attributes": {"page": "/"}, **changes}


def test_importing_twice_changes_nothing(run: Run, service: Path, tmp_path: Path) -> None:
    file = jsonl(
        tmp_path / "events.jsonl", *(page_view(session_id=f"s{number}") for number in range(1234)), page_view()
    )
    arguments = ("import", file, "--format", "jsonl", "--tenant", "load-twice", "--data", service, "--json")

    first, second = run(*arguments), run(*arguments)

    assert (first.code, counts(first)) == (0, (1235, 0, 0, 0, 0))
    assert (second.code, counts(second)) == (0, (0, 1235, 0, 0, 0))


def test_what_is_wrong_is_told_with_its_line_and_costs_the_others_nothing(
    run: Run, service: Path, tmp_path: Path
) -> None:
    file = jsonl(tmp_path / "events.jsonl", page_view(), page_view(event_name="Not A Name"), page_view(user_id="u"))
    file.write_bytes(file.read_bytes() + b"{broken\n")

    ran = run("import", file, "--format", "jsonl", "--tenant", "load-wrong", "--data", service, "--json")

    reasons = orjson.loads(ran.out)["reasons"]
    assert (ran.code, counts(ran)) == (0, (2, 0, 1, 0, 1))
    assert [reason.split(":")[0] for reason in reasons] == ["line 4", "line 2"]
    assert "/event_name" in reasons[1]
    assert "Not A Name" not in ran.out


@pytest.mark.parametrize(
    ("good", "bad", "option", "code"),
    [
        pytest.param(3, 2, (), 0, id="some are wrong"),
        pytest.param(0, 2, (), 1, id="all are wrong"),
        pytest.param(3, 2, ("--max-errors", "2"), 0, id="as many as allowed"),
        pytest.param(3, 2, ("--max-errors", "1"), 1, id="more than allowed"),
        pytest.param(0, 0, ("--max-errors", "0"), 0, id="an empty file"),
    ],
)
def test_exit_codes(
    run: Run, service: Path, tmp_path: Path, good: int, bad: int, option: tuple[str, ...], code: int
) -> None:
    events = [page_view()] * good + [page_view(source="nowhere")] * bad
    file = jsonl(tmp_path / "events.jsonl", *events)

    ran = run("import", file, "--format", "jsonl", "--tenant", "load-exit", "--data", service, "--json", *option)

    assert ran.code == code


def test_csv_with_a_map_and_gzip(run: Run, service: Path, tmp_path: Path) -> None:
    file = tmp_path / "sales"
    file.write_bytes(gzip.compress(b"when;sku;price\n2026-01-02 03:04:05;007;2.50\n2026-01-02;008;x\n"))
    mapped = "occurred_at=when,attributes.commerce.product_id=sku,attributes.commerce.price=price"
    options = ("--event-name", "commerce.view", "--delimiter", ";", "--text", "sku", "--map", mapped)

    ran = run("import", file, "--format", "csv", "--tenant", "load-csv", "--data", service, "--json", *options)

    assert (ran.code, counts(ran)) == (0, (1, 0, 1, 0, 0))


def test_an_access_log(run: Run, service: Path, tmp_path: Path) -> None:
    file = tmp_path / "access.log"
    line = '203.0.113.9 - - [17/May/2015:10:05:03 +0000] "GET / HTTP/1.1" 200 12 "-" "curl/8"\n'
    file.write_text(line + line + "nonsense\n")

    ran = run("import", file, "--format", "access-log", "--tenant", "load-log", "--data", service)

    assert ran.code == 0
    assert ran.out.split()[:2] == ["Imported", "access.log"]
    assert ran.out.split()[-7:-2] == ["2", "0", "0", "0", "1"]
    assert "line 3: not in the common or combined format" in ran.err


def test_broken_gzip_keeps_what_came_before(run: Run, service: Path, tmp_path: Path) -> None:
    whole = gzip.compress(b"".join(orjson.dumps(page_view(user_id=str(n))) + b"\n" for n in range(5000)), 0)
    file = tmp_path / "events.gz"
    file.write_bytes(whole[: len(whole) // 2])

    ran = run("import", file, "--format", "jsonl", "--tenant", "load-gzip", "--data", service)

    assert ran.code == 1
    assert "is broken gzip: 2,50" in ran.err


@pytest.mark.parametrize(
    ("options", "told"),
    [
        pytest.param(("--format", "access-log"), "access logs need --tenant", id="log without tenant"),
        pytest.param(("--format", "csv", "--map", "x"), "--map: 'x' is not of the form", id="map"),
        pytest.param(("--format", "csv", "--delimiter", "ab"), "--delimiter takes one character", id="delimiter"),
        pytest.param(("--format", "csv", "--tenant", "load-use"), "no column tells the time", id="header"),
    ],
)
def test_wrong_use(run: Run, service: Path, tmp_path: Path, options: tuple[str, ...], told: str) -> None:
    file = tmp_path / "file"
    file.write_text("a,b\n1,2\n")

    ran = run("import", file, "--data", service, *options)

    assert (ran.code, told in ran.err) == (2, True)


def test_a_batch_never_passes_the_limits_of_the_door(run: Run, service: Path, tmp_path: Path) -> None:
    large = [page_view(user_id=str(n), attributes={"page": "x" * 60_000}) for n in range(20)]
    too_large = page_view(attributes={"page": "x" * 700_000})
    file = jsonl(tmp_path / "events.jsonl", *large, too_large, page_view())

    ran = run("import", file, "--format", "jsonl", "--tenant", "load-size", "--data", service, "--json")

    assert (ran.code, counts(ran)) == (0, (21, 0, 1, 0, 0))


def test_the_keys_of_commands_are_revoked(run: Run, service: Path, tmp_path: Path) -> None:
    run("import", jsonl(tmp_path / "f", page_view()), "--format", "jsonl", "--tenant", "load-key", "--data", service)

    store = ControlStore.open(Settings(data=service))
    (key,) = store.list_keys("load-key")
    store.close()
    assert (key.label, key.revoked_at is not None) == ("auricle command", True)


def test_tally() -> None:
    tally = Tally(stored=3, duplicates=2, rejected=1, dropped=1, malformed=4)
    for line in range(9):
        tally.fault(line, "why")

    assert (tally.faulty, tally.taken, tally.reasons) == (5, 6, [f"line {line}: why" for line in range(5)])
