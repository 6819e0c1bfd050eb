#!/usr/bin/env python3
"""Replays Schema-Guided Dialogue files as the events of a voice assistant, through the HTTP door of Auricle.

    python examples/replay_dialogues.py FOLDER --url http://127.0.0.1:8000 --key ak_…

FOLDER holds `dialogues_*.json[.gz]` and `schema.json[.gz]`. The dialogues have no times: a seed makes them, within the
24 hours before now. Event ids depend on the dialogue alone, so a second run stores nothing twice. Needs no package.

What becomes of a dialogue:

- a user's turn with the answer: `voice.turn_started`, `voice.query`, `voice.first_response`, `voice.outcome`
- a service call: `ai.tool_call_started`, `ai.tool_call_completed`; it succeeded when it has results
- a call that only looks things up (its intent is not transactional): `kb.search`, and `kb.hit` for its first result
- a call that changes the world: `booking.slot_hold`, and `booking.confirmed` when it has results
- a dialogue with calls: one `ai.tool_chain_completed` at its end
"""

import argparse
import gzip
import json
import os
import random
import sys
import time
import urllib.error
import urllib.request
import uuid
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

Dialogue = dict[str, Any]
Event = dict[str, Any]
Intent = tuple[str, str]
"""Service and method."""

NAMESPACE = uuid.UUID("5b1f3f6c-7f0e-5f1c-8a55-2f6f0c1f7d10")
MODEL = "dialogue-replay"
BATCH_EVENTS = 500
BATCH_BYTES = 450_000
TRANSIENT = {429, 502, 503, 504, 507}


def transactional_intents(schema: list[dict[str, Any]]) -> frozenset[Intent]:
    """The calls that change the world, from `schema.json`."""
    return frozenset(
        (service["service_name"], intent["name"])
        for service in schema
        for intent in service["intents"]
        if intent["is_transactional"]
    )


def events_of(dialogue: Dialogue, transactional: frozenset[Intent], *, now: datetime, seed: int = 0) -> list[Event]:
    """The events of one dialogue in the order of their times, all within the 24 hours before `now`.

    Pure: the same arguments give the same events.
    """
    return _Replay(dialogue, transactional, now, seed).run()


