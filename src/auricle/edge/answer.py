"""The answer to a report: read once however many ask for it at the same time, kept, and sent as bytes with a tag.

An answer from the cache is never older than its `as_of` says: it is given only while the revision of the tenant's data,
looked up for every request, is the one under which it was read.
"""

import asyncio
import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol

import orjson
from starlette.requests import Request
from starlette.responses import Response

from auricle.errors import AuricleError
from auricle.model.query import Query
from auricle.model.result import Result
from auricle.report.cache import Cache, Kept, Key, key_of, seconds_of
from auricle.store.revision import Revision

CACHE_CONTROL = "private, no-cache"
"""A browser may keep the answer, and asks with its tag before it shows it again: it could be of an erased person."""
VARY = "Authorization, X-API-Key"


class Runner(Protocol):
    """What answers queries: `auricle.report.run.ReportRunner`."""

    async def run(self, query: Query) -> Result:
        """The answer to a query."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What is sent, and what it may be known as to the client."""

    body: bytes
    tag: str
    others: tuple[str, ...] = ()
    """Tags of the same answer as it was sent before."""


class Answers:
    """Gives answers to queries. Belongs to the event loop; `revision_of` blocks, and is asked in a thread."""

    def __init__(
        self,
        runner: Runner,
        revision_of: Callable[[str], Revision | None],
        cache: Cache,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._runner = runner
        self._revision_of = revision_of
        self._cache = cache
        self._clock = clock
        self._flights: dict[tuple[Key, Revision], tuple[asyncio.Task[Answer], float]] = {}

    async def of(self, query: Query) -> Answer:
        """The answer to a query. Raises what the runner does."""
        revision = await self._revision(query.tenant_id)
        if revision is None:
            return _encoded(await self._runner.run(query))
        key, now = key_of(query), self._clock()
        kept = self._cache.get(key, revision, now)
        if kept is not None:
            return Answer(kept.body, kept.tag, (kept.first,))
        task, until = self._flights.get((key, revision), (None, 0.0))
        if task is None or until <= now:
            until = now + seconds_of(query)
            task = asyncio.create_task(self._read(query, key, revision, until))
            self._flights[key, revision] = task, until
            task.add_done_callback(lambda done: self._landed(key, revision, done))
        # NOTE: shielded, for one who hangs up must not take the answer from the others.
        return await asyncio.shield(task)

    async def _revision(self, tenant_id: str) -> Revision | None:
        """The revision of a tenant's data; None when nobody can tell now, and nothing can be given from the cache."""
        try:
            return await asyncio.to_thread(self._revision_of, tenant_id)
        except AuricleError:
            return None

    async def _read(self, query: Query, key: Key, revision: Revision, until: float) -> Answer:
        result = await self._runner.run(query)
        answer, again = _encoded(result), _encoded(_from_cache(result))
        self._cache.put(key, Kept(revision, again.body, again.tag, answer.tag, until))
        return answer

    def _landed(self, key: Key, revision: Revision, done: asyncio.Task[Answer]) -> None:
        if self._flights.get((key, revision), (None, 0.0))[0] is done:
            del self._flights[key, revision]
        if not done.cancelled():
            done.exception()  # marks it as seen: whoever asked may have gone away

    async def sweep(self) -> None:
        """Drops what is kept of tenants whose data have changed, so that nothing of an erased person stays here."""
        for tenant_id in self._cache.tenants:
            revision = await self._revision(tenant_id)
            self._cache.forget(tenant_id, revision, self._clock())


def reply(answer: Answer, request: Request) -> Response:
    """The answer as it is sent; to a `GET` with its tag, or as 304 when the client has it."""
    if request.method != "GET":
        return Response(answer.body, media_type="application/json")
    asked = _tags(request.headers.get("if-none-match", ""))
    known = next((tag for tag in (answer.tag, *answer.others) if tag in asked or "*" in asked), None)
    headers = {"ETag": f'"{known or answer.tag}"', "Cache-Control": CACHE_CONTROL, "Vary": VARY}
    if known is not None:
        return Response(status_code=304, headers=headers)
    return Response(answer.body, headers=headers, media_type="application/json")


def _tags(told: str) -> set[str]:
    """The tags in `If-None-Match`; a weak one is as good, for it is compared weakly (RFC 9110, 13.1.2)."""
    return {each.strip().removeprefix("W/").strip('"') for each in told.split(",")}


def _encoded(result: Result) -> Answer:
    body = orjson.dumps(result.as_json())
    return Answer(body, hashlib.blake2b(body, digest_size=16).hexdigest())


def _from_cache(result: Result) -> Result:
    before = None if result.previous is None else _from_cache(result.previous)
    return replace(result, meta=replace(result.meta, source="cache"), previous=before)
