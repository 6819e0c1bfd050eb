"""Answers: asked once for many, kept under the revision of the data, and sent with tags."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import orjson
import pytest
from starlette.requests import Request

from auricle.edge.answer import Answer, Answers, reply
from auricle.errors import QueryTimeout, Unavailable
from auricle.model.query import Grain, Query, Timeseries
from auricle.model.result import Meta, Result
from auricle.report.cache import Cache
from auricle.store.revision import Revision

NOW = datetime(2025, 11, 1, tzinfo=UTC)
META = Meta("2025-10-01T00:00:00Z", "2025-11-01T00:00:00Z", "2025-11-01T00:00:00Z", 3, {"test": 0}, "SELECT 1")
QUERY = Query(report="timeseries", tenant_id="acme", now=NOW, ask=Timeseries("events.count", Grain.DAY))
FIXED = replace(QUERY, start=NOW - timedelta(days=1), end=NOW)


class World:
    """A runner that counts and may be held up, the revisions of tenants, and a clock."""

    def __init__(self, cache_bytes: int = 100_000) -> None:
        self.asked: list[str] = []
        self.go = asyncio.Event()
        self.go.set()
        self.error: Exception | None = None
        self.revisions: dict[str, Revision | None] = {}
        self.database_is_away = False
        self.now = 0.0
        self.cache = Cache(cache_bytes)
        self.answers = Answers(self, self.revision_of, self.cache, lambda: self.now)

    def revision_of(self, tenant_id: str) -> Revision | None:
        if self.database_is_away:
            raise Unavailable("away")
        return self.revisions.get(tenant_id, Revision(0, 0, 0, 0))

    async def run(self, query: Query) -> Result:
        self.asked.append(query.tenant_id)
        body = {"tenant": query.tenant_id, "reading": len(self.asked)}
        await self.go.wait()
        if self.error:
            raise self.error
        return Result(body, META, Result({}, META) if query.compare else None)

    async def told(self, query: Query) -> tuple[int, str]:
        """Which reading the answer is of, and where it says that it is from."""
        body = orjson.loads((await self.answers.of(query)).body)
        assert body["tenant"] == query.tenant_id
        return body["reading"], body["meta"]["source"]


def test_the_second_answer_is_the_first_one_from_the_cache() -> None:
    async def run() -> None:
        world = World()
        compared = replace(FIXED, compare=True)
        first, second = await world.answers.of(compared), await world.answers.of(compared)
        body = orjson.loads(second.body)
        assert (body["meta"].pop("source"), body["previous"]["meta"].pop("source")) == ("cache", "cache")
        raw = orjson.loads(first.body)
        assert (raw["meta"].pop("source"), raw["previous"]["meta"].pop("source")) == ("raw", "raw")
        assert (body, world.asked) == (raw, ["acme"])
        assert (first.tag != second.tag, second.others) == (True, (first.tag,))

    asyncio.run(run())


def test_two_tenants_that_ask_the_same_get_their_own() -> None:
    async def run() -> None:
        world = World()
        other = replace(FIXED, tenant_id="other")
        assert await asyncio.gather(world.told(FIXED), world.told(other)) == [(1, "raw"), (2, "raw")]
        assert await asyncio.gather(world.told(FIXED), world.told(other)) == [(1, "cache"), (2, "cache")]

    asyncio.run(run())


def test_new_data_make_a_new_answer_for_that_tenant_alone() -> None:
    async def run() -> None:
        world = World()
        other = replace(FIXED, tenant_id="other")
        assert (await world.told(FIXED), await world.told(other)) == ((1, "raw"), (2, "raw"))
        world.revisions["acme"] = Revision(1, 0, 0, 0)
        assert (await world.told(FIXED), await world.told(other)) == ((3, "raw"), (2, "cache"))

    asyncio.run(run())


def test_a_range_that_ends_now_is_read_again_when_it_has_moved() -> None:
    async def run() -> None:
        world = World()
        hour = replace(QUERY, period=timedelta(hours=1))
        told = []
        for world.now in (0.0, 3.5, 3.7):
            told.append(await world.told(hour))
        assert told == [(1, "raw"), (1, "cache"), (2, "raw")]

    asyncio.run(run())


@pytest.mark.parametrize("away", [False, True], ids=["rows are being removed", "the database is away"])
def test_while_nobody_can_tell_nothing_is_given_from_the_cache(away: bool) -> None:
    async def run() -> None:
        world = World()
        await world.told(FIXED)
        world.revisions["acme"], world.database_is_away = None, away
        assert (await world.told(FIXED), await world.told(FIXED)) == ((2, "raw"), (3, "raw"))
        world.revisions["acme"], world.database_is_away = Revision(0, 1, 0, 0), False
        assert await world.told(FIXED) == (4, "raw")

    asyncio.run(run())


def test_what_is_asked_at_the_same_time_is_read_once_also_when_the_first_hangs_up() -> None:
    async def run() -> None:
        world = World()
        world.go.clear()
        asking = [asyncio.create_task(world.told(FIXED)) for _ in range(20)]
        await _until(lambda: bool(world.asked))
        asking[0].cancel()
        await asyncio.sleep(0.05)
        world.go.set()
        told = await asyncio.gather(*asking, return_exceptions=True)
        assert isinstance(told[0], asyncio.CancelledError)
        assert (told[1:], world.asked) == ([(1, "raw")] * 19, ["acme"])

    asyncio.run(run())


def test_a_reading_from_before_is_not_joined_once_the_data_have_changed() -> None:
    async def run() -> None:
        world = World()
        world.go.clear()
        early = asyncio.create_task(world.told(FIXED))
        await _until(lambda: len(world.asked) == 1)
        world.revisions["acme"] = Revision(0, 1, 0, 0)
        late = asyncio.create_task(world.told(FIXED))
        await _until(lambda: len(world.asked) == 2)
        world.go.set()
        assert (await early, await late) == ((1, "raw"), (2, "raw"))
        assert (await world.told(FIXED))[0] in (2, 3)

    asyncio.run(run())


def test_a_failure_is_told_to_all_who_wait_and_not_kept() -> None:
    async def run() -> None:
        world = World()
        world.error = QueryTimeout("too slow")
        told = await asyncio.gather(*(world.told(FIXED) for _ in range(3)), return_exceptions=True)
        assert [type(each) for each in told] == [QueryTimeout] * 3
        world.error = None
        assert (await world.told(FIXED))[1] == "raw"

    asyncio.run(run())


def test_the_sweep_leaves_nothing_of_changed_data() -> None:
    async def run() -> None:
        world = World()
        await world.told(FIXED), await world.told(replace(FIXED, tenant_id="other"))
        await world.answers.sweep()
        assert world.cache.tenants == {"acme", "other"}
        world.revisions["acme"] = None
        await world.answers.sweep()
        assert world.cache.tenants == {"other"}

    asyncio.run(run())


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0.005)


ANSWER = Answer(b"{}", "two", ("one",))


@pytest.mark.parametrize(
    ("method", "asked", "status", "tag"),
    [
        pytest.param("GET", None, 200, '"two"', id="without a tag"),
        pytest.param("GET", '"two"', 304, '"two"', id="the tag"),
        pytest.param("GET", '"one"', 304, '"one"', id="the tag of the first answer"),
        pytest.param("GET", '"x", W/"two"', 304, '"two"', id="one of several, weak"),
        pytest.param("GET", "*", 304, '"two"', id="any"),
        pytest.param("GET", '"three"', 200, '"two"', id="another"),
        pytest.param("POST", '"two"', 200, None, id="a POST"),
    ],
)
def test_how_it_is_sent(method: str, asked: str | None, status: int, tag: str | None) -> None:
    headers = [(b"if-none-match", asked.encode())] if asked is not None else []
    sent = reply(ANSWER, Request({"type": "http", "method": method, "headers": headers}))
    assert (sent.status_code, sent.headers.get("etag")) == (status, tag)
    assert bytes(sent.body) == (b"" if status == 304 else b"{}")
    assert sent.headers.get("cache-control") == (None if tag is None else "private, no-cache")
