"""What the tests of the API share: async tests run on trio; one node, without network."""

import inspect
from collections.abc import AsyncGenerator, Generator
from pathlib import Path

import pytest

from tests.api.answered import watching
from tests.api.house import House, make_home, running

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Every coroutine of this folder is a test on trio."""
    for item in items:
        if HERE in item.path.parents and inspect.iscoroutinefunction(getattr(item, "obj", None)):
            item.add_marker(pytest.mark.trio)


@pytest.fixture(autouse=True)
def _answered() -> Generator[None]:
    """No route answers with an error that the document does not name for it."""
    with pytest.MonkeyPatch.context() as patch, watching(patch) as watched:
        yield
    assert sorted(set(watched.strange)) == []


@pytest.fixture
async def house(tmp_path: Path) -> AsyncGenerator[House]:
    """A whole node of a fresh member."""
    async with running(make_home(tmp_path)) as found:
        yield found
