"""The refusals of what no door has caught: errors of ours, of FastAPI, of Starlette, and faults."""

from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from auricle.edge.front import bug
from auricle.edge.reply import on_error, problem
from auricle.edge.reports import faults_of
from auricle.errors import AuricleError, BadRequest, Invalid, NotFound


async def _on_invalid(_request: Request, error: Exception) -> Response:
    faults = faults_of(error) if isinstance(error, RequestValidationError) else ()
    return problem(Invalid("The request breaks a rule.", faults))


async def _on_http(_request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    told: AuricleError = (
        NotFound("There is nothing here.") if error.status_code == 404 else BadRequest(str(error.detail))
    )
    told.status = error.status_code
    if error.status_code == 405:
        told.title, told.detail, told.code = (
            "Method not allowed",
            "Another method is spoken here.",
            "method_not_allowed",
        )
    answer = problem(told)
    answer.headers.update(error.headers or {})
    return answer


async def _on_bug(_request: Request, error: Exception) -> Response:
    return bug(error)


HANDLERS = {
    AuricleError: on_error,
    RequestValidationError: _on_invalid,
    HTTPException: _on_http,
    Exception: _on_bug,
}
"""What renders each kind of error."""
