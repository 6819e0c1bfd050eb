"""The SDK in a real page, in Chromium, against the real service: what `track` took is counted, and once.

In between stands a server that misbehaves. Pages and service are of two origins, as they are on the web.
"""

import contextlib
import json
import re
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from built import dist
from misbehaving import Misbehaving, misbehaving, script
from playwright.sync_api import Browser, BrowserContext, Error, Page

from auricle.model.principal import Kind
from auricle.settings import Settings
from browser import chromium
from running import Service, serving, wait_until

INSECURE = "plain.test"
"""A host that leads here, and that no browser trusts: without HTTPS it has no Web Locks and no `crypto.randomUUID`."""
SMALL = {"context": False, "sessionId": "s"}
EXPORT = "/api/v1/analytics/exports/events?format=jsonl&period=24h"
FILL = """() => {
    for (let text = 'x'.repeat(1 << 20), n = 0; text; n++) {
        try { localStorage.setItem('of the page ' + n, text) } catch { text = text.slice(text.length / 2 + 1) }
    }
}"""
"""Leaves no room in the storage."""


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service whose pages may be of any origin."""
    dist()  # which the service hands out
    with serving(Settings(data=tmp_path_factory.mktemp("shop")), {"AURICLE_ALLOWED_ORIGINS": "*"}) as service:
        yield service


@pytest.fixture(scope="module")
def between(shop: Service) -> Iterator[Misbehaving]:
    """What stands between the pages and the service."""
    pages = {
        "/": ("text/html", b"<!doctype html><title>Shop</title><script src=/sdk/auricle.js></script>"),
    }
    with misbehaving(shop.address, pages) as server:
        yield server


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium(f"--host-resolver-rules=MAP {INSECURE} 127.0.0.1") as running:
        yield running


@dataclass
class Visitor:
    """One visitor of the shop: a fresh profile, and what its pages were told."""

    context: BrowserContext
    between: Misbehaving
    service: Service
    tenant: str = field(default_factory=lambda: f"t{uuid.uuid4().hex}")
    taken: list[str] = field(default_factory=list)
    """Ids of all events that an outbox took."""
    errors: list[str] = field(default_factory=list)

    def page(self, origin: str | None = None, key: str | None = None, **options: Any) -> Page:
        """A new page with a client, as `window.client`."""
        page = self.context.new_page()
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.visit(page, origin, key, **options)
        return page

    def visit(self, page: Page, origin: str | None = None, key: str | None = None, **options: Any) -> None:
        """Loads the page anew."""
        page.goto((origin or self.between.page) + "/")
        told = [self.between.api, key or self.service.key(self.tenant), SMALL | options]
        page.evaluate("([url, key, options]) => { window.client = auricle.init(url, key, options); }", told)

    def track(self, page: Page, number: int, name: str = "page_view") -> list[str]:
        """Tracks so many events, each of which must be taken."""
        ids = page.evaluate(
            "([name, number]) => Array.from({length: number}, (_, n) => client.track(name, {page: '/', n}))",
            [name, number],
        )
        assert None not in ids
        self.taken += ids
        return list(ids)

    def arrived(self, seconds: float = 30.0) -> list[str]:
        """The ids of all events in the store, sorted, once as many are there as were taken."""
        wait_until(lambda: self.service.stats(self.tenant)["events"]["stored"] >= len(self.taken), seconds, 0.1)
        self.service.drained(self.tenant)
        return sorted(event["event_id"] for event in self.stored())

    def stored(self) -> list[dict[str, Any]]:
        """What the store holds of this tenant."""
        key = self.service.key(self.tenant, Kind.READ)
        answer = self.service.client.get(self.service.url + EXPORT, headers={"X-API-Key": key})
        assert answer.status_code == 200
        return [json.loads(line) for line in answer.content.splitlines()]


@pytest.fixture
def visitor(browser: Browser, between: Misbehaving, shop: Service) -> Iterator[Visitor]:
    between.mood, between.retry_after = "pass", "1"
    between.seen = []
    context = browser.new_context()
    made = Visitor(context, between, shop)
    try:
        yield made
        assert made.errors == []
    finally:
        context.close()


def test_a_page_sends_whole_events_across_origins(visitor: Visitor) -> None:
    page = visitor.page(context=None, sessionId=None, siteId="shop")
    ids = visitor.track(page, 1)
    page.evaluate("client.flush()")

    assert visitor.arrived() == ids
    (event,) = visitor.stored()
    assert (event["source"], event["site_id"], event["attributes"]) == ("web", "shop", {"page": "/", "n": 0})
    context = event["context"]
    assert context["page"] == {"url": "/", "referrer": "", "title": "Shop"}
    assert re.match("Mozilla/5.0 .*Chrome/", context["device"]["user_agent"])
    assert context["device"]["viewport"] == {"width": 1280, "height": 720}
    assert re.fullmatch("[0-9a-f-]{36}", event["session_id"])


def test_a_visit_goes_on_in_the_next_page(visitor: Visitor) -> None:
    page = visitor.page(sessionId=None)
    visitor.track(page, 1)
    visitor.track(visitor.page(sessionId=None), 1)
    visitor.visit(page, sessionId=None)
    visitor.track(page, 1)

    visitor.arrived()
    assert len({event["session_id"] for event in visitor.stored()}) == 1


def test_offline_and_back(visitor: Visitor) -> None:
    page = visitor.page()
    visitor.context.set_offline(True)
    ids = visitor.track(page, 25)
    page.evaluate("client.flush()")
    assert (page.evaluate("client.pending"), visitor.between.posts()) == (25, [])

    visitor.context.set_offline(False)
    assert visitor.arrived() == sorted(ids)
    wait_until(lambda: page.evaluate("client.pending") == 0)


def test_a_page_that_closes_sends_what_it_has(visitor: Visitor) -> None:
    page = visitor.page()
    ids = visitor.track(page, 3)
    page.close()
    assert visitor.arrived() == sorted(ids)  # no other page is there to send it


def test_a_page_that_is_left_sends_what_it_has(visitor: Visitor) -> None:
    page = visitor.page()
    ids = visitor.track(page, 3)
    page.goto("about:blank")
    assert visitor.arrived() == sorted(ids)


def test_a_page_that_closes_keeps_within_the_budget_of_browsers(visitor: Visitor) -> None:
    page = visitor.page(batchSize=10_000, interval=600_000)
    visitor.track(page, 600)
    page.close()
    wait_until(visitor.between.posts)
    (sent,) = visitor.between.posts()
    assert 30_000 < len(sent.body) <= 60_000

    visitor.page(interval=500)  # the next one sends the rest
    assert visitor.arrived() == sorted(visitor.taken)


def test_a_page_that_crashes_leaves_its_events_to_the_next(visitor: Visitor) -> None:
    page = visitor.page(interval=600_000)
    ids = visitor.track(page, 5)
    page.wait_for_timeout(200)
    _crash(page)
    assert visitor.between.posts() == []

    visitor.page(interval=500)
    assert visitor.arrived() == sorted(ids)


def _crash(page: Page) -> None:
    """Ends the process of a page at once, as the system does when it is out of memory."""
    with contextlib.suppress(Error), page.expect_event("crash", timeout=5_000):
        page.goto("chrome://crash", timeout=5_000)


@pytest.mark.parametrize(
    ("mood", "retry_after", "at_least"),
    [
        pytest.param("429", "2", 2.0, id="429 with Retry-After"),
        pytest.param("500", "", 0.25, id="500"),
        pytest.param("503", "1", 1.0, id="503 with Retry-After"),
        pytest.param("refuse", "", 0.25, id="refused"),
        # NOTE: a browser repeats by itself what it sent over a connection that ends before the answer begins.
        pytest.param("forget", "", 0.0, id="stored, and the answer is lost"),
    ],
)
def test_trouble_is_waited_out(visitor: Visitor, mood: str, retry_after: str, at_least: float) -> None:
    visitor.between.mood, visitor.between.retry_after = mood, retry_after
    page = visitor.page()
    ids = visitor.track(page, 12)
    first = wait_until(visitor.between.failed)[0]
    visitor.between.mood = "pass"

    wait_until(lambda: visitor.between.posts(202), 10)
    second = visitor.between.posts(202)[0]
    assert at_least <= second.at - first.at < 2 * at_least + 5
    assert visitor.arrived() == sorted(ids)
    wait_until(lambda: page.evaluate("client.pending") == 0)


def test_a_service_that_is_slow_stores_it_once(visitor: Visitor) -> None:
    visitor.between.mood, visitor.between.slow_seconds = "slow", 1.5
    page = visitor.page(timeout=500)
    ids = visitor.track(page, 12)
    wait_until(visitor.between.posts, 10)
    visitor.between.mood = "pass"

    wait_until(lambda: len(visitor.between.events()) > len(ids), 10)  # given up on, and stored all the same
    assert visitor.arrived() == sorted(ids)


def test_a_pause_holds_for_all_tabs(visitor: Visitor) -> None:
    visitor.between.mood, visitor.between.retry_after = "429", "3"
    first, second = visitor.page(), visitor.page()
    visitor.track(first, 12)
    wait_until(visitor.between.posts)
    visitor.between.mood = "pass"
    first.wait_for_timeout(200)
    visitor.track(second, 12)
    second.evaluate("client.flush()")

    assert visitor.arrived() == sorted(visitor.taken)
    told, *others = visitor.between.posts()
    assert told.status == 429
    assert min(one.at for one in others) - told.at >= 3.0


@pytest.mark.parametrize("host", ["localhost", INSECURE])
def test_two_tabs_send_each_event_once(visitor: Visitor, host: str) -> None:
    origin = f"http://{host}:{visitor.between.port}"
    tabs = [visitor.page(origin, interval=30_000) for _ in range(2)]
    assert tabs[0].evaluate("isSecureContext") == (host != INSECURE)
    for _ in range(10):
        for tab in tabs:
            visitor.track(tab, 10)
    assert visitor.arrived() == sorted(visitor.taken)
    assert sorted(visitor.between.events()) == sorted(visitor.taken)  # none was sent twice either
    wait_until(lambda: all(tab.evaluate("client.flush().then(() => client.pending)") == 0 for tab in tabs))


def test_the_events_of_a_tab_that_crashes_are_sent_by_another(visitor: Visitor) -> None:
    stays, dies = visitor.page(interval=500), visitor.page(interval=600_000)
    visitor.track(stays, 1)
    ids = visitor.track(dies, 5)
    dies.wait_for_timeout(200)
    _crash(dies)
    assert set(ids) < set(visitor.arrived())
    assert stays.evaluate("client.pending") >= 0


@pytest.mark.slow
def test_ten_thousand_events_through_all_of_it(visitor: Visitor) -> None:
    moods = ("pass", "500", "forget", "refuse", "pass", "429", "slow", "pass", "503", "forget")
    visitor.between.slow_seconds = 0.3
    tabs = [visitor.page(maxChars=4_800_000, interval=1000) for _ in range(2)]
    for turn, mood in enumerate(moods):
        visitor.between.mood = mood
        if turn == 4:
            visitor.context.set_offline(True)
        for tab in tabs:
            visitor.track(tab, 500)
        tabs[0].wait_for_timeout(300)
        if turn == 5:
            visitor.context.set_offline(False)
        if turn in (2, 6):
            tabs[turn % 2].close()
            tabs[turn % 2] = visitor.page(maxChars=4_800_000, interval=1000)
        if turn == 7:
            _crash(tabs[1])
            tabs[1] = visitor.page(maxChars=4_800_000, interval=1000)
    visitor.between.mood = "pass"

    assert len(set(visitor.taken)) == 10_000
    assert visitor.arrived(60) == sorted(visitor.taken)
    wait_until(lambda: all(tab.evaluate("client.flush().then(() => client.pending)") == 0 for tab in tabs), 20)


def test_a_storage_that_is_full_loses_nothing_while_the_page_lives(visitor: Visitor) -> None:
    visitor.context.add_init_script(
        "try { for (;;) localStorage.setItem('of the page', 'x'.repeat(5 << 20)) } catch {}"
    )
    page = visitor.page()
    page.evaluate(FILL)
    ids = visitor.track(page, 12)
    assert visitor.arrived() == sorted(ids)
    wait_until(lambda: page.evaluate("client.pending") == 0)


def test_a_page_that_may_store_nothing_sends_all_the_same(visitor: Visitor) -> None:
    visitor.context.add_init_script(
        "Object.defineProperty(window, 'localStorage', {get() { throw new DOMException('no', 'SecurityError') }})"
    )
    page = visitor.page(sessionId=None)
    visitor.track(page, 12)
    visitor.track(page, 2)
    page.close()
    assert visitor.arrived() == sorted(visitor.taken)
    assert len({event["session_id"] for event in visitor.stored()}) == 1


def test_a_key_that_is_refused_stops_the_client_and_another_starts_it(visitor: Visitor) -> None:
    page = visitor.page(key="ak_" + "0" * 43)
    visitor.track(page, 12)
    wait_until(visitor.between.posts)
    visitor.track(page, 12)
    page.evaluate("client.flush()")
    assert [one.status for one in visitor.between.posts()] == [401]
    assert page.evaluate("client.pending") == 24

    told = [visitor.between.api, visitor.service.key(visitor.tenant)]
    page.evaluate("([url, key]) => { auricle.init(url, key) }", told)
    assert visitor.arrived() == sorted(visitor.taken)


@pytest.mark.parametrize(
    "asks",
    [
        pytest.param("Object.defineProperty(navigator, 'globalPrivacyControl', {value: true})", id="GPC"),
        pytest.param("Object.defineProperty(navigator, 'doNotTrack', {value: '1'})", id="Do Not Track"),
    ],
)
def test_a_browser_that_asks_not_to_be_counted_is_not(visitor: Visitor, asks: str) -> None:
    visitor.context.add_init_script(asks)
    page = visitor.page()
    assert page.evaluate("client.track('page_view', {page: '/'})") is None
    assert page.evaluate("Object.keys(localStorage)") == []

    page.evaluate("client.consent(true)")
    ids = visitor.track(page, 1)
    page.evaluate("client.flush()")
    assert visitor.arrived() == ids


def test_a_no_reaches_the_service(visitor: Visitor) -> None:
    page = visitor.page()
    visitor.track(page, 1)
    page.evaluate("client.flush()")
    visitor.arrived()
    page.evaluate("client.consent(false)")
    page.evaluate("client.flush()")
    told = visitor.service.drained(visitor.tenant)
    assert (told["stored"], told["dropped"]) == (1, 1)
    key = visitor.service.key(visitor.tenant, Kind.ADMIN)
    answer = visitor.service.ask("POST", "/api/v1/analytics/consents/find", {"session_id": "s"}, key)
    assert (answer.status, answer.body["analytics"]) == (200, False)


def test_the_tag_of_the_script_is_all_that_a_page_needs(visitor: Visitor) -> None:
    key = visitor.service.key(visitor.tenant)
    tag = f'<script src="{visitor.between.api}/sdk/auricle.js" data-key="{key}" data-site="shop" defer></script>'
    visitor.between.pages["/tagged"] = ("text/html", b"<!doctype html>" + tag.encode())
    page = visitor.context.new_page()
    page.goto(visitor.between.page + "/tagged?utm_source=mail")
    page.close()
    visitor.taken.append("one")
    visitor.arrived()
    (event,) = visitor.stored()
    assert (event["event_name"], event["site_id"], event["attributes"]["page"]) == ("page_view", "shop", "/tagged")


def test_modules_and_the_script_share_one_client(visitor: Visitor) -> None:
    visitor.between.pages["/index.js"] = script(dist() / "index.js")
    page = visitor.page()
    same = page.evaluate(
        "url => import('/index.js').then(({init}) => init(url, 'ak_other') === client)", visitor.between.api
    )
    assert same is True
