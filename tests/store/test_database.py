"""The relational database: migrated from nothing, again, by several at once, and to exactly what the models say."""

import subprocess
import sys
from importlib import resources

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Engine, inspect, text

from auricle.settings import Settings
from auricle.store import migrations
from auricle.store.database import migrate, open_database
from auricle.store.tables import metadata

TABLES = {"alembic_version", *metadata.tables}
NEWEST = max(path.stem[1:5] for path in (resources.files(migrations) / "versions").glob("v*.py"))


OPEN = """
import sys
from sqlalchemy import inspect
from auricle.settings import Settings
from auricle.store.database import open_database
engine = open_database(Settings(data=sys.argv[1], database_url=sys.argv[2] or None))
print(*sorted(inspect(engine).get_table_names()))
"""


def test_a_new_database_gets_every_table(database: Engine) -> None:
    assert set(inspect(database).get_table_names()) == TABLES


def test_migrating_again_changes_nothing(database: Engine) -> None:
    with database.begin() as connection:
        connection.execute(text("INSERT INTO meta (name, value) VALUES ('kept', 'yes')"))
    migrate(database)
    migrate(database)
    with database.connect() as connection:
        assert connection.execute(text("SELECT value FROM meta WHERE name = 'kept'")).scalar_one() == "yes"
        assert connection.execute(text("SELECT version_num FROM alembic_version")).scalars().all() == [NEWEST]


def test_four_processes_may_migrate_at_once(database_settings: Settings) -> None:
    command = [sys.executable, "-c", OPEN, str(database_settings.data), database_settings.database_url or ""]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    processes = [subprocess.Popen(command, text=True, **pipes) for _ in range(4)]  # type: ignore[call-overload]
    told = [(*process.communicate(timeout=60), process.returncode) for process in processes]
    assert told == [(" ".join(sorted(TABLES)) + "\n", "", 0)] * 4


def test_the_migrations_make_what_the_models_say(database: Engine) -> None:
    with database.connect() as connection:
        differences = compare_metadata(
            MigrationContext.configure(
                connection,
                opts={
                    "compare_type": True,
                    "compare_server_default": True,
                },
            ),
            metadata,
        )
    assert [each for each in differences if "comment" not in str(each[0])] == []


def test_sqlite_waits_for_the_disk(settings: Settings) -> None:
    engine = open_database(settings)
    with engine.connect() as connection:
        told = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar_one()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        }
    engine.dispose()
    assert told == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 15_000}


def test_the_data_folder_is_for_its_owner_alone(settings: Settings) -> None:
    open_database(settings).dispose()
    assert settings.data.stat().st_mode & 0o777 == 0o700
