"""Kill -9 at random moments under load: no acknowledged event is lost, none is counted twice, in any report."""

from pathlib import Path

import pytest

from acceptance.storm import Storm
from service import Service


@pytest.mark.slow
def test_killed_25_times_under_load(data: Path) -> None:
    service = Service(data)
    data.mkdir(parents=True)
    try:
        storm = Storm(service, seed=20_261)
        storm.blow(rounds=25, check_every=6)
        assert storm.ways.total() == 25
    finally:
        service.end()
