"""What people do at the dashboard, in a real Chromium on the real service."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from auricle.model.principal import Kind
from running import Service

from .conftest import TENANT, settled

Open = Callable[..., Page]


def test_logging_in_and_out(opened: Open, demo: Service) -> None:
    page = opened()
    page.get_by_label("Key of kind read or admin").fill("ak_" + "A" * 43)
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("alert")).to_have_text("This API key is not known here.")
    page.get_by_label("Key of kind read or admin").fill(demo.key(TENANT, Kind.READ))
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("heading", level=1, name="Overview")).to_be_visible()
    expect(page.get_by_role("link", name="Settings")).to_have_count(0)
    assert page.evaluate("() => document.cookie") == ""
    page.reload()
    expect(page.get_by_role("heading", level=1, name="Overview")).to_be_visible()
    page.get_by_role("button", name="Log out").click()
    expect(page.get_by_role("button", name="Log in")).to_be_visible()
    page.reload()
    expect(page.get_by_role("button", name="Log in")).to_be_visible()


def test_a_person_that_was_added_logs_in_by_password(inside: Open, opened: Open) -> None:
    page = inside("#/settings")
    page.get_by_label("Name", exact=True).fill("Ada <b>L</b>")
    page.get_by_label("Password, 10 characters or more").fill("correct horse battery")
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.get_by_text("Ada <b>L</b>")).to_be_visible()
    other = opened()
    other.get_by_role("button", name="Name and password").click()
    for label, value in (("Tenant", TENANT), ("Name", "Ada <b>L</b>"), ("Password", "correct horse battery")):
        other.get_by_label(label, exact=True).fill(value)
    other.get_by_role("button", name="Log in").click()
    expect(other.get_by_role("heading", level=1, name="Overview")).to_be_visible()


def test_a_click_on_a_row_filters_the_page_and_the_address_keeps_it(inside: Open) -> None:
    page = inside()
    tile = page.get_by_role("button", name=re.compile("^Voice turns"))
    before = tile.locator("strong").inner_text()
    page.get_by_role("button", name="Only store-lisbon").or_(page.get_by_title("Only store-lisbon")).first.click()
    settled(page)
    expect(page.get_by_role("button", name="Remove the filter: site_id is store-lisbon")).to_be_visible()
    expect(tile.locator("strong")).not_to_have_text(before)
    fewer = tile.locator("strong").inner_text()
    assert 0 < int(fewer.replace(",", "")) < int(before.replace(",", ""))
    page.reload()
    settled(page)
    expect(tile.locator("strong")).to_have_text(fewer)
    page.get_by_role("button", name="Remove the filter: site_id is store-lisbon").click()
    settled(page)
    expect(tile.locator("strong")).to_have_text(before)


def test_every_chart_has_its_table_and_its_sql(inside: Open) -> None:
    page = inside()
    panel = page.get_by_role("region", name="Visitors", exact=True)
    panel.get_by_role("button", name="Table").click()
    expect(panel.get_by_role("columnheader", name="Visitors")).to_be_visible()
    assert panel.get_by_role("row").count() >= 24
    panel.get_by_role("button", name="SQL").click()
    expect(panel.locator("pre")).to_contain_text("FROM events")
    expect(panel.get_by_text(re.compile("^Exact, from"))).to_be_visible()


def test_a_funnel_is_built(inside: Open) -> None:
    page = inside("#/funnels")
    panel = page.get_by_role("region", name="Funnel", exact=True)
    expect(panel.locator(".funnel li")).to_have_count(3)
    page.get_by_label("Event of a next step").fill("voice.query")
    page.get_by_role("button", name="Add a step").click()
    settled(page)
    expect(panel.locator(".funnel li")).to_have_count(4)
    page.get_by_role("button", name="Remove step 4").click()
    page.get_by_label("Count").select_option("session")
    settled(page)
    panel.get_by_role("button", name="Table").click()
    counts = [int(text.replace(",", "")) for text in panel.locator("td:nth-child(2)").all_inner_texts()]
    assert counts == sorted(counts, reverse=True)
    assert len(counts) == 3
    assert counts[-1] > 0


def test_an_interaction_is_opened(inside: Open) -> None:
    page = inside("#/voice")
    page.get_by_role("region", name="Interactions").last.get_by_role("button").filter(has_text=" ").first.click()
    drawer = page.get_by_role("dialog")
    expect(drawer.get_by_text("voice.query", exact=True).first).to_be_visible()
    expect(drawer.get_by_text("voice.turn_started", exact=True).first).to_be_visible()
    drawer.get_by_role("button", name="Close").click()
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_sql_is_run_and_drawn(inside: Open) -> None:
    page = inside("#/sql")
    page.get_by_label("Statement").fill(
        "SELECT event_name, count() AS n FROM events GROUP BY event_name ORDER BY n DESC"
    )
    page.get_by_role("button", name="Run").click()
    expect(page.get_by_role("cell", name="page_view")).to_be_visible()
    page.get_by_label("Statement").fill("SELECT * FROM system.tables")
    page.get_by_label("Statement").press("Control+Enter")
    expect(page.get_by_role("alert")).to_be_visible()
    page.get_by_label("Statement").fill(
        "SELECT toStartOfHour(timestamp) AS t, count() AS n FROM events GROUP BY t ORDER BY t"
    )
    page.get_by_role("button", name="Run").click()
    page.get_by_role("button", name="Chart").click()
    expect(page.locator(".chart canvas")).to_be_visible()


def test_a_dashboard_is_saved_and_shared(inside: Open, opened: Open) -> None:
    page = inside("#/boards")
    page.get_by_label("Name of a new dashboard").fill("For the shop")
    page.get_by_role("button", name="New dashboard").click()
    page.get_by_role("button", name="Add the chart").click()
    expect(page.get_by_role("heading", level=2, name="events.count")).to_be_visible()
    page.get_by_role("combobox", name="Show").select_option("table")
    page.get_by_role("button", name="Add the chart").click()
    expect(page.get_by_role("heading", level=2, name="event_name")).to_be_visible()
    page.get_by_role("button", name="Make a link to share").click()
    link = page.locator("code.made").inner_text()
    guest = opened("/" + link[link.index("#") :])
    expect(guest.get_by_role("heading", level=1, name="For the shop")).to_be_visible()
    expect(guest.get_by_text("page_view")).to_be_visible()
    expect(guest.get_by_role("button", name="SQL")).to_have_count(0)
    page.get_by_role("button", name="Revoke").click()
    expect(page.get_by_text(re.compile("^link "))).to_have_count(0)


def test_a_key_is_created_and_works(inside: Open, demo: Service) -> None:
    page = inside("#/settings")
    page.get_by_label("Kind of the new key").select_option("read")
    page.get_by_label("Label of the new key").fill("for the till")
    page.get_by_role("button", name="Create a key").click()
    key = page.locator(".secret pre").inner_text().strip()
    expect(page.get_by_role("cell", name="for the till")).to_be_visible()
    assert demo.ask("GET", "/api/v1/analytics/reports/metrics", key=key).status == 200


def test_failed_events_are_seen_and_discarded(inside: Open) -> None:
    page = inside("#/events")
    expect(page.get_by_role("region", name="Newest events").get_by_role("row").nth(1)).to_be_visible()
    row = page.get_by_role("region", name="Refused events").get_by_role("row").filter(has_text="cost.recorded")
    expect(row).to_have_count(1)
    page.on("dialog", lambda dialog: dialog.accept())
    row.get_by_role("button", name="Discard").click()
    expect(row).to_have_count(0)
    expect(page.get_by_role("status")).to_have_text("1 discarded")


def test_the_keyboard_goes_everywhere(inside: Open) -> None:
    page = inside()
    page.keyboard.press("2")
    expect(page.get_by_role("heading", level=1, name="Voice")).to_be_visible()
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keys")).to_be_visible()
    page.keyboard.press("Escape")
    theme = page.evaluate("() => document.documentElement.dataset.theme")
    page.keyboard.press("t")
    assert page.evaluate("() => document.documentElement.dataset.theme") != theme
    page.keyboard.press("p")
    expect(page.get_by_label("Period")).to_have_value("7d")


def test_who_has_sent_nothing_yet_sees_how_to(opened: Open, demo: Service, tenant: str) -> None:
    page = opened()
    page.get_by_label("Key of kind read or admin").fill(demo.key(tenant, Kind.ADMIN))
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_text("No event has come in yet")).to_be_visible()
    expect(page.locator("pre")).to_contain_text("curl http://127.0.0.1")


@pytest.mark.parametrize("path", ["/", "/#/voice"])
def test_the_first_view_is_small_and_soon_there(inside: Open, path: str) -> None:
    page = inside(path.lstrip("/"))
    page.wait_for_load_state("networkidle")  # the library of the charts comes after the page itself
    sizes = page.evaluate(
        "() => performance.getEntriesByType('resource').filter(one => one.name.includes('/assets/'))"
        ".map(one => one.encodedBodySize)"
    )
    assert 50_000 < sum(sizes) < 300_000


def test_an_annotation_is_told_and_taken_back(inside: Open) -> None:
    page = inside("#/settings")
    page.get_by_label("When it happened").fill("2026-06-01T09:30")
    page.get_by_label("What happened").fill("version 2 <went> out")
    page.get_by_role("button", name="Annotate").click()
    line = page.get_by_role("listitem").filter(has_text="version 2 <went> out")
    expect(line).to_have_count(1)
    line.get_by_role("button", name="Remove").click()
    expect(line).to_have_count(0)
