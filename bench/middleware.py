"""The ASGI middleware: what it adds to a request at 2,000 requests a second, and whether each of them is counted.

One application, with and without, asked in turns in one event loop, so that both see the same machine; the client's
thread sends meanwhile. The application itself does next to nothing, so the difference is the middleware.
"""

import asyncio
import statistics
import time
from typing import Any

from auricle.client import AsgiMiddleware, AsyncClient
from bench.record import Record
from bench.service import Service, folder, serving

LIMIT_MICROS = 30.0


async def application(scope: Any, _receive: Any, send: Any) -> None:
    """Answers at once, as a router would have left it."""
    scope["path_params"] = {"id": "17"}
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"hello"})


def run(seconds: float = 15.0, rate: int = 2_000) -> Record:
    """The measurement."""
    record = Record("middleware", f"{rate:,} requests a second for {seconds:g} s, each also without the middleware")
    record.open()
    with folder() as data, serving(data) as service:
        plain, watched, lost = asyncio.run(_drive(service, int(seconds * rate), rate))
    added = statistics.mean(watched) - statistics.mean(plain)
    rows = [(name, *_micros(taken)) for name, taken in (("without", plain), ("with", watched))]
    record.table("A request, microseconds", ("middleware", "mean", "p50", "p95", "p99"), rows)
    record.table(
        "What the middleware adds, mean of all requests, microseconds",
        ("requests", "added", "lost", "wanted", "reached"),
        [(len(watched), added, lost, f"< {LIMIT_MICROS:g}", added < LIMIT_MICROS and lost == 0)],
    )
    record.save()
    return record


async def _drive(service: Service, requests: int, rate: int) -> tuple[list[float], list[float], int]:
    """Microseconds of each request without and with, and how many were not counted."""
    client = AsyncClient(service.url, service.key, sigterm=False)
    app = AsgiMiddleware(application, client)
    plain: list[float] = []
    watched: list[float] = []
    started = time.perf_counter()
    for number in range(requests):
        if (early := started + number / rate - time.perf_counter()) > 0:
            await asyncio.sleep(early)
        for one, taken in ((application, plain), (app, watched)):
            scope = {"type": "http", "method": "GET", "path": "/users/17", "headers": []}
            began = time.perf_counter()
            await one(scope, _nothing, _nothing)
            taken.append((time.perf_counter() - began) * 1e6)
    await client.close(60)
    service.drain()
    return plain, watched, requests - service.stats()["events"]["stored"]


async def _nothing(*_: Any) -> Any:
    """What a server would do."""


def _micros(taken: list[float]) -> tuple[float, float, float, float]:
    cuts = statistics.quantiles(taken, n=100)
    return statistics.mean(taken), cuts[49], cuts[94], cuts[98]
