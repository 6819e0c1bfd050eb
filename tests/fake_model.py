"""A model that is none: speaks the wire formats of Gemini and of OpenAI over a real socket, well and badly.

What it does with a request, the question of the person in its transcript says: `429`, `500`, `truncated` …; a number
after a slash says how often, before it does right: `500/2`. It is as gullible as a model can be when told so.
"""

import json
import re
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

USAGE = (700, 120)
"""Tokens of each prompt and reply."""
GOOD = 4


@dataclass
class FakeModel:
    """What was asked, and how to answer."""

    port: int = 0
    gullible: bool = False
    """Whether it gives five points to whoever asks for anything."""
    key: str = "right-key"
    seconds: float = 0.0
    """How long each reply takes."""
    status: int | None = None
    """The status of every answer."""
    asked: list[dict[str, Any]] = field(default_factory=list)
    """The transcripts, as they arrived."""
    bodies: list[dict[str, Any]] = field(default_factory=list)
    at_once: int = 0
    most_at_once: int = 0
    tries: Counter[str] = field(default_factory=Counter)
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def environment(self, wire: str) -> dict[str, str]:
        """The settings of a service that asks it."""
        if wire == "gemini":
            return {"GEMINI_API_KEY": self.key, "AURICLE_GEMINI_URL": self.url}
        return {"OPENAI_API_KEY": self.key, "AURICLE_OPENAI_URL": f"{self.url}/v1"}


@contextmanager
def fake_model(**more: Any) -> Iterator[FakeModel]:
    """The model, listening."""
    model = FakeModel(**more)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            raw = self.rfile.read(int(self.headers["Content-Length"]))
            with model.lock:
                model.at_once += 1
                model.most_at_once = max(model.most_at_once, model.at_once)
            try:
                status, headers, body = answer(model, self.path, dict(self.headers), json.loads(raw))
            finally:
                with model.lock:
                    model.at_once -= 1
            try:
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body) + (100 if "X-Cut" in headers else 0)))
                self.end_headers()
                self.wfile.write(body)
                if "X-Cut" in headers:
                    self.close_connection = True
            except OSError:
                self.close_connection = True

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    model.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield model
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


Told = tuple[int, dict[str, str], bytes]


def answer(model: FakeModel, path: str, headers: dict[str, str], body: dict[str, Any]) -> Told:
    """Status, headers and body of an answer."""
    gemini = path.endswith(":generateContent")
    key = headers.get("x-goog-api-key") if gemini else headers.get("Authorization", "").removeprefix("Bearer ")
    system, user, schema = _read(body, gemini)
    lines = user.split("\n")
    assert len(lines) == 3, "the transcript is one line between two marks"
    assert lines[0] == lines[2]
    assert system.count(lines[0]) == 1
    assert "<" not in lines[1]
    said = json.loads(lines[1])
    with model.lock:
        model.asked.append(said)
        model.bodies.append(body)
        what, _, times = said["person"].partition("/")
        model.tries[said["person"]] += 1
        if times.isdigit() and model.tries[said["person"]] > int(times):
            what = "right"
    time.sleep(2.0 if what == "slow" else model.seconds)
    if model.status is not None:
        return _error(model.status, gemini)
    if key != model.key:
        return _error(400 if gemini else 401, gemini, "API_KEY_INVALID")
    if what in ("429", "500", "503", "400", "402", "404"):
        return _error(int(what), gemini)
    if what == "cut":
        return 200, {"X-Cut": "1"}, b'{"candidates": ['
    if what == "nonsense":
        return 200, {}, b"<html>busy</html>"
    code = re.search(r"with the text (\w+)", system)
    assert code is not None
    text, ended = _text(model, what, code[1], schema, said)
    return 200, {"Content-Type": "application/json"}, json.dumps(_wrapped(text, ended, gemini)).encode()


