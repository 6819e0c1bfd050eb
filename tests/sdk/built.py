"""The SDK in TypeScript, built."""

import fcntl
import subprocess
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SDK = ROOT / "sdk" / "js"


@cache
def dist() -> Path:
    """The folder with the built files; built now when a source is newer. Skips where npm is out of reach."""
    made = SDK / "dist"
    with (SDK / "build.ts").open() as lock:  # two workers of pytest take turns
        fcntl.flock(lock, fcntl.LOCK_EX)
        newest = max(path.stat().st_mtime for path in [SDK / "build.ts", *SDK.glob("src/**/*.ts")])
        if not (made / "index.d.ts").exists() or (made / "auricle.js").stat().st_mtime < newest:
            ready = subprocess.run([ROOT / "scripts/node.sh"], capture_output=True, text=True, check=False)
            if ready.returncode:
                pytest.skip(f"the SDK cannot be built here: {ready.stderr.splitlines()[-1]}")
            command = [ROOT / "scripts/node.sh", "npm", "run", "build", "--workspace", "sdk/js"]
            subprocess.run(command, capture_output=True, check=True)
    return made
