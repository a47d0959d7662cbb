"""A home and an open database for each test that asks, closed after it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from node.storage.database import Database
from node.storage.home import Home
from tests.storage.samples import open_database


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


@pytest.fixture
def database(home: Home) -> Iterator[Database]:
    opened = open_database(home)
    yield opened
    opened.close()
