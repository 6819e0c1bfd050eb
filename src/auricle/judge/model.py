"""The judge that asks a model: a call an interaction, some at once, within a budget, and patient with its provider.

It rests when the provider asks for it, and pauses itself, for all processes and over restarts, when the provider says
that the key or the account is no good: until somebody resumes it, the key changes, or an hour is over. No trouble of
the provider costs an interaction an attempt; only replies that cannot be used do.
"""

import asyncio
import hashlib
import random
import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, replace

import structlog

from auricle import clock
from auricle.judge import rules
from auricle.judge.flag import MOVED, flags_of, moved
from auricle.judge.grade import Unusable, graded
from auricle.judge.prompt import Prompt, prompt_for
from auricle.judge.provider import Kind, Provider, Reply, Trouble
from auricle.model.evaluation import Case, Judgement, PutOff, Usage, Verdict
from auricle.settings import Settings
from auricle.store.spending import Pause, SpendingStore, Spent

log = structlog.get_logger(__name__)

PAUSED = (Kind.AUTH, Kind.BILLING, Kind.MODEL)
PAUSE_SECONDS = 3_600
"""After which a judge that paused itself tries again."""
BACK_OFF = (2.0, 600.0)
"""Seconds of the first rest after trouble, and of the longest."""
AGAIN = 20.0
"""Seconds after which an interaction with an unusable reply is asked again, at first."""
_FINAL = frozenset({"blocked"})
"""Faults of a reply that another try would only repeat."""


@dataclass(frozen=True, slots=True)
class Rest:
    """Why the judge does not work now."""

    reason: str
    """`budget`, `busy`, `away`, or the reason of a pause."""
    seconds: float


