"""The reply: errors as RFC 9457 problem details."""

import inspect

import orjson
import pytest

from auricle import errors
from auricle.edge.front import bug
from auricle.edge.reply import json_reply, problem
from auricle.errors import AuricleError, Invalid, StorageFull, Unauthorized
from auricle.model.receipt import Fault

EVERY = [error for _, error in inspect.getmembers(errors, inspect.isclass) if issubclass(error, AuricleError)]


def test_json_is_sent_as_json() -> None:
    answer = json_reply({"a": [1, None, "ü"]}, 202, {"X-A": "b"})
    assert (answer.status_code, answer.body, answer.media_type) == (
        202,
        '{"a":[1,null,"ü"]}'.encode(),
        "application/json",
    )
    assert answer.headers["x-a"] == "b"


@pytest.mark.parametrize("error", EVERY, ids=lambda error: error.__name__)
def test_every_error_is_a_problem(error: type[AuricleError]) -> None:
    answer = problem(error("What happened."))
    assert orjson.loads(answer.body) == {
        "type": "urn:auricle:problem:" + error.code.replace("_", "-"),
        "title": error.title,
        "status": error.status,
        "detail": "What happened.",
        "code": error.code,
        "transient": error.transient,
    }
    assert (answer.status_code, answer.media_type) == (error.status, "application/problem+json")


def test_faults_are_told() -> None:
    fault = Fault("/a/0", "type", "must be text")
    body = orjson.loads(problem(Invalid("No.", (fault, fault))).body)
    assert body["errors"] == [{"pointer": "/a/0", "rule": "type", "message": "must be text"}] * 2


@pytest.mark.parametrize(
    ("error", "name", "value"),
    [
        pytest.param(StorageFull("", retry_after=10), "retry-after", "10", id="when to try again"),
        pytest.param(Invalid(""), "retry-after", None, id="never"),
        pytest.param(Unauthorized(""), "www-authenticate", 'Bearer realm="auricle"', id="how to log in"),
        pytest.param(Invalid(""), "cache-control", "no-store", id="not to be kept"),
    ],
)
def test_headers(error: AuricleError, name: str, value: str | None) -> None:
    assert problem(error).headers.get(name) == value


def test_a_bug_says_nothing_of_itself() -> None:
    answer = bug(ValueError("hunter2"))
    assert answer.status_code == 500
    assert b"hunter2" not in answer.body
