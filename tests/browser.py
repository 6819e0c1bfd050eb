"""A real Chromium for tests of pages; a test that needs one says so where there is none."""

import contextlib
import os
import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)
"""Flags: as root it has no sandbox, and it is to ask no host that we did not name."""


@contextlib.contextmanager
def chromium(*flags: str) -> Iterator[Browser]:
    """The Chromium of this machine, with a fresh profile; `AURICLE_CHROMIUM` names another one."""
    path = os.environ.get("AURICLE_CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
    if path is None:
        pytest.skip("no Chromium on the PATH: the tests of pages need one")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=[*QUIET, *flags])
        try:
            yield browser
        finally:
            browser.close()
