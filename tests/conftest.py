"""Fixtures that every test may use, each concern in a module of tests/support/; which tests share a worker."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest_plugins = [
    "support.album",
    "support.api",
    "support.google_ports",
    "support.models",
    "support.people",
    "support.postgres",
]
TESTS = Path(__file__).parent


@pytest.hookimpl(tryfirst=True)  # before xdist reads the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run in parallel file by file, and everything that uses the whole local cloud on one of its own."""
    for item in items:
        file = Path(item.path).relative_to(TESTS)
        group = "local cloud" if file.parts[:-1] == ("e2e",) else str(file)
        item.add_marker(pytest.mark.xdist_group(group))
