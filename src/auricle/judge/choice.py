"""The choice: who judges, by the settings."""

import httpx2

from auricle.judge.gemini import Gemini
from auricle.judge.model import ModelJudge
from auricle.judge.openai import OpenAi
from auricle.judge.provider import Provider
from auricle.judge.run import Judge, RulesJudge
from auricle.settings import Settings
from auricle.store.spending import SpendingStore

RULES_BATCH = 10
"""How many times as many cases `rules` take at once: they cost no call each."""


def chosen_judge(settings: Settings, spending: SpendingStore) -> Judge | None:
    """The judge; None when nobody shall judge. Opens no connection before the first question."""
    name = settings.judge
    if name == "auto":
        name = "gemini" if settings.gemini_api_key else "openai" if settings.openai_api_key else "rules"
    if name == "off":
        return None
    if name == "rules":
        return RulesJudge(settings.eval_batch_size * RULES_BATCH)
    client = httpx2.AsyncClient(
        timeout=httpx2.Timeout(settings.judge_timeout, connect=10),
        limits=httpx2.Limits(max_connections=settings.judge_concurrency),
        # NOTE: a redirect would take the key and the transcript to another place.
        follow_redirects=False,
    )
    provider: Provider = Gemini(client, settings) if name == "gemini" else OpenAi(client, settings)
    key = settings.gemini_api_key if name == "gemini" else settings.openai_api_key
    return ModelJudge(provider, spending, settings, key.get_secret_value() if key else "")
