"""Kill -9 under load, many times: the same storm as in the test suite, with more rounds."""

import sys
import time

from bench.process import ROOT
from bench.record import Record

# NOTE: the storm belongs to the tests, which are no package; it is found from the root.
sys.path.insert(0, str(ROOT / "tests"))

from acceptance.storm import Storm
from service import Service, folder

CHECK_EVERY = 20


def run(rounds: int, seed: int) -> None:
    """Raises when an acknowledged event was lost or counted twice in any report; else records what was survived."""
    record = Record("crash", f"{rounds} rounds of kill -9 at random moments, 6 connections of 3 tenants, seed {seed}")
    record.open()
    with folder() as data:
        data.mkdir(parents=True)
        service = Service(data)
        began = time.monotonic()
        try:
            storm = Storm(service, seed, record.say)
            storm.blow(rounds, CHECK_EVERY)
        finally:
            service.end()
        memory = storm.crowd.memory
        starts = sorted(service.start_seconds)
        record.table("Ways to end", ("way", "rounds"), sorted(storm.ways.items()))
        record.table(
            "Events",
            ("", "events"),
            [
                ("acknowledged", len(memory.facts)),
                ("lost", 0),
                ("counted twice", 0),
                ("an answer was lost, so told again", len(memory.unheard)),
                ("told `stored` twice, counted once", len(memory.told_twice)),
            ],
        )
        record.facts = {
            "statuses": {str(status): count for status, count in sorted(memory.statuses.items())},
            "start_seconds": {"p50": starts[len(starts) // 2], "max": starts[-1]},
            "seconds": round(time.monotonic() - began, 1),
        }
        record.say(str(record.facts))
        record.save()
