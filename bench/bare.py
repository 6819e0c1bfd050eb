"""The bare engine: raw decode and engine insert in one loop, the 1.0 that the whole service is measured against.

One process without HTTP, checks, journal or dedupe: it decodes the very bodies that the service is sent, makes blocks
of rows of them and inserts these into the very same table, fsynced. Run by the bench as a child.
"""

import argparse
import json
import pickle
import subprocess
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import orjson

from bench.engine import Engine, cpu_seconds, encode, events_ddl
from bench.events import compact_row
from bench.process import ROOT, python


@dataclass(frozen=True, slots=True)
class Bare:
    """What one loop did."""

    events: int
    rows: int
    """Counted in the table afterwards."""
    seconds: float
    cpu_seconds: float
    decode_seconds: float
    """Of the seconds, those spent outside the engine: decoding bodies and encoding blocks."""

    @property
    def rate(self) -> float:
        """Events a second."""
        return self.events / self.seconds


def run(bodies: Sequence[bytes], block: int = 50_000) -> Bare:
    """Runs the loop over batch bodies (`{"events": […]}`) in a fresh process and a fresh folder."""
    with tempfile.TemporaryDirectory(prefix="auricle-bench-bare-") as folder:
        source = Path(folder) / "bodies"
        source.write_bytes(pickle.dumps(list(bodies)))
        command = python("bench.bare", folder, "--block", str(block))
        done = subprocess.run(command, cwd=ROOT, capture_output=True, check=True)
        return Bare(**json.loads(done.stdout))


def loop(engine: Engine, bodies: Sequence[bytes], block: int) -> Bare:
    """Decodes and inserts everything, one block after the other."""
    events = blocks = 0
    decode = 0.0
    started, cpu = time.perf_counter(), cpu_seconds()
    held: list[list[object]] = []
    for index, body in enumerate(bodies, 1):
        since = time.perf_counter()
        held += [compact_row(event) for event in orjson.loads(body)["events"]]
        full = len(held) >= block or index == len(bodies)
        data = encode(held) if full else b""
        decode += time.perf_counter() - since
        if full:
            engine.insert("events", data, f"bare-{blocks}")
            events, blocks, held = events + len(held), blocks + 1, []
    seconds, used = time.perf_counter() - started, cpu_seconds() - cpu
    return Bare(events, int(engine.value("SELECT count() FROM events")), seconds, used, decode)


def main() -> None:
    """Runs the loop over the pickled bodies in the folder and prints the outcome as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--block", type=int, default=50_000)
    given = parser.parse_args()
    bodies = pickle.loads((given.folder / "bodies").read_bytes())
    engine = Engine(given.folder / "engine")
    engine.run(events_ddl())
    print(json.dumps(asdict(loop(engine, bodies, given.block))))
    engine.close()


if __name__ == "__main__":
    main()
