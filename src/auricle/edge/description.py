"""The description of the API: an OpenAPI 3.1 document of every route, and pages that show it without another host.

The routes of the reports are described by FastAPI; all others, which it knows nothing of, from their docstrings and the
table of `operation`.
"""

import inspect
import re
from collections.abc import Iterable, Mapping
from importlib import resources
from pathlib import Path
from typing import Any

import orjson
from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import BaseRoute, Route

from auricle.edge.operation import JSON, OBJECT, OPERATIONS, SCHEMAS, TEXT, UUID, Operation, ref
from auricle.edge.reply import PROBLEM
from auricle.errors import AuricleError, NotFound

PAGES = ("/docs", "/api/analytics/docs")
DOCUMENTS = ("/openapi.json", "/api/analytics/openapi.json")
ASSETS = {
    "swagger-ui.css": "text/css",
    "swagger-ui-bundle.js": "text/javascript",
    "favicon-32x32.png": "image/png",
}
SAFE = {
    # NOTE: Swagger UI sets styles on elements; it runs no script of its own making, and nothing is fetched elsewhere.
    "Content-Security-Policy": "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "object-src 'none'; base-uri 'none'; frame-ancestors 'none'; form-action 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}
PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Auricle: the API</title>
<link rel="icon" type="image/png" href="docs/favicon-32x32.png">
<link rel="stylesheet" href="docs/swagger-ui.css">
</head>
<body>
<main id="api"></main>
<noscript>This page needs JavaScript; <a href="openapi.json">the document</a> does not.</noscript>
<script src="docs/swagger-ui-bundle.js"></script>
<script src="docs/start.js"></script>
</body>
</html>
"""
START = """SwaggerUIBundle({
  url: "openapi.json",
  dom_id: "#api",
  deepLinking: true,
  validatorUrl: null,
  presets: [SwaggerUIBundle.presets.apis],
});
"""
"""NOTE: without `validatorUrl: null` the page would show the document to a service elsewhere."""
DESCRIPTION = (
    "Events in, reports out. A credential belongs to one tenant and decides it. Refusals are problem documents that "
    "name the field and the rule, and never repeat a value."
)
BODIED = ("POST", "PUT", "PATCH")
TAGS = ("events", "schemas", "reports", "sql", "admin")


def routes(app: FastAPI, envelope: Mapping[str, Any], *, pages: bool) -> list[Route]:
    """The routes of the document and, when wanted, of the pages. `envelope` is the JSON Schema of an event."""
    made: list[bytes] = []

    async def document(_request: Request) -> Response:
        """The description of the API for programs: OpenAPI 3.1."""
        if not made:
            made.append(orjson.dumps(app.openapi()))
        return Response(made[0], media_type=JSON)

    async def page(_request: Request) -> Response:
        """The description of the API for people."""
        return Response(PAGE, headers=SAFE, media_type="text/html")

    async def asset(request: Request) -> Response:
        """A part of that page."""
        name = request.path_params["asset"]
        if name == "start.js":
            return Response(START, headers=SAFE, media_type="text/javascript")
        if name not in ASSETS:
            raise NotFound("There is nothing here.")
        headers = {**SAFE, "Cache-Control": "public, max-age=3600"}
        return FileResponse(_folder() / name, headers=headers, media_type=ASSETS[name])

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = described(FastAPI.openapi(app), app.routes, envelope)
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]
    found = [Route(path, document, methods=["GET"]) for path in DOCUMENTS]
    if pages:
        found += [Route(path, page, methods=["GET"]) for path in PAGES]
        found += [Route(path + "/{asset}", asset, methods=["GET"], include_in_schema=False) for path in PAGES]
    return found


def _folder() -> Path:
    return Path(str(resources.files("fastapi_swagger.resources")))


def described(base: Mapping[str, Any], every: Iterable[BaseRoute], envelope: Mapping[str, Any]) -> dict[str, Any]:
    """FastAPI's document `base`, with every route that FastAPI does not describe."""
    paths: dict[str, dict[str, Any]] = {path: dict(told) for path, told in base["paths"].items()}
    for path in paths.values():
        for method, told in path.items():
            path[method] = _of_report(told)
    for route in every:
        if type(route) is Route and route.include_in_schema:
            for method in sorted((route.methods or set()) - {"HEAD"}):
                paths.setdefault(route.path, {})[method.lower()] = _of_route(method, route)
    components = dict(base.get("components", {}))
    known = {name: schema for name, schema in components.get("schemas", {}).items() if "ValidationError" not in name}
    event = {name: value for name, value in envelope.items() if not name.startswith("$")}
    return {
        **base,
        "info": {**base["info"], "description": DESCRIPTION},
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {
            **components,
            "schemas": {**known, **SCHEMAS, "Event": event},
            "responses": {"Problem": _answer("The request is refused.", SCHEMAS["Problem"], PROBLEM)},
            "securitySchemes": {
                "key": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
                "bearer": {"type": "http", "scheme": "bearer"},
            },
        },
        "security": [{"key": []}, {"bearer": []}],
    }


