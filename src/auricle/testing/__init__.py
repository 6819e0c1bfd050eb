"""The pytest plugin: the real service in a test, on embedded stores, with a tenant of the test's own.

`auricle` is the tenant of a test, with a client that is ready; `events` is what arrived there:

    def test_a_booking_is_told(auricle, events):
        book(analytics=auricle.client)
        (event,) = events.of("booking.confirmed")
        assert event.attributes["booking.slot_id"] == "slot-1"

The service starts with the first test that wants it, once a session (once a worker of pytest-xdist), in a temporary
folder. A test whose events break a rule fails at its end, with the field and the rule.
"""

import importlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from auricle.testing.running import Running
    from auricle.testing.tenant import Events, Tenant


@pytest.fixture(scope="session")
def auricle_service(tmp_path_factory: pytest.TempPathFactory) -> "Iterator[Running]":
    """The service, running: `url`, `log`, and `tenant()` for one more tenant."""
    # NOTE: this module is loaded wherever the package and pytest are installed, by suites too that never use it; all
    # that costs something is loaded here.
    running: Running = importlib.import_module("auricle.testing.running").Running(tmp_path_factory.mktemp("auricle"))
    try:
        running.start()
        yield running
    finally:
        running.stop()


@pytest.fixture
def auricle(auricle_service: "Running") -> "Iterator[Tenant]":
    """A fresh tenant: `url`, `key`, `client` and `events`. Ends the test as failed when its events break rules."""
    tenant: Tenant = importlib.import_module("auricle.testing.tenant").Tenant(auricle_service)
    try:
        yield tenant
        tenant.events.assert_valid()
    finally:
        tenant.close()


@pytest.fixture
def events(auricle: "Tenant") -> "Events":
    """What arrived in the tenant of this test."""
    return auricle.events
