"""The relational database: opened, tuned and migrated."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import resources
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, Engine, Table, create_engine, event, make_url, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from auricle.errors import StorageFull, Unavailable
from auricle.settings import Settings

BUSY_MS = 15_000
FULL = ("database or disk is full", "disk i/o error", "no space left", "could not extend file", "disk full")
"""What databases say when there is no room."""
WAL_PAGES = 4_000
"""Pages in the write-ahead log before SQLite moves them into the file: 16 MB."""


def open_database(settings: Settings) -> Engine:
    """The database of the settings, migrated to the present: PostgreSQL by URL, else SQLite in the data folder.

    Raises:
        StorageFull: the disk has no room.
        Unavailable: the database cannot be reached or read.
    """
    engine = _postgresql(settings.database_url) if settings.database_url else _sqlite(settings.data)
    with told():
        migrate(engine)
    return engine


def migrate(engine: Engine) -> None:
    """Brings the tables up to date; any number of processes may try at once."""
    config = Config()
    config.set_main_option("script_location", str(resources.files("auricle.store").joinpath("migrations")))
    with engine.begin() as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(4120270001)"))
        else:
            # NOTE: the driver begins a transaction only before a change of rows; DDL would run outside of one.
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def _postgresql(url: str) -> Engine:
    parsed = make_url(url)
    if parsed.drivername in ("postgresql", "postgres"):
        parsed = parsed.set(drivername="postgresql+psycopg")
    # NOTE: an error that quoted its parameters would take events into the log.
    return create_engine(parsed, pool_pre_ping=True, pool_size=8, max_overflow=8, hide_parameters=True)


def _sqlite(folder: Path) -> Engine:
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    timeout = {"timeout": BUSY_MS / 1000}
    engine = create_engine(f"sqlite:///{folder / 'control.db'}", connect_args=timeout, hide_parameters=True)

    @event.listens_for(engine, "connect")
    def _tune(connection: Any, _record: Any) -> None:
        cursor = connection.cursor()
        for pragma in (
            "journal_mode=WAL",
            "synchronous=FULL",
            "foreign_keys=ON",
            f"busy_timeout={BUSY_MS}",
            f"wal_autocheckpoint={WAL_PAGES}",
            "cache_size=-16000",
        ):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    return engine


@contextmanager
def told() -> Iterator[None]:
    """The database's errors, told as ours: `StorageFull` or `Unavailable`."""
    try:
        yield
    except DBAPIError as error:
        cause = str(error.orig).lower()
        if any(sign in cause for sign in FULL):
            raise StorageFull("The disk is full; nothing of this was kept. Try again later.", retry_after=10) from error
        raise Unavailable("The database cannot be written or read.", retry_after=2) from error
    except SQLAlchemyError as error:
        raise Unavailable("The database cannot be reached.", retry_after=2) from error


def insert_new(bind: Engine | Connection, table: Table) -> postgresql.Insert | sqlite.Insert:
    """An INSERT that passes over rows whose key is there already; `RETURNING` gives those that were new."""
    if bind.dialect.name == "postgresql":
        return postgresql.insert(table).on_conflict_do_nothing()
    return sqlite.insert(table).on_conflict_do_nothing()
