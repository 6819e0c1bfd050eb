"""Real input: 10,000 web requests and 964 dialogues through the real doors; every report against counts from files."""

import gzip
import importlib.util
import json
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from types import ModuleType
from typing import Any

import pytest

from acceptance.ledger import Entry, Ledger, Value, mean, percentile, share, tidy, written
from service import ROOT, Client, Service, environment, folder, run, serving

DATA = next((place / "shared/data" for place in ROOT.parents if (place / "shared/data").is_dir()), None)
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(DATA is None, reason="no folder shared/data beside the repository: the real input is not here"),
]
NOW = datetime(2025, 10, 26, 12, tzinfo=UTC)
"""The dialogues are replayed in the 24 hours before; the clocks of Berlin go back within them."""


@pytest.fixture(scope="module")
def filled() -> Iterator[Service]:
    """The service with both inputs in it, each told twice. Kept to the letter: sanitising cuts referrers."""
    with folder() as data, serving(data, AURICLE_SANITISE="off") as service:
        for times in (1, 2):
            for tenant, counts in (("web", _import_log(service)), ("sgd", _replay(service))):
                size = sum(counts.values())
                first = {"stored": size, "duplicates": 0} if times == 1 else {"stored": 0, "duplicates": size}
                assert counts == {**first, "rejected": 0, "dropped": 0}, (tenant, times)
        yield service


def _import_log(service: Service) -> dict[str, int]:
    options = ("--format", "access-log", "--tenant", "web", "--data", service.data, "--json")
    done = run("import", DATA / "web/apache_logs.gz", *options)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["malformed"] == 0
    return {name: told[name] for name in ("stored", "duplicates", "rejected", "dropped")}


def _replay(service: Service) -> dict[str, int]:
    url = "http://{}:{}".format(*service.address)
    options = ["--url", url, "--key", service.key("sgd"), "--now", NOW.isoformat()]
    command = [sys.executable, str(ROOT / "examples/replay_dialogues.py"), str(DATA / "sgd"), *options]
    done = subprocess.run(command, env=environment(), capture_output=True, timeout=180, check=True)
    told = json.loads(done.stdout)
    assert told.pop("dialogues") == 964
    return {"stored": told.pop("accepted"), **told}


def test_every_event_is_counted_once(filled: Service) -> None:
    nothing = {"rejected": 0, "dropped": 0, "waiting": 0}
    for tenant, size in (("web", 10_000), ("sgd", len(_replayed().entries))):
        assert filled.drained(tenant) == {"received": 2 * size, "stored": size, "duplicate": size, **nothing}


# ── the web requests ──────────────────────────────────────────────────────────────────────────────────────────────────

LINE = re.compile(r'(\S+) \S+ \S+ \[([^]]+)\] "(\S+) (.*?)(?: HTTP/[\d.]+)?" (\d+) (\S+) "(.*?)" "(.*?)"?$')
STATUS, METHOD, PATH = "http.response.status_code", "http.request.method", "url.path"


@pytest.fixture(scope="module")
def requests() -> Ledger:
    """The log, read once more, by a reader of this test's own."""
    entries = []
    for line in gzip.decompress((DATA / "web/apache_logs.gz").read_bytes()).decode().splitlines():
        match = LINE.match(line)
        assert match is not None, line
        host, at, method, target, status, size, referrer, agent = match.groups()
        fields = {METHOD: method, PATH: re.split(r"[?#]", target)[0], STATUS: status, "event_name": "http.request"}
        fields |= {"http.response.size_bytes": size} if size != "-" else {}
        fields |= {"user_agent.original": agent} if agent != "-" else {}
        fields |= {"context.page.referrer": referrer} if referrer != "-" else {}
        moment = datetime.strptime(at, "%d/%b/%Y:%H:%M:%S %z").astimezone(UTC)
        entries.append(Entry("http.request", moment, f"{host} {agent}", fields=fields))
    assert len(entries) == 10_000
    return Ledger(entries, datetime(2015, 3, 1, 7, 30, tzinfo=UTC), datetime(2015, 6, 10, 21, 10, tzinfo=UTC))


def _span(ledger: Ledger) -> dict[str, str]:
    return {"from_": written(ledger.start), "to": written(ledger.end)}


def _sessions(entries: Any) -> int:
    return len({entry.session for entry in entries if entry.session})


def _errors(entries: Any) -> float | None:
    return share(sum(entry.number(STATUS) >= 500 for entry in entries), len(entries))


