"""The door of user SQL: a statement in, rows out, in the format it names.

Two addresses, one handler: ours, and that of Cloudflare's API, so that what was written for it runs unchanged. The
account in the latter is not looked at: the credential says whose rows are read.
"""

import asyncio
import hashlib
from types import MappingProxyType

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from auricle.edge.body import read_body
from auricle.edge.guard import Guard
from auricle.errors import BadEncoding, BadRequest, Invalid
from auricle.model.principal import Scope
from auricle.model.receipt import Fault
from auricle.report.sql.run import Engine, SqlRunner, limits_of
from auricle.report.sql.statement import Format, ready
from auricle.settings import Settings
from auricle.store.audit import AuditStore

PATHS = ("/api/v1/analytics/sql", "/client/v4/accounts/{account}/analytics_engine/sql")
MAX_BODY = 131_072
"""Bytes of one request, decompressed."""
TYPES = MappingProxyType(
    {
        Format.JSON: "application/json",
        Format.JSON_EACH_ROW: "application/x-ndjson",
        Format.TAB_SEPARATED: "text/tab-separated-values; charset=utf-8",
        Format.CSV: "text/csv; charset=utf-8",
    }
)
ACTION = "sql.query"


def routes(guard: Guard, engine: Engine, audit: AuditStore, settings: Settings) -> list[Route]:
    """The routes of user SQL."""
    runner = SqlRunner(engine, limits_of(settings))

    async def ask(request: Request) -> Response:
        """The rows of a SELECT, of SHOW TABLES or of DESCRIBE; the body is the statement, or `{"query": …}`."""
        principal = await guard.allowed(request, Scope.SQL_READ)
        text = statement_of(await read_body(request, MAX_BODY))
        statement = await asyncio.to_thread(ready, text, principal.tenant_id)
        # NOTE: the log holds a hash of the statement, for what is compared with may be of a person.
        detail = {"sha256": hashlib.sha256(text.encode()).hexdigest(), "tables": ", ".join(statement.tables)}
        await asyncio.to_thread(audit.record, principal.tenant_id, principal.actor, ACTION, "", detail)
        rows = await runner.run(statement, principal.tenant_id)
        headers = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
        return Response(rows, headers=headers, media_type=TYPES[statement.form])

    return [Route(path, ask, methods=["POST"]) for path in PATHS]


def statement_of(body: bytes) -> str:
    """The statement in a body. What begins with `{` is JSON, whatever its content type says: no statement does.

    Raises:
        BadEncoding: the body is not UTF-8.
        BadRequest: it is broken JSON.
        Invalid: it has no statement.
    """
    try:
        text = body.decode()
    except UnicodeDecodeError:
        raise BadEncoding("The body is not UTF-8.") from None
    text = text.strip()
    if text.startswith("{"):
        try:
            told = orjson.loads(text)
        except orjson.JSONDecodeError:
            raise BadRequest('The body is not JSON: send the statement itself, or {"query": "…"}.') from None
        if set(told) != {"query"} or not isinstance(told["query"], str):
            message = "The body has one member, `query`, a text."
            raise Invalid("There is no statement.", (Fault("/query", "required", message),))
        text = told["query"].strip()
    if not text:
        raise Invalid("There is no statement.", (Fault("/query", "required", "Send a SELECT."),))
    return text