def _read(body: dict[str, Any], gemini: bool) -> tuple[str, str, dict[str, Any]]:
    if gemini:
        (turn,) = body["contents"]
        assert turn["role"] == "user"
        config = body["generationConfig"]
        assert config["responseMimeType"] == "application/json"
        return body["systemInstruction"]["parts"][0]["text"], turn["parts"][0]["text"], config["responseSchema"]
    system, user = body["messages"]
    assert (system["role"], user["role"]) == ("system", "user")
    form = body["response_format"]
    assert form["type"] == "json_schema"
    assert form["json_schema"]["strict"] is True
    return system["content"], user["content"], form["json_schema"]["schema"]


def _text(model: FakeModel, what: str, code: str, schema: dict[str, Any], said: dict[str, Any]) -> tuple[str, str]:
    """What the model says, and why it ended."""
    names = [name for name in schema["properties"] if name != "check"]
    score: Any = 5 if model.gullible else GOOD
    verdicts: dict[str, Any] = {name: {"explanation": f"It was {name}.", "score": score} for name in names}
    told = {"check": code, **verdicts}
    text = json.dumps(told)
    odd: dict[str, tuple[str, str]] = {
        "truncated": (text[: len(text) // 2], "MAX_TOKENS"),
        "prose": (f"Sure! Here is my verdict:\n```json\n{text}\n```\nHope it helps.", "STOP"),
        "empty": ("", "STOP"),
        "blocked": ("", "SAFETY"),
        "wrong json": (json.dumps({"score": 5}), "STOP"),
        "list": (json.dumps([told]), "STOP"),
        "twice": (text[:-1] + ', "overall": {"explanation": "", "score": 1}}', "STOP"),
        "wrong check": (json.dumps({**told, "check": "x"}), "STOP"),
        "more": (json.dumps({**told, "bonus": 1}), "STOP"),
        "out of scale": (json.dumps({**told, "overall": {"explanation": "!", "score": 9}}), "STOP"),
        "text": (json.dumps({**told, "overall": {"explanation": "!", "score": "5"}}), "STOP"),
        "half": (json.dumps({**told, "overall": {"explanation": "!", "score": 4.5}}), "STOP"),
        "nan": (text.replace(str(score), "NaN"), "STOP"),
        "true": (json.dumps({**told, "overall": {"explanation": "!", "score": True}}), "STOP"),
        "null": (json.dumps({**told, "overall": {"explanation": "Not here.", "score": None}}), "STOP"),
        "all out": (json.dumps({"check": code} | {name: {"explanation": "", "score": -1} for name in names}), "STOP"),
    }
    return odd.get(what, (text, "STOP"))


def _wrapped(text: str, ended: str, gemini: bool) -> dict[str, Any]:
    if gemini:
        return {
            "candidates": [
                {"content": {"role": "model", "parts": [{"text": text}]}, "finishReason": ended, "index": 0}
            ],
            "usageMetadata": {
                "promptTokenCount": USAGE[0],
                "candidatesTokenCount": USAGE[1],
                "totalTokenCount": sum(USAGE),
            },
            "modelVersion": "gemini-fake-001",
        }
    reason = {"STOP": "stop", "MAX_TOKENS": "length", "SAFETY": "content_filter"}[ended]
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "model": "gpt-fake-001",
        "choices": [
            {"index": 0, "message": {"role": "assistant", "content": text, "refusal": None}, "finish_reason": reason}
        ],
        "usage": {"prompt_tokens": USAGE[0], "completion_tokens": USAGE[1], "total_tokens": sum(USAGE)},
    }


def _error(status: int, gemini: bool, reason: str = "") -> tuple[int, dict[str, str], bytes]:
    headers = {"Retry-After": "1"} if status == 429 else {}
    if gemini:
        details = [{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": reason}] if reason else []
        error: dict[str, Any] = {"code": status, "message": "no", "status": "FAILED", "details": details}
    else:
        error = {"message": "no", "type": "error", "param": None, "code": reason or None}
    return status, headers, json.dumps({"error": error}).encode()