def _of_report(told: Mapping[str, Any]) -> dict[str, Any]:
    """An operation as FastAPI tells it, with our summary and our refusals."""
    first, _, _ = str(told.get("description", "")).partition("\n")
    status = next(each for each in told["responses"] if each.startswith("2"))
    files: dict[str, Any] = {kind: {} for kind in told["responses"][status].get("content", {}) if kind != JSON}
    done = {"description": "The file.", "content": files} if files else _answer("The answer.", OBJECT)
    answers = {status: done, **_refusals()}
    return {**told, "summary": first.rstrip(".") or told.get("summary"), "responses": answers}


def _of_route(method: str, route: Route) -> dict[str, Any]:
    """The operation of a plain route."""
    known = OPERATIONS.get((method, route.path))
    operation = known or Operation()
    text = inspect.cleandoc(route.endpoint.__doc__ or route.path)
    told: dict[str, Any] = {
        "summary": text.partition("\n")[0].rstrip("."),
        "description": text,
        "operationId": "_".join([method.lower(), *re.findall(r"\w+", route.path)]),
        "tags": [next((tag for tag in TAGS if f"/{tag}" in route.path), "service")],
    }
    parameters = [_parameter(name, "path", _path_schema(name)) for name in re.findall(r"{(\w+)", route.path)]
    parameters += [_parameter(name, "query", schema) for name, schema in operation.query.items()]
    if parameters:
        told["parameters"] = parameters
    if method in BODIED:
        content = {kind: {"schema": (operation.body or OBJECT) if kind == JSON else TEXT} for kind in operation.kinds}
        told["requestBody"] = {"required": True, "content": content}
    told["responses"] = (
        {**_refusals(), **_answers(operation)} if known else {**_refusals(), "2XX": _answer("Done.", {})}
    )
    if operation.public:
        told["security"] = []
    return told


def _answers(operation: Operation) -> dict[str, Any]:
    """What an operation answers when it does not refuse, by status."""
    found = {}
    for status, body in operation.answers.items():
        found[str(status)] = _answer("The answer.", body, operation.speaks)
        if status >= 400 and body != ref("Problem"):
            # A refusal may have this status too; the content type says which it is.
            found[str(status)]["content"][PROBLEM] = {"schema": ref("Problem")}
    return found


def _parameter(name: str, where: str, schema: Mapping[str, Any]) -> dict[str, Any]:
    return {"name": name, "in": where, "required": where == "path", "schema": schema}


def _path_schema(name: str) -> Mapping[str, Any]:
    return UUID if name == "event_id" else TEXT


def _answer(text: str, schema: Mapping[str, Any], kind: str = JSON) -> dict[str, Any]:
    return {"description": text, "content": {kind: {"schema": schema}}}


def _refusals() -> dict[str, Any]:
    """Every status that a refusal may have; which of them an operation never gives is not told."""
    waiting, statuses = [AuricleError], {405}
    while waiting:
        error = waiting.pop()
        statuses.add(error.status)
        waiting += error.__subclasses__()
    return {str(status): {"$ref": "#/components/responses/Problem"} for status in sorted(statuses)}
