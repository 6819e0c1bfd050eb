"""What is kept of refused events: in which form, once, and never more than there is room for."""

import asyncio
import uuid
from collections.abc import Callable
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import settings as limits
from hypothesis import strategies as st
from sqlalchemy import Engine

from auricle import clock
from auricle.intake.door import Door, open_door
from auricle.intake.inbox import Inbox, Refused, pointer_as_kept
from auricle.intake.schemas import Registry
from auricle.intake.steps import run
from auricle.intake.times import format_rfc3339
from auricle.model.event import Event
from auricle.model.options import Consent, TenantOptions, UserIds
from auricle.model.principal import SCOPES, Kind, Principal
from auricle.model.receipt import Dropped, Fault, Reason, Rejected
from auricle.model.schema import Mode, TenantSchemas
from auricle.settings import Settings
from auricle.store.inbox import InboxStore, Selection
from auricle.store.journal import Entry, FailedEvent, JournalStore

REGISTRY = Registry.load()
AT = 1_700_000_000_000_000


def door(**more: Any) -> Door:
    told = {"received_at": AT, "new_id": clock.new_id, "registry": REGISTRY, "oldest": AT - 10**9, "newest": AT + 10**9}
    return Door(tenant_id="acme", **(told | more))


def raw(**more: Any) -> dict[str, Any]:
    told = {
        "event_id": str(uuid.uuid4()),
        "event_name": "kb.hit",
        "occurred_at": format_rfc3339(AT),
        "source": "web",
        "attributes": {"kb.document_id": 5},
    }
    return told | more


def refused(raws: list[Any], at: Door) -> list[Refused]:
    verdicts = run(raws, at)
    pairs = zip(raws, verdicts, strict=True)
    return [Refused(index, one, told) for index, (one, told) in enumerate(pairs) if not isinstance(told, Event)]


class Life:
    """An inbox on a real table; what it says is to be written is written."""

    def __init__(
        self, engine: Engine, max_events: int = 1_000, max_bytes: int = 1_000_000, max_notes: int = 1_000
    ) -> None:
        self.store = InboxStore(engine)
        self.journal = JournalStore(engine)
        self.inbox = Inbox(self.store, max_events, max_bytes, max_notes)
        self.unkept = 0

    def keep(self, *raws: Any, at: Door | None = None) -> list[FailedEvent]:
        at = at or door()
        written, unkept = asyncio.run(self.inbox.keep(at, refused(list(raws), at)))
        self.journal.commit([Entry(at.tenant_id, AT, 0, b"", b"", {}, tuple(written))])
        self.unkept += unkept
        return written

    @property
    def groups(self) -> list[tuple[str, str, int, int]]:
        """Pointer, reason, events and how many of them can be replayed, of every group."""
        return sorted((one.pointer, one.reason, one.events, one.kept) for one in self.store.groups("acme", 1_000))


@pytest.fixture
def life(database: Engine) -> Life:
    return Life(database)


def test_a_refused_event_is_kept_whole(life: Life) -> None:
    one = raw(user_id="u-1", session_id="s-1", site_id="shop", context={"locale": "en"}, attributes={"kb.rank": 1})
    (kept,) = life.keep(one)
    assert orjson.loads(kept.body) == one
    assert (kept.event_id, kept.event_name, kept.status, kept.reason) == (
        one["event_id"],
        "kb.hit",
        "rejected",
        "schema",
    )
    assert (kept.pointer, kept.rule, kept.received_at) == ("/attributes/kb.document_id", "required", AT)
    assert life.store.find("acme", one["event_id"]) == kept


def test_no_person_is_kept_in_clear(life: Life) -> None:
    mail, card, key = "jane.doe@example.com", "4111 1111 1111 1111", "sk_live_4eC39HqLyjWDarjtT1zdp7dc"
    one = raw(
        user_id=mail,
        event_name=f"Mail {mail}",
        tenant_id="acme",
        attributes={"note": f"call {mail}", mail: card, "deep": [{"password": "hunter2", "x": key}]},
        email=mail,
        context={"page": {"url": f"https://example.com/?mail={mail}"}, mail: 1},
        source=mail,
    )
    (kept,) = life.keep(one)
    everything = repr(kept)
    assert [secret for secret in (mail, "jane", "4111", "hunter2", key) if secret in everything] == []
    body = orjson.loads(kept.body)
    assert (body["event_id"], body["occurred_at"]) == (one["event_id"], one["occurred_at"])
    assert (body["user_id"], "tenant_id" in body) == ("[redacted:email]", False)


@pytest.mark.parametrize("schema", ["auricle:acme/shop.sold/jsonschema/1-0-0", None])
def test_what_tells_an_event_apart_survives(life: Life, schema: str | None) -> None:
    one = raw(schema=schema, occurred_at="2023-11-14T22:13:20.123456Z", session_id=str(uuid.uuid4()), user_id="42")
    (kept,) = life.keep(one)
    assert orjson.loads(kept.body) == one


