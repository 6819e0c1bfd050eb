"""The page on the SDK in TypeScript, and the example: what they print is tried as it is printed.

Only the address of the service and the key are put in place of what stands there.
"""

import json
import re
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from built import ROOT, SDK, dist
from misbehaving import Misbehaving, misbehaving

from auricle.model.principal import Kind
from auricle.settings import Settings
from browser import chromium
from node import node
from running import Service, serving, wait_until

PAGE = (ROOT / "docs/sdk/javascript.md").read_text()
EXAMPLE = ROOT / "examples/web-page/index.html"
BLOCKS = re.findall(r"^```(html|tsx?)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
EXPORT = "/api/v1/analytics/exports/events?format=jsonl&period=24h"
COMPILER = {"strict": True, "noEmit": True, "target": "ES2022", "module": "ESNext", "moduleResolution": "bundler",
            "jsx": "react-jsx", "types": [], "lib": ["ES2022", "DOM"]}  # fmt: skip


def block(kind: str, part: str) -> str:
    """The one block of a kind that holds a text."""
    (found,) = [text for name, text in BLOCKS if name == kind and part in text]
    return found


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    dist()  # which the service hands out
    with serving(Settings(data=tmp_path_factory.mktemp("shop")), {"AURICLE_ALLOWED_ORIGINS": "*"}) as service:
        yield service


@pytest.fixture(scope="module")
def between(shop: Service) -> Iterator[Misbehaving]:
    with misbehaving(shop.address, {}) as server:
        yield server


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder in which the package is installed."""
    dist()
    (tmp_path / "package.json").write_text('{"type": "module"}')
    (tmp_path / "node_modules").symlink_to(ROOT / "node_modules")
    return tmp_path


def stored(service: Service, tenant: str, number: int) -> list[tuple[str, dict[str, object]]]:
    """Name and attributes of the events of a tenant, once there are so many."""
    wait_until(lambda: service.stats(tenant)["events"]["stored"] >= number)
    assert service.drained(tenant)["stored"] == number
    answer = service.client.get(service.url + EXPORT, headers={"X-API-Key": service.key(tenant, Kind.READ)})
    events = [json.loads(line) for line in answer.content.splitlines()]
    return [(event["event_name"], event["attributes"]) for event in events]


def test_what_is_printed_is_typed_right(project: Path) -> None:
    for number, (kind, text) in enumerate(BLOCKS):
        if kind != "html":
            (project / f"block{number}.{kind}").write_text(text + "\nexport {};\n")
    wrong = 'import { init } from "@auricle/sdk";\nconst analytics = init("", "");\n'
    wrong += '// @ts-expect-error\nanalytics.track("kb.hit");\n// @ts-expect-error\nanalytics.track("kb.hit", {});\n'
    wrong += '// @ts-expect-error\nanalytics.trackProjectCost("p", "food", 1);\n'
    wrong += 'analytics.track("kb.hit", { "kb.document_id": "d" });\nanalytics.track("my.own");\n'
    (project / "wrong.ts").write_text(wrong)
    (project / "tsconfig.json").write_text(json.dumps({"compilerOptions": COMPILER}))
    ran = node(project, "tsc", "--project", "tsconfig.json")
    assert (ran.returncode, ran.stdout) == (0, "")


@pytest.mark.parametrize(
    ("part", "names"),
    [
        ("shop.coupon_used", ["page_view", "commerce.checkout", "shop.coupon_used"]),
        (
            "trackVoiceMetrics",
            [
                *("voice.first_response", "voice.barge_in", "voice.asr_partial", "ai.tool_call_completed", "kb.search"),
                *("cost.recorded", "ai.usage", "error_occurred", "datapoint.written"),
            ],
        ),
    ],
)
def test_what_is_printed_runs_on_a_server(project: Path, shop: Service, part: str, names: list[str]) -> None:
    tenant = f"t{uuid.uuid4().hex}"
    text = block("ts", part).replace("https://analytics.example", shop.url).replace("ak_…", shop.key(tenant))
    (project / "main.ts").write_text(text)
    ran = node(project, "node", "main.ts")
    assert (ran.returncode, ran.stdout) == (0, ""), ran.stderr
    assert sorted(name for name, _ in stored(shop, tenant, len(names))) == sorted(names)


def test_requests_of_a_server_are_counted_as_printed(project: Path, shop: Service) -> None:
    tenant = f"t{uuid.uuid4().hex}"
    text = block("ts", "withAnalytics").replace("https://analytics.example", shop.url)
    (project / "worker.ts").write_text(text.replace("ak_…", shop.key(tenant)))
    (project / "main.ts").write_text(
        'import worker, { middleware } from "./worker.ts";\n'
        'await worker.fetch(new Request("http://api.test/hello"));\n'
        'const raw = new Request("http://api.test/hono");\n'
        "const context = { req: { raw }, res: new Response(null, { status: 204 }) };\n"
        "await middleware(context, async () => {});\n"
    )
    ran = node(project, "node", "main.ts")
    assert (ran.returncode, ran.stdout) == (0, ""), ran.stderr
    told = stored(shop, tenant, 2)
    assert [(name, each["url.path"], each["http.response.status_code"]) for name, each in told] == [
        ("http.request", "/hello", 200),
        ("http.request", "/hono", 204),
    ]


def test_the_hook_gives_the_same_functions_at_every_drawing(project: Path) -> None:
    (project / "main.ts").write_text(
        'import { createElement } from "react";\nimport { renderToString } from "react-dom/server";\n'
        'import { useAnalytics } from "@auricle/sdk/react";\nimport { init } from "@auricle/sdk";\n'
        "const options = { fetch: async () => new Response('{\"results\": []}', { status: 202 }) };\n"
        "const seen = new Set();\n"
        "function Buy() {\n"
        '  const { client, track } = useAnalytics("http://service.test", "ak_key", options);\n'
        "  seen.add(client);\n"
        '  return createElement("b", null, String(track("page_view", { page: "/" }) !== null));\n}\n'
        'console.log(renderToString(createElement("i", null, createElement(Buy), createElement(Buy))));\n'
        'console.log(seen.size, seen.has(init("http://service.test", "ak_key")));\n'
    )
    ran = node(project, "node", "main.ts")
    assert (ran.returncode, ran.stdout) == (0, "<i><b>true</b><b>true</b></i>\n1 true\n"), ran.stderr


def test_the_page_without_a_build_counts_as_printed(shop: Service, between: Misbehaving) -> None:
    tenant = f"t{uuid.uuid4().hex}"
    (html,) = [text for kind, text in BLOCKS if kind == "html"]
    html = html.replace("https://analytics.example", between.api).replace("ak_…", shop.key(tenant))
    between.pages["/printed"] = ("text/html; charset=utf-8", html.encode())
    with chromium() as browser:
        page = browser.new_context().new_page()  # which stays open, as browsers do: what it still sends goes on
        page.goto(between.page + "/printed")
        page.click("#buy")
        page.close()
        assert stored(shop, tenant, 2) == [
            ("page_view", {"page": "/printed", "referrer": ""}),
            ("button_click", {"button": "buy"}),
        ]


def test_the_example_counts(shop: Service, between: Misbehaving) -> None:
    tenant = f"t{uuid.uuid4().hex}"
    html = EXAMPLE.read_text().replace("http://127.0.0.1:8000", between.api)
    between.pages["/index.html"] = ("text/html; charset=utf-8", html.encode())
    with chromium() as browser:
        page = browser.new_page()
        page.goto(f"{between.page}/index.html?key={shop.key(tenant)}")
        for button in ("Look", "Into the basket", "Buy", "Break something"):
            page.get_by_role("button", name=button).click()
        page.get_by_text("5 events wait").wait_for()
        page.get_by_text("0 events wait").wait_for()
        page.get_by_label("I may be counted").uncheck()
        page.get_by_role("button", name="Look").click()
        page.get_by_text("0 events wait").wait_for()
        page.close()
    names = ["page_view", "commerce.view", "commerce.add_to_cart", "commerce.checkout", "error_occurred"]
    assert [name for name, _ in stored(shop, tenant, 5)] == names


def test_every_option_is_told() -> None:
    _, _, body = (SDK / "src/options.ts").read_text().partition("export interface Options {")
    options = re.findall(r"^  (\w+)\?:", body.partition("\n}")[0], re.MULTILINE)
    _, _, told = PAGE.partition("## Options")
    assert [option for option in options if f"`{option}`" not in told] == []


def test_the_client_is_within_its_size() -> None:
    told = subprocess.run(["gzip", "-9c", dist() / "index.js"], capture_output=True, check=True).stdout
    assert len(told) <= 5 * 1024
