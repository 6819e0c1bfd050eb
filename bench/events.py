"""The events that every measurement sends: a seeded, endless, mixed stream of the built-in catalogue.

Some 256 sessions are open at any moment and take turns, so a stream is in order of time while the events of one
session lie apart, as they do in traffic. The same seed, start and step give the same stream to the byte.
"""

import random
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

import orjson

Attributes = dict[str, Any]
Step = tuple[str, Attributes]
Envelope = dict[str, Any]

USERS = 20_000
"""Actors a stream draws from; a few of them come often, most rarely."""

MODELS = ("gpt-6-mini", "gemini-3-flash", "claude-haiku-5", "llama-5-8b", "qwen-4-14b")
TOOLS = ("navigate", "search_catalogue", "check_slots", "hold_slot", "order_status", "add_to_cart", "weather", "faq")
QUESTIONS = (
    "where is my order",
    "what are your opening hours on sunday",
    "book me a haircut for tomorrow at ten",
    "do you have these shoes in size forty two",
    "how do i return a pair of shoes",
    "add two of them to my basket",
    "show me the blue ones instead",
    "is there parking near the store",
    "can i change the delivery address",
    "cancel my booking for friday please",
    "what does the express delivery cost",
    "read me the reviews of this one",
)
PAGES = tuple(f"/{area}/{n}" for area in ("products", "categories", "help", "blog", "account") for n in range(40))
ROUTES = tuple(f"/api/v1/{area}/{n}" for area in ("orders", "carts", "users", "search", "slots") for n in range(30))
AGENTS = tuple(
    f"Mozilla/5.0 ({system}) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{version}.0.0.0 Safari/537.36"
    for system in ("Windows NT 10.0; Win64; x64", "Macintosh; Intel Mac OS X 10_15_7", "X11; Linux x86_64")
    for version in (138, 140, 142)
)
LOCALES = ("en-GB", "en-US", "de-DE", "fr-FR", "es-ES")


def uuid_text(rng: random.Random) -> str:
    """A version 4 UUID from the stream's own randomness, in canonical text."""
    bits = rng.getrandbits(128) & ~(0xF << 76 | 0x3 << 62) | 0x4 << 76 | 0x2 << 62
    text = f"{bits:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def stream(*, seed: int, start: datetime, step: timedelta, open_sessions: int = 256) -> Iterator[Envelope]:
    """Endless envelopes, the first at `start` and each `step` after the one before."""
    rng = random.Random(seed)
    sessions = [_session(rng) for _ in range(open_sessions)]
    moment = start
    while True:
        slot = rng.randrange(open_sessions)
        event = next(sessions[slot], None)
        if event is None:
            sessions[slot] = _session(rng)
            event = next(sessions[slot])
        event["occurred_at"] = moment.isoformat(timespec="microseconds").replace("+00:00", "Z")
        yield event
        moment += step


def recent(count: int, *, seed: int, now: datetime | None = None, hours: float = 1.0) -> Iterator[Envelope]:
    """`count` envelopes spread evenly over the `hours` before `now`: inside the clock skew that the service allows."""
    until = now or datetime.now(UTC)
    span = timedelta(hours=hours)
    return islice(stream(seed=seed, start=until - span, step=span / max(count, 1)), count)


def rival_event(event: Envelope) -> dict[str, Any]:
    """The same fact as document 004 has it: `ts`, `user_id`, `type`, `src`, `payload`; the id of the event is lost."""
    return {
        "ts": event["occurred_at"],
        "user_id": event.get("user_id", "anonymous"),
        "type": event["event_name"],
        "src": event["source"],
        "payload": {**event["attributes"], "session_id": event["session_id"], "context": event["context"]},
    }


def single_bodies(events: Iterator[Envelope]) -> list[bytes]:
    """One JSON body an event."""
    return [orjson.dumps(event) for event in events]


def batch_bodies(events: Iterator[Envelope], size: int = 100) -> list[bytes]:
    """`{"events": […]}` bodies of `size` events; the last may be shorter."""
    return [orjson.dumps({"events": batch}) for batch in _chunks(events, size)]


def rival_single_bodies(events: Iterator[Envelope]) -> list[bytes]:
    """Lists of one, the least that document 004's door takes."""
    return [orjson.dumps([rival_event(event)]) for event in events]


def rival_batch_bodies(events: Iterator[Envelope], size: int = 100) -> list[bytes]:
    """Lists of `size` events for document 004's door."""
    return [orjson.dumps([rival_event(event) for event in batch]) for batch in _chunks(events, size)]


def ndjson_bodies(events: Iterator[Envelope], size: int = 5_000_000) -> list[tuple[bytes, int]]:
    """NDJSON bodies of at most `size` bytes, each with its number of events."""
    bodies: list[tuple[bytes, int]] = []
    lines: list[bytes] = []
    held = 0
    for event in events:
        line = orjson.dumps(event, option=orjson.OPT_APPEND_NEWLINE)
        if held + len(line) > size:
            bodies.append((b"".join(lines), len(lines)))
            lines, held = [], 0
        lines.append(line)
        held += len(line)
    if lines:
        bodies.append((b"".join(lines), len(lines)))
    return bodies


