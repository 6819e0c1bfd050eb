"""The doors of the price list: what tokens cost, as the tenant says."""

import asyncio
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from auricle.edge.body import broken, read_body
from auricle.edge.guard import Guard
from auricle.edge.reply import json_reply
from auricle.errors import BadRequest
from auricle.model.price import Price
from auricle.model.principal import Scope
from auricle.report import pricelist, time
from auricle.store.price import PriceStore

PATH = "/api/v1/analytics/prices"
MAX_BYTES = 262_144


def routes(guard: Guard, store: PriceStore) -> list[Route]:
    """The routes of the price list."""

    async def told(request: Request) -> Response:
        """The tenant's price list."""
        principal = await guard.allowed(request, Scope.REPORTS_READ, Scope.SCHEMAS_WRITE)
        prices = await asyncio.to_thread(store.of, principal.tenant_id)
        return json_reply({"prices": [_written(each) for each in prices]})

    async def put(request: Request) -> Response:
        """Puts a list in the place of the one there is, as a whole; JSON, or CSV with that content type."""
        principal = await guard.allowed(request, Scope.SCHEMAS_WRITE)
        raw = await read_body(request, MAX_BYTES)
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        prices = await asyncio.to_thread(_read, raw, kind == "text/csv")
        await asyncio.to_thread(store.put, principal.tenant_id, prices, actor=principal.actor)
        return json_reply({"prices": [_written(each) for each in prices]})

    return [Route(PATH, told, methods=["GET"]), Route(PATH, put, methods=["PUT"])]


def _read(raw: bytes, is_csv: bool) -> tuple[Price, ...]:
    try:
        body = {"prices": pricelist.entries_of(raw.decode("utf-8-sig"))} if is_csv else orjson.loads(raw)
    except UnicodeDecodeError:
        raise BadRequest("The body is no text in UTF-8.") from None
    except orjson.JSONDecodeError:
        raise BadRequest("The body is no JSON; send CSV as text/csv.") from None
    if not isinstance(body, dict) or body.keys() != {"prices"}:
        raise broken("", "type", "The body must be a JSON object with `prices`, and nothing else.")
    return pricelist.read(body["prices"])


def _written(price: Price) -> dict[str, Any]:
    """A price with its times as RFC 3339."""
    told = price.as_json()
    return told | {name: None if told[name] is None else time.written(told[name]) for name in ("from", "to")}
