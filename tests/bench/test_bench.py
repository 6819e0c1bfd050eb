"""The pure parts of the bench: the events it sends, how it measures, what it compares. No figures here."""

import asyncio
import json
import sys
from datetime import UTC, datetime, timedelta
from importlib import resources
from itertools import islice
from pathlib import Path

import jsonschema_rs
import pytest
from fastapi import HTTPException

ROOT = Path(__file__).resolve().parents[2]
# NOTE: the bench is no part of the installed package; it lies at the root and is found from there.
sys.path.insert(0, str(ROOT))

from bench.__main__ import parser  # noqa: E402
from bench.engine import blocks  # noqa: E402

from bench import checks, events, layout, load, record, reports, rival, rubbish  # noqa: E402

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
SCHEMAS = resources.files("auricle.schemas")


def test_the_same_seed_gives_the_same_stream() -> None:
    assert list(events.recent(500, seed=3, now=NOW)) == list(events.recent(500, seed=3, now=NOW))
    assert list(events.recent(500, seed=3, now=NOW)) != list(events.recent(500, seed=4, now=NOW))


def test_a_stream_is_in_order_and_its_ids_are_its_own() -> None:
    made = list(events.recent(5_000, seed=1, now=NOW))
    times = [event["occurred_at"] for event in made]
    assert (len(made), len({event["event_id"] for event in made})) == (5_000, 5_000)
    assert times == sorted(times)
    assert (times[0], times[-1] < NOW.isoformat()) == ("2026-06-01T11:00:00.000000Z", True)


def test_every_event_passes_the_built_in_schemas() -> None:
    validators = {
        name: jsonschema_rs.validator_for(json.loads(SCHEMAS.joinpath(f"{name}.json").read_text()))
        for name in {event["event_name"] for event in events.recent(20_000, seed=2, now=NOW)}
    }
    broken = {
        (event["event_name"], fault.message)
        for event in events.recent(20_000, seed=2, now=NOW)
        for fault in validators[event["event_name"]].iter_errors(event["attributes"])
    }
    assert broken == set()
    assert len(validators) == 25


def test_batches_hold_every_event_once() -> None:
    bodies = events.batch_bodies(events.recent(250, seed=1, now=NOW))
    assert [len(json.loads(body)["events"]) for body in bodies] == [100, 100, 50]
    sent = [event for body in bodies for event in json.loads(body)["events"]]
    assert sent == list(events.recent(250, seed=1, now=NOW))


def test_ndjson_bodies_keep_their_size_and_every_event() -> None:
    bodies = events.ndjson_bodies(events.recent(1_000, seed=1, now=NOW), size=100_000)
    assert all(len(body) <= 100_000 for body, _ in bodies)
    assert [body.count(b"\n") for body, _ in bodies] == [count for _, count in bodies]
    sent = [json.loads(line) for body, _ in bodies for line in body.splitlines()]
    assert sent == list(events.recent(1_000, seed=1, now=NOW))


def test_the_rival_gets_the_same_facts() -> None:
    for body, event in zip(
        events.rival_single_bodies(events.recent(50, seed=1, now=NOW)),
        events.recent(50, seed=1, now=NOW),
        strict=True,
    ):
        (sent,) = [rival.EventIn(**told) for told in json.loads(body)]
        assert (sent.ts.isoformat()[:19], sent.type, sent.src) == (
            event["occurred_at"][:19],
            event["event_name"],
            event["source"],
        )
        assert sent.payload == {
            **event["attributes"],
            "session_id": event["session_id"],
            "context": event["context"],
        }


def test_the_rival_checks_its_token() -> None:
    assert rival.get_current_user(f"Bearer {rival.token()}")["sub"] == "bench"
    with pytest.raises(HTTPException):
        rival.get_current_user(f"Bearer {rival.token()[:-4]}AAAA")


def test_rows_come_in_blocks_with_a_value_for_every_column() -> None:
    made = list(blocks((events.compact_row(event) for event in events.recent(25, seed=1, now=NOW)), 10))
    rows = [json.loads(b"[" + block + b"]") for block in made]
    assert [len(block) for block in rows] == [10, 10, 5]
    assert {len(row) for block in rows for row in block} == {len(layout.COLUMNS.split(", "))}


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        pytest.param([], None, id="none"),
        pytest.param([0.002], load.Percentiles(2.0, 2.0, 2.0, 2.0, 2.0), id="one"),
        pytest.param(
            [n / 1000 for n in range(100, 0, -1)], load.Percentiles(50.0, 90.0, 95.0, 99.0, 100.0), id="a hundred"
        ),
        pytest.param([n / 1000 for n in range(1, 11)], load.Percentiles(5.0, 9.0, 10.0, 10.0, 10.0), id="ten"),
    ],
)
def test_percentiles_are_nearest_rank(seconds: list[float], expected: load.Percentiles | None) -> None:
    assert load.percentiles(seconds) == expected