def compact_row(event: Envelope, tenant_id: str = "bench") -> list[Any]:
    """The event as a row of JSONCompactEachRow: the columns of `events` in their order, `received_at` after its own.

    Attributes and context stay objects: the engine takes them as text (`input_format_json_read_objects_as_strings`).
    """
    occurred_at = event["occurred_at"]
    return [
        tenant_id,
        event["event_id"],
        event["event_name"],
        occurred_at,
        occurred_at,
        event.get("site_id", ""),
        event.get("session_id", ""),
        event.get("user_id", ""),
        event["source"],
        "",
        event["attributes"],
        event["context"],
    ]


def _chunks(events: Iterator[Envelope], size: int) -> Iterator[list[Envelope]]:
    while chunk := list(islice(events, size)):
        yield chunk


def _session(rng: random.Random) -> Iterator[Envelope]:
    """The envelopes of one fresh session, without their time."""
    kind = rng.random()
    session_id = uuid_text(rng)
    site_id = f"store-{min(int(rng.expovariate(0.35)), 11)}"
    user_id = f"user-{int(USERS * rng.random() ** 2):05d}" if rng.random() < 0.8 else ""
    if kind < 0.45:
        source, steps = rng.choice(("voice_ws", "widget")), _voice(rng, session_id)
        context: Attributes = {"locale": rng.choice(LOCALES), "device": {"user_agent": rng.choice(AGENTS)}}
    elif kind < 0.8:
        source, steps = "web", _shop(rng)
        page = rng.choice(PAGES)
        context = {
            "page": {"url": page, "referrer": rng.choice(PAGES), "title": page.strip("/").replace("/", " ")},
            "device": {"user_agent": rng.choice(AGENTS), "viewport": {"width": 1440, "height": 900}},
            "locale": rng.choice(LOCALES),
        }
    else:
        source, steps, user_id, context = "server", _machine(rng), "", {}
    for name, attributes in steps:
        event: Envelope = {
            "event_id": uuid_text(rng),
            "event_name": name,
            "occurred_at": "",
            "site_id": site_id,
            "session_id": session_id,
            "source": source,
            "attributes": attributes,
            "context": context,
        }
        if user_id:
            event["user_id"] = user_id
        yield event


def _milliseconds(rng: random.Random, median: float) -> float:
    """A latency with a long tail, around `median`."""
    return round(median * rng.lognormvariate(0.0, 0.5), 2)


def _voice(rng: random.Random, session_id: str) -> Iterator[Step]:
    for turn in range(rng.randint(1, 6)):
        yield from _turn(rng, session_id, f"{session_id[:8]}-{turn}")
    if rng.random() < 0.3:
        slot = {"booking.slot_id": f"slot-{rng.randrange(1_000_000)}", "booking.service": rng.choice(TOOLS[:4])}
        yield "booking.slot_hold", slot
        if rng.random() < 0.7:
            yield "booking.confirmed", {**slot, "booking.value": round(rng.uniform(15, 120), 2)}


def _turn(rng: random.Random, session_id: str, turn_id: str) -> Iterator[Step]:
    heard = {"voice.session_id": session_id, "voice.turn_id": turn_id}
    query_id, model, question = uuid_text(rng), rng.choice(MODELS), rng.choice(QUESTIONS)
    yield "voice.turn_started", heard
    yield (
        "voice.asr_partial",
        {
            "voice.session_id": session_id,
            "voice.asr_partial_latency_ms": _milliseconds(rng, 120),
            "voice.asr_confidence": round(rng.uniform(0.6, 1.0), 3),
            "voice.text_length": len(question),
        },
    )
    yield (
        "voice.query",
        {
            "voice.query_id": query_id,
            "voice.query_text": f"{question} {rng.randrange(500)}",
            "voice.query_source": "voice",
            "voice.audio_duration_ms": _milliseconds(rng, 2200),
            "voice.asr_confidence": round(rng.uniform(0.6, 1.0), 3),
        },
    )
    tools: list[str] = []
    if rng.random() < 0.6:
        yield from _knowledge(rng, session_id, question)
    if rng.random() < 0.5:
        tools.append(rng.choice(TOOLS))
        yield from _tool_call(rng, session_id, tools[0])
    yield (
        "voice.first_response",
        {**heard, "voice.first_response_ms": _milliseconds(rng, 640), "gen_ai.request.model": model},
    )
    if rng.random() < 0.12:
        yield "voice.barge_in", {**heard, "voice.barge_in_ms": _milliseconds(rng, 900)}
    if rng.random() < 0.94:
        yield from _outcome(rng, query_id, model, tools)


def _knowledge(rng: random.Random, session_id: str, question: str) -> Iterator[Step]:
    results = max(0, int(rng.gauss(3, 2.5)))
    search: Attributes = {
        "kb.query": question,
        "kb.results_count": results,
        "kb.search_latency_ms": _milliseconds(rng, 45),
        "gen_ai.conversation.id": session_id,
    }
    if results:
        search["kb.top_score"] = round(rng.uniform(0.35, 0.99), 4)
    yield "kb.search", search
    if results:
        yield "kb.hit", {"kb.query": question, "kb.document_id": f"doc-{rng.randrange(4000)}", "kb.rank": 1}


