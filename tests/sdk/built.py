"""The SDK in TypeScript, built."""

import fcntl
from functools import cache
from pathlib import Path

from node import ROOT, node

SDK = ROOT / "sdk" / "js"


@cache
def dist() -> Path:
    """The folder with the built files; built now when a source is newer. Skips where npm is out of reach."""
    made = SDK / "dist"
    with (SDK / "build.ts").open() as lock:  # two workers of pytest take turns
        fcntl.flock(lock, fcntl.LOCK_EX)
        newest = max(path.stat().st_mtime for path in [SDK / "build.ts", *SDK.glob("src/**/*.ts")])
        if not (made / "index.d.ts").exists() or (made / "auricle.js").stat().st_mtime < newest:
            built = node(ROOT, "npm", "run", "build", "--workspace", "sdk/js")
            assert built.returncode == 0, built.stderr
    return made
