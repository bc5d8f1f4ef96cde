"""What the tests against the vendors' packages share."""

import shutil

import pytest

from tests.counterparts.node import HERE, Node


@pytest.fixture(scope="session")
def node() -> Node:
    """Node with the packages; the test fails, and says what is missing, where they are not there."""
    executable = shutil.which("node")
    if executable is None:
        pytest.fail("these tests need Node 20 or newer as `node`")
    if not (HERE / "node_modules").is_dir():
        pytest.fail("these tests need the vendors' packages: run `npm ci` in tests/counterparts")
    return Node(executable)
