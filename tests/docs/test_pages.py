"""The pages tell all that there is, and nothing that is not: settings, routes, errors, reasons; and no link is dead."""

import inspect
import re
from pathlib import Path
from typing import Any

import pytest
from starlette.routing import Route

from auricle import app, errors
from auricle.edge import failures
from auricle.errors import AuricleError
from auricle.model.receipt import Reason
from auricle.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
PAGES = sorted(DOCS.rglob("*.md")) + sorted(ROOT.glob("*.md"))


def rows(page: str) -> dict[str, list[str]]:
    """The rows of the first table of a page, by their first cell."""
    lines = (DOCS / page).read_text().splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith("| ---"))
    found = {}
    for line in lines[start + 1 :]:
        if not line.startswith("|"):
            break
        first, *others = (cell.strip() for cell in line.strip("|").split(" | "))
        found[first.strip("` ")] = [cell.strip(" |") for cell in others]
    return found


def setting_row(name: str) -> tuple[str, list[str]]:
    field = Settings.model_fields[name]
    own, *others = field.validation_alias.choices  # type: ignore[union-attr]
    default = "none" if field.default is None else f"`{field.default}`"
    return str(own), [" ".join(f"`{other}`" for other in others), default, str(field.description)]


def test_every_setting_is_told_as_it_is() -> None:
    assert rows("settings.md") == dict(setting_row(name) for name in Settings.model_fields)


def test_every_error_is_told_as_it_is() -> None:
    every = [error for _, error in inspect.getmembers(errors, inspect.isclass) if issubclass(error, AuricleError)]
    told = rows("errors.md")
    assert {name: cells[:3] for name, cells in told.items()} == {
        error.__name__: [f"`{error.code}`", str(error.status), "yes" if error.transient else "no"] for error in every
    }
    assert all(when and remedy for _, _, _, when, remedy in told.values())


def test_every_action_of_the_audit_log_is_told() -> None:
    """What is written beside a change of the database, and by itself."""
    source = "\n".join(path.read_text() for path in sorted((ROOT / "src").rglob("*.py")))
    calls = re.findall(r"\b(?:append|record)\(((?:[^()]|\([^()]*\))*)\)", source)
    written = {action for call in calls for action in re.findall(r'"([a-z]+\.[a-z]+)"', call)} | {failures.ACTION}
    told = {action for cell in rows("audit.md") for action in re.findall(r"[a-z]+\.[a-z]+", cell)}
    assert written - told == set()
    assert len(written) > 5


def test_every_reason_is_told() -> None:
    assert list(rows("reasons.md")) == [str(reason) for reason in Reason]


@pytest.fixture(scope="module")
def routes(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """Methods and paths of the application, `GET /healthz`."""
    front: Any = app.build(Settings(data=tmp_path_factory.mktemp("docs")))
    plain = {
        f"{method} {route.path}"
        for route in front._behind.routes
        if isinstance(route, Route)
        for method in route.methods or ()
        if method != "HEAD"
    }
    described = {
        f"{method.upper()} {path}" for path, methods in front._behind.openapi()["paths"].items() for method in methods
    }
    return plain | described | {f"{method} {path}" for method, path in front._hot}


def test_every_route_is_told_and_no_other(routes: set[str]) -> None:
    told = re.findall(r"^### `([A-Z]+ \S+)`$", (DOCS / "api.md").read_text(), re.MULTILINE)
    assert sorted(told) == sorted(routes)


def test_every_route_has_an_example_that_asks_it() -> None:
    sections = re.split(r"^### ", (DOCS / "api.md").read_text(), flags=re.MULTILINE)[1:]
    without = []
    for section in sections:
        path = section.split("`")[1].split(" ")[1]
        pattern = re.sub(r"\\\{\w+\\\}", r"[\\w.-]+", re.escape(path))
        if not re.search(rf'curl "\$URL{pattern}["?]', section.split("\n## ")[0]):
            without.append(path)
    assert without == []


def test_examples_name_only_what_a_reader_has() -> None:
    told = set(re.findall(r"\$([A-Z]+)", (DOCS / "api.md").read_text()))
    assert told == {"URL", "INGEST", "READ", "ADMIN"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_no_link_is_dead(page: Path) -> None:
    links = re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text())
    dead = [link for link in links if "://" not in link and not (page.parent / link).exists()]
    assert dead == []
