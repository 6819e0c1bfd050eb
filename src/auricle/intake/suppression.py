"""The suppression list at the door: what belongs to an erased person, or was erased before, does not come in again.

It holds keyed hashes only. A tenant that never erased anything pays one look into a dictionary for each request.
"""

import hashlib
import re
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from auricle.model.event import Event, key_of
from auricle.model.receipt import Dropped, Reason, Rejected
from auricle.model.subject import Mark
from auricle.store.erasure import ErasureStore

Verdict = Event | Rejected | Dropped
_UUID = re.compile(r"[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")


def mark_of(key: bytes, tenant_id: str, mark: Mark, value: str) -> bytes:
    """The hash under which an id stands in the list, 16 bytes."""
    return hashlib.blake2b(
        f"{tenant_id}\0{value}".encode("utf-8", "surrogatepass"),
        digest_size=16,
        key=key,
        person=mark.value.encode(),
    ).digest()


def event_mark_of(key: bytes, tenant_id: str, event_key: bytes) -> int:
    """The hash under which an erased event stands in the list: 64 bits, signed, as databases have them.

    Among a million erased events one fresh one in 18 million million would be taken for one of them.
    """
    told = hashlib.blake2b(tenant_id.encode() + b"\0" + event_key, digest_size=8, key=key, person=b"event").digest()
    return int.from_bytes(told, "big", signed=True)


@dataclass(frozen=True, slots=True)
class TenantList:
    """What one tenant suppresses."""

    key: bytes
    tenant_id: str
    marks: dict[Mark, set[bytes]] = field(default_factory=dict)
    events: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    """Sorted."""

    def drop(self, verdicts: Sequence[Verdict]) -> list[Verdict]:
        """The verdicts, with `Dropped` for each event that must not come in."""
        erased = self._erased([one.key for one in verdicts if isinstance(one, Event)])
        return [
            Dropped(Reason.ERASED, one.event_id)
            if isinstance(one, Event) and (one.key in erased or self._marked(one.user_id, one.session_id))
            else one
            for one in verdicts
        ]

    def covers(self, raw: Any) -> bool:
        """Whether a raw event that is refused for another reason is of an erased person: nothing of it is kept."""
        if raw.__class__ is not dict:
            return False
        user, session, event_id = (raw.get(name) for name in ("user_id", "session_id", "event_id"))
        if isinstance(event_id, str) and _UUID.fullmatch(event_id) and self.knows(key_of(event_id)):
            return True
        texts = [value if isinstance(value, str) else "" for value in (user, session)]
        return self._marked(*texts)

    def knows(self, event_key: bytes) -> bool:
        """Whether an event was erased."""
        return bool(self._erased([event_key]))

    def _erased(self, keys: Sequence[bytes]) -> set[bytes]:
        if not len(self.events) or not keys:
            return set()
        hashed = np.array([event_mark_of(self.key, self.tenant_id, key) for key in keys], dtype=np.int64)
        places = np.minimum(np.searchsorted(self.events, hashed), len(self.events) - 1)
        found = self.events[places] == hashed
        return {key for key, known in zip(keys, found.tolist(), strict=True) if known}

    def _marked(self, user_id: str, session_id: str) -> bool:
        if not self.marks:
            return False
        if user_id and self._has(Mark.USER, user_id):
            return True
        if not session_id:
            return False
        return self._has(Mark.SESSION, session_id) or (not user_id and self._has(Mark.TRACE, session_id))

    def _has(self, mark: Mark, value: str) -> bool:
        hashes = self.marks.get(mark)
        return hashes is not None and mark_of(self.key, self.tenant_id, mark, value) in hashes


class SuppressionList:
    """The lists of all tenants, as the database had them a moment ago."""

    def __init__(self, store: ErasureStore) -> None:
        self.store = store
        self._lists: dict[str, TenantList] = {}
        self._revision = 0
        self._lock = threading.Lock()

    def of(self, tenant_id: str) -> TenantList | None:
        """What a tenant suppresses; None when it is nothing."""
        return self._lists.get(tenant_id)

    def refresh(self) -> None:
        """Reads the lists again if they have changed. Blocks."""
        with self._lock:
            # NOTE: the revision first: what is read after it may be newer, and is then only read once more.
            revision = self.store.revision()
            if revision != self._revision:
                self._lists = self._read()
                self._revision = revision

    def _read(self) -> dict[str, TenantList]:
        marks: dict[str, dict[Mark, set[bytes]]] = {}
        for tenant, mark, hashed in self.store.marks():
            marks.setdefault(tenant, {}).setdefault(mark, set()).add(hashed)
        events: dict[str, list[int]] = {}
        for tenant, number in self.store.erased():
            events.setdefault(tenant, []).append(number)
        return {
            tenant: TenantList(
                self.store.key,
                tenant,
                marks.get(tenant, {}),
                np.sort(np.array(events.get(tenant, ()), dtype=np.int64)),
            )
            for tenant in marks.keys() | events.keys()
        }
