"""What many stories begin with."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from pytest_trio import trio_fixture

from tests.support.homes import Person, town
from tests.support.wreckage import Village


@trio_fixture
async def people(tmp_path: Path) -> AsyncIterator[list[Person]]:
    """An officer, Amina and Baraka, all granted, each at home."""
    found = await town(tmp_path, "officer", "amina", "baraka")
    yield found
    for person in found:
        person.close()


@pytest.fixture(scope="module")
def village(tmp_path_factory: pytest.TempPathFactory) -> Village:
    return Village(tmp_path_factory.mktemp("village"))
