"""Made-up traffic of one day for `auricle demo`: a shop with a voice assistant. The same seed makes the same day."""

import math
import random
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

Event = dict[str, Any]

HOURS = 23
"""How far back the day reaches; within the 24 hours that a key of kind ingest may tell of."""
SITES = ("store-berlin", "store-lisbon", "store-web")
PRODUCTS = {"espresso-machine": 389.0, "grinder": 149.0, "kettle": 59.0, "beans-1kg": 24.5, "filter-paper": 4.9}
SERVICES = {"tasting": 35.0, "repair": 60.0, "barista-course": 120.0}
MODELS = ("gemini-2.5-flash", "gpt-5-mini")
QUESTIONS = (
    ("What are your opening hours?", "kb"),
    ("where is my order", "tool"),
    ("Do you have decaf beans?", "kb"),
    ("Book a tasting for Saturday", "booking"),
    ("Which grinder fits the espresso machine?", "kb"),
    ("Can I return a kettle?", "kb"),
    ("Show me espresso machines", "navigation"),
    ("I want my machine repaired", "booking"),
    ("Add beans to my cart", "navigation"),
    ("How do I descale it?", "kb"),
)
PAGES = ("/", "/machines", "/beans", "/courses", "/cart", "/help")
AGENTS = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64)",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X)",
    "curl/8.9",
)


def a_day(now: datetime, seed: int = 7) -> list[Event]:
    """Some 9,000 events of the 23 hours before `now`, in the order of their times. Pure."""
    day = _Day(random.Random(seed), now)  # noqa: S311
    streams = (day.calls(220), day.visits(420), day.requests(900), day.costs())
    return sorted((event for stream in streams for event in stream), key=lambda event: str(event["occurred_at"]))


def faulty(now: datetime) -> list[Event]:
    """Events that break a rule each, to show what the service says of them."""
    at = _text(now)
    whole = {"event_id": str(uuid.UUID(int=1, version=4)), "occurred_at": at, "source": "server"}
    return [
        {**whole, "event_name": "kb.search", "attributes": {"kb.query": "decaf", "kb.results_count": -1}},
        {**whole, "event_name": "Not A Name", "attributes": {}},
        {**whole, "event_name": "cost.recorded", "attributes": {"cost.type": "lunch", "cost.amount_usd": 12}},
        {"event_name": "page_view", "occurred_at": at, "source": "web", "attributes": {}},
    ]


@dataclass(slots=True)
class _Day:
    """One day's dice."""

    dice: random.Random
    now: datetime
    _people: list[str] = field(default_factory=lambda: [f"customer-{number:03d}" for number in range(180)])

    def calls(self, count: int) -> Iterator[Event]:
        """Conversations with the assistant, of 1 to 6 turns."""
        for _ in range(count):
            talk = _Talk(self, self.moment(), self.id(), self.dice.choice(SITES), self.dice.choice(self._people))
            for _turn in range(self.dice.randint(1, 6)):
                yield from talk.turn()
            if len(talk.tools) > 1:
                chain = {"ai.tool_chain.length": len(talk.tools), "ai.tool_chain.success": all(talk.tools)}
                yield talk.tell("ai.tool_chain_completed", chain)

    def visits(self, count: int) -> Iterator[Event]:
        """Visits of the shop: pages, then some look at a product, put it in the cart and pay."""
        for _ in range(count):
            visit = _Talk(self, self.moment(), self.id(), "store-web", self.dice.choice(self._people), source="web")
            for _page in range(self.dice.randint(1, 4)):
                page = {"page": self.dice.choice(PAGES), "referrer": self.dice.choice(("", "/", "/beans"))}
                yield visit.tell("page_view", page, pause=9_000)
            if self.dice.random() > 0.72:
                continue
            product, price = self.dice.choice(list(PRODUCTS.items()))
            goods = {"commerce.product_id": product, "commerce.price": price, "commerce.currency": "EUR"}
            yield visit.tell("commerce.view", goods, pause=20_000)
            if self.dice.random() > 0.42:
                continue
            yield visit.tell("commerce.add_to_cart", {**goods, "commerce.quantity": 1}, pause=40_000)
            if self.dice.random() < 0.06:
                yield visit.tell("error_occurred", {"error.type": "PaymentDeclined"}, pause=2_000)
            elif self.dice.random() < 0.55:
                yield visit.tell("commerce.checkout", {**goods, "commerce.order_id": self.id()[:8]}, pause=30_000)

    def requests(self, count: int) -> Iterator[Event]:
        """Requests of the shop's web server."""
        for _ in range(count):
            status = self.dice.choices((200, 304, 404, 500), (88, 7, 4, 1))[0]
            told = {
                "http.request.method": self.dice.choices(("GET", "POST"), (9, 1))[0],
                "url.path": self.dice.choice(PAGES),
                "http.response.status_code": status,
                "http.server.duration_ms": self.around(35, 0.7),
                "http.response.size_bytes": self.dice.randint(400, 60_000),
                "user_agent.original": self.dice.choice(AGENTS),
            }
            client = f"client-{self.dice.randrange(150):03d}"
            yield _Talk(self, self.moment(), client, "store-web", None, source="server").tell("http.request", told)

    def costs(self) -> Iterator[Event]:
        """What each hour cost, by type, and the machine hours used."""
        for hour in range(HOURS):
            at = self.now - timedelta(hours=hour, minutes=30)
            for kind, mean in (("ai", 0.9), ("compute", 0.4), ("time", 6.0)):
                cost = {"cost.type": kind, "cost.amount_usd": round(self.dice.uniform(0.5, 1.5) * mean, 4)}
                yield _Talk(self, at, "", "store-web", None, source="server").tell("cost.recorded", cost)
            used = {"resource.type": "cpu", "resource.amount": self.dice.randint(1, 4), "resource.unit": "h"}
            yield _Talk(self, at, "", "store-web", None, source="server").tell("resource.used", used)

    def moment(self) -> datetime:
        """A moment of the day; evenings are busier than mornings."""
        while True:
            hours = self.dice.uniform(0.4, HOURS - 0.1)
            if self.dice.random() < 0.55 + 0.45 * math.cos(2 * math.pi * hours / 24):
                return self.now - timedelta(hours=hours)

    def around(self, median: float, spread: float) -> int:
        """A duration in milliseconds: many near the median, a few long ones."""
        return max(1, round(self.dice.lognormvariate(math.log(median), spread)))

    def id(self) -> str:
        """A fresh UUID of these dice."""
        return str(uuid.UUID(int=self.dice.getrandbits(128), version=4))


