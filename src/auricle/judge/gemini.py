"""Gemini: `generateContent` with a response schema."""

from typing import Any

import httpx2

from auricle.judge.prompt import CHECK, Prompt
from auricle.judge.provider import Reply, Trouble, a_count, post
from auricle.settings import Settings

_BLOCKED = frozenset({"SAFETY", "RECITATION", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "LANGUAGE"})


class Gemini:
    """Asks a model of the Gemini API."""

    name = "gemini"

    def __init__(self, client: httpx2.AsyncClient, settings: Settings) -> None:
        self._client = client
        key = settings.gemini_api_key
        self._headers = {
            "x-goog-api-key": key.get_secret_value() if key else "",
            "Content-Type": "application/json",
        }
        self._model = settings.gemini_model
        self._url = f"{settings.gemini_url.rstrip('/')}/v1beta/models/{self._model}:generateContent"

    async def ask(self, prompt: Prompt) -> Reply | Trouble:
        """The model's reply."""
        told = await post(self._client, self._url, self._headers, self._body(prompt))
        return told if isinstance(told, Trouble) else _reply(told, self._model)

    async def close(self) -> None:
        """Gives the connections back."""
        await self._client.aclose()

    def _body(self, prompt: Prompt) -> dict[str, Any]:
        config: dict[str, Any] = {
            "temperature": 0,
            "candidateCount": 1,
            "maxOutputTokens": prompt.output_tokens,
            "responseMimeType": "application/json",
            "responseSchema": _schema(prompt),
        }
        if "flash" in self._model:
            # NOTE: thoughts count as output; these models may be told to have none, others refuse that.
            config["thinkingConfig"] = {"thinkingBudget": 0}
        return {
            "systemInstruction": {"parts": [{"text": prompt.system}]},
            "contents": [{"role": "user", "parts": [{"text": prompt.user}]}],
            "generationConfig": config,
        }


def _schema(prompt: Prompt) -> dict[str, Any]:
    """The schema of a reply in the dialect of this API."""
    members: dict[str, Any] = {CHECK: {"type": "STRING"}}
    for rubric in prompt.rubrics:
        score = {"type": "INTEGER", "nullable": True, "minimum": rubric.low, "maximum": rubric.high}
        members[rubric.name] = _object({"explanation": {"type": "STRING"}, "score": score})
    return _object(members)


def _object(members: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "OBJECT",
        "properties": members,
        "required": list(members),
        "propertyOrdering": list(members),
    }


def _reply(told: dict[str, Any], model: str) -> Reply:
    usage = told.get("usageMetadata")
    usage = usage if isinstance(usage, dict) else {}
    spent = (
        a_count(usage.get("promptTokenCount")),
        a_count(usage.get("candidatesTokenCount")) + a_count(usage.get("thoughtsTokenCount")),
    )
    version = told.get("modelVersion")
    model = version if isinstance(version, str) and version else model
    feedback = told.get("promptFeedback")
    if isinstance(feedback, dict) and feedback.get("blockReason"):
        return Reply("", model, *spent, fault="blocked")
    candidates = told.get("candidates")
    first = candidates[0] if isinstance(candidates, list) and candidates else None
    if not isinstance(first, dict):
        return Reply("", model, *spent, fault="empty")
    ended = first.get("finishReason")
    if ended in _BLOCKED:
        return Reply("", model, *spent, fault="blocked")
    content = first.get("content")
    parts = content.get("parts") if isinstance(content, dict) else None
    texts = [
        part["text"]
        for part in (parts if isinstance(parts, list) else [])
        if isinstance(part, dict) and isinstance(part.get("text"), str) and not part.get("thought")
    ]
    return Reply("".join(texts), model, *spent, fault=None if ended in ("STOP", None) else "truncated")
