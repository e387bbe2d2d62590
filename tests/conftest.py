"""Fixtures and switches that every test may use; fixtures of one concern live in tests/support/."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
sys.path.insert(0, str(TESTS))


@pytest.hookimpl(tryfirst=True)  # before xdist reads the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run in parallel file by file, and everything that uses the whole local cloud on one of its own."""
    for item in items:
        file = Path(item.path).relative_to(TESTS)
        group = "local cloud" if file.parts[:-1] == ("e2e",) else str(file)
        item.add_marker(pytest.mark.xdist_group(group))
