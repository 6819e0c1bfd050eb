"""What tests of the client share."""

import logging

import pytest


@pytest.fixture(autouse=True)
def _the_log_is_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever other tests have done to it: import-linter sets logging up anew and turns off every log there is."""
    monkeypatch.setattr(logging.getLogger("auricle.client"), "disabled", False)
