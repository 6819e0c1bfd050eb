"""The data point door: what document 003 writes, as it writes it, and what becomes of it."""

import json
import uuid
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as limits
from hypothesis import strategies as st

from anything import like, parsed
from auricle.edge.datapoints import MAX_BLOB_BYTES, MEMBERS, NAMES, event_of
from auricle.intake.door import Door
from auricle.intake.schemas import Registry
from auricle.intake.steps import run
from auricle.model.event import Event
from auricle.model.principal import Kind
from auricle.model.receipt import Dropped, Rejected
from running import EVENTS, Service, ago, event

POINTS = "/api/v1/analytics/datapoints/"
DATASET = "meauxcloud_analytics"
NOW = "2026-01-15T10:30:00Z"
DOOR = Door(Registry.load(), "t", 0, lambda: str(uuid.uuid4()))

PRINTED: dict[str, dict[str, Any]] = {
    "an event": {"blobs": ["user-login", "google-oauth"], "doubles": [1], "indexes": ["user-123"]},
    "a request": {"blobs": ["GET", "/api/projects", "200"], "doubles": [12.5, 1], "indexes": ["8c1f-ray"]},
    "a cost": {"blobs": ["project-1", "ai", "cost"], "doubles": [0.25, 1], "indexes": ["project-1"]},
    "AI usage": {"blobs": ["ai-usage", "gemini-pro", "tokens"], "doubles": [420, 0.002, 1], "indexes": ["gemini-pro"]},
    "an error": {"blobs": ["error", "TypeError", "/api"], "doubles": [1], "indexes": ["TypeError"]},
    "the middleware": {
        "blobs": ["GET", "/", "200", "production"],
        "doubles": [3, 1, 0],
        "indexes": ["unknown", "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36"],
    },
}
"""Every point that the document writes, its variables filled in."""


def test_a_point_is_an_event_word_for_word() -> None:
    raw = event_of(PRINTED["the middleware"] | {"event_id": str(uuid.UUID(int=3))}, DATASET, NOW)
    assert raw == {
        "event_id": str(uuid.UUID(int=3)),
        "event_name": "datapoint.written",
        "occurred_at": NOW,
        "source": "server",
        "attributes": {
            "dataset": DATASET,
            "index1": "unknown",
            "index2": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36",
            "blob1": "GET",
            "blob2": "/",
            "blob3": "200",
            "blob4": "production",
            "double1": 3,
            "double2": 1,
            "double3": 0,
        },
    }


@pytest.mark.parametrize(
    ("told", "attributes"),
    [
        pytest.param({}, {}, id="nothing at all"),
        pytest.param({"blobs": None, "doubles": [], "indexes": None}, {}, id="nulls and nothing"),
        pytest.param({"blobs": ["a", None, "c"]}, {"blob1": "a", "blob3": "c"}, id="a null keeps the places"),
        pytest.param({"doubles": [None, -2.5]}, {"double2": -2.5}, id="a null double"),
        pytest.param({"blobs": [""], "indexes": [""]}, {"blob1": "", "index1": ""}, id="empty texts"),
    ],
)
def test_what_is_not_there_is_not_kept(told: dict[str, Any], attributes: dict[str, Any]) -> None:
    raw = event_of(told, DATASET, NOW)
    assert isinstance(raw, dict)
    assert raw["attributes"] == {"dataset": DATASET, **attributes}


def test_the_most_that_a_point_may_have() -> None:
    most = {"blobs": ["ü" * 409] * 20, "doubles": [-1.5] * 20, "indexes": ["i" * 128] * 2}
    (verdict,) = run([event_of(most, DATASET, NOW)], DOOR)
    assert isinstance(verdict, Event)
    assert len(verdict.attributes) == 43


@pytest.mark.parametrize("name", PRINTED)
def test_each_printed_point(either_service: Service, tenant: str, name: str) -> None:
    service = either_service
    answer = service.ask("POST", POINTS + DATASET, PRINTED[name], service.key(tenant))
    assert (answer.status, answer.body["status"]) == (202, "stored")
    service.drained(tenant)
    for field, values in (("blob1", PRINTED[name]["blobs"]), ("dataset", [DATASET])):
        asked = {"field": field, "period": "24h"}
        top = service.ask("POST", "/api/v1/analytics/reports/top", asked, service.key(tenant, Kind.READ))
        assert top.body["rows"] == [{"value": values[0], "count": 1}]