def test_a_corrected_clock_is_kept_corrected(life: Life) -> None:
    (kept,) = life.keep(raw(occurred_at=format_rfc3339(AT - 60_000_000)), at=door(skew=60_000_000))
    assert orjson.loads(kept.body)["occurred_at"] == format_rfc3339(AT)


def test_an_event_told_again_is_kept_once(life: Life) -> None:
    one = raw()
    assert len(life.keep(one, one)) == 1
    assert life.keep(one | {"event_id": one["event_id"].upper()}) == []
    life.inbox.changed("acme")  # a restart: what is held is read from the table
    assert life.keep(one) == []
    assert life.groups == [("/attributes/kb.document_id", "schema", 1, 1)]
    other = one | {"attributes": {"kb.document_id": "d", "kb.rank": -1}}
    assert len(life.keep(other)) == 1  # another fault: another group
    assert life.unkept == 0


def test_an_event_without_an_id_gets_one_of_its_content(life: Life) -> None:
    one = raw()
    del one["event_id"]
    first, other = life.keep(one, dict(one), one | {"user_id": "u-2"}, one | {"event_id": "order-7"})[:2]
    assert life.keep(one) == []
    assert len(life.store.held("acme")) == 3
    assert orjson.loads(first.body) == one | {"event_id": first.event_id}
    assert str(uuid.UUID(first.event_id)) == first.event_id != other.event_id


def observed(mode: Mode) -> Registry:
    return REGISTRY.extended(TenantSchemas(1, modes=(("kb.hit", mode),)))


NOTED: dict[str, tuple[Any, Reason, Callable[[], Door]]] = {
    "no object": ("text", Reason.NOT_AN_OBJECT, door),
    "a bad line": (Rejected(Reason.NOT_AN_OBJECT, (Fault("", "json", "No JSON."),)), Reason.NOT_AN_OBJECT, door),
    "another tenant's": (raw(tenant_id="other", attributes={"kb.document_id": "a"}), Reason.TENANT, door),
    "too large": (raw(attributes={"kb.document_id": "a", "b": "a" * 70_000}), Reason.TOO_LARGE, door),
    "without consent": (raw(context={"consent": {"analytics": False}}), Reason.SCHEMA, door),
    "dropped": (
        raw(attributes={"kb.document_id": "a"}, context={"consent": {"analytics": False}}),
        Reason.NO_CONSENT,
        door,
    ),
    "rejected by its mode": (raw(), Reason.SCHEMA, lambda: door(registry=observed(Mode.REJECT))),
    "larger than an event may be": (raw(attributes={"a": "x" * 70_000}), Reason.SCHEMA, door),
}


@pytest.mark.parametrize("case", NOTED)
def test_of_some_only_a_note_is_kept(life: Life, case: str) -> None:
    one, reason, at = NOTED[case]
    (kept,) = life.keep(one, at=at())
    assert (kept.reason, kept.body, kept.size) == (reason, "", 0)
    assert life.store.held("acme") == []


def test_a_quarantined_event_is_kept(life: Life) -> None:
    (kept,) = life.keep(raw(), at=door(registry=observed(Mode.QUARANTINE)))
    assert kept.size == len(kept.body) > 0


def unknown(pointer: str, **more: Any) -> dict[str, Any]:
    """An event whose first fault is at this member of its own."""
    return raw(attributes={"kb.document_id": "a"}, **{pointer: 1}, **more)


def test_a_group_takes_no_more_than_is_free(database: Engine) -> None:
    life = Life(database, max_events=8)
    for name in ("a", "b", "c", "d"):
        life.keep(*(unknown(name) for _ in range(20)))
    assert life.groups == [
        (f"/{name}", "envelope", 20, kept) for name, kept in (("a", 4), ("b", 2), ("c", 1), ("d", 1))
    ]
    assert life.unkept == 80 - 8
    life.store.discard("acme", Selection(pointer="/a"))
    life.inbox.changed("acme")
    life.keep(*(unknown("e") for _ in range(20)))
    assert [one for one in life.groups if one[0] == "/e"] == [("/e", "envelope", 20, 2)]


def test_bytes_are_bounded_too(database: Engine) -> None:
    life = Life(database, max_bytes=10_000)
    for name in ("a", "b"):
        life.keep(*(unknown(name, user_id="u" * 100, context={"page": {"title": "x" * 600}}) for _ in range(20)))
    sizes = [one.size for one in life.store.groups("acme", 9)]
    assert sum(sizes) <= 10_000
    assert 4_000 < sizes[0] <= 5_000
    assert 1_500 < sizes[1] <= 3_000


@pytest.mark.parametrize("room", [(0, 1_000), (1_000, 0)])
def test_an_inbox_of_no_room_keeps_notes(database: Engine, room: tuple[int, int]) -> None:
    life = Life(database, *room)
    (noted,) = life.keep(raw())
    assert (noted.body, life.unkept) == ("", 1)


