"""How the pages look and read: faults that axe finds, pictures of each in light and dark, and hostile texts on all."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from auricle.model.principal import Kind
from running import Service, event

from .conftest import ROOT, TENANT, settled

Open = Callable[..., Page]
AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"
PAGES = ("overview", "voice", "funnels", "retention", "ai", "events", "sql", "boards", "schemas", "settings")
SERIOUS = ("serious", "critical")
WIDE, NARROW = {"width": 1280, "height": 900}, {"width": 390, "height": 844}
SCRIPT = "<script>window.hacked = 1</script><img src=x onerror='window.hacked = 1'>"
TURNED = "\u202etxet denrut \u2066 \u200b"
LONG = "x" * 10_000
HOSTILE = (
    SCRIPT,
    TURNED,
    LONG,
    "{{7*7}} ${7*7} 'quoted' \"twice\" \\ % &amp; 💥",
    "</textarea></pre><script>window.hacked=1</script>",
)


@pytest.fixture(scope="package")
def shots() -> Path:
    """Where the pictures go, to be looked at after the tests; git does not keep them."""
    folder = ROOT / "web" / "shots"
    folder.mkdir(exist_ok=True)
    return folder


def faults_of(page: Page) -> list[tuple[str, str]]:
    """What axe finds that is serious, with the first place of each."""
    page.evaluate(AXE.read_text() + ";0")
    told: Any = page.evaluate("() => axe.run(document, {resultTypes: ['violations']})")
    return [(each["id"], each["nodes"][0]["html"][:200]) for each in told["violations"] if each["impact"] in SERIOUS]


def go(page: Page, name: str) -> None:
    """To another page, until all of it is there."""
    page.goto(page.url.partition("#")[0] + f"#/{name}")
    settled(page)
    # The charts are drawn a moment after their figures came.
    page.wait_for_timeout(150)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_serious(inside: Open, shots: Path, theme: str) -> None:
    page = inside(color_scheme=theme, bypass_csp=True)
    found = {}
    for name in PAGES:
        go(page, name)
        page.screenshot(path=shots / f"{name}-{theme}.png", full_page=True)
        found[name] = faults_of(page)
    go(page, "voice")
    page.get_by_role("region", name="Interactions").last.locator("button.link").first.click()
    expect(page.get_by_role("dialog").get_by_text("voice.query", exact=True).first).to_be_visible()
    page.screenshot(path=shots / f"interaction-{theme}.png")
    found["interaction"] = faults_of(page)
    page.get_by_role("button", name="Close").click()
    page.get_by_role("button", name="Log out").click()
    expect(page.get_by_role("button", name="Log in")).to_be_visible()
    page.screenshot(path=shots / f"login-{theme}.png")
    found["login"] = faults_of(page)
    assert found == {name: [] for name in (*PAGES, "interaction", "login")}


def test_a_narrow_page_does_not_scroll_sideways(inside: Open, shots: Path) -> None:
    page, wide = inside(viewport=NARROW), []
    for name in PAGES:
        go(page, name)
        page.screenshot(path=shots / f"{name}-narrow.png", full_page=True)
        if page.evaluate("() => document.documentElement.scrollWidth") > NARROW["width"]:
            wide.append(name)
    assert wide == []


@pytest.fixture(scope="module")
def hostile(demo: Service) -> str:
    """A key of a tenant whose every text was sent by somebody who means harm."""
    tenant, events = "hostile", []
    for number, text in enumerate(HOSTILE):
        who = {"site_id": text[:128], "session_id": f"s{number}", "user_id": text[:128]}
        context = {"device": {"user_agent": text}, "page": {"title": text, "url": "/x"}, "locale": text[:30]}
        query = {"voice.query_id": f"q{number}", "voice.query_text": text, "voice.query_source": "voice"}
        answer = {
            "voice.query_id": f"q{number}",
            "voice.answer_text": text,
            "voice.latency_ms": 5,
            "voice.tools_used": [text],
        }
        wrong = {"error.flag": True, "error.message": text}
        for name, attributes in (
            ("voice.query", query),
            ("voice.outcome", {**answer, **wrong}),
            ("page_view", {"page": text, "referrer": text, text[:100]: text}),
            ("ai.tool_call_completed", {"gen_ai.tool.name": text, "ai.tool.duration_ms": 1, "ai.tool.success": True}),
            ("ai.usage", {"gen_ai.request.model": text, "gen_ai.usage.total_tokens": 1}),
            ("commerce.view", {"commerce.product_id": text}),
            ("kb.search", {"kb.query": text, "kb.results_count": 1, "kb.search_latency_ms": 1}),
            ("error_occurred", {"error.type": text}),
        ):
            told = {"event_name": name, "attributes": attributes, "context": context, "source": "voice_ws", **who}
            events.append(event(**told))
        events.append(event(event_name=text))
    answer = demo.send(tenant, events)
    assert answer.body["accepted"] >= 30, answer
    demo.drained(tenant)
    key = demo.key(tenant, Kind.ADMIN)
    demo.ask("PATCH", "/api/v1/analytics/admin/options", {"sanitise": False}, key)
    demo.ask("POST", "/api/v1/analytics/admin/keys", {"kind": "read", "label": SCRIPT}, key)
    ask = {"title": SCRIPT, "chart": "table", "report": "top", "ask": {"field": "voice.query_text", "period": "24h"}}
    demo.ask("POST", "/api/v1/analytics/dashboards", {"name": SCRIPT, "widgets": [ask]}, key)
    demo.ask("POST", "/api/v1/analytics/annotations", {"at": event()["occurred_at"], "text": SCRIPT}, key)
    return key


def test_hostile_texts_are_texts(opened: Open, hostile: str, shots: Path) -> None:
    page = opened()
    page.get_by_label("Key of kind read or admin").fill(hostile)
    page.get_by_role("button", name="Log in").click()
    settled(page)
    for name in PAGES:
        go(page, name)
        if name == "events":
            page.locator(".picks tbody tr").first.click()
        if name == "voice":
            page.get_by_role("region", name="Interactions").last.locator("button.link").first.click()
            expect(page.get_by_role("dialog").locator(".timeline li").first).to_be_visible()
        page.screenshot(path=shots / f"{name}-hostile.png", full_page=True)
        text = page.locator("main").inner_text()
        assert page.evaluate("() => window.hacked") is None, name
        assert page.locator("main script, main img").count() == 0, name
        assert not re.search("[\u202a-\u202e\u2066-\u2069\u200b]", text), name
        assert "x" * 3_000 not in text, name
        assert page.evaluate("() => document.documentElement.scrollWidth") <= WIDE["width"], name
        if name in ("overview", "voice", "boards"):
            assert "<script>window.hacked" in text, name


def test_filters_hold_hostile_values(inside: Open) -> None:
    page = inside()
    page.get_by_role("button", name="+ Filter").click()
    page.get_by_label("Field", exact=True).fill("site_id")
    page.get_by_label("Value", exact=True).fill(SCRIPT + TURNED)
    page.get_by_role("button", name="Filter", exact=True).click()
    settled(page)
    expect(page.get_by_role("group", name="Filters")).to_contain_text("site_id is <script>window.hacked")
    assert page.evaluate("() => window.hacked") is None
    assert TENANT in page.locator(".tenant").inner_text()