@pytest.mark.parametrize(
    ("grain", "zone"),
    [
        ("1h", "UTC"),
        ("1h", "Asia/Kolkata"),
        ("1d", "UTC"),
        ("1d", "America/New_York"),
        ("1d", "Pacific/Auckland"),
        ("1w", "Europe/Berlin"),
        ("1mo", "America/New_York"),
        ("1mo", "Asia/Tokyo"),
    ],
)
@pytest.mark.parametrize(
    ("metric", "value"),
    [
        pytest.param("events.count", len, id="events.count"),
        pytest.param("requests.count", len, id="requests.count"),
        pytest.param("sessions.count", _sessions, id="sessions.count"),
        pytest.param("users.count", lambda _: 0, id="users.count"),
        pytest.param("system.error_rate", _errors, id="system.error_rate"),
        pytest.param("requests.duration_ms.p95", lambda _: None, id="requests.duration_ms.p95"),
        pytest.param("tokens.sum", lambda _: 0, id="tokens.sum"),
    ],
)
def test_web_timeseries(filled: Service, requests: Ledger, metric: str, value: Value, grain: str, zone: str) -> None:
    told = filled.of("web").report("timeseries", **_span(requests), metric=metric, grain=grain, tz=zone)
    assert tidy(told) == tidy({"metric": metric, "grain": grain, "points": requests.points(value, grain, zone)})


@pytest.mark.parametrize("grain", ["1m", "5m", "15m"])
def test_web_timeseries_of_fine_grain(filled: Service, requests: Ledger, grain: str) -> None:
    day = Ledger(requests.entries, datetime(2015, 5, 18, 3, 7, tzinfo=UTC), datetime(2015, 5, 20, 3, 7, 30, tzinfo=UTC))
    asked = {"metric": "requests.count", "grain": grain, "tz": "Asia/Kathmandu"}
    told = filled.of("web").report("timeseries", **_span(day), **asked)
    points = day.points(len, grain, "Asia/Kathmandu")
    assert told == {"metric": "requests.count", "grain": grain, "points": points}


FILTERS: list[Any] = [
    pytest.param([(STATUS, "gte", 400)], lambda e: e.number(STATUS) >= 400, id="gte"),
    pytest.param([(STATUS, "lt", 300)], lambda e: e.number(STATUS) < 300, id="lt"),
    pytest.param([(STATUS, "eq", 404)], lambda e: e.fields[STATUS] == "404", id="eq number"),
    pytest.param([(METHOD, "neq", "GET")], lambda e: e.fields[METHOD] != "GET", id="neq"),
    pytest.param([(METHOD, "in", ["POST", "HEAD"])], lambda e: e.fields[METHOD] in ("POST", "HEAD"), id="in"),
    pytest.param([(STATUS, "not_in", [200, 304])], lambda e: e.fields[STATUS] not in ("200", "304"), id="not in"),
    pytest.param([(PATH, "contains", "/blog/")], lambda e: "/blog/" in e.fields[PATH], id="contains"),
    pytest.param(
        [("context.page.referrer", "exists", None)], lambda e: "context.page.referrer" in e.fields, id="exists"
    ),
    pytest.param(
        [("user_agent.original", "exists", False)], lambda e: "user_agent.original" not in e.fields, id="exists not"
    ),
    pytest.param(
        [("http.response.size_bytes", "gt", 100_000), (PATH, "contains", ".png")],
        lambda e: e.number("http.response.size_bytes") > 100_000 and ".png" in e.fields[PATH],
        id="two",
    ),
    pytest.param(
        [("occurred_at", "lte", "2015-05-18T12:00:00Z")],
        lambda e: e.at <= datetime(2015, 5, 18, 12, tzinfo=UTC),
        id="time",
    ),
]


@pytest.mark.parametrize(("filters", "wanted"), FILTERS)
def test_web_filters(filled: Service, requests: Ledger, filters: Any, wanted: Callable[[Entry], bool]) -> None:
    asked = [{"field": name, "op": op, "value": value} for name, op, value in filters]
    client, span, kept = filled.of("web"), _span(requests), requests.only(wanted)
    counted = client.report("timeseries", **span, metric="events.count", grain="1d", filters=asked)
    visited = client.report("timeseries", **span, metric="sessions.count", grain="1mo", filters=asked)
    listed = client.report("top", **span, field=PATH, limit=5, filters=asked)
    assert 0 < len(kept.entries) < 10_000
    assert (counted["points"], visited["points"], listed) == (
        kept.points(len, "1d", "UTC"),
        kept.points(_sessions, "1mo", "UTC"),
        kept.top(PATH, 5),
    )


