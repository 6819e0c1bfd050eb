"""The provider: one question to a model over HTTP, and what can become of it. The only room that calls models.

Nothing of a transcript, a reply or a key is ever logged or told in a reason.
"""

import email.utils
from dataclasses import dataclass
from datetime import UTC
from enum import StrEnum
from typing import Any, Protocol

import httpx2
import orjson

from auricle import clock
from auricle.judge.prompt import Prompt

MAX_REPLY = 1_000_000
"""Bytes of an answer that are read."""
MAX_WAIT = 3_600.0
"""Seconds that a provider may ask us to wait."""


class Kind(StrEnum):
    """What kind of trouble it is."""

    AUTH = "auth"
    """The key is wrong or may not do this: the judge pauses itself."""
    BILLING = "billing"
    """There is no money or no plan: the judge pauses itself."""
    MODEL = "model"
    """There is no such model or address: the judge pauses itself."""
    BUSY = "busy"
    """Too many requests: the judge rests for as long as it is told."""
    AWAY = "away"
    """No answer, or one that says that the provider is broken."""
    REFUSED = "refused"
    """This question is refused; another one may not be."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What a model said."""

    text: str
    model: str
    input_tokens: int
    output_tokens: int
    fault: str | None = None
    """Why the text cannot be used, as far as the provider says: `truncated`, `blocked`, `wrong_shape`."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why there is no reply."""

    kind: Kind
    seconds: float | None = None
    """How long the provider asks to wait."""
    billed: bool = False
    """Whether the call may be billed all the same: nobody heard its end."""


class Provider(Protocol):
    """A kind of API that models are asked by."""

    name: str

    async def ask(self, prompt: Prompt) -> Reply | Trouble:
        """The model's reply."""

    async def close(self) -> None:
        """Gives the connections back."""


async def post(
    client: httpx2.AsyncClient, url: str, headers: dict[str, str], body: dict[str, Any]
) -> dict[str, Any] | Trouble:
    """The JSON object that answers a question, or what went wrong."""
    try:
        async with client.stream("POST", url, headers=headers, content=orjson.dumps(body)) as answer:
            raw = bytearray()
            async for piece in answer.aiter_bytes():
                raw += piece
                if len(raw) > MAX_REPLY:
                    return Trouble(Kind.AWAY, billed=True)
            status, told = answer.status_code, answer.headers
    except (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout):
        return Trouble(Kind.AWAY)
    except (httpx2.HTTPError, httpx2.InvalidURL):
        return Trouble(Kind.AWAY, billed=True)
    try:
        found = orjson.loads(bytes(raw))
    except orjson.JSONDecodeError:
        found = None
    if status == 200:
        return found if isinstance(found, dict) else Trouble(Kind.AWAY, billed=True)
    return trouble_of(status, told.get("Retry-After"), found if isinstance(found, dict) else {})


def trouble_of(status: int, retry_after: str | None, body: dict[str, Any]) -> Trouble:
    """What an answer that is no success means, in the words of either API."""
    error = body.get("error")
    error = error if isinstance(error, dict) else {}
    details = error.get("details")
    details = [one for one in details if isinstance(one, dict)] if isinstance(details, list) else []
    codes = {str(error.get("code")), str(error.get("type")), *(str(one.get("reason")) for one in details)}
    if status in (401, 403) or "API_KEY_INVALID" in codes:
        return Trouble(Kind.AUTH)
    if status == 402 or codes & {"insufficient_quota", "billing_hard_limit_reached", "billing_not_active"}:
        return Trouble(Kind.BILLING)
    if status == 404:
        return Trouble(Kind.MODEL)
    delays = [str(one["retryDelay"]).rstrip("s") for one in details if "retryDelay" in one]
    asked = retry_after or (delays[0] if delays else None)
    wait = None if asked is None else _seconds(asked)
    if status == 429:
        return Trouble(Kind.BUSY, wait)
    if status == 408 or status >= 500 or status < 400:
        return Trouble(Kind.AWAY, wait)
    return Trouble(Kind.REFUSED)


def _seconds(text: str) -> float | None:
    """The wait that a header asks for: seconds, or a moment."""
    try:
        seconds = float(text)
    except ValueError:
        try:
            moment = email.utils.parsedate_to_datetime(text)
        except ValueError:
            return None
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        seconds = (moment - clock.now()).total_seconds()
    return min(max(seconds, 0.0), MAX_WAIT) if seconds == seconds else None


def a_count(told: Any) -> int:
    """A count of tokens as it is told; 0 where it is none."""
    return told if isinstance(told, int) and not isinstance(told, bool) and 0 <= told < 10**9 else 0
