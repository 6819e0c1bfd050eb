"""A real Chromium on the real service with a day of made-up traffic; without one these tests say so and are skipped."""

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, Route, expect, sync_playwright

from auricle import clock
from auricle.cli.traffic import a_day, faulty
from auricle.model.principal import Kind
from auricle.settings import Settings
from running import BATCH, Service, serving

ROOT = Path(__file__).resolve().parents[2]
BUILT = ROOT / "src" / "auricle" / "dashboard" / "index.html"
CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
TENANT = "demo"
SECONDS = 30_000
"""Milliseconds that anything may take to show: the machine may have much else to do."""


@dataclass
class Seen:
    """What a page tried and said."""

    elsewhere: list[str] = field(default_factory=list)
    """Requests to any other host; all are refused."""
    faults: list[str] = field(default_factory=list)
    """Errors of scripts, and what the console told as one."""


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """Chromium, headless."""
    if CHROMIUM is None:
        pytest.skip("no Chromium was found: the tests of the dashboard need one")
    if not BUILT.is_file():
        pytest.skip("the dashboard was not built: scripts/node.sh npm run build -w web")
    with sync_playwright() as play:
        opened = play.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield opened
        opened.close()


@pytest.fixture(scope="package")
def demo(tmp_path_factory: pytest.TempPathFactory, browser: Browser) -> Iterator[Service]:
    """The service with the events of the demo, all visible."""
    with serving(Settings(data=tmp_path_factory.mktemp("web"))) as service:
        now = clock.now()
        day = a_day(now)
        for start in range(0, len(day), 400):
            assert service.send(TENANT, day[start : start + 400]).status == 202
        service.ask("POST", BATCH, {"events": faulty(now)}, service.key(TENANT))
        service.drained(TENANT)
        yield service


@pytest.fixture
def seen() -> Seen:
    """What the pages of this test tried and said; looked at when it is over."""
    return Seen()


@pytest.fixture
def opened(browser: Browser, demo: Service, seen: Seen) -> Iterator[Callable[..., Page]]:
    """Opens the dashboard in a browser that knows nothing yet; options are those of a browser's context."""
    expect.set_options(timeout=SECONDS)
    contexts = []

    def guarded(route: Route, request: Request) -> None:
        if urlsplit(request.url).netloc == urlsplit(demo.url).netloc or request.url.startswith("data:"):
            route.continue_()
        else:
            seen.elsewhere.append(request.url)
            route.abort()

    def heard(message: ConsoleMessage) -> None:
        # A refusal of the API is told to whoever asked, and in the console as well.
        refused = message.text.startswith("Failed to load resource") and "/api/v1/" in message.location["url"]
        if message.type == "error" and not refused:
            seen.faults.append(message.text)

    def open_page(path: str = "/", **options: Any) -> Page:
        context = browser.new_context(**{"viewport": {"width": 1280, "height": 900}, **options})
        contexts.append(context)
        context.set_default_timeout(SECONDS)
        context.route("**/*", guarded)
        page = context.new_page()
        page.on("pageerror", lambda error: seen.faults.append(str(error)))
        page.on("console", heard)
        page.goto(demo.url + path)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert (seen.elsewhere, seen.faults) == ([], [])


@pytest.fixture
def inside(opened: Callable[..., Page], demo: Service) -> Callable[..., Page]:
    """The same, logged in by a key of kind admin."""

    def log_in(place: str = "#/overview", **options: Any) -> Page:
        page = opened("/" + place, **options)
        page.get_by_label("Key of kind read or admin").fill(demo.key(TENANT, Kind.ADMIN))
        page.get_by_role("button", name="Log in").click()
        settled(page)
        return page

    return log_in


def settled(page: Page) -> None:
    """Returns when everything that the page asked is answered."""
    expect(page.get_by_role("navigation", name="Pages")).to_be_visible(timeout=SECONDS)
    expect(page.locator("[aria-busy=true]")).to_have_count(0, timeout=SECONDS)
