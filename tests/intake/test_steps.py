"""The steps of ingestion."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auricle.intake.door import SKEW_TOLERANCE, Door, open_door
from auricle.intake.options import wanted_of
from auricle.intake.schemas import Registry
from auricle.intake.steps import MAX_KEY, STEPS, WISHES, check_name, read_envelope, run
from auricle.intake.times import LATEST, parse_rfc3339
from auricle.model.event import Event
from auricle.model.options import UNASKED, Consent, Ips, TenantOptions, UserIds
from auricle.model.principal import SCOPES, Kind, Principal, Scope
from auricle.model.receipt import Dropped, Fault, Reason, Rejected
from auricle.settings import Settings

REGISTRY = Registry.load()
ID = "123e4567-e89b-12d3-a456-426614174000"
OTHER_ID = "00000000-0000-4000-8000-000000000001"
KB = "auricle:auricle/kb.hit/jsonschema/1-0-0"
SECRET = "hunter2-marker"
NOW = 1_736_937_060_000_000  # 2025-01-15T10:31:00Z
THEN = NOW - 60_000_000
HOUR = 3_600_000_000

DOOR = open_door(
    REGISTRY,
    Settings(),
    Principal("acme", "key", SCOPES[Kind.INGEST]),
    received_at=NOW,
    new_id=lambda: OTHER_ID,
)


def raw(**more: Any) -> dict[str, Any]:
    """A valid raw event, with some members other than they were; `...` takes one away."""
    told = {
        "event_id": ID,
        "event_name": "kb.hit",
        "occurred_at": "2025-01-15T10:30:00Z",
        "source": "web",
        "attributes": {"kb.document_id": "d"},
        **more,
    }
    return {key: value for key, value in told.items() if value is not ...}


def event(**more: Any) -> Event:
    """What `raw()` becomes, with some fields other than they were."""
    plain = Event("acme", ID, "kb.hit", THEN, "", "", "", "web", KB, {"kb.document_id": "d"}, {})
    return plain._replace(**more)


def judge(told: object, door: Door = DOOR) -> Event | Rejected | Dropped:
    """The verdict on one event, which is the same with neighbours as without."""
    alone = run([told], door)
    assert run([raw(), told, raw()], door)[1:2] == alone
    return alone[0]


def outline(verdict: object) -> tuple[Reason, list[tuple[str, str]]]:
    assert isinstance(verdict, Rejected)
    return verdict.reason, [(fault.pointer, fault.rule) for fault in verdict.faults]


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        pytest.param(raw(), event(), id="the least"),
        pytest.param(raw(event_id=ID.upper()), event(), id="an id in capitals"),
        pytest.param(raw(tenant_id="acme"), event(), id="its own tenant"),
        pytest.param(
            raw(site_id="s", session_id="v", user_id="u", context={"locale": "en", "own": 1}),
            event(site_id="s", session_id="v", user_id="u", context={"locale": "en", "own": 1}),
            id="everything",
        ),
        pytest.param(
            raw(site_id=None, session_id=None, user_id=None, tenant_id=None, context=None, schema=None),
            event(),
            id="null is absent",
        ),
        pytest.param(raw(received_at="1999", sent_at=1), event(), id="times that are ignored"),
        pytest.param(
            raw(occurred_at="2025-01-15T11:30:00.1234567+01:00"), event(occurred_at=THEN + 123_456), id="an offset"
        ),
        pytest.param(
            raw(event_name="acme.own", attributes={"a": [1, {"b": 2}]}),
            event(event_name="acme.own", schema_id="", attributes={"a": [1, {"b": 2}]}),
            id="an unknown name",
        ),
        pytest.param(
            raw(event_name="acme.own", attributes=...),
            event(event_name="acme.own", schema_id="", attributes={}),
            id="no attributes",
        ),
        pytest.param(
            raw(event_name="acme.own", attributes=None),
            event(event_name="acme.own", schema_id="", attributes={}),
            id="null attributes",
        ),
        pytest.param(raw(schema=KB), event(), id="its own schema"),
        pytest.param(
            raw(attributes={"schema": KB, "data": {"kb.document_id": "d"}}), event(), id="self-describing attributes"
        ),
        pytest.param(
            raw(schema=KB, attributes={"schema": KB, "data": {"kb.document_id": "d"}}), event(), id="said twice"
        ),
        pytest.param(
            raw(event_name="acme.own", attributes={"schema": "v2", "data": 1}),
            event(event_name="acme.own", schema_id="", attributes={"schema": "v2", "data": 1}),
            id="a payload that only looks self-describing",
        ),
        pytest.param(
            raw(context={"consent": {"analytics": True}}),
            event(context={"consent": {"analytics": True}}),
            id="consent given",
        ),
        pytest.param(raw(context={"consent": None}), event(context={"consent": None}), id="consent not asked"),
        pytest.param(raw(context={"consent": {}}), event(context={"consent": {}}), id="consent left open"),
    ],
)
def test_a_good_event_is_read(told: dict[str, Any], expected: Event) -> None:
    before = json.dumps(told)
    verdict = judge(told)
    assert (type(verdict), verdict) == (Event, expected)
    assert json.dumps(told) == before


@pytest.mark.parametrize(
    ("told", "reason", "faults"),
    [
        pytest.param([], Reason.NOT_AN_OBJECT, [("", "type")], id="a list"),
        pytest.param(None, Reason.NOT_AN_OBJECT, [("", "type")], id="null"),
        pytest.param("x", Reason.NOT_AN_OBJECT, [("", "type")], id="text"),
        pytest.param(raw(event_id=...), Reason.ENVELOPE, [("/event_id", "required")], id="no id"),
        pytest.param(raw(event_name=...), Reason.ENVELOPE, [("/event_name", "required")], id="no name"),
        pytest.param(raw(event_name=["x"]), Reason.ENVELOPE, [("/event_name", "type")], id="a list for a name"),
        pytest.param(raw(event_name={"x": 1}), Reason.ENVELOPE, [("/event_name", "type")], id="an object for a name"),
        pytest.param(raw(event_name="KB.hit"), Reason.ENVELOPE, [("/event_name", "pattern")], id="capitals"),
        pytest.param(raw(occurred_at=...), Reason.ENVELOPE, [("/occurred_at", "required")], id="no time"),
        pytest.param(raw(occurred_at="today"), Reason.ENVELOPE, [("/occurred_at", "format")], id="no such time"),
        pytest.param(
            raw(occurred_at="2025-01-15T10:30:00"), Reason.ENVELOPE, [("/occurred_at", "format")], id="no zone"
        ),
        pytest.param(raw(extra=1), Reason.ENVELOPE, [("/extra", "additionalProperties")], id="an unknown member"),
        pytest.param(
            raw(extra=1, attributes={}),
            Reason.ENVELOPE,
            [("/attributes/kb.document_id", "required"), ("/extra", "additionalProperties")],
            id="envelope and attributes",
        ),
        pytest.param(raw(attributes=...), Reason.SCHEMA, [("/attributes/kb.document_id", "required")], id="nothing"),
        pytest.param(
            raw(attributes={"kb.document_id": 1}),
            Reason.SCHEMA,
            [("/attributes/kb.document_id", "type")],
            id="a number",
        ),
        pytest.param(raw(schema=1), Reason.ENVELOPE, [("/schema", "type")], id="a number for a schema"),
        pytest.param(raw(schema="nonsense"), Reason.UNKNOWN_SCHEMA, [("/schema", "known")], id="no schema id"),
        pytest.param(
            raw(schema="auricle:acme/kb.hit/jsonschema/1-0-0"),
            Reason.UNKNOWN_SCHEMA,
            [("/schema", "known")],
            id="an unknown vendor",
        ),
        pytest.param(
            raw(attributes={"schema": "auricle:auricle/kb.hit/jsonschema/9-0-0", "data": {}}),
            Reason.UNKNOWN_SCHEMA,
            [("/attributes/schema", "known")],
            id="an unknown version inside",
        ),
        pytest.param(
            raw(schema="auricle:auricle/page_view/jsonschema/1-0-0"),
            Reason.SCHEMA,
            [("/schema", "event_name")],
            id="the schema of another event",
        ),
        pytest.param(
            raw(event_name=["x"], schema=KB), Reason.SCHEMA, [("/schema", "event_name")], id="a schema and a list"
        ),
        pytest.param(
            raw(attributes={"schema": "auricle:auricle/page_view/jsonschema/1-0-0", "data": {}}),
            Reason.SCHEMA,
            [("/attributes/schema", "event_name")],
            id="the schema of another event inside",
        ),
        pytest.param(
            raw(schema="auricle:x/kb.hit/jsonschema/1-0-0", attributes={"schema": KB, "data": {"kb.document_id": "d"}}),
            Reason.SCHEMA,
            [("/schema", "const")],
            id="two schemas",
        ),
        pytest.param(
            raw(attributes={"schema": KB, "data": {"kb.rank": -1}}),
            Reason.SCHEMA,
            [("/attributes/data/kb.document_id", "required"), ("/attributes/data/kb.rank", "minimum")],
            id="wrong data inside",
        ),
        pytest.param(
            raw(attributes={"schema": KB, "data": 5}),
            Reason.SCHEMA,
            [("/attributes/data", "type")],
            id="no data inside",
        ),
        pytest.param(
            raw(attributes={"schema": KB, "data": None}),
            Reason.SCHEMA,
            [("/attributes/data/kb.document_id", "required")],
            id="null inside",
        ),
        pytest.param(raw(tenant_id="other"), Reason.TENANT, [("/tenant_id", "tenant")], id="another tenant"),
        pytest.param(
            raw(occurred_at="2025-01-14T10:30:59.999Z"), Reason.TOO_OLD, [("/occurred_at", "clock_skew")], id="too old"
        ),
        pytest.param(
            raw(occurred_at="2025-01-15T10:36:00.001Z"),
            Reason.IN_THE_FUTURE,
            [("/occurred_at", "future_tolerance")],
            id="in the future",
        ),
    ],
)
def test_a_bad_event_is_refused(told: object, reason: Reason, faults: list[tuple[str, str]]) -> None:
    assert outline(judge(told)) == (reason, faults)


def test_a_verdict_names_the_event_only_by_what_is_sound() -> None:
    assert judge(raw(event_id=ID.upper(), source="x")) == Rejected(
        Reason.ENVELOPE,
        (
            Fault(
                "/source",
                "enum",
                '`source` must be one of "web", "widget", "voice_ws", "server", "voice", "text", "test". '
                "Its meaning: Where the event comes from.",
            ),
        ),
        ID,
        "kb.hit",
    )
    for name in (SECRET, "a" * 129, 1):
        verdict = judge(raw(event_id=SECRET, event_name=name))
        assert isinstance(verdict, Rejected)
        assert (verdict.event_id, verdict.event_name) == (None, None)


def test_an_id_is_made_where_the_door_allows_it() -> None:
    door = replace(DOOR, event_id_required=False)
    assert judge(raw(event_id=...), door) == event(event_id=OTHER_ID)
    assert judge(raw(event_id=None), door) == event(event_id=OTHER_ID)
    assert judge(raw(), door) == event()
    assert outline(judge(raw(event_id="x"), door)) == (Reason.ENVELOPE, [("/event_id", "format")])


def test_a_tenant_may_be_written_in_capitals_when_it_is_a_uuid() -> None:
    door = replace(DOOR, tenant_id=ID)
    assert judge(raw(tenant_id=ID.upper()), door) == event(tenant_id=ID)


def nested(levels: int) -> dict[str, Any]:
    """An object of that many levels, objects and lists in turn."""
    inner: Any = 1
    for level in range(levels - 1):
        inner = [inner] if level % 2 else {"a": inner}
    return {"a": inner}


@pytest.mark.parametrize("name", ["page_view", "acme.own"])
def test_levels_are_counted(name: str) -> None:
    schema = REGISTRY.schema_id_of(name)
    text = "Attributes and context must have at most 8 levels: flatten them."
    fine = nested(8)
    assert judge(raw(event_name=name, attributes=fine, context=fine)) == event(
        event_name=name, schema_id=schema, attributes=fine, context=fine
    )
    for levels in (9, 200, 1_000):
        deep = nested(levels)
        assert judge(raw(event_name=name, attributes=deep)) == Rejected(
            Reason.TOO_DEEP, (Fault("/attributes", "max_nesting", text),), ID, name
        )
        assert judge(raw(event_name=name, context=deep)) == Rejected(
            Reason.TOO_DEEP, (Fault("/context", "max_nesting", text),), ID, name
        )


def test_depth_is_told_before_other_faults() -> None:
    deep = nested(1_000)
    told = {
        "/attributes": raw(source="x", attributes=deep),
        "/context": raw(context={"page": [deep]}),
        "/attributes/data": raw(attributes={"schema": KB, "data": deep}),
        "": raw(site_id=deep),
    }
    for pointer, one in told.items():
        assert outline(judge(one)) == (Reason.TOO_DEEP, [(pointer, "max_nesting")])


def page(attributes: dict[str, Any]) -> dict[str, Any]:
    return raw(event_name="page_view", attributes=attributes)


@pytest.mark.parametrize(
    ("attributes", "outcome"),
    [
        pytest.param({f"k{i}": i for i in range(256)}, None, id="256 keys"),
        pytest.param({f"k{i}": i for i in range(257)}, ("too_many_attributes", "max_attributes"), id="257 keys"),
        pytest.param({"a": [{f"k{i}": i for i in range(255)}]}, None, id="256 keys, nested"),
        pytest.param(
            {"a": [{f"k{i}": {}} for i in range(256)]}, ("too_many_attributes", "max_attributes"), id="257 keys, nested"
        ),
        pytest.param({"k" * MAX_KEY: 1, "b": 2}, None, id="the longest key"),
        pytest.param({"k" * (MAX_KEY + 1): 1}, ("too_large", "max_key"), id="a longer key"),
        pytest.param({"a": {"k" * (MAX_KEY + 1): 1}}, ("too_large", "max_key"), id="a longer key, nested"),
        pytest.param({"k" * 60_000: 1}, ("too_large", "max_key"), id="a key of 60 KB"),
        pytest.param({"k" * 1_000_000: 1}, ("too_large", "max_event_bytes"), id="a key of a megabyte"),
        pytest.param({"a": [{}] * 30_000}, ("too_large", "max_event_bytes"), id="many objects"),
        pytest.param({f"k{i}": {} for i in range(9_000)}, ("too_large", "max_event_bytes"), id="many keys"),
        pytest.param({"a": "x" * 65_526}, None, id="65,536 bytes with the braces of the context"),
        pytest.param({"a": "x" * 65_527}, ("too_large", "max_event_bytes"), id="65,537 bytes"),
        pytest.param({"a": "ü" * 32_764}, ("too_large", "max_event_bytes"), id="bytes, not characters"),
    ],
)
def test_sizes_are_bounded(attributes: dict[str, Any], outcome: tuple[str, str] | None) -> None:
    verdict = judge(page(attributes))
    if outcome is None:
        schema = REGISTRY.schema_id_of("page_view")
        assert verdict == event(event_name="page_view", schema_id=schema, attributes=attributes)
    else:
        pointer = "" if outcome[1] == "max_event_bytes" else "/attributes"
        assert outline(verdict) == (Reason(outcome[0]), [(pointer, outcome[1])])


def test_size_is_not_measured_where_it_is_known() -> None:
    large = page({"a": "x" * 70_000})
    assert outline(judge(large, replace(DOOR, longest=65_537)))[0] is Reason.TOO_LARGE
    assert isinstance(judge(large, replace(DOOR, longest=65_536)), Event)


@pytest.mark.parametrize(
    ("occurred_at", "reason"),
    [
        pytest.param("2025-01-14T10:31:00Z", None, id="a day ago"),
        pytest.param("2025-01-14T10:30:59.999999Z", Reason.TOO_OLD, id="a day and a microsecond ago"),
        pytest.param("1970-01-01T00:00:00Z", Reason.TOO_OLD, id="1970"),
        pytest.param("2025-01-15T10:36:00Z", None, id="five minutes ahead"),
        pytest.param("2025-01-15T10:36:00.000001Z", Reason.IN_THE_FUTURE, id="more than five minutes ahead"),
        pytest.param("2299-12-31T23:59:59Z", Reason.IN_THE_FUTURE, id="2299"),
    ],
)
def test_the_clock(occurred_at: str, reason: Reason | None) -> None:
    told = raw(occurred_at=occurred_at)
    backfill = open_door(
        REGISTRY,
        Settings(),
        Principal("acme", "key", frozenset({Scope.EVENTS_BACKFILL})),
        received_at=NOW,
        new_id=lambda: OTHER_ID,
    )
    kept = event(occurred_at=parse_rfc3339(occurred_at))
    assert [judge(told) == kept, judge(told, backfill) == kept] == [reason is None, reason is not Reason.IN_THE_FUTURE]
    if reason is not None:
        assert outline(judge(told))[0] is reason


def test_the_clock_tells_its_bounds_and_not_the_time_it_got() -> None:
    old, new = judge(raw(occurred_at="2001-02-03T04:05:06Z")), judge(raw(occurred_at="2101-02-03T04:05:06Z"))
    assert isinstance(old, Rejected)
    assert isinstance(new, Rejected)
    assert [fault.message for fault in (*old.faults, *new.faults)] == [
        "`occurred_at` must not be before 2025-01-14T10:31:00Z: use a key with the scope events:backfill.",
        "`occurred_at` must not be after 2025-01-15T10:36:00Z: set the clock, or add `sent_at`.",
    ]


@pytest.mark.parametrize(
    ("sent_at", "shift"),
    [
        pytest.param(None, 0, id="not said"),
        pytest.param(NOW - SKEW_TOLERANCE, 0, id="as late as the network may be"),
        pytest.param(NOW + SKEW_TOLERANCE, 0, id="as early as clocks may be"),
        pytest.param(NOW - SKEW_TOLERANCE - 1, SKEW_TOLERANCE + 1, id="late"),
        pytest.param(NOW + HOUR, -HOUR, id="an hour ahead"),
        pytest.param(0, NOW, id="a clock that starts in 1970"),
    ],
)
def test_skew_is_taken_off(sent_at: int | None, shift: int) -> None:
    door = open_door(
        REGISTRY,
        Settings(),
        Principal("acme", "key", frozenset({Scope.EVENTS_BACKFILL})),
        received_at=NOW,
        new_id=lambda: OTHER_ID,
        sent_at=sent_at,
    )
    assert door.skew == shift
    told = raw(occurred_at="1970-01-01T00:00:00Z") if sent_at == 0 else raw()
    then = 0 if sent_at == 0 else THEN
    assert judge(told, door) == event(occurred_at=then + shift)


def test_a_time_corrected_to_before_1970_is_too_old_for_every_key() -> None:
    door = replace(DOOR, oldest=0, skew=-HOUR)
    assert outline(judge(raw(occurred_at="1970-01-01T00:30:00Z"), door))[0] is Reason.TOO_OLD


def test_unknown_names_may_be_refused() -> None:
    door = replace(DOOR, reject_unknown=True)
    assert judge(raw(), door) == event()
    assert outline(judge(raw(event_name="acme.own"), door)) == (Reason.UNKNOWN_EVENT, [("/event_name", "known")])


@pytest.mark.parametrize("more", [{}, {"occurred_at": "1999-01-01T00:00:00Z"}, {"attributes": {"kb.document_id": "d"}}])
def test_without_consent_an_event_is_dropped(more: dict[str, Any]) -> None:
    told = raw(context={"consent": {"analytics": False, "ads": True}}, **more)
    assert judge(told) == Dropped(Reason.NO_CONSENT, ID)


def test_open_door_carries_the_settings() -> None:
    settings_ = Settings(
        unknown_events="reject", max_event_bytes=10, max_attributes=3, max_nesting=2, clock_skew=60, future_tolerance=1
    )
    made = open_door(
        REGISTRY,
        settings_,
        Principal("acme", "key", frozenset()),
        received_at=NOW,
        new_id=lambda: OTHER_ID,
        longest=7,
        event_id_required=False,
    )
    assert replace(made, new_id=DOOR.new_id) == Door(
        registry=REGISTRY,
        tenant_id="acme",
        received_at=NOW,
        new_id=DOOR.new_id,
        event_id_required=False,
        reject_unknown=True,
        skew=0,
        oldest=NOW - 60_000_000,
        newest=NOW + 1_000_000,
        longest=7,
        max_event_bytes=10,
        max_attributes=3,
        max_nesting=2,
    )
    assert DOOR.newest < LATEST


def test_run_keeps_order_and_passes_bad_lines_through() -> None:
    line = Rejected(Reason.NOT_AN_OBJECT, (Fault("", "json", "Line 2 is not JSON."),))
    told = [raw(), line, 5, raw(source="x"), raw(context={"consent": {"analytics": False}}), raw(event_id=OTHER_ID)]
    verdicts = run(told, DOOR)
    assert [type(verdict) for verdict in verdicts] == [Event, Rejected, Rejected, Rejected, Dropped, Event]
    assert verdicts[1] is line
    assert (verdicts[0], verdicts[5]) == (event(), event(event_id=OTHER_ID))


def test_run_times_every_step() -> None:
    timings = {"check_name": 100.0}
    run([raw()], DOOR, timings)
    assert list(timings) == [
        "check_name",
        "read_envelope",
        *[step.__name__ for step in STEPS if step is not check_name],
        "redact_content",
    ]
    assert timings["check_name"] > 100
    assert all(seconds > 0 for seconds in timings.values())
    assert run([], DOOR, timings) == []


def test_no_value_is_repeated() -> None:
    doors = [DOOR, replace(DOOR, event_id_required=False), replace(DOOR, reject_unknown=True)]
    tricks: list[Callable[[str], Any]] = [
        lambda text: text,
        lambda text: [text],
        lambda text: {"a": text},
        lambda text: f"auricle:{text}/kb.hit/jsonschema/1-0-0",
        lambda text: {"schema": f"auricle:{text}", "data": {}},
        lambda text: {"schema": KB, "data": text},
        lambda text: {"kb.document_id": [text], "kb.rank": text},
        lambda text: {"page": {"url": [text]}, "device": text, "consent": {"analytics": text}},
    ]
    members = [*raw(), "tenant_id", "site_id", "session_id", "user_id", "context", "schema", "sent_at", "extra"]
    refused = 0
    for told in [raw(**{member: trick(SECRET)}) for member in members for trick in tricks] + [SECRET, [SECRET]]:
        for door in doors:
            verdict = judge(told, door)
            refused += isinstance(verdict, Rejected)
            assert isinstance(verdict, Event) or SECRET not in repr(verdict)
    assert refused > 200


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.sampled_from([SECRET, KB, ID]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=12,
)
members = st.sampled_from([*raw(), "tenant_id", "site_id", "user_id", "context", "schema", "sent_at", "", "x/~"])


def through_json(value: Any) -> Any:
    """The value as it would arrive: what is not JSON is gone."""
    return orjson.loads(json.dumps(value, allow_nan=False).encode()) if _is_json(value) else None


def _is_json(value: Any) -> bool:
    try:
        orjson.loads(json.dumps(value, allow_nan=False).encode())
    except ValueError:
        return False
    return True


@settings(max_examples=300)
@given(st.lists(json_values, max_size=5))
def test_any_json_gets_a_verdict_and_costs_no_neighbour(values: list[Any]) -> None:
    told = [through_json(value) for value in values]
    verdicts = run([part for one in told for part in (raw(), one)], DOOR)
    assert verdicts[::2] == [event()] * len(told)
    assert all(isinstance(verdict, Rejected) and verdict.faults for verdict in verdicts[1::2])


@settings(max_examples=500)
@given(st.lists(st.tuples(members, json_values | st.just(...)), min_size=1, max_size=3), st.booleans())
def test_any_mutation_gets_a_verdict(changes: list[tuple[str, Any]], required: bool) -> None:
    told = raw(**{key: value if value is ... else through_json(value) for key, value in changes})
    verdict = judge(told, replace(DOOR, event_id_required=required))
    if isinstance(verdict, Rejected):
        assert 1 <= len(verdict.faults) <= 10
        assert all(len(fault.pointer) <= 256 for fault in verdict.faults)
    if isinstance(verdict, Event):
        orjson.dumps(tuple(verdict))


@given(st.dictionaries(st.text(max_size=10), json_values, max_size=5))
def test_any_attributes_of_ones_own_are_kept_to_the_letter(own: dict[str, Any]) -> None:
    attributes = through_json(own) or {}
    verdict = judge(raw(event_name="acme.own", attributes=attributes), replace(DOOR, sanitise=False))
    assert isinstance(verdict, Event)
    assert verdict.attributes == attributes


def test_read_envelope_is_a_step_of_its_own() -> None:
    assert read_envelope(raw(tenant_id="other"), DOOR) == event(tenant_id="other")


def test_each_reason_is_a_row_of_its_documentation() -> None:
    text = (Path(__file__).parents[2] / "docs" / "reasons.md").read_text("utf-8")
    rows = [line.split("|")[1].strip(" `") for line in text.splitlines() if line.startswith("| `")]
    assert rows == [reason.value for reason in Reason]


def test_persons_and_secrets_are_redacted() -> None:
    told = raw(
        event_name="acme.own",
        attributes={"note": "mail ada@example.org"},
        context={"page": {"url": "https://a.example/p?q=1"}},
    )
    kept = judge(told)
    assert isinstance(kept, Event)
    assert kept.attributes == {"note": "mail [redacted:email]"}
    assert kept.context == {"page": {"url": "/p"}}


def test_nothing_is_redacted_where_that_is_off() -> None:
    told = raw(event_name="acme.own", attributes={"note": "mail ada@example.org"})
    kept = judge(told, replace(DOOR, sanitise=False))
    assert isinstance(kept, Event)
    assert kept.attributes == told["attributes"]


def asking(**options: Any) -> Door:
    made = TenantOptions(revision=1, secret=b"s" * 32, **options)
    return replace(DOOR, options=made, wanted=wanted_of(made))


def test_a_tenants_options_stand_before_the_other_steps() -> None:
    timings: dict[str, float] = {}
    run([raw()], asking(), timings)
    assert list(timings) == ["read_envelope", *(step.__name__ for step in (*WISHES, *STEPS)), "redact_content"]


@pytest.mark.parametrize(
    ("options", "context", "reason"),
    [
        pytest.param({"deny_events": ("kb.*",)}, {}, Reason.FILTERED, id="denied"),
        pytest.param({"allow_events": ("kb",)}, {}, Reason.FILTERED, id="not allowed"),
        pytest.param({"allow_events": ("kb.hit",)}, {}, None, id="allowed"),
        pytest.param({"consent": Consent.OPT_IN}, {}, Reason.NO_CONSENT, id="nothing said"),
        pytest.param({"consent": Consent.OPT_IN}, {"consent": {"analytics": True}}, None, id="agreed"),
        pytest.param({}, {"consent": {"analytics": False}}, Reason.NO_CONSENT, id="refused"),
        pytest.param({}, {"consent": {"ads": False}}, None, id="only ads refused"),
    ],
)
def test_events_that_the_tenant_does_not_want_are_dropped(
    options: dict[str, Any], context: dict[str, Any], reason: Reason | None
) -> None:
    verdict = judge(raw(context=context), asking(**options))
    assert (verdict.reason if isinstance(verdict, Dropped) else None) == reason
    assert isinstance(verdict, Event if reason is None else Dropped)


def test_users_get_pseudonyms_where_the_tenant_asks() -> None:
    kept = judge(raw(user_id="ada"), asking(user_ids=UserIds.HMAC))
    nobody = judge(raw(), asking(user_ids=UserIds.HMAC))
    assert isinstance(kept, Event)
    assert isinstance(nobody, Event)
    assert (kept.user_id[:5], len(kept.user_id), nobody.user_id) == ("hmac_", 37, "")


def test_only_the_wanted_kinds_are_redacted() -> None:
    told = raw(event_name="acme.own", attributes={"a": "a@b.example", "ip": "203.0.113.7", "password": "x"})
    kept = judge(told, asking(kinds=("ip",), ips=Ips.REDACT))
    assert isinstance(kept, Event)
    assert kept.attributes == {"a": "a@b.example", "ip": "[redacted:ip]", "password": "x"}


@pytest.mark.parametrize("sanitise", [None, True, False])
def test_a_tenants_word_on_sanitising_goes_before_the_settings(sanitise: bool | None) -> None:
    class Told:
        for_tenant = REGISTRY.for_tenant

        def options_of(self, tenant_id: str) -> TenantOptions:
            return TenantOptions(sanitise=sanitise) if tenant_id == "acme" else UNASKED

    principal = Principal("acme", "key", SCOPES[Kind.INGEST])
    made = [
        open_door(Told(), Settings(sanitise=word), principal, received_at=NOW, new_id=str).sanitise
        for word in ("on", "off")
    ]
    assert made == ([True, False] if sanitise is None else [sanitise, sanitise])


A = {"user_id": "a"}


@pytest.mark.parametrize(
    ("told", "said"),
    [
        pytest.param([{}], {}, id="nothing said"),
        pytest.param([{"user_id": "a", "session_id": "s", "said": True}], {("user", "a"): True}, id="a user"),
        pytest.param([{"session_id": "s", "said": False}], {("session", "s"): False}, id="a session"),
        pytest.param([{"said": False}], {}, id="nobody known"),
        pytest.param([{**A, "said": False}, {**A, "said": True}], {("user", "a"): False}, id="at once"),
        pytest.param(
            [{**A, "said": False, "at": "29"}, {**A, "said": True}], {("user", "a"): True}, id="later"
        ),
        pytest.param(
            [{**A, "said": True}, {**A, "said": False, "at": "29"}], {("user", "a"): True}, id="before"
        ),
        pytest.param([{"user_id": "a", "said": False, "tenant_id": "other"}], {}, id="another tenant's"),
    ],
)  # fmt: skip
def test_what_was_said_on_being_counted_is_noted(told: list[dict[str, Any]], said: dict[tuple[str, str], bool]) -> None:
    raws = []
    for one in told:
        context = {"consent": {"analytics": one.pop("said")}} if "said" in one else {}
        raws.append(raw(context=context, occurred_at=f"2025-01-15T10:{one.pop('at', '30')}:00Z", **one))
    door = replace(DOOR, said={})
    run(raws, door)
    assert {(one.speaker.value, one.id): one.analytics for one in door.said.values()} == said


def test_a_clock_that_is_ahead_does_not_outlast_later_words() -> None:
    door = replace(DOOR, said={})
    run([raw(user_id="a", occurred_at="2026-01-01T00:00:00Z", context={"consent": {"analytics": False}})], door)
    assert [one.said_at for one in door.said.values()] == [NOW]


def test_with_opt_in_a_refusal_is_noted_too() -> None:
    door = replace(asking(consent=Consent.OPT_IN), said={})
    run([raw(user_id="a", context={"consent": {"analytics": False}}), raw(user_id="b")], door)
    assert [one.id for one in door.said.values()] == ["a"]
