"""The data point door of document 003: `POST …/datapoints/{dataset}` takes one `{blobs, doubles, indexes, timestamp?}`
or a list of them.

A data point is an event `datapoint.written` (decision 0006); its values are attributes `blob1`, `double1`, `index1` …
"""

import re
from types import MappingProxyType
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from auricle import clock
from auricle.edge.body import read_body
from auricle.edge.entrance import (
    Entrance,
    Names,
    counted,
    fault_of_members,
    rejected,
    results,
    shared_members,
    single_reply,
    wants_all,
)
from auricle.edge.front import Hot
from auricle.edge.reply import json_reply
from auricle.errors import Invalid, TooLarge, UnsupportedMedia
from auricle.intake.decode import Body, body_kind, parse_single
from auricle.intake.times import format_rfc3339
from auricle.model.receipt import Fault, Rejected

PATH = "/api/v1/analytics/datapoints/{dataset}"
EVENT = "datapoint.written"
DATASET = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
RESERVED = frozenset({"events", "interactions", "scores"})
"""Tables of the SQL door that are no datasets."""
LIMITS = MappingProxyType({"blobs": 20, "doubles": 20, "indexes": 2})
"""Values of each kind that one point may have."""
ATTRIBUTES = MappingProxyType({"blobs": "blob", "doubles": "double", "indexes": "index"})
"""What the attributes of each kind are called, before their number."""
MAX_BLOB_BYTES = 16_384
"""Bytes of UTF-8 of all blobs of one point."""
MAX_INDEX = 128
"""Characters of one index."""
MEMBERS = (*LIMITS, "timestamp", "event_id", "site_id", "session_id", "user_id", "source", "tenant_id", "context")
NAMES = Names(
    {f"/attributes/{ATTRIBUTES[kind]}{n + 1}": f"/{kind}/{n}" for kind, most in LIMITS.items() for n in range(most)}
    | {"/occurred_at": "/timestamp"}
)


class DatapointDoor:
    """The handler, and what it needs."""

    def __init__(self, entrance: Entrance) -> None:
        self._entrance = entrance

    @property
    def hot(self) -> Hot:
        """Nothing: the path has a parameter, and `Front` knows fixed ones."""
        return {}

    @property
    def routes(self) -> list[Route]:
        """The route of the handler."""
        return [Route(PATH, self.write, methods=["POST"])]

    async def write(self, request: Request) -> Response:
        """One point is answered as one event, a list as a batch is: 202, or 422 when all of it was rejected."""
        principal = await self._entrance.writer(request)
        dataset = _checked(request.path_params["dataset"])
        if body_kind(request.headers.get("content-type")) is not Body.JSON:
            raise UnsupportedMedia("Data points are sent as JSON.")
        settings = self._entrance.settings
        told = await self._entrance.parse(await read_body(request, settings.max_batch_bytes), parse_single)
        now = format_rfc3339(clock.micros())
        if not isinstance(told, list):
            raw = event_of(told, dataset, now)
            (receipt,) = await self._entrance.take(principal, [raw], names=NAMES)
            return single_reply(raw, receipt)
        if len(told) > settings.max_batch_events:
            text = f"A list must have at most {settings.max_batch_events} points: send smaller lists."
            raise TooLarge(text, (Fault("", "maxItems", text),))
        raws = [event_of(one, dataset, now) for one in told]
        receipts = await self._entrance.take(principal, raws, names=NAMES, at_once=max(len(raws), 1))
        counts = counted(receipts)
        body = counts | {"results": results(raws, receipts, wants_all(request))}
        return json_reply(body, 422 if raws and counts["rejected"] == len(raws) else 202)


def _checked(dataset: str) -> str:
    """The name of a dataset; Invalid for one that cannot be a table of the SQL door."""
    if dataset in RESERVED:
        text = f"A dataset cannot be called {', '.join(sorted(RESERVED))}: those are tables already; take another name."
        raise Invalid(text, (Fault("/dataset", "not", text),))
    if not DATASET.fullmatch(dataset):
        text = "A dataset's name has 1 to 64 letters, digits and _, and does not begin with a digit."
        raise Invalid(text, (Fault("/dataset", "pattern", text),))
    return dataset


def event_of(told: Any, dataset: str, now: str) -> dict[str, Any] | Rejected:
    """The raw event of one data point; `now` is when it occurred unless it has a timestamp.

    A null among the values keeps the places of the others and is not kept itself: it is read as an empty blob or
    index, or as 0, as every place past the end of a list is.
    """
    if not isinstance(told, dict):
        text = "A data point must be a JSON object: send its members between braces."
        return rejected(told, "", "type", text, EVENT)
    if fault := fault_of_members(told, MEMBERS):
        return rejected(told, fault.pointer, fault.rule, fault.message, EVENT)
    attributes: dict[str, Any] = {"dataset": dataset}
    for kind in ("indexes", "blobs", "doubles"):
        values = told.get(kind)
        fault = None if values is None else _fault_of(kind, values)
        if fault is not None:
            return rejected(told, fault.pointer, fault.rule, fault.message, EVENT)
        for number, value in enumerate(values or (), 1):
            if value is not None:
                attributes[f"{ATTRIBUTES[kind]}{number}"] = value
    raw = shared_members(told)
    source, moment = told.get("source"), told.get("timestamp")
    raw["event_name"] = EVENT
    raw["occurred_at"] = now if moment is None else moment
    raw["source"] = "server" if source is None else source
    raw["attributes"] = attributes
    return raw


def _fault_of(kind: str, values: Any) -> Fault | None:
    """What is wrong with the blobs, the doubles or the indexes of a point."""
    if not isinstance(values, list):
        return Fault(f"/{kind}", "type", f"`{kind}` must be a list.")
    if len(values) > LIMITS[kind]:
        return Fault(f"/{kind}", "maxItems", f"`{kind}` must have at most {LIMITS[kind]} items: send fewer.")
    for place, value in enumerate(values):
        if kind == "doubles":
            # NOTE: true is an int in Python.
            if value is not None and (isinstance(value, bool) or not isinstance(value, int | float)):
                return Fault(f"/{kind}/{place}", "type", "A double must be a number, or null for 0.")
        elif value is not None and not isinstance(value, str):
            return Fault(f"/{kind}/{place}", "type", "Blobs and indexes must be texts, or null for an empty one.")
        elif kind == "indexes" and value is not None and len(value) > MAX_INDEX:
            text = f"An index must have at most {MAX_INDEX} characters: shorten it."
            return Fault(f"/{kind}/{place}", "maxLength", text)
    if kind == "blobs" and sum(len(value.encode()) for value in values if value) > MAX_BLOB_BYTES:
        text = f"The blobs of one point must have at most {MAX_BLOB_BYTES} bytes together: shorten them."
        return Fault(f"/{kind}", "max_blob_bytes", text)
    return None