@dataclass(slots=True)
class _Talk:
    """One session that goes on in time."""

    day: _Day
    clock: datetime
    session: str
    site: str
    user: str | None
    source: str = "voice_ws"
    tools: list[bool] = field(default_factory=list)
    """Whether each tool call of the session went well."""

    def turn(self) -> Iterator[Event]:
        """A question, what the assistant does about it, and its answer."""
        dice = self.day.dice
        question, way = dice.choice(QUESTIONS)
        turn = {"voice.session_id": self.session, "voice.turn_id": self.day.id()}
        query, model = self.day.id(), dice.choices(MODELS, (3, 1))[0]
        yield self.tell("voice.turn_started", turn, pause=1_500)
        heard = {"voice.asr_partial_latency_ms": self.day.around(140, 0.4), "voice.asr_confidence": self.share(0.7)}
        yield self.tell("voice.asr_partial", {**heard, "voice.session_id": self.session}, pause=900)
        asked = {"voice.query_id": query, "voice.query_text": question, "voice.query_source": "voice"}
        yield self.tell("voice.query", {**asked, "voice.audio_duration_ms": self.day.around(2400, 0.3)}, pause=100)
        first = self.day.around(480, 0.45)
        spoken = {"voice.first_response_ms": first, "gen_ai.request.model": model}
        yield self.tell("voice.first_response", {**turn, **spoken}, pause=first)
        if dice.random() < 0.07:
            barge = {**turn, "voice.barge_in_ms": self.day.around(700, 0.5)}
            yield self.tell("voice.barge_in", barge, pause=300)
        done = len(self.tools)
        yield from self.search(question) if way == "kb" else self.call(way)
        worked = all(self.tools[done:])
        tokens = dice.randint(200, 1400)
        answer: dict[str, Any] = {"voice.query_id": query, "voice.answer_text": "Of course." if worked else "Sorry."}
        answer["voice.latency_ms"] = first + self.day.around(300, 0.5)
        if way != "kb":
            answer |= {"voice.action_taken": True, "voice.action_success": worked, "voice.tools_used": [way]}
        if dice.random() < 0.93:
            yield self.tell("voice.outcome", answer, pause=6_000)
        usage = {"gen_ai.usage.total_tokens": tokens, "gen_ai.usage.cost_usd": round(tokens * 6e-7, 7)}
        yield self.tell("ai.usage", {"gen_ai.request.model": model, **usage})

    def search(self, question: str) -> Iterator[Event]:
        """A look-up in the knowledge base."""
        found = self.day.dice.choices((0, 1, 3, 5), (1, 2, 4, 3))[0]
        search = {"kb.query": question, "kb.results_count": found, "kb.search_latency_ms": self.day.around(45, 0.5)}
        yield self.tell("kb.search", {**search, "kb.top_score": self.share(0.5)} if found else search, pause=60)
        if found:
            document = f"faq-{sum(question.encode()) % 40}"
            yield self.tell("kb.hit", {"kb.query": question, "kb.document_id": document, "kb.rank": 1}, pause=10)

    def call(self, way: str) -> Iterator[Event]:
        """A tool call, and what it books or where it leads."""
        dice = self.day.dice
        tool: dict[str, Any] = {"gen_ai.tool.name": f"{way}.run", "ai.tool.category": way}
        yield self.tell("ai.tool_call_started", tool, pause=20)
        worked = dice.random() < 0.94
        self.tools.append(worked)
        completed = {**tool, "ai.tool.duration_ms": self.day.around(260, 0.6), "ai.tool.success": worked}
        if way == "navigation":
            completed |= {"ai.navigation.optimistic": True, "ai.navigation.confirmed": dice.random() < 0.88}
        yield self.tell("ai.tool_call_completed", completed, pause=300)
        if way == "booking" and worked:
            service, value = dice.choice(list(SERVICES.items()))
            slot = {"booking.slot_id": self.day.id(), "booking.service": service, "booking.value": value}
            yield self.tell("booking.slot_hold", slot, pause=25_000)
            if dice.random() < 0.68:
                yield self.tell("booking.confirmed", slot, pause=5_000)

    def share(self, least: float) -> float:
        """A share between `least` and 1."""
        return round(self.day.dice.uniform(least, 1.0), 3)

    def tell(self, name: str, attributes: dict[str, Any], pause: int = 0) -> Event:
        """An event now; then the clock goes on by about `pause` milliseconds."""
        event: Event = {
            "event_id": self.day.id(),
            "event_name": name,
            "occurred_at": _text(self.clock),
            "site_id": self.site,
            "source": self.source,
            "attributes": attributes,
        }
        if self.session:
            event["session_id"] = self.session
        if self.user:
            event["user_id"] = self.user
        self.clock = min(self.clock + timedelta(milliseconds=pause * self.day.dice.uniform(0.6, 1.4)), self.day.now)
        return event


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