def test_rubbish_fills_no_disk(database: Engine) -> None:
    """A client sends refused events of ever new names and ids; between sweeps, and for ever, little of it stays."""
    life = Life(database, max_events=50, max_notes=100)
    life.keep(*(unknown(f"m{number}") for number in range(2_000)))
    assert (len(life.store.held("acme")), life.unkept) == (50, 1_950)
    assert len(life.store.latest("acme", Selection(), None, 10_000)) == 150
    asyncio.run(life.inbox.sweep(0))
    life.keep(*(unknown(f"n{number}") for number in range(50)))
    assert len(life.store.latest("acme", Selection(), None, 10_000)) == 200
    asyncio.run(life.inbox.sweep(0))
    assert len(life.store.latest("acme", Selection(), None, 10_000)) == 150
    asyncio.run(life.inbox.sweep(AT + 10**6))
    assert life.store.latest("acme", Selection(), None, 10) == []


def test_one_tenant_takes_nothing_from_another(life: Life) -> None:
    theirs = Door(tenant_id="other", received_at=AT, new_id=clock.new_id, registry=REGISTRY, oldest=0)
    one = raw()
    assert len(life.keep(one, at=theirs)) == len(life.keep(one)) == 1
    life.inbox.changed("other")
    assert [life.store.discard(tenant, Selection()) for tenant in ("acme", "other")] == [1, 1]


def test_two_requests_at_once_share_the_room(database: Engine) -> None:
    life = Life(database, max_events=8)

    async def both() -> list[int]:
        keeping = [life.inbox.keep(door(), refused([unknown("a") for _ in range(9)], door())) for _ in range(3)]
        return [sum(one.size > 0 for one in written) for written, _ in await asyncio.gather(*keeping)]

    assert sum(asyncio.run(both())) == 4


def test_a_pointer_fits_its_column_however_it_is_redacted() -> None:
    assert len(pointer_as_kept("/attributes/" + " ".join(["a@b.co"] * 34))) <= 256


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
MEMBERS = st.sampled_from(
    ["event_id", "event_name", "occurred_at", "source", "attributes", "context", "schema", "x", ""]
)


@limits(max_examples=40)
@given(told=st.dictionaries(MEMBERS, JSON, max_size=9) | JSON)
def test_whatever_is_refused_can_be_kept(database: Engine, told: Any) -> None:
    try:
        told = orjson.loads(orjson.dumps(told))
    except (TypeError, orjson.JSONEncodeError):
        return  # no client can send it
    life = Life(database)
    for kept in life.keep(told):
        assert not kept.body or uuid.UUID(orjson.loads(kept.body)["event_id"])


@pytest.mark.parametrize(("schema", "reason"), [(None, "too_deep"), ("auricle:a/b/jsonschema/1-0-0", "unknown_schema")])
def test_a_deep_event_is_kept(life: Life, schema: str | None, reason: str) -> None:
    deep: Any = 1
    for _ in range(900):
        deep = [deep]
    (kept,) = life.keep(raw(attributes={"kb.document_id": "a", "b": deep}, schema=schema))
    assert (kept.reason, kept.size < 500, kept.size > 0) == (reason, True, True)


def test_dropped_ones_are_in_no_group(life: Life) -> None:
    life.keep(raw(attributes={"kb.document_id": "a"}, context={"consent": {"analytics": False}}))
    assert life.groups == []
    assert isinstance(
        run([raw(attributes={"kb.document_id": "a"}, context={"consent": {"analytics": False}})], door())[0], Dropped
    )


def test_the_door_of_a_request_leads_to_its_room(life: Life) -> None:
    """What the doors make with `open_door` is what the inbox reads."""
    principal = Principal("acme", "key", SCOPES[Kind.INGEST])
    made = open_door(REGISTRY, Settings(), principal, received_at=AT, new_id=clock.new_id)
    assert len(life.keep(raw(), at=made)) == 1


@pytest.mark.parametrize(
    ("options", "user"),
    [
        (TenantOptions(), "ada"),
        (TenantOptions(revision=1, user_ids=UserIds.HMAC, secret=b"s" * 32), "hmac_"),
        (TenantOptions(revision=1, user_ids=UserIds.BARE, secret=b"s" * 32), "[redacted:user]"),
    ],
)
def test_users_are_kept_as_the_tenant_asks(life: Life, options: TenantOptions, user: str) -> None:
    (kept,) = life.keep(raw(attributes={}, user_id="ada"), at=door(options=options))
    assert orjson.loads(kept.body)["user_id"].startswith(user)
    assert user == "ada" or "ada" not in kept.body


@pytest.mark.parametrize("options", [{"deny_events": ("kb.hit",)}, {"consent": Consent.OPT_IN}])
def test_what_the_tenant_does_not_want_is_kept_without_its_body(life: Life, options: dict[str, Any]) -> None:
    (kept,) = life.keep(raw(attributes={}), at=door(options=TenantOptions(revision=1, **options)))
    assert (kept.body, kept.reason) == ("", "schema")