class _Replay:
    """One dialogue on its way to events: the clock goes on as things are said and called."""

    def __init__(self, dialogue: Dialogue, transactional: frozenset[Intent], now: datetime, seed: int) -> None:
        self.id: str = dialogue["dialogue_id"]
        self.turns: list[dict[str, Any]] = dialogue["turns"]
        self.transactional = transactional
        self.random = random.Random(f"{seed}/{self.id}")
        longest = timedelta(minutes=2) * (len(self.turns) + 1)
        oldest, newest = timedelta(hours=23, minutes=30), longest + timedelta(minutes=1)
        self.clock = now - newest - self.random.random() * max(oldest - newest, timedelta())
        self.user = f"caller-{uuid.uuid5(NAMESPACE, self.id).int % 400:03d}"
        self.events: list[Event] = []

    def run(self) -> list[Event]:
        """Every event of the dialogue."""
        calls = successes = 0
        started = self.clock
        pairs = zip(self.turns[::2], self.turns[1::2], strict=False)
        for number, (asked, answered) in enumerate(pairs):
            made, worked = self.turn(number, asked["utterance"], answered)
            calls, successes = calls + made, successes + worked
        if calls:
            chain = {
                "ai.tool_chain.length": calls,
                "ai.tool_chain.success": successes == calls,
                "ai.tool_chain.duration_ms": round((self.clock - started) / timedelta(milliseconds=1)),
            }
            self.tell("ai.tool_chain_completed", "end", chain)
        return self.events

    def turn(self, number: int, question: str, answered: dict[str, Any]) -> tuple[int, int]:
        """A question and its answer. Returns how many calls were made, and how many had results."""
        turn = {"voice.session_id": self.id, "voice.turn_id": f"{self.id}/{number}"}
        query_id = str(uuid.uuid5(NAMESPACE, f"{self.id}/{number}"))
        self.tell("voice.turn_started", number, turn)
        spoken = 380 * len(question.split()) + self.random.randint(100, 900)
        self.wait(spoken)
        query = {
            "voice.query_id": query_id,
            "voice.query_text": question,
            "voice.query_source": "voice",
            "voice.audio_duration_ms": spoken,
            "voice.asr_confidence": round(self.random.uniform(0.72, 0.99), 3),
        }
        self.tell("voice.query", number, query)
        asked_at = self.clock
        self.wait(round(self.random.lognormvariate(5.9, 0.35)))
        first = {**turn, "voice.first_response_ms": self.since(asked_at), "gen_ai.request.model": MODEL}
        self.tell("voice.first_response", number, first)
        frames = [frame for frame in answered["frames"] if "service_call" in frame]
        worked = [self.call(f"{number}/{place}", frame) for place, frame in enumerate(frames)]
        self.wait(self.random.randint(40, 400))
        tokens = 30 + 2 * len(question.split()) + 3 * len(answered["utterance"].split())
        outcome: dict[str, Any] = {
            "voice.query_id": query_id,
            "voice.answer_text": answered["utterance"],
            "voice.latency_ms": self.since(asked_at),
            "gen_ai.usage.total_tokens": tokens,
            "gen_ai.usage.cost_usd": round(tokens * 0.000002, 6),
        }
        if frames:
            outcome["voice.tools_used"] = [frame["service_call"]["method"] for frame in frames]
            outcome["voice.action_taken"] = True
            outcome["voice.action_success"] = all(worked)
        self.tell("voice.outcome", number, outcome)
        self.wait(self.random.randint(800, 6000))
        return len(frames), sum(worked)

    def call(self, place: str, frame: dict[str, Any]) -> bool:
        """A service call. Returns whether it has results."""
        service, method = frame["service"], frame["service_call"]["method"]
        parameters: dict[str, str] = frame["service_call"]["parameters"]
        results: list[dict[str, str]] = frame["service_results"]
        tool = {"gen_ai.tool.name": method, "ai.tool.category": service, "gen_ai.conversation.id": self.id}
        self.tell("ai.tool_call_started", place, tool)
        started = self.clock
        slot = {"booking.slot_id": f"{self.id}/{place}", "booking.service": service}
        changes = (service, method) in self.transactional
        if changes:
            self.tell("booking.slot_hold", place, slot)
        self.wait(round(self.random.lognormvariate(5.2, 0.5)))
        if changes and results:
            self.tell("booking.confirmed", place, slot)
        if not changes:
            self.search(place, f"{method} {' '.join(parameters.values())}"[:500], results, self.since(started))
        self.wait(self.random.randint(1, 20))
        completed = {**tool, "ai.tool.duration_ms": self.since(started), "ai.tool.success": bool(results)}
        self.tell("ai.tool_call_completed", place, completed)
        return bool(results)

    def search(self, place: str, query: str, results: list[dict[str, str]], latency: int) -> None:
        """A look-up, and its first result."""
        search: dict[str, Any] = {
            "kb.query": query,
            "kb.results_count": len(results),
            "kb.search_latency_ms": latency,
            "gen_ai.conversation.id": self.id,
        }
        if results:
            search["kb.top_score"] = round(self.random.uniform(0.5, 0.98), 3)
        self.tell("kb.search", place, search)
        if results:
            document = str(uuid.uuid5(NAMESPACE, json.dumps(results[0], sort_keys=True)))
            self.tell("kb.hit", place, {"kb.query": query, "kb.document_id": document, "kb.rank": 1})

    def wait(self, milliseconds: int) -> None:
        """Lets the clock go on."""
        self.clock += timedelta(milliseconds=milliseconds)

    def since(self, start: datetime) -> int:
        """Milliseconds that have gone by."""
        return round((self.clock - start) / timedelta(milliseconds=1))

    def tell(self, name: str, place: str | int, attributes: dict[str, Any]) -> None:
        """Adds an event at the present time of the clock."""
        self.events.append(
            {
                "event_id": str(uuid.uuid5(NAMESPACE, f"{self.id}/{place}/{name}")),
                "event_name": name,
                "occurred_at": self.clock.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
                "site_id": "assistant",
                "session_id": self.id,
                "user_id": self.user,
                "source": "voice",
                "attributes": dict(attributes),
            }
        )


