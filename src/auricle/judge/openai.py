"""OpenAI and everything that speaks its API: `chat/completions` with a JSON schema as response format."""

from typing import Any
from urllib.parse import urlsplit

import httpx2

from auricle.judge.prompt import Prompt, reply_schema
from auricle.judge.provider import Reply, Trouble, a_count, post
from auricle.settings import Settings


class OpenAi:
    """Asks a model of an OpenAI-compatible endpoint."""

    name = "openai"

    def __init__(self, client: httpx2.AsyncClient, settings: Settings) -> None:
        self._client = client
        key = settings.openai_api_key
        self._headers = {"Content-Type": "application/json"}
        if key:
            self._headers["Authorization"] = f"Bearer {key.get_secret_value()}"
        self._model = settings.openai_model
        self._url = f"{settings.openai_url.rstrip('/')}/chat/completions"
        # NOTE: its own newer models refuse a temperature and the older name of the limit; other servers know no other.
        own = urlsplit(self._url).hostname == "api.openai.com"
        self._limit, self._more = ("max_completion_tokens", {}) if own else ("max_tokens", {"temperature": 0})

    async def ask(self, prompt: Prompt) -> Reply | Trouble:
        """The model's reply."""
        body: dict[str, Any] = {
            "model": self._model,
            "messages": [{"role": "system", "content": prompt.system}, {"role": "user", "content": prompt.user}],
            "response_format": {
                "type": "json_schema",
                "json_schema": {"name": "verdicts", "strict": True, "schema": reply_schema(prompt.rubrics)},
            },
            self._limit: prompt.output_tokens,
            **self._more,
        }
        told = await post(self._client, self._url, self._headers, body)
        return told if isinstance(told, Trouble) else _reply(told, self._model)

    async def close(self) -> None:
        """Gives the connections back."""
        await self._client.aclose()


def _reply(told: dict[str, Any], model: str) -> Reply:
    usage = told.get("usage")
    usage = usage if isinstance(usage, dict) else {}
    spent = a_count(usage.get("prompt_tokens")), a_count(usage.get("completion_tokens"))
    model = told["model"] if isinstance(told.get("model"), str) and told["model"] else model
    choices = told.get("choices")
    first = choices[0] if isinstance(choices, list) and choices else None
    message = first.get("message") if isinstance(first, dict) else None
    if not isinstance(first, dict) or not isinstance(message, dict):
        return Reply("", model, *spent, fault="empty")
    ended = first.get("finish_reason")
    if ended == "content_filter" or message.get("refusal"):
        return Reply("", model, *spent, fault="blocked")
    content = message.get("content")
    text = content if isinstance(content, str) else ""
    return Reply(text, model, *spent, fault=None if ended in ("stop", None) else "truncated")