def _tool_call(rng: random.Random, session_id: str, tool: str) -> Iterator[Step]:
    call = {"gen_ai.tool.name": tool, "ai.tool.category": "action", "gen_ai.conversation.id": session_id}
    yield "ai.tool_call_started", call
    done: Attributes = {**call, "ai.tool.duration_ms": _milliseconds(rng, 180), "ai.tool.success": rng.random() < 0.93}
    if tool == "navigate":
        done["ai.navigation.optimistic"] = True
        done["ai.navigation.confirmed"] = rng.random() < 0.88
    yield "ai.tool_call_completed", done
    yield "ai.tool_chain_completed", {"ai.tool_chain.length": rng.randint(1, 4), "ai.tool_chain.success": True}


def _outcome(rng: random.Random, query_id: str, model: str, tools: list[str]) -> Iterator[Step]:
    asked, said = rng.randint(200, 3000), rng.randint(20, 400)
    cost = round((asked + 4 * said) * 3e-7, 6)
    yield (
        "ai.usage",
        {
            "gen_ai.request.model": model,
            "gen_ai.usage.input_tokens": asked,
            "gen_ai.usage.output_tokens": said,
            "gen_ai.usage.total_tokens": asked + said,
            "gen_ai.usage.cost_usd": cost,
        },
    )
    outcome: Attributes = {
        "voice.query_id": query_id,
        "voice.answer_text": f"{rng.choice(QUESTIONS)}: here is what I found for you, shall I go on",
        "voice.latency_ms": _milliseconds(rng, 1100),
        "gen_ai.usage.total_tokens": asked + said,
    }
    if tools:
        outcome["voice.action_taken"] = True
        outcome["voice.action_success"] = rng.random() < 0.9
        outcome["voice.tools_used"] = tools
    if rng.random() < 0.03:
        outcome["error.flag"] = True
        outcome["error.message"] = "the upstream tool did not answer in time"
    yield "voice.outcome", outcome


def _shop(rng: random.Random) -> Iterator[Step]:
    page = rng.choice(PAGES)
    yield "page_view", {"page": page, "referrer": "/"}
    for _ in range(rng.randint(0, 5)):
        yield _browse(rng)
    if rng.random() < 0.6:
        price = round(rng.uniform(5, 180), 2)
        product: Attributes = {"commerce.product_id": f"sku-{rng.randrange(3000)}", "commerce.price": price}
        product["commerce.currency"] = "EUR"
        yield "commerce.view", product
        if rng.random() < 0.45:
            product = {**product, "commerce.quantity": rng.randint(1, 3)}
            yield "commerce.add_to_cart", product
            if rng.random() < 0.5:
                yield "commerce.checkout", {**product, "commerce.order_id": f"o-{rng.getrandbits(40):x}"}


_BROWSING: tuple[Callable[[random.Random], Step], ...] = (
    lambda rng: ("page_view", {"page": rng.choice(PAGES), "referrer": rng.choice(PAGES)}),
    lambda rng: ("page_view", {"page": rng.choice(PAGES), "referrer": rng.choice(PAGES)}),
    lambda rng: ("page_view", {"page": rng.choice(PAGES), "referrer": rng.choice(PAGES)}),
    lambda rng: ("button_click", {"button_id": f"button-{rng.randrange(60)}", "page": rng.choice(PAGES)}),
    lambda rng: ("search_query", {"query": rng.choice(QUESTIONS), "results": rng.randrange(40)}),
    lambda rng: ("form_submit", {"form_id": f"form-{rng.randrange(8)}", "fields": rng.randint(2, 9)}),
)


def _browse(rng: random.Random) -> Step:
    if rng.random() < 0.02:
        return "error_occurred", {"error.type": rng.choice(("TypeError", "NetworkError", "TimeoutError"))}
    return rng.choice(_BROWSING)(rng)


def _machine(rng: random.Random) -> Iterator[Step]:
    for _ in range(rng.randint(8, 25)):
        fate = rng.random()
        status = 200 if fate < 0.93 else 404 if fate < 0.975 else 500
        yield (
            "http.request",
            {
                "http.request.method": "GET" if rng.random() < 0.8 else "POST",
                "url.path": rng.choice(ROUTES),
                "http.response.status_code": status,
                "http.server.duration_ms": _milliseconds(rng, 35),
                "http.response.size_bytes": rng.randint(200, 60_000),
                "user_agent.original": rng.choice(AGENTS),
            },
        )
    if rng.random() < 0.2:
        yield (
            "cost.recorded",
            {"cost.type": rng.choice(("time", "ai", "compute")), "cost.amount_usd": round(rng.random(), 4)},
        )
    if rng.random() < 0.2:
        yield (
            "resource.used",
            {"resource.type": "cpu", "resource.amount": round(rng.random() * 60, 2), "resource.unit": "s"},
        )
