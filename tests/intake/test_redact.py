import copy
import time
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_redact_corpus import corpus

from auricle.intake.redact import MAX_DEPTH, redact, unclean


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        pytest.param({"ip": "203.0.113.77"}, {"ip": "203.0.113.0"}, id="an IP is cut to /24"),
        pytest.param({"ip": "2001:db8:1:2:3::4"}, {"ip": "2001:db8:1::"}, id="an IP is cut to /48"),
        pytest.param({"client.address": "203.0.113.77"}, {"client.address": "203.0.113.0"}, id="OpenTelemetry's name"),
        pytest.param({"address": "203.0.113.77"}, {"address": "203.0.113.0"}, id="an address that is an IP"),
        pytest.param({"x": "203.0.113.77"}, {"x": "203.0.113.0"}, id="an IP under any key"),
        pytest.param({"app.version": "1.2.3.4"}, {"app.version": "1.2.3.4"}, id="a version"),
        pytest.param({"x": "at 203.0.113.77"}, {"x": "at [redacted:ip]"}, id="an IP in text"),
        pytest.param({"url": "https://a.example/p/q?x=1#f"}, {"url": "/p/q"}, id="a URL"),
        pytest.param({"url.full": "https://me:pw@a.example"}, {"url.full": "/"}, id="a URL without a path"),
        pytest.param({"page": {"referrer": "//a.example/p?x"}}, {"page": {"referrer": "/p"}}, id="a referrer"),
        pytest.param({"page": "/p?x=1"}, {"page": "/p"}, id="a path with a query"),
        pytest.param({"x": "http://a//b"}, {"x": "/b"}, id="no path is a URL again"),
        pytest.param(
            {"x": "see https://u:p@a.example/p?t=1 now"}, {"x": "see https://a.example/p now"}, id="a URL in text"
        ),
        pytest.param({"url": "https://a.example/u/ada@example.org"}, {"url": "/u/[redacted:email]"}, id="in a path"),
        pytest.param({"kb.query": "x" * 600}, {"kb.query": "x" * 500}, id="a long query"),
        pytest.param({"voice.query_text": "x" * 600}, {"voice.query_text": "x" * 500}, id="a long question"),
        pytest.param({"answer": "x" * 600}, {"answer": "x" * 600}, id="a long answer"),
        pytest.param({"ada@example.org": 1}, {"[redacted:email]": 1}, id="a key"),
        pytest.param({"email": ""}, {"email": ""}, id="nothing"),
        pytest.param({"email": True, "token": 5}, {"email": True, "token": 5}, id="flags and measures"),
        pytest.param({"phone": 4917112345678}, {"phone": "[redacted:phone]"}, id="a number that is a phone's"),
        pytest.param({"address": {"street": "x"}}, {"address": "[redacted:address]"}, id="an object"),
        pytest.param({"emails": ["a@b.example"]}, {"emails": "[redacted:email]"}, id="a list"),
        pytest.param({"a": [{"b": "a@b.example"}]}, {"a": [{"b": "[redacted:email]"}]}, id="deep inside"),
        pytest.param({"x": "+49 171 1234567, a@b.co"}, {"x": "[redacted:phone], [redacted:email]"}, id="two"),
    ],
)  # fmt: skip
def test_what_becomes_of_a_value(given: Any, expected: Any) -> None:
    before = copy.deepcopy(given)
    assert redact(given) == expected
    assert given == before
    assert (not unclean([given])) == (given == expected) or given == expected


def test_a_value_without_findings_is_the_same_object() -> None:
    value = {"a": {"b": ["text", 1, None, 2.5, True]}, "gen_ai.usage.total_tokens": 512}
    assert redact(value) is value


@pytest.mark.parametrize(("kind", "key", "text"), corpus())
def test_the_cheap_look_misses_nothing(kind: str, key: str, text: str) -> None:
    value = {key: text}
    assert redact(value) == value or unclean([value])


def test_many_values_are_looked_at_as_each_alone() -> None:
    values = [{key: text} for _, key, text in corpus()]
    assert unclean(values) == [number for number, value in enumerate(values) if unclean([value])]


@given(st.lists(st.sampled_from(["a", "a@b.example", "x\ny", "call me", "0171 1234567", "k" * 600, "\u200b1", "["])))
def test_a_look_at_many_finds_what_stands_beside_another_finding(texts: list[str]) -> None:
    values = [{"query": text} for text in texts]
    assert unclean(values) == [number for number, value in enumerate(values) if unclean([value])]


@pytest.mark.parametrize(
    "text",
    [
        "01234567-0123-4123-8123-012345678abc",
        "4377a120-4377-8916-3640-0123456789ab",
        "12345678-1",
        "2024-11-25T13:00:00Z",
    ],
)  # fmt: skip
def test_ids_and_times_cost_no_second_look(text: str) -> None:
    assert unclean([{"id": text, "b": 1}]) == ([] if text != "12345678-1" else [0])


@pytest.mark.parametrize("behind", ["", " ", ".", ",", ")", "!", "\n", ";x", "?"])
@pytest.mark.parametrize(
    "number", ["0171 1234567", "(030) 1234567", "555-234-5678", "call 12345678", "+49 171 1234567"]
)
def test_what_stands_behind_a_number_does_not_hide_it(number: str, behind: str) -> None:
    assert "[redacted:phone]" in redact({"note": number + behind})["note"]
    assert unclean([{"note": number + behind}]) == [0]


@pytest.mark.parametrize(("kind", "key", "text"), [row for row in corpus() if row[0] != "keep"])
def test_redacting_twice_changes_nothing_more(kind: str, key: str, text: str) -> None:
    once = redact({key: text})
    assert redact(once) == once


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(JSON)
def test_any_json_is_taken(value: Any) -> None:
    redact(value)


def test_what_lies_too_deep_is_redacted_unseen() -> None:
    value: Any = "a@b.example"
    for _ in range(1_000):
        value = [value]
    done = redact(value)
    assert b"example" not in orjson.dumps(done)
    for _ in range(MAX_DEPTH):
        (done,) = done
    assert done == "[redacted:depth]"


SIZE = 65_000
HOSTILE = [
    *("1", "1-", "1.", "1 ", "+1", "(", "@", "a@", "a@a.", "a@b.co ", "a", ":", "ab:", "::", "1.2.3.4 ", "//", "/?"),
    *("http://a", "http://a.b?c=d ", "token=", "password: ", "eyJ", "eyJaaaaaaaa.", "bearer ", "%40", "call 12345 "),
    *("-----BEGIN PRIVATE KEY", "DE89ab12", "DE89 3704 0044 0532 ", "4111 1111 1111 1111 ", "0171 1234567 "),
    *("+49 171 123456 ", "\u200b1", "\uff11", "\u0661", "\u202e", "\u4e00\u200b"),
]


@pytest.mark.parametrize("piece", HOSTILE)
@pytest.mark.parametrize("key", ["x", "url", "query"])
def test_time_is_bounded_whatever_a_client_sends(piece: str, key: str) -> None:
    text = piece * (SIZE // len(piece.encode()))
    started = time.process_time()
    redact({key: text})
    assert time.process_time() - started < 1.0