@pytest.mark.parametrize("name", [STATUS, METHOD, PATH, "context.page.referrer", "user_agent.original"])
def test_web_breakdowns(filled: Service, requests: Ledger, name: str) -> None:
    client, span = filled.of("web"), _span(requests)
    asked = {"metric": "events.count", "grain": "1w", "tz": "Europe/Berlin", "breakdown": name}
    counted = client.report("timeseries", **span, **asked)["series"]
    failed = client.report("timeseries", **span, metric="system.error_rate", grain="1mo", breakdown=name)["series"]
    listed = client.report("top", **span, field=PATH, limit=3, breakdown=name)["series"]
    slices = requests.slices(name)
    assert counted == [{"key": key, "points": part.points(len, "1w", "Europe/Berlin")} for key, part in slices]
    assert tidy(failed) == tidy([{"key": key, "points": part.points(_errors, "1mo", "UTC")} for key, part in slices])
    assert listed == [{"key": key, **part.top(PATH, 3)} for key, part in slices]


@pytest.mark.parametrize("fold", [False, True])
@pytest.mark.parametrize("name", [PATH, STATUS, METHOD, "user_agent.original", "context.page.referrer"])
def test_web_top(filled: Service, requests: Ledger, name: str, fold: bool) -> None:
    told = filled.of("web").report("top", **_span(requests), field=name, limit=40, fold=fold)
    assert told == requests.top(name, 40, fold)


def test_web_previous_period(filled: Service, requests: Ledger) -> None:
    day, hours = datetime(2015, 5, 19, tzinfo=UTC), timedelta(hours=24)
    here, before = (Ledger(requests.entries, start, start + hours) for start in (day, day - hours))
    asked = {"metric": "requests.count", "grain": "1h", "compare": "previous_period"}
    told = filled.of("web").report("timeseries", **_span(here), **asked)
    head = {"metric": "requests.count", "grain": "1h"}
    earlier = {**head, "points": before.points(len, "1h", "UTC")}
    assert told == {**head, "points": here.points(len, "1h", "UTC"), "previous": earlier}


@pytest.mark.parametrize("zone", ["UTC", "Asia/Kolkata", "America/Los_Angeles"])
def test_web_active(filled: Service, requests: Ledger, zone: str) -> None:
    week = Ledger(requests.entries, datetime(2015, 5, 18, tzinfo=UTC), datetime(2015, 6, 24, 5, tzinfo=UTC))
    told = filled.of("web").report("active", **_span(week), tz=zone)
    assert tidy(told) == tidy({"days": week.active(zone)})


@pytest.mark.parametrize("window", [60, 600, 86_400])
@pytest.mark.parametrize("by", ["user", "session"])
def test_web_funnel(filled: Service, requests: Ledger, window: int, by: str) -> None:
    def step(op: str, value: str) -> dict[str, Any]:
        return {"event": "http.request", "filters": [{"field": PATH, "op": op, "value": value}]}

    steps = [step("eq", "/"), step("contains", ".css"), step("contains", "/images/")]
    tests: list[Callable[[Entry], bool]] = [
        lambda e: e.fields[PATH] == "/",
        lambda e: ".css" in e.fields[PATH],
        lambda e: "/images/" in e.fields[PATH],
    ]
    assert not any(tests[1](entry) and tests[2](entry) for entry in requests.entries)
    told = filled.of("web").report("funnel", **_span(requests), steps=steps, window=window, by=by)
    wanted = requests.funnel([("http.request", test) for test in tests], window, by)
    assert wanted[2]["count"] > 0
    assert tidy(told) == tidy({"steps": wanted})


# ── the dialogues, from the structure of their own files ──────────────────────────────────────────────────────────────

MONTH = {"from_": "2025-10-01T00:00:00Z", "to": "2025-11-01T00:00:00Z"}
Call = tuple[str, str, bool, bool]
"""Service, method, whether it changes the world, whether it has results."""


def _read(name: str) -> Any:
    return [
        each for path in sorted((DATA / "sgd").glob(name)) for each in json.loads(gzip.decompress(path.read_bytes()))
    ]


@pytest.fixture(scope="module")
def dialogues() -> list[dict[str, Any]]:
    found = _read("dialogues_*.json.gz")
    assert all(turn["speaker"] == ("USER", "SYSTEM")[n % 2] for one in found for n, turn in enumerate(one["turns"]))
    return list(found)


@pytest.fixture(scope="module")
def calls(dialogues: list[dict[str, Any]]) -> list[list[Call]]:
    """The calls of each dialogue."""
    kinds = {
        (one["service_name"], each["name"]): each["is_transactional"]
        for one in _read("schema*")
        for each in one["intents"]
    }
    return [
        [
            (frame["service"], method, kinds[frame["service"], method], bool(frame["service_results"]))
            for turn in dialogue["turns"]
            for frame in turn["frames"]
            if "service_call" in frame
            for method in [frame["service_call"]["method"]]
        ]
        for dialogue in dialogues
    ]


