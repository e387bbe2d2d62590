"""Fixtures that every test may use, each concern in a module of tests/support/; which tests share a worker."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import settings

from support.temporary import use_memory

pytest_plugins = [
    "support.models",
    "support.album",
    "support.api",
    "support.bibs",
    "support.google_ports",
    "support.people",
    "support.postgres",
]
# A busy machine takes longer than hypothesis allows an example by default.
settings.register_profile("photofinish", deadline=None)
settings.load_profile("photofinish")
TESTS = Path(__file__).parent
# Fixtures that start a server or load models: `make test-unit` leaves their tests out.
NEEDS_PARTS = {
    "analyzer",
    "cloud",
    "database",
    "decoders",
    "empty_database",
    "encoder",
    "hostile",
    "model_settings",
    "sample_album",
    "small_album",
}


def pytest_configure() -> None:
    """Also for the workers of xdist, which are started later."""
    use_memory()


@pytest.hookimpl(tryfirst=True)  # before xdist reads the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Group tests by file for the workers, those on the local cloud together; mark what needs more than Python."""
    for item in items:
        if NEEDS_PARTS & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.needs_parts)
        file = Path(item.path).relative_to(TESTS)
        group = "local cloud" if file.parts[:-1] == ("e2e",) else str(file)
        item.add_marker(pytest.mark.xdist_group(group))
