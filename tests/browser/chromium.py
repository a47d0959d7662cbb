"""Where the browser for the tests is, and putting it there: `python -m tests.browser.chromium`.

`make test` runs this before the tests. Debian's own package is taken where the machine is Debian
and we may install, with letters for Korean and Chinese; elsewhere Playwright's build. It never
fails: tests that find no browser say so, and in continuous integration they fail.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

NAMES: Final = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
PACKAGES: Final = ("chromium", "fonts-noto-cjk")
INSTALL_MAX_S: Final = 900
MISSING: Final = (
    "no Chromium: install your system's package `chromium`, or run"
    " `.venv/bin/python -m playwright install chromium`"
)


def executable() -> Path | None:
    """The browser to use: $WETALK_CHROMIUM, the system's, or Playwright's own."""
    asked = os.environ.get("WETALK_CHROMIUM")
    found = asked or next(filter(None, map(shutil.which, NAMES)), None)
    if found:
        return Path(found)
    home = Path.home() / ".cache" / "ms-playwright"
    builds = sorted(home.glob("chromium-*/chrome-linux*/chrome"))
    return builds[-1] if builds else None


def must_run() -> bool:
    """True in continuous integration, where a browser test may not be skipped."""
    return any(os.environ.get(name) for name in ("CI", "WETALK_CI"))


def install() -> Path | None:
    """Have a browser if that is possible here."""
    found = executable()
    if found is not None:
        return found
    if os.geteuid() == 0 and shutil.which("apt-get"):
        quiet = ["apt-get", "-qq", "-o", "Dpkg::Use-Pty=0"]
        _run([*quiet, "update"])
        _run([*quiet, "install", "--yes", "--no-install-recommends", *PACKAGES])
    else:
        _run([sys.executable, "-m", "playwright", "install", "chromium"])
    return executable()


def _run(command: list[str]) -> None:
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    print("installing the browser for the tests:", *command, flush=True)
    try:
        subprocess.run(command, check=False, timeout=INSTALL_MAX_S, env=environment)
    except (OSError, subprocess.TimeoutExpired) as problem:
        print(problem)


if __name__ == "__main__":
    print(f"browser for the tests: {install() or MISSING}")
