"""The exposition: what Prometheus reads at `/metrics`.

The operator's token shows the service as a whole, and no tenant; an API key shows the events of its own tenant alone.
No label holds what a client sends: routes, methods, statuses, verdicts, reasons and steps are lists of ours.
"""

import asyncio
import hmac
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, Metric, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from auricle import __version__, clock
from auricle.edge.guard import Guard
from auricle.edge.readiness import Readiness
from auricle.edge.traffic import BOUNDS, Cell, Traffic
from auricle.intake.indexer import Indexer
from auricle.intake.intake import Intake
from auricle.intake.journal import Journal
from auricle.model.evaluation import Standing, State
from auricle.model.principal import Scope
from auricle.privacy.retention import Sweeper
from auricle.settings import Settings
from auricle.store.evaluation import EvaluationStore
from auricle.store.events import EventStore
from auricle.store.journal import JournalStore

COUNTED = ("received", "stored", "duplicate", "rejected", "dropped", "observed", "unkept", "expired")


@dataclass(frozen=True, slots=True)
class Watched:
    """The parts that have something to tell."""

    settings: Settings
    traffic: Traffic
    intake: Intake
    journal: Journal
    store: JournalStore
    events: EventStore
    indexer: Indexer
    evaluations: EvaluationStore
    sweeper: Sweeper


def routes(guard: Guard, watched: Watched) -> list[Route]:
    """The route of the exposition."""
    process = ProcessCollector(registry=None)
    readiness = Readiness(watched.events.ready)

    async def metrics(request: Request) -> Response:
        """What Prometheus reads: of the whole service for the operator's token, of its own tenant for an API key."""
        if _is_operator(request, watched.settings.metrics_token):
            up = await readiness.up()
            body = await asyncio.to_thread(_exposed, lambda: [*_service(watched, up=up), *process.collect()])
        else:
            principal = await guard.allowed(request, Scope.REPORTS_READ, Scope.ADMIN)
            counts = await asyncio.to_thread(watched.store.counts, principal.tenant_id)
            standing = await asyncio.to_thread(watched.evaluations.standing, principal.tenant_id)
            body = _exposed(lambda: [*_events(counts, counts.get("waiting", 0)), *_evaluations(standing)])
        return Response(body, headers={"Cache-Control": "no-store"}, media_type=CONTENT_TYPE_PLAIN_0_0_4)

    return [Route("/metrics", metrics, methods=["GET"])]


def _is_operator(request: Request, token: str | None) -> bool:
    kind, _, told = request.headers.get("authorization", "").partition(" ")
    if token is None or kind.lower() != "bearer":
        return False
    return hmac.compare_digest(told.strip().encode(), token.encode())


class _Families:
    """A registry's collector of families that were just made."""

    def __init__(self, make: Callable[[], Iterable[Metric]]) -> None:
        self._make = make

    def collect(self) -> Iterable[Metric]:
        return self._make()


def _exposed(make: Callable[[], Iterable[Metric]]) -> bytes:
    """The families in the text format 0.0.4, which everything that reads Prometheus' formats reads."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Families(make))
    return generate_latest(registry)


def _events(counts: Mapping[str, int], waiting: int) -> Iterable[Metric]:
    """The events by what became of them, since the first start."""
    events = CounterMetricFamily("auricle_events", "Events by what became of them, since ever.", labels=["verdict"])
    for verdict in COUNTED:
        events.add_metric([verdict], counts.get(verdict, 0))
    yield events
    yield GaugeMetricFamily("auricle_events_waiting", "Events on disk that the event store does not have yet.", waiting)


def _evaluations(standing: Standing) -> Iterable[Metric]:
    """The queue of the judge: what waits, and how what it remembers ended."""
    yield GaugeMetricFamily(
        "auricle_evaluations_waiting", "Interactions in the queue of the judge.", standing.states.get(State.WAITING, 0)
    )
    settled = GaugeMetricFamily("auricle_evaluations", "Interactions the queue is done with, by how.", labels=["state"])
    for state in (State.SCORED, State.UNSCORED, State.SKIPPED):
        settled.add_metric([state], standing.states.get(state, 0))
    yield settled
    yield GaugeMetricFamily(
        "auricle_evaluation_seconds", "Mean time of a judgement.", (standing.latency_ms or 0.0) / 1_000
    )


def _service(watched: Watched, *, up: bool) -> Iterable[Metric]:
    """The service as a whole; `up` tells whether the event store answers."""
    build = GaugeMetricFamily("auricle_build", "1; the version is a label.", labels=["version"])
    build.add_metric([__version__], 1)
    yield build
    yield from _events(watched.store.totals(), watched.journal.waiting)
    yield from _evaluations(watched.evaluations.standing(None))
    oldest = watched.journal.oldest
    age = 0.0 if oldest is None else max(0.0, (clock.micros() - oldest) / 1_000_000)
    yield GaugeMetricFamily("auricle_events_oldest_waiting_seconds", "How long the first of them has waited.", age)
    refused = CounterMetricFamily("auricle_events_refused", "Events rejected or dropped by reason.", labels=["reason"])
    for reason, events in tuple(watched.intake.refused.items()):
        refused.add_metric([reason], events)
    yield refused
    steps = CounterMetricFamily("auricle_step_seconds", "Time that each step of the intake took.", labels=["step"])
    for step, seconds in tuple(watched.intake.step_seconds.items()):
        steps.add_metric([step], seconds)
    yield steps
    yield from _requests(watched.traffic)
    engine = watched.events.engine
    yield GaugeMetricFamily("auricle_engine_up", "Whether the event store answers.", up)
    yield CounterMetricFamily("auricle_engine_starts", "Starts of the embedded engine.", engine.starts if engine else 0)
    yield GaugeMetricFamily("auricle_indexer_trouble", "Whether the last insert failed.", bool(watched.indexer.trouble))
    trouble = bool(watched.sweeper.trouble)
    yield GaugeMetricFamily("auricle_retention_trouble", "Whether events over their days cannot be taken.", trouble)
    disk = os.statvfs(watched.settings.data)
    yield GaugeMetricFamily("auricle_disk_free_bytes", "Free on the data folder's disk.", disk.f_bavail * disk.f_frsize)


def _requests(traffic: Traffic) -> Iterable[Metric]:
    """The requests by route: how many by status, and how long they took."""
    requests = CounterMetricFamily(
        "auricle_http_requests", "Answers by route and status.", labels=["method", "route", "status"]
    )
    seconds = HistogramMetricFamily(
        "auricle_http_request_duration_seconds",
        "Time from the head of a request to the end of its answer.",
        labels=["method", "route"],
    )
    sums: dict[tuple[str, str], list[Cell]] = {}
    for method, route, status, cell in traffic.cells():
        requests.add_metric([method, route, status], cell.requests)
        sums.setdefault((method, route), []).append(cell)
    for labels, cells in sums.items():
        buckets, below = [], 0
        for place, bound in enumerate((*BOUNDS, "+Inf")):
            below += sum(cell.buckets[place] for cell in cells)
            buckets.append((str(bound), float(below)))
        seconds.add_metric(labels, buckets, sum(cell.seconds for cell in cells))
    yield requests
    yield seconds