class ModelJudge:
    """Asks a model about interactions. Belongs to the event loop."""

    def __init__(
        self,
        provider: Provider,
        spending: SpendingStore,
        settings: Settings,
        key: str,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._provider = provider
        self._spending = spending
        self._settings = settings
        self._jitter = jitter
        self._fingerprint = hashlib.sha256(key.encode()).hexdigest()[:16]
        self._limit = Spent(settings.judge_daily_tokens, round(settings.judge_daily_usd * 1e9))
        self._calls = asyncio.Semaphore(settings.judge_concurrency)
        self._resting: tuple[str, float] = ("", 0.0)
        self._troubles = 0
        self._empty_day = ""
        self.name = provider.name
        self.batch = settings.eval_batch_size
        self.lease_seconds = 60.0 + settings.judge_timeout * (1 + self.batch // settings.judge_concurrency)
        self.paid = True

    @property
    def spent(self) -> Spent:
        """What today has cost."""
        return self._spending.spent(_today())

    def price(self, input_tokens: int, output_tokens: int) -> Spent:
        """What so many tokens cost."""
        dollars = input_tokens * self._settings.judge_input_price + output_tokens * self._settings.judge_output_price
        # NOTE: dollars a million tokens are thousands of billionths a token.
        return Spent(input_tokens + output_tokens, round(dollars * 1_000))

    def dollars(self, input_tokens: int, output_tokens: int) -> float:
        """What so many tokens cost."""
        return self.price(input_tokens, output_tokens).nano_usd / 1e9

    async def rest(self) -> Rest | None:
        """Why and for how long it does not work now; None when it does."""
        pause = await asyncio.to_thread(self._spending.paused, self.name)
        if pause is not None:
            since = (clock.micros() - pause.paused_at) / 1_000_000
            if pause.fingerprint == self._fingerprint and since < PAUSE_SECONDS:
                return Rest(pause.reason, PAUSE_SECONDS - since)
            await asyncio.to_thread(self._spending.resume, self.name)
        if self._empty_day == _today():
            return Rest("budget", _until_tomorrow())
        reason, until = self._resting
        left = until - time.monotonic()
        return Rest(reason, left) if left > 0 else None

    async def resume(self, actor: str) -> bool:
        """Ends its pause, and every rest; False when it was not paused."""
        self._resting, self._troubles, self._empty_day = ("", 0.0), 0, ""
        return await asyncio.to_thread(self._spending.resume, self.name, actor=actor)

    async def close(self) -> None:
        """Gives the connections back."""
        await self._provider.close()

    async def judged(self, cases: Sequence[Case]) -> AsyncIterator[list[tuple[Case, Judgement | PutOff]]]:
        """Each case as soon as there is something to be said of it."""
        tasks = [asyncio.create_task(self._one(case)) for case in cases]
        try:
            for task in asyncio.as_completed(tasks):
                yield [await task]
        finally:
            for one in tasks:
                one.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _one(self, case: Case) -> tuple[Case, Judgement | PutOff]:
        async with self._calls:
            return case, await self._judge(case)

    async def _judge(self, case: Case) -> Judgement | PutOff:
        if (rest := await self.rest()) is not None:
            return PutOff(rest.reason, rest.seconds)
        prompt = await asyncio.to_thread(prompt_for, case.interaction, case.rubrics, clock.new_mark())
        most, day = self.price(*prompt.most_tokens), _today()
        if not await asyncio.to_thread(self._spending.reserve, day, most, self._limit):
            self._empty_day = day
            log.warning("judge_budget_spent", judge=self.name, day=day)
            return PutOff("budget", _until_tomorrow())
        began = time.monotonic()
        # NOTE: cancelled in here, the call stays paid; nobody knows whether it was made.
        said = await self._ask(prompt)
        latency = round((time.monotonic() - began) * 1_000, 1)
        if isinstance(said, Trouble):
            if not said.billed:
                await asyncio.to_thread(self._spending.settle, day, most, Spent())
            return await self._troubled(case, said)
        self._troubles = 0
        cost = self.price(said.input_tokens, said.output_tokens)
        if cost.tokens:  # an endpoint that does not tell what it took has taken all that was set aside
            await asyncio.to_thread(self._spending.settle, day, most, cost)
        usage = Usage(said.model, said.input_tokens, said.output_tokens, cost.nano_usd / 1e9, latency)
        return await asyncio.to_thread(self._graded, case, prompt, said, usage)

    async def _ask(self, prompt: Prompt) -> Reply | Trouble:
        try:
            async with asyncio.timeout(self._settings.judge_timeout):
                return await self._provider.ask(prompt)
        except TimeoutError:
            return Trouble(Kind.AWAY, billed=True)

    async def _troubled(self, case: Case, trouble: Trouble) -> Judgement | PutOff:
        """Rests or pauses; the case stays in the queue unless it is what the provider refuses."""
        log.warning("judge_trouble", judge=self.name, kind=trouble.kind)
        if trouble.kind in PAUSED:
            pause = Pause(trouble.kind, self._fingerprint, clock.micros())
            await asyncio.to_thread(self._spending.pause, self.name, pause)
            return PutOff(trouble.kind, PAUSE_SECONDS)
        if trouble.kind is Kind.REFUSED:
            return self._unusable(case, "refused", Usage())
        seconds = trouble.seconds
        if seconds is None:
            self._troubles += 1
            first, longest = BACK_OFF
            seconds = min(first * 2 ** min(self._troubles - 1, 20), longest)
        # NOTE: with jitter on top, so that several processes do not come back at the same moment, and never too soon.
        seconds += min(seconds, 10.0) * 0.5 * self._jitter()
        self._resting = (str(trouble.kind), max(self._resting[1], time.monotonic() + seconds))
        return PutOff(trouble.kind, seconds)

    def _graded(self, case: Case, prompt: Prompt, said: Reply, usage: Usage) -> Judgement | PutOff:
        if said.fault is not None:
            return self._unusable(case, said.fault, usage)
        try:
            verdicts = graded(said.text, prompt)
        except Unusable as error:
            return self._unusable(case, error.reason, usage)
        flags = flags_of(case.interaction)
        if moved(verdicts, rules.judge(case.interaction).verdicts):
            flags = tuple(sorted((*flags, MOVED)))
        return Judgement(verdicts, usage, flags)

    def _unusable(self, case: Case, reason: str, usage: Usage) -> Judgement | PutOff:
        """Another try, or the verdict that there is none."""
        tried = case.entry.attempts + 1
        if tried < self._settings.judge_attempts and reason not in _FINAL:
            return PutOff(reason, AGAIN * 2**case.entry.attempts * (1 + 0.5 * self._jitter()), counts=True)
        usage = replace(usage, model=usage.model or None)
        verdicts = tuple(Verdict(rubric, None, "", reason) for rubric in case.rubrics)
        return Judgement(verdicts, usage, flags_of(case.interaction))


def _today() -> str:
    return clock.now().date().isoformat()


def _until_tomorrow() -> float:
    now = clock.now()
    return 86_400.0 - (now.hour * 3_600 + now.minute * 60 + now.second)
