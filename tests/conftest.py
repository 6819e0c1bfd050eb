"""What tests of several rooms share: settings, both databases, the event store on the real engine, the service."""

import contextlib
import os
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings
from sqlalchemy import Engine

from auricle.settings import Settings
from auricle.store.database import open_database
from auricle.store.events import EventStore
from running import MIGRATED, Postgres, Service, postgres, serving, wait_until

hypothesis_settings.register_profile(
    "auricle", deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
hypothesis_settings.load_profile("auricle")


@pytest.fixture(autouse=True, scope="session")
def _no_settings_of_the_machine() -> Iterator[None]:
    """No setting of whoever runs the tests reaches one."""
    foreign = {name for field in Settings.model_fields.values() for name in field.validation_alias.choices}
    with pytest.MonkeyPatch.context() as patch:
        for name in foreign & set(os.environ):
            patch.delenv(name)
        yield


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings with a data folder of this test's own."""
    return Settings(data=tmp_path / "data")


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Postgres]:
    """PostgreSQL, one server a session."""
    with postgres() as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def database_settings(request: pytest.FixtureRequest, settings: Settings) -> Iterator[Settings]:
    """Settings for an empty database: SQLite, and once more PostgreSQL."""
    if request.param == "sqlite":
        yield settings
        return
    with request.getfixturevalue("postgresql").database() as url:
        yield settings.model_copy(update={"database_url": url})


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, settings: Settings) -> Iterator[Engine]:
    """A fresh database with its tables: SQLite, and once more PostgreSQL."""
    with contextlib.ExitStack() as stack:
        if request.param == "postgresql":
            url = stack.enter_context(request.getfixturevalue("postgresql").database(MIGRATED))
            settings = settings.model_copy(update={"database_url": url})
        engine = open_database(settings)
        yield engine
        engine.dispose()


@pytest.fixture(scope="session")
def events(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EventStore]:
    """The event store on the real engine; tests keep apart by their tenants."""
    with EventStore(Settings(data=tmp_path_factory.mktemp("events"))) as store:
        wait_until(store.ready, 60.0)
        yield store


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """The whole service, a real process, on SQLite; tests keep apart by their tenants."""
    with serving(Settings(data=tmp_path_factory.mktemp("service"))) as running:
        yield running


@pytest.fixture(scope="session")
def postgresql_service(tmp_path_factory: pytest.TempPathFactory, postgresql: Postgres) -> Iterator[Service]:
    """The whole service on PostgreSQL."""
    folder = tmp_path_factory.mktemp("service")
    with postgresql.database() as url, serving(Settings(data=folder, database_url=url)) as running:
        yield running


@pytest.fixture(params=["sqlite", "postgresql"])
def either_service(request: pytest.FixtureRequest) -> Service:
    """The whole service, on each database in turn."""
    return request.getfixturevalue("service" if request.param == "sqlite" else "postgresql_service")


@pytest.fixture
def tenant() -> str:
    """A tenant that nothing is known of."""
    return f"t{uuid.uuid4().hex}"