def test_a_list_and_a_retry(either_service: Service, tenant: str) -> None:
    service, key = either_service, either_service.key(tenant)
    told = [{**point, "event_id": str(uuid.uuid4()), "timestamp": ago(minutes=1)} for point in PRINTED.values()]
    accepted = {"accepted": 6, "duplicates": 0, "rejected": 0, "dropped": 0, "results": []}
    assert service.ask("POST", POINTS + DATASET, told, key).told == (202, accepted)
    again = service.ask("POST", POINTS + DATASET, [*told, {"doubles": ["x"]}, {"blobs": []}], key)
    results = again.body.pop("results")
    assert (again.status, again.body) == (202, {"accepted": 1, "duplicates": 6, "rejected": 1, "dropped": 0})
    assert (results[6]["index"], results[6]["errors"][0]["pointer"]) == (6, "/doubles/0")
    expected = {"received": 14, "stored": 7, "duplicate": 6, "rejected": 1, "dropped": 0, "waiting": 0}
    assert service.drained(tenant) == expected


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        pytest.param({"blobs": "GET"}, ("/blobs", "type"), id="blobs no list"),
        pytest.param({"blobs": ["a"] * 21}, ("/blobs", "maxItems"), id="21 blobs"),
        pytest.param({"doubles": [1] * 21}, ("/doubles", "maxItems"), id="21 doubles"),
        pytest.param({"indexes": ["a"] * 3}, ("/indexes", "maxItems"), id="3 indexes"),
        pytest.param({"blobs": ["a", 1]}, ("/blobs/1", "type"), id="a number for a blob"),
        pytest.param({"doubles": [1, True]}, ("/doubles/1", "type"), id="true for a double"),
        pytest.param({"doubles": ["1"]}, ("/doubles/0", "type"), id="text for a double"),
        pytest.param({"indexes": ["x" * 129]}, ("/indexes/0", "maxLength"), id="a long index"),
        pytest.param({"blobs": ["ü" * 8_192, "x"]}, ("/blobs", "max_blob_bytes"), id="one byte too many"),
        pytest.param({"timestamp": "noon"}, ("/timestamp", "format"), id="no time"),
        pytest.param({"timestamp": ago(days=2)}, ("/timestamp", "clock_skew"), id="too old"),
        pytest.param({"source": "pigeon"}, ("/source", "enum"), id="another source"),
        pytest.param({"colour": 1}, ("/colour", "additionalProperties"), id="an unknown member"),
        pytest.param(3, ("", "type"), id="a number"),
    ],
)
def test_a_point_that_is_refused(service: Service, told: Any, expected: tuple[str, str]) -> None:
    answer = service.ask("POST", POINTS + DATASET, told, service.key("points-refused"))
    assert answer.status == 422
    assert [(fault["pointer"], fault["rule"]) for fault in answer.body["errors"]] == [expected]


@pytest.mark.parametrize(
    ("dataset", "rule"),
    [
        pytest.param("events", "not", id="a table"),
        pytest.param("1st", "pattern", id="a digit first"),
        pytest.param("a-b", "pattern", id="a dash"),
        pytest.param("x" * 65, "pattern", id="too long"),
        pytest.param("a%27%3B--", "pattern", id="SQL"),
        pytest.param("a%0A", "pattern", id="a new line"),
        pytest.param("%C3%BC", "pattern", id="a letter of another alphabet"),
    ],
)
def test_a_dataset_that_is_refused(service: Service, dataset: str, rule: str) -> None:
    answer = service.ask("POST", POINTS + dataset, {}, service.key("points-refused"))
    assert (answer.status, [fault["rule"] for fault in answer.body["errors"]]) == (422, [rule])


def test_sixteen_kilobytes_of_blobs_are_taken(service: Service, tenant: str) -> None:
    answer = service.ask("POST", POINTS + DATASET, {"blobs": ["x" * MAX_BLOB_BYTES]}, service.key(tenant))
    assert answer.status == 202


@pytest.mark.parametrize("raw", [b"NaN", b"Infinity", b"-Infinity", b"1e999"])
def test_what_is_no_number_is_refused(service: Service, raw: bytes) -> None:
    answer = service.ask("POST", POINTS + DATASET, b'{"doubles":[' + raw + b"]}", service.key("points-refused"))
    assert answer.status in (400, 422)


def test_all_bad_too_many_and_none(service: Service, tenant: str) -> None:
    key = service.key(tenant)
    assert service.ask("POST", POINTS + DATASET, [3, {"blobs": 1}], key).status == 422
    assert service.ask("POST", POINTS + DATASET, [{}] * 501, key).status == 413
    assert service.ask("POST", POINTS + DATASET, [], key).body["accepted"] == 0


def test_the_general_door_keeps_the_schema(service: Service, tenant: str) -> None:
    key = service.key(tenant)
    good = event(event_name="datapoint.written", attributes={"dataset": "own", "blob1": "x"})
    assert service.ask("POST", EVENTS, good, key).status == 202
    for attributes in ({"dataset": "own", "mood": 1}, {"blob1": "x"}, {"dataset": "scores"}):
        wrong = event(event_name="datapoint.written", attributes=attributes)
        assert service.ask("POST", EVENTS, wrong, key).status == 422


def test_who_may_not(service: Service, tenant: str) -> None:
    assert service.ask("POST", POINTS + DATASET, {}).status == 401
    assert service.ask("POST", POINTS + DATASET, {}, service.key(tenant, Kind.READ)).status == 403
    lines = {"Content-Type": "application/x-ndjson"}
    assert service.ask("POST", POINTS + DATASET, b"{}", service.key(tenant), lines).status == 415


ANY = like(MEMBERS, PRINTED["a request"])


@given(ANY)
def test_any_json_is_an_event_or_a_clear_no(told: Any) -> None:
    (verdict,) = run([event_of(parsed(told), DATASET, NOW)], DOOR)
    assert isinstance(verdict, Event | Dropped) or (isinstance(verdict, Rejected) and verdict.faults)
    json.dumps([NAMES.retell(fault).as_json() for fault in getattr(verdict, "faults", ())])


@limits(max_examples=60)
@given(st.lists(ANY, max_size=4))
def test_any_json_costs_no_neighbour(service: Service, told: list[Any]) -> None:
    good = {**PRINTED["a cost"], "event_id": str(uuid.uuid4())}
    answer = service.ask("POST", POINTS + DATASET, json.dumps([*told, good]).encode(), service.key("points-any"))
    assert answer.status in (202, 400), answer
    if answer.status == 202:
        assert good["event_id"] not in [result["event_id"] for result in answer.body["results"]]
        assert sum(answer.body[name] for name in ("accepted", "duplicates", "rejected", "dropped")) == len(told) + 1
