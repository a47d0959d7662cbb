"""The browser that measures and tests the web client: where it is, and how it is started.

Chromium as the system has it, or Playwright's own build. It is started so that nothing leaves
loopback: no updates, no synchronising, no proxy.
"""

import os
import shutil
from pathlib import Path
from typing import Final

NAMES: Final = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
ARGUMENTS: Final = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    *("--disable-dev-shm-usage", "--no-proxy-server"),
)


def executable() -> Path | None:
    """The browser to use: $WETALK_CHROMIUM, the system's, or Playwright's own; None without one."""
    asked = os.environ.get("WETALK_CHROMIUM")
    found = asked or next(filter(None, map(shutil.which, NAMES)), None)
    if found:
        return Path(found)
    home = Path.home() / ".cache" / "ms-playwright"
    builds = sorted(home.glob("chromium-*/chrome-linux*/chrome"))
    return builds[-1] if builds else None
