"""Fixtures that every test may use, each concern in a module of tests/support/; which tests share a worker."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from support.examples import examples
from support.garbage import collect_seldom, keep_what_is_there
from support.temporary import use_memory

pytest_plugins = [
    "support.models",
    "support.album",
    "support.api",
    "support.bibs",
    "support.google_ports",
    "support.local_spec",
    "support.people",
    "support.postgres",
]
# A busy machine takes longer than hypothesis allows an example by default. Tests that share a fixture between examples
# begin each one with what they need.
settings.register_profile(
    "photofinish",
    max_examples=examples(100),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    print_blob=True,
)
settings.load_profile("photofinish")
TESTS = Path(__file__).parent
CLOUD_TIMEOUT_S = 300
SHARED_CLOUD, OWN_CLOUDS = "local cloud", "own local clouds"
# A worker that starts one of these last would work alone for minutes; the other groups follow by their number of tests.
LONGEST = (
    SHARED_CLOUD,
    "e2e/deployment/test_terraform.py",
    OWN_CLOUDS,
    "contract/emulators/firestore/test_web_sdk.py",
)


def pytest_configure() -> None:
    """Also for the workers of xdist, which are started later."""
    use_memory()
    collect_seldom()


def pytest_collection_finish() -> None:
    keep_what_is_there()


@pytest.hookimpl(tryfirst=True)  # before xdist reads the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Group tests for the workers, the longest groups first."""
    groups = {}
    for item in items:
        groups[item] = _group(item)
        item.add_marker(pytest.mark.xdist_group(groups[item]))
        # Whichever test is first waits for its local cloud to start.
        if groups[item] in (SHARED_CLOUD, OWN_CLOUDS) and item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(CLOUD_TIMEOUT_S))
    tests_of = Counter(groups.values())

    def place(item: pytest.Item) -> tuple[int, int, str]:
        group = groups[item]
        return LONGEST.index(group) if group in LONGEST else len(LONGEST), -tests_of[group], group

    items.sort(key=place)


def _group(item: pytest.Item) -> str:
    """The file of a test; but all tests on the shared local cloud are one group, and those with their own another, so
    that there are never more than two such clouds.
    """
    file = Path(item.path).relative_to(TESTS)
    if file.parts[:-1] != ("e2e",):
        return str(file)
    return SHARED_CLOUD if "shared_cloud" in getattr(item, "fixturenames", ()) else OWN_CLOUDS
