"""Tests of scripts for Node run where Node is."""

import pytest

from tests.examples.script import need_node


@pytest.fixture(scope="module", autouse=True)
def _node_is_here() -> None:
    need_node()
