"""That the workers of pytest-xdist respect the groups which conftest.py sets."""

from __future__ import annotations

import pytest


def test_tests_of_one_file_run_in_one_worker(request: pytest.FixtureRequest) -> None:
    """Releases of pytest and pytest-xdist that do not fit together ignore groups without saying so."""
    if not request.config.getoption("loadgroup", default=False):
        pytest.skip("needs pytest -n 2 --dist loadgroup")
    assert request.node.nodeid.endswith("@unit/test_grouping.py")
