"""The client does what the contract says, case by case."""

import contextlib
import json
import socket
import time
from collections.abc import Iterator
from typing import Any

import pytest
from answering import Answering, answering
from contract import CASES

from auricle.client import Client
from auricle.client.verdict import away, judge


def client_of(url: str, **options: Any) -> Client:
    """A client that sends when it is told to, and is not patient."""
    return Client(url, "ak_test", interval=60.0, timeout=0.5, pause=0.05, sigterm=False, **options)


@contextlib.contextmanager
def meeting(case: dict[str, Any]) -> Iterator[tuple[Answering, Client, list[str | None], bool]]:
    """A client that has sent the events of a case and got its answer."""
    with contextlib.ExitStack() as stack:
        refused = case["answer"].get("fault") == "refused"
        if refused:
            with socket.socket() as free:
                free.bind(("127.0.0.1", 0))
                port = free.getsockname()[1]
            client = client_of(f"http://127.0.0.1:{port}")
        else:
            service = stack.enter_context(answering(case["answer"]))
            client = client_of(service.url)
        stack.callback(client.close, 0.0)
        events = case["request"]["body"].get("events", [case["request"]["body"]])
        ids = [client.track(event["event_name"], event["attributes"]) for event in events]
        client.flush(0.3)
        if refused:
            service = stack.enter_context(answering(port=port))
        yield service, client, ids, refused


@pytest.mark.parametrize("name", list(CASES))
def test_it_does_next_what_the_case_says(name: str) -> None:
    case = CASES[name]
    then = case["then"]
    with meeting(case) as (service, client, ids, refused):
        became = [one["becomes"] for one in then["events"]]
        kept = [each for each, how in zip(ids, became, strict=True) if how == "kept"]
        more = {"nothing": 0, "stop": 0, "retry": 0 if "after_seconds" in then else 1, "split": 2}[then["next"]]
        first = 0 if refused else 1
        service.wait(first + more)
        time.sleep(0.1)
        assert len(service.asked) == first + more
        assert [one.ids for one in service.asked[:first]] == [ids][:first]
        again = [each for one in service.asked[first:] for each in one.ids]
        assert again == (kept if more else [])
        assert bool(client.stopped) == (then["next"] == "stop")
        reasons = [one["reason"] for one in then["events"] if "reason" in one]
        counts = client.counts
        assert counts.dropped == {reason: reasons.count(reason) for reason in reasons}
        assert counts.settled == became.count("settled") + len(again)
        assert counts.waiting == len(kept) - len(again)
        if (wait := then.get("after_seconds")) is not None:
            assert client._sender is not None
            assert wait - 1 < client._sender._not_before - time.monotonic() < wait * 1.1


@pytest.mark.parametrize("name", list(CASES))
def test_the_verdict_is_that_of_the_case(name: str) -> None:
    case = CASES[name]
    answer, then = case["answer"], case["then"]
    count = len(then["events"])
    if "fault" in answer:
        verdict = away(count, "x")
    else:
        body = answer["text"].encode() if "text" in answer else json.dumps(answer["body"]).encode()
        verdict = judge(answer["status"], answer["headers"].get("Retry-After"), body, count)
    lost = {one.index: one.reason for one in verdict.lost}
    assert (verdict.next, verdict.after) == (then["next"], then.get("after_seconds"))
    assert [
        {"becomes": "kept"}
        if index in verdict.kept
        else {"becomes": "dropped", "reason": lost[index]}
        if index in lost
        else {"becomes": "settled"}
        for index in range(count)
    ] == then["events"]
