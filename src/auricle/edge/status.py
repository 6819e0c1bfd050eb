"""Health and statistics: whether the service lives, whether it is ready, and whether its counts add up."""

import asyncio

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from auricle.edge.guard import Guard
from auricle.edge.readiness import Readiness
from auricle.edge.reply import json_reply
from auricle.errors import AuricleError
from auricle.intake.indexer import Indexer
from auricle.intake.journal import Journal
from auricle.model.principal import Scope
from auricle.privacy.retention import Sweeper
from auricle.store.evaluation import EvaluationStore
from auricle.store.events import EventStore
from auricle.store.journal import JournalStore

VERDICTS = ("received", "stored", "duplicate", "rejected", "dropped", "waiting")


def routes(
    guard: Guard,
    events: EventStore,
    store: JournalStore,
    journal: Journal,
    indexer: Indexer,
    evaluations: EvaluationStore,
    sweeper: Sweeper,
) -> list[Route]:
    """The probes, open to all, and the statistics of a tenant."""
    readiness = Readiness(events.ready)

    async def live(_request: Request) -> Response:
        """Answers while the process does."""
        return json_reply({"status": "healthy", "worker": "analytics"})

    async def taking(_request: Request) -> Response:
        """200 while events are taken; else 503, or 507 when the disk is full."""
        journal.check_room(1)
        return json_reply({"status": "healthy", "worker": "analytics", "waiting": journal.waiting})

    async def ready(_request: Request) -> Response:
        """200 when events are taken and reports answered; else 503, with the part that is away."""
        engine = await readiness.up()
        try:
            journal.check_room(1)
            room = "ok"
        except AuricleError as error:
            room = error.code
        parts = {"engine": "ok" if engine else "away", "journal": room}
        whole = set(parts.values()) == {"ok"}
        body = {"status": "ready" if whole else "unavailable", "parts": parts, "waiting": journal.waiting}
        return json_reply(body, 200 if whole else 503, {} if whole else {"Retry-After": "2"})

    async def stats(request: Request) -> Response:
        """What became of the tenant's events: `received` is the sum of the other counts, always."""
        principal = await guard.allowed(request, Scope.REPORTS_READ, Scope.EVENTS_WRITE, Scope.ADMIN)
        counts = await asyncio.to_thread(store.counts, principal.tenant_id)
        standing = await asyncio.to_thread(evaluations.standing, principal.tenant_id)
        told = {verdict: counts.get(verdict, 0) for verdict in VERDICTS}
        engine = events.engine
        return json_reply(
            {
                "tenant": principal.tenant_id,
                "events": told,
                "conserved": told["received"] == sum(told[verdict] for verdict in VERDICTS[1:]),
                "waiting": told["waiting"],
                "observed": counts.get("observed", 0),
                "unkept": counts.get("unkept", 0),
                "evaluations": standing.as_json(),
                "expired": counts.get("expired", 0),
                "retention": {"trouble": sweeper.trouble},
                "engine": {"starts": engine.starts if engine else None, "trouble": indexer.trouble},
            }
        )

    return [
        Route("/healthz", live),
        Route("/health", live),
        Route("/api/v1/analytics/health", live),
        Route("/api/analytics/healthz", live),
        Route("/api/v1/analytics/events/health", taking),
        Route("/readyz", ready),
        Route("/api/v1/analytics/stats", stats),
    ]