class Door:
    """A server that answers every POST, refuses every `refuse`th and is silent for a while after `stall_after`."""

    def __init__(self, refuse: int = 0, stall_after: int = 0, stall: float = 0.0) -> None:
        self.refuse, self.stall_after, self.stall = refuse, stall_after, stall
        self.bodies: list[bytes] = []
        self.until = 0.0
        self.tasks: set[asyncio.Task[None] | None] = set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.tasks.add(asyncio.current_task())
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
                self.bodies.append(await reader.readexactly(length))
                now = asyncio.get_running_loop().time()
                if len(self.bodies) == self.stall_after:
                    self.until = now + self.stall
                if now < self.until:
                    await asyncio.sleep(self.until - now)
                refused = self.refuse and len(self.bodies) % self.refuse == 0
                line, body = ("429 Too Many Requests", b'{"no":1}') if refused else ("202 Accepted", b"{}")
                writer.write(f"HTTP/1.1 {line}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
        except asyncio.IncompleteReadError:
            writer.close()
            await writer.wait_closed()


def drive(door: Door, requests: list[bytes], **options: object) -> load.Load:
    """Runs a plan against the door on one loop."""

    async def both() -> load.Load:
        server = await asyncio.start_server(door.serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        plan = {"connections": 4, "seconds": 10.0, **options}
        found = await load.drive(load.Plan("127.0.0.1", port, requests, **plan))  # type: ignore[arg-type]
        server.close()
        await asyncio.gather(*(task for task in door.tasks if task))
        return found

    return asyncio.run(both())


def _requests(count: int) -> list[bytes]:
    return [load.request("/x", str(n).encode(), {"X-API-Key": "k"}) for n in range(count)]


def test_the_closed_loop_sends_each_request_once() -> None:
    door = Door()
    found = drive(door, _requests(300), events=[7] * 300)
    assert sorted(map(int, door.bodies)) == list(range(300))
    assert (found.sent, found.accepted, found.events, found.statuses, found.unanswered) == (
        300,
        300,
        2100,
        {202: 300},
        0,
    )


def test_refusals_are_told_apart() -> None:
    found = drive(Door(refuse=3), _requests(30))
    assert (found.statuses, found.accepted, found.events) == ({202: 20, 429: 10}, 20, 20)
    assert found.first_refusal is not None
    assert found.first_refusal.endswith('{"no":1}')


def test_a_stall_is_felt_by_every_request_that_was_due_meanwhile() -> None:
    """At 200 a second a stall of 0.3 s is due to delay some 60 requests of 100, though only 4 can be under way."""
    found = drive(Door(stall_after=20, stall=0.3), _requests(100), rate=200.0, seconds=1.0)
    assert (found.sent, found.accepted, found.unanswered) == (100, 100, 0)
    assert found.latency is not None
    assert found.latency.p50 > 20
    assert found.latency.max >= 290


@pytest.mark.parametrize("chosen", [pytest.param(each, id=each.letter) for each in layout.LAYOUTS])
def test_a_layout_changes_the_attributes_and_nothing_else(chosen: layout.Layout) -> None:
    mine = layout.ddl(chosen, "t").removesuffix(chosen.settings).splitlines()
    ours = layout.plain_ddl("t").splitlines()
    differing = [line.split()[0] for line, own in zip(mine, ours, strict=True) if line.split() != own.split()]
    assert differing == ([] if chosen.letter == "a" else ["attributes"])
    assert len(set(layout.queries(chosen, "t").values())) == 5


@pytest.mark.parametrize(
    ("cell", "shown"),
    [
        pytest.param(None, "-", id="nothing"),
        pytest.param(True, "yes", id="yes"),
        pytest.param(False, "NO", id="no"),
        pytest.param(1234567, "1,234,567", id="a count"),
        pytest.param(34512.6, "34,513", id="a large figure"),
        pytest.param(12.34, "12.3", id="a figure"),
        pytest.param(0.567, "0.57", id="a small figure"),
        pytest.param("x", "x", id="a text"),
    ],
)
def test_cells(cell: object, shown: str) -> None:
    assert record.text(cell) == shown


def test_every_report_is_asked_once_in_every_range() -> None:
    asked = [(question.name, question.span) for question in reports.questions()]
    assert len(asked) == len(set(asked))
    every = {"timeseries", "funnel", "active", "top", "retention", "sessions", "paths", "interactions"}
    assert {question.report for question in reports.questions()} == every
    assert {question.span for question in reports.questions()} == {"day", "7 d", "90 d"}


def test_the_commands() -> None:
    given = parser().parse_args(["reports", "--rows", "1_000_000,10", "--repeats", "3"])
    assert (given.command, given.rows, given.repeats, given.data) == ("reports", (1_000_000, 10), 3, None)


def test_the_head_of_a_run_names_machine_and_versions() -> None:
    on = record.machine()
    assert on["cores"] >= 1
    assert {"auricle", "chdb-core", "sqlalchemy"} <= set(on["versions"])


def test_a_stream_never_ends() -> None:
    made = events.stream(seed=1, start=NOW, step=timedelta(seconds=1), open_sessions=2)
    assert len(list(islice(made, 2_000))) == 2_000


def test_pages_as_browsers_send_them_pass_like_the_others() -> None:
    made = list(checks.with_urls(events.recent(500, seed=3, now=NOW)))
    pages = [event["context"]["page"]["url"] for event in made if "page" in event["context"]]
    assert pages
    assert all(page.startswith("https://") and page.count("https://") == 1 for page in pages)


def test_the_steps_are_timed_with_and_without() -> None:
    bodies = events.batch_bodies(events.recent(100, seed=3))
    on, off = (checks.steps_of(bodies, checks.Registry.load(), sanitise=sanitise) for sanitise in (True, False))
    assert list(on) == list(off)
    assert on["redact_content"] > off["redact_content"]


def test_rates_are_compared_within_their_round() -> None:
    assert checks.share([9.0, 80.0, 7.0], [10.0, 100.0, 7.0]) == 0.9


def test_rubbish_is_refused_and_kept_where_there_is_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rubbish, "REPEATS", 2)
    rows = rubbish.show_keeping()
    assert [name for name, _ in rows] == ["refusing it", "kept", "no room, a note", "no room, no note"]
    assert all(cost > 0 for _, cost in rows)
