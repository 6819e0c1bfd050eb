"""The types of events that the SDK in TypeScript carries are those of the built-in schemas."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_the_types_are_made_of_the_schemas_of_today() -> None:
    command = [sys.executable, "-m", "auricle.cli", "schema", "types", "--built-in", "--lang", "typescript"]
    made = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    told = "run `auricle schema types --built-in > sdk/js/src/events.ts`"
    assert (ROOT / "sdk/js/src/events.ts").read_text() == made, told
