"""What the tests of clients share: async tests run on trio; one node, without network."""

import inspect
from pathlib import Path

import pytest

from tests.api.conftest import house

HERE = Path(__file__).parent

__all__ = ["house"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Every coroutine of this folder is a test on trio."""
    for item in items:
        if HERE in item.path.parents and inspect.iscoroutinefunction(getattr(item, "obj", None)):
            item.add_marker(pytest.mark.trio)
