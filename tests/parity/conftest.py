"""Runs every test of a kernel on every instruction set of this processor."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import photofinish_kernels as kernels


@pytest.fixture(autouse=True, params=kernels.instruction_sets(), scope="module")
def instruction_set(request: pytest.FixtureRequest) -> Iterator[str]:
    kernels.set_instruction_set(request.param)
    yield request.param
    kernels.set_instruction_set(kernels.instruction_sets()[-1])
