"""Training exports of the real service: the real dialogues through queue, `rules`, reports and every format, read back
by a reader that shares no code with what wrote them; and what an erasure tells of them."""

import gzip
import hashlib
import json
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from test_judge import JUDGING, answered, asked, run, score_events, tell
from test_replay_dialogues import SHARED, replay

from auricle.model.principal import Kind
from auricle.settings import Settings
from running import Service, serving, wait_until

EXPORT, MANIFESTS = "/export/training-data", "/api/v1/analytics/exports/training"
INTERACTIONS = "/api/v1/analytics/reports/interactions"
SUBJECTS = "/api/v1/analytics/subjects"


@pytest.fixture(scope="module")
def training(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with serving(Settings(data=tmp_path_factory.mktemp("training")), JUDGING) as service:
        run(service, "warm")
        yield service


def export(service: Service, tenant: str, asked_for: str = "") -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """The lines of an export and its manifest, which must tell the truth of the file."""
    reader = service.key(tenant, Kind.READ)
    answer = service.client.get(f"{service.url}{EXPORT}?period=24h{asked_for}", headers={"X-API-Key": reader})
    assert answer.status_code == 200, answer.text
    lines = [json.loads(line) for line in answer.content.decode().split("\n")[:-1]]
    manifest = service.ask("GET", f"{MANIFESTS}/{answer.headers['x-export-id']}", key=reader).body
    told = (manifest["rows"], manifest["bytes"], manifest["sha256"])
    assert told == (len(lines), len(answer.content), hashlib.sha256(answer.content).hexdigest())
    assert told[::2] == (int(answer.headers["x-export-rows"]), answer.headers["x-export-sha256"])
    return lines, manifest


def test_filters_choose(training: Service, tenant: str) -> None:
    yes = {"context": {"consent": {"analytics": True}}}
    tell(
        training,
        tenant,
        asked("a", text="where are the red shoes", **yes), answered("a"),
        asked("b", text="how late is it in Rome", site_id="other", source="text"), answered("b", text="I don't know."),
        asked("c", text="tell me a joke about birds"), answered("c", text=""),
        asked("d", text="what is the price of a bicycle", source="test"), answered("d", text="Two hundred euros."),
    )  # fmt: skip
    run(training, tenant)
    training.drained(tenant)

    def chosen(asked_for: str) -> list[str]:
        return sorted(line["query_id"] for line in export(training, tenant, asked_for)[0])

    assert chosen("") == ["a"], "of the others one is not answered, one a test, and one scored low"
    assert chosen("&state=answered&state=unanswered") == ["a", "b"]
    assert chosen("&store=other&state=unanswered") == ["b"]
    assert chosen("&source=text&state=unanswered") == ["b"]
    assert chosen("&consent=yes&state=answered&state=unanswered") == ["a"]
    assert chosen("&min_score=4&state=answered&state=unanswered") == ["a"]
    assert chosen("&max_score=4&state=answered&state=unanswered") == ["b"]
    assert training.ask("GET", f"{EXPORT}?period=24h&format=xml", key=training.key(tenant, Kind.READ)).status == 422
    stranger = training.key(f"{tenant}x", Kind.READ)
    newest = training.ask("GET", MANIFESTS, key=training.key(tenant, Kind.READ)).body["exports"][0]["id"]
    assert training.ask("GET", f"{MANIFESTS}/{newest}", key=stranger).status == 404
    assert training.ask("GET", MANIFESTS, key=stranger).body == {"exports": []}


def test_an_erasure_tells_which_exports_held_the_person(training: Service, tenant: str) -> None:
    theirs = asked("theirs", text="where do I find the green umbrellas", user_id="anna")
    tell(training, tenant, theirs, answered("theirs"), asked("mine", user_id="bert"), answered("mine"))
    run(training, tenant)
    training.drained(tenant)
    with_her, _ = export(training, tenant)
    held = export(training, tenant)[1]["id"]
    without = export(training, tenant, "&filters=" + '[{"field":"user_id","op":"eq","value":"bert"}]')[1]["id"]
    assert {line["query_id"] for line in with_her} == {"theirs", "mine"}
    admin = training.key(tenant, Kind.ADMIN)
    erasure = training.ask("POST", f"{SUBJECTS}/erase", {"user_id": "anna"}, admin).body["id"]
    place = f"{SUBJECTS}/erasures/{erasure}"
    receipt = wait_until(lambda: (told := training.ask("GET", place, key=admin).body)["state"] == "done" and told, 60)
    assert held in receipt["exports"]
    assert without not in receipt["exports"]
    assert len(receipt["exports"]) == 2
    after, manifest = export(training, tenant)
    assert {line["query_id"] for line in after} == {"mine"}
    assert manifest["id"] not in training.ask("GET", place, key=admin).body["exports"]


@pytest.mark.slow
@pytest.mark.skipif(not SHARED.exists(), reason="needs the real dialogues")
def test_the_real_dialogues_go_through_judge_reports_and_every_export(training: Service, tenant: str) -> None:
    dialogues = [one for path in sorted(SHARED.glob("dialogues_*.json.gz")) for one in read(path)]
    assert len(dialogues) == 964
    transactional = replay.transactional_intents(read(SHARED / "schema.json.gz"))
    now = datetime.now(UTC)
    events = [event for one in dialogues for event in replay.events_of(one, transactional, now=now)]
    spoken = {
        event["attributes"]["voice.query_id"]: event["attributes"]["voice.query_text"]
        for event in events
        if event["event_name"] == "voice.query"
    }
    tell(training, tenant, *events)
    judged = Counter[str]()
    while (told := run(training, tenant))["waiting"] or told["scored"]:
        judged.update(told)
    assert (judged["scored"], judged["unscored"], judged["skipped"]) == (len(spoken), 0, 0)
    training.drained(tenant)
    assert len(score_events(training, tenant)) == 5 * len(spoken)
    reader = training.key(tenant, Kind.READ)
    report = training.ask("POST", INTERACTIONS, {"period": "24h", "limit": 1}, reader).body
    assert report["total"] == len(spoken)
    assert 3 < report["score"] < 5
    every = "&duplicates=true" + "".join(f"&state={state}" for state in ("answered", "unanswered", "error", "pending"))
    raw, _ = export(training, tenant, every)
    assert sorted(line["query_id"] for line in raw) == sorted(spoken)
    good = [line for line in raw if line["score"] >= 3]
    assert report["counts"]["answered"] == len([line for line in raw if line["state"] == "answered"])
    chat, _ = export(training, tenant, every + "&format=openai-chat&min_score=3")
    gemini, _ = export(training, tenant, every + "&format=gemini&min_score=3")
    pairs = Counter((line["query_text"], line["answer_text"]) for line in good)
    assert Counter(tuple(part["content"] for part in line["messages"]) for line in chat) == pairs
    assert Counter(tuple(part["parts"][0]["text"] for part in line["contents"]) for line in gemini) == pairs
    parts = [export(training, tenant, f"{every}&split={split}")[0] for split in ("train", "test")]
    assert [{line["split"] for line in part} for part in parts] == [{"train"}, {"test"}]
    assert sum(map(len, parts)) == len(raw)
    unique, _ = export(training, tenant, every.removeprefix("&duplicates=true"))
    assert len({(line["query_text"].lower(), line["answer_text"].lower()) for line in unique}) == len(unique)
    assert 0.5 * len(raw) < len(unique) < len(raw)


def read(path: Path) -> Any:
    with gzip.open(path) as file:
        return json.load(file)
