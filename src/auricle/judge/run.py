"""The run: outcomes join the queue, batches are claimed, assembled and judged, and scores go back through the intake.

Killed anywhere, it loses and doubles nothing: an outcome joins in the transaction that moves the mark on; an entry
leaves the queue only after its scores are on disk; and a score that is written once more has the id of the first.
"""

import asyncio
import hashlib
import time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import structlog

from auricle import clock
from auricle.errors import AuricleError, Conflict
from auricle.intake.door import Door, open_door
from auricle.intake.intake import Intake
from auricle.intake.schemas import Registries
from auricle.judge import history, rules
from auricle.judge.assembly import assembled, joining, outcomes_of
from auricle.judge.model import Rest
from auricle.judge.rubric import BUILT_IN
from auricle.judge.score import person_score, score_id, scores
from auricle.model.evaluation import (
    Case,
    Entry,
    Interaction,
    Judgement,
    PutOff,
    Rubric,
    Settled,
    State,
    Verdict,
)
from auricle.model.options import Consent
from auricle.model.principal import Principal, Scope
from auricle.model.query import Query
from auricle.model.receipt import Status
from auricle.report.interactions import LATE
from auricle.settings import Settings
from auricle.store.evaluation import EvaluationStore
from auricle.store.events import EventStore
from auricle.store.journal import JournalStore
from auricle.store.rubric import RubricStore

log = structlog.get_logger(__name__)

PAGE = 5_000
"""Outcomes that join at once."""
OVERLAP = 120_000_000
"""Microseconds before the mark that are swept once more: with several services on one database, a request of another
may have come to the journal meanwhile."""
SLICE = 50
"""Scores that the intake takes at once, so that a sweep does not hold up the doors."""

SECOND = 1_000_000
LONGEST_PAUSE = 2.0
"""Seconds between two batches of a judge that works on this very machine."""
PATIENCE_SECONDS = 60.0
"""How long an outcome without its question is put off for, at first."""
Result = tuple[Case, Judgement | PutOff]


class Judge(Protocol):
    """Whoever judges."""

    name: str
    """How scores and their ids call it."""
    batch: int
    """How many cases it takes at once."""
    paid: bool
    """Whether asking twice costs twice."""
    lease_seconds: float
    """Within which it is done with them, surely; when a worker dies, they wait until then."""

    def dollars(self, input_tokens: int, output_tokens: int) -> float:
        """What so many tokens cost."""

    async def rest(self) -> Rest | None:
        """Why and for how long it does not work now; None when it does."""

    async def resume(self, actor: str) -> bool:
        """Ends its pause; False when there is none."""

    async def close(self) -> None:
        """Gives back what it holds."""

    def judged(self, cases: Sequence[Case]) -> AsyncIterator[list[Result]]:
        """Every case with what is said of it, as the judge gets on."""


class RulesJudge:
    """The judge `rules` as the run sees it."""

    name = rules.NAME
    lease_seconds = 60.0
    paid = False

    def __init__(self, batch: int) -> None:
        self.batch = batch

    def dollars(self, input_tokens: int, output_tokens: int) -> float:  # noqa: ARG002 - it takes none
        """It costs nothing."""
        return 0.0

    async def rest(self) -> Rest | None:
        """It never rests."""
        return None

    async def resume(self, actor: str) -> bool:  # noqa: ARG002 - there is nothing to end
        """It is never paused."""
        return False

    async def close(self) -> None:
        """It holds nothing."""

    async def judged(self, cases: Sequence[Case]) -> AsyncIterator[list[Result]]:
        """All cases at once."""
        yield await asyncio.to_thread(lambda: [(case, rules.judge(case.interaction)) for case in cases])


@dataclass(frozen=True, slots=True)
class Sweep:
    """What one sweep did."""

    joined: int = 0
    """Outcomes of all tenants that came into the queue."""
    scored: int = 0
    unscored: int = 0
    skipped: int = 0
    put_off: int = 0

    def as_json(self) -> dict[str, int]:
        """The sweep as a tenant may see it."""
        return {"scored": self.scored, "unscored": self.unscored, "skipped": self.skipped, "put_off": self.put_off}


