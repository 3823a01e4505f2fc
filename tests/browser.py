"""The browser that shows the built site and JupyterLab."""

import os
import shutil
from pathlib import Path
from typing import Any

import pytest

FLAGS = [
    "--no-sandbox",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    # What asks another host is recorded by the tests, and gets nowhere.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
]


def no_chromium() -> None:
    """Stop for want of Chromium: an error in CI, a skipped test elsewhere."""
    message = "no Chromium: install Debian's `chromium`, or name one in XENT_CHROMIUM"
    (pytest.fail if os.environ.get("CI") else pytest.skip)(message)


def how_to_launch() -> dict[str, Any]:
    """Return what Playwright needs to start Chromium."""
    path = os.environ.get("XENT_CHROMIUM") or shutil.which("chromium")
    if path is None or not Path(path).exists():
        no_chromium()
    return {"executable_path": str(path), "args": FLAGS}
