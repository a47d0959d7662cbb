"""Running at boot: a systemd unit of the user's own.

Rules: nothing is done as administrator; what is installed can be removed; a machine without systemd
gets the unit's file and is told so.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from node.protocol.errors import LocalFault

UNIT: Final = "wetalk.service"
WAIT_S: Final = 20
TEXT: Final = """\
[Unit]
Description=WeTalk
After=network-online.target
Wants=network-online.target

[Service]
ExecStart={command}
Restart=on-failure
RestartSec=10
NoNewPrivileges=yes
UMask=0077

[Install]
WantedBy=default.target
"""


def unit_path() -> Path:
    """Where a user's own units lie."""
    configured = os.environ.get("XDG_CONFIG_HOME")
    base = Path(configured) if configured else Path.home() / ".config"
    return base / "systemd" / "user" / UNIT


def install(home: Path, wishes: Sequence[str] = ()) -> tuple[Path, bool]:
    """Write the unit, enable and start it; (file, True iff systemd took it). `wishes` are further
    words of `up`.

    Raises LocalFault home-not-writable.
    """
    path = unit_path()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        words = (*program(), "--home", str(home.absolute()), "up", *wishes)
        text = TEXT.format(command=_quoted(*words))
        path.write_text(text, encoding="utf-8")
    except OSError as problem:
        raise LocalFault("home-not-writable", str(problem), path=str(path)) from None
    return path, _systemctl("daemon-reload") and _systemctl("enable", "--now", UNIT)


def remove() -> bool:
    """Stop and forget the unit. False if there is none."""
    path = unit_path()
    if not path.exists():
        return False
    _systemctl("disable", "--now", UNIT)
    path.unlink()
    _systemctl("daemon-reload")
    return True


def program() -> list[str]:
    """How this very program is started."""
    beside = Path(sys.executable).with_name("wetalk")
    if beside.exists():
        return [str(beside)]
    return [sys.executable, "-m", "cli"]


def _quoted(*words: str) -> str:
    """Words as systemd reads them: quoted, `%` and `$` taken literally."""
    escaped = (w.replace("\\", "\\\\").replace('"', '\\"') for w in words)
    return " ".join(f'"{w}"'.replace("%", "%%").replace("$", "$$") for w in escaped)


def _systemctl(*words: str) -> bool:
    program = shutil.which("systemctl")
    if program is None:
        return False
    try:
        done = subprocess.run(
            [program, "--user", *words], capture_output=True, timeout=WAIT_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0