def _answers(dialogues: list[dict[str, Any]]) -> list[tuple[str, str]]:
    """Every question with its answer."""
    return [
        (asked["utterance"], answered["utterance"])
        for dialogue in dialogues
        for asked, answered in zip(dialogue["turns"][::2], dialogue["turns"][1::2], strict=False)
    ]


def test_dialogue_names(filled: Service, dialogues: list[dict[str, Any]], calls: list[list[Call]]) -> None:
    answered, made = len(_answers(dialogues)), [call for each in calls for call in each]
    counts = {
        **dict.fromkeys(("voice.turn_started", "voice.query", "voice.first_response", "voice.outcome"), answered),
        **dict.fromkeys(("ai.tool_call_started", "ai.tool_call_completed"), len(made)),
        "ai.tool_chain_completed": sum(bool(each) for each in calls),
        "kb.search": sum(not changes for _, _, changes, _ in made),
        "kb.hit": sum(worked for _, _, changes, worked in made if not changes),
        "booking.slot_hold": sum(changes for _, _, changes, _ in made),
        "booking.confirmed": sum(worked for _, _, changes, worked in made if changes),
    }
    ranked = sorted(counts, key=lambda name: (-counts[name], name))
    rows = [{"value": name, "count": counts[name]} for name in ranked]
    told = filled.of("sgd").report("top", **MONTH, field="event_name", limit=50)
    assert told == {"rows": rows, "other": 0, "total": sum(counts.values())}


def test_dialogue_metrics(filled: Service, dialogues: list[dict[str, Any]], calls: list[list[Call]]) -> None:
    made = [call for each in calls for call in each]
    searches, bookings = ([call for call in made if call[2] is changes] for changes in (False, True))
    chains = [len(each) for each in calls if each]
    tokens = [30 + 2 * len(asked.split()) + 3 * len(told.split()) for asked, told in _answers(dialogues)]
    wanted = {
        "events.count": filled.drained("sgd")["stored"],
        "sessions.count": len({dialogue["dialogue_id"] for dialogue in dialogues}),
        "ai.tool_calls.count": len(made),
        "ai.tool_calls.success_rate": share(sum(call[3] for call in made), len(made)),
        "ai.navigation_optimism_rate": None,
        "ai.tool_chain_length.avg": sum(chains) / len(chains),
        "kb.hit_rate": share(sum(call[3] for call in searches), len(searches)),
        "booking.hold_to_confirm_rate": share(sum(call[3] for call in bookings), len(bookings)),
        "commerce.conversion_rate": None,
        "voice.barge_in_count": 0,
        "voice.asr_partial_latency_ms.p95": None,
        "tokens.sum": sum(tokens),
        "cost.usd.sum": sum(round(each * 0.000002, 6) for each in tokens),
        "system.error_rate": 0.0,
        "requests.count": 0,
        "evaluation.score.avg": None,
    }
    client = filled.of("sgd")
    told = {name: _month(client, name) for name in wanted}
    assert tidy(told) == tidy(wanted)


def _month(client: Client, metric: str) -> Any:
    (point,) = client.report("timeseries", **MONTH, metric=metric, grain="1mo")["points"]
    return point["value"]


def test_dialogue_breakdowns(filled: Service, calls: list[list[Call]]) -> None:
    made = [call for each in calls for call in each]
    counts = Counter(service for service, *_ in made)
    ranked = sorted(counts, key=lambda service: (-counts[service], service))
    slices = [(service, [call for call in made if call[0] == service]) for service in ranked[:10]]
    slices.append(("other", [call for call in made if call[0] in ranked[10:]]))
    client = filled.of("sgd")
    for metric, value in (
        ("ai.tool_calls.count", len),
        ("ai.tool_calls.success_rate", lambda part: share(sum(call[3] for call in part), len(part))),
    ):
        asked = {"metric": metric, "grain": "1mo", "breakdown": "ai.tool.category"}
        series = client.report("timeseries", **MONTH, **asked)["series"]
        wanted = [
            {"key": key, "points": [{"t": "2025-10-01T00:00:00Z", "value": value(part)}]}
            for key, part in slices
            if part
        ]
        assert tidy(series) == tidy(wanted)