def read_json(path: Path) -> Any:
    """The content of a JSON file, gzip or plain."""
    with gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else path.open(encoding="utf-8") as file:
        return json.load(file)


def read_folder(folder: Path) -> tuple[list[Dialogue], frozenset[Intent]]:
    """The dialogues of a folder in the order of their files, and the calls that change the world."""
    schemas = sorted(folder.glob("schema.json*"))
    files = sorted(folder.glob("dialogues_*.json*"))
    if not schemas or not files:
        raise SystemExit(f"{folder} has no schema.json and dialogues_*.json, plain or .gz")
    dialogues = [dialogue for file in files for dialogue in read_json(file)]
    return dialogues, transactional_intents(read_json(schemas[0]))


def batches(events: Iterable[Event]) -> Iterator[bytes]:
    """The bodies of batch requests, each within the limits of the door."""
    waiting: list[bytes] = []
    size = 0
    for event in events:
        text = json.dumps(event, ensure_ascii=False, separators=(",", ":")).encode()
        if waiting and (len(waiting) == BATCH_EVENTS or size + len(text) > BATCH_BYTES):
            yield b'{"events":[' + b",".join(waiting) + b"]}"
            waiting, size = [], 0
        waiting.append(text)
        size += len(text) + 1
    if waiting:
        yield b'{"events":[' + b",".join(waiting) + b"]}"


def send(url: str, key: str, body: bytes, patience: float = 120) -> dict[str, Any]:
    """The answer to one batch. Tries again for `patience` seconds while the service is busy or away."""
    request = urllib.request.Request(
        url.rstrip("/") + "/api/v1/analytics/events/batch",
        data=gzip.compress(body, 5),
        headers={"Content-Type": "application/json", "Content-Encoding": "gzip", "Authorization": f"Bearer {key}"},
    )
    deadline, pause = time.monotonic() + patience, 0.5
    while True:
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return dict(json.load(answer))
        except urllib.error.HTTPError as refusal:
            told = refusal.read()
            if refusal.code == 422 and b'"results"' in told:
                return dict(json.loads(told))
            if refusal.code not in TRANSIENT or time.monotonic() > deadline:
                raise SystemExit(f"the service answered {refusal.code}: {told.decode(errors='replace')}") from None
            wait = refusal.headers.get("Retry-After", "")
            time.sleep(float(wait) if wait.isdigit() else pause)
        except OSError as error:
            if time.monotonic() > deadline:
                raise SystemExit(f"the service cannot be reached: {error}") from None
            time.sleep(pause)
        pause = min(pause * 2, 10)


def main() -> None:
    """Replays a folder and prints what became of the events, as JSON."""
    about, _, more = (__doc__ or "").partition("\n\n")
    options = argparse.ArgumentParser(
        description=about, epilog=more, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("folder", type=Path, help="folder of the dialogues")
    options.add_argument("--url", default=os.environ.get("AURICLE_URL", "http://127.0.0.1:8000"))
    options.add_argument("--key", default=os.environ.get("AURICLE_KEY"), help="an ingest or admin key (AURICLE_KEY)")
    options.add_argument("--seed", type=int, default=0, help="of the times and durations")
    options.add_argument("--now", type=datetime.fromisoformat, help="RFC 3339; the present without it")
    options.add_argument("--limit", type=int, help="replay only so many dialogues")
    chosen = options.parse_args()
    if not chosen.key:
        options.error("a key is needed: --key or AURICLE_KEY")
    now = chosen.now or datetime.now(UTC)
    if now.tzinfo is None:
        options.error("--now needs a zone, for example 2026-01-02T03:04:05Z")

    dialogues, transactional = read_folder(chosen.folder)
    events = (
        event
        for dialogue in dialogues[: chosen.limit]
        for event in events_of(dialogue, transactional, now=now, seed=chosen.seed)
    )
    totals: Counter[str] = Counter()
    for body in batches(events):
        answer = send(chosen.url, chosen.key, body)
        totals.update({name: answer[name] for name in ("accepted", "duplicates", "rejected", "dropped")})
        if sys.stderr.isatty():
            print(f"\r{sum(totals.values()):,} events ", end="", file=sys.stderr, flush=True)
    print(json.dumps({"dialogues": len(dialogues[: chosen.limit]), **totals}))


if __name__ == "__main__":
    main()
