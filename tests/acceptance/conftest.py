"""A data folder of its own for each test, and the real service on it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from service import Service, folder, serving


@pytest.fixture
def data() -> Iterator[Path]:
    """A data folder that is gone afterwards; pytest would keep three runs' worth of them."""
    with folder() as place:
        yield place


@pytest.fixture
def own_service(data: Path) -> Iterator[Service]:
    """The real service, running, with nothing in it."""
    with serving(data) as running:
        yield running