def test_dialogue_top(filled: Service, dialogues: list[dict[str, Any]], calls: list[list[Call]]) -> None:
    client = filled.of("sgd")
    questions = Counter(" ".join(asked.split()).lower() for asked, _ in _answers(dialogues))
    methods = Counter(call[1] for each in calls for call in each)
    completed = [{"field": "event_name", "op": "eq", "value": "ai.tool_call_completed"}]
    for asked, counts in (
        ({"field": "voice.query_text", "fold": True}, questions),
        ({"field": "gen_ai.tool.name", "filters": completed}, methods),
    ):
        ranked = sorted(counts, key=lambda value: (-counts[value], value.encode()))[:20]
        rows = [{"value": value, "count": counts[value]} for value in ranked]
        other = counts.total() - sum(counts[value] for value in ranked)
        told = client.report("top", **MONTH, limit=20, **asked)
        assert told == {"rows": rows, "other": other, "total": counts.total()}


# ── the dialogues, from the events that the example makes of them: their times are the example's own ──────────────────


def _example() -> ModuleType:
    spec = importlib.util.spec_from_file_location("replay_dialogues", ROOT / "examples/replay_dialogues.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _replayed() -> Ledger:
    example = _example()
    found, transactional = example.read_folder(DATA / "sgd")
    entries = []
    for dialogue in found:
        for event in example.events_of(dialogue, transactional, now=NOW):
            fields = {
                name: json.dumps(value) if isinstance(value, bool) else str(value)
                for name, value in event["attributes"].items()
            }
            at = datetime.fromisoformat(event["occurred_at"])
            entries.append(Entry(event["event_name"], at, event["session_id"], event["user_id"], fields))
    return Ledger(entries, datetime(2025, 10, 25, 9, tzinfo=UTC), datetime(2025, 10, 26, 13, tzinfo=UTC))


@pytest.fixture(scope="module")
def replayed() -> Ledger:
    return _replayed()


def _of(name: str, field: str, made: Callable[[Iterator[float]], Any]) -> Value:
    return lambda entries: made(entry.number(field) for entry in entries if entry.name == name)


FIRST = ("voice.first_response", "voice.first_response_ms")


@pytest.mark.parametrize(("grain", "zone"), [("1h", "Europe/Berlin"), ("1d", "Europe/Berlin"), ("15m", "UTC")])
@pytest.mark.parametrize(
    ("metric", "value"),
    [
        pytest.param("voice.first_response_ms.p50", _of(*FIRST, lambda v: percentile(0.50, v)), id="p50"),
        pytest.param("voice.first_response_ms.p95", _of(*FIRST, lambda v: percentile(0.95, v)), id="p95"),
        pytest.param("voice.first_response_ms.p99", _of(*FIRST, lambda v: percentile(0.99, v)), id="p99"),
        pytest.param(
            "kb.search_latency_ms.p95", _of("kb.search", "kb.search_latency_ms", lambda v: percentile(0.95, v)), id="kb"
        ),
        pytest.param("kb.relevance_score.avg", _of("kb.search", "kb.top_score", mean), id="relevance"),
        pytest.param("users.count", lambda entries: len({entry.user for entry in entries}), id="users"),
        pytest.param("sessions.count", _sessions, id="sessions"),
        pytest.param("events.count", len, id="events"),
        pytest.param(
            "tokens.sum",
            lambda entries: sum(
                int(e.fields["gen_ai.usage.total_tokens"]) for e in entries if e.name == "voice.outcome"
            ),
            id="tokens",
        ),
    ],
)
def test_dialogue_timeseries(
    filled: Service, replayed: Ledger, metric: str, value: Value, grain: str, zone: str
) -> None:
    told = filled.of("sgd").report("timeseries", **_span(replayed), metric=metric, grain=grain, tz=zone)
    assert tidy(told) == tidy({"metric": metric, "grain": grain, "points": replayed.points(value, grain, zone)})


@pytest.mark.parametrize("by", ["user", "session"])
@pytest.mark.parametrize("window", [60, 3_600])
def test_dialogue_funnel(filled: Service, replayed: Ledger, by: str, window: int) -> None:
    names = ("voice.query", "kb.hit", "booking.slot_hold", "booking.confirmed")
    told = filled.of("sgd").report("funnel", **_span(replayed), steps=list(names), window=window, by=by)
    steps = [(name, lambda entry, name=name: entry.name == name) for name in names]
    wanted = replayed.funnel(steps, window, by)
    assert wanted[3]["count"] > 0
    assert tidy(told) == tidy({"steps": wanted})


def test_dialogue_active(filled: Service, replayed: Ledger) -> None:
    told = filled.of("sgd").report("active", **_span(replayed), tz="Europe/Berlin")
    assert tidy(told) == tidy({"days": replayed.active("Europe/Berlin")})
