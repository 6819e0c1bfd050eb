"""The composition root: the only place where the rooms are joined."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import structlog
from fastapi import FastAPI
from starlette.routing import Route, WebSocketRoute
from starlette.types import ASGIApp

from auricle import __version__, clock
from auricle.edge import audit as audit_door
from auricle.edge import (
    consents,
    description,
    evaluations,
    export,
    exposition,
    pages,
    reviews,
    rubrics,
    status,
    summaries,
    users,
)
from auricle.edge import daily as daily_door
from auricle.edge import exports as exports_door
from auricle.edge import metrics as metrics_door
from auricle.edge import options as options_door
from auricle.edge import prices as prices_door
from auricle.edge import reports as reports_door
from auricle.edge import retention as retention_door
from auricle.edge import sql as sql_door
from auricle.edge import training as training_door
from auricle.edge.admin import AdminDoors
from auricle.edge.answer import Answers
from auricle.edge.cors import Cors
from auricle.edge.dashboards import Asked, DashboardDoors
from auricle.edge.datapoints import DatapointDoor
from auricle.edge.entrance import Entrance
from auricle.edge.events import EventDoors
from auricle.edge.exporting import Exporter
from auricle.edge.failures import Failures
from auricle.edge.front import Front
from auricle.edge.guard import Guard, open_guard
from auricle.edge.inbox import InboxDoors
from auricle.edge.limit import Limiter
from auricle.edge.lists import ListDoor
from auricle.edge.login import LoginDoors
from auricle.edge.otlp import OtlpDoor
from auricle.edge.refusal import HANDLERS
from auricle.edge.reports import query_of
from auricle.edge.schemas import SchemaDoors
from auricle.edge.stream import StreamDoor
from auricle.edge.subjects import SubjectDoors
from auricle.edge.traffic import Traffic
from auricle.edge.turn import FairRunner, Turns
from auricle.edge.voice import VoiceDoor
from auricle.errors import AuricleError
from auricle.intake.catalogue import Catalogue
from auricle.intake.dedupe import SeenFilter
from auricle.intake.inbox import Inbox
from auricle.intake.indexer import Indexer
from auricle.intake.intake import Intake
from auricle.intake.journal import Journal
from auricle.intake.options import Options
from auricle.intake.replay import Replay
from auricle.intake.rollup import Roller
from auricle.intake.schemas import Registry
from auricle.intake.suppression import SuppressionList
from auricle.jobs import Job, run_jobs
from auricle.judge.choice import chosen_judge
from auricle.judge.run import Evaluator
from auricle.model.principal import Principal
from auricle.model.result import Result
from auricle.model.statement import Rows, Statement
from auricle.privacy.daily import Daily
from auricle.privacy.erasure import Eraser
from auricle.privacy.retention import Sweeper
from auricle.report.cache import Cache
from auricle.report.explain import ExplainingReader
from auricle.report.run import Reader, ReportRunner
from auricle.settings import Settings
from auricle.store.annotation import AnnotationStore
from auricle.store.archive import Archive
from auricle.store.audit import AuditStore
from auricle.store.consent import ConsentStore
from auricle.store.control import ControlStore
from auricle.store.daily import DailyStore
from auricle.store.dashboard import DashboardStore
from auricle.store.database import open_database
from auricle.store.erasure import ErasureStore
from auricle.store.evaluation import EvaluationStore
from auricle.store.events import EventStore
from auricle.store.export import ExportStore
from auricle.store.inbox import InboxStore
from auricle.store.journal import JournalStore
from auricle.store.link import LinkStore
from auricle.store.metric import MetricStore
from auricle.store.options import OptionsStore
from auricle.store.price import PriceStore
from auricle.store.review import ReviewStore
from auricle.store.revision import RevisionStore
from auricle.store.rollup import RollupStore
from auricle.store.rubric import RubricStore
from auricle.store.schema import SchemaStore
from auricle.store.segment import SegmentStore
from auricle.store.session import SessionStore
from auricle.store.spending import SpendingStore
from auricle.store.sweep import SweepStore
from auricle.store.token import TokenStore
from auricle.store.training import TrainingStore
from auricle.store.user import UserStore

log = structlog.get_logger(__name__)

ENGINE_PATIENCE_SECONDS = 20.0
"""How long the doors stay shut at the start, until every id ever stored is known; events could be taken without, but
a repetition would be told `stored`. Some 3 seconds are the rule."""


@dataclass(frozen=True, slots=True)
class People:
    """What is kept of those who look at the dashboard, and of what they save there."""

    users: UserStore
    sessions: SessionStore
    links: LinkStore
    dashboards: DashboardStore
    annotations: AnnotationStore


@dataclass(frozen=True, slots=True)
class Parts:
    """Everything that is wired together."""

    settings: Settings
    control: ControlStore
    store: JournalStore
    events: EventStore
    seen: SeenFilter
    journal: Journal
    indexer: Indexer
    intake: Intake
    guard: Guard
    people: People
    catalogue: Catalogue
    options: Options
    consents: ConsentStore
    metrics: MetricStore
    prices: PriceStore
    audit: AuditStore
    tokens: TokenStore
    failures: Failures
    inbox: Inbox
    cors: Cors
    eraser: Eraser
    evaluator: Evaluator
    sweeper: Sweeper
    roller: Roller
    training: TrainingStore
    runner: FairRunner
    answers: Answers
    daily: Daily
    exporter: Exporter
    reviews: ReviewStore


@dataclass(frozen=True, slots=True)
class _Reader:
    """The event store as reports see it."""

    events: EventStore
    intake: Intake

    @property
    def as_of(self) -> int:
        return self.intake.watermark

    async def read(self, statement: Statement) -> Rows:
        return await self.events.read(statement)


def build(settings: Settings) -> ASGIApp:
    """The application. Nothing is opened before its lifespan begins, but for the relational database."""
    parts = _wire(settings)
    app = FastAPI(title="Auricle", version=__version__, lifespan=lambda _: _lifespan(parts), openapi_url=None)
    entrance = Entrance(parts.guard, parts.intake, parts.catalogue, settings)
    doors = (EventDoors(entrance), VoiceDoor(entrance), ListDoor(entrance), DatapointDoor(entrance), OtlpDoor(entrance))
    for door in doors:
        app.router.routes.extend(door.routes)
    app.router.routes.extend(StreamDoor(entrance, parts.journal).routes)
    app.router.routes.extend(SchemaDoors(parts.guard, parts.catalogue, parts.events, settings).routes)
    app.router.routes.extend(AdminDoors(parts.guard, parts.control, parts.tokens).routes)
    app.router.routes.extend(LoginDoors(parts.guard, parts.people.sessions, parts.people.users).routes)
    app.router.routes.extend(users.routes(parts.guard, parts.people.users))
    app.router.routes.extend(_dashboards(parts))
    app.router.routes.extend(pages.routes())
    app.router.routes.extend(prices_door.routes(parts.guard, parts.prices))
    app.router.routes.extend(options_door.routes(parts.guard, parts.options))
    app.router.routes.extend(retention_door.routes(parts.guard, parts.sweeper))
    app.router.routes.extend(consents.routes(parts.guard, parts.consents, parts.options))
    replay = Replay(parts.inbox, parts.intake, parts.catalogue, settings)
    app.router.routes.extend(SubjectDoors(parts.guard, parts.eraser, parts.training).routes)
    app.router.routes.extend(InboxDoors(parts.guard, parts.inbox, replay).routes)
    evaluator, queue = parts.evaluator, parts.evaluator.queue
    app.router.routes.extend(evaluations.routes(parts.guard, evaluator))
    app.router.routes.extend(reviews.routes(parts.guard, evaluator, parts.reviews, parts.events))
    app.router.routes.extend(rubrics.routes(parts.guard, evaluator))
    watchers = (parts.guard, parts.events, parts.store, parts.journal, parts.indexer, queue, parts.sweeper)
    app.router.routes.extend(status.routes(*watchers))
    traffic = Traffic()
    watched = exposition.Watched(
        settings, traffic, parts.intake, parts.journal, parts.store, parts.events, parts.indexer, queue, parts.sweeper
    )
    app.router.routes.extend(exposition.routes(parts.guard, watched))
    app.router.routes.extend(audit_door.routes(parts.guard, parts.audit))
    app.router.routes.extend(sql_door.routes(parts.guard, parts.events, parts.audit, settings))
    app.router.routes.extend(daily_door.routes(parts.guard, parts.daily))
    app.include_router(reports_door.router(parts.answers, parts.guard.principal, parts.metrics.of))
    app.include_router(metrics_door.router(parts.metrics, parts.guard.principal))
    app.include_router(summaries.router(parts.runner, parts.guard.principal))
    exports = training_door.TrainingExports(parts.events, parts.training, parts.eraser.store)
    app.include_router(training_door.router(exports, parts.training, parts.guard.principal))
    app.include_router(export.router(parts.events, parts.audit, parts.guard.principal))
    app.include_router(exports_door.router(parts.exporter, parts.guard.principal))
    envelope, shown = parts.catalogue.built_in.unknown.document, settings.docs_pages == "on"
    app.router.routes.extend(description.routes(app, envelope, pages=shown))
    for kind, handler in HANDLERS.items():
        app.add_exception_handler(kind, handler)
    paths = {route.endpoint: route.path for route in reversed(app.routes) if isinstance(route, Route | WebSocketRoute)}
    hot = {way: handler for door in doors for way, handler in door.hot.items()}
    return Front(app, hot, paths, parts.cors, traffic)


def _dashboards(parts: Parts) -> list[Route]:
    async def run(report: str, asked: Asked, caller: Principal) -> Result:
        return await parts.runner.run(query_of(report, asked, caller, clock.now()))

    kept = parts.people
    return DashboardDoors(parts.guard, kept.dashboards, kept.links, kept.annotations, run).routes


def _wire(settings: Settings) -> Parts:
    database = open_database(settings)
    control, store, events, seen = ControlStore(database), JournalStore(database), EventStore(settings), SeenFilter()
    journal = Journal(store, settings.data, settings.min_free_disk, settings.max_waiting_events)
    rollups = RollupStore(database)
    indexer = Indexer(events, store, journal, seen, rollups, settings.index_interval, settings.index_rows)
    audit = AuditStore(database)
    failures = Failures(audit)
    limiter = Limiter(settings, note=failures.note)
    inbox = Inbox(InboxStore(database), settings.inbox_events, settings.inbox_bytes)
    suppressed = SuppressionList(ErasureStore(database))
    intake = Intake(journal, store, events, seen, inbox, limiter.count_events, suppressed, debug=settings.debug_mode)
    options = Options(OptionsStore(database))
    sweeps = SweepStore(database)
    archive = Archive(settings.archive_dir, events) if settings.archive_dir else None
    exporter = Exporter(
        ExportStore(database), events, settings.data / "exports", settings.min_free_disk, settings.export_days
    )
    held = (events, rollups, inbox, intake, options)
    eraser = Eraser(suppressed, *held, lambda: sweeps.removing, archive, exporter.tidy)
    sweeper = Sweeper(sweeps, suppressed.store, events, rollups, options, intake.settled, settings, archive)
    roller = Roller(
        rollups, SegmentStore(events), intake.settled, on=settings.rollups == "on", every=settings.rollup_interval
    )
    catalogue = Catalogue(SchemaStore(database), Registry.load(), settings.max_schemas, options.for_tenant)
    revoked, training = TokenStore(database), TrainingStore(database)
    guard = open_guard(settings, limiter, database)
    sessions, links = SessionStore(database, settings.session_hours), LinkStore(database)
    people = People(UserStore(database), sessions, links, DashboardStore(database), AnnotationStore(database))
    cors = Cors(origin.strip() for origin in (settings.allowed_origins or "").split(",") if origin.strip())
    judge = chosen_judge(settings, SpendingStore(database))
    evaluator = Evaluator(
        events, EvaluationStore(database), store, intake, catalogue, settings, judge, RubricStore(database)
    )
    wired = (settings, control, store, events, seen, journal, indexer, intake, guard, people, catalogue, options)
    prices = PriceStore(database)
    turns = Turns(settings.reports_at_once, settings.query_seconds)
    reports = _runner(settings, events, intake, roller, prices)
    daily = Daily(DailyStore(database), events, reports, settings.metrics_retention_days)
    runner = FairRunner(reports, turns)
    answers = Answers(runner, RevisionStore(database).of, Cache(settings.report_cache_bytes))
    kept = (ConsentStore(database), MetricStore(database), prices, audit, revoked, failures, inbox, cors)
    answering = (runner, answers, daily, exporter, ReviewStore(database))
    return Parts(*wired, *kept, eraser, evaluator, sweeper, roller, training, *answering)


def _runner(settings: Settings, events: EventStore, intake: Intake, roller: Roller, prices: PriceStore) -> ReportRunner:
    reader: Reader = _Reader(events, intake)
    reader = ExplainingReader(reader) if settings.debug_mode else reader
    return ReportRunner(reader, settings.max_timeseries_points, roller, prices.of)


@asynccontextmanager
async def _lifespan(parts: Parts) -> AsyncIterator[None]:
    if parts.settings.anonymous_tenant is not None:
        await asyncio.to_thread(parts.control.ensure_tenant, parts.settings.anonymous_tenant)
    parts.intake.load()
    parts.catalogue.refresh()
    parts.options.refresh()
    parts.eraser.suppressed.refresh()
    with parts.events:
        parts.journal.open(asyncio.get_running_loop())
        parts.indexer.start()
        await _wait_for(lambda: parts.seen.complete, ENGINE_PATIENCE_SECONDS)
        jobs = asyncio.create_task(run_jobs(_jobs(parts)))
        log.info("open", data=str(parts.settings.data), engine=parts.seen.complete)
        try:
            yield
        finally:
            parts.exporter.stop()
            jobs.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await jobs
            if parts.evaluator.judge is not None:
                await parts.evaluator.judge.close()
            with contextlib.suppress(AuricleError):
                await parts.failures.flush()
            await asyncio.to_thread(parts.indexer.stop)
            await asyncio.to_thread(parts.journal.close)
            parts.control.close()
            log.info("closed")


def _jobs(parts: Parts) -> list[Job]:
    async def rotate() -> None:
        parts.intake.rotate()

    async def sweep_inbox() -> None:
        await parts.inbox.sweep(clock.micros() - parts.settings.inbox_days * 86_400 * 1_000_000)

    async def learn_origins() -> None:
        parts.cors.learn(await asyncio.to_thread(parts.control.origins))

    async def refresh_tenants() -> None:
        await asyncio.to_thread(parts.options.refresh)
        await asyncio.to_thread(parts.catalogue.refresh)

    async def forget_sessions() -> None:
        await asyncio.to_thread(parts.people.sessions.forget)

    told = (0, b"")

    async def tell_audit_head() -> None:
        nonlocal told
        head = await asyncio.to_thread(parts.audit.head)
        if head != told:
            told = head
            log.info("audit_head", entries=head[0], head=head[1].hex())

    return [
        Job("refresh_tenants", 1, refresh_tenants),
        Job("erase", 0.5, parts.eraser.sweep),
        Job("retain", 0.5, parts.sweeper.sweep),
        Job("roll_up", 0.5, parts.roller.sweep),
        Job("write_days", 60, parts.daily.sweep),
        Job("learn_origins", 2, learn_origins),
        Job("tell_audit_head", 300, tell_audit_head),
        Job("note_failed_logins", 60, parts.failures.flush),
        Job("rotate_window", 1, rotate),
        Job("note_key_use", 30, parts.guard.note_use),
        Job("forget_sessions", 300, forget_sessions),
        Job("forget_signatures", 60, parts.guard.forget),
        Job("sweep_inbox", 60, sweep_inbox),
        Job("export", 0.5, parts.exporter.sweep),
        Job("export_too", 0.7, parts.exporter.sweep),
        Job("tidy_exports", 2, parts.exporter.tidy_up),
        Job("forget_answers", 5, parts.answers.sweep),
        Job("evaluate", parts.settings.evaluation_interval, parts.evaluator.sweep),
        Job("forget_evaluations", 3_600, parts.evaluator.forget),
    ]


async def _wait_for(condition: Callable[[], bool], seconds: float) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            while not condition():  # noqa: ASYNC110 - a thread's flag, looked at a few times at the start
                await asyncio.sleep(0.02)