class Evaluator:
    """Sweeps outcomes into the queue and works it off. Belongs to the event loop."""

    def __init__(
        self,
        events: EventStore,
        queue: EvaluationStore,
        journal: JournalStore,
        intake: Intake,
        registries: Registries,
        settings: Settings,
        judge: Judge | None,
        rubrics: RubricStore,
    ) -> None:
        """Nobody judges without a `judge`."""
        self._events = events
        self._queue = queue
        self._journal = journal
        self._intake = intake
        self._registries = registries
        self._settings = settings
        self.judge = judge
        self._rubrics = rubrics

    @property
    def own_rubrics(self) -> RubricStore:
        """The rubrics of tenants."""
        return self._rubrics

    @property
    def queue(self) -> EvaluationStore:
        """The queue."""
        return self._queue

    async def sweep(self, tenant_id: str | None = None, seconds: float = float("inf")) -> Sweep:
        """Takes new outcomes into the queue and judges what is due, batch after batch; of one tenant if it is named.

        It begins no other batch when the seconds are over. Several sweeps at once share the work.

        Raises:
            Unavailable, StorageFull: a part is away; what was judged before stays, the rest waits in the queue.
        """
        if self.judge is None:
            return Sweep()
        deadline = time.monotonic() + seconds
        joined = await self._join()
        counts: Counter[str] = Counter()
        while time.monotonic() < deadline and await self.judge.rest() is None:
            if not (entries := await self._claim(self.judge, tenant_id)):
                break
            began = time.monotonic()
            counts += await self._work(self.judge, entries)
            if not self.judge.paid:
                # NOTE: it works on this very machine, so it leaves time to ingest; a backlog of 10,000 is done within a
                # minute all the same.
                await asyncio.sleep(min(time.monotonic() - began, LONGEST_PAUSE))
        done = Sweep(joined, **{name: counts[name] for name in ("scored", "unscored", "skipped", "put_off")})
        if any(done.as_json().values()):
            log.info("evaluated", judge=self.judge.name, joined=joined, **done.as_json())
        return done

    def rubrics(self, tenant_id: str) -> tuple[Rubric, ...]:
        """What is asked of a tenant's interactions: the built-in rubrics first, then its own. Blocks."""
        return BUILT_IN + self._rubrics.read(tenant_id)

    async def measured(self, query: Query) -> tuple[int, int, int, float | None]:
        """What judging the chosen history takes, about: interactions, tokens of prompts and replies, US dollars."""
        rows = await self._events.read(history.measure(query))
        share = self._settings.evaluation_sample
        count, characters = (round(int(told or 0) * share) for told in rows.rows[0])
        if self.judge is None or not self.judge.paid:
            return count, 0, 0, 0.0
        rubrics = await asyncio.to_thread(self.rubrics, query.tenant_id)
        spent = history.tokens_for(count, characters, rubrics)
        return count, *spent, self.judge.dollars(*spent)

    async def backfill(self, query: Query, after: str, *, generation: int, limit: int) -> tuple[int, str | None]:
        """Puts chosen history into the queue, in the order of ids; gives how much joined, and where to go on."""
        rows = await self._events.read(history.outcomes(query, after, limit))
        found = history.outcomes_of(query.tenant_id, rows)
        chosen = [one for one in found if is_sampled(one.query_id, self._settings.evaluation_sample)]
        joined = await asyncio.to_thread(self._queue.join, chosen, clock.micros(), generation=generation)
        return joined, found[-1].query_id if len(found) == limit else None

    async def interaction(self, tenant_id: str, query_id: str, told_at: int | None = None) -> Interaction | None:
        """One interaction as the judge sees it; None when the tenant has none of this id."""
        if told_at is None:
            rows = await self._events.read(history.told_at(tenant_id, query_id))
            if not rows.rows:
                return None
            told_at = rows.rows[0][0]
        found, _ = await assembled(self._events.read, tenant_id, {query_id: told_at}, clock.now())
        return found.get(query_id)

    async def score(self, tenant_id: str, one: Interaction, who: str, verdicts: Sequence[Verdict]) -> None:
        """Writes what a person says of an interaction.

        Raises:
            Conflict: the tenant's filters let no scores in.
        """
        now = clock.micros()
        events = [person_score(one.query_id, one.site_id, who, verdict, now, clock.new_id()) for verdict in verdicts]
        receipts = await self._intake.take(events, lambda at: self._door(tenant_id, at), admitted=True)
        if any(receipt is not None for receipt in receipts):
            raise Conflict("The scores were not taken: the tenant's options or schemas do not let them in.")

    async def forget(self) -> None:
        """Drops what the queue need no longer remember."""
        await asyncio.to_thread(self._queue.forget, clock.micros() - self._settings.evaluation_days * 86_400 * SECOND)

    async def _join(self) -> int:
        """Takes the outcomes into the queue that became visible since the last time."""
        up_to = await asyncio.to_thread(self._intake.settled)
        mark = await asyncio.to_thread(self._queue.mark, up_to)
        joined, after = 0, mark - OVERLAP
        while after < up_to:
            rows = await self._events.read(joining(after, up_to, PAGE))
            after = rows.rows[-1][3] if len(rows.rows) == PAGE else up_to
            chosen = [one for one in outcomes_of(rows) if is_sampled(one.query_id, self._settings.evaluation_sample)]
            joined += await asyncio.to_thread(self._queue.join, chosen, clock.micros(), mark=after)
        return joined

    async def _claim(self, judge: Judge, tenant_id: str | None) -> list[Entry]:
        now, lease = clock.micros(), clock.new_mark()
        until = now + int(judge.lease_seconds * SECOND)
        return await asyncio.to_thread(self._queue.claim, judge.batch, lease, now, until, tenant_id)

    async def _work(self, judge: Judge, entries: Sequence[Entry]) -> Counter[str]:
        counts: Counter[str] = Counter()
        by_tenant: defaultdict[str, list[Entry]] = defaultdict(list)
        for entry in entries:
            by_tenant[entry.tenant_id].append(entry)
        try:
            for tenant, some in by_tenant.items():
                if judge.paid:
                    some = await self._unjudged(judge, some, counts)
                cases = await self._assemble(tenant, some, counts)
                if cases:
                    async for results in judge.judged(cases):
                        counts += await self._write(judge, tenant, results)
        except AuricleError:
            # NOTE: what was settled meanwhile is not given back: its state is no longer that of waiting.
            soon = clock.micros() + SECOND
            await asyncio.to_thread(self._queue.put_back, [(entry, soon, entry.attempts) for entry in entries])
            raise
        return counts

    async def _unjudged(self, judge: Judge, entries: Sequence[Entry], counts: Counter[str]) -> list[Entry]:
        """The entries without those whose scores are stored: whoever wrote them died before it could say so."""
        first = BUILT_IN[0]
        ids = {score_id(self._journal.identity, entry, judge.name, first): entry for entry in entries}
        known = await self._events.known_async([(entry.tenant_id, score) for score, entry in ids.items()])
        stored = {event.event_id for event, _ in known.kept} | {score for _, score in known.retired}
        settled = [Settled(ids.pop(score), State.SCORED) for score in stored]
        await asyncio.to_thread(self._queue.settle, settled, clock.micros())
        counts["scored"] += len(settled)
        return list(ids.values())

    async def _assemble(self, tenant: str, entries: Sequence[Entry], counts: Counter[str]) -> list[Case]:
        """The cases of entries; those that have no interaction are settled, or put off while it may still come."""
        now = clock.micros()
        wanted = {entry.query_id: entry.occurred_at for entry in entries}
        found, missing = await assembled(self._events.read, tenant, wanted, clock.now())
        settled, later = [], []
        for entry in entries:
            reason = missing.get(entry.query_id)
            age = (now - entry.occurred_at) / SECOND
            if reason == "no_query" and entry.occurred_at + LATE > now:
                later.append((entry, now + int(max(PATIENCE_SECONDS, age / 2) * SECOND), entry.attempts))
            elif reason is not None:
                settled.append(Settled(entry, State.SKIPPED, reason))
        await asyncio.to_thread(self._queue.put_back, later)
        await asyncio.to_thread(self._queue.settle, settled, now)
        counts["put_off"] += len(later)
        counts["skipped"] += len(settled)
        rubrics = await asyncio.to_thread(self.rubrics, tenant)
        return [Case(entry, found[entry.query_id], rubrics) for entry in entries if entry.query_id in found]

    async def _write(self, judge: Judge, tenant: str, results: Sequence[Result]) -> Counter[str]:
        """Writes the scores of what was judged, then takes it from the queue; gives how many ended how."""
        now = clock.micros()
        later = [(case.entry, said) for case, said in results if isinstance(said, PutOff)]
        told: list[tuple[Case, Judgement]] = [(case, said) for case, said in results if isinstance(said, Judgement)]
        identity = self._journal.identity
        pairs = [
            (place, event)
            for place, (case, said) in enumerate(told)
            for event in scores(case, judge.name, said, now, identity)
        ]
        fates: defaultdict[int, set[Status]] = defaultdict(set)
        for start in range(0, len(pairs), SLICE):
            part = pairs[start : start + SLICE]
            receipts = await self._intake.take(
                [event for _, event in part], lambda received_at: self._door(tenant, received_at), admitted=True
            )
            for (place, _), receipt in zip(part, receipts, strict=True):
                fates[place].add(Status.STORED if receipt is None else receipt.status)
        settled = []
        for place, (case, said) in enumerate(told):
            if Status.RETRY in fates[place]:
                later.append((case.entry, PutOff("busy", 5.0)))
            else:
                settled.append(_settled(case, said, fates[place]))
        back = [
            (entry, now + int(said.seconds * SECOND), entry.attempts + (1 if said.counts else 0))
            for entry, said in later
        ]
        await asyncio.to_thread(self._queue.put_back, back)
        await asyncio.to_thread(self._queue.settle, settled, clock.micros())
        return Counter([one.state.value for one in settled]) + Counter({"put_off": len(later)})

    def _door(self, tenant: str, received_at: int) -> Door:
        principal = Principal(tenant, "judge", frozenset({Scope.EVENTS_WRITE}))
        door = open_door(self._registries, self._settings, principal, received_at=received_at, new_id=clock.new_id)
        if door.options.consent is Consent.OPT_IN:
            # NOTE: a score is about an interaction that is stored, so its person agreed; it names nobody itself.
            return replace(door, options=replace(door.options, consent=Consent.OPT_OUT))
        return door


def is_sampled(query_id: str, share: float) -> bool:
    """Whether a query is among the share that is judged; always the same for the same id."""
    if share >= 1:
        return True
    return int.from_bytes(hashlib.sha256(query_id.encode()).digest()[:8], "big") < share * 2**64


def _settled(case: Case, said: Judgement, fates: set[Status]) -> Settled:
    latency = round(said.usage.latency_ms or 0)
    if Status.DROPPED in fates:
        return Settled(case.entry, State.SKIPPED, "dropped", latency)
    if Status.REJECTED in fates:
        log.warning("score_rejected", tenant_id=case.entry.tenant_id)
        return Settled(case.entry, State.UNSCORED, "rejected", latency)
    if all(verdict.value is None for verdict in said.verdicts):
        return Settled(case.entry, State.UNSCORED, said.verdicts[0].reason or "", latency)
    return Settled(case.entry, State.SCORED, "", latency)
