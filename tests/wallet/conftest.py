"""What the wallet's tests share: cheap passphrases, and a home of their own."""

from pathlib import Path

import pytest

from node.wallet.passphrase import Cost

# The least Argon2 allows: what is tested is the container, not the price of guessing.
CHEAP = Cost(memory_kib=8, passes=1, lanes=1)


@pytest.fixture
def cheap() -> Cost:
    return CHEAP


@pytest.fixture
def home(tmp_path: Path) -> Path:
    folder = tmp_path / "home"
    folder.mkdir(mode=0o700)
    return folder
