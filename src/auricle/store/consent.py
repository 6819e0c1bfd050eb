"""What persons said on being counted, in the relational database: the last change of each who ever refused."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, Engine, bindparam, func, select, text

from auricle.model.consent import Saying, Speaker
from auricle.store.database import told
from auricle.store.tables import consents

AT_ONCE = 500
"""Ids that are looked up by one statement."""
_SAY = text(
    "INSERT INTO consents (tenant_id, speaker, id, analytics, said_at, received_at)"
    " VALUES (:tenant_id, :speaker, :id, :analytics, :said_at, :received_at)"
    " ON CONFLICT (tenant_id, speaker, id) DO UPDATE"
    " SET analytics = excluded.analytics, said_at = excluded.said_at, received_at = excluded.received_at"
    " WHERE consents.analytics <> excluded.analytics AND (consents.said_at < excluded.said_at"
    " OR (consents.said_at = excluded.said_at AND excluded.analytics = 0))"
)
_REFUSED = text(
    "SELECT id FROM consents WHERE tenant_id = :tenant_id AND speaker = :speaker AND id IN :ids AND analytics = 0"
).bindparams(bindparam("ids", expanding=True))


@dataclass(frozen=True, slots=True)
class Consent:
    """The last change of one person's word."""

    analytics: bool
    said_at: int
    received_at: int
    """Both in microseconds."""


class ConsentStore:
    """Reads what `write_consents` wrote. Thread-safe."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def find(self, tenant_id: str, speaker: Speaker, subject: str) -> Consent | None:
        """What this person last said; None for one who never refused."""
        query = select(consents.c.analytics, consents.c.said_at, consents.c.received_at).where(
            consents.c.tenant_id == tenant_id, consents.c.speaker == speaker.value, consents.c.id == kept_id(subject)
        )
        with told(), self._engine.connect() as connection:
            row = connection.execute(query).first()
        return None if row is None else Consent(bool(row.analytics), row.said_at, row.received_at)

    def counts(self, tenant_id: str) -> dict[bool, int]:
        """How many of those who ever refused agree by now (True), and how many do not (False)."""
        query = (
            select(consents.c.analytics, func.count()).where(consents.c.tenant_id == tenant_id).group_by("analytics")
        )
        with told(), self._engine.connect() as connection:
            found = {bool(analytics): int(count) for analytics, count in connection.execute(query)}
        return {False: 0, True: 0} | found


def write_consents(connection: Connection, tenant_id: str, sayings: Iterable[Saying], received_at: int) -> None:
    """Writes the changes among what was said, in the caller's transaction.

    A refusal is kept. An agreement is kept only where it takes a refusal back: that everybody agreed, as most events
    say, is no change.
    """
    refused = [one for one in sayings if not one.analytics]
    agreed = _who_refused(connection, tenant_id, [one for one in sayings if one.analytics])
    # NOTE: in one order for all, so that no two writers wait for each other's rows.
    changes = sorted((*refused, *agreed), key=lambda one: (one.speaker, one.id, one.said_at))
    if changes:
        connection.execute(_SAY, [_row(tenant_id, one, received_at) for one in changes])


def _who_refused(connection: Connection, tenant_id: str, sayings: Sequence[Saying]) -> list[Saying]:
    """Those whose last word that is kept was no."""
    found: list[Saying] = []
    # NOTE: a speaker at a time, as the key has it: without, each look-up would read all that the tenant has.
    for speaker in Speaker:
        words = [one for one in sayings if one.speaker is speaker]
        for start in range(0, len(words), AT_ONCE):
            part = {kept_id(one.id): one for one in words[start : start + AT_ONCE]}
            told_by = {"tenant_id": tenant_id, "speaker": speaker.value, "ids": list(part)}
            found += [part[row.id] for row in connection.execute(_REFUSED, told_by)]
    return found


def _row(tenant_id: str, one: Saying, received_at: int) -> Mapping[str, object]:
    return {
        "tenant_id": tenant_id,
        "speaker": one.speaker.value,
        "id": kept_id(one.id),
        "analytics": int(one.analytics),
        "said_at": one.said_at,
        "received_at": received_at,
    }


def kept_id(subject: str) -> str:
    """A person's id as this table has it."""
    # NOTE: PostgreSQL takes no NUL in text.
    return subject.replace("\0", "\ufffd")
