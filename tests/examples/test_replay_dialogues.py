"""The replay of dialogues: counted by hand on a small one, and by other means on real ones."""

import gzip
import importlib.util
import json
import sys
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
SHARED = ROOT.parent / "shared" / "data" / "sgd"
NOW = datetime(2026, 1, 2, 12, tzinfo=UTC)
SCHEMA = [
    {
        "service_name": "Tables_1",
        "intents": [{"name": "Find", "is_transactional": False}, {"name": "Book", "is_transactional": True}],
    }
]


def load() -> ModuleType:
    """The example, which is no package."""
    spec = importlib.util.spec_from_file_location("replay_dialogues", ROOT / "examples" / "replay_dialogues.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


replay = load()


def called(method: str, results: int) -> dict[str, Any]:
    call = {"method": method, "parameters": {"city": "Bonn"}}
    return {"service": "Tables_1", "service_call": call, "service_results": [{"name": "Roma"}] * results}


def turns(utterances: list[str], frames: list[dict[str, Any]]) -> list[dict[str, Any]]:
    user, system = utterances
    return [
        {"speaker": "USER", "utterance": user, "frames": []},
        {"speaker": "SYSTEM", "utterance": system, "frames": frames},
    ]


DIALOGUE = {
    "dialogue_id": "9_00001",
    "services": ["Tables_1"],
    "turns": turns(["a table", "in which city"], [{"service": "Tables_1"}])
    + turns(["Bonn", "Roma has one"], [called("Find", 2)])
    + turns(["another", "there is none"], [called("Find", 0)])
    + turns(["Roma then", "sorry"], [called("Book", 0)])
    + turns(["once more", "done"], [called("Book", 1)]),
}


def test_a_dialogue_counted_by_hand() -> None:
    events = replay.events_of(DIALOGUE, replay.transactional_intents(SCHEMA), now=NOW)

    assert Counter(event["event_name"] for event in events) == {
        "voice.turn_started": 5,
        "voice.query": 5,
        "voice.first_response": 5,
        "voice.outcome": 5,
        "ai.tool_call_started": 4,
        "ai.tool_call_completed": 4,
        "kb.search": 2,
        "kb.hit": 1,
        "booking.slot_hold": 2,
        "booking.confirmed": 1,
        "ai.tool_chain_completed": 1,
    }
    told = {
        name: [event["attributes"].get(key) for event in events if event["event_name"] == name]
        for name, key in (
            ("voice.query", "voice.query_text"),
            ("voice.outcome", "voice.action_success"),
            ("ai.tool_call_completed", "ai.tool.success"),
            ("kb.search", "kb.results_count"),
            ("booking.slot_hold", "booking.slot_id"),
            ("booking.confirmed", "booking.slot_id"),
            ("ai.tool_chain_completed", "ai.tool_chain.length"),
        )
    }
    assert told == {
        "voice.query": ["a table", "Bonn", "another", "Roma then", "once more"],
        "voice.outcome": [None, True, False, False, True],
        "ai.tool_call_completed": [True, False, False, True],
        "kb.search": [2, 0],
        "booking.slot_hold": ["9_00001/3/0", "9_00001/4/0"],
        "booking.confirmed": ["9_00001/4/0"],
        "ai.tool_chain_completed": [4],
    }


def test_times_are_in_order_and_within_a_day() -> None:
    times = [
        datetime.fromisoformat(event["occurred_at"])
        for event in replay.events_of(DIALOGUE, replay.transactional_intents(SCHEMA), now=NOW)
    ]

    assert times == sorted(times)
    assert NOW - timedelta(hours=24) < times[0]
    assert times[-1] < NOW


def test_ids_last_and_times_hang_on_the_seed() -> None:
    transactional = replay.transactional_intents(SCHEMA)
    first, same, other, later = (
        replay.events_of(DIALOGUE, transactional, now=now, seed=seed)
        for now, seed in ((NOW, 0), (NOW, 0), (NOW, 1), (NOW + timedelta(days=1), 0))
    )

    assert first == same != other
    assert [event["event_id"] for event in first] == [event["event_id"] for event in other]
    assert [event["event_id"] for event in first] == [event["event_id"] for event in later]
    assert len({event["event_id"] for event in first}) == len(first)


def test_batches_keep_every_event_within_the_limits() -> None:
    events = [{"event_id": str(number), "attributes": {"text": "ä" * (number % 7) * 1000}} for number in range(1200)]

    bodies = list(replay.batches(events))

    assert [event for body in bodies for event in json.loads(body)["events"]] == events
    assert max(len(body) for body in bodies) < 500_000
    assert max(len(json.loads(body)["events"]) for body in bodies) <= 500
    assert list(replay.batches([])) == []


def test_folders(tmp_path: Path) -> None:
    (tmp_path / "dialogues_001.json").write_text(json.dumps([DIALOGUE]))
    (tmp_path / "schema.json.gz").write_bytes(gzip.compress(json.dumps(SCHEMA).encode()))

    assert replay.read_folder(tmp_path) == ([DIALOGUE], frozenset({("Tables_1", "Book")}))
    with pytest.raises(SystemExit, match=r"has no schema\.json and dialogues"):
        replay.read_folder(tmp_path / "none")


@pytest.mark.skipif(not SHARED.is_dir(), reason="needs ../shared/data/sgd beside the repository")
def test_real_dialogues() -> None:
    files = [json.loads(gzip.decompress(file.read_bytes())) for file in sorted(SHARED.glob("dialogues_*.json.gz"))]
    turns_of = [turn for dialogues in files for dialogue in dialogues for turn in dialogue["turns"]]
    frames = [frame for turn in turns_of for frame in turn["frames"] if "service_call" in frame]
    changes = {
        (service["service_name"], intent["name"])
        for service in json.loads(gzip.decompress((SHARED / "schema.json.gz").read_bytes()))
        for intent in service["intents"]
        if intent["is_transactional"]
    }
    booked = [frame for frame in frames if (frame["service"], frame["service_call"]["method"]) in changes]
    sought = [frame for frame in frames if (frame["service"], frame["service_call"]["method"]) not in changes]
    asked = sum(turn["speaker"] == "USER" for turn in turns_of)

    dialogues, transactional = replay.read_folder(SHARED)
    events = [event for one in dialogues for event in replay.events_of(one, transactional, now=NOW)]

    assert Counter(event["event_name"] for event in events) == {
        **dict.fromkeys(("voice.turn_started", "voice.query", "voice.first_response", "voice.outcome"), asked),
        **dict.fromkeys(("ai.tool_call_started", "ai.tool_call_completed"), len(frames)),
        "kb.search": len(sought),
        "kb.hit": sum(bool(frame["service_results"]) for frame in sought),
        "booking.slot_hold": len(booked),
        "booking.confirmed": sum(bool(frame["service_results"]) for frame in booked),
        "ai.tool_chain_completed": sum(
            any("service_call" in frame for turn in dialogue["turns"] for frame in turn["frames"])
            for dialogues in files
            for dialogue in dialogues
        ),
    }
    assert len({event["event_id"] for event in events}) == len(events)
