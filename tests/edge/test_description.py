"""The description of the API: whole, true to what the service does, and shown without another host."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from auricle import app
from auricle.edge.operation import OPERATIONS
from auricle.model.principal import Kind
from auricle.settings import Settings
from running import Service, serving

DOCUMENTS = ("/openapi.json", "/api/analytics/openapi.json")
PAGES = ("/docs", "/api/analytics/docs")
EXAMPLES = 4
"""Requests to each operation."""


@pytest.fixture(scope="module")
def document(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    front: Any = app.build(Settings(data=tmp_path_factory.mktemp("description")))
    return dict(front._behind.openapi())


def operations(document: Mapping[str, Any]) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    for path, methods in document["paths"].items():
        for method, told in methods.items():
            yield method.upper(), path, told


def refs(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        for value in node.values():
            yield from refs(value)
    elif isinstance(node, list):
        for value in node:
            yield from refs(value)


def test_the_document_is_the_same_at_both_addresses(service: Service, document: dict[str, Any]) -> None:
    for path in DOCUMENTS:
        answer = service.ask("GET", path)
        assert (answer.status, answer.headers["content-type"]) == (200, "application/json")
        assert answer.body == document
    assert document["openapi"] == "3.1.0"


def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    found = set(refs(document))
    for reference in found:
        node: Any = document
        for part in reference.removeprefix("#/").split("/"):
            node = node[part]
    assert len(found) > 10


def test_every_schema_compiles(document: dict[str, Any]) -> None:
    for schema in document["components"]["schemas"].values():
        jsonschema_rs.validator_for({**schema, "components": document["components"]})


def test_every_operation_is_told_in_words_and_has_its_own_id(document: dict[str, Any]) -> None:
    every = list(operations(document))
    assert all(told["summary"] and told["description"] and told["responses"]["401"] for _, _, told in every)
    ids = [told["operationId"] for _, _, told in every]
    assert len(set(ids)) == len(ids)


def test_every_parameter_of_a_path_is_told(document: dict[str, Any]) -> None:
    for _, path, told in operations(document):
        named = {one["name"] for one in told.get("parameters", ()) if one["in"] == "path"}
        assert named == set(re.findall(r"{(\w+)}", path)), path


def test_the_table_names_only_what_there_is(document: dict[str, Any]) -> None:
    there = {(method, path) for method, path, _ in operations(document)}
    assert set(OPERATIONS) - there == set()


def test_what_is_told_to_be_open_is_open_and_nothing_else(service: Service, document: dict[str, Any]) -> None:
    told = {(method, path): operation.get("security") != [] for method, path, operation in operations(document)}
    real = {
        (method, path): service.ask(method, re.sub(r"{\w+}", "x", path), {} if method != "GET" else None).status == 401
        for method, path in told
    }
    assert told == real


@pytest.mark.parametrize("page", PAGES)
def test_the_pages_need_no_other_host(service: Service, page: str) -> None:
    answer = service.ask("GET", page)
    assert (answer.status, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'self'; ")
    assert "http" not in policy
    text = answer.body.decode()
    parts = re.findall(r'(?:src|href)="([^"]+)"', text)
    assert len(parts) == 5
    for part in parts:
        assert "//" not in part
        got = service.ask("GET", page.rpartition("/")[0] + "/" + part)
        assert got.status == 200, part
        if not part.endswith(".json"):
            assert got.headers["content-security-policy"] == policy
    assert "<script>" not in text  # the policy would not let it run
    start = service.ask("GET", page + "/start.js").body.decode()
    assert "//" not in start
    assert "validatorUrl: null" in start


@pytest.mark.parametrize("name", ["nothing.js", "..%2fsecret", "%2e%2e", "__init__.py"])
def test_other_files_are_not_there(service: Service, name: str) -> None:
    assert service.ask("GET", f"/docs/{name}").status == 404


def test_the_pages_can_be_taken_away(tmp_path: Path) -> None:
    front: Any = app.build(Settings(data=tmp_path, docs_pages="off"))
    paths = {route.path for route in front._behind.routes if hasattr(route, "path")}
    assert paths & {*PAGES, *DOCUMENTS} == set(DOCUMENTS)


@pytest.fixture(scope="module")
def fuzzed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service whose tenants nobody else looks at."""
    with serving(Settings(data=tmp_path_factory.mktemp("fuzzed"))) as running:
        yield running


def test_every_answer_is_as_it_is_told(fuzzed: Service) -> None:
    schema = schemathesis.openapi.from_dict(fuzzed.ask("GET", "/openapi.json").body)
    checks = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
    key = fuzzed.key("fuzzed", Kind.ADMIN)
    asked = 0
    for result in schema.get_all_operations():
        operation = result.ok()

        @settings(
            max_examples=EXAMPLES,
            database=None,
            deadline=None,
            derandomize=True,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy())
        def ask(case: Any) -> None:
            nonlocal asked
            case.call_and_validate(base_url=fuzzed.url, headers={"X-API-Key": key}, checks=checks)
            asked += 1

        ask()
    assert asked > 100
    assert fuzzed.ask("GET", "/readyz").status == 200
    assert '"event":"bug"' not in fuzzed.log.read_text()
