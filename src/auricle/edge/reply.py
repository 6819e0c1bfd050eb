"""The reply: JSON bodies, and errors as RFC 9457 problem details that name the field and never the value."""

from collections.abc import Mapping
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response

from auricle.errors import AuricleError

PROBLEM = "application/problem+json"
TYPE = "urn:auricle:problem:"


def json_reply(body: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A JSON answer."""
    return Response(orjson.dumps(body), status, headers, "application/json")


def problem_body(error: AuricleError) -> dict[str, Any]:
    """An error as JSON: `{type, title, status, detail, code, transient, errors?: [{pointer, rule, message}]}`."""
    body: dict[str, Any] = {
        "type": TYPE + error.code.replace("_", "-"),
        "title": error.title,
        "status": error.status,
        "detail": error.detail,
        "code": error.code,
        "transient": error.transient,
    }
    if error.faults:
        body["errors"] = [fault.as_json() for fault in error.faults]
    return body


def problem(error: AuricleError) -> Response:
    """An error, rendered; the header `Retry-After` says when a transient one is worth another try."""
    headers = {"Cache-Control": "no-store"}
    if error.retry_after is not None:
        headers["Retry-After"] = str(error.retry_after)
    if error.status == 401:
        headers["WWW-Authenticate"] = 'Bearer realm="auricle"'
    return Response(orjson.dumps(problem_body(error)), error.status, headers, PROBLEM)


async def on_error(_request: Request, error: Exception) -> Response:
    """Starlette's handler for our errors."""
    if not isinstance(error, AuricleError):
        raise error
    return problem(error)
