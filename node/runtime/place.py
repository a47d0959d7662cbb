"""Where a running process answers: `api.json` in the home, by which commands find it."""

import json
import os
from collections.abc import Generator
from contextlib import contextmanager

from node.api.serving import LOOPBACK
from node.api.version import program_version
from node.storage.home import Home
from node.wallet.private_file import write_private


@contextmanager
def found_by(home: Home, port: int) -> Generator[None]:
    """Commands find this process at this port, until left."""
    told = {
        "pid": os.getpid(),
        "port": port,
        "url": f"http://{LOOPBACK}:{port}",
        "version": program_version(),
    }
    write_private(home.api, json.dumps(told).encode() + b"\n", replace=True)
    try:
        yield
    finally:
        home.api.unlink(missing_ok=True)
