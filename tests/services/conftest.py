"""What many stories begin with."""

from collections.abc import AsyncIterator
from pathlib import Path

from pytest_trio import trio_fixture

from tests.support.homes import Person, town


@trio_fixture
async def people(tmp_path: Path) -> AsyncIterator[list[Person]]:
    """An officer, Amina and Baraka, all granted, each at home."""
    found = await town(tmp_path, "officer", "amina", "baraka")
    yield found
    for person in found:
        person.close()
