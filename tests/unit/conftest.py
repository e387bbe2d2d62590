"""Every test in this folder is pure; whichever is not fails with a sentence."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from support.purity import check_fixtures, pure


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup(item: pytest.Function) -> Iterator[None]:
    check_fixtures(item.fixturenames)
    with pure():
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call() -> Iterator[None]:
    with pure():
        return (yield)
