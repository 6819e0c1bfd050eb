"""Signatures that were used, so that none is used twice."""

from sqlalchemy import Engine, delete

from auricle.store.database import insert_new, told
from auricle.store.tables import signatures


class SignatureStore:
    """Used signatures in the relational database: one is spent for every process, and over a restart. Thread-safe."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def spend(self, key_id: str, mac: bytes, until: int) -> bool:
        """Notes that a signature is used, on disk when this returns; False when it was used before.

        `until` is the Unix second from which on it is too old in any case.
        """
        row = {"key_id": key_id, "mac": mac, "until": until}
        new = insert_new(self._engine, signatures).values(row).returning(signatures.c.until)
        with told(), self._engine.begin() as connection:
            return connection.execute(new).first() is not None

    def forget(self, now: int) -> None:
        """Drops those that are too old in any case."""
        with told(), self._engine.begin() as connection:
            connection.execute(delete(signatures).where(signatures.c.until < now))
